# Databricks notebook source
# MAGIC %md
# MAGIC # A tour of the lake
# MAGIC
# MAGIC From what members deliver to who is selected, table by table. Run `make demo` first; then run this notebook on a cluster, or
# MAGIC open it in an editor that knows Databricks source files. It only reads.
# MAGIC
# MAGIC Another environment: the widget `environment` on Databricks, or the variable `APPETENCE_ENV` elsewhere.

# COMMAND ----------

from pyspark.sql import functions as F

from appetence.contracts import REGISTRY
from appetence.contracts.bronze import Delivery, Reject
from appetence.contracts.campaign import Campaign, Waterfall
from appetence.contracts.identity import Person, PersonLink
from appetence.contracts.silver import Permission, Record, Transaction
from appetence.pipeline.notebook import opened_lake
from appetence.reporting import charts
from appetence.reporting.campaign_page import joined_steps

config, lake = opened_lake(globals().get("dbutils"))

# COMMAND ----------
# MAGIC %md
# MAGIC ## What is there
# MAGIC
# MAGIC Every table has one contract: a class with the sentence that says what a row is, typed and commented columns, key, checks.
# MAGIC `lake.read(Contract)` gives its rows, and `Contract.column` is the name of a column.

# COMMAND ----------

tables = [(t.full_name(), lake.read(t).count(), t.grain()) for t in REGISTRY.values() if lake.exists(t)]
lake.spark.createDataFrame(tables, "table string, rows bigint, grain string").orderBy("table").toPandas()

# COMMAND ----------
# MAGIC %md
# MAGIC ## Deliveries
# MAGIC
# MAGIC A delivery is taken whole or not at all. A line that breaks a rule becomes a row of `bronze.reject` with its reason, never with
# MAGIC its value.

# COMMAND ----------

deliveries = (
    lake.read(Delivery)
    .groupBy(Delivery.member_id, Delivery.status)
    .agg(
        F.count(F.lit(1)).alias("deliveries"),
        F.sum(Delivery.rows_accepted).alias("accepted"),
        F.sum(Delivery.rows_rejected).alias("rejected"),
    )
)
deliveries.orderBy(Delivery.member_id, Delivery.status).toPandas()

# COMMAND ----------

lake.read_or_empty(Reject).groupBy(Reject.code).count().orderBy(F.desc("count")).toPandas()

# COMMAND ----------
# MAGIC %md
# MAGIC ## Clean records
# MAGIC
# MAGIC Standardising brings each value to one written form and grades it: A good, B repaired, C doubtful, D unusable, E absent.

# COMMAND ----------

GRADES = ("A", "B", "C", "D", "E")
GRADED = (Record.name_grade, Record.address_grade, Record.email_grade, Record.mobile_grade, Record.birth_date_grade)
records = lake.read(Record)
counts = records.agg(*(F.count_if(F.col(c) == g).alias(f"{c}|{g}") for c in GRADED for g in GRADES)).first().asDict()
total = max(records.count(), 1)
charts.bars(
    [c.removesuffix("_grade").replace("_", " ") for c in GRADED],
    [(grade, [counts[f"{c}|{grade}"] / total for c in GRADED]) for grade in GRADES],
    unit="share of records",
    is_share=True,
)

# COMMAND ----------
# MAGIC %md
# MAGIC ## Purchases and gifts
# MAGIC
# MAGIC Money is kept in whole cents; refunds stand on their own rows.

# COMMAND ----------

monthly = lake.read(Transaction).groupBy(F.trunc(Transaction.transaction_date, "month").alias("month")).count().orderBy("month").collect()
months = [m["month"].year + (m["month"].month - 1) / 12 for m in monthly]
charts.histogram(
    [*months, months[-1] + 1 / 12],
    [("transactions", [float(m["count"]) for m in monthly])],
    label="month",
    unit="transactions",
)

# COMMAND ----------
# MAGIC %md
# MAGIC ## Permissions
# MAGIC
# MAGIC One row per record, channel, use and purpose. What is not said is no.

# COMMAND ----------

permissions = lake.read(Permission).groupBy(Permission.channel, Permission.use, Permission.purpose, Permission.is_granted).count()
permissions.orderBy(Permission.channel, Permission.use, Permission.purpose, Permission.is_granted).toPandas()

# COMMAND ----------
# MAGIC %md
# MAGIC ## Persons
# MAGIC
# MAGIC `identity.person_link` says which records are one person. Here is one person that several members know: ids, members and grades
# MAGIC only.

# COMMAND ----------

known = lake.read(Person).orderBy(F.desc(Person.member_count), F.desc(Person.record_count), Person.person_id).limit(1)
(
    lake.read(PersonLink)
    .join(known.select(Person.person_id), on=Person.person_id, how="inner")
    .join(records.drop(Record.member_id), on=Record.record_id, how="inner")
    .select(PersonLink.record_id, PersonLink.member_id, Record.name_grade, Record.address_grade, Record.email_grade, Record.delivered_on)
    .orderBy(PersonLink.member_id, PersonLink.record_id)
    .toPandas()
)

# COMMAND ----------
# MAGIC %md
# MAGIC ## A campaign
# MAGIC
# MAGIC Everybody with a live record is a candidate; each step drops some, with one first reason a person. `gold.decision` has the
# MAGIC reasons of every candidate, `gold.waterfall` the counts.

# COMMAND ----------

latest = lake.read(Campaign).orderBy(F.desc(Campaign.drop_date), Campaign.campaign_id).first()
steps = lake.read(Waterfall).where(F.col(Waterfall.campaign_id) == latest[Campaign.campaign_id])
drawn = joined_steps([row.asDict() for row in steps.collect()])
charts.waterfall(drawn, ("Contacted", drawn[-1].entered - drawn[-1].dropped))

# COMMAND ----------
# MAGIC %md
# MAGIC Next: `02_identity_audit` asks how sure the persons are, `03_model_readout` what the models are worth. The same plots stand on
# MAGIC the pages under `reports/` of the environment.
