"""`appetence bench features`: what snapshots of so many transactions cost, and scoring everybody, by the functions of the jobs.

The co-operative is that of `candidate_tables`; its purchases are drawn anew in any number, so that the growth can be seen: some records have
many, most few or none, one purchase in twenty-five is a refund, and one in two hundred is known two months late.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.bench import candidate_tables as made
from appetence.bench.measuring import cores, peak_memory, python_operators, timed, write
from appetence.contracts.base import Table
from appetence.contracts.domain import MemberSector, TransactionKind, Use
from appetence.contracts.features import Feature
from appetence.contracts.gold import Score, Segment
from appetence.contracts.identity import HouseholdLink, Person, PersonLink
from appetence.contracts.silver import Record, Transaction
from appetence.features import (
    LABEL,
    LABEL_AMOUNT,
    Arrival,
    Horizon,
    Scope,
    build_dataset,
    build_features,
    build_labels,
    build_reach,
    changed_histories,
    input_names,
    theme_of,
    with_label,
)
from appetence.features.eligibility import ALWAYS, FEATURED_FROM
from appetence.propensity import Sample, fit
from appetence.propensity.registry import Record as Remembered
from appetence.propensity.registry import Registry, ScoredModel, registered_name
from appetence.propensity.sampling import sample_rows
from appetence.propensity.scoring import score
from appetence.runtime import clock, console
from appetence.runtime.config import Config
from appetence.runtime.session import build_session
from appetence.storage.lake import Lake

AS_OF = dt.date(2026, 10, 31)
STEP = 90
CUTOFFS = [*(AS_OF - dt.timedelta(days=STEP * n) for n in range(4, 0, -1)), AS_OF]
"""As many as a night takes: three to train on, one to test on, and today's."""
FIRST_RECEIVED = dt.date(2026, 3, 2)
ARRIVALS = {f"m{n:02d}": Arrival(FIRST_RECEIVED, AS_OF, 26) for n in range(1, made.MEMBERS + 1)}
FITTED = 40_000
"""Persons that the model is fitted on."""
_KEY = "prospect:bench"
_CLIENT = "m20"
_DAYS = 1_096
_SECTORS = tuple(str(s) for s in MemberSector)


def bench_features(config: Config, persons: int, transactions: Sequence[int], target: Path) -> int:
    """The command: snapshots of each number of transactions, then the scores of all persons; figures into `target`."""
    scratch = Path(config.paths.scratch) / "bench"
    answer = run(build_session(config.spark, scratch), persons, transactions, scratch)
    write(answer, target)
    console.say(json.dumps(answer))
    return 0


@dataclass(frozen=True)
class _Made:
    """The made-up co-operative, without its purchases."""

    tables: dict[type[Table], DataFrame]
    told: DataFrame
    horizon: Horizon
    scope: Scope


def run(spark: SparkSession, persons: int, transactions: Sequence[int], scratch: Path) -> dict[str, Any]:
    """Seconds and rows a second: of the snapshots for each number of transactions; of the inputs and the scores for the last of them. Making the
    tables and fitting the model are not counted. Nothing is kept."""
    lake = Lake(spark, str(scratch / "lake"), "features", str(scratch))
    try:
        base = _base(spark, persons, lake)
        snapshots = []
        for count in transactions:
            bought = lake.stage("transactions", purchases(base.told, count, persons))
            features, figures = _snapshot(base, bought, lake)
            snapshots.append(figures | {"next_night": _next_night(base, bought, features, lake)})
        scored = _scored(base, bought, features, scratch / "mlflow", lake)
        return {"persons": persons, "cores": cores(spark), "snapshots": snapshots, **scored, "peak_memory_gb": peak_memory()}
    finally:
        lake.close()
        shutil.rmtree(scratch / "mlflow", ignore_errors=True)


