"""What each right changes, for all requests of a run together: notices, answers, permissions and limits, and erasure last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.bronze import RawRecord
from appetence.contracts.domain import Right
from appetence.contracts.local import local_frame
from appetence.contracts.privacy import Correction, Death, Directive, Limitation, Refusal, RightsNotice, RightsRequest
from appetence.contracts.silver import Permission, PermissionEvent, Record
from appetence.pipeline.context import Context
from appetence.pipeline.erasing import erase
from appetence.pipeline.profiling import note_objections
from appetence.pipeline.rights_answers import answer
from appetence.pipeline.rights_suppression import suppress_found
from appetence.pipeline.rights_uses import uses
from appetence.privacy import rights as r
from appetence.privacy.destruction import write_private
from appetence.privacy.erasure import Cause
from appetence.privacy.rights import Case
from appetence.records.newest import newest_lines
from appetence.records.permissions import fold_permissions


def execute(ctx: Context, cases: Sequence[Case], said: DataFrame) -> dict[str, str]:
    """Carries out every case; gives request id -> right of those that are done.

    `said`: one row per request in the columns of silver.record plus request_id: what its person wrote, standardised.
    """
    answers = [c for c in cases if c.request.spec.right in (Right.ACCESS, Right.PORTABILITY)]
    if answers:
        ctx.progress(f"answering {len(answers)} requests for a copy")
    ctx.lake.together(partial(_tell, ctx, cases), partial(answer, ctx, answers))
    limits = [row for c in _of(cases, Right.LIMITATION) if not c.request.spec.lift for row in r.limitation_rows(c.request, c.found.record_ids)]
    limits += _lifted(ctx, [c for c in cases if c.request.spec.lift])
    deaths = [row for c in cases for row in r.death_rows(c.request, c.found.person_ids)]
    wishes = [row for c in _of(cases, Right.DIRECTIVE) for row in r.directive_rows(c.request, c.found.person_ids)]
    write = ctx.lake.upsert_rows
    ctx.lake.together(
        partial(_stop, ctx, [c for c in _of(cases, Right.OPPOSITION, Right.WITHDRAWAL) if not c.request.spec.profiling]),
        partial(note_objections, ctx, [c for c in cases if c.request.spec.profiling]),
        partial(write, Limitation, limits), partial(write, Directive, wishes), partial(write, Death, deaths),
        partial(suppress_found, ctx, cases, said), partial(_correct, ctx, _of(cases, Right.RECTIFICATION)),
    )  # fmt: skip
    erasures = _of(cases, Right.ERASURE)
    if erasures:
        _erase(ctx, erasures)
    ctx.lake.upsert_rows(RightsRequest, [_closed(ctx, c) for c in cases])
    if erasures:
        ctx.lake.purge([RightsRequest])
    return {c.request.request_id: str(c.request.spec.right) for c in cases}


def _of(cases: Sequence[Case], *rights: Right) -> list[Case]:
    return [c for c in cases if c.request.spec.right in rights]


def _closed(ctx: Context, case: Case) -> dict[str, Any]:
    """The final row; an erasure keeps nothing that leads back to the person."""
    is_erasure = case.request.spec.right == Right.ERASURE
    return r.request_row(case.request, r.EXECUTED, None, None if is_erasure else case.found, executed_on=ctx.as_of)


def _tell(ctx: Context, cases: Sequence[Case]) -> None:
    """Notices to past recipients; a notice names pieces by their reference, never the person. Controllers have their tasks already."""
    used = uses(ctx, {p for c in cases for p in c.found.person_ids})
    notices: list[dict[str, Any]] = []
    for case in cases:
        theirs = [u for p in case.found.person_ids for u in used.get(p, [])]
        rows = r.notice_rows(case.request, [(u.recipient_id, u.export_id) for u in theirs], ctx.as_of)
        notices += rows
        for recipient in sorted({row[RightsNotice.recipient_id] for row in rows} if not ctx.dry_run else ()):
            references: dict[str, list[str]] = defaultdict(list)
            for use in theirs:
                if use.recipient_id == recipient:
                    references[use.export_id].append(use.reference)
            folder = Path(ctx.config.paths.reports) / "rights_notices" / recipient
            write_private(folder, f"{case.request.request_id}.json", r.notice_letter(case.request, recipient, references))
    ctx.lake.upsert_rows(RightsNotice, notices)


def _stop(ctx: Context, cases: Sequence[Case]) -> None:
    """Oppositions and withdrawals: events, and what they change in the folded permissions, so that the next selection already knows."""
    rows = [row for c in cases for row in r.opposition_rows(c.request, c.records)]
    if not rows:
        return
    ctx.lake.insert_rows(Refusal, rows)
    ctx.lake.insert_rows(PermissionEvent, rows)
    theirs = PermissionEvent.frame(ctx.spark, rows).select(PermissionEvent.record_id).distinct()
    events = ctx.lake.read(PermissionEvent).join(F.broadcast(theirs), on=PermissionEvent.record_id, how="left_semi")
    ctx.lake.upsert(Permission, fold_permissions(events))


def _lifted(ctx: Context, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Limitations that end at their person's wish."""
    ids = sorted({record for c in cases for record in c.records})
    held = ctx.lake.read_or_empty(Limitation).where(Limitation.record_id.col.isin(ids)).collect() if ids else []
    return r.lifted_rows((row.asDict() for row in held), ctx.as_of)


def _correct(ctx: Context, cases: Sequence[Case]) -> None:
    """Keeps what is right beside what was delivered: the next standardisation makes these records, and all that follows from them, again.
    The suppliers have their task to correct at source."""
    if not cases:
        return
    ids = local_frame(ctx.spark, [(r,) for r in sorted({r for c in cases for r in c.records})], f"{RawRecord.record_id} string")
    columns = sorted({column for c in cases for column in c.request.spec.corrections})
    lines = ctx.lake.read_or_empty(RawRecord).join(F.broadcast(ids), on=RawRecord.record_id, how="left_semi")
    newest = newest_lines(lines, RawRecord.record_id).select(RawRecord.record_id, *columns)
    delivered = {row[RawRecord.record_id]: row.asDict() for row in newest.collect()}
    rows = [row for c in cases for row in r.correction_rows(c.request, {i: delivered.get(i, {}) for i in c.records}, ctx.as_of)]
    ctx.lake.upsert_rows(Correction, rows)


def _erase(ctx: Context, cases: Sequence[Case]) -> None:
    """All erasures of the run at once; the closing scan also looks for what the requests themselves say."""
    ids = sorted({record for c in cases for record in c.found.record_ids})
    ctx.progress(f"erasing {len(ids)} records of {len(cases)} persons")
    frame = local_frame(ctx.spark, [(i,) for i in ids], f"{Record.record_id} string")
    said = [v for c in cases for v in (c.request.spec.person.email, c.request.spec.person.phone) if v]
    erase(ctx, frame, Cause.REQUEST, [c.request.request_id for c in cases], said)
