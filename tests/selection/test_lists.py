"""Lists that overlap: whose a person is, who is left out of all of them, how far they overlap, and whom each channel reaches."""

from __future__ import annotations

from collections import Counter

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from appetence.selection.caps import contacted
from appetence.selection.preselect import filters, fitting_lists, list_position
from appetence.selection.ranking import with_duplicates
from appetence.selection.waterfall import build_overlap, build_reach, build_tiers
from tests.selection.coop import campaign, terms

pytestmark = pytest.mark.spark

LISTS = ({"list_id": "jeunes", "age_max": 50}, {"list_id": "nord", "departments": ("59",)}, {"list_id": "tous"})
FACTS = "person_id string, age int, department string, postcode string, segment string, sectors array<string>, was_contacted boolean, last_on date"


def test_a_person_on_several_lists_counts_for_the_first_or_for_one_drawn(spark: SparkSession, conf_folder: str) -> None:
    people = [(f"p{n:03d}", 30 + n % 40, "59" if n % 2 else "75", "59000", None, [], None, None) for n in range(300)]
    said = {how: terms(conf_folder, campaign(lists=LISTS, list_allocation=how, ranking="recency")) for how in ("priority", "seeded")}
    frame = spark.createDataFrame(people, FACTS)
    marked = frame.select(
        "person_id", fitting_lists(said["seeded"]).alias("fits"), *(list_position(t).alias(how) for how, t in said.items()), list_position(
            terms(conf_folder, campaign(lists=LISTS, list_allocation="seeded", seed=2, ranking="recency"))).alias("other"),
    )  # fmt: skip
    rows = marked.collect()
    assert {tuple(r["fits"]) for r in rows} == {(1, 2, 3), (1, 3), (2, 3), (3,)}
    assert all(r["priority"] == r["fits"][0] and r["seeded"] in r["fits"] for r in rows)
    drawn = Counter(r["seeded"] for r in rows if r["fits"] == [1, 2, 3])
    assert min(drawn.values()) > sum(drawn.values()) / 5 and len(drawn) == 3, "each of the lists has its share"
    assert any(r["seeded"] != r["other"] for r in rows) and [r["seeded"] for r in marked.collect()] == [r["seeded"] for r in rows]

    # Of two of one family on different lists, one is kept: the first list's, or the one drawn for the family.
    pairs = [(f"{h:03d}{i}", f"h{h:03d}", None, 1 + i, 0.5) for h in range(200) for i in (0, 1)]
    shape = "person_id string, household_id string, address_id string, list_position int, probability double"
    twins = spark.createDataFrame(pairs, shape).withColumn("priority", F.col("probability"))
    kept = {how: Counter(r["list_position"] for r in with_duplicates(twins, t).where("NOT is_duplicate").collect()) for how, t in said.items()}
    assert kept["priority"] == {1: 200} and 60 < kept["seeded"][2] < 140 and sum(kept["seeded"].values()) == 200


def test_who_is_excluded_is_on_no_list_and_what_is_unknown_excludes_nobody(spark: SparkSession, conf_folder: str) -> None:
    out = {"departments": ("75",), "postcodes": ("13001",), "segments": ("s1",), "sectors": ("automobile",), "campaigns": ("ancien",)}
    said = terms(conf_folder, campaign(lists=({"list_id": "tous"},), exclude=out, ranking="recency"))
    people = [
        ("free", None, "59", "59000", "s2", ["services"], None, None), ("unknown", None, None, None, None, None, None, None),
        ("department", None, "75", "75001", None, [], None, None), ("postcode", None, "13", "13001", None, [], None, None),
        ("segment", None, "59", "59000", "s1", [], None, None), ("sector", None, "59", "59000", None, ["services", "automobile"], None, None),
        ("campaign", None, "59", "59000", None, [], True, None),
    ]  # fmt: skip
    frame = spark.createDataFrame(people, FACTS)
    assert {r["person_id"] for r in frame.where(list_position(said).isNotNull()).collect()} == {"free", "unknown"}
    assert set(filters(said.spec.lists[0], said)) == {"exclude"}, "one filter of its own, told by its name"
    pieces = spark.createDataFrame([("h1", "ancien"), ("h2", "autre")], "household_id string, campaign_id string")
    assert [r[0] for r in contacted(pieces, ("ancien",)).collect()] == ["h1"]


def test_overlap_and_reach_count_the_eligible_and_the_pieces(spark: SparkSession, conf_folder: str) -> None:
    said = terms(conf_folder, campaign(lists=LISTS, channels=("post", "email"), ranking="recency"))
    shape = "person_id string, fitting_lists array<int>, open_channels array<string>"
    eligible = spark.createDataFrame(
        [("a", [1, 2, 3], ["email", "post"]), ("b", [1, 3], ["post"]), ("c", [3], ["email"]), ("d", [3], ["email", "post"])], shape
    )
    cells = [("a", "mail", "post"), ("c", "mail", "email"), ("d", "holdout", "post")]
    chosen = spark.createDataFrame(cells, "person_id string, cell string, channel string")
    overlap = {(r["list_id"], r["other_list_id"]): (r["eligible"], r["selected"]) for r in build_overlap(eligible, chosen, said).collect()}
    assert overlap == {
        ("jeunes", "jeunes"): (2, 1), ("jeunes", "nord"): (1, 1), ("jeunes", "tous"): (2, 1), ("nord", "jeunes"): (1, 1), ("nord", "nord"): (1, 1),
        ("nord", "tous"): (1, 1), ("tous", "jeunes"): (2, 1), ("tous", "nord"): (1, 1), ("tous", "tous"): (4, 2),
    }  # fmt: skip
    reach = {r["channel"]: (r["eligible"], r["only_by_it"], r["selected"]) for r in build_reach(eligible, chosen, said).collect()}
    assert reach == {"post": (3, 1, 1), "email": (3, 1, 1)}


def test_a_tier_tells_responses_and_margin_and_by_amount_what_will_be_spent(spark: SparkSession, conf_folder: str) -> None:
    units = spark.createDataFrame([(1, 0.5, 900.5), (1, 0.25, 700.25), (2, 0.125, 10.125)], "decile int, probability double, priority double")

    def tiers(ranking: str) -> list[tuple[object, ...]]:
        said = terms(conf_folder, campaign(ranking=ranking, cost_per_piece_eur=1.0, margin_per_response_eur=4.0))
        names = ("quantity", "expected_responses", "expected_margin_cents", "cumulative_margin_cents", "is_above_break_even", "expected_amount_cents")
        return [tuple(r[n] for n in names) for r in build_tiers(units, said).orderBy("tier").collect()]

    assert tiers("model") == [(2, 0.75, 100, 100, True, None), (1, 0.125, -50, 50, False, None)]
    assert tiers("expected_amount") == [(2, 0.75, 100, 100, True, 1600), (1, 0.125, -50, 50, False, 10)]
