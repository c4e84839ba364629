"""From an identified request to rows: its state, the controllers that must know, the recipients told, and what each right changes."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from appetence.contracts.domain import Basis, Channel, PermissionStatus, Purpose, Right, Use
from appetence.contracts.privacy import Correction, Death, Directive, Limitation, ProfilingObjection, RightsNotice, RightsRequest, RightsTask
from appetence.contracts.silver import PermissionEvent
from appetence.privacy.deadlines import due_on
from appetence.privacy.decisions import MEMBERS_DECIDE
from appetence.privacy.matching import Identified
from appetence.privacy.requests import Refusal, Request, RequestSpec

OPEN, PARKED, REFUSED, EXECUTED, DONE = "open", "parked", "refused", "executed", "done"
FINAL = (REFUSED, EXECUTED)
PROFILING = "profiling"
"""Scope of the suppression list: no score, segment or feature is made of whom it names. Selection does not read it."""
AHEAD = "Nothing is held under these coordinates; they are on the suppression list, for what is delivered later."

# Who received the data is told of what changes it (article 19); an answer to the person alone concerns no past recipient.
TOLD_TO_RECIPIENTS = (Right.ERASURE, Right.RECTIFICATION, Right.LIMITATION, Right.OPPOSITION, Right.WITHDRAWAL)
# What the operator carries out for good for the suppliers it acts for; a correction holds here at once, but its supplier corrects at source.
CARRIED_OUT_HERE = tuple(r for r in Right if r is not Right.RECTIFICATION)

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """A request that can be carried out: the person found, and record id -> member of the records concerned."""

    request: Request
    found: Identified
    records: Mapping[str, str]
    spared: Mapping[str, str] = field(default_factory=dict)
    """Records of the person that stay because their member refused, with the member's id."""

    @property
    def subjects(self) -> tuple[str, ...]:
        """The persons, or the records where none is resolved yet."""
        return self.found.person_ids or self.found.record_ids


def scoped(found: Identified, records: Mapping[str, str], spec: RequestSpec) -> tuple[tuple[str, ...], str | None]:
    """The record ids a request concerns, given record id -> member; a sentence instead when the members it names supply nothing."""
    if not spec.members:
        return found.record_ids, None
    kept = tuple(r for r in found.record_ids if records[r] in spec.members)
    lacking = sorted(set(spec.members) - {records[r] for r in kept})
    if lacking:
        return (), f"The member {lacking[0]} does not supply this person; name the members that do, or none for all."
    return kept, None


def request_row(request: Request, state: str, reason: str | None = None, found: Identified | None = None, **more: Any) -> dict[str, Any]:
    """One privacy.rights_request row."""
    one_person = found.person_ids[0] if found and found.person_ids else None
    return RightsRequest.row(
        request_id=request.request_id, right=str(request.spec.right), received_through=request.spec.received_through,
        received_on=request.spec.received_on, due_on=request.due_on, state=state, state_reason=reason,
        evidence=request.spec.evidence, person_id=one_person, record_ids=sorted(found.record_ids) if found else [], **more,
    )  # fmt: skip


def refusal_row(refusal: Refusal, as_of: dt.date) -> dict[str, Any]:
    """One privacy.rights_request row of a file that could not be taken."""
    received = refusal.received_on or as_of
    return RightsRequest.row(
        request_id=refusal.request_id, right=refusal.right, received_through=refusal.received_through, received_on=received,
        due_on=due_on(received), state=refusal.state, state_reason=refusal.reason, evidence="", record_ids=[],
    )  # fmt: skip


def answers_until(request: Request, days_before_due: int) -> dt.date:
    """The day on which the members' answers are no longer waited for: so many days before the legal limit, not before the receipt."""
    return max(request.spec.received_on, request.due_on - dt.timedelta(days=days_before_due))


def unanswered(case: Case) -> list[str]:
    """Suppliers that may decide of an erasure and have not. A limitation waits for nobody: it takes nothing away and can be lifted. Nor does an
    erasure that was cut short: its owners are no longer told."""
    if case.request.spec.right != Right.ERASURE:
        return []
    return sorted({m for m in case.records.values() if m} - case.request.decided.accepting - set(case.request.decided.refusing))


def task_rows(
    request: Request, suppliers: Iterable[str], clients: Iterable[str], as_of: dt.date, waits_until: dt.date | None = None
) -> Rows:  # fmt: skip
    """One task per controller concerned and no other: the members that supply the person, the clients that used the data.

    A client acts on its own file, so its task stays open; a supplier's part is done here, unless it must correct at source, or its answer is
    waited for (`waits_until`).
    """
    is_done = request.spec.right in CARRIED_OUT_HERE

    def decided(member: str) -> str | None:
        if member in request.decided.refusing:
            return "refused"
        is_theirs = request.spec.right in MEMBERS_DECIDE and not request.spec.lift
        if not is_done or not is_theirs or member in request.decided.accepting:
            return "accepted" if is_done else None
        return None if waits_until else "unanswered"

    def supplier(member: str) -> dict[str, Any]:
        decision = decided(member)
        return RightsTask.row(
            request_id=request.request_id, controller_id=member, controller_role="supplier", due_on=waits_until or request.due_on,
            state=DONE if decision else OPEN, decision=decision, done_on=as_of if decision else None,
        )  # fmt: skip

    def client(name: str) -> dict[str, Any]:
        return RightsTask.row(request_id=request.request_id, controller_id=name, controller_role="client", due_on=request.due_on, state=OPEN)

    return [supplier(m) for m in sorted(set(suppliers))] + [client(c) for c in sorted(set(clients))]


