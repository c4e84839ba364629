# Databricks notebook source
# MAGIC %md
# MAGIC # Model read-out
# MAGIC
# MAGIC What the champion models are worth on a period later than the one they learnt from, and what they say of the base today. Needs
# MAGIC `train_propensity` and `score_persons` to have run. It only reads.

# COMMAND ----------

from math import sqrt

from pyspark.sql import functions as F

from appetence.contracts.gold import GainsTier, ModelCard, Score, Segment
from appetence.pipeline.notebook import opened_lake
from appetence.pipeline.report import rows
from appetence.reporting import aggregates, charts
from appetence.reporting.index_page import latest_versions
from appetence.reporting.model_page import calibration_picture, gains_picture, reason_picture, score_picture

config, lake = opened_lake(globals().get("dbutils"))

# COMMAND ----------
# MAGIC %md
# MAGIC ## The models
# MAGIC
# MAGIC A key is the product and the client, e.g. `house:r_m04`. `baseline_auc` is what the better of recency and frequency reaches
# MAGIC alone.

# COMMAND ----------

cards = latest_versions(rows(lake.read(ModelCard)))
shown = (ModelCard.model_key, ModelCard.model_version, ModelCard.is_champion, ModelCard.test_cutoff, ModelCard.auc, ModelCard.baseline_auc,
         ModelCard.top_decile_lift, ModelCard.calibration_error, ModelCard.gate_reason)  # fmt: skip
lake.read(ModelCard).select(*shown).orderBy(ModelCard.model_key, ModelCard.model_version).toPandas()

# COMMAND ----------
# MAGIC %md
# MAGIC ## Gains
# MAGIC
# MAGIC Of the first model; set `chosen` to read another.

# COMMAND ----------

chosen = cards[0]
tiers = rows(
    lake.read(GainsTier)
    .where(F.col(GainsTier.model_key) == chosen[ModelCard.model_key])
    .where(F.col(GainsTier.model_version) == chosen[ModelCard.model_version])
    .orderBy(GainsTier.decile)
)
gains_picture(tiers).draw(False)

# COMMAND ----------
# MAGIC %md
# MAGIC ## Do the probabilities hold?
# MAGIC
# MAGIC On the line, the model says what happens. The second cell asks whether any tenth lies further off than chance explains (two
# MAGIC standard errors).

# COMMAND ----------

calibration_picture(tiers).draw(False)

# COMMAND ----------


def standard_errors_off(tier: dict) -> float:
    """Observed less predicted positives, in standard errors of the prediction."""
    expected = tier[GainsTier.mean_probability] * tier[GainsTier.persons]
    spread = sqrt(max(expected * (1 - tier[GainsTier.mean_probability]), 1e-9))
    return round((tier[GainsTier.positives] - expected) / spread, 2)


{tier[GainsTier.decile]: standard_errors_off(tier) for tier in tiers}

# COMMAND ----------
# MAGIC %md
# MAGIC ## The base today

# COMMAND ----------

scores = lake.read(Score).where(F.col(Score.model_key) == chosen[ModelCard.model_key])
newest = scores.agg(F.max(Score.cutoff)).first()[0]
scores = scores.where(F.col(Score.cutoff) == F.lit(newest))
score_picture(rows(aggregates.probability_bins(scores))).draw(False)

# COMMAND ----------

summary = rows(aggregates.scored(scores))[0]
reason_picture(rows(aggregates.leading_reasons(scores)), summary["first_decile"], summary[aggregates.N]).draw(False)

# COMMAND ----------
# MAGIC %md
# MAGIC ## Who scores high?
# MAGIC
# MAGIC Mean probability by age band. Age may be inferred from the first name; the segment table says so.

# COMMAND ----------

segments = lake.read(Segment)
last = segments.agg(F.max(Segment.cutoff)).first()[0]
bands = rows(
    scores.join(segments.where(F.col(Segment.cutoff) == F.lit(last)).select(Segment.person_id, Segment.age_band), on=Score.person_id, how="inner")
    .groupBy(Segment.age_band)
    .agg(F.round(F.avg(Score.probability), 6).alias("mean"), F.count(F.lit(1)).alias("persons"))
    .orderBy(Segment.age_band)
)
charts.bars([b["age_band"] for b in bands], [("mean probability", [b["mean"] for b in bands])], unit="mean probability", is_share=True)
