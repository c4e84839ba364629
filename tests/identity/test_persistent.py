"""Who keeps an id: the rules of the ledger, case by case."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pytest
from pyspark.sql import DataFrame, SparkSession

from appetence.contracts.identity import IdentityEvent, PersonLink
from appetence.contracts.silver import Record
from appetence.identity.persistent import assign, build_events, build_person_links, links_as_of

pytestmark = pytest.mark.spark
Names = tuple[str, ...]
DAY1, DAY2, DAY3 = dt.date(2026, 1, 31), dt.date(2026, 2, 28), dt.date(2026, 3, 31)
# What each case has: yesterday's record -> (person, since); today's record -> cluster; and what must come out: record -> person, kinds of
# event.
CASES: dict[str, tuple[dict[str, tuple[str, dt.date]], dict[str, int], dict[str, str], dict[str, str]]] = {
    "nothing_new": (
        {"r1": ("pA", DAY1), "r2": ("pA", DAY1), "r3": ("pB", DAY1)}, {"r1": 1, "r2": 1, "r3": 2},
        {"r1": "pA", "r2": "pA", "r3": "pB"}, {},
    ),
    "a_lower_record_joins": ({"r5": ("pA", DAY1)}, {"r1": 9, "r5": 9}, {"r1": "pA", "r5": "pA"}, {"r1": "joined"}),
    "larger_part_wins_a_merge": (
        {"r1": ("pA", DAY1), "r2": ("pB", DAY1), "r3": ("pB", DAY1)}, {"r1": 1, "r2": 1, "r3": 1},
        {"r1": "pB", "r2": "pB", "r3": "pB"}, {"r1": "merged"},
    ),
    "older_wins_a_tie": ({"r1": ("pB", DAY1), "r2": ("pA", DAY2)}, {"r1": 1, "r2": 1}, {"r1": "pB", "r2": "pB"}, {"r2": "merged"}),
    "lower_wins_a_tie_of_age": ({"r1": ("pB", DAY1), "r2": ("pA", DAY1)}, {"r1": 1, "r2": 1}, {"r1": "pA", "r2": "pA"}, {"r1": "merged"}),
    "larger_part_keeps_the_id_of_a_split": (
        {"r1": ("pA", DAY1), "r2": ("pA", DAY1), "r3": ("pA", DAY1)}, {"r1": 1, "r2": 2, "r3": 2},
        {"r1": "new", "r2": "pA", "r3": "pA"}, {"r1": "split"},
    ),
    "an_even_split_keeps_with_the_lowest_record": (
        {"r1": ("pA", DAY1), "r2": ("pA", DAY1)}, {"r1": 1, "r2": 2},
        {"r1": "pA", "r2": "new"}, {"r2": "split"},
    ),
    "a_record_leaves": ({"r1": ("pA", DAY1), "r2": ("pA", DAY1)}, {"r2": 1}, {"r2": "pA"}, {"r1": "left"}),
    "a_record_moves_to_another_person": (
        {"r1": ("pA", DAY1), "r2": ("pA", DAY1), "r3": ("pB", DAY1)}, {"r1": 1, "r2": 2, "r3": 2},
        {"r1": "pA", "r2": "pB", "r3": "pB"}, {"r2": "split"},
    ),
}  # fmt: skip


def links(spark: SparkSession, rows: Mapping[str, tuple[str, dt.date]]) -> DataFrame:
    return PersonLink.frame(spark, [{"record_id": r, "member_id": "m01", "person_id": p, "since": d} for r, (p, d) in rows.items()])


def resolved(spark: SparkSession, before: DataFrame, today: Mapping[str, int], as_of: dt.date, ever: Names = (), frozen: Names = ()) -> DataFrame:
    found = spark.createDataFrame(sorted(today.items()), "record_id string, cluster bigint")
    free = before.where(~before.record_id.isin(*frozen)) if frozen else before
    taken = before.select("person_id").unionByName(spark.createDataFrame([(e,) for e in ever], "person_id string"))
    owned = assign(found, free, taken, as_of, item="record_id", group="person_id", prefix="p")
    records = Record.frame(spark, [{"record_id": r, "member_id": "m01"} for r in {*today, *frozen}])
    stopped = spark.createDataFrame([(r,) for r in frozen], "record_id string")
    return build_person_links(owned, records, before, stopped, as_of)


def test_the_ledger_rule(spark: SparkSession) -> None:
    """All cases in one run, told apart by a prefix that keeps their order."""
    before = links(spark, {f"{c}/{r}": (f"{c}/{p}", d) for c, case in CASES.items() for r, (p, d) in case[0].items()})
    today = {f"{c}/{r}": 100 * i + n for i, (c, case) in enumerate(CASES.items()) for r, n in case[1].items()}
    rows = {r.record_id: r for r in resolved(spark, before, today, DAY3).collect()}
    events = build_events(PersonLink.frame(spark, [r.asDict() for r in rows.values()]), before, DAY3).collect()
    for name, (yesterday, now, want, kinds) in CASES.items():
        known = {p for p, _ in yesterday.values()}
        mine = {r: rows[f"{name}/{r}"] for r in now}
        found = {r: row.person_id.removeprefix(f"{name}/") for r, row in mine.items()}
        assert {r: p if p in known else "new" for r, p in found.items()} == want, name
        for record, row in mine.items():
            kept = record in yesterday and yesterday[record][0] == found[record]
            assert row.since == (yesterday[record][1] if kept else DAY3), (name, record)
        told = {e.record_id.removeprefix(f"{name}/"): e.kind for e in events if e.record_id.startswith(f"{name}/")}
        assert told == kinds, name


def test_a_new_id_comes_from_the_lowest_record_and_never_repeats_one(spark: SparkSession) -> None:
    nobody = PersonLink.frame(spark)
    first = {r.person_id for r in resolved(spark, nobody, {"r1": 1, "r2": 1}, DAY1).collect()}
    same = {r.person_id for r in resolved(spark, nobody, {"r1": 7, "r3": 7}, DAY2).collect()}
    assert first == same and len(first) == 1
    (taken,) = first
    assert taken.startswith("p") and len(taken) == 21
    other = {r.person_id for r in resolved(spark, nobody, {"r1": 1}, DAY2, ever=(taken,)).collect()}
    assert not other & first


def test_a_frozen_record_keeps_its_link(spark: SparkSession) -> None:
    before = links(spark, {"r1": ("pA", DAY1), "r2": ("pA", DAY1), "r3": ("pB", DAY1)})
    rows = {r.record_id: r.person_id for r in resolved(spark, before, {"r2": 1, "r3": 1}, DAY2, frozen=("r1",)).collect()}
    assert rows == {"r1": "pA", "r2": "pA", "r3": "pA"}


def test_links_of_any_day_are_read_from_the_events(spark: SparkSession) -> None:
    states = {DAY1: {"r1": "pA", "r2": "pB"}, DAY2: {"r1": "pA", "r2": "pA", "r3": "pC"}, DAY3: {"r2": "pA", "r3": "pC"}}
    was, events = PersonLink.frame(spark), IdentityEvent.frame(spark)
    for day, state in states.items():
        now = links(spark, {r: (p, day) for r, p in state.items()})
        events, was = events.unionByName(build_events(now, was, day)), now
    ledger = IdentityEvent.frame(spark, [r.asDict() for r in events.collect()])
    for day, state in states.items():
        assert {r.record_id: r.person_id for r in links_as_of(ledger, day).collect()} == state
    assert links_as_of(ledger, dt.date(2025, 1, 1)).isEmpty()


def test_two_changes_of_one_day_end_with_the_second(spark: SparkSession) -> None:
    rows = [("e1", None, "pA"), ("e3", "pA", "pB"), ("e2", "pB", "pC")]
    events = IdentityEvent.frame(
        spark,
        [{"event_id": e, "as_of": DAY1, "kind": "split", "record_id": "r1", "from_person_id": x, "to_person_id": y} for e, x, y in rows],
    )
    assert [tuple(r) for r in links_as_of(events, DAY1).collect()] == [("r1", "pC")]
