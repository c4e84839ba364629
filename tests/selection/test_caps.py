"""How often a household may be reached: which pieces count, over which days, and when the next one is too many."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.campaign import Campaign, Selection
from appetence.contracts.identity import HouseholdLink
from appetence.selection import caps
from tests.selection.coop import AS_OF, campaign, local, terms

pytestmark = pytest.mark.spark

DROP = dt.date(2026, 11, 17)
PIECES = "person_id string, household_id string, channel string, campaign_id string, drop_date date, client_id string"


def _piece(home: str, days: int, channel: str = "post", client: str = "r_m05", n: int = 0, drop: dt.date = DROP) -> tuple[Any, ...]:
    """A piece to the first person of a household so many days before the drop."""
    return f"{home}_1", home, channel, f"{client}_{days}_{n}", drop - dt.timedelta(days=days), client


def test_inv_14_the_cap_of_the_year_and_the_rest_are_per_household_and_channel(spark: SparkSession, conf_folder: str) -> None:
    planted = [
        _piece("once", 100), _piece("by_mail", 100, "email"), _piece("last_day", 364), _piece("a_year_ago", 365), _piece("soon", -100),
        _piece("in_a_year", -365), _piece("rested", 14), _piece("too_near", 13), _piece("too_soon", -13), _piece("often", 100), _piece("often", 150),
    ]  # fmt: skip
    pieces = spark.createDataFrame(planted, PIECES)

    def capped(**said: Any) -> set[tuple[str, str]]:
        found = caps.capped_households(pieces, terms(conf_folder, campaign(drop_date=DROP, **said))).collect()
        return {(r["household_id"], r["channel"]) for r in found}

    post, near = {"once", "last_day", "soon", "rested", "too_near", "too_soon", "often"}, {("too_near", "post"), ("too_soon", "post")}
    assert capped(cap_per_year=1, rest_days=0) == {*((home, "post") for home in post), ("by_mail", "email")}, "one in twelve months, before or after"
    assert capped(cap_per_year=2, rest_days=0) == {("often", "post")} and capped(cap_per_year=3, rest_days=0) == set()
    assert capped(cap_per_year=3, rest_days=14) == near, "fourteen days are enough, thirteen are not, whoever the client was"
    assert capped(cap_per_year=2, rest_days=15) == {*near, ("rested", "post"), ("often", "post")}


def test_inv_14_four_calls_of_one_client_in_thirty_days_are_all_there_are(spark: SparkSession, conf_folder: str) -> None:
    days = (14, 19, 24, 29)

    def called(home: str, *on: int, client: str = "r_vad", channel: str = "phone") -> list[tuple[Any, ...]]:
        return [_piece(home, d, channel, client) for d in on]

    planted = [
        *called("four", *days), *called("three", *days[:3]), *called("old", *days[:3], 30), *called("other", *days, client="r_m04"),
        *called("mixed", *days[:3]), *called("mixed", 29, client="r_m04"), *called("letters", *days, channel="post"),
        *called("later", *days[:3], -5), *called("twice", 14, 14, 14, 14),
    ]  # fmt: skip
    said = terms(conf_folder, campaign(channels=("phone",), drop_date=DROP))
    made = caps.calls_made(spark.createDataFrame(planted, PIECES), said).withColumn("out", caps.is_called_out(said)).collect()
    assert {r["person_id"].removesuffix("_1"): (r["calls"], r["out"]) for r in made} == {
        "four": (4, True), "three": (3, False), "old": (3, False), "mixed": (3, False), "later": (4, True), "twice": (1, False),
    }  # fmt: skip
    nobody = spark.createDataFrame([(None,)], "calls int")
    assert [r[0] for r in nobody.select(caps.is_called_out(said)).collect()] == [False], "who was never called may be"


def test_inv_14_pieces_that_count_are_those_of_campaigns_cut_before(spark: SparkSession, conf_folder: str) -> None:
    said = terms(conf_folder, campaign(drop_date=DROP))
    of = {"client_id": "r_vad", "cutoff": AS_OF}
    dated = {
        "before": (60, AS_OF), "same_day": (1, AS_OF), "after": (-1, AS_OF), "cut_later": (60, AS_OF + dt.timedelta(days=1)), "aaa": (0, AS_OF),
        "zzz": (0, AS_OF), "essai": (9, AS_OF), "enrich": (60, AS_OF), "no_day": (60, None),
    }  # fmt: skip
    campaigns = [
        {**of, "campaign_id": n, "drop_date": DROP - dt.timedelta(days=days), "cut_on": cut, "product": "enrich" if n == "enrich" else "prospect"}
        for n, (days, cut) in dated.items()
    ]
    sent = [{"campaign_id": n, "channel": "post", "person_id": "moved", "household_id": "then", "cell": "mail"} for n in dated]
    sent += [{"campaign_id": "before", "channel": "post", "person_id": p, "household_id": "then", "cell": c} for p, c in
             (("held", "holdout"), ("unknown", "test_b"))]  # fmt: skip
    homes = local(spark, HouseholdLink, [{"person_id": "moved", "household_id": "now"}, {"person_id": "held", "household_id": "now"}])
    pieces = caps.earlier_pieces(local(spark, Selection, sent), local(spark, Campaign, campaigns), homes, said, AS_OF).cache()
    found = {(r["campaign_id"], r["person_id"], r["household_id"]) for r in pieces.collect()}
    counted = {(n, "moved", "now") for n in ("before", "same_day", "aaa", "no_day")}
    assert found == {*counted, ("before", "unknown", "then")}, "at today's household; a hold-out and an enrichment are no piece"
    theirs = terms(conf_folder, campaign(drop_date=DROP, client="r_m04"))
    assert {r[0] for r in caps.served(pieces, said).collect()} == {"moved", "unknown"} and caps.served(pieces, theirs).isEmpty()
    pieces.unpersist()
