"""Who lives with whom, case by case, the size guard, and the three levels: person, household, address."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from appetence.columns.hashing import pads
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.silver import Record
from appetence.identity.households import Limits, build_households
from appetence.identity.member_ids import build_member_households

pytestmark = pytest.mark.spark
HOME = {"address_key": "3 RUE LILAS", "postcode": "35000", "city": "RENNES", "is_deliverable": True}
OTHER = {"address_key": "8 QUAI BRUMES", "postcode": "29200", "city": "BREST", "is_deliverable": True}
OLD = {"address_key": "1 RUE BAS", "postcode": "59000", "city": "LILLE", "is_deliverable": True}
NEW = {"address_key": "2 RUE HAUT", "postcode": "59000", "city": "LILLE", "is_deliverable": True}
TOWER = {"address_key": "40 AVENUE PLATANES", "postcode": "69003", "city": "LYON", "is_deliverable": True}


def placed(spark: SparkSession, persons: dict[str, list[dict[str, Any]]], kin: Iterable[tuple[str, str]] = (), max_size: int = 12) -> dict[str, Row]:
    """What is found of each person; each has a list of records."""
    rows, owners = [], []
    for person, records in persons.items():
        for i, record in enumerate(records):
            rows.append({"record_id": f"{person}{i}", "member_id": "m01", "delivered_on": dt.date(2026, 1, 1 + i), **record})
            owners.append((f"{person}{i}", person))
    pairs: DataFrame = spark.createDataFrame(list(kin), "record_a string, record_b string")
    owned = spark.createDataFrame(owners, "record_id string, person string")

    def kept(name: str, frame: DataFrame) -> DataFrame:
        return spark.createDataFrame(frame.collect(), frame.schema)

    homes = build_households(Record.frame(spark, rows), owned, pairs, Limits(max_size, "driver"), kept).collect()
    by_person = {row.person: row for row in homes}
    assert sorted(by_person) == sorted(persons) and len(homes) == len(persons)
    sizes = {p: len(g) for g in together(by_person) for p in g}
    assert {p: row.household_size for p, row in by_person.items()} == sizes
    return by_person


def together(by_person: dict[str, Row], level: str = "household") -> set[frozenset[str]]:
    """The persons of each group of a level."""
    groups: dict[Any, set[str]] = {}
    for person, row in by_person.items():
        groups.setdefault(row[level], set()).add(person)
    return {frozenset(g) for g in groups.values()}


def found(
    spark: SparkSession, persons: dict[str, list[dict[str, Any]]], kin: Iterable[tuple[str, str]] = (), max_size: int = 12
) -> set[frozenset[str]]:
    """Households as sets of persons."""
    return together(placed(spark, persons, kin, max_size))


def test_family_couple_neighbour_and_mover(spark: SparkSession) -> None:
    persons = {
        # a family of one name; a couple of two names
        "anne": [{**HOME, "last_name": "MARTIN", "gender": "F", "delivered_on": dt.date(2026, 3, 1)}],
        "paul": [{**HOME, "last_name": "MARTIN", "gender": "M", "delivered_on": dt.date(2026, 3, 1)}],
        "rose": [{**OTHER, "last_name": "PETIT", "gender": "F", "birth_date": dt.date(1970, 5, 1)}],
        "luc": [{**OTHER, "last_name": "DURAND", "gender": "M", "birth_date": dt.date(1966, 5, 1)}],
        # was at the Martins', who are known there after it moved: its newest deliverable address counts
        "theo": [{**HOME, "last_name": "MARTIN"}, {**TOWER, "last_name": "MARTIN"}],
        "ines": [{**TOWER, "last_name": "GARCIA"}],
        # moved together, though one file does not know it yet
        "zoe": [{**OLD, "last_name": "VIDAL"}, {**NEW, "last_name": "VIDAL"}],
        "noe": [{**OLD, "last_name": "VIDAL"}],
        "nowhere": [{"last_name": "MARTIN"}],
        # its address is written in another way, which the model has seen through
        "eva": [{**HOME, "address_key": "3 RUE LILS", "last_name": "MARTIN"}],
        # one landline in two places
        "max": [{**OLD, "last_name": "PONS", "landline": "+33320000001"}],
        "lea": [{"last_name": "COHEN", "landline": "+33320000001"}],
    }
    homes = found(spark, persons, kin=[("eva0", "anne0")])
    assert frozenset({"anne", "paul", "eva"}) in homes
    assert frozenset({"max", "lea"}) in homes
    assert frozenset({"rose", "luc"}) in homes
    assert frozenset({"zoe", "noe"}) in homes
    assert {frozenset({p}) for p in ("theo", "ines", "nowhere")} <= homes


def test_two_names_are_tied_by_landline_email_flat_or_the_model(spark: SparkSession) -> None:
    """One building each, with a crowd around the two, since in a small house a couple is seen without any of these."""
    flat = {"address_extra": "ETAGE 2 APPARTEMENT 14"}
    ties = {"nothing": {}, "line": {"landline": "+33472000001"}, "mail": {"email": "roux.blanc@example.fr"}, "flat": flat, "model": {}}
    persons: dict[str, list[dict[str, Any]]] = {}
    for name, tie in ties.items():
        tower = {**TOWER, "address_key": f"{name.upper()} AVENUE PLATANES"}
        persons[f"{name}_a"] = [{**tower, "last_name": "ROUX", **tie}]
        persons[f"{name}_b"] = [{**tower, "last_name": "BLANC", **tie}]
        persons |= {f"{name}_x{i}": [{**tower, "last_name": f"N{i:02d}"}] for i in range(14)}
    homes = found(spark, persons, kin=[("model_a0", "model_b0")])
    assert {h for h in homes if len(h) > 1} == {frozenset({f"{n}_a", f"{n}_b"}) for n in ("line", "mail", "flat", "model")}


def test_one_building_two_families_of_one_name(spark: SparkSession) -> None:
    flats = {f"p{i}": [{**TOWER, "last_name": "MARTIN", "address_extra": f"APPARTEMENT {i % 2}"}] for i in range(4)}
    crowd = {f"x{i}": [{**TOWER, "last_name": f"N{i:02d}"}] for i in range(14)}
    homes = found(spark, flats | crowd)
    assert {frozenset({"p0", "p2"}), frozenset({"p1", "p3"})} <= homes


def test_an_institution_is_no_household(spark: SparkSession) -> None:
    line = {"landline": "+33299000000"}
    residents = {f"r{i:02d}": [{**HOME, **line, "last_name": "PETIT" if i < 2 else f"N{i:02d}"}] for i in range(20)}
    homes = found(spark, residents)
    assert frozenset({"r00", "r01"}) in homes
    assert max(len(h) for h in homes) == 2


def test_students_of_one_residence_stay_apart(spark: SparkSession) -> None:
    """One street address, a room each: not even two of one surname are a family. Two who share a flat keep house together."""
    residence = {**TOWER, "address_key": "5 RUE FACULTES"}
    names = ["MARTIN", "MARTIN", *(f"N{i:02d}" for i in range(12))]
    rooms: dict[str, list[dict[str, Any]]] = {
        f"r{i:02d}": [{**residence, "last_name": n, "gender": "FM"[i % 2], "address_extra": f"CHAMBRE {i}"}] for i, n in enumerate(names)
    }
    shared = {f"s{i}": [{**residence, "last_name": f"S{i}", "address_extra": "BATIMENT B APPARTEMENT 3"}] for i in range(2)}
    # Who names no room is no family of those who do.
    unsaid = {"u0": [{**residence, "last_name": "MARTIN"}]}
    by_person = placed(spark, rooms | shared | unsaid)
    assert together(by_person) == {*(frozenset({p}) for p in (*rooms, "u0")), frozenset(shared)}
    assert len({row.address_id for row in by_person.values()}) == 1, "a room is no address of its own"


def test_a_home_for_the_elderly_is_no_household_but_its_couples_are(spark: SparkSession) -> None:
    """One street address and one line for all, no rooms: past the guard a surname holds a couple together, and nothing else does."""
    home = {**HOME, "landline": "+33299000000"}
    couple: dict[str, list[dict[str, Any]]] = {p: [{**home, "last_name": "PETIT", "gender": p[0]}] for p in ("F_petit", "M_petit")}
    single = {f"n{i:02d}": [{**home, "last_name": f"N{i:02d}"}] for i in range(4)}
    by_person = placed(spark, couple | single, max_size=5)
    assert together(by_person) == {frozenset(couple), *(frozenset({p}) for p in single)}
    assert len(together(by_person, "group_id")) == len(together(by_person, "address_id")) == 1, "what ties them stays known"
    # Up to the guard they are one.
    assert together(placed(spark, couple | single, max_size=6)) == {frozenset(couple | single)}


def test_a_crowd_of_one_surname_is_past_the_guard_too(spark: SparkSession) -> None:
    """A convent, a clan, a placeholder: where the surname holds too many together, nothing does."""
    persons = {f"p{i}": [{**HOME, "last_name": "MARTIN"}] for i in range(4)}
    assert found(spark, persons, max_size=4) == {frozenset(persons)}
    assert found(spark, persons, max_size=3) == {frozenset({p}) for p in persons}


def test_an_address_holds_households_and_a_household_may_lack_one(spark: SparkSession) -> None:
    """The three levels: persons, of whom households are made, of whom some share an address."""
    persons = {
        "anne": [{**HOME, "last_name": "MARTIN"}], "paul": [{**HOME, "last_name": "MARTIN", "address_extra": "APPARTEMENT 2"}],
        # at the same address under no tie; its town is written otherwise, the postcode is the same
        "ines": [{**HOME, "last_name": "GARCIA", "city": "RENNES CEDEX"}],
        "zoe": [{**OTHER, "last_name": "MARTIN"}],
        # without an address, and without a postcode or town an address is none
        "max": [{"last_name": "PONS", "landline": "+33320000001"}],
        "lea": [{"last_name": "COHEN", "landline": "+33320000001", "address_key": "3 RUE LILAS"}],
    }  # fmt: skip
    by_person = placed(spark, persons)
    assert together(by_person) == {frozenset({"anne", "paul"}), frozenset({"ines"}), frozenset({"zoe"}), frozenset({"max", "lea"})}
    assert together(by_person, "address_id") == {frozenset({"anne", "paul", "ines"}), frozenset({"zoe"}), frozenset({"max", "lea"})}
    named = {p: row.address_id for p, row in by_person.items()}
    assert named["max"] is named["lea"] is None
    assert all(len(named[p]) == 21 and named[p].startswith("a") for p in ("anne", "zoe"))


def test_two_members_know_one_household_under_ids_of_their_own(spark: SparkSession) -> None:
    """m01 supplies both of the family, m02 one of them and a stranger, m03 has no key."""
    supplied = {"r1": ("m01", "anne"), "r2": ("m01", "paul"), "r3": ("m02", "paul"), "r4": ("m02", "ines"), "r5": ("m03", "anne")}
    links = PersonLink.frame(spark, [{"record_id": r, "member_id": m, "person_id": p} for r, (m, p) in supplied.items()])
    where = {"anne": "h1", "paul": "h1", "ines": "h2"}
    homes = HouseholdLink.frame(spark, [{"person_id": p, "household_id": h} for p, h in where.items()])

    def ids(**keys: bytes) -> dict[tuple[str, str], str]:
        padded = [(m, *map(bytearray, pads(key))) for m, key in keys.items()]
        frame = spark.createDataFrame(padded, "member_id string, inner_pad binary, outer_pad binary")
        rows = build_member_households(links, homes, frame, "v1").collect()
        assert len(rows) == len({(r.member_id, r.household_id) for r in rows}) and {r.key_version for r in rows} == {"v1"}
        return {(r.member_id, r.household_id): r.member_household_id for r in rows}

    got = ids(m01=b"key of m01", m02=b"key of m02")
    assert set(got) == {("m01", "h1"), ("m02", "h1"), ("m02", "h2")}
    assert len(set(got.values())) == 3 and not set(got.values()) & {"h1", "h2"}
    assert all(len(i) == 32 for i in got.values())
    # An id follows from the member's own key and the household: another key of another member changes nothing.
    again = ids(m01=b"key of m01", m02=b"another key")
    assert again["m01", "h1"] == got["m01", "h1"] and again["m02", "h1"] != got["m02", "h1"]
    assert len({*ids(m01=b"one key", m02=b"one key").values()}) == 2, "what tells members apart is the key alone"
