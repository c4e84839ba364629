"""Scores every person a champion model is for, at the as-of date: `gold.score`."""

from __future__ import annotations

from functools import partial, reduce

from pyspark.sql import DataFrame

from appetence.contracts.gold import Score
from appetence.errors import ModelError
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.modelling import Base, at_cutoffs, base_of, dataset_of, plan_of
from appetence.propensity.registry import Registry, Version, registered_name
from appetence.propensity.scoring import score
from appetence.runtime.ahead import side_by_side


def run(ctx: Context) -> Counts:
    """Scores with the champion of each configured model; a model without champion has no scores. ModelError when none has one."""
    registry = Registry(ctx.config.paths.mlflow)
    champions: dict[str, Version] = {}
    without = []
    for key in ctx.config.propensity.models:
        champion = registry.champion(registered_name(key))
        if champion is None:
            without.append(key)
            ctx.progress(f"{key}: no champion, no scores; run train_propensity and read what the gate said")
            continue
        champions[key] = champion
    if ctx.config.propensity.models and not champions:
        raise ModelError(
            f"No model has a champion ({', '.join(without)}): run train_propensity first and read what the gate said in gold.model_card."
        )
    if not champions:
        return Counts(0, 0)
    base = base_of(ctx, [ctx.as_of])
    frames = side_by_side(*(partial(_scored, ctx, registry, base, key, champion) for key, champion in champions.items()), workers=2)
    versions = {key: champion.version for key, champion in champions.items()}
    written = ctx.lake.sync(Score, reduce(DataFrame.unionByName, frames), at_cutoffs([ctx.as_of]), is_staged=True)
    return Counts(written.rows, written.rows, len(without), {"versions": versions, "without_champion": without})


def _scored(ctx: Context, registry: Registry, base: Base, key: str, champion: Version) -> DataFrame:
    """The scores of one model; one is made beside another."""
    rows = score(dataset_of(ctx, plan_of(ctx, key), base), registry, champion, registry.load(champion), key)
    return ctx.lake.stage(f"scores_{key}", rows)
