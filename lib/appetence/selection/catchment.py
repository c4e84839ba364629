"""Who lives near a store: distances in spatial SQL between stores and the centres of postcodes, so that the work does not grow with persons.

The centre of a postcode is the mean of the known centres of its communes, weighted by their population; a postcode none of whose
communes has a known centre is near nothing, as what is not known fits no filter. Distances are those of a sphere, as the crow flies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.reference import Commune
from appetence.errors import ConfigError
from appetence.selection.preselect import NEAR, POSTCODE
from appetence.selection.terms import Terms

Point = tuple[float, float]
"""Latitude and longitude in degrees."""


@dataclass(frozen=True)
class Reach:
    """A store of a list: where it is and how far it draws people from."""

    list_id: str
    latitude: float
    longitude: float
    metres: float


def communes_of(terms: Terms) -> list[str]:
    """The INSEE codes of the communes that stores are said to lie in."""
    stores = (s for x in terms.spec.lists if x.catchment for s in x.catchment.stores)
    return sorted({s.commune for s in stores if s.commune})


def centres(communes: DataFrame, codes: Iterable[str]) -> DataFrame:
    """commune_code, latitude, longitude of these communes, those of known centre: one row each."""
    known = communes.where(Commune.commune_code.col.isin(list(codes)) & Commune.latitude.col.isNotNull() & Commune.longitude.col.isNotNull())
    return known.groupBy(Commune.commune_code).agg(F.max(Commune.latitude).alias(Commune.latitude), F.max(Commune.longitude).alias(Commune.longitude))


def reaches(terms: Terms, found: Mapping[str, Point]) -> list[Reach]:
    """The stores of a campaign as points; `found` are the centres of `communes_of`. ConfigError when a store cannot be placed."""
    placed = []
    for spec in terms.spec.lists:
        for store in spec.catchment.stores if spec.catchment else ():
            point = found.get(store.commune) if store.commune else (store.latitude or 0.0, store.longitude or 0.0)
            if point is None:
                raise ConfigError(
                    f"campaigns/{terms.spec.campaign_id}.yaml: lists, {spec.list_id}, catchment: store {store.store} lies in the commune "
                    f"{store.commune}, whose centre is not known; write its latitude and longitude instead."
                )
            placed.append(Reach(spec.list_id, *point, (spec.catchment.km if spec.catchment else 0.0) * 1000))
    return placed


def near_lists(communes: DataFrame, stores: Iterable[Reach]) -> DataFrame:
    """postcode and `near_lists`, the lists one of whose stores is near enough. Needs spatial SQL (`runtime.session.with_spatial_sql`)."""
    weight = F.greatest(F.coalesce(Commune.population.col, F.lit(1)), F.lit(1))
    known = communes.where((Commune.postcode.col != "") & Commune.latitude.col.isNotNull() & Commune.longitude.col.isNotNull())

    def mean(value: Column) -> Column:
        return F.sum(value * weight) / F.sum(weight)

    places = known.groupBy(Commune.postcode.col.alias(POSTCODE)).agg(
        mean(Commune.latitude.col).alias("_latitude"), mean(Commune.longitude.col).alias("_longitude")
    )
    points = F.array(*(F.struct(*(F.lit(v).alias(n) for n, v in vars(s).items())) for s in stores))
    pairs = places.withColumn("_store", F.explode(points))
    apart = F.call_function("ST_DistanceSphere", _point("_longitude", "_latitude"), _point("_store.longitude", "_store.latitude"))
    near = pairs.where(apart <= F.col("_store.metres"))
    return near.groupBy(POSTCODE).agg(F.array_sort(F.collect_set("_store.list_id")).alias(NEAR))


def _point(longitude: str, latitude: str) -> Column:
    return F.call_function("ST_Point", F.col(longitude), F.col(latitude))
