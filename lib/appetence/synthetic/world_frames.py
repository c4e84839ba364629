"""The demonstration world as lazy frames: households, persons, relations, records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.contracts.bronze import RawRecord as Raw
from appetence.synthetic import population, records, tastes, world
from appetence.synthetic.draw import Draw
from appetence.synthetic.tables import Tables, tables

_ROWS_PER_PARTITION = 50_000
_FLAT = (Raw.member_id, Raw.customer_ref, Raw.civility, Raw.first_name, Raw.last_name, Raw.birth_date)


@dataclass(frozen=True)
class World:
    """Everything that exists, lazily. `relations` holds every person and member; `records` the customers known by the as-of date."""

    draw: Draw
    lookups: Tables
    people: DataFrame
    relations: DataFrame
    records: DataFrame


Stage = Callable[[str, DataFrame], DataFrame]


def build(
    spark: SparkSession, records_wanted: int, seed: int, stage: Stage = lambda name, frame: frame, partitions: int | None = None
) -> World:  # fmt: skip
    """The world in which members hold about `records_wanted` customer records on the as-of date.

    Nothing runs yet, unless `stage` stores what everything else is made of: persons, and what each is to each member."""
    draw = Draw(seed)
    count = max(50, round(records_wanted / world.RECORDS_PER_HOUSEHOLD))
    parts = partitions or max(2, round(records_wanted / _ROWS_PER_PARTITION))
    lookups = tables(spark)
    people = stage("people", population.people(population.households(spark, count, draw, parts), draw))
    relations = stage("relations", tastes.relations(people, draw, tastes.trades(spark)))
    customers = relations.where(F.col("joined_on") <= F.lit(world.AS_OF))
    return World(draw, lookups, people, relations, records.records(customers, draw, lookups))


def flat(spark: SparkSession, records_wanted: int, seed: int = 1, partitions: int | None = None) -> DataFrame:
    """About `records_wanted` records as one table of strings, with the truth: what a resolution benchmark needs and nothing else.

    Columns: member_id, customer_ref, civility, first_name, last_name, birth_date, address, postcode, city, email, phone, true_person,
    true_household. Lazy, without a shuffle: the work is done by the reader.
    """
    made = build(spark, records_wanted, seed, partitions=partitions)
    address = F.concat_ws(" ", Raw.address_2, Raw.address_1)
    return made.records.select(
        *_FLAT,
        F.nullif(address, F.lit("")).alias("address"),
        Raw.postcode,
        Raw.city,
        Raw.email,
        F.coalesce(Raw.phone, Raw.mobile).alias("phone"),
        *records.truth_ids(),
    )
