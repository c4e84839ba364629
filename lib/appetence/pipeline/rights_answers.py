"""Copies for persons: everything held, by the registry; and what they provided, as files a receipt can take again.

Answers are written in plain text into a private folder (mode 0700, files 0600) under `<reports>/rights/<request_id>/`: the officer hands
them over by a safe way, and they are destroyed with the person's data, or by `maintain_tables` once their deadline is past.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from appetence.columns.coordinates import KEY_HASH, KIND, hashed_coordinates
from appetence.contracts.base import Table
from appetence.contracts.bronze import RawRecord, RawTransaction
from appetence.contracts.domain import Right
from appetence.contracts.identity import HouseholdLink
from appetence.contracts.local import local_frame
from appetence.contracts.privacy import RightsRequest, Suppression
from appetence.contracts.reference import Recipient
from appetence.contracts.silver import Record
from appetence.pipeline.context import Context
from appetence.pipeline.corrected import corrected
from appetence.pipeline.rights_uses import Use, uses
from appetence.privacy import answer_words as words
from appetence.privacy import answers as a
from appetence.privacy.destruction import write_private
from appetence.privacy.erasure import Subject, Target
from appetence.privacy.rights import Case
from appetence.records.newest import newest_lines
from appetence.runtime.ahead import side_by_side

Held = dict[str, dict[str, list[Mapping[str, Any]]]]
_REQUEST = "_request"


def folder_of(ctx: Context, request_id: str) -> Path:
    """Where the answer to a request lies."""
    return Path(ctx.config.paths.reports) / "rights" / request_id


def answer(ctx: Context, cases: Sequence[Case]) -> None:
    """Writes the files of every access and portability request of a run: one read per table, whatever the number of persons."""
    access = [c for c in cases if c.request.spec.right == Right.ACCESS]
    portability = [c for c in cases if c.request.spec.right == Right.PORTABILITY]
    if access:
        held, proofs = side_by_side(partial(_held, ctx, access), partial(_suppressed, ctx, access))
        used = uses(ctx, {p for c in access for p in c.found.person_ids})
        for case in access:
            asked = case.request.request_id
            theirs = [use for person in case.found.person_ids for use in used.get(person, [])]
            document = a.access_document(asked, ctx.as_of, held[asked], _context(ctx, case, theirs, proofs.get(asked, 0)))
            if not ctx.dry_run:
                folder = folder_of(ctx, asked)
                write_private(folder, "access.json", a.as_json(document))
                write_private(folder, "access.html", a.as_html(document))
    if portability:
        _write_portable(ctx, portability)


def _ids(ctx: Context, cases: Sequence[Case]) -> dict[Subject, DataFrame]:
    """(request, id) by kind of subject. A household's rows are shown to its person: they hold no other member's data."""
    records = [(c.request.request_id, i) for c in cases for i in c.found.record_ids]
    persons = [(c.request.request_id, i) for c in cases for i in c.found.person_ids]
    kinds = f"{_REQUEST} string, _id string"
    by_person = local_frame(ctx.spark, persons, kinds)
    homes = ctx.lake.read_or_empty(HouseholdLink).join(F.broadcast(by_person), on=F.col(HouseholdLink.person_id) == F.col("_id"), how="inner")
    households = homes.select(_REQUEST, F.col(HouseholdLink.household_id).alias("_id")).distinct()
    return {
        Subject.RECORD: local_frame(ctx.spark, records, kinds), Subject.PERSON: by_person, Subject.TOUCHED_PERSON: by_person,
        Subject.HOUSEHOLD: households,
    }  # fmt: skip


def _held(ctx: Context, cases: Sequence[Case]) -> dict[str, dict[str, list[Mapping[str, Any]]]]:
    """request id -> table -> rows, over every table that holds something about a person."""
    ids = _ids(ctx, cases)
    known = {kind: frozenset(row["_id"] for row in frame.collect()) for kind, frame in ids.items()}

    def of(target: Target) -> tuple[str, list[Row]]:
        rows = ctx.lake.read(target.table).join(F.broadcast(ids[target.subject]), on=F.col(target.column) == F.col("_id"), how="inner")
        return target.table.full_name(), rows.drop("_id").collect()

    held: Held = {c.request.request_id: {} for c in cases}
    holding = [t for t in a.held_tables() if ctx.lake.may_hold(t.table, t.column, known[t.subject])]
    for name, rows in ctx.lake.together(*(partial(of, target) for target in holding)):
        for row in rows:
            values = row.asDict(recursive=True)
            held[values.pop(_REQUEST)].setdefault(name, []).append(values)
    return held


def _suppressed(ctx: Context, cases: Sequence[Case]) -> dict[str, int]:
    """How many entries of the suppression list answer to a person's coordinates, by request."""
    if not ctx.lake.exists(Suppression):
        return {}
    records = ctx.lake.read(Record).join(F.broadcast(_ids(ctx, cases)[Subject.RECORD]), on=F.col(Record.record_id) == F.col("_id"), how="inner")
    keyed = hashed_coordinates(records, ctx.pepper_pads(), _REQUEST).distinct()
    counted = ctx.lake.read(Suppression).join(F.broadcast(keyed), on=[KIND, KEY_HASH], how="inner").groupBy(_REQUEST).count()
    return {row[_REQUEST]: row["count"] for row in counted.collect()}


