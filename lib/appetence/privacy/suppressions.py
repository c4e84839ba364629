"""Suppression and external opposition lists as files: read line by line, each bad line named, nothing kept but keyed hashes."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.columns.coordinates import COORDINATE, KEY_HASH, KIND, ROUGH, coordinates, hashed, hashed_coordinates
from appetence.columns.text import fold
from appetence.contracts.bronze import RawRecord
from appetence.contracts.campaign import CampaignFile
from appetence.contracts.privacy import ExternalList, Suppression
from appetence.contracts.silver import Record
from appetence.errors import RightsError

SCOPE, GLOBAL = "scope", "global"
PERSON_COLUMNS = ("last_name", "first_name", "address_1", "postcode", "city", "email", "phone")
SOURCES = ("person", "member", "router", "deaths", "officer")
LISTS = ("robinson", "bloctel")
_DELIMITER = ";"
_TEXT, _WAS = "_text", "was"


@dataclass(frozen=True)
class Line:
    """One usable line of a list. `line_id` names file and line, without a personal value."""

    line_id: str
    scope: str
    values: Mapping[str, str | None]


@dataclass
class Reading:
    """What a list file held: lines to take, and a sentence and the text of each line that cannot be taken."""

    lines: list[Line] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    refused: list[list[str]] = field(default_factory=list)


def read_list(content: bytes, file: str, scopes: Collection[str] | None) -> Reading:
    """The lines of one CSV file. With `scopes` (known clients) a first column says whom the opposition concerns; without, there is none.

    RightsError when the whole file cannot be read: encoding or header.
    """
    expected = ((SCOPE,) if scopes is not None else ()) + PERSON_COLUMNS
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RightsError(f"{file}: not UTF-8; save it as UTF-8 and deliver it again.") from None
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_DELIMITER)
    header = tuple(name.strip() for name in next(rows, []))
    if header != expected:
        raise RightsError(f"{file}, line 1: the columns must be {_DELIMITER.join(expected)}; correct the header.")
    reading = Reading()
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        fault = _fault(row, expected, scopes)
        if fault:
            reading.faults.append(f"{file}, line {rows.line_num}: {fault}")
            reading.refused.append(row)
        else:
            values = {name: cell.strip() or None for name, cell in zip(expected, row, strict=True)}
            reading.lines.append(Line(f"{file}:{rows.line_num}", values.pop(SCOPE, None) or GLOBAL, values))
    return reading


def _fault(row: Sequence[str], expected: Sequence[str], scopes: Collection[str] | None) -> str | None:
    if len(row) != len(expected):
        return f"{len(row)} fields instead of {len(expected)}; correct the separators."
    said = dict(zip(expected, (cell.strip() for cell in row), strict=True))
    if scopes is not None and said[SCOPE] != GLOBAL and said[SCOPE] not in scopes:
        return "scope is neither `global` nor the id of a recipient; correct it."
    has_address = said["last_name"] and said["address_1"] and said["postcode"]
    if not (said["email"] or said["phone"] or has_address):
        return "no e-mail, no phone and no full address (last_name, address_1, postcode); add one of them."
    return None


def as_raw_records(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """The lines as raw customer lines, to be standardised by the same code as every record; the record id is the line's id."""
    return [
        {
            str(RawRecord.delivery_id): line.line_id, str(RawRecord.record_id): line.line_id, str(RawRecord.member_id): line.scope,
            str(RawRecord.line_number): number, str(RawRecord.customer_ref): line.line_id,
            **{name: value for name, value in line.values.items() if value is not None},
        }
        for number, line in enumerate(lines, start=1)
    ]  # fmt: skip


def build_list_hashes(standardised: DataFrame, raw: DataFrame, pads: DataFrame) -> DataFrame:
    """Keyed hashes of each line's coordinates: as standardised, and as given when standardising changed them. One row per line, kind, hash.

    `standardised` has the columns of silver.record, `raw` those of bronze.raw_record; both carry the line as record_id. Columns out:
    record_id, member_id (the scope), kind, key_hash.
    """
    keep = (str(Record.record_id), str(Record.member_id))
    as_given = raw.select(
        *keep, fold(RawRecord.last_name.col).alias(Record.last_name), fold(RawRecord.first_name.col).alias(Record.first_name),
        fold(RawRecord.address_1.col).alias(Record.address_key), F.trim(RawRecord.postcode.col).alias(Record.postcode),
        F.trim(RawRecord.email.col).alias(Record.email),
    )  # fmt: skip
    both = coordinates(standardised, *keep).unionByName(coordinates(as_given, *keep))
    return hashed(both, pads).distinct()


