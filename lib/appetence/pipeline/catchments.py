"""The postcodes near the stores of a campaign."""

from __future__ import annotations

from pyspark.sql import DataFrame

from appetence.contracts.reference import Commune
from appetence.pipeline.context import Context
from appetence.runtime.session import with_spatial_sql
from appetence.selection import catchment
from appetence.selection.terms import Terms


def near_postcodes(ctx: Context, terms: Terms) -> DataFrame | None:
    """postcode and the lists it is near enough for; None for a campaign without a catchment. ConfigError for a store of unknown place."""
    if not any(spec.catchment for spec in terms.spec.lists):
        return None
    communes = ctx.lake.read(Commune)
    codes = catchment.communes_of(terms)
    rows = catchment.centres(communes, codes).collect() if codes else []
    found = {r[Commune.commune_code]: (r[Commune.latitude], r[Commune.longitude]) for r in rows}
    stores = catchment.reaches(terms, found)
    with_spatial_sql(ctx.spark)
    return catchment.near_lists(communes, stores)
