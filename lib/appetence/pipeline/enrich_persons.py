"""Adds public statistics and inference to persons: `reference.area`, `gold.segment` and `gold.cluster`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from appetence.contracts.base import STRING
from appetence.contracts.gold import Cluster, Segment
from appetence.contracts.identity import HouseholdLink, Person
from appetence.contracts.reference import Area, Commune, FirstName
from appetence.enrichment import build_areas, build_profiles, clusters
from appetence.features.eligibility import FEATURED_FROM
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.insee_files import area_facts
from appetence.pipeline.modelling import at_cutoffs, eligible_persons


def run(ctx: Context) -> Counts:
    """Segments of all persons that may be profiled, at the as-of date. Minors, the deceased and the limited have none."""
    communes = ctx.lake.read(Commune)
    areas = ctx.lake.stage("areas", build_areas(communes, area_facts(ctx.spark, ctx.config.paths)))
    ctx.lake.sync(Area, areas, is_staged=True)
    persons = ctx.lake.read(Person).join(eligible_persons(ctx).drop(FEATURED_FROM), on=str(Person.person_id), how="left_semi")
    made = build_profiles(persons, ctx.lake.read(HouseholdLink), ctx.lake.read(FirstName), areas, communes, ctx.as_of)
    profiles = ctx.lake.stage("profiles", made)
    found, labels = _clusters(ctx, profiles)
    here = at_cutoffs([ctx.as_of])
    written = ctx.lake.sync(Segment, clusters.with_clusters(profiles, labels), here)
    ctx.lake.sync(Cluster, Cluster.frame(ctx.spark, [_row(ctx, c) for c in found]), here)
    shares = profiles.agg(
        F.sum(F.col(Segment.is_age_inferred).cast("int")).alias("ages_inferred"),
        F.sum(F.col(Segment.is_gender_inferred).cast("int")).alias("genders_inferred"),
    ).first()
    details = {k: int(v or 0) for k, v in shares.asDict().items()} if shares else {}
    return Counts(ctx.lake.read(Person).count(), written.rows, details={**details, "clusters": len(found)})


def _clusters(ctx: Context, profiles: DataFrame) -> tuple[list[clusters.Cluster], DataFrame]:
    """The clusters of these profiles, and the name of its cluster for each cell of the grid."""
    cells: Any = clusters.build_cells(profiles).toPandas()
    values = cells[list(clusters.INPUTS)].to_numpy(dtype=float, na_value=np.nan)
    found, owners = clusters.find_clusters(values, cells[clusters.PERSONS].to_numpy(dtype=float), _former(ctx))
    names = [found[i].label if i >= 0 else None for i in owners]
    arrow = pa.table({"cell": pa.array(cells["cell"], pa.string()), str(Segment.cluster): pa.array(names, pa.string())})
    return found, ctx.spark.createDataFrame(arrow, T.StructType([T.StructField(name, STRING) for name in arrow.column_names]))


def _former(ctx: Context) -> list[clusters.Cluster]:
    """The clusters of the newest earlier day, by id: a day made again starts from the same ones."""
    before = ctx.lake.read_or_empty(Cluster).where(F.col(Cluster.cutoff) < F.lit(ctx.as_of))
    newest = before.agg(F.max(Cluster.cutoff).alias(Cluster.cutoff))
    rows = before.join(F.broadcast(newest), on=str(Cluster.cutoff), how="left_semi").orderBy(Cluster.cluster_id).collect()
    return [
        clusters.Cluster(r[Cluster.cluster_id], r[Cluster.label], r[Cluster.persons], tuple(r[name] for name in clusters.INPUTS)) for r in rows
    ]  # fmt: skip


def _row(ctx: Context, cluster: clusters.Cluster) -> dict[str, object]:
    means = dict(zip(clusters.INPUTS, cluster.centre, strict=True))
    return Cluster.row(cutoff=ctx.as_of, cluster_id=cluster.cluster_id, label=cluster.label, persons=cluster.persons, **means)
