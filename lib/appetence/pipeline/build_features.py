"""Takes the snapshots that models train on, are tested on and score: `gold.feature`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence import contracts, features
from appetence.contracts.features import Feature
from appetence.contracts.identity import PersonLink
from appetence.features import build_features, changed_histories
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.modelling import at_cutoffs, calendar_of, eligible_persons, horizon, readable_transactions
from appetence.runtime import packages


def run(ctx: Context) -> Counts:
    """One pass over the transactions for all cutoffs not met before: of training, test and the as-of date. At the others only the histories
    that are not what they were (rows received since, persons found to be one or two) are looked at again; all of them when the code is another."""
    transactions = readable_transactions(ctx)
    calendar = calendar_of(ctx, transactions)
    cutoffs = [*calendar.labelled, ctx.as_of]
    links, eligible = ctx.lake.read(PersonLink), eligible_persons(ctx)
    met = _met(ctx, cutoffs)
    new = [c for c in cutoffs if c not in met]
    ctx.progress(f"snapshots at {', '.join(map(str, new)) or 'no new date'}, taken before at {', '.join(map(str, met)) or 'none'}")
    clock, arrivals, rules = horizon(ctx), calendar.arrivals, packages.fingerprint([features, contracts])
    rows = build_features(transactions, links, eligible, new, clock, arrivals, rules=rules) if new else Feature.frame(ctx.spark)
    changed: DataFrame | None = None
    if met:
        taken = ctx.lake.read(Feature).where(at_cutoffs(met))
        differing = changed_histories(taken, transactions, links, eligible, met, clock, arrivals, rules)
        changed = ctx.lake.stage("changed_histories", differing)
        if not changed.isEmpty():
            again = build_features(transactions, links, eligible, met, clock, arrivals, changed, rules)
            rows = rows.unionByName(again) if new else again
    written = ctx.lake.sync(Feature, rows, at_cutoffs(cutoffs), within=changed)
    details = {"cutoffs": [str(c) for c in cutoffs], "met_before": [str(c) for c in met]}
    return Counts(calendar.transactions, written.rows, details=details)


def _met(ctx: Context, cutoffs: Sequence[dt.date]) -> list[dt.date]:
    """The cutoffs with rows of an earlier run."""
    there = ctx.lake.read_or_empty(Feature).where(F.col(Feature.cutoff).isin(list(cutoffs))).select(Feature.cutoff).distinct()
    return sorted(row[0] for row in there.collect())
