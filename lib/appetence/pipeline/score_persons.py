"""Scores every person a champion model is for, at the as-of date: `gold.score`."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame

from appetence.contracts.gold import Score
from appetence.errors import ModelError
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.modelling import at_cutoffs, dataset_of, plan_of
from appetence.propensity.registry import Registry, registered_name
from appetence.propensity.scoring import score


def run(ctx: Context) -> Counts:
    """Scores with the champion of each configured model; a model without champion has no scores. ModelError when none has one."""
    registry = Registry(ctx.config.paths.mlflow)
    frames, versions, without = [], {}, []
    for key in ctx.config.propensity.models:
        champion = registry.champion(registered_name(key))
        if champion is None:
            without.append(key)
            ctx.progress(f"{key}: no champion, no scores; run train_propensity and read what the gate said")
            continue
        frames.append(score(dataset_of(ctx, plan_of(ctx, key), [ctx.as_of]), registry, champion, registry.load(champion), key))
        versions[key] = champion.version
    if ctx.config.propensity.models and not frames:
        raise ModelError(
            f"No model has a champion ({', '.join(without)}): run train_propensity first and read what the gate said in gold.model_card."
        )
    if not frames:
        return Counts(0, 0)
    written = ctx.lake.sync(Score, reduce(DataFrame.unionByName, frames), at_cutoffs([ctx.as_of]))
    return Counts(written.rows, written.rows, len(without), {"versions": versions, "without_champion": without})
