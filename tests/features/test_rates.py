"""Rates of the past windows, against a plain loop."""

from __future__ import annotations

import datetime as dt

import pytest
from pyspark.sql import SparkSession

from appetence.errors import ModelError
from appetence.features import build_rates, month_starts
from appetence.features.rates import BEGINS, PERSONS
from tests.features.planted import HORIZON, eligible, links, random_events, transactions

pytestmark = pytest.mark.spark

D = dt.date
PEOPLE = [f"p{n:03d}" for n in range(12)]
TARGETS = {"press": {"m1"}, "two": {"m1", "m2"}}


def test_every_rate_equals_a_plain_loop(spark: SparkSession) -> None:
    events = random_events(7, 12, 300, D(2022, 1, 1), D(2026, 3, 1))
    starts = month_starts(D(2026, 3, 1), HORIZON)
    assert (starts[0], starts[-1], len(starts)) == (D(2023, 3, 1), D(2025, 12, 1), 34)
    made = build_rates(transactions(spark, events), links(spark, PEOPLE), eligible(spark, PEOPLE), TARGETS, starts, HORIZON).collect()
    found = {r[BEGINS]: (r[PERSONS], *(r[n] for n in TARGETS)) for r in made}
    for start in starts:
        known = {p for p, _, day, _ in events if day <= start}
        window = [(p, m) for p, m, day, cents in events if cents >= 0 and start < day <= start + dt.timedelta(days=90) and p in known]
        expected = (len(known), *(len({p for p, m in window if m in members}) for members in TARGETS.values()))
        assert found[start] == expected, start


def test_a_person_counts_from_the_day_it_is_adult(spark: SparkSession) -> None:
    events = [("p000", "m1", D(2025, 1, 1), 500), ("p000", "m1", D(2025, 10, 15), 500)]
    grown = eligible(spark, ["p000"], D(2025, 9, 15))
    starts = [D(2025, 9, 1), D(2025, 10, 1)]
    made = build_rates(transactions(spark, events), links(spark, PEOPLE), grown, TARGETS, starts, HORIZON).collect()
    assert [(r[BEGINS], r[PERSONS], r["press"]) for r in made] == [(D(2025, 10, 1), 1, 1)]


def test_more_windows_than_a_long_has_bits_are_refused(spark: SparkSession) -> None:
    starts = [D(2020, 1, 1) + dt.timedelta(days=n) for n in range(64)]
    with pytest.raises(ModelError, match="1 to 60 windows, not 64"):
        build_rates(transactions(spark, []), links(spark, PEOPLE), eligible(spark, PEOPLE), TARGETS, starts, HORIZON)
