"""Areas, first names and segments: declared facts first, intervals that hold what they promise."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.identity import HouseholdLink, Person
from appetence.contracts.reference import Area, Commune, FirstName
from appetence.enrichment import build_areas, build_name_facts, build_segments
from appetence.enrichment.first_names import survival_at

pytestmark = pytest.mark.spark

DAY = dt.date(2026, 10, 31)
SHARES = {
    ("GINETTE", "F"): {1920: 900.0, 1930: 1000.0, 1940: 300.0}, ("KEVIN", "M"): {1980: 300.0, 1990: 2500.0, 2000: 400.0},
    ("MARIE", "F"): dict.fromkeys(range(1920, 2010, 10), 3000.0), ("CAMILLE", "F"): dict.fromkeys(range(1920, 2010, 10), 500.0),
    ("CAMILLE", "M"): dict.fromkeys(range(1920, 2010, 10), 200.0),
}  # fmt: skip


def names(spark: SparkSession):  # type: ignore[no-untyped-def]  # a Spark frame
    rows = [{"first_name": n, "gender": g, "decade": d, "per_million": share} for (n, g), decades in SHARES.items() for d, share in decades.items()]
    return FirstName.frame(spark, rows)


def communes(spark: SparkSession):  # type: ignore[no-untyped-def]  # a Spark frame
    rows = [
        ("75056", "75", 2_100_000, "75056", "11"), ("75101", "75", 16_000, "75056", "11"), ("01001", "01", 860, "01001", "84"),
        ("55000", "55", 9, "55000", "44"),
    ]  # fmt: skip
    return Commune.frame(
        spark,
        [{"commune_code": c, "department": d, "population": n, "current_code": now, "region": r} for c, d, n, now, r in rows],
    )


def test_areas_take_the_class_of_the_whole_commune_and_leave_out_the_tiny(spark: SparkSession) -> None:
    made = {r.area_code: r for r in build_areas(communes(spark)).collect()}
    assert set(made) == {"75056", "75101", "01001"}
    assert (made["75101"].size_class, made["75101"].population, made["01001"].size_class) == ("metropole", 16_000, "rural")


def test_the_interval_of_an_inferred_age_holds_four_fifths(spark: SparkSession) -> None:
    facts = {(r.first_name, r.gender): r for r in build_name_facts(names(spark), DAY).collect()}
    draw = random.Random(20261031)
    for key, decades in SHARES.items():
        years = {y: share * survival_at(DAY.year - y) for d, share in decades.items() for y in range(d, d + 10) if 18 <= DAY.year - y <= 104}
        ages = [DAY.year - y for y in draw.choices(list(years), list(years.values()), k=4000)]
        fact = facts[key]
        held = sum(fact.name_age_low <= a <= fact.name_age_high for a in ages) / len(ages)
        assert 0.78 <= held <= 0.86, (key, held, fact)
        assert abs(sum(a <= fact.name_age for a in ages) / len(ages) - 0.5) < 0.06, (key, fact)
    assert facts["GINETTE", "F"].name_age > 75 > facts["KEVIN", "M"].name_age
    assert (facts["GINETTE", "F"].name_gender, facts["CAMILLE", "F"].name_gender) == ("F", None)


def test_an_inference_never_replaces_what_was_declared(spark: SparkSession) -> None:
    people = [
        {
            "person_id": "p1",
            "first_name": "GINETTE",
            "gender": "F",
            "birth_date": dt.date(1990, 11, 1),
            "commune_code": "01001",
            "department": "01",
        },
        {"person_id": "p2", "first_name": "GINETTE", "commune_code": "75101", "department": "75"},
        {"person_id": "p3", "first_name": "CAMILLE", "gender": "M"},
        {"person_id": "p4"},
        {"person_id": "p5", "first_name": "KEVIN INCONNU", "has_children": True, "commune_code": "01001", "department": "01"},
        {"person_id": "p6", "first_name": "GINETTE", "gender": "M"},
    ]
    homes = HouseholdLink.frame(spark, [{"person_id": "p2", "household_id": "h", "household_size": 2}])
    areas = build_areas(communes(spark))
    made = {r.person_id: r for r in build_segments(Person.frame(spark, people), homes, names(spark), areas, communes(spark), DAY).collect()}
    p1, p2, p3, p4, p5, p6 = (made[f"p{n}"] for n in range(1, 7))
    assert (p1.age, p1.age_low, p1.age_high, p1.is_age_inferred, p1.age_band) == (35, 35, 35, False, "35-49")
    assert (p2.gender, p2.is_gender_inferred, p2.is_age_inferred, p2.age_band, p2.household_size) == ("F", True, True, "75+", 2)
    assert (p2.segment, p2.region, p2.size_class) == ("Retraités des grandes villes", "11", "metropole")
    assert (p3.gender, p3.is_gender_inferred, p3.age_band) == ("M", False, "inconnu"), "the name of all ages tells no band"
    assert (p4.gender, p4.age, p4.segment) == (None, None, "Profil inconnu")
    assert (p5.gender, p5.segment) == ("M", "Familles des campagnes")
    assert (p6.gender, p6.age) == ("M", None), "nobody of this gender bears the name"
    assert build_areas(communes(spark)).columns == [str(f) for f in Area.content()]
