"""What is told before anything is cut: a dry run of a selection, and counts for those who may not see persons."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml

from appetence.contracts.base import Table
from appetence.contracts.campaign import Campaign, CampaignFile, CountShown, Decision, Selection, Statement
from appetence.contracts.domain import SMALL_COUNT
from appetence.contracts.privacy import ExternalList, Suppression
from appetence.contracts.reference import LawRule, Recipient
from appetence.contracts.silver import Record
from appetence.pipeline import select_campaign
from appetence.pipeline.context import Context
from appetence.pipeline.draft_counts import AGENT, count_draft, own_counts
from appetence.pipeline.load_reference import law_rule_rows, recipient_rows
from appetence.runtime.config import Config, load
from tests.selection import coop
from tests.selection.oracle import Oracle

SPEC = coop.campaign(channels=("email", "post"), min_sources=1, ranking="recency", quantity=15)
PERSONS, SEED = 150, 14


@pytest.fixture(scope="module")
def filled(spark: object, tmp_path_factory: pytest.TempPathFactory, conf_folder: str) -> tuple[Config, coop.Coop]:
    """The configuration of a lake with one generated co-operative, not yet written."""
    config = load("demo", [f"paths.root={tmp_path_factory.mktemp('root')}"], conf_folder)
    selection = config.selection.model_copy(update={"campaigns": ("essai",)})
    config = config.model_copy(update={"recipients": coop.recipients(), "campaigns": {"essai": SPEC}, "selection": selection})
    for name, key in (("pepper", coop.PEPPER), ("reference", b"key of the tests")):
        file = Path(config.paths.secrets) / f"{name}.key"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(key)
    return config, coop.generate(SEED, PERSONS, SPEC)


@pytest.fixture
def told(filled: tuple[Config, coop.Coop], make_context: Callable[..., Context], conf_folder: str) -> tuple[Config, Oracle]:
    """The co-operative in its lake, written once, and who decides it in plain Python."""
    config, made = filled
    ctx = make_context(config=config)
    if not ctx.lake.exists(Record):
        made.rows["campaign"] = [row for row in made.of("campaign") if row["campaign_id"] != "essai"]
        made.rows["selection"] = [row for row in made.of("selection") if row["campaign_id"] != "essai"]
        rows: dict[type[Table], list[coop.Row]] = {table: made.of(name) for name, table in coop.TABLES.items()}
        rows |= {LawRule: law_rule_rows(coop.law(conf_folder)), Recipient: recipient_rows(config.recipients.values())}
        listed = coop.list_entries(made, coop.coordinate_texts(coop.local(ctx.spark, Record, rows[Record])))
        rows |= {Suppression: [{**row, "pepper_version": "1"} for row in listed["suppression"]], ExternalList: listed["external_list"]}
        rows |= {CampaignFile: listed["campaign_file"]}
        ctx.lake.together(*(partial(ctx.lake.append, table, [table.row(**r) for r in some]) for table, some in rows.items() if some))
    return config, Oracle(made, coop.terms(conf_folder, SPEC))


def files_of(ctx: Context) -> dict[str, int]:
    """Every file of the lake and when it was written."""
    return {str(f): f.stat().st_mtime_ns for f in Path(ctx.config.paths.lake).rglob("*") if f.is_file()}


@pytest.mark.spark
def test_a_dry_run_of_a_selection_writes_nothing_and_tells_what_would_be_cut(
    told: tuple[Config, Oracle], make_context: Callable[..., Context]
) -> None:  # fmt: skip
    config, oracle = told
    ctx = make_context(config=config, dry_run=True, run_id="dry")
    before = files_of(ctx)
    done = select_campaign.run(ctx)
    assert files_of(ctx) == before and not ctx.lake.exists(Decision)
    assert "essai" not in {row[0] for table in (Campaign, Selection) for row in ctx.lake.read(table).select("campaign_id").distinct().collect()}
    free = [p for p in oracle.universe() if not oracle.decide(p)[2]]
    assert len({oracle.home[p] for p in free}) >= 18, "enough for the fifteen ordered and the three held out"
    assert done.details == {"essai": {"candidates": len(oracle.universe()), "mailed": 15, "held_out": 3}}
    assert (done.rows_in, done.rows_out) == (len(oracle.universe()), 18)


@pytest.mark.spark
def test_inv_10_a_draft_is_counted_on_the_lake_and_no_small_count_is_told(
    told: tuple[Config, Oracle], make_context: Callable[..., Context], tmp_path: Path, conf_folder: str
) -> None:
    config, _ = told
    spec = SPEC.model_copy(update={"campaign_id": "brouillon"})
    draft = tmp_path / "brouillon.yaml"
    draft.write_text(yaml.safe_dump({**spec.model_dump(mode="json"), "lists": [{"list_id": "jeunes", "age_max": 30}, {"list_id": "tous"}]}))
    ctx = make_context(config=config)
    lines = count_draft(ctx, draft, AGENT)
    wanted = coop.campaign(**{**spec.model_dump(), "lists": ({"list_id": "jeunes", "age_max": 30}, {"list_id": "tous"})})
    oracle = Oracle(told[1].coop, coop.terms(conf_folder, wanted))
    decided = {p: oracle.decide(p) for p in oracle.universe()}
    young = {oracle.home[p] for p, (_, place, reasons) in decided.items() if not reasons and place == 1}
    assert 0 < len(young) < SMALL_COUNT
    stored = {row[CountShown.figure]: row for row in ctx.lake.read(CountShown).collect()}
    assert stored["list:jeunes"][CountShown.shown] is None and "fewer than 11" in next(x for x in lines if "list jeunes" in x)
    assert stored["candidates"][CountShown.counted] == len(decided) and f"about {(len(decided) + 10) // 20 * 20}" in lines[1]
    assert all(row[CountShown.shown] is None or row[CountShown.shown] % 20 == 0 for row in stored.values())
    numbers = [int(n) for line in lines[1 : 1 + len(stored)] for n in re.findall(r"about (\d+)$", line)]
    assert len(numbers) == sum(row[CountShown.shown] is not None for row in stored.values()) and min(numbers) >= SMALL_COUNT
    assert not ctx.lake.exists(Decision), "a draft is never cut"
    assert not any(p in " ".join(lines) for p in decided)


@pytest.mark.spark
def test_inv_10_a_member_sees_its_own_counts_with_small_ones_masked(told: tuple[Config, Oracle], make_context: Callable[..., Context]) -> None:
    ctx = make_context(config=told[0])
    said = {"member_id": "m04", "month": "2026-10", "programme": "all", "recipient_sector": "all"}
    ctx.lake.append(Statement, [
        Statement.row(**said, measure="records", value=1234, is_masked=False), Statement.row(**said, measure="persons_selected", is_masked=True),
        Statement.row(**{**said, "member_id": "m02"}, measure="records", value=987, is_masked=False),
    ])  # fmt: skip
    plain = {"client_id": "r_m04", "drop_date": coop.AS_OF, "cut_on": coop.AS_OF}
    ctx.lake.append(Campaign, [Campaign.row(campaign_id="petite", selected=7, held_out=3, **plain)])
    ctx.lake.append(Campaign, [Campaign.row(campaign_id="rentree", selected=1500, held_out=12, **plain)])
    lines = [line.replace("\N{NARROW NO-BREAK SPACE}", " ") for line in own_counts(ctx, "m04")]
    assert lines[0] == "m04: counts under 11 are not shown." and len(lines) == 6, "two statements and three campaigns, `proche` among them"
    assert "2026-10  records (all, all): 1 234" in lines and "2026-10  persons selected (all, all): fewer than 11" in lines
    assert "petite, 2026-10-31: fewer than 11 contacted, fewer than 11 held out" in lines
    assert "rentree, 2026-10-31: 1 500 contacted, 12 held out" in lines
    assert "987" not in " ".join(lines), "another member's"
