"""Scoring the whole base: the registered model as a Spark UDF, then ranks, deciles and `gold.score`."""

from __future__ import annotations

from collections.abc import Callable

import mlflow
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.columns.hashing import stable_order
from appetence.columns.positions import with_position
from appetence.contracts.gold import Score
from appetence.propensity.registry import AMOUNT, RESULT_TYPE, Registry, ScoredModel, Version
from appetence.propensity.season import DAY_OF_YEAR

_SCORED, _BUCKET = "_scored", "_place"
_NANO = 1_000_000_000
"""Scores have nine digits."""
_PARTS, _ACCURACY = 64, 2000
"""Buckets a ranking is counted by."""


def score(
    dataset: DataFrame,
    registry: Registry,
    version: Version,
    stored: ScoredModel,
    model_key: str,
    stage: Callable[[DataFrame], DataFrame] = lambda frame: frame,
) -> DataFrame:
    """`gold.score` of one model: `dataset` has `cutoff`, `person_id` and the columns the model reads. Ranks count within each cutoff.

    `stage` may keep the predictions, which are read more than once."""
    return build_scores(stage(with_prediction(dataset, registry, version, stored)), model_key, version.version)


def with_prediction(dataset: DataFrame, registry: Registry, version: Version, stored: ScoredModel) -> DataFrame:
    """Adds `_scored` (raw score, probability, reasons, amount) by the model as MLflow hands it to Spark."""
    spark: SparkSession = dataset.sparkSession
    predict = mlflow.pyfunc.spark_udf(spark, registry.uri(version), result_type=RESULT_TYPE, env_manager="local")
    when = [F.dayofyear(Score.cutoff).cast("double").alias(DAY_OF_YEAR)] if stored.propensity.season else []
    inputs = F.struct(*(F.col(c) for c in stored.propensity.columns), *when)
    return dataset.select(Score.cutoff, Score.person_id, predict(inputs).alias(_SCORED))


def build_scores(predicted: DataFrame, model_key: str, model_version: str) -> DataFrame:
    """Rank (1 is best; ties by a stable hash), decile, expected amount and reasons from `_scored`.

    It reads `predicted` three times: store it before."""
    probability, amount = F.col(f"{_SCORED}.probability"), F.col(f"{_SCORED}.{AMOUNT}")
    expected = F.round(probability * amount).cast("bigint")
    rows = predicted.select(
        F.lit(model_key).alias(Score.model_key),
        Score.cutoff,
        Score.person_id,
        F.lit(model_version).alias(Score.model_version),
        F.col(f"{_SCORED}.raw_score").alias(Score.raw_score),
        probability.alias(Score.probability),
        F.when(~F.isnan(amount), expected).alias(Score.expected_amount_cents),
        F.col(f"{_SCORED}.reasons").alias(Score.reasons),
        stable_order(F.col(Score.person_id), seed=model_key).alias("_tie"),
    )
    best_first = (F.desc(Score.probability), F.desc(Score.raw_score), F.col("_tie"), F.col(Score.person_id))
    ranked = with_position(_placed(rows), Score.rank, F.col(_BUCKET), *best_first, within=[Score.cutoff], total="_all")
    decile = (F.floor((F.col(Score.rank) - 1) * 10 / F.col("_all")) + 1).cast("int")
    return Score.shape(ranked.withColumn(Score.decile, decile))


def _placed(rows: DataFrame) -> DataFrame:
    """Adds a bucket, lower for better rows: parts of about equal size, whatever probabilities there are. A calibration has few steps, and a raw
    score tells apart what it makes equal."""
    known = F.greatest(F.least(F.col(Score.raw_score), F.lit(1.0)), F.lit(0.0))
    # A number that orders rows by probability, then by raw score; it fits a bigint.
    order = F.round(F.col(Score.probability) * _NANO).cast("bigint") * _NANO + F.round(known * _NANO).cast("bigint")
    keyed = rows.withColumn("_order", order)
    edges = keyed.groupBy(Score.cutoff).agg(F.percentile_approx("_order", [n / _PARTS for n in range(1, _PARTS)], _ACCURACY).alias("_edges"))
    beside = keyed.join(F.broadcast(edges), on=str(Score.cutoff), how="inner")
    above = F.size(F.filter("_edges", lambda edge: edge > F.col("_order")))
    return beside.withColumn(_BUCKET, above.cast("bigint")).drop("_order", "_edges")
