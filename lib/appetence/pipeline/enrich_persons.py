"""Adds public statistics and inference to persons: `reference.area` and `gold.segment`."""

from __future__ import annotations

from pyspark.sql import functions as F

from appetence.contracts.gold import Segment
from appetence.contracts.identity import HouseholdLink, Person
from appetence.contracts.reference import Area, Commune, FirstName
from appetence.enrichment import build_areas, build_segments
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
    segments = build_segments(persons, ctx.lake.read(HouseholdLink), ctx.lake.read(FirstName), areas, communes, ctx.as_of)
    written = ctx.lake.sync(Segment, segments, at_cutoffs([ctx.as_of]))
    made = ctx.lake.read(Segment).where(F.col(Segment.cutoff) == F.lit(ctx.as_of)) if not ctx.dry_run else segments
    shares = made.agg(
        F.sum(F.col(Segment.is_age_inferred).cast("int")).alias("ages_inferred"),
        F.sum(F.col(Segment.is_gender_inferred).cast("int")).alias("genders_inferred"),
    ).first()
    details = {k: int(v or 0) for k, v in shares.asDict().items()} if shares else {}
    return Counts(ctx.lake.read(Person).count(), written.rows, details=details)
