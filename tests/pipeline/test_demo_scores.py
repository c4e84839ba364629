"""Scores against true probabilities: planted rankings and errors are found, and what is right shows none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from appetence.contracts.identity import PersonLink
from appetence.pipeline.demo_scores import Attained, attained, true_persons, with_truth

pytestmark = pytest.mark.spark
PEOPLE = 4000


def told(spark: SparkSession, truth: np.ndarray, order: np.ndarray, probability: np.ndarray) -> Attained:
    """What is said of scores in this order, with these probabilities."""
    ids = [f"p{n:05d}" for n in range(len(truth))]
    ranks = np.empty(len(truth), dtype=int)
    ranks[np.argsort(-order, kind="stable")] = np.arange(len(truth))
    scores = pd.DataFrame({"person_id": ids, "probability": probability, "decile": (1 + ranks * 10 // len(truth)).astype("int32")})
    found = attained(spark.createDataFrame(scores), spark.createDataFrame(pd.DataFrame({"person_id": ids, "p_true": truth})))
    assert found is not None and found.persons == len(truth)
    return found


def test_the_truth_itself_attains_everything(spark: SparkSession) -> None:
    truth = np.random.default_rng(1).beta(0.8, 5.0, PEOPLE)
    found = told(spark, truth, truth, truth)
    assert found.share == pytest.approx(1.0, abs=1e-9) and found.lift > 2
    assert found.calibration_error == pytest.approx(0, abs=1e-12) and not found.has_trend


def test_a_blunter_ranking_attains_less_and_a_random_one_no_lift(spark: SparkSession) -> None:
    draw = np.random.default_rng(2)
    truth = draw.beta(0.8, 5.0, PEOPLE)
    blunt = told(spark, truth, truth + draw.normal(0, 0.1, PEOPLE), truth)
    best = np.sort(truth)[-PEOPLE // 10 :].mean() / truth.mean()
    assert blunt.best_lift == pytest.approx(best, rel=1e-6) and 0.6 < blunt.share < 0.97
    assert told(spark, truth, draw.random(PEOPLE), truth).lift == pytest.approx(1.0, abs=0.15)


def test_an_error_of_level_is_no_trend_and_too_steep_scores_are_one(spark: SparkSession) -> None:
    draw = np.random.default_rng(3)
    known = draw.beta(0.8, 5.0, PEOPLE)
    # The model knows the mean only of what a person is; calibrated on average at every level.
    truth = np.clip(known * draw.gamma(4.0, 0.25, PEOPLE), 0, 1)
    calm = told(spark, truth, known, known)
    assert not calm.has_trend and calm.calibration_error < 0.006
    high = told(spark, truth, known, known + 0.05)
    assert high.calibration_error == pytest.approx(0.05, abs=0.003) and not high.has_trend
    steep = told(spark, truth, known, np.clip(known * 1.4 - 0.4 * known.mean(), 0, 1))
    assert steep.has_trend and steep.trend < 0, "predicted too high in the best tenths, too low in the last"


def test_persons_and_chances_are_put_together(spark: SparkSession) -> None:
    links = PersonLink.frame(
        spark, [{"record_id": r, "member_id": "m1", "person_id": p} for r, p in (("a", "x"), ("b", "x"), ("c", "x"), ("d", "y"))]
    )
    known = spark.createDataFrame([("a", "t2"), ("b", "t1"), ("c", "t2"), ("d", "t3")], "record_id string, true_person string")
    persons = true_persons(links, known)
    assert dict(persons.collect()) == {"x": "t2", "y": "t3"}
    rows = [("t2", "m1", 0.5), ("t2", "m2", 0.2), ("t2", "m3", 0.9), ("t1", "m1", 0.7)]
    purchases = spark.createDataFrame(rows, "true_person string, member_id string, p_90d double")
    found = dict(with_truth(persons, purchases, frozenset({"m1", "m2"})).collect())
    assert found["x"] == pytest.approx(1 - 0.5 * 0.8, abs=1e-9), "an order with any of the targets, and with no other member"
    assert found["y"] == 0.0
    nobody = with_truth(persons, purchases, frozenset({"m9"}))
    scores = spark.createDataFrame([("x", 0.3, 1), ("y", 0.1, 2)], "person_id string, probability double, decile int")
    assert attained(scores, nobody) is None
