"""Opposition to profiling: what was made of a person goes at once, and nothing is made again. What may be sent stays as it is.

The objection is noted by record, which features, segments and scores read, and by keyed hash under the scope `profiling`, so that it
outlives the record: a record delivered later under the same e-mail or the same name and address is recognised.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pyspark.sql import functions as F

from appetence.contracts.features import Feature
from appetence.contracts.gold import Score, Segment
from appetence.contracts.identity import PersonLink
from appetence.contracts.privacy import ProfilingObjection, Suppression
from appetence.contracts.silver import Record
from appetence.pipeline.context import Context
from appetence.pipeline.select_campaign import current_suppressions
from appetence.privacy import rights as r
from appetence.privacy.rights import Case
from appetence.privacy.suppressions import suppressed_records

PROFILES = (Score, Segment, Feature)
"""Tables that say what is made of a person."""


def note_objections(ctx: Context, cases: Sequence[Case]) -> None:
    """Notes the objections of these cases; `end_profiles` does the rest."""
    rows = {row[ProfilingObjection.record_id]: row for c in cases for row in r.objection_rows(c.request, c.found.record_ids)}
    ctx.lake.upsert_rows(ProfilingObjection, list(rows.values()))


def end_profiles(ctx: Context) -> int:
    """Notes objections for records that came under the coordinates of somebody who objects, then removes what was made of every objector,
    at every cutoff and under whatever id the person has today; records newly noted."""
    new = _recognised(ctx)
    if not ctx.lake.row_count(ProfilingObjection):
        return new
    objecting = ctx.lake.read(ProfilingObjection).select(PersonLink.record_id)
    persons = ctx.lake.read_or_empty(PersonLink).join(objecting, on=PersonLink.record_id, how="left_semi").select(PersonLink.person_id)
    ids = ctx.lake.stage("objecting_persons", persons.distinct())
    gone = ctx.lake.together(*(partial(ctx.lake.delete, table, ids, str(PersonLink.person_id)) for table in PROFILES))
    # An older version that can still be read would hold them on.
    ctx.lake.purge(table for table, rows in zip(PROFILES, gone, strict=True) if rows)
    return new


def _recognised(ctx: Context) -> int:
    listed = current_suppressions(ctx).where(F.col(Suppression.scope) == r.PROFILING)
    if not ctx.lake.exists(Record) or listed.isEmpty():
        return 0
    known = ctx.lake.read_or_empty(ProfilingObjection).select(ProfilingObjection.record_id)
    found = (
        suppressed_records(ctx.lake.read(Record), listed, ctx.pepper_pads())
        .select(Record.record_id)
        .join(known, on=Record.record_id, how="left_anti")
    )
    since = {str(ProfilingObjection.request_id): F.lit(None).cast("string"), str(ProfilingObjection.since): F.lit(ctx.as_of)}
    return ctx.lake.insert_new(ProfilingObjection, found.withColumns(since)).inserted
