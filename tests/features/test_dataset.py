"""Datasets: sums over the members a model may read, the client left out, no column of a member, labels that do not leak."""

from __future__ import annotations

import datetime as dt

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.contracts.domain import Use
from appetence.errors import ModelError
from appetence.features import Scope, build_dataset, build_features, build_labels, build_reach, input_names, with_label
from tests.features import planted as p

pytestmark = pytest.mark.spark

D = dt.date
CUTOFF = D(2025, 6, 30)
PERSONS = [f"p{n:03d}" for n in range(12)]
EVERYBODY = frozenset(p.SECTORS)
PROSPECT = Scope(Use.PROSPECT, frozenset({"m1"}), EVERYBODY, p.SECTORS, 1)
HOUSE = Scope(Use.HOUSE, frozenset({"m1"}), EVERYBODY, p.SECTORS, 1)


def dataset(spark: SparkSession, events: list[p.Event], scope: Scope, size: int = 1) -> DataFrame:
    features = build_features(p.transactions(spark, events), p.links(spark, PERSONS), p.eligible(spark, PERSONS), [CUTOFF], p.HORIZON)
    reach = build_reach(p.records(spark, PERSONS), p.links(spark, PERSONS))
    segments, homes = p.segments(spark, PERSONS, D(2026, 6, 30)), p.households(spark, PERSONS, size)
    return build_dataset(features, segments, homes, reach, scope)


EVENTS: list[p.Event] = [
    ("p000", "m1", D(2025, 6, 1), 1000),  # a buyer of the client and of another
    ("p000", "m2", D(2025, 5, 1), 2000),
    ("p001", "m2", D(2025, 6, 20), 3000),  # two other members
    ("p001", "m3", D(2024, 6, 20), 500),
    ("p002", "m1", D(2025, 1, 1), 700),  # the client alone
    ("p003", "m4", D(2025, 7, 1), 900),  # only after the cutoff
]


def test_prospects_are_buyers_elsewhere_who_do_not_buy_of_the_client(spark: SparkSession) -> None:
    rows = dataset(spark, EVENTS, PROSPECT).collect()
    assert [r.person_id for r in rows] == ["p001"]
    row = rows[0].asDict()
    assert (row["total_events_total"], row["total_amount_total"], row["total_recency_days"]) == (2.0, 3500.0, 10.0)
    assert (row["automobile_events_total"], row["equipement_maison_events_total"], row["presse_edition_events_total"]) == (1.0, 1.0, 0.0)
    assert (row["breadth_members"], row["breadth_groups_365d"], row["has_email"], row["age"]) == (2.0, 1.0, 1.0, 50.0)
    assert row["presse_edition_recency_days"] is None


def test_house_reads_the_clients_own_history_and_everywhere_else(spark: SparkSession) -> None:
    rows = {r.person_id: r.asDict() for r in dataset(spark, EVENTS, HOUSE).collect()}
    assert set(rows) == {"p000", "p002"}
    assert (rows["p000"]["own_events_total"], rows["p000"]["total_events_total"], rows["p000"]["automobile_events_total"]) == (
        1.0,
        2.0,
        1.0,
    )
    assert rows["p000"]["presse_edition_events_total"] == 0.0, "the groups of sectors tell of the others, not of the client"


def test_what_no_instruction_covers_is_as_if_it_were_not_there(spark: SparkSession) -> None:
    narrow = Scope(Use.PROSPECT, frozenset({"m1"}), EVERYBODY - {"m3"}, p.SECTORS, 1)
    without = [e for e in EVENTS if e[1] != "m3"]
    assert p.rows_of(dataset(spark, EVENTS, narrow)) == p.rows_of(dataset(spark, without, narrow))
    with pytest.raises(ModelError, match="No member has a live instruction"):
        dataset(spark, EVENTS, Scope(Use.PROSPECT, frozenset({"m1"}), frozenset({"m1"}), p.SECTORS, 1))


