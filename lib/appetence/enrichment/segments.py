"""Segments: what is known or may be inferred of a person at a date, and a readable name for it.

Declared facts come first and are never replaced; an inference is marked as such. Origin, religion and health are never inferred.
"""

from __future__ import annotations

import datetime as dt

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.gold import Segment
from appetence.contracts.identity import HouseholdLink, Person
from appetence.contracts.reference import Area, Commune, FirstName
from appetence.enrichment.clusters import IS_FAMILY, POVERTY
from appetence.enrichment.first_names import AGE, AGE_HIGH, AGE_LOW, NAME_GENDER, build_name_facts

BANDS: tuple[tuple[str, int], ...] = (("18-34", 18), ("35-49", 35), ("50-64", 50), ("65-74", 65), ("75+", 75))
"""Age bands and the age each starts at."""

UNKNOWN_BAND = "inconnu"
WIDEST_INTERVAL = 35
"""An inferred age whose 80 % interval is wider than this many years gives no band: the name says too little."""


def age_on(birth_date: Column, day: dt.date) -> Column:
    """Whole years at `day`."""
    return F.floor(F.months_between(F.lit(day), birth_date, roundOff=False) / 12).cast("int")


def age_band(age: Column) -> Column:
    """The band of an age; `inconnu` when it is null."""
    result = F.lit(UNKNOWN_BAND)
    for name, floor in BANDS:
        result = F.when(age >= floor, F.lit(name)).otherwise(result)
    return result


def segment_name(band: Column, household_size: Column, has_children: Column, size_class: Column) -> Column:
    """A readable name from life stage and kind of place, e.g. `Familles des villes` or `Retraités ruraux`."""
    place = (
        F.when(size_class.isin("metropole", "grande_ville"), "des grandes villes")
        .when(size_class.isin("ville", "petite_ville"), "des villes")
        .when(size_class.isin("bourg", "rural"), "des campagnes")
        .otherwise("de lieu inconnu")
    )
    is_family = F.coalesce(has_children, F.lit(False)) | (household_size >= 3)
    stage = (
        F.when(band.isin("65-74", "75+"), "Retraités")
        .when(is_family & band.isin("18-34", "35-49", "50-64"), "Familles")
        .when(band == "18-34", "Jeunes adultes")
        .when(band == "35-49", "Actifs")
        .when(band == "50-64", "Actifs confirmés")
        .when(is_family, "Familles d'âge inconnu")
    )
    unknown = (band == UNKNOWN_BAND) & stage.isNull()
    return F.when(unknown & size_class.isNull(), F.lit("Profil inconnu")).otherwise(F.concat_ws(" ", F.coalesce(stage, F.lit("Âge inconnu,")), place))


def build_segments(
    persons: DataFrame, households: DataFrame, first_names: DataFrame, areas: DataFrame, communes: DataFrame, as_of: dt.date
) -> DataFrame:
    """`gold.segment` at `as_of`, without clusters: `build_profiles` in the contract's columns."""
    return Segment.shape(
        build_profiles(persons, households, first_names, areas, communes, as_of).withColumn(Segment.cluster, F.lit(None).cast("string"))
    )


def build_profiles(
    persons: DataFrame, households: DataFrame, first_names: DataFrame, areas: DataFrame, communes: DataFrame, as_of: dt.date
) -> DataFrame:
    """The columns of `gold.segment` but the cluster, and what clusters are found by: one row per person of `persons` (who may be profiled).

    `households` is `identity.household_link`; the other frames are the reference tables. A compound first name that is not in the table
    is read by its first word.
    """
    facts = build_name_facts(first_names, as_of)
    known = with_name_facts(persons, facts)
    sizes = households.select(HouseholdLink.person_id, HouseholdLink.household_size)
    places = areas.where(F.col(Area.level) == "commune").select(
        F.col(Area.area_code).alias(Person.commune_code), Area.size_class, Area.median_income_eur, Area.poverty_rate
    )
    regions = communes.groupBy(F.col(Commune.department).alias(Person.department)).agg(F.min(Commune.region).alias(Segment.region))
    rows = (
        known.join(sizes, on=str(Person.person_id), how="left")
        .join(F.broadcast(places), on=str(Person.commune_code), how="left")
        .join(F.broadcast(regions), on=str(Person.department), how="left")
    )
    return _columns(rows, as_of)


def with_name_facts(persons: DataFrame, facts: DataFrame) -> DataFrame:
    """Persons with `_gender` (declared, else told by the name) and the ages their first name and gender suggest."""
    told = facts.select(F.col(FirstName.first_name).alias("_name"), NAME_GENDER).dropDuplicates(["_name"])
    by_word = told.select(F.col("_name").alias("_word"), F.col(NAME_GENDER).alias("_word_gender"))
    word = F.split(F.col(Person.first_name), " ")[0]
    named = (
        persons.withColumn("_word", word)
        .join(F.broadcast(told), on=F.col(Person.first_name) == F.col("_name"), how="left")
        .join(F.broadcast(by_word), on="_word", how="left")
    )
    found = F.when(F.col("_name").isNotNull(), F.col("_name")).otherwise(F.col("_word"))
    gendered = named.withColumn("_found", found).withColumn(
        "_gender", F.coalesce(F.col(Person.gender), F.when(F.col("_name").isNotNull(), F.col(NAME_GENDER)).otherwise(F.col("_word_gender")))
    )
    ages = facts.select(F.col(FirstName.first_name).alias("_found"), F.col(FirstName.gender).alias("_gender"), AGE, AGE_LOW, AGE_HIGH)
    return gendered.drop("_name", "_word", NAME_GENDER, "_word_gender").join(F.broadcast(ages), on=["_found", "_gender"], how="left")


def _columns(rows: DataFrame, as_of: dt.date) -> DataFrame:
    declared = age_on(F.col(Person.birth_date), as_of)
    is_inferred = declared.isNull() & F.col(AGE).isNotNull()
    is_telling = declared.isNotNull() | ((F.col(AGE_HIGH) - F.col(AGE_LOW)) <= WIDEST_INTERVAL)
    age = F.coalesce(declared, F.col(AGE))
    band = age_band(F.when(is_telling, age))
    size = F.coalesce(F.col(HouseholdLink.household_size), F.lit(1))
    return rows.select(
        F.lit(as_of).alias(Segment.cutoff),
        F.col(Person.person_id).alias(Segment.person_id),
        F.col("_gender").alias(Segment.gender),
        (F.col(Person.gender).isNull() & F.col("_gender").isNotNull()).alias(Segment.is_gender_inferred),
        age.alias(Segment.age),
        F.coalesce(declared, F.col(AGE_LOW)).alias(Segment.age_low),
        F.coalesce(declared, F.col(AGE_HIGH)).alias(Segment.age_high),
        is_inferred.alias(Segment.is_age_inferred),
        band.alias(Segment.age_band),
        size.alias(Segment.household_size),
        F.col(Area.size_class).alias(Segment.size_class),
        F.col(Person.department).alias(Segment.department),
        F.col(Segment.region),
        F.col(Area.median_income_eur).alias(Segment.median_income_eur),
        segment_name(band, size, F.col(Person.has_children), F.col(Area.size_class)).alias(Segment.segment),
        (F.coalesce(F.col(Person.has_children), F.lit(False)) | (size >= 3)).alias(IS_FAMILY),
        F.col(Area.poverty_rate).alias(POVERTY),
    )
