"""What an erasure must reach, read from the contracts: no list of tables is kept by hand.

A table is reached through the columns that carry ids of records, persons or households. Whatever is personal and reached by none, and not
declared to survive (`keeps_after_erasure`), is an error of the contract and stops the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.columns.hashing import hmac_sha256
from appetence.contracts.base import REGISTRY, Personal, Table
from appetence.contracts.bronze import Delivery
from appetence.contracts.campaign import Statement
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.privacy import ErasedRecord
from appetence.errors import ContractError


class Cause(StrEnum):
    """Why something is erased."""

    REQUEST = "request"
    RETENTION = "retention"
    MEMBER_EXIT = "member_exit"
    DIRECTIVE = "directive"
    REPLAY = "replay"


OF_PERSONS = (Cause.REQUEST, Cause.DIRECTIVE)
"""Causes by which a person never comes back: what the others removed may be delivered anew."""


class Subject(StrEnum):
    """What an id stands for."""

    RECORD = "record"
    PERSON = "person"
    TOUCHED_PERSON = "touched_person"
    HOUSEHOLD = "household"


_MEMBER = "member_id"
_ID_COLUMNS = {
    "record_id": Subject.RECORD, "record_a": Subject.RECORD, "record_b": Subject.RECORD,
    "person_id": Subject.PERSON, "household_id": Subject.HOUSEHOLD,
}  # fmt: skip

# Made again from what is left, each night: of a person who keeps other records, these rows go too, because they may repeat what was erased.
_REBUILT_BY = ("identity", "enrichment", "features", "propensity")
_READABLE = {Personal.IDENTITY, Personal.CONTACT, Personal.LIFE, Personal.BEHAVIOUR, Personal.DERIVED}


@dataclass(frozen=True)
class Target:
    """One delete: the rows of `table` whose `column` is among the ids of the subject."""

    table: type[Table]
    column: str
    subject: Subject


def plan(registry: Mapping[str, type[Table]] = REGISTRY) -> list[Target]:
    """Every delete of an erasure, in order of table name. ContractError when a personal table cannot be reached."""
    targets: list[Target] = []
    for name, table in sorted(registry.items()):
        if table.keeps_after_erasure is not None:
            continue
        found = targets_of(table)
        if table.personal_fields() and not found:
            columns = ", ".join(table.personal_fields())
            raise ContractError(f"{name} holds personal data ({columns}) no erasure reaches: give it a subject, or say why it is kept.")
        targets += found
    return targets


def targets_of(table: type[Table]) -> list[Target]:
    """How one table is reached. A household id counts only as the subject: elsewhere it is an attribute of a person's row; and where a
    record is the subject, deleting by record covers the person."""
    found: list[Target] = []
    by_record = _ID_COLUMNS.get(str(table.subject)) == Subject.RECORD
    for column in map(str, table.content()):
        subject = _ID_COLUMNS.get(column)
        if subject is None or (subject == Subject.HOUSEHOLD and table.subject != column) or (subject == Subject.PERSON and by_record):
            continue
        if subject == Subject.PERSON and table.subject == column and _is_rebuilt(table):
            subject = Subject.TOUCHED_PERSON
        found.append(Target(table, column, subject))
    if table.subject is not None and str(table.subject) not in {t.column for t in found}:
        raise ContractError(f"{table.full_name()} has the subject {table.subject}, which is no id of a record, person or household.")
    return found


def tables_of_member(registry: Mapping[str, type[Table]] = REGISTRY) -> list[type[Table]]:
    """Tables with rows of one member that no record leads to: its own ids of persons and households, lines refused before they had one.

    Not the reference tables, which configuration writes, nor the register of deliveries and the statements, which account for the past in
    counts and hashes.
    """
    accounts = (Delivery, Statement)
    kept = [t for _, t in sorted(registry.items()) if t.keeps_after_erasure is None and t.schema != "reference" and t not in accounts]
    return [t for t in kept if _MEMBER in map(str, t.content()) and not any(str(f) == "record_id" and not f.nullable for f in t.content())]


def _is_rebuilt(table: type[Table]) -> bool:
    return table.owner in _REBUILT_BY and any(f.personal in _READABLE for f in table.personal_fields())


def touched_persons(record_ids: DataFrame, links: DataFrame) -> DataFrame:
    """One row per person with a record among `record_ids`: person_id, is_whole (no record of the person is left)."""
    doomed = record_ids.select(F.col(record_ids.columns[0]).alias(PersonLink.record_id)).distinct().withColumn("is_doomed", F.lit(True))
    marked = links.select(PersonLink.record_id, PersonLink.person_id).join(doomed, on=PersonLink.record_id, how="left")
    doomed_count, all_count = F.count("is_doomed"), F.count(F.lit(1))
    counted = marked.groupBy(PersonLink.person_id).agg(doomed_count.alias("doomed"), all_count.alias("records"))
    return counted.where(F.col("doomed") > 0).select(PersonLink.person_id, (F.col("doomed") == F.col("records")).alias("is_whole"))


def emptied_households(whole_persons: DataFrame, household_links: DataFrame) -> DataFrame:
    """Ids of the households whose every person is among `whole_persons`, one column."""
    gone = whole_persons.select(HouseholdLink.person_id).distinct().withColumn("is_gone", F.lit(True))
    homes = household_links.select(HouseholdLink.person_id, HouseholdLink.household_id).join(gone, on=HouseholdLink.person_id, how="left")
    counted = homes.groupBy(HouseholdLink.household_id).agg(F.count("is_gone").alias("gone"), F.count(F.lit(1)).alias("persons"))
    return counted.where((F.col("gone") > 0) & (F.col("gone") == F.col("persons"))).select(HouseholdLink.household_id)


def erased_hashes(ids: DataFrame, pads: DataFrame, subject: Subject = Subject.RECORD) -> DataFrame:
    """Keyed hash of each id of the one-column `ids`, one column `key_hash`: what remains of the id after the erasure."""
    return hashed_ids(ids, pads, subject).select(ErasedRecord.key_hash)


def hashed_ids(ids: DataFrame, pads: DataFrame, subject: Subject) -> DataFrame:
    """Each id of a one-column frame once, as `id`, beside its keyed hash `key_hash`."""
    keyed = ids.select(F.col(ids.columns[0]).alias("id")).where(F.col("id").isNotNull()).distinct().crossJoin(F.broadcast(pads))
    message = F.concat(F.lit(f"{subject}|"), F.col("id"))
    return keyed.select("id", hmac_sha256(message, F.col("inner_pad"), F.col("outer_pad")).alias(ErasedRecord.key_hash))


def remembered(erased: DataFrame) -> DataFrame:
    """Rows of privacy.erased_record with kind and cause filled, as those of lakes made before there were these columns."""
    kind, cause = F.coalesce(ErasedRecord.subject_kind, F.lit(str(Subject.RECORD))), F.coalesce(ErasedRecord.cause, F.lit(str(Cause.REQUEST)))
    return erased.withColumns({str(ErasedRecord.subject_kind): kind, str(ErasedRecord.cause): cause})


def filter_erased(frame: DataFrame, erased: DataFrame, pads: DataFrame, record_id: str = "record_id") -> DataFrame:
    """The rows of a delivery whose record was not erased at its person's request: what receipt keeps, before anything is stored."""
    message = F.concat(F.lit("record|"), F.col(record_id))
    keyed = frame.crossJoin(F.broadcast(pads)).withColumn("_hash", hmac_sha256(message, F.col("inner_pad"), F.col("outer_pad")))
    asked = remembered(erased).where(F.col(ErasedRecord.cause).isin(list(map(str, OF_PERSONS))))
    gone = F.broadcast(asked.select(F.col(ErasedRecord.key_hash).alias("_hash")).distinct())
    return keyed.join(gone, on="_hash", how="left_anti").select(*frame.columns)


def distinctive(values: Iterable[tuple[str, str]], held_by_others: Iterable[str], limit: int) -> list[str]:
    """From (record id, readable value): the values that only erased records hold and a byte scan can look for, at most `limit`.

    Short values stand in other people's data by chance; at least eight characters are asked for. Each record is served in turn, so that a
    limit leaves nobody out before everybody has one.
    """
    shared = {v.lower() for v in held_by_others}
    by_record: dict[str, list[str]] = {}
    for record, value in sorted(set(values)):
        if len(value) >= 8 and value.lower() not in shared:
            by_record.setdefault(record, []).append(value)
    chosen: dict[str, None] = {}
    for turn in range(max(map(len, by_record.values()), default=0)):
        for listed in by_record.values():
            if turn < len(listed) and len(chosen) < limit:
                chosen.setdefault(listed[turn])
    return list(chosen)
