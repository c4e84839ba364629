"""Hand-over to a Snowflake account: the SQL that loads one exported Parquet file, and the SQL that destroys it by its date.

Both follow from the layout, the place and the number of lines alone and hold nothing of a person. A load can be repeated: what the file no
longer holds goes, what it says anew replaces what was there, and the rest stays. Clients go on after a statement that failed, so each
statement that changes lines asks first whether the file arrived whole. Lines lie in transient tables without time travel, for Snowflake keeps
what is deleted from any other table for days. Reference: https://docs.snowflake.com/en/sql-reference. Departures, so that every statement
but `REMOVE` runs on the emulator it is tested on: no `FILES =` in `COPY INTO`, and no transaction around a `MERGE`, before which lines go.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from appetence.contracts.specs import SnowflakeSpec
from appetence.exchange.layouts import Layout

LOAD, DESTROY = "load", "destroy"
REFERENCE = "reference"

MEANING: Mapping[str, str] = {
    "civility": "Form of address, or empty.",
    **{f"line_{i}": f"Line {i} of the postal address, as printed." for i in range(1, 7)},
    "email": "E-mail address.",
    "first_name": "First name, or empty.",
    "last_name": "Surname, or empty.",
    "mobile": "Mobile number.",
    "phone": "Number to call.",
    "consent_at": "When consent to calls was given, UTC.",
    "consent_reference": "Opaque reference of the proof of that consent.",
    "call_windows": "Days and hours at which one may call.",
    "attempts_left": "Calls that may still be tried.",
    "key_code": "Code printed on the piece: list, cell and segment.",
    "reference": "Opaque reference of the line; feedback names it.",
    "source_mention": "Sentence on the origin of the address; it has to be printed.",
    "unsubscribe_token": "Token of the unsubscribe link.",
    "stop_token": "Token of the STOP answer.",
    "customer_ref": "The number of the customer at the client.",
    "decile": "Tenth of the ranking; 1 is the best.",
}
"""What a column of a layout holds, for those who read it without the layout."""

_OURS = {
    "campaign_id": ("VARCHAR", "Campaign the line was handed over for."),
    "channel": ("VARCHAR", "Channel the line may be used on, and no other."),
    "destroy_by": ("DATE", "Day by which the line is destroyed."),
}
_KEY = ("campaign_id", "channel", REFERENCE)


@dataclass(frozen=True)
class Statement:
    """One statement, without its semicolon, and what it is for."""

    says: str
    sql: str


@dataclass(frozen=True)
class Handover:
    """One file of one campaign and channel, and the place it is loaded to. `file_name` is the name it has once decrypted, `rows` what it holds."""

    place: SnowflakeSpec
    layout: Layout
    campaign_id: str
    channel: str
    file_name: str
    rows: int
    destroy_by: dt.date

    @property
    def table(self) -> str:
        """The table of the layout: one for all campaigns, for a layout never changes under its version."""
        return self._named(f"selection_{self.layout.name}_{self.layout.version}")

    @property
    def staging(self) -> str:
        """The table of this one file while it is loaded."""
        return self._named(f"load_{self.campaign_id}_{self.channel}")

    @property
    def stage(self) -> str:
        """The internal stage the file is put on."""
        return self._named(self.place.stage)

    @property
    def folder(self) -> str:
        """Where on the stage the file is put: a folder of its own."""
        return f"{self.stage}/{self.campaign_id}_{self.channel}"

    @property
    def file_format(self) -> str:
        """The file format of the stage."""
        return self._named(f"{self.place.stage}_parquet")

    def _named(self, name: str) -> str:
        return f"{self.place.database}.{self.place.schema_name}.{name}".upper()


def scripts(handover: Handover) -> dict[str, str]:
    """The two scripts that go with the file, by name: `load`, run at each hand-over, and `destroy`, run daily or on the day."""
    role = Statement("The role that owns what follows", f"USE ROLE {handover.place.role.upper()}")
    here = f"{handover.campaign_id} by {handover.channel}, layout {handover.layout.label}"
    return {
        LOAD: _script(
            f"Loads {handover.file_name} ({here}, {handover.rows} lines). Run it where the decrypted file lies, or write its\n"
            "-- whole path behind file://. Running it again changes nothing.",
            [role, *setup_statements(handover), *load_statements(handover)],
        ),
        DESTROY: _script(
            f"Destroys {handover.file_name} ({here}) from {handover.destroy_by.isoformat()} on; before that day no line goes.",
            [role, *destroy_statements(handover), *clean_statements(handover)],
        ),
    }


def setup_statements(handover: Handover) -> list[Statement]:
    """What has to be there: the layout's table with its comments, the file format, the stage."""
    columns = [f"    {name} {kind} NOT NULL COMMENT {_text(says)}" for name, (kind, says) in _OURS.items()]
    columns += [f"    {name} VARCHAR COMMENT {_text(meaning_of(name, handover.layout))}" for name in handover.layout.columns]
    grain = f"one per {', '.join(_KEY)}" if REFERENCE in handover.layout.columns else "replaced by campaign_id and channel"
    form = _text(handover.file_format)
    told = f"Lines handed over in the layout {handover.layout.label}, {grain}."
    return [
        Statement(
            "The lines of all campaigns in this layout; nothing deleted here is kept by time travel or fail-safe",
            f"CREATE TRANSIENT TABLE IF NOT EXISTS {handover.table} (\n" + ",\n".join(columns)
            + f"\n) DATA_RETENTION_TIME_IN_DAYS = 0 COMMENT = {_text(told)}",
        ),
        Statement("How the file is written", f"CREATE FILE FORMAT IF NOT EXISTS {handover.file_format} TYPE = PARQUET"),
        Statement("Where the file is put", f"CREATE STAGE IF NOT EXISTS {handover.stage} FILE_FORMAT = (FORMAT_NAME = {form})"),
    ]  # fmt: skip


