"""Statistical areas: one row per commune with its population and size class."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.base import DOUBLE, INT
from appetence.contracts.domain import SMALL_COUNT
from appetence.contracts.reference import Area, Commune

SIZE_CLASSES: tuple[tuple[str, int], ...] = (
    ("rural", 0), ("bourg", 2_000), ("petite_ville", 5_000), ("ville", 20_000), ("grande_ville", 100_000), ("metropole", 200_000),
)  # fmt: skip
"""Size class and the least population it starts at, smallest first."""

PERSONS_PER_HOUSEHOLD = 2.2
"""National mean, used only to know which communes hold fewer households than may be shown."""


def size_class(population: Column) -> Column:
    """The size class of a population; null stays null."""
    result = F.lit(None).cast("string")
    for name, floor in SIZE_CLASSES:
        result = F.when(population >= floor, F.lit(name)).otherwise(result)
    return result


def build_areas(communes: DataFrame) -> DataFrame:
    """`reference.area` at commune level from `reference.commune`.

    A former commune or an arrondissement takes the size class of the commune that holds it today. Communes too small for eleven
    households have no row.
    """
    single = communes.groupBy(Commune.commune_code).agg(
        F.max(Commune.population).alias(Commune.population), F.min(Commune.current_code).alias(Commune.current_code)
    )
    whole = single.select(F.col(Commune.commune_code).alias(Commune.current_code), F.col(Commune.population).alias("_whole"))
    joined = single.join(whole, on=Commune.current_code, how="left")
    population = F.coalesce(F.col(Commune.population), F.col("_whole"))
    rows = joined.select(
        F.col(Commune.commune_code).alias(Area.area_code),
        F.lit("commune").alias(Area.level),
        population.alias(Area.population),
        size_class(F.greatest(population, F.coalesce(F.col("_whole"), population))).alias(Area.size_class),
        F.lit(None).cast(INT).alias(Area.median_income_eur),
        F.lit(None).cast(DOUBLE).alias(Area.poverty_rate),
    )
    return Area.shape(rows.where(F.col(Area.population) >= F.lit(SMALL_COUNT * PERSONS_PER_HOUSEHOLD)))
