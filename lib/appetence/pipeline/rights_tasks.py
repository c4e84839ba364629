"""Controllers hear of a request when it is accepted, before anything is carried out; members' answers are waited for, until a day.

A task is a row of privacy.rights_task and a private file `<reports>/rights_tasks/<member or client>/<request>.json`, which the officer sends: it
names the person by the controller's own references only. Answers come by command (`appetence rights decide`) or as files,
`<requests>/answers/<member or client>/*.yaml`: the folder is the controller's own, so nobody answers for another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from pyspark.sql import functions as F

from appetence.contracts.bronze import RawRecord, RawTransaction
from appetence.contracts.domain import Right
from appetence.contracts.local import local_frame
from appetence.contracts.privacy import Correction, RightsTask
from appetence.errors import RightsError
from appetence.pipeline import rights_desk
from appetence.pipeline.context import Context
from appetence.pipeline.rights_files import folder_of
from appetence.pipeline.rights_uses import uses
from appetence.privacy import rights as r
from appetence.privacy.decisions import Decision
from appetence.privacy.destruction import write_private
from appetence.privacy.matching import Identified
from appetence.privacy.requests import Request
from appetence.privacy.rights import Case
from appetence.records.newest import newest_lines

REFUSED = "refused"
_NOBODY = Identified("", "found", "")
_KEYS = {"request_id", "answer", "reason"}
_ANSWERS = {str(d): d for d in (Decision.ACCEPT, Decision.REFUSE, Decision.DONE)}


@dataclass
class Waiting:
    """Cases whose members have time left to answer, with their rows, and the others."""

    ready: list[Case] = field(default_factory=list)
    later: list[Case] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


def with_silence(ctx: Context, request: Request, records: Iterable[str], owners: Mapping[str, str]) -> Request:
    """The request with what is configured for members that have not answered in time: `refuse` leaves their data, `accept` needs nothing."""
    settings = ctx.config.privacy
    until = r.answers_until(request, settings.answer_days_before_due)
    if settings.unanswered == "accept" or ctx.as_of < until:
        return request
    case = Case(request, _NOBODY, {record: owners[record] for record in records})
    silent = {member: f"no answer by {until.isoformat()}" for member in r.unanswered(case)}
    return replace(request, decided=replace(request.decided, refusing={**request.decided.refusing, **silent}))


def divided(ctx: Context, cases: Sequence[Case]) -> Waiting:
    """Which cases are carried out now, and which wait for answers of their members."""
    found = Waiting()
    for case in cases:
        until, silent = r.answers_until(case.request, ctx.config.privacy.answer_days_before_due), r.unanswered(case)
        if silent and ctx.as_of < until:
            found.later.append(case)
            is_stopped = r.suppression_scope(case.request.spec) is not None
            says = f"Waits for the answer of {', '.join(silent)} until {until.isoformat()}{'; suppressed already' if is_stopped else ''}."
            found.rows.append(r.request_row(case.request, r.OPEN, says))
        else:
            found.ready.append(case)
    return found


def tell_controllers(ctx: Context, waiting: Waiting) -> None:
    """Tasks and their files for every controller concerned. What a controller has done already stays done."""
    cases = [*waiting.ready, *waiting.later]
    if not cases:
        return
    done = {_key(t) for t in ctx.lake.read_or_empty(RightsTask).where(RightsTask.state.col == r.DONE).collect()}
    used = uses(ctx, {p for c in cases for p in c.found.person_ids})
    references = _customers(ctx, cases)
    late = {c.request.request_id for c in waiting.later}
    rows: list[dict[str, Any]] = []
    for case in cases:
        theirs = [u for p in case.found.person_ids for u in used.get(p, [])]
        suppliers = [m for m in [*case.records.values(), *case.spared.values()] if m]
        until = r.answers_until(case.request, ctx.config.privacy.answer_days_before_due) if case.request.request_id in late else None
        tasks = r.task_rows(case.request, suppliers, [u.client_id for u in theirs], ctx.as_of, until)
        rows += [t for t in tasks if _key(t) not in done]
        # An erasure carried out at once leaves no file that says whose it was; a client's holds references only.
        is_named = until is not None or case.request.spec.right != Right.ERASURE
        for task in [] if ctx.dry_run else [t for t in tasks if is_named or t[RightsTask.controller_role] == "client"]:
            who = task[RightsTask.controller_id]
            what = _asked(case, task, references, [u.reference for u in theirs if u.client_id == who])
            write_private(folder_of(ctx, who), f"{case.request.request_id}.json", r.task_letter(case.request, until, what))
    ctx.lake.upsert_rows(RightsTask, rows)


def _asked(case: Case, task: Mapping[str, Any], customers: Mapping[tuple[str, str], list[str]], pieces: list[str]) -> dict[str, Any]:
    """What stands in one controller's file: its own customers, or its own pieces, and what is to be corrected."""
    if task[RightsTask.controller_role] == "client":
        return {"references": sorted(pieces)}
    mine = {ref for record in case.records for ref in customers.get((record, task[RightsTask.controller_id]), ())}
    corrected = {"corrections": dict(sorted(case.request.spec.corrections.items()))} if case.request.spec.corrections else {}
    return {"customers": sorted(mine), **corrected}


