"""What is true, for evaluation only: it is written outside the lake, and no job reads it."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns.hashing import record_id
from appetence.contracts.bronze import RawRecord
from appetence.synthetic import population, tastes, world
from appetence.synthetic.deliveries import is_changed
from appetence.synthetic.draw import Draw
from appetence.synthetic.records import canary, truth_ids
from appetence.synthetic.tables import Tables

EARLIER = dt.date(2026, 8, 2)
"""A cutoff whose 90 days end on the as-of date: a later test period with known truth."""


def record_truth(records: DataFrame, draw: Draw) -> DataFrame:
    """One row per customer record: member_id, customer_ref, record_id, true_person, true_household, joined_on, updated_on, noise."""
    changed = F.when(is_changed(draw), F.array_union("noise", F.array(F.lit("email:other")))).otherwise(F.col("noise"))
    return records.select(
        RawRecord.member_id,
        RawRecord.customer_ref,
        record_id(F.col(RawRecord.member_id), F.col(RawRecord.customer_ref)).alias("record_id"),
        *truth_ids(),
        "joined_on",
        "updated_on",
        F.array_sort(changed).alias("noise"),
    )


def person_truth(people: DataFrame, draw: Draw, lookups: Tables) -> DataFrame:
    """One row per person, customers or not: true_person, true_household, household_kind, gender, birth_date, died_on, moved_on, names,
    canary."""
    named = population.with_names(people, draw, lookups)
    return named.select(
        *truth_ids(), F.col("kind").alias("household_kind"), "gender", "birth_date", "died_on", "moved_on", "first_name", "last_name",
        "birth_name", canary(draw).alias("canary"),
    )  # fmt: skip


def purchase_truth(relations: DataFrame) -> DataFrame:
    """One row per person, member and cutoff: is_customer and p_90d, the true probability of an order in the 90 days after the cutoff."""
    person, _ = truth_ids()
    both = relations.select(
        person, RawRecord.member_id,
        F.explode(F.array(*(F.struct(F.lit(day).alias("cutoff"), _at(day).alias("is_customer"), tastes.probability(day).alias("p_90d"))
                            for day in (EARLIER, world.AS_OF)))).alias("at"),
    )  # fmt: skip
    return both.select("true_person", RawRecord.member_id, "at.cutoff", "at.is_customer", "at.p_90d")


def _at(day: dt.date) -> Column:
    return F.coalesce(F.col("joined_on") <= F.lit(day), F.lit(False))
