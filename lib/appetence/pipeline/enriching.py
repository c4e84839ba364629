"""The lines of an enrichment: the client's own references, each with what the supplying members grant.

Attributes are made anew for each file, from the client's own lines and the records that pass for it alone: whatever another member said
of a person has no part in them, and no line of another member is read out.
"""

from __future__ import annotations

from collections import Counter

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from appetence.contracts.domain import Attribute, TransactionKind
from appetence.contracts.gold import Segment
from appetence.contracts.identity import HouseholdLink, Person
from appetence.contracts.local import local_frame
from appetence.contracts.reference import Area, Commune, FirstName
from appetence.contracts.silver import Record, Transaction
from appetence.enrichment import build_segments
from appetence.exchange.layouts import Layout, enrich_layout
from appetence.features import group_members
from appetence.identity import golden
from appetence.pipeline.context import Context
from appetence.selection.candidates import Sources
from appetence.selection.layouts import enrich_lines
from appetence.selection.permission import permitted
from appetence.selection.pool import HOUSEHOLD, PERSON, live_records
from appetence.selection.preselect import VALUE_DAYS
from appetence.selection.supply import CHANNEL, build_supplies, instructed, is_client
from appetence.selection.terms import Terms

R, T = Record, Transaction
AFFINITY = str(Attribute.SECTOR_AFFINITY)


def enriched(ctx: Context, terms: Terms, sources: Sources, mine: DataFrame, channel: str) -> tuple[Layout, DataFrame]:
    """Layout and lines of one file: every line of the client that belongs to a person of `mine` and may be used, and no other line."""
    names = [str(a) for a in terms.spec.attributes]
    usable = ctx.lake.stage("usable", _usable(sources, terms, mine, channel))
    persons = mine.select(PERSON).distinct()
    attributes = _segments(ctx, terms, sources, usable).join(persons, on=PERSON, how="left_semi")
    if AFFINITY in names:
        attributes = attributes.join(_affinity(ctx, terms, sources, usable), on=PERSON, how="left")
    own = usable.where(is_client(terms)).join(persons, on=PERSON, how="left_semi")
    lines = own.join(sources.record.select(R.record_id, R.customer_ref), on=R.record_id, how="inner").select(PERSON, R.customer_ref)
    return enrich_layout(names), enrich_lines(lines, attributes, names)


def _usable(sources: Sources, terms: Terms, mine: DataFrame, channel: str) -> DataFrame:
    """person_id, household_id, member_id, record_id of the records that pass, of the selected persons and of those who live with them."""
    live = live_records(sources.record, sources.person_link, sources.household_link, terms)
    homes = live.join(mine.select(PERSON).distinct(), on=PERSON, how="left_semi").select(HOUSEHOLD).distinct()
    near = live.join(homes, on=HOUSEHOLD, how="left_semi").join(sources.limitation, on=R.record_id, how="left_anti")
    voices = sources.permission_event.join(sources.person_link.select(R.record_id, PERSON), on=R.record_id, how="inner")
    allowed = instructed(sources.instruction, sources.member, sources.exclusion, sources.recipient, terms)
    supplies = build_supplies(near, permitted(voices, sources.law_rule, terms), allowed, terms)
    passing = supplies.where((F.col(CHANNEL) == channel) & F.col("is_permitted") & F.col("is_instructed"))
    return passing.join(near.select(R.record_id, HOUSEHOLD), on=R.record_id, how="inner").select(PERSON, HOUSEHOLD, R.member_id, R.record_id)


def _segments(ctx: Context, terms: Terms, sources: Sources, usable: DataFrame) -> DataFrame:
    """gold.segment as it would be if the usable records were all there is."""
    records = sources.record.join(usable.select(R.record_id), on=R.record_id, how="left_semi")
    together = F.size(F.collect_set(PERSON).over(Window.partitionBy(HOUSEHOLD)))
    homes = usable.select(PERSON, HOUSEHOLD).distinct().withColumn(str(HouseholdLink.household_size), together)
    homes = homes.withColumn(str(HouseholdLink.address_id), F.lit(None).cast("string"))
    unweighed = records.select(R.record_id, F.lit(None).cast("double").alias(Person.confidence))
    persons = golden.build_persons(records, sources.person_link, homes, unweighed)
    areas, communes = ctx.lake.read_or_empty(Area), ctx.lake.read_or_empty(Commune)
    return Segment.shape(build_segments(persons, homes, ctx.lake.read_or_empty(FirstName), areas, communes, terms.cutoff))


def _affinity(ctx: Context, terms: Terms, sources: Sources, usable: DataFrame) -> DataFrame:
    """Person: the group of sectors bought in most often in three years, at the members that grant it. A group that too few members feed
    would name one of them: it is merged upward, and not told where that is not enough."""
    givers = sorted(r[0] for r in usable.where(~is_client(terms)).select(R.member_id).distinct().collect())  # members, not persons
    least = ctx.config.propensity.min_sector_members
    sector_of = {r["member_id"]: r["sector"] for r in sources.member.select(R.member_id, T.sector).collect()}
    groups = group_members({m: sector_of[m] for m in givers}, least)
    sizes = Counter(groups.values())
    told = [(m, g) for m, g in sorted(groups.items()) if sizes[g] >= least]
    named = local_frame(ctx.spark, told, f"{R.member_id} string, {AFFINITY} string")
    days = F.datediff(F.lit(terms.cutoff), T.transaction_date.col)
    bought = sources.transaction.where((T.kind.col != str(TransactionKind.REFUND)) & (days >= 0) & (days < VALUE_DAYS))
    events = bought.join(usable.select(PERSON, R.record_id), on=T.record_id, how="inner").join(F.broadcast(named), on=T.member_id, how="inner")
    counted = events.groupBy(PERSON, AFFINITY).agg(F.count(F.lit(1)).alias("_events"))
    return counted.groupBy(PERSON).agg(F.max_by(AFFINITY, F.struct("_events", AFFINITY)).alias(AFFINITY))
