"""The rights desk by command: requests taken one at a time or in bulk, listed, decided, and certified. The nightly job carries them out.

Both work on the same files and tables: a request taken here lies under `<requests>/rights/` like one that came as a file, with its row in
privacy.rights_request, so that its deadline runs from the first day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import functions as F

from appetence.contracts.base import Table
from appetence.contracts.bronze import RawRecord
from appetence.contracts.privacy import Audit, ErasureCertificate, Limitation, RightsDecision, RightsNotice, RightsRequest, RightsTask
from appetence.errors import RightsError
from appetence.pipeline import audit_trail
from appetence.pipeline.context import Context
from appetence.privacy import decisions, requests
from appetence.privacy import rights as r
from appetence.privacy.answers import portable_fields
from appetence.privacy.deadlines import is_overdue
from appetence.privacy.decisions import Decision
from appetence.privacy.destruction import write_private
from appetence.privacy.requests import Request

ACTOR = "rights_desk"
WAITING = (r.OPEN, r.PARKED)
TO_HAND_OVER = "The copy is to be handed over, and that to be noted."
Row = dict[str, Any]


@dataclass(frozen=True)
class Taken:
    """One file handed in at the desk: the request it became, or the sentence that says why it did not."""

    file: str
    request_id: str | None
    due_on: dt.date | None = None
    refusal: str | None = None


def folder_of(ctx: Context) -> Path:
    """Where requests wait."""
    return Path(ctx.config.paths.requests) / "rights"


def clients_of(ctx: Context) -> set[str]:
    """Who may hand in requests as a campaign's client."""
    return {i for i, spec in ctx.config.recipients.items() if spec.role == "client"}


def correctable() -> set[str]:
    """Columns a rectification may name."""
    return {c for c in portable_fields(RawRecord) if c != str(RawRecord.customer_ref)}


def open_requests(ctx: Context, files: Iterable[tuple[str, bytes]]) -> list[Taken]:
    """Takes each (name, content): stored privately, with its row and a link of the audit trail. Nothing is stored of one that is refused."""
    states = {row[0]: row[1] for row in ctx.lake.read_or_empty(RightsRequest).select(RightsRequest.request_id, RightsRequest.state).collect()}
    taken: list[Taken] = []
    stored: list[Request] = []
    for name, content in files:
        try:
            request = _read(ctx, name, content, states)
        except RightsError as refused:
            taken.append(Taken(name, None, refusal=str(refused)))
            continue
        states[request.request_id] = r.OPEN
        stored.append(request)
        taken.append(Taken(name, request.request_id, request.due_on))
        if not ctx.dry_run:
            write_private(folder_of(ctx), request.file, content.decode("utf-8"))
    if stored:
        ctx.lake.upsert_rows(RightsRequest, [r.request_row(q, r.OPEN) for q in stored])
        _note(ctx, [("opened", q.request_id, {"right": str(q.spec.right), "through": q.spec.received_through}) for q in stored])
    return taken


def _read(ctx: Context, name: str, content: bytes, states: Mapping[str, str]) -> Request:
    key = ctx.request_key()
    spec = requests.parse(content, name, key)
    requests.validate(spec, name, as_of=ctx.as_of, members=ctx.config.members, clients=clients_of(ctx), columns=correctable())
    identifier = requests.request_id(requests.digest(spec), key)
    if identifier in states:
        says = "was dealt with already; a new one states a new day of receipt" if states[identifier] in r.FINAL else "is here already and waits"
        raise RightsError(f"{name}: this request {says}.")
    return Request(identifier, f"{identifier}.yaml", spec)


def listed(ctx: Context, state: str | None = None) -> list[Row]:
    """The register, the nearest deadline first: request, right, state, days left (negative: overdue), tasks open, reason."""
    rows = _rows(ctx, RightsRequest)
    tasks = _rows(ctx, RightsTask)
    waiting = {t[RightsTask.request_id] for t in tasks if t[RightsTask.state] == r.OPEN}
    decided = decisions.fold(_rows(ctx, RightsDecision))
    copies = {q[RightsRequest.request_id] for q in requests.waiting_copies(rows, decided, ctx.as_of)}
    chosen = [row for row in rows if state in (None, row[RightsRequest.state])]
    chosen.sort(key=lambda row: (row[RightsRequest.state] in r.FINAL, row[RightsRequest.due_on], row[RightsRequest.request_id]))
    return [
        {
            "request": row[RightsRequest.request_id], "right": row[RightsRequest.right], "through": row[RightsRequest.received_through],
            "received": str(row[RightsRequest.received_on]), "due": str(row[RightsRequest.due_on]), "state": row[RightsRequest.state],
            "days left": None if row[RightsRequest.state] in r.FINAL else (row[RightsRequest.due_on] - ctx.as_of).days,
            "controllers to answer": row[RightsRequest.request_id] in waiting,
            "reason": TO_HAND_OVER if row[RightsRequest.request_id] in copies else row[RightsRequest.state_reason],
        }
        for row in chosen
    ]  # fmt: skip


def overdue(ctx: Context) -> list[str]:
    """Requests neither answered nor refused on the day after their deadline."""
    rows = _rows(ctx, RightsRequest)
    return sorted(q[RightsRequest.request_id] for q in rows if q[RightsRequest.state] in WAITING and is_overdue(q[RightsRequest.due_on], ctx.as_of))


