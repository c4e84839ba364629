"""Who may decide what of a request, and until when; no decision outlives a later one of the same decider."""

from __future__ import annotations

import datetime as dt

import pytest

from appetence.contracts.privacy import RightsRequest
from appetence.errors import RightsError
from appetence.privacy.decisions import Decision, check, decision_row, fold
from appetence.privacy.requests import Request, RequestSpec, digest
from appetence.privacy.rights import task_rows

DAY = dt.date(2026, 10, 31)
OFFICER, MEMBER = "officer:A. Martin", "member:m05"


def row(**more: object) -> dict[str, object]:
    said = {"request_id": "q1", "right": "erasure", "state": "open", "received_on": dt.date(2026, 10, 20)}
    return RightsRequest.row(**{**said, **more})


REFUSED = [
    (row(state="executed"), OFFICER, Decision.REFUSE, "x", "executed already"),
    (row(state="refused"), MEMBER, Decision.REFUSE, "x", "refused already"),
    (row(), "member:m99", Decision.REFUSE, "x", "does not exist"),
    (row(), MEMBER, Decision.CONFIRM, None, "is accept or refuse or done, not confirm: leave this one to the officer"),
    (row(), OFFICER, Decision.ACCEPT, None, "leave this one to the member"),
    (row(right="access"), MEMBER, Decision.REFUSE, "x", "decides of erasure and limitation only; this request asks for access"),
    (row(), MEMBER, Decision.REFUSE, " ", "add --reason"),
    (row(), OFFICER, Decision.EXTEND, None, "add --reason"),
    (row(), OFFICER, Decision.REFUSE, "wrote from zoe@free.fr", "without e-mail addresses"),
    (row(), OFFICER, Decision.REFUSE, "called from 0612345678", "long numbers"),
    (row(received_on=dt.date(2026, 9, 30)), OFFICER, Decision.EXTEND, "many records", "within the first month"),
    (row(), OFFICER, Decision.CONFIRM, None, "no doubt to settle"),
    (row(right="access"), OFFICER, Decision.HANDED_OVER, None, "no copy to hand over"),
    (row(state="executed"), OFFICER, Decision.HANDED_OVER, None, "no copy to hand over"),
    (row(state="executed", right="access"), MEMBER, Decision.HANDED_OVER, None, "leave this one to the officer"),
    (row(state="executed"), OFFICER, Decision.LIFT, "settled", "froze nothing"),
    (row(state="open", right="limitation"), OFFICER, Decision.LIFT, "settled", "froze nothing"),
    (row(state="executed", right="limitation"), OFFICER, Decision.LIFT, None, "add --reason"),
    (row(state="executed", right="limitation"), MEMBER, Decision.LIFT, "settled", "leave this one to the officer"),
    (row(), "client:r_x", Decision.DONE, None, "deciding client does not exist"),
    (row(), OFFICER, Decision.DONE, None, "leave this one to the member"),
    (row(state="executed", right="access"), OFFICER, Decision.EXTEND, "many", "executed already"),
]


@pytest.mark.parametrize(("request_row", "decider", "decision", "reason", "says"), REFUSED)
def test_a_decision_that_may_not_be_taken_is_one_sentence(
    request_row: dict[str, object], decider: str, decision: Decision, reason: str | None, says: str
) -> None:
    with pytest.raises(RightsError) as refused:
        check(request_row, decider, decision, reason, as_of=DAY, members={"m05", "m01"})
    assert says in str(refused.value) and "\n" not in str(refused.value)
    assert not any(v in str(refused.value) for v in ("zoe@free.fr", "0612345678"))


def test_what_may_be_decided_passes() -> None:
    check(row(), MEMBER, Decision.REFUSE, "invoices are kept ten years", as_of=DAY, members={"m05"})
    check(row(state="executed", right="portability"), OFFICER, Decision.HANDED_OVER, None, as_of=DAY, members=set())
    check(row(state="executed", right="limitation"), OFFICER, Decision.LIFT, "the dispute is settled", as_of=DAY, members=set())
    check(row(state="executed", right="rectification"), MEMBER, Decision.DONE, None, as_of=DAY, members={"m05"})
    check(row(state="executed"), "client:r_vad", Decision.DONE, None, as_of=DAY, members=set(), clients={"r_vad"})
    check(row(state="parked"), OFFICER, Decision.CONFIRM, None, as_of=DAY, members={"m05"})
    # The last day of the month still counts for an extension: 30 September + 1 month = 30 October.
    check(row(received_on=dt.date(2026, 9, 30)), OFFICER, Decision.EXTEND, "many", as_of=dt.date(2026, 10, 30), members=set())


def test_decisions_fold_by_matter_and_decider() -> None:
    rows = [
        decision_row("q1", OFFICER, Decision.CONFIRM, None, DAY),
        decision_row("q1", OFFICER, Decision.EXTEND, "many records", DAY),
        decision_row("q1", MEMBER, Decision.REFUSE, "invoices", DAY),
        decision_row("q1", "member:m01", Decision.ACCEPT, None, DAY),
        decision_row("q2", OFFICER, Decision.REFUSE, "withdrawn by the person", DAY),
        decision_row("q3", OFFICER, Decision.HANDED_OVER, None, DAY),
    ]
    keys = {(r["request_id"], r["subject_matter"], r["decider"]) for r in rows}
    assert len(keys) == 6
    changed = decision_row("q1", MEMBER, Decision.ACCEPT, None, DAY)
    assert (changed["request_id"], changed["subject_matter"], changed["decider"]) in keys, "a member's new word replaces its old one"
    decided = fold(rows)
    assert decided["q1"].confirmed_by == "A. Martin" and decided["q1"].refusal is None
    assert dict(decided["q1"].refusing) == {"m05": "invoices"}
    assert [decided[q].is_handed_over for q in ("q1", "q2", "q3")] == [False, False, True]
    assert decided["q1"].deadline(dt.date(2026, 11, 30)) == dt.date(2027, 2, 28)
    assert decided["q2"].refusal == "withdrawn by the person" and decided["q2"].deadline(dt.date(2026, 1, 31)) == dt.date(2026, 2, 28)


def test_a_confirmation_does_not_make_it_another_request_and_a_refusing_members_task_says_so() -> None:
    said = {"right": "erasure", "received_through": "operator", "received_on": DAY, "evidence": "letter",
            "person": {"last_name": "A", "first_name": "B", "email": "a@b.fr"}}  # fmt: skip
    spec = RequestSpec.model_validate(said)
    assert digest(spec) == digest(RequestSpec.model_validate({**said, "confirmed_by": "A. Martin"}))
    decided = fold([decision_row("q", MEMBER, Decision.REFUSE, "invoices", DAY), decision_row("q", OFFICER, Decision.EXTEND, "x", DAY)])["q"]
    request = Request("q", "q.yaml", spec, decided)
    tasks = {t["controller_id"]: (t["decision"], t["state"], t["due_on"]) for t in task_rows(request, ["m05", "m01"], ["r_vad"], DAY)}
    due = dt.date(2027, 1, 31)
    assert tasks == {"m05": ("refused", "done", due), "m01": ("unanswered", "done", due), "r_vad": (None, "open", due)}
    assert not request.is_confirmed and Request("q", "q.yaml", RequestSpec.model_validate({**said, "confirmed_by": "A. M"})).is_confirmed
