"""Scores every person a champion model is for, at the as-of date: `gold.score`, with `gold.drift` and `gold.stability` beside it."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any

from pyspark.sql import DataFrame

from appetence.contracts.gold import Score
from appetence.errors import ModelError
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.modelling import Base, ModelPlan, at_cutoffs, base_of, dataset_of, plan_of
from appetence.pipeline.scorable import closed_persons, scorable_persons, withdraw
from appetence.pipeline.watch_scores import Scored, watch
from appetence.propensity.registry import Registry, Version, registered_name
from appetence.propensity.scoring import score
from appetence.runtime.ahead import side_by_side


def run(ctx: Context) -> Counts:
    """Scores with the champion of each configured model; a model without champion has no scores. ModelError when none has one.

    First the scores of every cutoff go of whom may no longer be scored: an objection, an opposition or a death counts for the past too."""
    registry = Registry(ctx.config.paths.mlflow)
    champions = _champions(ctx, registry)
    without = [key for key in ctx.config.propensity.models if key not in champions]
    if not champions and not ctx.lake.exists(Score):
        return _none(without)
    plans = {key: plan_of(ctx, key) for key in champions}
    scorable = scorable_persons(ctx, {party for plan in plans.values() for party in plan.parties})
    closed = {key: closed_persons(ctx, plan, scorable.suppressed) for key, plan in plans.items()}
    withdrawn = withdraw(ctx, scorable.persons, closed)
    if not champions:
        return _none(without)
    base = base_of(ctx, [ctx.as_of], scorable.persons)
    made = side_by_side(*(partial(_scored, ctx, registry, base, plans[key], c, closed[key]) for key, c in champions.items()), workers=2)
    written = ctx.lake.sync(Score, reduce(DataFrame.unionByName, (scores for scores, _ in made)), at_cutoffs([ctx.as_of]), is_staged=True)
    details: dict[str, Any] = {"versions": {key: c.version for key, c in champions.items()}, "without_champion": without, "withdrawn": withdrawn}
    if not ctx.dry_run:
        details["stability"] = watch(ctx, [scored for _, scored in made])
    return Counts(written.rows, written.rows, len(without), details)


def _champions(ctx: Context, registry: Registry) -> dict[str, Version]:
    """The version in use of each configured model that has one."""
    found = {}
    for key in ctx.config.propensity.models:
        champion = registry.champion(registered_name(key))
        if champion is None:
            ctx.progress(f"{key}: no champion, no scores; run train_propensity and read what the gate said")
        else:
            found[key] = champion
    return found


def _none(without: list[str]) -> Counts:
    """No model is configured; ModelError when some are and none has a champion."""
    if without:
        raise ModelError(
            f"No model has a champion ({', '.join(without)}): run train_propensity first and read what the gate said in gold.model_card."
        )
    return Counts(0, 0)


def _scored(ctx: Context, registry: Registry, base: Base, plan: ModelPlan, champion: Version, closed: DataFrame) -> tuple[DataFrame, Scored]:
    """The scores of one model, and what the watch needs of it; one is made beside another. `closed`: persons it may not score."""
    stored = registry.load(champion)
    # Read twice: by the model, and by the watch over its columns.
    rows = dataset_of(ctx, plan, base).join(closed, on=str(Score.person_id), how="left_anti")
    dataset = ctx.lake.stage(f"score_{plan.key}", rows)
    predictions = partial(ctx.lake.stage, f"predictions_{plan.key}")
    scores = ctx.lake.stage(f"scores_{plan.key}", score(dataset, registry, champion, stored, plan.key, predictions))
    return scores, Scored(plan.key, champion.version, dataset, getattr(stored, "profile", None))
