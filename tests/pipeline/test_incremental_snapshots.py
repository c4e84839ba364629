"""Snapshots night after night: what was taken before is kept where its history is what it was, and the table is what one whole run makes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from appetence.contracts.base import RUN_ID
from appetence.contracts.features import Feature
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Transaction
from appetence.pipeline import build_features
from appetence.pipeline.context import Context
from tests.features.planted import rows_of
from tests.pipeline import test_modelling
from tests.pipeline.test_modelling import AS_OF, OVERRIDES, event, fill

pytestmark = pytest.mark.spark
NEXT = AS_OF + dt.timedelta(days=3)
DELIVERED = [
    event(900_000, 20, "m02", dt.date(2026, 1, 15), 555_555), event(900_001, 21, "m03", dt.date(2026, 11, 2), 4_000),
    event(900_002, 22, "m01", dt.date(2026, 10, 20), 1_000), event(900_003, 23, "m04", dt.date(2026, 11, 1), 1_000),
]  # fmt: skip
"""The next delivery: one of its rows is of January."""


def _next_day(ctx: Context) -> None:
    """What the night brings: rows, and two persons that are found to be one."""
    ctx.lake.insert_new(Transaction, Transaction.frame(ctx.spark, [row | {"known_on": NEXT} for row in DELIVERED]))
    links = ctx.lake.read(PersonLink)
    one = F.when(F.col("person_id") == "p0031", F.lit("p0030")).otherwise(F.col("person_id"))
    ctx.lake.sync(PersonLink, links.withColumn("person_id", one))


def test_a_new_day_takes_again_only_what_changed(make_context: Callable[..., Context], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_modelling, "PERSONS", 60)
    first = make_context(overrides=OVERRIDES, as_of=AS_OF, run_id="first")
    fill(first)
    answer = build_features.run(first)
    assert answer.details["met_before"] == []

    second = make_context(overrides=OVERRIDES, as_of=NEXT, run_id="second")
    _next_day(second)
    answer = build_features.run(second)
    past = answer.details["met_before"]
    assert len(past) == 4 and str(NEXT) not in past, "the cutoffs of the past are met again on the next day"

    whole = make_context(overrides=(*OVERRIDES, f"paths.root={tmp_path / 'whole'}"), as_of=NEXT, run_id="whole")
    fill(whole)
    _next_day(whole)
    build_features.run(whole)
    at = F.col(Feature.cutoff).isin([dt.date.fromisoformat(c) for c in answer.details["cutoffs"]])
    assert rows_of(second.lake.read(Feature).where(at)) == rows_of(whole.lake.read(Feature).where(at))

    by_run = second.lake.read(Feature, with_run_id=True).where(F.col(Feature.cutoff) < F.lit(AS_OF)).groupBy(RUN_ID).count()
    counts = {row[0]: row[1] for row in by_run.collect()}
    # At each of four cutoffs: the two persons that became one, with four members each; what came late is known at none of them.
    assert 0 < counts["second"] <= 4 * 4 and counts["first"] > 20 * counts["second"], counts