def build_suppressions(hashes: DataFrame, *, scope: str, source: str, pepper_version: str, added_on: Any) -> DataFrame:
    """privacy.suppression rows from kind and key_hash; `scope` is the name of the column that holds it."""
    listed = hashes.select(F.col(scope).alias(Suppression.scope), KIND, KEY_HASH).distinct()
    return Suppression.shape(
        listed.withColumns(
            {
                str(Suppression.pepper_version): F.lit(pepper_version),
                str(Suppression.source): F.lit(source),
                str(Suppression.added_on): F.lit(added_on),
            }
        )
    )


def build_external(hashes: DataFrame, list_name: str, version: str, pepper_version: str) -> DataFrame:
    """privacy.external_list rows: these lists name persons, so the family's key and what is told roughly are left out."""
    named = hashes.where(~F.col(KIND).isin(*map(str, ROUGH))).select(KIND, KEY_HASH).distinct()
    said = {ExternalList.list_name: list_name, ExternalList.version: version, ExternalList.pepper_version: pepper_version}
    return ExternalList.shape(named.withColumns({str(name): F.lit(value) for name, value in said.items()}))


def build_campaign_files(hashes: DataFrame, serves: DataFrame, pepper_version: str) -> DataFrame:
    """gold.campaign_file rows; `serves` says of each scope (member_id) the campaign it is for, its kind and destroy_by."""
    given = hashes.select(Record.member_id, F.col(KEY_HASH).alias(CampaignFile.coordinate_hash)).distinct()
    joined = given.join(F.broadcast(serves), on=str(Record.member_id), how="inner")
    return CampaignFile.shape(joined.withColumn(CampaignFile.pepper_version, F.lit(pepper_version)))


def rekeyed(records: DataFrame, listed: DataFrame, old: DataFrame, new: DataFrame, pepper_version: str) -> DataFrame:
    """privacy.suppression rows under a new pepper for those of `listed` whose coordinate a record still has; `was` is the old hash.

    `old` and `new` are pads. A coordinate that no record has is not known any more: its row stays as it is."""
    texts = coordinates(records).distinct()
    before = hashed(texts.select("*", F.col(COORDINATE).alias(_TEXT)), old).withColumnRenamed(KEY_HASH, _WAS)
    met = listed.withColumnRenamed(KEY_HASH, _WAS).join(before, on=[KIND, _WAS], how="inner").withColumnRenamed(_TEXT, COORDINATE)
    return hashed(met.drop(Suppression.pepper_version), new).withColumn(Suppression.pepper_version, F.lit(pepper_version))


def list_and_version(stem: str) -> tuple[str, str]:
    """`robinson_2026-10` as list and version (a month or a day, so that versions sort by time); RightsError when the name says neither.

    >>> list_and_version("robinson_2026-10")
    ('robinson', '2026-10')
    """
    name, _, version = stem.partition("_")
    if name not in LISTS or not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?", version):
        raise RightsError(
            f"{stem}.csv: an external list is named <list>_<version>.csv with list {' or '.join(LISTS)} and its month or day as version "
            "(2026-10 or 2026-10-05), so that the newest is known; rename it."
        )
    return name, version


def source_of(stem: str) -> str:
    """Who brought a suppression file, said by the first word of its name; `officer` when it says nothing.

    >>> source_of("router_2026-10"), source_of("weekly")
    ('router', 'officer')
    """
    first = stem.partition("_")[0]
    return first if first in SOURCES else "officer"


def suppressed_records(records: DataFrame, suppressions: DataFrame, pads: DataFrame) -> DataFrame:
    """Which records a suppression concerns, by any coordinate: record_id, scope; one row each."""
    keyed = hashed_coordinates(records, pads, str(Record.record_id))
    return (
        keyed.join(suppressions.select(Suppression.scope, KIND, KEY_HASH), on=[KIND, KEY_HASH], how="inner")
        .select(Record.record_id, Suppression.scope)
        .distinct()
    )