def load_statements(handover: Handover) -> list[Statement]:
    """The file onto the stage, from there into a table of its own (and off the stage), from there into the layout's table."""
    table = handover.staging
    columns = ",\n".join(f"    {name} VARCHAR{' NOT NULL' if name == REFERENCE else ''}" for name in handover.layout.columns)
    return [
        Statement("The file", f"PUT file://{handover.file_name} @{handover.folder}/ AUTO_COMPRESS = FALSE OVERWRITE = TRUE"),
        Statement("Its lines, by themselves", f"CREATE OR REPLACE TRANSIENT TABLE {table} (\n{columns}\n) DATA_RETENTION_TIME_IN_DAYS = 0"),
        Statement(
            "All of the file or nothing; taken, it leaves the stage",
            f"COPY INTO {table}\nFROM @{handover.folder}/{handover.file_name}\n"
            f"FILE_FORMAT = (FORMAT_NAME = {_text(handover.file_format)})\nMATCH_BY_COLUMN_NAME = CASE_INSENSITIVE\n"
            "ON_ERROR = ABORT_STATEMENT\nFORCE = TRUE\nPURGE = TRUE",
        ),
        *_exchange(handover),
        Statement("The lines are where they belong", f"DROP TABLE IF EXISTS {table}"),
    ]  # fmt: skip


def destroy_statements(handover: Handover) -> list[Statement]:
    """The lines of this campaign and channel whose day has come, and what a load that was broken off may have left."""
    return [
        Statement("The day has come", f"DELETE FROM {handover.table}\nWHERE {_ours(handover)} AND destroy_by <= CURRENT_DATE()"),
        Statement("What a load that was broken off may have left", f"DROP TABLE IF EXISTS {handover.staging}"),
    ]


def clean_statements(handover: Handover) -> list[Statement]:
    """The file on the stage, should a load have been broken off before it was taken from there."""
    return [Statement("And on the stage", f"REMOVE @{handover.folder}/")]


def meaning_of(column: str, layout: Layout) -> str:
    """The comment of a column.

    >>> from appetence.exchange.layouts import SMS
    >>> meaning_of("mobile", SMS), meaning_of("size", SMS)
    ('Mobile number.', 'Column size of the layout sms-1.')
    """
    return MEANING.get(column, f"Column {column} of the layout {layout.label}.")


def _exchange(handover: Handover) -> list[Statement]:
    """From the table of the file into that of the layout: by reference, or all at once where the layout has none."""
    if REFERENCE in handover.layout.columns:
        return [
            Statement("Lines that the file no longer holds go", _prune(handover)),
            Statement("New lines come, known ones are as the file says", _merge(handover)),
        ]
    written = ", ".join([*_OURS, *handover.layout.columns])
    return [
        Statement("These lines have no reference: those of this campaign and channel are replaced, all or none", "BEGIN"),
        Statement("", f"DELETE FROM {handover.table}\nWHERE {_ours(handover)} AND {_whole(handover)}"),
        Statement("", f"INSERT INTO {handover.table} ({written})\n{_sent(handover)}"),
        Statement("", "COMMIT"),
    ]


def _sent(handover: Handover) -> str:
    ours = f"{_text(handover.campaign_id)} AS campaign_id, {_text(handover.channel)} AS channel, {_day(handover.destroy_by)} AS destroy_by"
    return f"SELECT {ours},\n    {', '.join(handover.layout.columns)}\nFROM {handover.staging}\nWHERE {_whole(handover)}"


def _merge(handover: Handover) -> str:
    written = [*_OURS, *handover.layout.columns]
    changed = [c for c in written if c not in _KEY]
    return (
        f"MERGE INTO {handover.table} AS held\nUSING ({_sent(handover)}) AS sent\n"
        f"ON {' AND '.join(f'held.{c} = sent.{c}' for c in _KEY)}\n"
        "WHEN MATCHED THEN UPDATE SET\n" + ",\n".join(f"    held.{c} = sent.{c}" for c in changed)
        + f"\nWHEN NOT MATCHED THEN INSERT ({', '.join(written)})\nVALUES ({', '.join(f'sent.{c}' for c in written)})"
    )  # fmt: skip


def _prune(handover: Handover) -> str:
    gone = f"{REFERENCE} NOT IN (SELECT {REFERENCE} FROM {handover.staging})"
    return f"DELETE FROM {handover.table}\nWHERE {_ours(handover)} AND {_whole(handover)}\nAND {gone}"


def _whole(handover: Handover) -> str:
    return f"(SELECT COUNT(*) FROM {handover.staging}) = {handover.rows}"


def _ours(handover: Handover) -> str:
    return f"campaign_id = {_text(handover.campaign_id)} AND channel = {_text(handover.channel)}"


def _script(says: str, statements: Iterable[Statement]) -> str:
    parts = [f"-- {s.says}.\n{s.sql};\n" if s.says else f"{s.sql};\n" for s in statements]
    return f"-- {says}\n\n" + "\n".join(parts)


def _text(value: str) -> str:
    r"""A string of SQL: Snowflake reads a backslash in it as an escape.

    >>> print(_text("l'été \\"))
    'l''été \\'
    """
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _day(value: dt.date) -> str:
    return f"TO_DATE('{value.isoformat()}')"
