"""What each right becomes: whom it concerns, who is told, who is stopped, from when and until when. Plain rows, without a lake."""

from __future__ import annotations

import datetime as dt
import json
from itertools import product
from pathlib import Path

import pytest

from appetence.contracts.domain import Channel, Purpose, Right, Use
from appetence.privacy import destruction, rights
from appetence.privacy.decisions import NOTHING, Decided
from appetence.privacy.matching import Identified
from appetence.privacy.requests import Request, RequestSpec
from appetence.privacy.rights import Case

RECEIVED, DAY = dt.date(2026, 10, 20), dt.date(2026, 10, 31)
PERSON = {"last_name": "Zylberstein", "first_name": "Aglaé", "email": "aglae.zylberstein@free.fr"}
OWNERS = {"r1": "m01", "r2": "m02", "r3": "m02"}
FOUND = Identified("q", "found", "", ("p1",), tuple(OWNERS), ("m01", "m02"))


def request(right: str, decided: Decided = NOTHING, **more: object) -> Request:
    """A request of one person, received on 20 October."""
    said = {"right": right, "received_through": "operator", "received_on": RECEIVED, "evidence": "letter", "person": PERSON, **more}
    return Request("q", "q.yaml", RequestSpec.model_validate(said), decided)


def test_inv_25_members_that_are_named_are_concerned_and_no_other() -> None:
    def concerned(*members: str) -> tuple[tuple[str, ...], str | None]:
        return rights.scoped(FOUND, OWNERS, request("erasure", members=members).spec)

    assert concerned() == (("r1", "r2", "r3"), None)
    assert concerned("m01") == (("r1",), None) and concerned("m02") == (("r2", "r3"), None), "another member's contribution stays"
    nobody, lacking = concerned("m01", "m03")
    assert nobody == () and "m03 does not supply this person" in str(lacking)


@pytest.mark.parametrize(
    ("right", "more", "scope"),
    [
        ("erasure", {}, "global"),
        ("erasure", {"received_through": "client:r_vad"}, "global"),
        ("erasure", {"members": ["m01"]}, None),
        ("opposition", {}, "global"),
        ("opposition", {"received_through": "member:m01"}, "global"),
        ("opposition", {"received_through": "client:r_vad"}, "r_vad"),
        ("opposition", {"members": ["m01"]}, None),
        ("opposition", {"channels": ["post"]}, None),
        ("opposition", {"uses": ["house"]}, None),
        ("opposition", {"purposes": ["caritative"]}, None),
        ("opposition", {"profiling": True}, "profiling"),
        ("withdrawal", {}, None),
        ("limitation", {}, None),
        ("access", {}, None),
        ("portability", {}, None),
    ],
)
def test_inv_23_who_is_stopped_for_whom(right: str, more: dict[str, object], scope: str | None) -> None:
    assert rights.suppression_scope(request(right, **more).spec) == scope


def test_inv_03_a_no_covers_everything_unless_narrowed_and_outlives_a_yes_of_that_day() -> None:
    rows = rights.opposition_rows(request("opposition"), OWNERS)
    grid = set(product(map(str, Channel), map(str, Use), map(str, Purpose)))
    for record, member in OWNERS.items():
        theirs = [row for row in rows if row["record_id"] == record]
        assert {(r["channel"], r["use"], r["purpose"]) for r in theirs} == grid and len(theirs) == len(grid)
        assert {r["member_id"] for r in theirs} == {member} and {r["status"] for r in theirs} == {"opposed"}
    assert len({r["event_id"] for r in rows}) == len(rows)
    assert {r["collected_at"] for r in rows} == {dt.datetime(2026, 10, 20, 23, 59, 59, tzinfo=dt.UTC)}
    narrow = rights.opposition_rows(request("withdrawal", channels=["email"], uses=["prospect"], purposes=["commercial"]), {"r1": "m01"})
    assert [(r["channel"], r["use"], r["purpose"], r["status"]) for r in narrow] == [("email", "prospect", "commercial", "withdrawn")]


