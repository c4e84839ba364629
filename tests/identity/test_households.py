"""Who lives with whom, case by case, and the size guard."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from appetence.contracts.silver import Record
from appetence.identity.households import Limits, build_households

pytestmark = pytest.mark.spark
HOME = {"address_key": "3 RUE LILAS", "postcode": "35000", "city": "RENNES", "is_deliverable": True}
OTHER = {"address_key": "8 QUAI BRUMES", "postcode": "29200", "city": "BREST", "is_deliverable": True}
OLD = {"address_key": "1 RUE BAS", "postcode": "59000", "city": "LILLE", "is_deliverable": True}
NEW = {"address_key": "2 RUE HAUT", "postcode": "59000", "city": "LILLE", "is_deliverable": True}
TOWER = {"address_key": "40 AVENUE PLATANES", "postcode": "69003", "city": "LYON", "is_deliverable": True}


def found(
    spark: SparkSession, persons: dict[str, list[dict[str, Any]]], kin: Iterable[tuple[str, str]] = (), max_size: int = 12
) -> set[frozenset[str]]:
    """Households as sets of persons; each person has a list of records."""
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
    assert len(homes) == len(persons)
    groups: dict[int, set[str]] = {}
    for row in homes:
        groups.setdefault(row.household, set()).add(row.person)
    sizes = {row.person: row.household_size for row in homes}
    assert all(sizes[p] == len(g) for g in groups.values() for p in g)
    return {frozenset(g) for g in groups.values()}


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
