# Databricks notebook source
# MAGIC %md
# MAGIC # Identity audit
# MAGIC
# MAGIC Which records are one person, how sure that is, and where to look when in doubt. Needs `resolve_identities` to have run. It only
# MAGIC reads, and shows no name or coordinate.

# COMMAND ----------

from pyspark.sql import functions as F

from appetence.contracts.identity import CandidateStatistic, Edge, HouseholdLink, MatchModel, Person, PersonLink
from appetence.identity.explain import level_in_words
from appetence.pipeline.notebook import opened_lake
from appetence.pipeline.report import rows
from appetence.reporting import aggregates, charts
from appetence.reporting.identity_page import level_weights, model_picture, size_picture, weight_picture

config, lake = opened_lake(globals().get("dbutils"))
persons, links, edges = lake.read(Person), lake.read(PersonLink), lake.read(Edge)

# COMMAND ----------
# MAGIC %md
# MAGIC ## How large are they?
# MAGIC
# MAGIC Most persons have one or two records. A long tail means that strangers were tied together.

# COMMAND ----------

size_picture(rows(aggregates.sizes(persons, Person.record_count)), "Records a person", "persons").draw(False)

# COMMAND ----------

homes = lake.read(HouseholdLink).groupBy(HouseholdLink.household_id).agg(F.count(F.lit(1)).cast("int").alias(HouseholdLink.household_size))
size_picture(rows(aggregates.sizes(homes, HouseholdLink.household_size)), "Persons a household", "households").draw(False)

# COMMAND ----------
# MAGIC %md
# MAGIC ## How sure are the links?
# MAGIC
# MAGIC The weight of a pair is the log2 odds that both records are one person: 0 is as likely as not, 10 a thousand to one.

# COMMAND ----------

weight_picture(rows(aggregates.edge_weights(edges)), config.identity.link_weight).draw(False)

# COMMAND ----------
# MAGIC %md
# MAGIC If the threshold were moved, this many pairs would be links. A flat stretch means that the choice hardly matters.

# COMMAND ----------

THRESHOLDS = (-4, -2, 0, 2, 4, 6, 8, 10)
above = edges.agg(*(F.count_if(F.col(Edge.weight) >= t).alias(str(t)) for t in THRESHOLDS)).first().asDict()
charts.bars([f"{t:+d}" for t in THRESHOLDS], [("pairs", [float(above[str(t)]) for t in THRESHOLDS])], unit="pairs at or above the threshold")

# COMMAND ----------
# MAGIC %md
# MAGIC ## What does each field prove?
# MAGIC
# MAGIC Learnt without labels, in three classes: one person, one household, unrelated. What a family shares (surname, address, landline)
# MAGIC proves a home.

# COMMAND ----------

levels = level_weights(rows(lake.read(MatchModel).where(MatchModel.is_current)), level_in_words)
model_picture(levels).draw(False)

# COMMAND ----------

lake.spark.createDataFrame(levels, "field string, agreement string, as_one_person double, as_one_household double").toPandas().round(1)

# COMMAND ----------
# MAGIC %md
# MAGIC ## Which pairs were compared?

# COMMAND ----------

statistics = lake.read(CandidateStatistic)
statistics.orderBy(F.desc(CandidateStatistic.as_of), F.desc(CandidateStatistic.pairs)).limit(30).toPandas()

# COMMAND ----------
# MAGIC %md
# MAGIC ## Who knows whom?
# MAGIC
# MAGIC Share of each member's records whose person another member knows too. A member far below the others has other customers, or data
# MAGIC that match badly.

# COMMAND ----------

members = rows(aggregates.member_links(links, persons))
charts.bars(
    [m["member_id"] for m in members],
    [("known to others", [m["shared"] / m["records"] for m in members])],
    unit="share of records",
    is_share=True,
)

# COMMAND ----------
# MAGIC %md
# MAGIC ## The weakest persons
# MAGIC
# MAGIC `confidence` is the lowest average weight that holds a person together. `appetence why-linked A B` says field by field why two
# MAGIC records are one.

# COMMAND ----------

weakest = persons.where(F.col(Person.record_count) > 1).orderBy(F.asc_nulls_last(Person.confidence), Person.person_id).limit(10)
(
    weakest.join(links.drop(PersonLink.member_id), on=Person.person_id, how="inner")
    .groupBy(Person.person_id, Person.record_count, Person.member_count, Person.confidence)
    .agg(F.sort_array(F.collect_list(PersonLink.record_id)).alias("records"))
    .orderBy(Person.confidence, Person.person_id)
    .toPandas()
)
