"""What resolution must not depend on: the order of rows, partitions, and records that have nothing to do with the others. And its budget."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest
from pyspark.sql import DataFrame, SparkSession

from appetence.contracts.identity import BlockKey, CommonValue, HotKey, KinPair, ResolutionState, ResolvedRecord
from appetence.contracts.settings import IdentitySettings
from appetence.contracts.silver import Record
from appetence.errors import BudgetError
from appetence.identity import resolve
from appetence.identity.frozen import Settled
from appetence.identity.weights import Model
from appetence.pipeline import resolve_identities
from appetence.pipeline.context import Context
from tests.pipeline import test_resolve_identities
from tests.pipeline.test_resolve_identities import Row, context, population, records

pytestmark = pytest.mark.spark
__all__ = ["context"]
ROWS = population(5, 20)
TABLES = (*test_resolve_identities.TABLES, BlockKey, CommonValue, HotKey, KinPair, ResolutionState, ResolvedRecord)
Stage = Callable[[str, DataFrame], DataFrame]


@dataclass(frozen=True)
class Found:
    """What a run found, and the run itself."""

    persons: set[frozenset[str]]
    edges: dict[tuple[str, str], tuple[float, float, str]]
    kin: set[tuple[str, str]]
    resolution: resolve.Resolution


def frame(spark: SparkSession, rows: list[Row]) -> DataFrame:
    return Record.frame(spark, [{k: v for k, v in r.items() if k != "truth"} for r in rows])


def kept(name: str, made: DataFrame) -> DataFrame:
    return made.sparkSession.createDataFrame(made.collect(), made.schema)


def shuffled(seed: int, parts: int) -> Stage:
    """Rows kept between steps in another order, and in other partitions."""
    draw = random.Random(seed)

    def stage(name: str, made: DataFrame) -> DataFrame:
        rows = made.collect()
        draw.shuffle(rows)
        return made.sparkSession.createDataFrame(rows, made.schema).repartition(parts)

    return stage


def found(given: DataFrame, stage: Stage = kept, model: Model | None = None, settled: Settled | None = None) -> Found:
    settings = IdentitySettings(engine="driver")
    run = resolve.resolve(given, settings, dt.date(2026, 10, 31), stage, model=lambda fields: model, settled=settled)
    groups: dict[int, set[str]] = {}
    for r in run.clusters.collect():
        groups.setdefault(r["cluster"], set()).add(r["record_id"])
    edges = {(r.record_a, r.record_b): (r.weight, r.household_weight, r.pattern) for r in run.edges.collect()}
    return Found({frozenset(g) for g in groups.values()}, edges, {(r.record_a, r.record_b) for r in run.kin.collect()}, run)


@cache
def plain(spark: SparkSession) -> Found:
    """The records as they come, with weights learnt of them."""
    return found(frame(spark, ROWS))


def test_inv_15_persons_do_not_depend_on_the_order_of_rows_or_their_partitions(spark: SparkSession) -> None:
    once = plain(spark)
    assert sum(len(p) > 1 for p in once.persons) > 10 and len(once.persons) > 25, "a partition that could differ"
    seed = 11
    rows = random.Random(seed).sample(ROWS, len(ROWS))
    again = found(frame(spark, rows).repartition(7), shuffled(seed, 3))
    assert again.resolution.model.version == once.resolution.model.version, f"seed {seed}"
    assert again.persons == once.persons, f"seed {seed}"
    assert again.edges == once.edges and again.kin == once.kin, f"seed {seed}"


def test_inv_19_unrelated_records_change_no_cluster(spark: SparkSession) -> None:
    """So many come that hardly a name is as common as it was: under the facts and the model that the first run froze, not a weight moves."""
    once = plain(spark)
    # Nobody of a name that somebody has already: in one town two such are rightly looked at.
    names = {(r.get("first_name"), r.get("last_name")) for r in ROWS}
    strangers = [r for r in population(6, 80) if (r.get("first_name"), r.get("last_name")) not in names]
    first = once.resolution
    more = found(frame(spark, [*strangers, *ROWS]), model=first.model, settled=Settled(None, first.frozen))
    old = {r["record_id"] for r in ROWS}
    assert {p for p in more.persons if p & old} == once.persons
    assert {r for p in more.persons for r in p} == old | {r["record_id"] for r in strangers}
    assert {pair: said for pair, said in more.edges.items() if {*pair} & old} == once.edges
    assert {pair for pair in more.kin if {*pair} & old} == once.kin


def test_past_its_budget_a_run_refuses_before_anything_is_written(context: Callable[..., Context]) -> None:
    ctx = context("run-1", dt.date(2026, 10, 30), "identity.max_pairs_per_record=0.1")
    records(ctx, ROWS)
    with pytest.raises(BudgetError, match=r"pairs for [0-9]+ distinct records, more than identity\.max_pairs_per_record=0\.1 each"):
        resolve_identities.run(ctx)
    assert [t.full_name() for t in TABLES if ctx.lake.exists(t)] == []
    assert ctx.lake.exists(Record)