def _context(ctx: Context, case: Case, theirs: Iterable[Use], entries: int) -> dict[str, Any]:
    """What article 15 asks besides the data: why, from whom, to whom, how long, and what one may do."""
    config, law = ctx.config, ctx.config.law
    members = [config.members[m] for m in sorted(set(case.records.values())) if m in config.members]
    months = {m.label: min([i.retention_months for i in m.instructions] or [law.default_retention_months if law else 36]) for m in members}
    return {
        "purposes": list(words.PURPOSES), "sources": [m.label for m in members], "recipients": _recipients(ctx, theirs) or words.NO_RECIPIENT,
        "retention": {label: words.retention(count) for label, count in months.items()}, "your_rights": list(words.YOUR_RIGHTS),
        "suppression": words.suppression(entries), "scores": words.SCORES,
    }  # fmt: skip


def _recipients(ctx: Context, theirs: Iterable[Use]) -> list[str]:
    """Clients whose campaigns used the data, and the routers and call centres that were handed the files, by what was done, not by what is
    configured today: a campaign's file may be gone."""
    named = {row[Recipient.recipient_id]: row[Recipient.label] for row in ctx.lake.small_rows(Recipient)}
    named |= {i: spec.label for i, spec in ctx.config.recipients.items()}
    roles = {(use.recipient_id, "router") for use in theirs} | {(use.client_id, "client") for use in theirs}
    return [f"{named.get(who, who)} ({words.ROLES[role]})" for who, role in sorted(roles, key=lambda one: (one[1], one[0]))]


def _write_portable(ctx: Context, cases: Sequence[Case]) -> None:
    """`portability/<member>/<block>.csv`: the newest line of each customer and transaction, and every permission said, as delivered or
    since corrected by the person."""
    ids = _ids(ctx, cases)[Subject.RECORD]
    keys: dict[str, str | None] = {"customers": str(RawRecord.record_id), "transactions": "_once", "permissions": None}
    for block, table in a.PORTABLE.items():
        lines = ctx.lake.read_or_empty(table)
        mine = lines.join(F.broadcast(ids), on=F.col(RawRecord.record_id) == F.col("_id"), how="inner").drop("_id")
        if block == "transactions":
            mine = mine.withColumn("_once", F.concat_ws("|", RawRecord.record_id, RawTransaction.transaction_ref))
        key = keys[block]
        newest = newest_lines(mine, key) if key else mine.dropDuplicates([_REQUEST, RawRecord.member_id, *a.portable_fields(table)])
        _write_block(ctx, block, table, corrected(ctx, newest) if table is RawRecord else newest)


def _write_block(ctx: Context, block: str, table: type[Table], lines: DataFrame) -> None:
    by_owner: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in lines.select(_REQUEST, RawRecord.member_id, *(c for c in a.portable_fields(table))).collect():
        by_owner[row[_REQUEST], row[RawRecord.member_id]].append(row.asDict())
    for (request_id, member), rows in sorted(by_owner.items()):
        if not ctx.dry_run:
            write_private(folder_of(ctx, request_id) / "portability" / member, f"{block}.csv", a.as_csv(table, rows))


def answered_before(ctx: Context, rows: DataFrame) -> list[Path]:
    """Folders of answers whose deadline has passed on the day of this run: handed over by then, so to be destroyed."""
    past = rows.where(F.col(RightsRequest.due_on) < F.lit(ctx.as_of)).select(RightsRequest.request_id)
    return [folder_of(ctx, row[0]) for row in past.collect()]