def _base(spark: SparkSession, persons: int, lake: Lake) -> _Made:
    tables = made.tables(spark, persons, AS_OF, _KEY, lake.stage)
    told = lake.stage("told", made.records(made.persons(spark, persons, max(4, persons // 250_000))))
    members = [f"m{n:02d}" for n in range(1, made.MEMBERS + 1)]
    sector_of = {m: _SECTORS[n % len(_SECTORS)] for n, m in enumerate(members)}
    scope = Scope(Use.PROSPECT, frozenset({_CLIENT}), frozenset(members), sector_of)
    return _Made(tables, told, Horizon(gap=0, length=STEP, history=_DAYS), scope)


def purchases(told: DataFrame, count: int, persons: int) -> DataFrame:
    """About `count` silver.transaction rows of these records (`candidate_tables.records`; two to a person on average). Who has
    bought much buys much: there is something to learn."""
    mean = count / (2.0 * persons)
    drawn = (made.drawn("purchases", 100_000, "record_id") + 1) / 100_001.0
    number = F.least(F.floor(-F.log(drawn) * mean + made.drawn("rounded", 1000, "record_id") / 1000.0), F.lit(2000)).cast("int")
    each = F.when(number > 0, F.sequence(F.lit(1), number))
    bought = told.select("record_id", "member_id", "person_id", F.explode(each).alias("n"))
    day = F.date_sub(F.lit(AS_OF), made.drawn("ago", _DAYS + 200, "record_id", "n").cast("int"))
    cents = made.drawn("cents", 9000, "record_id", "n") + 500
    is_refund = made.drawn("refunded", 25, "record_id", "n") == 0
    sectors = F.array(*(F.lit(s) for s in _SECTORS))
    return made.filled(Transaction, bought, {
        Transaction.transaction_id: F.concat_ws("-", "record_id", "n"),
        Transaction.kind: F.when(is_refund, str(TransactionKind.REFUND)).otherwise(str(TransactionKind.ORDER)),
        Transaction.sector: F.element_at(sectors, F.pmod(F.substring("member_id", 2, 2).cast("int") - 1, F.lit(len(_SECTORS))) + 1),
        Transaction.category: F.concat(F.lit("c"), made.drawn("category", 40, "record_id", "n").cast("string")),
        Transaction.transaction_date: day, Transaction.amount_cents: F.when(is_refund, -cents).otherwise(cents), Transaction.known_on: _known(day),
    })  # fmt: skip


def _known(day: Column) -> Column:
    """Years of history come with the first delivery, then each month's with the next; one row in two hundred two months later."""
    late = F.when(made.drawn("late", 200, "record_id", "n") == 0, 60).otherwise(0)
    monthly = F.date_add(F.last_day(F.date_add(day, late)), 5)
    return F.least(F.when(day <= FIRST_RECEIVED, F.lit(FIRST_RECEIVED)).otherwise(monthly), F.lit(AS_OF))


def _snapshot(base: _Made, bought: DataFrame, lake: Lake) -> tuple[DataFrame, dict[str, Any]]:
    """`gold.feature` of all cutoffs, and what it cost."""
    rows = build_features(bought, base.tables[PersonLink], _everybody(base), CUTOFFS, base.horizon, ARRIVALS)
    begun = clock.seconds()
    features = lake.stage("features", rows)
    spent, count = clock.seconds() - begun, bought.count()
    figures = {
        "transactions": count, "cutoffs": len(CUTOFFS), "rows": features.count(), "seconds": round(spent, 1),
        "transactions_a_second": round(count / spent), "python_operators": python_operators(rows),
    }  # fmt: skip
    return features, figures


def _next_night(base: _Made, bought: DataFrame, taken: DataFrame, lake: Lake) -> dict[str, Any]:
    """What the night after costs, one purchase in a thousand having been withdrawn: finding the histories of the past that changed, taking those
    again, and the snapshot of the new day."""
    past, today = CUTOFFS[:-1], AS_OF + dt.timedelta(days=1)
    arrivals = {member: replace(arrival, lag_days=arrival.lag_days + 1) for member, arrival in ARRIVALS.items()}
    now = (bought.where(made.drawn("withdrawn", 1000, "transaction_id") > 0), base.tables[PersonLink], _everybody(base))
    seconds: dict[str, float] = {}
    with timed(seconds, "compare"):
        changed = lake.stage("changed", changed_histories(taken.where(F.col(Feature.cutoff) < F.lit(AS_OF)), *now, past, base.horizon, arrivals))
    with timed(seconds, "again"):
        again = lake.stage("again", build_features(*now, past, base.horizon, arrivals, changed))
    with timed(seconds, "new_day"):
        lake.stage("new_day", build_features(*now, [today], base.horizon, arrivals))
    return {"taken_again": again.count(), "changed": changed.count(), "seconds": {name: round(spent, 1) for name, spent in seconds.items()}}


def _everybody(base: _Made) -> DataFrame:
    return base.tables[Person].select(Person.person_id).withColumn(FEATURED_FROM, F.lit(ALWAYS))


def _scored(base: _Made, bought: DataFrame, features: DataFrame, folder: Path, lake: Lake) -> dict[str, Any]:
    """Inputs and scores of everybody at the last cutoff, by a model fitted at earlier ones and stored in a registry of its own."""
    registry = Registry(f"sqlite:///{folder}/mlflow.db")
    reach = lake.stage("reach", build_reach(base.tables[Record], base.tables[PersonLink]))
    segments, homes = base.tables[Segment], base.tables[HouseholdLink]

    def inputs(rows: DataFrame) -> DataFrame:
        return build_dataset(rows, segments, homes, reach, base.scope)

    stored = _fitted(base, bought, inputs(features.where(F.col(Feature.cutoff).isin(CUTOFFS[-3:-1]))))
    version = registry.register(registered_name(_KEY), stored, Remembered({}, {}, {}, {}, {}))
    seconds: dict[str, float] = {}
    with timed(seconds, "inputs"):
        dataset = lake.stage("dataset", inputs(features.where(F.col(Feature.cutoff) == F.lit(AS_OF))))

    def kept(frame: DataFrame) -> DataFrame:
        with timed(seconds, "predictions"):
            return lake.stage("predictions", frame)

    with timed(seconds, "scores"):
        scores = lake.stage("scores", score(dataset, registry, version, stored, _KEY, kept))
    count = scores.select(Score.person_id).count()
    return {
        "scored": count, "columns": len(stored.propensity.columns), "family": stored.propensity.family,
        "seconds": {name: round(spent, 1) for name, spent in seconds.items()}, "inputs_a_second": round(count / seconds["inputs"]),
        "scores_a_second": round(count / seconds["scores"]),
        # The step that hands rows to Python: reading, Python's work and what goes between, over the whole of scoring.
        "python_share_at_most": round(seconds["predictions"] / seconds["scores"], 3),
    }  # fmt: skip


def _fitted(base: _Made, bought: DataFrame, rows: DataFrame) -> ScoredModel:
    """A model of who buys from the members of one trade, from some of the persons at two cutoffs."""
    targets = sorted(m for m, s in base.scope.sector_of.items() if s == _SECTORS[0])
    positives = build_labels(bought, base.tables[PersonLink], targets, CUTOFFS[-3:-1], base.horizon, AS_OF)
    keys = [str(Feature.cutoff), str(Feature.person_id)]
    told = with_label(rows, positives)
    share = min(1.0, 2 * FITTED / max(told.count(), 1))
    table: pd.DataFrame = sample_rows(told, keys, share, 1).drop(LABEL_AMOUNT).toPandas()
    first, second = (Sample(table[table[Feature.cutoff] == day]) for day in CUTOFFS[-3:-1])
    trained = fit(first, second, [n for n in input_names(with_own=False) if n in table and n != LABEL], seed=1)
    return ScoredModel(trained.propensity, {c: theme_of(c) for c in trained.propensity.columns}, 3)
