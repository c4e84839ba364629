"""Takes the snapshots that models train on, are tested on and score: `gold.feature`."""

from __future__ import annotations

from appetence.contracts.features import Feature
from appetence.contracts.identity import PersonLink
from appetence.features import build_features
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.modelling import at_cutoffs, calendar_of, eligible_persons, horizon, readable_transactions


def run(ctx: Context) -> Counts:
    """One pass over the transactions for all cutoffs: training, test and the as-of date."""
    transactions = readable_transactions(ctx)
    calendar = calendar_of(ctx, transactions)
    cutoffs = [*calendar.labelled, ctx.as_of]
    ctx.progress(f"snapshots at {', '.join(str(c) for c in cutoffs)}")
    rows = build_features(transactions, ctx.lake.read(PersonLink), eligible_persons(ctx), cutoffs, horizon(ctx), calendar.arrivals)
    written = ctx.lake.sync(Feature, rows, at_cutoffs(cutoffs))
    return Counts(calendar.transactions, written.rows, details={"cutoffs": [str(c) for c in cutoffs]})
