"""Scores every person a champion model is for, at the as-of date: `gold.score`, with `gold.drift` and `gold.stability` beside it."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any

from pyspark.sql import DataFrame

from appetence.contracts.gold import Score
from appetence.errors import ModelError
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.modelling import Base, at_cutoffs, base_of, dataset_of, plan_of
from appetence.pipeline.watch_scores import Scored, watch
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
    made = side_by_side(*(partial(_scored, ctx, registry, base, key, champion) for key, champion in champions.items()), workers=2)
    written = ctx.lake.sync(Score, reduce(DataFrame.unionByName, (scores for scores, _ in made)), at_cutoffs([ctx.as_of]), is_staged=True)
    details: dict[str, Any] = {"versions": {key: c.version for key, c in champions.items()}, "without_champion": without}
    if not ctx.dry_run:
        details["stability"] = watch(ctx, [scored for _, scored in made])
    return Counts(written.rows, written.rows, len(without), details)


def _scored(ctx: Context, registry: Registry, base: Base, key: str, champion: Version) -> tuple[DataFrame, Scored]:
    """The scores of one model, and what the watch needs of it; one is made beside another."""
    stored = registry.load(champion)
    # Read twice: by the model, and by the watch over its columns.
    dataset = ctx.lake.stage(f"score_{key}", dataset_of(ctx, plan_of(ctx, key), base))
    predictions = partial(ctx.lake.stage, f"predictions_{key}")
    scores = ctx.lake.stage(f"scores_{key}", score(dataset, registry, champion, stored, key, predictions))
    return scores, Scored(key, champion.version, dataset, getattr(stored, "profile", None))
