"""Clusters compared as wholes: what no pair says enough of, two clusters may; each with its best, once."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import SparkSession

from appetence.identity import second_look
from appetence.identity.comparison import BITS, Field
from appetence.identity.weights import Model

pytestmark = pytest.mark.spark
FIELDS = (
    Field("first_name", ("exact", "differ"), ("exact",)),
    Field("birth_date", ("exact", "digit", "contradict"), ("exact",)),
    Field("place", ("same", "elsewhere"), ("same",)),
)


def model() -> Model:
    def levels(*rows: tuple[float, ...]) -> np.ndarray:
        return np.array([(1.0, *row) for row in rows])

    return Model(
        FIELDS,
        (
            levels((0.9, 0.1), (0.05, 0.95), (0.01, 0.99)),
            levels((0.9, 0.08, 0.02), (0.01, 0.03, 0.96), (0.0001, 0.002, 0.9979)),
            levels((0.8, 0.2), (0.9, 0.1), (0.001, 0.999)),
        ),
        np.array([2.5e-6, 2.5e-6, 1.0 - 5e-6]),
    )


def number(**levels: str) -> int:
    return sum(f.number(levels[f.name]) << (BITS * i) for i, f in enumerate(FIELDS) if f.name in levels)


BIRTH, PLACE = number(birth_date="exact", first_name="exact"), number(place="same", first_name="exact")
CONTRARY = number(birth_date="contradict", first_name="exact", place="same")


def test_two_clusters_are_one_when_each_is_the_others_best_and_nothing_contradicts(spark: SparkSession) -> None:
    weights, _ = model().log_odds([BIRTH, PLACE, number(birth_date="exact", first_name="exact", place="same")])
    assert weights[0] < second_look.MARGIN and weights[1] < second_look.MARGIN < weights[2], "either says too little, both say enough"
    rows = [
        (1, 3, BIRTH), (1, 3, PLACE),  # together enough
        *[(3, 4, BIRTH)], *[(3, 4, PLACE)] * 3,  # enough, but 3 has a better one: more tries, the same best
        (5, 7, BIRTH), (5, 7, BIRTH),  # twice the same is no more than once
        (8, 9, BIRTH), (8, 9, PLACE), (8, 9, CONTRARY),  # two dates that cannot be one person's
    ]  # fmt: skip
    patterned = spark.createDataFrame(
        [(10 * i, 10 * i + 1, *r) for i, r in enumerate(rows)], "a bigint, b bigint, left bigint, right bigint, pattern bigint"
    )
    found = {(r[0], r[1]): r[2] for r in second_look.merges(patterned, model(), "veto").collect()}
    assert set(found) == {(1, 3)}
    # Two tries for the first name cost half a doubling against chance, and nothing against the family.
    assert weights[2] - 0.5 < found[1, 3] < weights[2]
    weighed = {(r[0], r[1]) for r in second_look.merges(patterned, model(), "weigh").collect()}
    assert weighed == {(1, 3), (8, 9)}, "where dates err too often to forbid, the best agreement counts"


def test_doubtful_pairs_bring_whole_clusters_and_single_nodes(spark: SparkSession) -> None:
    clusters = spark.createDataFrame([(1, 1, 9.0), (2, 1, 9.0), (5, 5, None)], "node bigint, cluster bigint, confidence double")
    scored = spark.createDataFrame([(1, 2, 9.0), (2, 3, -1.0), (1, 4, -30.0), (3, 5, -2.0)], "a bigint, b bigint, weight double")
    between = {tuple(r) for r in second_look.pairs_between(scored, clusters, -4.0).collect()}
    assert between == {(1, 3, 1, 3), (2, 3, 1, 3), (3, 5, 3, 5)}
    joined = spark.createDataFrame([(1, 3, 4.5)], "_kept bigint, _gone bigint, _weight double")
    after = {tuple(r) for r in second_look.merged(clusters, joined).collect()}
    assert after == {(1, 1, 4.5), (2, 1, 4.5), (3, 1, 4.5), (5, 5, None)}
