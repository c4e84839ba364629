"""Scoring the whole base: the registered model as a Spark UDF, then ranks, deciles and `gold.score`."""

from __future__ import annotations

import mlflow
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from appetence.columns.hashing import stable_order
from appetence.contracts.gold import Score
from appetence.propensity.registry import RESULT_TYPE, Registry, ScoredModel, Version
from appetence.propensity.season import DAY_OF_YEAR

_SCORED = "_scored"


def score(dataset: DataFrame, registry: Registry, version: Version, stored: ScoredModel, model_key: str) -> DataFrame:
    """`gold.score` of one model: `dataset` has `cutoff`, `person_id` and the columns the model reads. Ranks count within each cutoff."""
    return build_scores(with_prediction(dataset, registry, version, stored), model_key, version.version)


def with_prediction(dataset: DataFrame, registry: Registry, version: Version, stored: ScoredModel) -> DataFrame:
    """Adds `_scored` (raw score, probability, reasons) by the model as MLflow hands it to Spark."""
    spark: SparkSession = dataset.sparkSession
    predict = mlflow.pyfunc.spark_udf(spark, registry.uri(version), result_type=RESULT_TYPE, env_manager="local")
    when = [F.dayofyear(Score.cutoff).cast("double").alias(DAY_OF_YEAR)] if stored.propensity.season else []
    inputs = F.struct(*(F.col(c) for c in stored.propensity.columns), *when)
    return dataset.select(Score.cutoff, Score.person_id, predict(inputs).alias(_SCORED))


def build_scores(predicted: DataFrame, model_key: str, model_version: str) -> DataFrame:
    """Rank (1 is best; ties by a stable hash), decile and reasons from `_scored`."""
    rows = predicted.select(
        F.lit(model_key).alias(Score.model_key),
        Score.cutoff,
        Score.person_id,
        F.lit(model_version).alias(Score.model_version),
        F.col(f"{_SCORED}.raw_score").alias(Score.raw_score),
        F.col(f"{_SCORED}.probability").alias(Score.probability),
        F.lit(None).cast("bigint").alias(Score.expected_amount_cents),
        F.col(f"{_SCORED}.reasons").alias(Score.reasons),
        stable_order(F.col(Score.person_id), seed=model_key).alias("_tie"),
    )
    best_first = Window.partitionBy(Score.cutoff).orderBy(F.desc(Score.probability), F.desc(Score.raw_score), "_tie", Score.person_id)
    everyone = Window.partitionBy(Score.cutoff)
    ranked = rows.withColumn(Score.rank, F.row_number().over(best_first).cast("bigint")).withColumn("_all", F.count(F.lit(1)).over(everyone))
    decile = (F.floor((F.col(Score.rank) - 1) * 10 / F.col("_all")) + 1).cast("int")
    return Score.shape(ranked.withColumn(Score.decile, decile))
