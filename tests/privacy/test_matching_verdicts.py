"""Nobody receives or loses another person's data: what counts as found, and every doubt that goes to the officer."""

from typing import Any

import pytest

from appetence.privacy.matching import identify


def row(
    record: str, person: str | None = "p1", *, reached: bool = True, named: bool = True, birth: str | None = None, bare: bool = False
) -> dict[str, Any]:
    """One candidate record of a request."""
    return {
        "record_id": record, "member_id": "m01", "person_id": person, "has_coordinate": reached, "names_agree": named, "birth_agreement": birth,
        "is_bare": bare,
    }  # fmt: skip


def test_the_whole_person_is_found_through_one_coordinate() -> None:
    found = identify("q", [row("r1"), row("r2", reached=False), row("r3", reached=False, named=False, bare=True)])
    assert (found.outcome, found.person_ids, found.record_ids) == ("found", ("p1",), ("r1", "r2", "r3"))


def test_a_record_not_resolved_yet_is_found_through_its_coordinates() -> None:
    found = identify("q", [row("r1", person=None)])
    assert (found.outcome, found.person_ids, found.record_ids) == ("found", (), ("r1",))


@pytest.mark.parametrize(
    ("candidates", "outcome", "says"),
    [
        ([], "unknown", "No record holds these coordinates"),
        ([row("r1", named=False)], "doubtful", "under another name"),
        ([row("r1", birth="contradicting")], "doubtful", "born on another day"),
        ([row("r1"), row("r2", reached=False, named=False)], "doubtful", "1 of the 2 records"),
        ([row("r1"), row("r2", reached=False, birth="contradicting")], "doubtful", "1 of the 2 records"),
        ([row("r1"), row("r2", "p2")], "doubtful", "2 persons answer"),
        ([row("r1", birth="equal"), row("r2", "p2")], "doubtful", "2 persons answer"),
    ],
)
def test_doubt_goes_to_the_officer(candidates: list[dict[str, Any]], outcome: str, says: str) -> None:
    found = identify("q", candidates)
    assert found.outcome == outcome and says in found.reason and found.record_ids == ()


def test_a_birth_date_settles_two_persons_that_resolution_kept_apart() -> None:
    found = identify("q", [row("r1", birth="equal"), row("r2", "p2", birth="equal")])
    assert (found.outcome, found.person_ids) == ("found", ("p1", "p2"))


def test_a_father_and_a_son_of_one_name_are_told_apart_by_the_birth_date() -> None:
    found = identify("q", [row("father", "p1", birth="equal"), row("son", "p2", birth="contradicting")])
    assert (found.outcome, found.record_ids) == ("found", ("father",))


def test_the_officer_settles_in_favour_of_what_agrees_only() -> None:
    found = identify("q", [row("r1"), row("r2", reached=False, named=False), row("r3", "p2", named=False)], is_confirmed=True)
    assert (found.outcome, found.record_ids) == ("found", ("r1",))
    assert identify("q", [row("r1", named=False)], is_confirmed=True).outcome == "doubtful", "no officer hands out another name's data"
