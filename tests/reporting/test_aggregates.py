"""The aggregates that pages are made from, on planted tables whose counts are known."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from appetence.contracts.campaign import Decision
from appetence.contracts.gold import Score, Segment
from appetence.contracts.identity import Edge, Person, PersonLink
from appetence.reporting import aggregates

pytestmark = pytest.mark.spark
CUTOFF = dt.date(2026, 10, 31)


def rows(frame: DataFrame) -> list[tuple[Any, ...]]:
    """The rows of a frame as tuples, in its order."""
    return [tuple(r) for r in frame.collect()]


def test_the_largest_sizes_are_counted_together(spark: SparkSession) -> None:
    persons = Person.frame(spark, [{"person_id": f"p{i}", "record_count": n} for i, n in enumerate((1, 1, 2, 10, 14))])
    assert rows(aggregates.sizes(persons, Person.record_count)) == [(1, 2), (2, 1), (10, 2)]


def test_match_weights_fall_into_bins_whose_ends_are_open(spark: SparkSession) -> None:
    weights = ((-1000.0, False), (-3.0, False), (0.0, True), (1.99, True), (2.0, True), (500.0, True))
    edges = Edge.frame(spark, [{"record_a": f"a{i}", "record_b": "b", "weight": w, "is_link": k} for i, (w, k) in enumerate(weights)])
    assert rows(aggregates.edge_weights(edges)) == [(-10.0, False, 1), (-4.0, False, 1), (0.0, True, 2), (2.0, True, 1), (58.0, True, 1)]


def test_a_member_s_records_are_told_shared_and_repeated(spark: SparkSession) -> None:
    links = [("r1", "m01", "p1"), ("r2", "m01", "p1"), ("r3", "m02", "p1"), ("r4", "m01", "p2"), ("r5", "m02", "p3")]
    found = aggregates.member_links(
        PersonLink.frame(spark, [{"record_id": r, "member_id": m, "person_id": p} for r, m, p in links]),
        Person.frame(spark, [{"person_id": "p1", "member_count": 2}, {"person_id": "p2", "member_count": 1}, {"person_id": "p3", "member_count": 1}]),
    )  # fmt: skip
    assert rows(found) == [("m01", 3, 2, 2, 1), ("m02", 2, 2, 1, 0)]


def test_probabilities_fall_between_their_edges_and_none_is_lost(spark: SparkSession) -> None:
    probabilities = (0.0, 0.00001, 0.0002, 0.011, 0.09, 0.3, 1.0)
    scores = Score.frame(spark, [{"model_key": "k", "cutoff": CUTOFF, "person_id": f"p{i}", "probability": p} for i, p in enumerate(probabilities)])
    found = {r["bin"]: r["n"] for r in aggregates.probability_bins(scores).collect()}
    edges = aggregates.probability_edges()
    expected: dict[int, int] = {}
    for p in probabilities:
        place = next((i for i in range(len(edges) - 1) if p < edges[i + 1]), len(edges) - 2)
        expected[place] = expected.get(place, 0) + 1
    assert found == expected


def test_reasons_are_counted_for_the_best_tenth_and_for_all(spark: SparkSession) -> None:
    given = ((1, ["a", "b"]), (1, ["a"]), (2, ["b"]))
    scores = Score.frame(
        spark, [{"model_key": "k", "cutoff": CUTOFF, "person_id": f"p{i}", "decile": d, "reasons": r} for i, (d, r) in enumerate(given)]
    )
    assert rows(aggregates.leading_reasons(scores)) == [("k", CUTOFF, "a", 2, 2), ("k", CUTOFF, "b", 1, 2)]
    summary = aggregates.scored(scores).first()
    assert summary is not None and (summary["n"], summary["first_decile"]) == (3, 2)


def test_the_selected_are_profiled_beside_all_candidates_and_the_unknown_stay_in(spark: SparkSession) -> None:
    people = (("p1", True, "35-49", "59"), ("p2", False, "35-49", None), ("p3", False, "75+", "59"))
    why = {"p2": ["SUPPRESSED", "CLIENT_FILE"], "p3": ["CAP"]}
    decisions = Decision.frame(spark, [{"campaign_id": "c", "person_id": p, "is_selected": s, "reasons": why.get(p, [])} for p, s, *_ in people])
    segments = Segment.frame(spark, [{"cutoff": CUTOFF, "person_id": p, "age_band": a, "department": d} for p, _, a, d in people])
    found = rows(aggregates.profile(decisions, segments, (Segment.age_band, Segment.department)))
    assert found == [
        ("c", "age_band", "35-49", 2, 1, 1), ("c", "age_band", "75+", 1, 0, 0),
        ("c", "department", "59", 2, 1, 0), ("c", "department", "unknown", 1, 0, 1),
    ]  # fmt: skip
