"""Ranks counted by bucket are those of one sorted window, whatever ties there are; and what a person is expected to bring."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

from appetence.columns.hashing import stable_order
from appetence.propensity.registry import RESULT_TYPE
from appetence.propensity.scoring import build_scores

pytestmark = pytest.mark.spark

KEY, SEED = "house:r_m04", 31


def test_ranks_are_those_of_one_sorted_window(spark: SparkSession) -> None:
    draw = np.random.default_rng(SEED)
    rows = []
    for cutoff, count in ((dt.date(2026, 9, 30), 900), (dt.date(2026, 10, 31), 1103), (dt.date(2026, 11, 30), 3)):
        # Few steps of probability; raw scores that do not follow them; both ends; equal rows.
        probabilities = draw.choice([1e-6, 0.01, 0.010000001, 0.2, 0.999999], size=count)
        raws = draw.choice([0.0, 1.0, *draw.random(40).round(9)], size=count)
        for n in range(count):
            amount = math.nan if n % 5 == 0 else 2500.5
            rows.append((cutoff, f"p{n:05d}", (float(raws[n]), float(probabilities[n]), ["x"], amount)))
    predicted = spark.createDataFrame(
        rows, f"cutoff date, person_id string, _scored struct<{RESULT_TYPE.replace(' double', ': double').replace(' array', ': array')}>"
    )
    made = build_scores(predicted.repartition(5), KEY, "1")

    tie = stable_order(F.col("person_id"), seed=KEY)
    best = Window.partitionBy("cutoff").orderBy(F.desc("_scored.probability"), F.desc("_scored.raw_score"), tie, "person_id")
    everyone = F.count(F.lit(1)).over(Window.partitionBy("cutoff"))
    place = F.row_number().over(best).cast("bigint")
    expected = predicted.select("cutoff", "person_id", place.alias("rank"), (F.floor((place - 1) * 10 / everyone) + 1).cast("int").alias("decile"))
    keys = ["cutoff", "person_id"]
    found: list[pd.DataFrame] = [f.select(*keys, "rank", "decile").toPandas().sort_values(keys, ignore_index=True) for f in (made, expected)]
    pd.testing.assert_frame_equal(*found)

    told = made.select("person_id", "probability", "expected_amount_cents").toPandas()
    unknown = told.person_id.str[1:].astype(int) % 5 == 0
    assert told.expected_amount_cents[unknown].isna().all(), "a model without amounts says nothing, not 0"
    assert list(told.expected_amount_cents[~unknown]) == list(np.floor(told.probability[~unknown] * 2500.5 + 0.5))