def task_letter(request: Request, waits_until: dt.date | None, what: Mapping[str, Any]) -> str:
    """What one controller is asked, as JSON: the right, until when to answer, and what it holds itself of the person by its own references."""
    said: dict[str, Any] = {
        "request_id": request.request_id, "right": str(request.spec.right), "received_on": request.spec.received_on.isoformat(),
        "due_on": request.due_on.isoformat(), "answer_until": waits_until.isoformat() if waits_until else None, **what,
    }  # fmt: skip
    return json.dumps(said, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def notice_rows(request: Request, exports: Iterable[tuple[str, str]], as_of: dt.date) -> Rows:
    """One notice per (recipient, file) that held the person, when the right is one that recipients are told of."""
    if request.spec.right not in TOLD_TO_RECIPIENTS:
        return []
    return [
        RightsNotice.row(request_id=request.request_id, recipient_id=recipient, export_id=export, noticed_on=as_of)
        for recipient, export in sorted(set(exports))
    ]


def opposition_rows(request: Request, records: Mapping[str, str]) -> Rows:
    """silver.permission_event rows: a no for each record (id -> member), channel, use and purpose the request covers.

    It is dated to the last second of the day of receipt: a permission said that same morning does not outlive it.
    """
    spec = request.spec
    status = PermissionStatus.OPPOSED if spec.right == Right.OPPOSITION else PermissionStatus.WITHDRAWN
    basis = Basis.INFORMATION if spec.right == Right.OPPOSITION else Basis.CONSENT
    said_at = dt.datetime.combine(spec.received_on, dt.time(23, 59, 59), dt.UTC)
    covered = product(spec.channels or tuple(Channel), spec.uses or tuple(Use), spec.purposes or tuple(Purpose))
    grid = [(str(c), str(u), str(p)) for c, u, p in covered]
    return [
        PermissionEvent.row(
            event_id=_id(request.request_id, record, channel, use, purpose), record_id=record, member_id=member, channel=channel, use=use,
            purpose=purpose, basis=str(basis), status=str(status), wording_version="rights", collected_at=said_at,
            collection_point=spec.received_through, recipients=[], delivery_id=request.request_id, line_number=number,
        )
        for number, ((record, member), (channel, use, purpose)) in enumerate(product(sorted(records.items()), grid), start=1)
    ]  # fmt: skip


def limitation_rows(request: Request, record_ids: Sequence[str]) -> Rows:
    """privacy.limitation rows: frozen from the day of receipt, until further notice."""
    return [Limitation.row(record_id=r, request_id=request.request_id, since=request.spec.received_on) for r in sorted(record_ids)]


def lifted_rows(limitations: Iterable[Mapping[str, Any]], on: dt.date) -> Rows:
    """The privacy.limitation rows that still hold, ended: the day before is their last."""
    last = on - dt.timedelta(days=1)
    return [{**row, str(Limitation.until): last} for row in limitations if row[Limitation.until] is None or row[Limitation.until] > last]


def correction_rows(request: Request, standing: Mapping[str, Mapping[str, str | None]], as_of: dt.date) -> Rows:
    """privacy.correction rows, one per record and corrected column. `standing`: record id -> what its member delivered, by column."""
    return [
        Correction.row(
            request_id=request.request_id, record_id=record, column=column, value=value.strip() or None, replaced=delivered.get(column),
            corrected_on=as_of,
        )
        for record, delivered in sorted(standing.items())
        for column, value in sorted(request.spec.corrections.items())
    ]  # fmt: skip


def objection_rows(request: Request, record_ids: Sequence[str]) -> Rows:
    """privacy.profiling_objection rows: from the day of receipt."""
    return [ProfilingObjection.row(record_id=r, request_id=request.request_id, since=request.spec.received_on) for r in sorted(record_ids)]


def directive_rows(request: Request, person_ids: Sequence[str]) -> Rows:
    """privacy.directive rows."""
    return [
        Directive.row(
            directive_id=_id(request.request_id, person),
            person_id=person,
            wish=request.spec.wish or "keep",
            given_on=request.spec.received_on,
        )
        for person in sorted(person_ids)
    ]


def death_rows(request: Request, person_ids: Sequence[str]) -> Rows:
    """privacy.death rows of a request by an heir, whose certificate is the evidence: certain, on no list."""
    if request.spec.asked_by != "heir":
        return []
    return [Death.row(person_id=person, certainty="certain", rule="heir") for person in sorted(person_ids)]


def suppression_scope(spec: RequestSpec) -> str | None:
    """Whom the suppression list stops for this request: everybody (`global`), one client, the makers of scores (`profiling`), or nobody.

    Naming members stops those members' supply and no more. An opposition narrowed to a channel or a purpose cannot go on a list of persons.
    """
    if spec.right not in (Right.ERASURE, Right.OPPOSITION) or spec.members or spec.channels or spec.uses or spec.purposes:
        return None
    if spec.profiling:
        return PROFILING
    role, _, who = spec.received_through.partition(":")
    return who if role == "client" and spec.right == Right.OPPOSITION else "global"


def notice_letter(request: Request, recipient_id: str, references: Mapping[str, Sequence[str]]) -> str:
    """What one past recipient is told: the right and, per file, the opaque references printed on its pieces. No name, no address."""
    said = {
        "request_id": request.request_id, "recipient_id": recipient_id, "right": str(request.spec.right),
        "received_on": request.spec.received_on.isoformat(), "references_by_export": {k: sorted(v) for k, v in sorted(references.items())},
    }  # fmt: skip
    return json.dumps(said, indent=2, sort_keys=True) + "\n"


def _id(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]