def test_inv_25_past_recipients_are_told_of_what_changes_and_by_references_only() -> None:
    exports = [("routeur", "x2"), ("routeur", "x1"), ("routeur", "x1"), ("centre", "x3")]
    told = {right for right in Right if rights.notice_rows(request(right, **_lacking(right)), exports, DAY)}
    assert told == {Right.ERASURE, Right.RECTIFICATION, Right.LIMITATION, Right.OPPOSITION, Right.WITHDRAWAL}
    rows = rights.notice_rows(request("erasure"), exports, DAY)
    assert [(r["recipient_id"], r["export_id"], r["noticed_on"]) for r in rows] == [
        ("centre", "x3", DAY),
        ("routeur", "x1", DAY),
        ("routeur", "x2", DAY),
    ]
    letter = rights.notice_letter(request("erasure"), "routeur", {"x1": ["REF2", "REF1"]})
    assert json.loads(letter)["references_by_export"] == {"x1": ["REF1", "REF2"]}
    assert not any(value in letter for value in PERSON.values())


def _lacking(right: Right) -> dict[str, object]:
    return {Right.RECTIFICATION: {"corrections": {"city": "ROUBAIX"}}, Right.DIRECTIVE: {"wish": "erase"}}.get(right, {})


def test_inv_25_each_controller_concerned_has_its_task_and_nobody_else() -> None:
    until = dt.date(2026, 11, 10)
    waiting = rights.task_rows(request("erasure"), ["m02", "m01", "m02"], ["r_vad"], DAY, until)
    assert [(t["controller_id"], t["controller_role"], t["state"], t["due_on"]) for t in waiting] == [
        ("m01", "supplier", "open", until), ("m02", "supplier", "open", until), ("r_vad", "client", "open", dt.date(2026, 11, 20)),
    ]  # fmt: skip
    at_source = rights.task_rows(request("rectification", corrections={"city": "ROUBAIX"}), ["m01"], [], DAY)
    assert [(t["state"], t["decision"]) for t in at_source] == [("open", None)], "its member corrects at source"
    assert [(t["state"], t["decision"]) for t in rights.task_rows(request("opposition"), ["m01"], [], DAY)] == [("done", "accepted")]


def test_members_are_waited_for_until_ten_days_before_the_limit_and_for_erasures_only() -> None:
    assert rights.answers_until(request("erasure"), 10) == dt.date(2026, 11, 10)
    assert rights.answers_until(request("erasure", Decided(is_extended=True)), 10) == dt.date(2027, 1, 10)
    assert rights.answers_until(request("erasure"), 60) == RECEIVED
    asked = Case(request("erasure"), FOUND, OWNERS)
    assert rights.unanswered(asked) == ["m01", "m02"]
    assert rights.unanswered(Case(request("erasure", Decided(refusing={"m01": "x"}, accepting=frozenset({"m02"}))), FOUND, OWNERS)) == []
    assert rights.unanswered(Case(request("limitation"), FOUND, OWNERS)) == []
    assert rights.unanswered(Case(request("erasure"), FOUND, dict.fromkeys(OWNERS, ""))) == [], "an erasure cut short waits for nobody"


def test_inv_24_what_is_frozen_is_so_from_the_day_of_receipt_until_further_notice() -> None:
    rows = rights.limitation_rows(request("limitation"), ["r2", "r1"])
    assert [(r["record_id"], r["since"], r["until"]) for r in rows] == [("r1", RECEIVED, None), ("r2", RECEIVED, None)]


def test_an_answer_is_written_for_this_account_alone(tmp_path: Path) -> None:
    file = destruction.write_private(tmp_path / "answers", "access.json", "{}")
    assert file.stat().st_mode & 0o077 == 0 == file.parent.stat().st_mode & 0o077 and [f.name for f in file.parent.iterdir()] == ["access.json"]
