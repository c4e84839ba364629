"""The SQL handed over, run as it is generated on an emulator: loads repeat, changes arrive, what is gone goes, what is due is destroyed."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from appetence.contracts.specs import RecipientSpec, SnowflakeSpec
from appetence.errors import ConfigError
from appetence.exchange.exporting import write_parquet
from appetence.exchange.layouts import EMAIL, HOUSE, PHONE, POST, SMS, Layout
from appetence.exchange.snowflake import DESTROY, LOAD, MEANING, Handover, clean_statements, destroy_statements, scripts
from appetence.runtime.config import read_model

EXAMPLE = Path(__file__).parent / "recipients" / "r_entrepot.yaml"
PLACE = SnowflakeSpec.model_validate({"database": "marketing", "schema": "selections", "stage": "depot", "role": "chargeur"})
LATER, PAST = dt.date(2999, 1, 31), dt.date(2020, 1, 31)
LAYOUTS = (POST, EMAIL, SMS, PHONE, HOUSE)
Lines = list[tuple[str | None, ...]]

pytestmark = pytest.mark.filterwarnings("ignore:Arrow output on a DB-API:UserWarning")


class Account:
    """A Snowflake account with the database and the schema a recipient has, and the folder its files are decrypted to."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def load(self, handover: Handover, lines: Lines) -> None:
        """What the recipient does: it decrypts the file, and runs the script that came with it."""
        write_parquet(Path(handover.file_name), handover.layout, iter(lines), "")
        self.connection.execute_string(scripts(handover)[LOAD])

    def destroy(self, handover: Handover) -> None:
        """The other script, less the one statement that the emulator has not: it is the last."""
        script = scripts(handover)[DESTROY]
        removal = clean_statements(handover)[-1].sql
        assert removal.startswith("REMOVE @") and script.endswith(f"{removal};\n")
        self.connection.execute_string(script.removesuffix(f"{removal};\n"))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return list(self.connection.cursor().execute(sql).fetchall())

    def lines(self, handover: Handover) -> Lines:
        """The lines of this campaign and channel, in the order of the layout."""
        columns = ", ".join(handover.layout.columns)
        where = f"campaign_id = '{handover.campaign_id}' AND channel = '{handover.channel}' AND destroy_by = '{handover.destroy_by}'"
        return sorted(self.rows(f"SELECT {columns} FROM {handover.table} WHERE {where}"), key=str)


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    if find_spec("fakesnow") is None:
        pytest.skip("fakesnow is not installed: without it there is no Snowflake to test against (make setup)")
    import fakesnow
    import snowflake.connector

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    monkeypatch.chdir(tmp_path)
    with fakesnow.patch(), snowflake.connector.connect(database="MARKETING", schema="SELECTIONS") as connection:
        yield Account(connection)


def handed(layout: Layout, rows: int, campaign: str = "noel", channel: str = "post", until: dt.date = LATER) -> Handover:
    return Handover(PLACE, layout, campaign, channel, f"{campaign}_{channel}.parquet", rows, until)


def made(layout: Layout, count: int) -> Lines:
    """Lines with what breaks careless SQL, and a null here and there."""
    return [tuple(None if c == "decile" and i == 2 else f"{c} {i}; l'été \\ é\"" for c in layout.columns) for i in range(count)]


def changed(line: tuple[str | None, ...], layout: Layout) -> tuple[str | None, ...]:
    """The same reference, and all else anew."""
    return tuple(v if c == "reference" else f"new {v}" for c, v in zip(layout.columns, line, strict=True))


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.label)
def test_a_load_repeats_and_a_changed_file_is_taken_over_line_by_line(account: Account, layout: Layout) -> None:
    lines = made(layout, 6)
    others = [handed(layout, 3, campaign="paques"), handed(layout, 3, channel="email")]
    for other in others:
        account.load(other, made(layout, 3))
    first = handed(layout, 5)
    account.load(first, lines[:5])
    assert account.lines(first) == sorted(lines[:5], key=str)
    account.load(first, lines[:5])
    assert account.lines(first) == sorted(lines[:5], key=str), "a load that is repeated changes nothing"
    after = [lines[0], changed(lines[1], layout), lines[3], lines[5]]
    second = replace(first, rows=4, destroy_by=LATER + dt.timedelta(days=1))
    account.load(second, after)
    assert account.lines(second) == sorted(after, key=str) and account.lines(first) == [], "two went, one is new, one changed, all have the new day"
    for other in others:
        assert account.lines(other) == sorted(made(layout, 3), key=str), "other campaigns and channels stay"
    assert account.rows(f"LIST @{first.stage}") == [], "what is loaded leaves the stage"
    assert {row[1] for row in account.rows("SHOW TABLES")} == {first.table.rsplit(".", 1)[-1]}, "and its own table is gone"


@pytest.mark.parametrize("layout", [POST, HOUSE], ids=lambda layout: layout.label)
@pytest.mark.parametrize("arrived", [None, 0, 2, 4])
def test_a_file_that_did_not_arrive_whole_changes_nothing(account: Account, layout: Layout, arrived: int | None) -> None:
    lines = made(layout, 3)
    held = handed(layout, 3)
    account.load(held, lines)
    Path(held.file_name).unlink()
    if arrived is not None:
        write_parquet(Path(held.file_name), layout, iter([changed(line, layout) for line in made(layout, arrived)]), "")
    for statement in re.split(r";\n", scripts(held)[LOAD]):
        with contextlib.suppress(Exception):  # a client goes on after a statement that failed
            account.connection.execute_string(statement)
    assert account.lines(held) == sorted(lines, key=str)


