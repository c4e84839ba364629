"""Hostile and malformed requests: each is refused with one clear sentence that repeats nothing of what the person wrote."""

import datetime as dt

import pytest
import yaml

from appetence.contracts.domain import Right
from appetence.contracts.privacy import RightsRequest
from appetence.errors import RightsError
from appetence.privacy.decisions import Decided
from appetence.privacy.requests import Request, contradictions, digest, held_back, parse, request_id, validate, waiting_copies
from appetence.privacy.rights import death_rows, lifted_rows, suppression_scope

KEY = b"pepper"
PERSON = {"last_name": "Zylberstein", "first_name": "Aglaé", "email": "aglae.zylberstein@free.fr"}
GOOD = {"right": "access", "received_through": "operator", "received_on": "2026-10-20", "evidence": "signed letter", "person": PERSON}


def text(**changes: object) -> bytes:
    said = {**GOOD, **changes}
    return yaml.safe_dump({k: v for k, v in said.items() if v is not None}).replace("'2026-10-20'", "2026-10-20").encode()


MALFORMED = [
    (b"\xff\xfe\x00", "not UTF-8"),
    (b"right: [access", "not valid YAML; correct the line"),
    (b"right: access\nright: erasure\n", "a key stands twice"),
    (b"- access\n", "must hold keys and values"),
    (b"", "must hold keys and values"),
    (b"x" * 70_000, "send one request per file"),
    (b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\nright: *b\n", "right"),
    (text(right="destroy"), "right is none of"),
    (text(right=None), "right is missing"),
    (text(right=None, evidence=""), "right is missing: add it; "),
    (text(right=None, evidence=""), "; evidence cannot be used"),
    (text(person=None), "person is missing"),
    (text(person={**PERSON, "passport": "12AB34567"}), "person.passport is not a known key"),
    (text(**{"Aglaé Zylberstein": "x"}), "a key is not a known key"),
    (text(received_through="somebody"), "operator, member:<id> or client:<id>"),
    (text(received_on="yesterday"), "received_on cannot be used"),
    (text(received_on="2026-10-20T10:00:00"), "received_on"),
    (text(evidence=""), "evidence cannot be used"),
    (text(person={"last_name": "Zylberstein", "first_name": "Aglaé"}), "a name alone finds nobody"),
    (text(person={"last_name": "Zylberstein", "first_name": "Aglaé", "address_1": "1 rue Haute"}), "a name alone finds nobody"),
    (text(person={**PERSON, "postcode": 1000}), "put it between quotes"),
    (text(person={**PERSON, "last_name": ["Zylberstein"]}), "person.last_name cannot be used"),
    (text(person={**PERSON, "last_name": ""}), "person.last_name cannot be used"),
    (text(right="rectification"), "a rectification needs them"),
    (text(corrections={"city": "Lille"}), "corrections belong to a rectification"),
    (text(right="directive"), "a directive needs it"),
    (text(right="directive", wish="burn"), "wish"),
    (text(channels=["post"]), "narrow an opposition or a withdrawal only"),
    (text(members=["m01", "m01"]), "names one member twice"),
    (text(asked_by="heir"), "other rights ended with the person"),
    (text(right="opposition", asked_by="heir", channels=["post"]), "not narrowed"),
    (text(asked_by="friend"), "asked_by cannot be used"),
    (text(profiling=True), "profiling: true belongs to an opposition"),
    (text(right="opposition", asked_by="heir", profiling=True), "profiling: true belongs to an opposition by the person"),
    (text(right="opposition", profiling=True, members=["m01"]), "it names no members, channels, uses or purposes"),
    (text(right="opposition", profiling=True, channels=["post"]), "it names no members, channels, uses or purposes"),
    (text(lift=True), "lift: true ends a limitation"),
    (text(members=["M 01; DROP TABLE"]), "members.0 cannot be used"),
]


@pytest.mark.parametrize(("content", "says"), MALFORMED)
def test_a_malformed_request_is_refused_with_one_sentence(content: bytes, says: str) -> None:
    with pytest.raises(RightsError) as refused:
        parse(content, "r.yaml", KEY)
    sentence = str(refused.value)
    assert sentence.startswith("r.yaml") and says in sentence, sentence
    assert "\n" not in sentence and not any(v in sentence for v in ("Zylberstein", "Aglaé", "aglae", "12AB34567", "DROP"))


IMPOSSIBLE = [
    ({"received_on": "2026-11-01"}, "after the day of this run"),
    ({"received_through": "member:m99"}, "names a member that does not exist"),
    ({"received_through": "client:r_xyz"}, "names a client that does not exist"),
    ({"members": ["m77"]}, "m77, which is no member"),
    ({"right": "rectification", "corrections": {"run_id": "x"}}, "corrections may concern"),
    ({"person": {**PERSON, "birth_date": dt.date(2026, 10, 20)}}, "birth_date lies after the request"),
]


@pytest.mark.parametrize(("change", "says"), IMPOSSIBLE)
def test_a_request_that_names_what_does_not_exist_is_refused(change: dict[str, object], says: str) -> None:
    content = text(**change).replace(b"'2026-11-01'", b"2026-11-01")
    spec = parse(content, "r.yaml", KEY)
    with pytest.raises(RightsError, match=says):
        validate(spec, "r.yaml", as_of=dt.date(2026, 10, 31), members={"m01"}, clients={"r_vad"}, columns={"city"})


def test_a_good_request_is_taken_and_its_id_depends_on_what_it_says_only() -> None:
    spec = parse(text(), "r.yaml", KEY)
    validate(spec, "r.yaml", as_of=dt.date(2026, 10, 31), members={"m01"}, clients=set(), columns={"city"})
    other_order = yaml.safe_dump(dict(reversed(GOOD.items())), sort_keys=False).replace("'2026-10-20'", "2026-10-20").encode()
    assert request_id(digest(spec), KEY) == request_id(digest(parse(other_order, "other.yaml", KEY)), KEY)
    assert request_id(digest(spec), KEY) != request_id(digest(spec), b"another pepper")
    assert request_id(digest(spec), KEY) != request_id(digest(parse(text(received_on="2026-10-19").replace(b"'", b""), "x", KEY)), KEY)


def test_contradictory_requests_wait_whichever_came_first() -> None:
    tonight = [("a", "p1", Right.ERASURE), ("b", "p1", Right.LIMITATION), ("c", "p2", Right.ERASURE), ("d", "p3", Right.ACCESS)]
    parked = contradictions(tonight, {})
    assert set(parked) == {"a", "b"} and "limitation" in parked["a"] and "erasure" in parked["b"]
    assert set(contradictions([("c", "p2", Right.ERASURE)], {"p2": [Right.RECTIFICATION]})) == {"c"}


def test_an_heir_has_everything_stopped_and_the_death_noted() -> None:
    spec = parse(text(right="opposition", asked_by="heir", evidence="death certificate"), "r.yaml", KEY)
    (row,) = death_rows(Request("q", "r.yaml", spec), ["p1"])
    assert (row["person_id"], row["certainty"], row["rule"], row["source"]) == ("p1", "certain", "heir", None)
    assert death_rows(Request("q", "r.yaml", parse(text(right="opposition"), "r.yaml", KEY)), ["p1"]) == []


def test_an_erasure_waits_for_a_copy_until_it_is_handed_over_or_past_its_day() -> None:
    day = dt.date(2026, 10, 31)
    copy = RightsRequest.row(request_id="c", right="access", state="executed", person_id="p1", record_ids=["r1", "r2"], due_on=day)
    erasures = {"person": {"p1", "r9"}, "record": {"p7", "r2"}, "other": {"p2", "r3"}}

    def held(row: dict[str, object], as_of: dt.date = day, **decided: Decided) -> set[str]:
        return held_back(erasures, waiting_copies([row], decided, as_of))

    assert held(copy) == {"person", "record"} == held({**copy, "right": "portability"})
    assert held(copy, c=Decided(is_handed_over=True)) == set() == held(copy, day + dt.timedelta(days=1))
    assert held({**copy, "state": "parked"}) == set() == held({**copy, "right": "limitation"})
    assert held({**copy, "person_id": None, "record_ids": []}) == set()


def test_the_end_of_a_limitation_is_a_request_of_its_own_and_ends_what_still_holds() -> None:
    frozen, freed = (parse(text(right="limitation", **more), "r.yaml", KEY) for more in ({}, {"lift": True}))
    assert b"lift" not in digest(frozen) and digest(frozen) != digest(freed)
    day = dt.date(2026, 10, 31)
    rows = [{"record_id": str(n), "until": until} for n, until in enumerate((None, dt.date(2026, 10, 30), dt.date(2026, 10, 1), day))]
    assert [(r["record_id"], r["until"]) for r in lifted_rows(rows, day)] == [("0", dt.date(2026, 10, 30)), ("3", dt.date(2026, 10, 30))]


def test_an_objection_to_profiling_lists_its_person_for_the_makers_of_scores_only_and_is_a_request_of_its_own() -> None:
    plain, objection = (parse(text(right="opposition", **more), "r.yaml", KEY) for more in ({}, {"profiling": True}))
    assert (suppression_scope(plain), suppression_scope(objection)) == ("global", "profiling")
    assert b"profiling" not in digest(plain), "a request taken before the key existed keeps its id"
    assert digest(plain) != digest(objection)