def test_the_household_counts_its_other_members(spark: SparkSession) -> None:
    events = [("p000", "m2", D(2025, 6, 1), 1000), ("p001", "m2", D(2025, 5, 1), 500), ("p001", "m3", D(2025, 6, 30), 500)]
    rows = {r.person_id: r.asDict() for r in dataset(spark, events, PROSPECT, size=2).collect()}
    assert (rows["p000"]["foyer_events_365d"], rows["p000"]["foyer_recency_days"]) == (2.0, 0.0)
    assert (rows["p001"]["foyer_events_365d"], rows["p001"]["foyer_recency_days"]) == (1.0, 29.0)


def test_no_column_names_or_singles_out_a_member(spark: SparkSession) -> None:
    columns = dataset(spark, EVENTS, PROSPECT).columns
    assert set(columns) == {"cutoff", "person_id", *input_names(with_own=False)}
    assert not [c for c in columns if "member_id" in c or any(c.startswith(m) for m in p.SECTORS)]
    guarded = dataset(spark, EVENTS, Scope(Use.PROSPECT, frozenset({"m1"}), EVERYBODY, p.SECTORS, 3)).first()
    assert guarded is not None
    alone = [c for c in columns if c.endswith("_events_total") and guarded[c] and not c.startswith("total")]
    assert alone == ["autres_events_total"], "three members of three sectors are told as one group"


def test_inv_17_permuting_the_clients_later_data_changes_labels_only(spark: SparkSession) -> None:
    events = p.random_events(17, 12, 260, D(2023, 1, 1), D(2025, 12, 31))
    later = [e for e in events if e[1] == "m1" and e[2] > CUTOFF]
    turned = {e: later[n - 1][0] for n, e in enumerate(later)}
    permuted = [(turned.get(e, e[0]), *e[1:]) for e in events]
    for scope in (PROSPECT, HOUSE):
        assert p.rows_of(dataset(spark, events, scope)) == p.rows_of(dataset(spark, permuted, scope))
    labels = [
        p.rows_of(build_labels(p.transactions(spark, e), p.links(spark, PERSONS), {"m1"}, [CUTOFF], p.HORIZON, D(2025, 12, 31)))
        for e in (events, permuted)
    ]
    assert labels[0] != labels[1]


def test_labels_are_orders_in_the_window_and_nothing_else(spark: SparkSession) -> None:
    horizon = p.Horizon(gap=10, length=30, history=365)
    inside, edge = CUTOFF + dt.timedelta(days=11), CUTOFF + dt.timedelta(days=40)
    events = [
        ("p000", "m1", inside, 100), ("p001", "m1", edge, 100), ("p002", "m1", CUTOFF + dt.timedelta(days=10), 100),
        ("p003", "m1", edge + dt.timedelta(days=1), 100), ("p004", "m1", inside, -100), ("p005", "m2", inside, 100),
    ]  # fmt: skip
    made = build_labels(p.transactions(spark, events), p.links(spark, PERSONS), {"m1"}, [CUTOFF], horizon, D(2025, 12, 31))
    assert sorted(r.person_id for r in made.collect()) == ["p000", "p001"]
    marked = with_label(spark.createDataFrame([(CUTOFF, "p000"), (CUTOFF, "p009")], "cutoff date, person_id string"), made)
    assert {r.person_id: r.label for r in marked.collect()} == {"p000": 1, "p009": 0}
    with pytest.raises(ModelError, match="ends after 2025-07-15"):
        build_labels(p.transactions(spark, events), p.links(spark, PERSONS), {"m1"}, [CUTOFF], horizon, D(2025, 7, 15))


def test_datasets_do_not_depend_on_partitioning(spark: SparkSession) -> None:
    events = p.random_events(19, 12, 200, D(2023, 1, 1), D(2025, 12, 31))
    features = build_features(p.transactions(spark, events), p.links(spark, PERSONS), p.eligible(spark, PERSONS), [CUTOFF], p.HORIZON)
    reach = build_reach(p.records(spark, PERSONS), p.links(spark, PERSONS))
    homes, profile = p.households(spark, PERSONS, 3), p.segments(spark, PERSONS, CUTOFF)
    tables = [
        p.rows_of(build_dataset(f, profile, homes, reach, HOUSE))
        for f in (features.coalesce(1), features.orderBy(F.hash("member_id")).repartition(5))
    ]
    assert tables[0] == tables[1]
