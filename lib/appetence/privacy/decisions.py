"""What the officer and the members decide of a request, and when a decision may no longer be taken.

The officer settles who asks, refuses a request as a whole, extends its deadline, lifts a limitation, or notes that the person has the copy
asked for. A member accepts or refuses for the data it supplies itself, and for nobody else's. A member or a client says that its own part is
done: corrected at source, taken out of its file. A decision is a row of its own: a later one of the same kind by the same decider replaces it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from appetence.contracts.domain import Right
from appetence.contracts.privacy import RightsDecision, RightsRequest
from appetence.errors import RightsError
from appetence.privacy.deadlines import due_on, is_overdue


class Decision(StrEnum):
    """What can be decided."""

    CONFIRM = "confirm"
    REFUSE = "refuse"
    EXTEND = "extend"
    ACCEPT = "accept"
    HANDED_OVER = "handed-over"
    DONE = "done"
    LIFT = "lift"


BY_OFFICER = (Decision.CONFIRM, Decision.REFUSE, Decision.EXTEND, Decision.HANDED_OVER, Decision.LIFT)
BY_MEMBER = (Decision.ACCEPT, Decision.REFUSE, Decision.DONE)
BY_CLIENT = (Decision.DONE,)
MEMBERS_DECIDE = (Right.ERASURE, Right.LIMITATION)
"""Rights a member may refuse for its own data, as when the law makes it keep them. Copies and oppositions are nobody's to refuse."""

COPIES = (Right.ACCESS, Right.PORTABILITY)
"""Rights whose answer is a copy for the person."""

_EXECUTED = "executed"
_FINAL = ("refused", _EXECUTED)
_SUBJECT = {
    Decision.CONFIRM: "identity", Decision.EXTEND: "deadline", Decision.REFUSE: "request", Decision.ACCEPT: "contribution",
    Decision.HANDED_OVER: "answer", Decision.DONE: "task",
    Decision.LIFT: "limitation",
}  # fmt: skip
_PERSONAL = re.compile(r"@|\d{6}")


@dataclass(frozen=True)
class Decided:
    """The decisions about one request that hold today."""

    confirmed_by: str | None = None
    refusal: str | None = None
    is_extended: bool = False
    refusing: Mapping[str, str] = field(default_factory=dict)
    is_handed_over: bool = False
    accepting: frozenset[str] = frozenset()

    def deadline(self, received_on: dt.date) -> dt.date:
        """The last day for the answer: one calendar month, three when extended (article 12-3)."""
        return due_on(received_on, is_extended=self.is_extended)


NOTHING = Decided()


def fold(rows: Iterable[Mapping[str, Any]]) -> dict[str, Decided]:
    """Request id -> what was decided of it, from the rows of privacy.rights_decision."""
    by_request: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_request.setdefault(row[RightsDecision.request_id], []).append(row)
    return {request: _folded(of_one) for request, of_one in by_request.items()}


def _folded(rows: Iterable[Mapping[str, Any]]) -> Decided:
    said = {(r[RightsDecision.subject_matter], r[RightsDecision.decider]): r for r in rows}
    of_officer = {matter: r for (matter, decider), r in sorted(said.items()) if decider.startswith("officer:")}
    answers = {decider.removeprefix("member:"): r for (matter, decider), r in sorted(said.items()) if matter == "contribution"}
    refusing = {m: r[RightsDecision.reason] for m, r in answers.items() if r[RightsDecision.decision] == str(Decision.REFUSE)}
    confirmed, refused = of_officer.get("identity"), of_officer.get("request")
    return Decided(
        confirmed[RightsDecision.decider].removeprefix("officer:") if confirmed else None,
        refused[RightsDecision.reason] if refused else None,
        "deadline" in of_officer,
        refusing,
        "answer" in of_officer,
        frozenset(answers) - frozenset(refusing),
    )


def decision_row(request_id: str, decider: str, decision: Decision, reason: str | None, on: dt.date) -> dict[str, Any]:
    """One privacy.rights_decision row. `decider` is officer:<name>, member:<id> or client:<id>."""
    matter = "contribution" if decider.startswith("member:") and decision != Decision.DONE else _SUBJECT[decision]
    return RightsDecision.row(
        request_id=request_id, subject_matter=matter, decider=decider, decision=str(decision), reason=reason, decided_on=on
    )  # fmt: skip


def check(
    request: Mapping[str, Any], decider: str, decision: Decision, reason: str | None, *, as_of: dt.date, members: Collection[str],
    clients: Collection[str] = (),
) -> None:  # fmt: skip
    """RightsError when this decider may not decide this of that request, a row of privacy.rights_request, on this day."""
    name, state = request[RightsRequest.request_id], request[RightsRequest.state]
    role, _, who = decider.partition(":")
    if decision == Decision.HANDED_OVER and (state != _EXECUTED or request[RightsRequest.right] not in COPIES):
        raise RightsError(f"The request {name} has no copy to hand over: note it of an access or a portability that was carried out.")
    if decision == Decision.LIFT and (state != _EXECUTED or request[RightsRequest.right] != Right.LIMITATION):
        raise RightsError(f"The request {name} froze nothing: a limitation that was carried out can be lifted.")
    if state in _FINAL and decision not in (Decision.HANDED_OVER, Decision.DONE, Decision.LIFT):
        raise RightsError(f"The request {name} is {state} already: nothing can be decided of it any more; open a new request.")
    _check_decider(role, who, decision, members, clients)
    if role == "member" and decision != Decision.DONE and request[RightsRequest.right] not in MEMBERS_DECIDE:
        raise RightsError(f"A member decides of {' and '.join(MEMBERS_DECIDE)} only; this request asks for {request[RightsRequest.right]}.")
    if decision in (Decision.REFUSE, Decision.EXTEND, Decision.LIFT) and not (reason or "").strip():
        raise RightsError("A refusal, an extension or the end of a limitation is told to the person with its reason: add --reason.")
    if _PERSONAL.search(f"{reason or ''}{who}"):
        raise RightsError("A reason and a decider's name stay in the register after an erasure: write them without e-mail addresses or long numbers.")
    if decision == Decision.EXTEND and is_overdue(due_on(request[RightsRequest.received_on]), as_of):
        raise RightsError(f"The deadline of {name} has passed, and an extension must be told within the first month: answer the request now.")
    if decision == Decision.CONFIRM and state != "parked":
        raise RightsError(f"The request {name} is {state}, so there is no doubt to settle: execute it, or wait for the nightly run.")


def _check_decider(role: str, who: str, decision: Decision, members: Collection[str], clients: Collection[str]) -> None:
    if role == "member" and who not in members:
        raise RightsError("The deciding member does not exist: use an id of conf/members.")
    if role == "client" and who not in clients:
        raise RightsError("The deciding client does not exist: use an id of conf/recipients.")
    may = {"member": BY_MEMBER, "client": BY_CLIENT}.get(role, BY_OFFICER)
    if decision not in may:
        other = next(r for r, theirs in (("officer", BY_OFFICER), ("member", BY_MEMBER)) if decision in theirs)
        raise RightsError(f"A decision of the {role} is {' or '.join(may)}, not {decision}: leave this one to the {other}.")
