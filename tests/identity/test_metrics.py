"""The figures equal what counting every pair gives."""

from __future__ import annotations

import itertools
import random

import pytest
from pyspark.sql import SparkSession

from appetence.identity.metrics import NONE, agreement, agreement_by

pytestmark = pytest.mark.spark


def by_pairs(found: dict[str, int], truth: dict[str, str]) -> tuple[float, float, float]:
    pairs = list(itertools.combinations(sorted(truth), 2))
    linked = {p for p in pairs if found[p[0]] == found[p[1]]}
    true = {p for p in pairs if truth[p[0]] == truth[p[1]]}
    precision, recall = len(linked & true) / len(linked), len(linked & true) / len(true)
    each_p, each_r = [], []
    for x, own in truth.items():
        mates, twins = {y for y in truth if found[y] == found[x]}, {y for y in truth if truth[y] == own}
        each_p.append(len(mates & twins) / len(mates))
        each_r.append(len(mates & twins) / len(twins))
    b_p, b_r = sum(each_p) / len(each_p), sum(each_r) / len(each_r)
    return precision, recall, 2 * b_p * b_r / (b_p + b_r)


@pytest.mark.parametrize("seed", [1, 2])
def test_agreement_equals_brute_force(spark: SparkSession, seed: int) -> None:
    draw = random.Random(seed)
    truth = {f"r{i}": f"t{draw.randrange(12)}" for i in range(40)}
    found = {r: int(t[1:]) if draw.random() < 0.8 else draw.randrange(12) for r, t in truth.items()}
    unknown = [("extra", None)]
    got = agreement(
        spark.createDataFrame([*found.items(), ("extra", 1)], "record_id string, cluster bigint"),
        spark.createDataFrame([*truth.items(), *unknown], "record_id string, truth string"),
    )
    precision, recall, bcubed = by_pairs(found, truth)
    assert (got.precision, got.recall, got.bcubed_f1) == pytest.approx((precision, recall, bcubed))
    assert got.f1 == pytest.approx(2 * precision * recall / (precision + recall))
    assert got.items == 40


def test_groups_of_one_score_one_when_nobody_is_double(spark: SparkSession) -> None:
    found = spark.createDataFrame([("a", 1), ("b", 2)], "record_id string, cluster bigint")
    truth = spark.createDataFrame([("a", "x"), ("b", "y")], "record_id string, truth string")
    assert agreement(found, truth).as_json() == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "bcubed_f1": 1.0, "exact_clusters": 1.0}


@pytest.mark.parametrize("seed", [3, 4])
def test_agreement_by_part_equals_brute_force(spark: SparkSession, seed: int) -> None:
    draw = random.Random(seed)
    truth = {f"r{i:02d}": f"t{draw.randrange(12)}" for i in range(60)}
    found = {r: int(t[1:]) if draw.random() < 0.7 else draw.randrange(20) for r, t in truth.items()}
    ways = {r: {"member": draw.choice("abc"), "decade": draw.choice(("1950", "1980", None))} for r in truth}
    got = agreement_by(
        spark.createDataFrame([*found.items(), ("extra", 1)], "record_id string, cluster bigint"),
        spark.createDataFrame([*truth.items(), ("extra", None)], "record_id string, truth string"),
        spark.createDataFrame([(r, w["member"], w["decade"]) for r, w in [*ways.items(), ("extra", {"member": "z", "decade": None})]],
                              "record_id string, member string, decade string"),
    )  # fmt: skip
    assert {way: set(parts) for way, parts in got.items()} == {"member": {"a", "b", "c"}, "decade": {"1950", "1980", NONE}}
    for way, parts in got.items():
        for part, figures in parts.items():
            own = {r for r in truth if (ways[r][way] or NONE) == part}
            pairs = [p for p in itertools.combinations(sorted(truth), 2) if own & set(p)]
            linked, true = ({p for p in pairs if groups[p[0]] == groups[p[1]]} for groups in (found, truth))
            precision, recall = len(linked & true) / len(linked), len(linked & true) / len(true)
            matched = sum(any(found[x] == found[r] for x in truth if x != r) for r in own) / len(own)
            expected = (len(own), matched, precision, recall, 2 * precision * recall / (precision + recall))
            assert (figures.items, figures.matched, figures.precision, figures.recall, figures.f1) == pytest.approx(expected), (seed, way, part)


def test_a_member_whose_records_are_never_found_again_shows(spark: SparkSession) -> None:
    found = spark.createDataFrame([("a", 1), ("b", 1), ("c", 2), ("d", 3)], "record_id string, cluster bigint")
    truth = spark.createDataFrame([("a", "x"), ("b", "x"), ("c", "x"), ("d", "y")], "record_id string, truth string")
    parts = spark.createDataFrame([("a", "m1"), ("b", "m1"), ("c", "m2"), ("d", "m2")], "record_id string, member string")
    got = agreement_by(found, truth, parts)["member"]
    assert got["m1"].as_json() == {"records": 2, "matched": 1.0, "precision": 1.0, "recall": 0.3333, "f1": 0.5}
    assert got["m2"].as_json() == {"records": 2, "matched": 0.0, "precision": 1.0, "recall": 0.0, "f1": 0.0}
