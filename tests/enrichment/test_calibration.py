"""Inference of age and gender against persons whose truth is known, and who were not made by the law the inference rests on.

The persons are those of the demonstration: ages come from households (couples, families, students, homes for the elderly) with deaths of
their own, genders from the household's kind. Names alone come from INSEE. So the share of each age is not the one of births and survival.
"""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from appetence import data
from appetence.columns.text import fold
from appetence.contracts.identity import Person
from appetence.enrichment import build_name_facts
from appetence.enrichment.first_names import AGE, AGE_HIGH, AGE_LOW, SURE_GENDER
from appetence.enrichment.segments import BANDS, WIDEST_INTERVAL, with_name_facts
from appetence.pipeline.load_reference import build_first_names
from appetence.synthetic import population, world
from appetence.synthetic.draw import Draw
from appetence.synthetic.tables import tables

pytestmark = pytest.mark.spark
HOUSEHOLDS, SEED = 12_000, 20261031


@pytest.fixture(scope="module")
def people(spark: SparkSession) -> pd.DataFrame:
    """Adults alive at the as-of date, true gender and age beside what the first name alone says of them."""
    draw = Draw(SEED)
    everybody = population.people(population.households(spark, HOUSEHOLDS, draw, 2), draw).where("age >= 18 and died_on is null")
    named = population.with_names(everybody, draw, tables(spark)).select(
        fold(F.col("first_name")).alias(Person.first_name), F.col("gender").alias("true_gender"), F.floor("age").cast("int").alias("true_age"),
        F.lit(None).cast("string").alias(Person.gender),
    )  # fmt: skip
    known = with_name_facts(named, build_name_facts(build_first_names(spark), world.AS_OF))
    return known.select(F.col("_found").alias("name"), "true_gender", "true_age", F.col("_gender").alias("told"), AGE, AGE_LOW, AGE_HIGH).toPandas()


def test_a_gender_is_told_of_most_and_right_as_often_as_it_says(people: pd.DataFrame) -> None:
    told = people[people.told.notna()]
    assert len(told) / len(people) > 0.8
    for gender in ("F", "M"):
        mine = told[told.told == gender]
        assert len(mine) > 2000 and (mine.true_gender == gender).mean() >= SURE_GENDER, (gender, (mine.true_gender == gender).mean())
    genders = Counter(name for name, _ in {(r["first_name"], r["gender"]) for r in data.rows("first_names")})
    shared = told[told.name.map(genders) > 1]
    right = (shared.told == shared.true_gender).mean()
    assert len(shared) > 500 and right >= SURE_GENDER, ("names that both genders bear", len(shared), right)
    for band, floor in BANDS:
        ceiling = min((f for _, f in BANDS if f > floor), default=200)
        mine = told[told.true_age.between(floor, ceiling - 1)]
        assert (mine.told == mine.true_gender).mean() >= SURE_GENDER - 0.01, (band, (mine.told == mine.true_gender).mean())


def test_the_interval_holds_about_four_fifths_whatever_its_width(people: pd.DataFrame) -> None:
    aged = people[people[AGE].notna()]
    held = aged.true_age.between(aged[AGE_LOW], aged[AGE_HIGH])
    width = aged[AGE_HIGH] - aged[AGE_LOW]
    assert 0.76 <= held.mean() <= 0.88, held.mean()
    for name, part in {"narrow": width <= 20, "middling": (width > 20) & (width <= WIDEST_INTERVAL), "wide": width > WIDEST_INTERVAL}.items():
        assert part.sum() > 500 and 0.70 <= held[part].mean() <= 0.92, (name, int(part.sum()), held[part].mean())
    above, below = (aged.true_age > aged[AGE_HIGH]).mean(), (aged.true_age < aged[AGE_LOW]).mean()
    assert max(above, below) <= 0.16, (above, below)
    # The demonstration's persons are younger than France: more of them than half are below the age their name suggests.
    assert 0.4 < (aged.true_age <= aged[AGE]).mean() < 0.68, (aged.true_age <= aged[AGE]).mean()


def test_an_inferred_age_that_gives_a_band_is_nearer_than_the_mean_age(people: pd.DataFrame) -> None:
    telling = people[people[AGE].notna() & ((people[AGE_HIGH] - people[AGE_LOW]) <= WIDEST_INTERVAL)]
    error = (telling.true_age - telling[AGE]).abs().mean()
    assert error < 0.6 * (telling.true_age - people.true_age.mean()).abs().mean(), error
