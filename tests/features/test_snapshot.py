"""Snapshots against a plain Python reference, and the two invariants of time."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.contracts.features import HALF_LIVES, WINDOWS
from appetence.errors import ModelError
from appetence.features import Arrival, build_features, changed_histories
from appetence.features.arrivals import known_from
from appetence.features.snapshot import checked_cutoffs
from tests.features.planted import HORIZON, SECTORS, eligible, links, random_events, rows_of, transactions

pytestmark = pytest.mark.spark

D = dt.date
CUTOFFS = [D(2025, 6, 30), D(2025, 12, 31)]
PERSONS = [f"p{n:03d}" for n in range(12)]


def reference(events: list[Any], cutoffs: list[dt.date]) -> dict[tuple[dt.date, str, str], dict[str, Any]]:
    """The measures of `gold.feature` written as loops."""
    held: dict[tuple[str, str], list[tuple[dt.date, int, str]]] = defaultdict(list)
    for person, member, day, cents in events:
        held[person, member].append((day, cents, f"c{cents % 3}"))
    found = {}
    for cutoff in cutoffs:
        for (person, member), all_rows in held.items():
            rows = [r for r in all_rows if cutoff - dt.timedelta(days=HORIZON.history) < r[0] <= cutoff]
            orders = [r for r in rows if r[1] >= 0]
            if not orders:
                continue
            days = sorted({r[0] for r in orders})
            age = {r[0]: (cutoff - r[0]).days for r in rows}
            middle = cutoff + dt.timedelta(days=45)
            made: dict[str, Any] = {
                "first_on": days[0], "last_on": days[-1], "events_total": len(orders), "amount_total": sum(r[1] for r in rows),
                "days_total": len(days), "categories_total": len({r[2] for r in orders}), "refunds_total": len(rows) - len(orders),
                "largest_amount": max(r[1] for r in orders),
                "gap_squares_total": sum((b - a).days ** 2 for a, b in zip(days, days[1:], strict=False)),
                "season_events": sum(
                    1 for r in orders if any(abs((middle - r[0]).days - 365 * k) <= 45 for k in (1, 2, 3))
                ),
            }  # fmt: skip
            for w in WINDOWS:
                made[f"events_{w}d"] = sum(1 for r in orders if age[r[0]] < w)
                made[f"amount_{w}d"] = sum(r[1] for r in rows if age[r[0]] < w)
            for h in HALF_LIVES:
                made[f"decayed_events_{h}"] = sum(0.5 ** (age[r[0]] / h) for r in orders)
            found[cutoff, person, member] = made
    return found


def test_every_measure_equals_a_plain_loop(spark: SparkSession) -> None:
    events = random_events(7, 12, 400, D(2022, 1, 1), D(2026, 3, 1))
    made = build_features(transactions(spark, events), links(spark, PERSONS), eligible(spark, PERSONS), CUTOFFS, HORIZON).collect()
    expected = reference(events, CUTOFFS)
    assert {(r.cutoff, r.person_id, r.member_id) for r in made} == set(expected)
    for row in made:
        for name, value in expected[row.cutoff, row.person_id, row.member_id].items():
            assert row[name] == pytest.approx(value, abs=1e-4), (row.cutoff, row.person_id, row.member_id, name)
        assert row.sector == SECTORS[row.member_id]


def test_an_event_on_the_cutoff_day_belongs_to_the_history_and_refunds_are_no_events(spark: SparkSession) -> None:
    day = CUTOFFS[0]
    events = [("p000", "m1", day, 500), ("p001", "m1", day + dt.timedelta(days=1), 500), ("p002", "m1", day, -500)]
    made = build_features(transactions(spark, events), links(spark, PERSONS), eligible(spark, PERSONS), [day], HORIZON).collect()
    assert [(r.person_id, r.events_total, r.events_30d) for r in made] == [("p000", 1, 1)]


def test_a_person_is_featured_only_from_the_day_it_is_adult(spark: SparkSession) -> None:
    events = [("p000", "m1", D(2025, 1, 1), 500)]
    grown = eligible(spark, ["p000"], D(2025, 9, 1))
    made = build_features(transactions(spark, events), links(spark, PERSONS), grown, CUTOFFS, HORIZON).collect()
    assert [r.cutoff for r in made] == [CUTOFFS[1]]


def test_inv_16_events_after_the_cutoff_change_no_feature(spark: SparkSession) -> None:
    events = random_events(11, 12, 200, D(2023, 1, 1), D(2026, 6, 1))
    past = [e for e in events if e[2] <= CUTOFFS[0]]
    changed = past + [(p, m, d + dt.timedelta(days=3), 999) for p, m, d, _ in events if d > CUTOFFS[0]]
    tables = [
        # The planted ids count the rows, so that the same event has another one in each table.
        rows_of(build_features(transactions(spark, e), links(spark, PERSONS), eligible(spark, PERSONS), CUTOFFS[:1], HORIZON).drop("history_hash"))
        for e in (events, past, changed)
    ]
    assert tables[0] == tables[1] == tables[2]
    assert tables[0]


def test_inv_16_a_row_that_came_late_is_not_known_before_it_came(spark: SparkSession) -> None:
    """Random histories delivered once, then planted rows of a later delivery: at each cutoff, what was not known might as well not exist."""
    before, then = CUTOFFS
    first, second = before + dt.timedelta(days=30), then - dt.timedelta(days=20)
    events = random_events(23, 12, 300, D(2023, 1, 1), before)
    late = [(p, m, d, 777) for p, m, d, _ in events[::6]]  # same days and categories as others, in the middle of histories
    usual = [(p, m, before + dt.timedelta(days=40), 300) for p, m, _, _ in events[::9]]
    arrivals = {member: Arrival(first, second, 10) for member in SECTORS}

    everything = [*events, *late, *usual]

    def made(rows: list[Any], cutoffs: list[dt.date], known: dict[str, Arrival] | None) -> DataFrame:
        came = F.when(F.col("amount_cents").isin(777, 300), F.lit(second)).otherwise(F.lit(first))
        frame = transactions(spark, rows).withColumn("known_on", came)
        return build_features(frame, links(spark, PERSONS), eligible(spark, PERSONS), cutoffs, HORIZON, known)

    both = made(everything, CUTOFFS, arrivals)
    at_first, at_second = (rows_of(both.where(F.col("cutoff") == F.lit(c))) for c in CUTOFFS)
    assert at_first == rows_of(made(events, [before], None)), "what came later changes nothing at a cutoff before"
    assert at_second == rows_of(made(everything, [then], None)), "and all it has to at one after"
    assert at_first != rows_of(made(everything, [before], None)), "the planted rows would have changed something"


def test_a_row_counts_from_its_receipt_less_the_lag_unless_it_came_first(spark: SparkSession) -> None:
    rows = [
        ("m1", D(2025, 1, 5), D(2025, 3, 1)),
        ("m1", D(2025, 2, 1), D(2025, 4, 1)),
        ("m1", D(2025, 3, 30), D(2025, 4, 1)),
        ("m2", D(2025, 1, 5), D(2025, 3, 1)),
    ]
    frame = spark.createDataFrame(rows, "member_id string, transaction_date date, known_on date")
    found = frame.select(known_from({"m1": Arrival(D(2025, 3, 1), D(2025, 4, 1), 10)})).collect()
    assert [r[0] for r in found] == [D(2025, 1, 5), D(2025, 3, 22), D(2025, 3, 30), D(2025, 3, 1)]


def test_features_do_not_depend_on_partitioning_or_order(spark: SparkSession) -> None:
    events = transactions(spark, random_events(13, 12, 300, D(2023, 1, 1), D(2026, 3, 1)))
    plain, spread = (
        rows_of(build_features(f, links(spark, PERSONS), eligible(spark, PERSONS), CUTOFFS, HORIZON))
        for f in (events.coalesce(1), events.orderBy("amount_cents").repartition(7))
    )
    assert plain == spread


def test_only_histories_that_changed_are_made_again(spark: SparkSession) -> None:
    """Rows added, gone, corrected and come late, two persons found to be one, one that may no longer be featured: what is kept and what is made
    again are together what making everything would give, and no more is made again than differs."""
    first, second = D(2025, 5, 1), D(2025, 12, 1)
    arrivals = {member: Arrival(first, second, 10) for member in SECTORS}
    events = random_events(31, 12, 400, D(2022, 1, 1), D(2025, 12, 20))
    before = transactions(spark, events[:360]).withColumn("known_on", F.lit(first))
    corrected = F.when(F.col("transaction_id").isin("t000020", "t000021"), F.col("amount_cents") + 100).otherwise(F.col("amount_cents"))
    came = F.when(F.substring("transaction_id", 2, 6).cast("int") < 360, F.lit(first)).otherwise(F.lit(second))
    after = transactions(spark, events).where("transaction_id <> 't000010'").withColumns({"amount_cents": corrected, "known_on": came})
    merged = links(spark, PERSONS).withColumn("person_id", F.when(F.col("person_id") == "p002", F.lit("p001")).otherwise(F.col("person_id")))
    fewer = [p for p in PERSONS if p not in ("p002", "p005")]
    now = (after, merged, eligible(spark, fewer), CUTOFFS, HORIZON, arrivals)

    taken = build_features(before, links(spark, PERSONS), eligible(spark, PERSONS), CUTOFFS, HORIZON).localCheckpoint()
    assert changed_histories(taken, before, links(spark, PERSONS), eligible(spark, PERSONS), CUTOFFS, HORIZON).isEmpty()
    changed = changed_histories(taken, *now).localCheckpoint()
    keys = ["cutoff", "person_id", "member_id"]
    whole, again = build_features(*now), build_features(*now, only=changed)
    assert rows_of(taken.join(changed, on=keys, how="left_anti").select(*again.columns).unionByName(again)) == rows_of(whole)
    differ = {r[:3] for r in {tuple(r) for r in taken.collect()} ^ {tuple(r) for r in whole.collect()}}
    assert {tuple(r) for r in changed.select(*keys).collect()} == differ
    assert 0 < len(differ) < whole.count()
    nameless = taken.withColumn("history_hash", F.lit(None).cast("bigint"))
    every = {tuple(r) for r in taken.select(*keys).union(whole.select(*keys)).collect()}
    assert {tuple(r) for r in changed_histories(nameless, *now).select(*keys).collect()} == every, "rows of before there were hashes go, too"
    assert changed_histories(taken, *now, rules="others").count() == len(every), "what other rules made is made again"
    longer = replace(HORIZON, history=700)
    assert changed_histories(taken, before, links(spark, PERSONS), eligible(spark, PERSONS), CUTOFFS, longer).count() == taken.count()


def test_cutoffs_given_twice_or_not_at_all_are_refused() -> None:
    with pytest.raises(ModelError, match="2025-06-30 is given twice"):
        checked_cutoffs([CUTOFFS[0], CUTOFFS[0]])
    with pytest.raises(ModelError, match="No cutoff"):
        checked_cutoffs([])
