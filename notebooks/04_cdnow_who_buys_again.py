# Databricks notebook source
# MAGIC %md
# MAGIC # CDNOW: who buys again
# MAGIC
# MAGIC 23,570 people bought their first record in early 1997. Who buys in the next 90 days, how sure is that, and what is a mailing of the
# MAGIC best tenth worth? The data come with the package `lifetimes` (`make real` installs it); nothing is read from the lake.

# COMMAND ----------

import datetime as dt

import pandas as pd

from appetence.bench.real_purchases import CDNOW, cdnow_rows
from appetence.features import Horizon, build_study
from appetence.pipeline.notebook import opened_lake
from appetence.propensity import fit_table
from appetence.propensity.drift import Profile, bin_counts, stability_index, verdict
from appetence.propensity.plots import calibration_plot, gains_plot

config, lake = opened_lake(globals().get("dbutils"))

# COMMAND ----------
# MAGIC %md
# MAGIC ## From purchases to a judged model, in ten lines
# MAGIC
# MAGIC A snapshot knows what was bought up to its cutoff and not a day more. The model learns on three cutoffs, the last of which also
# MAGIC chooses and calibrates; it is judged on a later one.

# COMMAND ----------

rows = pd.DataFrame(cdnow_rows(CDNOW.path()), columns=["person_id", "line", "day", "dollars", "discs"])
rows["transaction_date"] = pd.to_datetime(rows.day).dt.date
rows["amount_cents"] = (rows.dollars.astype(float) * 100).round().astype("int64")
purchases = lake.spark.createDataFrame(rows[["person_id", "transaction_date", "amount_cents"]])
cutoffs = [dt.date(1997, 4, 30), dt.date(1997, 7, 31), dt.date(1997, 10, 31), dt.date(1998, 1, 31)]
study = build_study(purchases, cutoffs, Horizon(gap=0, length=90, history=1096), known_until=CDNOW.as_of).toPandas()
early, later = study[study.cutoff < cutoffs[-1]], study[study.cutoff == cutoffs[-1]]
model = fit_table(early, "label", row_id="person_id", seed=1, seconds=10)
judged = model.judge(later, "label", baselines={"recency": "-recency_days", "frequency": "days_total", "decayed": "decayed_events_90"})
pd.Series(judged.quality.as_dict() | {f"auc of {k} alone": v for k, v in judged.baselines.items()}).round(4).to_frame("later period")

# COMMAND ----------
# MAGIC %md
# MAGIC ## What it is made of
# MAGIC
# MAGIC Each learner was held against a cutoff it had not seen; the weights are those of the stack.

# COMMAND ----------

pd.DataFrame(model.validation).T.round(4).sort_values("log_loss")

# COMMAND ----------

gains_plot(judged, "CDNOW, the 90 days after 31 January 1998")

# COMMAND ----------
# MAGIC %md
# MAGIC ## Do the probabilities hold?
# MAGIC
# MAGIC The cohort cools down: every cutoff has fewer buyers than the one before. A model that learnt on warmer days promises a little too
# MAGIC much, and the picture shows it.

# COMMAND ----------

calibration_plot(judged, "CDNOW, the 90 days after 31 January 1998")

# COMMAND ----------

study.groupby("cutoff").label.agg(["size", "mean"]).round(4)

# COMMAND ----------
# MAGIC %md
# MAGIC ## How deep to mail
# MAGIC
# MAGIC With 20 of margin an order and 0.90 a piece, a tenth pays while its rate is above 4.5 %.

# COMMAND ----------

MARGIN, PIECE = 20.0, 0.90
depth = pd.DataFrame([{"decile": t.decile, "rate": t.rate, "foretold": t.mean_probability, "persons": t.persons} for t in judged.tiers])
depth["profit"] = (depth.persons * (depth.rate * MARGIN - PIECE)).cumsum().round()
depth.round(4)

# COMMAND ----------
# MAGIC %md
# MAGIC ## Is it still the same base?
# MAGIC
# MAGIC The stability index of each input between the first and the last cutoff: a closed cohort drifts, its recency grows by design.

# COMMAND ----------

inputs = [c for c in study.columns if c not in ("cutoff", "person_id", "label")]
first = study[study.cutoff == cutoffs[0]]
profile = Profile.of(first, inputs, first.label.to_numpy(dtype=float))
moved = {c: stability_index(b.shares, bin_counts(later[c].to_numpy(dtype=float), b.edges)) for c, b in profile.columns.items()}
pd.DataFrame([{"input": c, "index": round(v, 3), "verdict": verdict(v)} for c, v in sorted(moved.items(), key=lambda m: -m[1])]).head(12)
