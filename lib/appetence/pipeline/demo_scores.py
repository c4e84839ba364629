"""What the demonstration's scores are worth against the true probabilities of an order: how much of the attainable lift, and how well calibrated.

The scores of the scoring date are judged on the 90 days after it, which nothing was learnt from. A found person counts as the true person that
most of its records are of, so what identities get wrong counts against the scores. The truth is read here and by no job.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.gold import Score
from appetence.contracts.identity import PersonLink
from appetence.errors import ModelError
from appetence.pipeline.context import Context
from appetence.pipeline.modelling import horizon, plan_of
from appetence.synthetic import world

SIGNIFICANT = 1.96
TRUE = "p_true"
"""Probability of at least one order with any of the model's targets in the label window."""

_PERSON = str(Score.person_id)


@dataclass(frozen=True)
class Attained:
    """One model's scores against the truth; all by tenths of the ranking."""

    persons: int
    lift: float
    """Mean true probability of the model's best tenth, over that of all."""
    best_lift: float
    """The same of the tenth that a ranking by the true probability would take: what no model can beat."""
    calibration_error: float
    """Mean distance of predicted and true probability over the tenths."""
    trend: float
    """How much the error (predicted less true) changes from one tenth to the next."""
    trend_z: float
    """That, in standard errors."""

    @property
    def share(self) -> float:
        """Share of the attainable lift."""
        return self.lift / self.best_lift

    @property
    def has_trend(self) -> bool:
        """Whether the error changes with the tenth by more than chance would show."""
        return abs(self.trend_z) > SIGNIFICANT


def evaluate_scores(ctx: Context) -> dict[str, Attained]:
    """By model key; nothing when there are no scores of the scoring date, or their window is not the one whose truth is known."""
    window = horizon(ctx)
    if (window.gap, window.length) != (0, world.HORIZON_DAYS):
        return {}
    scores = ctx.lake.read_or_empty(Score).where(F.col(Score.cutoff) == F.lit(world.AS_OF))
    folder = ctx.config.paths.truth
    known = ctx.spark.read.parquet(f"{folder}/record_truth.parquet").select("record_id", "true_person")
    purchases = ctx.spark.read.parquet(f"{folder}/purchase_truth.parquet").where(F.col("cutoff") == F.lit(world.AS_OF))
    persons = ctx.lake.stage("true_persons", true_persons(ctx.lake.read(PersonLink), known))
    found = {}
    for key in ctx.config.propensity.models:
        targets = _targets(ctx, key)
        of_model = scores.where(F.col(Score.model_key) == key)
        made = attained(of_model, with_truth(persons, purchases, targets)) if targets else None
        if made:
            found[key] = made
    return found


def _targets(ctx: Context, key: str) -> frozenset[str]:
    """The members whose orders the model predicted on the scoring date; nobody's when it could not be."""
    try:
        return plan_of(replace(ctx, as_of=world.AS_OF), key).targets
    except ModelError:
        return frozenset()


def true_persons(links: DataFrame, known: DataFrame) -> DataFrame:
    """`person_id` and the `true_person` that most of its records are of (the lower id at a tie). `known`: record_id, true_person."""
    counted = links.join(known, on=str(PersonLink.record_id), how="inner").groupBy(PersonLink.person_id, "true_person").count()
    return counted.groupBy(PersonLink.person_id).agg(F.min_by("true_person", F.struct(-F.col("count"), "true_person")).alias("true_person"))


def with_truth(persons: DataFrame, purchases: DataFrame, targets: frozenset[str]) -> DataFrame:
    """`person_id` and `p_true`. `purchases`: true_person, member_id, p_90d at one cutoff; orders with different members come independently."""
    theirs = purchases.where(F.col("member_id").isin(sorted(targets)))
    # The logarithms are rounded, so that their sum does not depend on the order of the rows.
    none = F.sum(F.round(F.log1p(-F.least(F.col("p_90d"), F.lit(1 - 1e-12))), 12).cast("decimal(20,12)")).cast("double")
    chances = theirs.groupBy("true_person").agg((1 - F.exp(none)).alias(TRUE))
    joined = persons.join(chances, on="true_person", how="left")
    return joined.select(_PERSON, F.coalesce(TRUE, F.lit(0.0)).alias(TRUE))


def attained(scores: DataFrame, truth: DataFrame) -> Attained | None:
    """`scores`: person_id, probability, decile; `truth`: person_id, p_true. None without a scored person whose truth is known, or when nobody
    could order."""
    both = scores.select(_PERSON, Score.probability, Score.decile).join(truth, on=_PERSON, how="inner")
    error = F.col(Score.probability) - F.col(TRUE)
    rows = (
        both.groupBy(Score.decile)
        .agg(
            F.count(F.lit(1)).alias("n"), F.avg(Score.probability).alias("predicted"), F.avg(TRUE).alias("true"),
            F.var_pop(error).alias("spread"),
        )
        .orderBy(Score.decile)
        .collect()
    )  # fmt: skip
    edge = both.agg(F.percentile(TRUE, F.lit(0.9))).first()
    best = both.where(F.col(TRUE) >= F.lit(edge[0])).agg(F.avg(TRUE)).first() if edge and edge[0] is not None else None
    if best is None or not best[0]:
        return None
    return _summed(rows, float(best[0]))


def _summed(tenths: Sequence[Mapping[str, Any]] | Sequence[Any], best: float) -> Attained:
    """The figures, from the sizes, means and spreads of the tenths."""
    sizes = [float(t["n"]) for t in tenths]
    total = sum(sizes)
    mean = sum(n * t["true"] for n, t in zip(sizes, tenths, strict=True)) / total
    errors = [t["predicted"] - t["true"] for t in tenths]
    middle = sum(n * t["decile"] for n, t in zip(sizes, tenths, strict=True)) / total
    apart = [t["decile"] - middle for t in tenths]
    squares = sum(n * x * x for n, x in zip(sizes, apart, strict=True))
    level = sum(n * e for n, e in zip(sizes, errors, strict=True)) / total
    slope = sum(n * x * e for n, x, e in zip(sizes, apart, errors, strict=True)) / squares if squares else 0.0
    # The spread of persons around the line, tenth by tenth: the error's size differs between them.
    noise = sum(
        n * x * x * (t["spread"] + (e - level - slope * x) ** 2) for n, x, e, t in zip(sizes, apart, errors, tenths, strict=True)
    )  # fmt: skip
    deviation = math.sqrt(noise) / squares if squares else 0.0
    return Attained(
        persons=int(total), lift=tenths[0]["true"] / mean, best_lift=best / mean,
        calibration_error=sum(n * abs(e) for n, e in zip(sizes, errors, strict=True)) / total,
        trend=slope, trend_z=slope / deviation if deviation > 0 else math.copysign(math.inf, slope) if slope else 0.0,
    )  # fmt: skip
