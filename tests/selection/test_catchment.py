"""Who lives near a store: spatial SQL against the plain formula, and the filter it makes."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from typing import Any

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.reference import Commune
from appetence.errors import ConfigError
from appetence.runtime.session import with_spatial_sql
from appetence.selection import catchment
from appetence.selection.preselect import list_position
from tests.selection.coop import campaign, local, terms

LILLE, PARIS = (50.633, 3.0586), (48.8534, 2.3488)
LISTS: Any = (
    {"list_id": "lille", "catchment": {"km": 30, "stores": [{"store": "lille", "commune": "59350"}]}},
    {"list_id": "ailleurs", "age_min": 40, "catchment": {"km": 150, "stores": [
        {"store": "paris", "latitude": PARIS[0], "longitude": PARIS[1]}, {"store": "lille", "commune": "59350"}]}},
)  # fmt: skip
EARTH = 6_371_008.8
"""Mean radius in metres (IUGG)."""


def metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    """The haversine formula."""
    lat, lon = math.radians(b[0] - a[0]), math.radians(b[1] - a[1])
    h = math.sin(lat / 2) ** 2 + math.cos(math.radians(a[0])) * math.cos(math.radians(b[0])) * math.sin(lon / 2) ** 2
    return 2 * EARTH * math.asin(math.sqrt(h))


def communes(seed: int) -> list[dict[str, Any]]:
    """Communes around Lille and Paris, some of unknown centre, several to a postcode; Lille itself is one."""
    r = random.Random(seed)
    made = [Commune.row(commune_code="59350", postcode="59000", latitude=LILLE[0], longitude=LILLE[1], population=230_000)]
    for n in range(120):
        near = r.choice([LILLE, PARIS])
        known = r.random() < 0.8
        made.append(
            Commune.row(
                commune_code=f"{60000 + n}", postcode=f"{62000 + n // 2}" if n < 119 else "", population=r.choice([None, 0, 300, 12_000]),
                latitude=near[0] + r.uniform(-1.6, 1.6) if known else None, longitude=near[1] + r.uniform(-2.2, 2.2) if known else None,
            )
        )  # fmt: skip
    return made


@pytest.mark.spark
def test_postcodes_near_a_store_are_those_of_the_plain_formula(spark: SparkSession, conf_folder: str) -> None:
    rows = communes(7)
    said = terms(conf_folder, campaign(lists=LISTS, ranking="recency"))
    frame = local(with_spatial_sql(spark), Commune, rows)
    found = {r["commune_code"]: (r["latitude"], r["longitude"]) for r in catchment.centres(frame, catchment.communes_of(said)).collect()}
    assert found == {"59350": LILLE}
    near = catchment.near_lists(frame, catchment.reaches(said, found)).cache()
    got = {r["postcode"]: r["near_lists"] for r in near.collect()}
    by_postcode = defaultdict(list)
    for row in rows:
        if row["postcode"] and row["latitude"] is not None:
            by_postcode[row["postcode"]].append((row["latitude"], row["longitude"], max(row["population"] or 1, 1)))
    expected = {}
    for postcode, places in by_postcode.items():
        whole = sum(p for _, _, p in places)
        centre = (sum(a * p for a, _, p in places) / whole, sum(o * p for _, o, p in places) / whole)
        lists = [
            n for n, km, stores in (("ailleurs", 150, (PARIS, LILLE)), ("lille", 30, (LILLE,))) if any(metres(centre, s) <= km * 1000 for s in stores)
        ]
        expected |= {postcode: lists} if lists else {}
    assert got == expected
    assert {tuple(x) for x in got.values()} == {("ailleurs",), ("ailleurs", "lille")} and len(got) < len(by_postcode), "all cases occur"
    inside = min(p for p, x in got.items() if "lille" in x)
    outer = min(p for p, x in got.items() if "lille" not in x)
    people = spark.createDataFrame(
        [("near", inside, 30), ("outer", outer, 45), ("outer_young", outer, 30), ("far", "98000", 45), ("unknown", None, 45)],
        "who string, postcode string, age int",
    ).join(near, on="postcode", how="left")
    placed = {r["who"]: r["at"] for r in people.select("who", list_position(said).alias("at")).collect()}
    assert placed == {"near": 1, "outer": 2, "outer_young": None, "far": None, "unknown": None}


def test_a_store_that_cannot_be_placed_is_refused(conf_folder: str) -> None:
    with pytest.raises(ConfigError, match=r"store lille lies in the commune 59350, whose centre is not known; write its latitude and longitude"):
        catchment.reaches(terms(conf_folder, campaign(lists=LISTS)), {})