def _customers(ctx: Context, cases: Sequence[Case]) -> dict[tuple[str, str], list[str]]:
    """(record, member) -> the member's own references of its customer."""
    ids = local_frame(ctx.spark, [(i,) for i in sorted({i for c in cases for i in c.records})], f"{RawRecord.record_id} string")
    columns = [str(RawRecord.record_id), str(RawRecord.member_id), str(RawRecord.customer_ref)]
    lines = ctx.lake.read_or_empty(RawRecord).select(*columns).unionByName(ctx.lake.read_or_empty(RawTransaction).select(*columns))
    held = lines.join(F.broadcast(ids), on=RawRecord.record_id, how="left_semi").where(F.col(RawRecord.customer_ref).isNotNull()).distinct()
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in held.collect():
        found[row[0], row[1]].append(row[2])
    return found


def _key(task: Any) -> tuple[str, str, str]:
    return task[RightsTask.request_id], task[RightsTask.controller_id], task[RightsTask.controller_role]


def take_answers(ctx: Context) -> tuple[int, list[str]]:
    """Takes the answer files of all controllers: how many were taken, and why the others were set aside."""
    top = Path(ctx.config.paths.requests) / "answers"
    taken, reasons = 0, []
    for file in sorted(top.glob("*/*.yaml")):
        try:
            request_id, decision, reason = _parsed(file)
            rights_desk.decide(ctx, request_id, _decider(ctx, file.parent.name), decision, reason)
        except RightsError as refused:
            reasons.append(f"{file.parent.name}/{file.name}: {refused}")
            if not ctx.dry_run:
                write_private(file.parent / REFUSED, f"{file.name}.reason.txt", f"{refused}\n")
                file.replace(file.parent / REFUSED / file.name)
            continue
        taken += 1
        if not ctx.dry_run:
            file.unlink()
    return taken, reasons


def _parsed(file: Path) -> tuple[str, Decision, str | None]:
    try:
        said = yaml.safe_load(file.read_bytes()[:64_000].decode("utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError):
        raise RightsError("the answer is not valid YAML in UTF-8; correct it and send it again.") from None
    if not isinstance(said, dict) or set(said) - _KEYS or not {"request_id", "answer"} <= set(said):
        raise RightsError("an answer says request_id and answer, and may say reason; nothing else.")
    decision = _ANSWERS.get(str(said["answer"]))
    if decision is None:
        raise RightsError(f"answer is one of {', '.join(_ANSWERS)}; correct it and send it again.")
    reason = said.get("reason")
    return str(said["request_id"]), decision, None if reason is None else str(reason)


def _decider(ctx: Context, folder: str) -> str:
    return f"client:{folder}" if folder in rights_desk.clients_of(ctx) else f"member:{folder}"


def close_corrected(ctx: Context) -> int:
    """Closes the tasks of suppliers that deliver meanwhile what their customer said is right; how many."""
    tasks = ctx.lake.read_or_empty(RightsTask).where((RightsTask.state.col == r.OPEN) & (RightsTask.controller_role.col == "supplier"))
    corrections = ctx.lake.read_or_empty(Correction).join(
        F.broadcast(tasks.select(RightsTask.request_id).distinct()), on=RightsTask.request_id, how="left_semi"
    )
    wanted = corrections.collect()
    if not wanted:
        return 0
    ids = local_frame(ctx.spark, [(i,) for i in sorted({c[Correction.record_id] for c in wanted})], f"{RawRecord.record_id} string")
    lines = ctx.lake.read_or_empty(RawRecord).join(F.broadcast(ids), on=RawRecord.record_id, how="left_semi")
    newest = {row[RawRecord.record_id]: row.asDict() for row in newest_lines(lines, RawRecord.record_id).collect()}
    right: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for c in wanted:
        line = newest.get(c[Correction.record_id], {})
        delivered = (line.get(c[Correction.column]) or "").strip() or None
        right[c[Correction.request_id], line.get(str(RawRecord.member_id), "")].append(delivered == c[Correction.value])
    closed = [
        {**t.asDict(), str(RightsTask.state): r.DONE, str(RightsTask.decision): "corrected", str(RightsTask.done_on): ctx.as_of}
        for t in tasks.collect()
        if all(right.get((t[RightsTask.request_id], t[RightsTask.controller_id]), [False]))
    ]
    ctx.lake.upsert_rows(RightsTask, closed)
    return len(closed)
