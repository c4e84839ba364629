"""A study from plain purchases: what is in the window before the cutoff is a feature, what is after it a label."""

from __future__ import annotations

import datetime as dt

import pytest
from pyspark.sql import SparkSession

from appetence.errors import ModelError
from appetence.features import Horizon, build_study

pytestmark = pytest.mark.spark


def test_purchases_become_rows_with_features_and_labels(spark: SparkSession) -> None:
    day = dt.date
    bought = [
        ("a", day(2026, 1, 1), 1000), ("a", day(2026, 1, 31), 500), ("a", day(2026, 2, 1), 700), ("a", day(2026, 2, 1), 700),
        ("b", day(2026, 1, 20), 2000), ("b", day(2026, 1, 25), -2000), ("b", day(2026, 3, 20), 10), ("c", day(2026, 2, 15), 300),
    ]  # fmt: skip
    purchases = spark.createDataFrame(bought, "person_id string, transaction_date date, amount_cents bigint")
    clock = Horizon(gap=0, length=30, history=1096)
    cutoffs = [day(2026, 1, 31), day(2026, 3, 1)]
    made = build_study(purchases, cutoffs, clock, known_until=day(2026, 4, 30))
    found = {(r.cutoff, r.person_id): r for r in made.collect()}
    first, second = cutoffs
    assert {k: r.label for k, r in found.items()} == {
        (first, "a"): 1, (first, "b"): 0, (second, "a"): 0, (second, "b"): 1, (second, "c"): 0,
    }  # fmt: skip
    a = found[first, "a"]
    assert (a.events_total, a.days_total, a.amount_total, a.recency_days, a.tenure_days, a.mean_gap_days) == (2, 2, 1500, 0, 30, 30)
    assert (found[second, "a"].events_total, found[second, "a"].days_total) == (4, 3)
    b = found[first, "b"]
    assert (b.events_total, b.refunds_total, b.amount_total, b.mean_gap_days) == (1, 1, 0, None)
    assert not {"member_id", "sector", "first_on", "last_on"} & set(made.columns)
    with pytest.raises(ModelError, match="ends after"):
        build_study(purchases, cutoffs, clock, known_until=day(2026, 3, 15))
