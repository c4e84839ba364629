"""A table that was put back never passes an erasure: what was erased, refused, corrected or ended since is done again before it is read.

What there is to do again is told by the tables that never go back (`table_state.KEEPING`): keyed hashes of erased ids, refusals said to the
operator, corrections, objections. Of these themselves a state put back is undone where their own history allows it; otherwise nothing runs
until their newest copy is there again, because nobody could tell who was erased.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.base import REGISTRY, Table
from appetence.contracts.bronze import RawRecord
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.local import local_frame
from appetence.contracts.privacy import Correction, ErasedRecord, ErasureCertificate, Refusal
from appetence.contracts.silver import Permission, PermissionEvent, Record
from appetence.errors import RightsError, SecretError
from appetence.pipeline import audit_trail, standardise_records
from appetence.pipeline.context import Context
from appetence.pipeline.erasing import NEEDLES, Erased, erase
from appetence.pipeline.profiling import PROFILES, end_profiles
from appetence.pipeline.table_state import KEEPING, seen_at
from appetence.privacy.erasure import OF_PERSONS, Cause, Subject, hashed_ids, plan, remembered, tables_of_member
from appetence.records.permissions import fold_permissions

ACTOR = "rights_replay"
ACCEPT = "accept_loss"
_ID = "id"


def replay(ctx: Context, tables: Sequence[type[Table]]) -> list[dict[str, Any]]:
    """Does again, in the tables given, what was erased, refused, corrected and ended; entries for the audit trail.

    RightsError when a table that remembers was put back for good, or when this job may not read the key of the hashes."""
    keeping, data = [t for t in tables if t.schema in KEEPING], [t for t in tables if t.schema not in KEEPING]
    forward = [_put_forward(ctx, table) for table in keeping]
    try:
        erased = _erase_again(ctx, data) if data and ctx.lake.exists(ErasedRecord) else None
    except SecretError as secret:
        names = ", ".join(t.full_name() for t in data)
        raise RightsError(
            f"Put back to an earlier state: {names}. This job may not read the pepper: run `appetence rights replay` first."
        ) from secret
    rows, refusals = sum(erased.rows.values()) if erased else 0, _refuse_again(ctx, data)
    done = {
        "tables": sorted(t.full_name() for t in data), "put_forward": sorted(n for n in forward if n), "rows": rows, "refusals": refusals,
        "certificate": erased.certificate_id if erased else None,
    }  # fmt: skip
    if Record in data and ctx.lake.row_count(Correction):
        standardise_records.run(ctx)
    if any(t in data for t in PROFILES):
        end_profiles(ctx)
    ctx.lake.purge(data)
    ctx.progress(f"{rows} rows of what was erased went again, {refusals} refusals hold again")
    return [{"actor": ACTOR, "action": "replayed", "object_id": ctx.run_id, "details": done}]


def replay_everywhere(ctx: Context) -> dict[str, Any]:
    """Looks at every table of data, whether or not it is known to have been put back, as after a whole lake was; what was done."""
    there = [t for _, t in sorted(REGISTRY.items()) if t.schema not in KEEPING and ctx.lake.exists(t)]
    entries = replay(ctx, there)
    audit_trail.record(ctx, entries)
    done: dict[str, Any] = entries[0]["details"]
    return done


def _put_forward(ctx: Context, table: type[Table]) -> str | None:
    """The name of a remembering table whose put-back state was undone; None when its loss was accepted."""
    version = seen_at(ctx, table)
    if version is not None and ctx.lake.put_forward(table, version):
        return table.full_name()
    if ctx.options.get(ACCEPT):
        return None
    raise RightsError(
        f"{table.full_name()} was put back to an earlier state than the version {version} seen last, and it remembers what was asked, stopped and "
        "erased: put its newest copy back and start again (or accept the loss: `appetence rights replay --accept-loss`)."
    )


def _erase_again(ctx: Context, tables: Collection[type[Table]]) -> Erased | None:
    """Purges the tables of every id an erasure went by; None when they hold none."""
    found = ctx.lake.stage("remembered", _held_again(ctx, tables))
    alive = _alive(ctx, found)
    doomed = ctx.lake.stage("doomed_again", _of(found, Subject.RECORD).join(alive, on=_ID, how="left_anti").select(_ID))
    also = {
        Subject.PERSON: _without(_of(found, Subject.PERSON), ctx.lake.read_or_empty(PersonLink), PersonLink.person_id, PersonLink.record_id, doomed),
        Subject.TOUCHED_PERSON: _of(found, Subject.TOUCHED_PERSON).select(_ID),
    }
    persons = also[Subject.PERSON] = ctx.lake.stage("persons_again", also[Subject.PERSON])
    homes = ctx.lake.read_or_empty(HouseholdLink)
    also[Subject.HOUSEHOLD] = _without(_of(found, Subject.HOUSEHOLD), homes, HouseholdLink.household_id, HouseholdLink.person_id, persons)
    already = _members_gone(ctx, tables)
    if found.isEmpty() and not already:
        return None
    return erase(ctx, doomed, Cause.REPLAY, [ctx.run_id], _addresses(ctx, doomed), already=already, also=also, only=tables)


def _held_again(ctx: Context, tables: Collection[type[Table]]) -> DataFrame:
    """One row per id of the tables that was erased: id, subject_kind, cause, erased_on."""
    pads = ctx.pads(ctx.secret(ctx.config.privacy.pepper_ref))
    memory = remembered(ctx.lake.read(ErasedRecord))
    by_kind: dict[Subject, list[DataFrame]] = {}
    for target in plan():
        if target.table in tables and ctx.lake.exists(target.table):
            by_kind.setdefault(target.subject, []).append(ctx.lake.read(target.table).select(F.col(target.column).alias(_ID)))
    said = [str(ErasedRecord.subject_kind), str(ErasedRecord.cause), str(ErasedRecord.erased_on)]
    found = [
        hashed_ids(reduce(DataFrame.unionByName, ids), pads, kind).join(
            memory.where(F.col(ErasedRecord.subject_kind) == str(kind)), on=str(ErasedRecord.key_hash), how="inner"
        )
        for kind, ids in by_kind.items()
    ]
    return reduce(DataFrame.unionByName, [f.select(_ID, *said) for f in found], local_frame(ctx.spark, [], _SHAPE))


_SHAPE = f"{_ID} string, {ErasedRecord.subject_kind} string, {ErasedRecord.cause} string, {ErasedRecord.erased_on} date"


def _of(found: DataFrame, kind: Subject) -> DataFrame:
    return found.where(F.col(ErasedRecord.subject_kind) == str(kind))


def _alive(ctx: Context, found: DataFrame) -> DataFrame:
    """Records that were erased for their age, or with their member, and delivered anew since: nobody asked that they stay away."""
    aged = _of(found, Subject.RECORD).where(~F.col(ErasedRecord.cause).isin(list(map(str, OF_PERSONS))))
    lines = ctx.lake.read_or_empty(RawRecord).select(F.col(RawRecord.record_id).alias(_ID), RawRecord.received_on)
    later = F.col(RawRecord.received_on) > F.col(ErasedRecord.erased_on)
    return aged.join(lines, on=_ID, how="inner").where(later).select(_ID).distinct()


def _without(gone: DataFrame, links: DataFrame, of: str, part: str, doomed: DataFrame) -> DataFrame:
    """The ids of `gone` that no link leads to any more, but those of what is `doomed`: an id that lives again is not erased twice."""
    living = links.select(F.col(str(of)).alias(_ID), F.col(str(part)).alias("_part")).join(
        doomed.select(F.col(_ID).alias("_part")), on="_part", how="left_anti"
    )
    return gone.select(_ID).join(living.select(_ID), on=_ID, how="left_anti")


def _members_gone(ctx: Context, tables: Collection[type[Table]]) -> dict[str, int]:
    """Rows of members that left, by table, deleted where no record leads to them."""
    exits = ctx.lake.read_or_empty(ErasureCertificate).where(ErasureCertificate.cause.col == str(Cause.MEMBER_EXIT))
    named = {row[0].removeprefix("exit:") for row in exits.select(F.explode(ErasureCertificate.request_ids)).distinct().collect()}
    left = frozenset(m for m in named if m not in ctx.config.members or not ctx.config.members[m].is_active)
    if not left:
        return {}
    ids = local_frame(ctx.spark, [(m,) for m in sorted(left)], "member_id string")
    counts = {t.full_name(): ctx.lake.delete(t, ids, str(Record.member_id), left) for t in tables_of_member() if t in tables}
    return {name: count for name, count in counts.items() if count}


def _addresses(ctx: Context, doomed: DataFrame) -> list[str]:
    """E-mails that silver holds of the records, for the closing scan: the raw lines may not have been put back with it."""
    held = ctx.lake.read_or_empty(Record).join(doomed.withColumnRenamed(_ID, str(Record.record_id)), on=Record.record_id, how="left_semi")
    return [row[0] for row in held.where(Record.email.col.isNotNull()).orderBy(Record.record_id).select(Record.email).limit(NEEDLES).collect()]


def _refuse_again(ctx: Context, tables: Collection[type[Table]]) -> int:
    """Takes up refusals said to the operator that are missing, and folds the permissions of all who refused; how many were missing."""
    if not {PermissionEvent, Permission} & set(tables) or not ctx.lake.row_count(Refusal):
        return 0
    refusals = ctx.lake.read(Refusal)
    missing = ctx.lake.insert_new(PermissionEvent, refusals).inserted
    theirs = refusals.select(Refusal.record_id).distinct()
    said = ctx.lake.read(PermissionEvent).join(F.broadcast(theirs), on=PermissionEvent.record_id, how="left_semi")
    ctx.lake.upsert(Permission, fold_permissions(said))
    return missing
