"""Whose data may be read and who may be featured: unknown means no."""

from __future__ import annotations

import datetime as dt

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.domain import Use
from appetence.contracts.identity import Person, PersonLink
from appetence.contracts.privacy import Death, Limitation, ProfilingObjection
from appetence.features import eligibility as e

DAY = dt.date(2026, 10, 31)
MEMBERS = [{"member_id": m, "is_active": m != "m4"} for m in ("m1", "m2", "m3", "m4")]


def instruction(member: str, **changes: object) -> dict[str, object]:
    return {
        "instruction_id": f"i_{member}", "member_id": member, "valid_from": dt.date(2024, 1, 1), "valid_to": None,
        "purposes": ["commercial"], "uses": ["prospect"], "recipient_sectors_allowed": [], "recipient_sectors_refused": [],
        "adults_only": False,
    } | changes  # fmt: skip


def covered(*instructions: dict[str, object], sector: str = "voyages", use: Use = Use.PROSPECT) -> set[str]:
    return set(e.covering_members(instructions, MEMBERS, DAY, use=use, recipient_sector=sector))


def test_only_live_instructions_of_active_members_cover() -> None:
    assert covered(instruction("m1"), instruction("m2", valid_to=dt.date(2026, 10, 30)), instruction("m4")) == {"m1"}
    assert covered(instruction("m1", valid_from=dt.date(2026, 11, 1))) == set()


def test_use_sector_and_purpose_must_all_be_covered() -> None:
    assert covered(instruction("m1", uses=["house"])) == set()
    assert covered(instruction("m1", recipient_sectors_refused=["voyages"]), instruction("m2", recipient_sectors_allowed=["energie"])) == set()
    assert covered(instruction("m1"), instruction("m2", purposes=["caritative"]), sector="caritatif") == {"m2"}


def test_an_exclusion_pair_works_both_ways() -> None:
    pairs = [{"party_a": "m1", "party_b": "r_x"}, {"party_a": "m2", "party_b": "m3"}]
    assert e.competitors(pairs, {"r_x"}) == {"m1"}
    assert e.competitors(pairs, {"m1"}) == {"r_x"}
    assert e.competitors(pairs, {"m3", "r_x"}) == {"m1", "m2"}


@pytest.mark.spark
def test_inv_07_minors_the_limited_the_deceased_and_the_unknown_are_left_out(spark: SparkSession) -> None:
    births = {
        "p_adult": dt.date(1980, 1, 1), "p_minor": dt.date(2008, 11, 1), "p_just": dt.date(2008, 10, 31), "p_dead": dt.date(1930, 1, 1),
        "p_limited": dt.date(1980, 1, 1), "p_ended": dt.date(1980, 1, 1), "p_unknown": None, "p_vouched": None,
        "p_objects": dt.date(1980, 1, 1),
    }  # fmt: skip
    persons = Person.frame(spark, [{"person_id": p, "birth_date": b} for p, b in births.items()])
    links = PersonLink.frame(spark, [{"record_id": f"r_{p}", "member_id": "m2" if p == "p_vouched" else "m1", "person_id": p} for p in births])
    limits = Limitation.frame(
        spark,
        [
            {"record_id": "r_p_limited", "request_id": "q", "since": DAY},
            {"record_id": "r_p_ended", "request_id": "q", "since": dt.date(2026, 1, 1), "until": dt.date(2026, 10, 30)},
        ],
    )
    deaths = Death.frame(spark, [{"person_id": "p_dead", "certainty": "probable"}])
    objections = ProfilingObjection.frame(spark, [{"record_id": "r_p_objects", "since": dt.date(2026, 1, 1)}])
    closed = e.frozen_records(limits, DAY).unionByName(e.objecting_records(objections))
    made = e.eligible_persons(persons, links, closed, deaths, {"m2"}, DAY)
    assert {r.person_id: r[e.FEATURED_FROM] for r in made.collect()} == {
        "p_adult": dt.date(1998, 1, 1), "p_just": DAY, "p_ended": dt.date(1998, 1, 1), "p_vouched": e.ALWAYS,
    }  # fmt: skip