def test_a_file_without_lines_empties_its_campaign_and_channel(account: Account) -> None:
    account.load(handed(POST, 3), made(POST, 3))
    account.load(handed(POST, 0), [])
    assert account.lines(handed(POST, 0)) == []


def test_destroying_takes_what_is_due_and_nothing_else(account: Account) -> None:
    due, kept = handed(POST, 3, until=PAST), handed(POST, 2, campaign="paques")
    same_day = handed(POST, 2, channel="email", until=PAST)
    for handover in (due, kept, same_day):
        account.load(handover, made(POST, handover.rows))
    account.destroy(kept)
    assert len(account.lines(kept)) == 2, "its day has not come"
    account.rows(f"CREATE TABLE {due.staging} (email VARCHAR)")
    for _ in range(2):
        account.destroy(due)
        assert [len(account.lines(h)) for h in (due, kept, same_day)] == [0, 2, 2]
    assert due.staging.rsplit(".", 1)[-1] not in {row[1] for row in account.rows("SHOW TABLES")}, "nor what a broken load left"
    today = replace(kept, destroy_by=dt.date(2020, 2, 1))
    account.load(today, made(POST, 2))
    assert account.lines(kept) == [], "a date brought forward holds for lines loaded before"
    account.destroy(today)
    assert account.lines(today) == []


def test_the_tables_say_what_they_hold_and_keep_nothing_deleted(account: Account) -> None:
    handover = handed(SMS, 1)
    account.load(handover, made(SMS, 1))
    comments = account.rows("SELECT table_name, comment FROM information_schema.tables WHERE table_schema = 'SELECTIONS'")
    assert comments == [("SELECTION_SMS_1", "Lines handed over in the layout sms-1, one per campaign_id, channel, reference.")]
    script = scripts(handover)[LOAD]
    assert "    mobile VARCHAR COMMENT 'Mobile number.',\n" in script and "    destroy_by DATE NOT NULL COMMENT " in script
    made_tables = [s for s in script.split(";\n") if "TABLE" in s and "CREATE" in s]
    assert len(made_tables) == 2 and all("TRANSIENT" in s and "DATA_RETENTION_TIME_IN_DAYS = 0" in s for s in made_tables)


def test_every_column_of_a_layout_has_a_meaning() -> None:
    assert {column for layout in LAYOUTS for column in layout.columns} == set(MEANING)


def test_the_scripts_name_the_place_the_file_and_the_day() -> None:
    both = scripts(handed(POST, 12, until=dt.date(2027, 1, 31)))
    assert set(both) == {LOAD, DESTROY}
    for script in both.values():
        assert "USE ROLE CHARGEUR;\n" in script and script.endswith(";\n")
    assert "PUT file://noel_post.parquet @MARKETING.SELECTIONS.DEPOT/noel_post/ " in both[LOAD]
    assert "TO_DATE('2027-01-31')" in both[LOAD] and both[LOAD].count(") = 12") == 2
    assert [s.sql for s in destroy_statements(handed(POST, 12))][0].endswith("destroy_by <= CURRENT_DATE()")


def test_the_file_is_the_same_for_the_same_rows(tmp_path: Path) -> None:
    lines = made(POST, 1000)
    a, b, c, d = (
        write_parquet(tmp_path / name, POST, iter(rows), said)
        for name, rows, said in (("a", lines, "x"), ("b", lines, "x"), ("c", lines[1:], "x"), ("d", lines, "y"))
    )
    assert a == b and a[0] == 1000 and len({a[1], c[1], d[1]}) == 3


def test_a_recipient_says_where_it_loads() -> None:
    spec = read_model(EXAMPLE, RecipientSpec)
    assert spec.handover == "snowflake" and spec.snowflake == PLACE
    assert RecipientSpec.model_validate_json(spec.model_dump_json()) == spec, "what is shown can be written again"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("handover: snowflake", "handover: file", "write handover: snowflake, or leave snowflake: out"),
        ("handover: snowflake", "", "write handover: snowflake"),
        ("handover: snowflake", "handover: bigquery", "handover"),
        ("  schema: selections", "", "snowflake.schema"),
        ("  role: chargeur", "  role: chargeur; DROP TABLE x", "snowflake.role"),
        ("  stage: depot", '  stage: "a b"', "snowflake.stage"),
    ],
)
def test_a_recipient_that_says_it_badly_is_told_so(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert text.count(old) == 1
    (tmp_path / "r.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(says)):
        read_model(tmp_path / "r.yaml", RecipientSpec)


def test_snowflake_without_a_place_is_told_so() -> None:
    with pytest.raises(ValueError, match="nothing says where; add snowflake: with database, schema, stage and role"):
        RecipientSpec.model_validate({"recipient_id": "r_x", "label": "X", "pgp": {"fingerprints": ["A"]}, "handover": "snowflake"})
