"""Who may not be contacted at all, whoever supplies them: the limited, the dead, minors, and clusters too weak to be called a person."""

from __future__ import annotations

import datetime as dt
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.identity import Person
from appetence.contracts.privacy import Death, Limitation
from appetence.contracts.silver import Record
from appetence.selection.pool import PERSON
from appetence.selection.terms import Terms

R = Record
HAS_STATUS = "has_status"
STANDINGS = ("is_limited", "is_dead", "is_minor", "is_weak", "is_company_only")
"""What each of which keeps a person out, whoever supplies it."""


def is_minor(birth_date: Column, at: dt.date, minimum_age: int) -> Column:
    """Whether somebody born on this day is under age on the day `at`; born on 29 February, one comes of age on 1 March."""
    return birth_date > F.add_months(F.lit(at), -12 * minimum_age)


def _holds_on(day: dt.date) -> Column:
    return (Limitation.since.col <= F.lit(day)) & (Limitation.until.col.isNull() | (Limitation.until.col >= F.lit(day)))


def standing(live: DataFrame, persons: DataFrame, limitations: DataFrame, deaths: DataFrame, adults_only: DataFrame, terms: Terms) -> DataFrame:
    """One row per person of `live` with each of STANDINGS as true or false, and the birth date that counts.

    A birth date disputed between members counts as the youngest; an unknown one needs a supplying member that sells to adults only.
    """
    frozen = limitations.where(_holds_on(terms.known_on) | _holds_on(terms.drop_date))
    limited = frozen.select(Limitation.record_id, F.lit(True).alias("_limited")).distinct()
    adult = F.broadcast(adults_only.withColumn("_adults", F.lit(True)))
    facts = live.join(limited, on=R.record_id, how="left").join(adult, on=R.member_id, how="left")
    by_person = facts.groupBy(PERSON).agg(
        F.max(R.birth_date.col).alias("_born"),
        F.max(F.coalesce("_limited", F.lit(False))).alias("_limited"),
        F.max(F.coalesce("_adults", F.lit(False))).alias("_adults"),
        F.min(R.is_company.col).alias("_company"),
    )
    dead = deaths.select(Death.person_id, F.lit(True).alias("_dead")).distinct()
    known = by_person.join(dead, on=PERSON, how="left").join(persons.select(PERSON, Person.confidence), on=PERSON, how="left")
    under_age = [is_minor(F.col("_born"), at, terms.settings.minimum_age) for at in (terms.cutoff, terms.drop_date)]
    too_young = F.when(F.col("_born").isNull(), ~F.col("_adults")).otherwise(under_age[0] | under_age[1])
    weak = F.coalesce(Person.confidence.col < F.lit(terms.settings.min_identity_confidence), F.lit(False))
    marks = dict(zip(STANDINGS, (F.col("_limited"), F.col("_dead").isNotNull(), too_young, weak, F.col("_company")), strict=True))
    return known.select(PERSON, *(mark.alias(name) for name, mark in marks.items()), F.col("_born").alias(str(R.birth_date)))


def status(live: DataFrame, persons: DataFrame, limitations: DataFrame, deaths: DataFrame, adults_only: DataFrame, terms: Terms) -> DataFrame:
    """One row per person of `live`: `has_status` is true when nothing of it may be selected, and the birth date that counts."""
    known = standing(live, persons, limitations, deaths, adults_only, terms)
    return known.select(PERSON, reduce(lambda a, b: a | b, (F.col(name) for name in STANDINGS)).alias(HAS_STATUS), R.birth_date)