def shown(ctx: Context, request_id: str) -> dict[str, Any]:
    """All that the register says of one request: its row, decisions, tasks, notices, certificates. RightsError for an unknown id."""
    row = _one(ctx, request_id)
    row.pop(str(RightsRequest.record_ids))
    row.pop(str(RightsRequest.person_id))
    certificates = [c for c in _rows(ctx, ErasureCertificate) if request_id in c[ErasureCertificate.request_ids]]
    return {
        "request": row,
        "decisions": _of(ctx, RightsDecision, request_id),
        "tasks": _of(ctx, RightsTask, request_id),
        "notices": _of(ctx, RightsNotice, request_id),
        "certificates": [{k: v for k, v in c.items() if k != str(ErasureCertificate.request_ids)} for c in certificates],
    }


def decide(ctx: Context, request_id: str, decider: str, decision: Decision, reason: str | None) -> Row:
    """Notes a decision of the officer or a member; RightsError when it may not be taken. The next run acts on it."""
    row = _one(ctx, request_id)
    decisions.check(row, decider, decision, reason, as_of=ctx.as_of, members=ctx.config.members, clients=clients_of(ctx))
    task = _task_of(ctx, request_id, decider, decision)
    made = decisions.decision_row(request_id, decider, decision, reason, ctx.as_of)
    ctx.lake.upsert_rows(RightsDecision, [made])
    if task:
        ctx.lake.upsert_rows(RightsTask, [{**task, "state": r.DONE, "decision": _TOLD[decision], "done_on": ctx.as_of}])
    if decision == Decision.LIFT:
        ctx.lake.upsert_rows(Limitation, r.lifted_rows(_of(ctx, Limitation, request_id), ctx.as_of))
    if decision == Decision.EXTEND:
        row[str(RightsRequest.due_on)] = decisions.Decided(is_extended=True).deadline(row[RightsRequest.received_on])
        ctx.lake.upsert_rows(RightsRequest, [row])
    _note(ctx, [("decided", request_id, {"by": decider, "decision": str(decision)})])
    return made


_TOLD = {Decision.ACCEPT: "accepted", Decision.REFUSE: "refused", Decision.DONE: "done"}


def _task_of(ctx: Context, request_id: str, decider: str, decision: Decision) -> Row | None:
    """The task that a controller's answer closes; RightsError when the request does not concern it. Before there are tasks it may decide too."""
    role, _, who = decider.partition(":")
    if role == "officer":
        return None
    tasks = _of(ctx, RightsTask, request_id)
    mine = [t for t in tasks if (t[RightsTask.controller_id], t[RightsTask.controller_role]) == (who, "client" if role == "client" else "supplier")]
    if not mine and (tasks or decision == Decision.DONE):
        raise RightsError(f"The request {request_id} does not concern {who}, which has no task of it: see `appetence rights show`.")
    return mine[0] if mine else None


def certificate(ctx: Context, request_id: str) -> dict[str, Any]:
    """The proof for one request that was carried out: dates, decisions, who was told, what was purged, and its links of the audit trail,
    which is verified first. RightsError when it was not carried out yet."""
    found = shown(ctx, request_id)
    row = found["request"]
    if row[RightsRequest.state] != r.EXECUTED:
        raise RightsError(f"The request {request_id} is {row[RightsRequest.state]}: there is a certificate once it is carried out.")
    verified = audit_trail.verify(ctx)
    links = [link for link in audit_trail.chain(ctx) if link.object_id == request_id]
    is_late = is_overdue(row[RightsRequest.due_on], row[RightsRequest.executed_on])
    return {
        "certified_on": ctx.as_of, **{k: v for k, v in found.items() if k != "certificates"}, "in_time": not is_late,
        "purged": [
            {k: c[k] for k in map(str, (ErasureCertificate.table_name, ErasureCertificate.rows_purged, ErasureCertificate.version_after,
                                        ErasureCertificate.files_removed, ErasureCertificate.scan_findings))}
            for c in sorted(found["certificates"], key=lambda c: str(c[ErasureCertificate.table_name]))
        ],
        "audit": {"links_verified": verified.links, "links": [{str(Audit.sequence): x.sequence, str(Audit.action): x.action,
                                                       str(Audit.link_hash): x.link_hash} for x in links]},
    }  # fmt: skip


def _one(ctx: Context, request_id: str) -> Row:
    rows = _of(ctx, RightsRequest, request_id)
    if not rows:
        raise RightsError(f"There is no request {request_id!r}: `appetence rights list` shows them all.")
    return rows[0]


def _rows(ctx: Context, table: type[Table]) -> list[Row]:
    """A register of the desk: as many rows as requests were made."""
    keys = [str(k) for k in table.key]
    return [row.asDict() for row in ctx.lake.read_or_empty(table).orderBy(*keys).collect()]


def _of(ctx: Context, table: type[Table], request_id: str) -> list[Row]:
    keys = [str(k) for k in table.key]
    rows = ctx.lake.read_or_empty(table).where(F.col(RightsRequest.request_id) == F.lit(request_id))
    return [row.asDict() for row in rows.orderBy(*keys).collect()]


def _note(ctx: Context, said: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
    if not ctx.dry_run:
        audit_trail.record(ctx, [{"actor": ACTOR, "action": a, "object_id": i, "details": d} for a, i, d in said])
