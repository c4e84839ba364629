"""Statistical areas: communes with population and size class, and what INSEE's files say of communes, IRIS and squares of 200 m.

No row stands for fewer than eleven households. Where a file counts households, that count decides. Without one, a commune is judged by its
population; an IRIS is taken as published, for INSEE itself publishes no income of fewer than fifty households.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from appetence.contracts.base import DOUBLE, INT, LONG, STRING
from appetence.contracts.domain import SMALL_COUNT
from appetence.contracts.reference import Area, Commune

SIZE_CLASSES: tuple[tuple[str, int], ...] = (
    ("rural", 0), ("bourg", 2_000), ("petite_ville", 5_000), ("ville", 20_000), ("grande_ville", 100_000), ("metropole", 200_000),
)  # fmt: skip
"""Size class and the least population it starts at, smallest first."""

PERSONS_PER_HOUSEHOLD = 2.2
"""National mean, used only to know which communes hold fewer households than may be shown."""

INCOMES = T.StructType(
    [
        T.StructField(Area.area_code, STRING, nullable=False),
        T.StructField(Area.households, LONG),
        T.StructField(Area.median_income_eur, INT),
        T.StructField(Area.poverty_rate, DOUBLE),
    ]
)
"""Filosofi by commune or by IRIS: households where the file counts them; null where a value is secret."""

SQUARES = T.StructType(
    [T.StructField(name, STRING if name == Area.area_code else DOUBLE, nullable=False)
     for name in (Area.area_code, "persons", "households", "poor_households", "income_sum")]
)  # fmt: skip
"""Squares of 200 m: persons, households, those under the 60 % line, and the sum of the persons' standards of living in euros."""


@dataclass(frozen=True)
class Supplied:
    """What the operator supplies beside the communes; None: nothing. `communes` and `iris` are as `INCOMES`, `squares` as `SQUARES`."""

    communes: DataFrame | None = None
    iris: DataFrame | None = None
    squares: DataFrame | None = None


def size_class(population: Column) -> Column:
    """The size class of a population; null stays null."""
    result = F.lit(None).cast("string")
    for name, floor in SIZE_CLASSES:
        result = F.when(population >= floor, F.lit(name)).otherwise(result)
    return result


def build_areas(communes: DataFrame, supplied: Supplied | None = None) -> DataFrame:
    """`reference.area` from `reference.commune`, at commune level, and at those of the files supplied.

    A former commune or an arrondissement takes the size class, and where it has none of its own the income, of the commune that holds it
    today. An area too small for eleven households has no row.
    """
    supplied = supplied or Supplied()
    made = _communes(communes, supplied.communes)
    whole = made
    if supplied.iris is not None:
        whole = whole.unionByName(_iris(supplied.iris, made))
    if supplied.squares is not None:
        whole = whole.unionByName(_squares(supplied.squares))
    return Area.shape(whole)


def _communes(communes: DataFrame, incomes: DataFrame | None) -> DataFrame:
    single = communes.groupBy(Commune.commune_code).agg(
        F.max(Commune.population).alias(Commune.population), F.min(Commune.current_code).alias(Commune.current_code)
    )
    known = _with_incomes(single, incomes)
    whole = known.select(
        F.col(Commune.commune_code).alias(Commune.current_code), F.col(Commune.population).alias("_whole"),
        F.col(Area.median_income_eur).alias("_whole_income"), F.col(Area.poverty_rate).alias("_whole_poverty"),
    )  # fmt: skip
    joined = known.join(whole, on=Commune.current_code, how="left")
    population = F.coalesce(F.col(Commune.population), F.col("_whole"))
    rows = joined.select(
        F.col(Commune.commune_code).alias(Area.area_code),
        F.lit("commune").alias(Area.level),
        population.alias(Area.population),
        Area.households,
        size_class(F.greatest(population, F.coalesce(F.col("_whole"), population))).alias(Area.size_class),
        F.coalesce(Area.median_income_eur, "_whole_income").alias(Area.median_income_eur),
        F.lit(None).cast(INT).alias(Area.mean_income_eur),
        F.coalesce(Area.poverty_rate, "_whole_poverty").alias(Area.poverty_rate),
    )
    is_large = F.coalesce(F.col(Area.households) >= SMALL_COUNT, F.col(Area.population) >= F.lit(SMALL_COUNT * PERSONS_PER_HOUSEHOLD))
    return rows.where(is_large)


def _with_incomes(communes: DataFrame, incomes: DataFrame | None) -> DataFrame:
    """Adds households, median income and poverty rate; those of communes of fewer than eleven households are not even lent to others."""
    if incomes is None:
        return communes.select("*", *(F.lit(None).cast(f.dataType).alias(f.name) for f in INCOMES.fields[1:]))
    may_show = F.coalesce(F.col(Area.households) >= SMALL_COUNT, F.lit(True))
    values = (F.when(may_show, F.col(c)).alias(c) for c in (Area.median_income_eur, Area.poverty_rate))
    shown = incomes.select(F.col(Area.area_code).alias(Commune.commune_code), Area.households, *values)
    return communes.join(shown, on=Commune.commune_code, how="left")


def _iris(incomes: DataFrame, communes: DataFrame) -> DataFrame:
    """One row per IRIS, with the size class of its commune."""
    sizes = communes.select(F.col(Area.area_code).alias("_commune"), Area.size_class)
    rows = incomes.where(F.coalesce(F.col(Area.households) >= SMALL_COUNT, F.lit(True)))
    joined = rows.withColumn("_commune", F.substring(Area.area_code, 1, 5)).join(sizes, on="_commune", how="left")
    return joined.select(
        Area.area_code, F.lit("iris").alias(Area.level), F.lit(None).cast(LONG).alias(Area.population), Area.households, Area.size_class,
        Area.median_income_eur, F.lit(None).cast(INT).alias(Area.mean_income_eur), Area.poverty_rate,
    )  # fmt: skip


def _squares(squares: DataFrame) -> DataFrame:
    """One row per square of eleven households and more."""
    persons, households = F.col("persons"), F.col("households")
    return squares.where(households >= SMALL_COUNT).select(
        Area.area_code, F.lit("square").alias(Area.level), F.round(persons).cast(LONG).alias(Area.population),
        F.round(households).cast(LONG).alias(Area.households), F.lit(None).cast(STRING).alias(Area.size_class),
        F.lit(None).cast(INT).alias(Area.median_income_eur),
        F.round(F.col("income_sum") / F.when(persons > 0, persons)).cast(INT).alias(Area.mean_income_eur),
        F.round(F.col("poor_households") / households, 4).alias(Area.poverty_rate),
    )  # fmt: skip
