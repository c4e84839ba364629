"""What a first name says of gender and age, by Bayes' rule over births per decade and survival to the as-of date.

The share of a birth year among living bearers of a name is (bearers per million births of its decade) x (share of that birth year among
adults alive). Survival follows a Gompertz law of human mortality fitted to the usual French life table (median about 85): P(alive at age
a) = exp(-B/G (e^(G a) - 1)). The cost is one small table: names x birth years.
"""

from __future__ import annotations

import datetime as dt
import math

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.contracts.domain import ADULT_AGE
from appetence.contracts.reference import FirstName

SURE_GENDER = 0.98
"""A name tells the gender when at least this share of its bearers has it."""

MIN_PER_MILLION = 5.0
"""A name rarer than this over all decades says nothing."""

OLDEST_AGE = 104
HAZARD_AT_BIRTH, HAZARD_GROWTH = 3.2e-5, 0.095

NAME, GENDER = FirstName.first_name, FirstName.gender
NAME_GENDER, AGE, AGE_LOW, AGE_HIGH = "name_gender", "name_age", "name_age_low", "name_age_high"


def survival(age: Column) -> Column:
    """Share of a birth year still alive at `age` (years)."""
    return F.exp(-F.lit(HAZARD_AT_BIRTH / HAZARD_GROWTH) * (F.exp(F.lit(HAZARD_GROWTH) * age) - F.lit(1.0)))


def survival_at(age: float) -> float:
    """The same law on one machine, for tests and generators.

    >>> round(survival_at(85), 2)
    0.34
    """
    return math.exp(-HAZARD_AT_BIRTH / HAZARD_GROWTH * (math.exp(HAZARD_GROWTH * age) - 1.0))


def build_name_facts(first_names: DataFrame, as_of: dt.date) -> DataFrame:
    """One row per first name and gender (columns `first_name`, `gender`, `name_gender`, `name_age`, `name_age_low`, `name_age_high`).

    `name_gender` is the gender the name tells by itself, null when it is not sure; ages are whole years at `as_of`, the low and high ends
    hold 80 % of the living adults of that name and gender.
    """
    return _ages(first_names, as_of).join(_genders(first_names), on=str(NAME), how="left")


def _genders(first_names: DataFrame) -> DataFrame:
    """`first_name`, `name_gender` of the names that tell it."""
    per_gender = first_names.groupBy(NAME).agg(
        F.sum(F.when(F.col(GENDER) == "F", F.col(FirstName.per_million)).otherwise(0.0)).alias("_f"),
        F.sum(F.when(F.col(GENDER) == "M", F.col(FirstName.per_million)).otherwise(0.0)).alias("_m"),
    )
    both = F.col("_f") + F.col("_m")
    told = F.when(F.col("_f") / both >= SURE_GENDER, "F").when(F.col("_m") / both >= SURE_GENDER, "M")
    return per_gender.where(both >= MIN_PER_MILLION).select(NAME, told.alias(NAME_GENDER))


def _ages(first_names: DataFrame, as_of: dt.date) -> DataFrame:
    """Median and 80 % interval of the age of living adult bearers."""
    years = first_names.withColumn("_year", F.explode(F.sequence(F.col(FirstName.decade), F.col(FirstName.decade) + 9)))
    aged = years.withColumn("_age", F.lit(as_of.year) - F.col("_year"))
    adults = aged.where(F.col("_age").between(ADULT_AGE, OLDEST_AGE)).withColumn(
        "_weight", F.round(F.col(FirstName.per_million) * survival(F.col("_age").cast("double")) * 1e6).cast("long")
    )
    by_age = Window.partitionBy(NAME, GENDER).orderBy("_age")
    whole = Window.partitionBy(NAME, GENDER)
    shares = adults.withColumn("_below", F.sum("_weight").over(by_age.rowsBetween(Window.unboundedPreceding, 0))).withColumn(
        "_all", F.sum("_weight").over(whole)
    )
    reached = F.col("_below") / F.col("_all")
    return (
        shares.where(F.col("_all") > 0)
        .groupBy(NAME, GENDER)
        .agg(
            F.min(F.when(reached >= 0.5, F.col("_age"))).alias(AGE),
            F.min(F.when(reached >= 0.1, F.col("_age"))).alias(AGE_LOW),
            F.min(F.when(reached >= 0.9, F.col("_age"))).alias(AGE_HIGH),
        )
    )
