"""The candidates of a campaign with every rule as a boolean column, in one pass: each table is read once, whatever the number of rules.

Rules that depend on the channel are read for each channel a campaign may use; a candidate then keeps the channel on which it gets furthest
down the waterfall, the preferred one first. So each person has one best channel, and one list of reasons.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.campaign import Selection
from appetence.contracts.domain import Channel, Reason
from appetence.contracts.gold import Score, Segment
from appetence.contracts.identity import Person
from appetence.contracts.reference import Instruction
from appetence.contracts.silver import Record
from appetence.selection import caps, preselect, suppression
from appetence.selection.permission import permitted
from appetence.selection.pool import ADDRESS, HOUSEHOLD, PERSON, live_records, universe, without_coordinates
from appetence.selection.ranking import POSITION, PRIORITY, PROBABILITY, priority
from appetence.selection.status import HAS_STATUS, status
from appetence.selection.supply import CHANNEL, adults_only_members, build_supplies, instructed, summarise
from appetence.selection.terms import Terms

R = Record
CANDIDATE_REASONS = (
    Reason.STATUS, Reason.SUPPRESSED, Reason.EXTERNAL_LIST, Reason.PERMISSION, Reason.INSTRUCTION, Reason.SOURCES, Reason.CLIENT_FILE,
    Reason.DELIVERABLE, Reason.CAP, Reason.PRESELECT,
)  # fmt: skip
"""The reasons a candidate has by itself; the later ones depend on who else is eligible."""
CHANNEL_REASONS = (
    Reason.EXTERNAL_LIST, Reason.PERMISSION, Reason.INSTRUCTION, Reason.SOURCES, Reason.DELIVERABLE, Reason.CAP,
)  # fmt: skip
REASONS, SERVED = "reasons", "was_served"
FITS, OPEN = "fitting_lists", "open_channels"
"""Positions of all lists a candidate fits, and the channels by which it could be reached as far as the channel decides."""
Stage = Callable[[str, DataFrame], DataFrame]


@dataclass(frozen=True)
class Sources:
    """The tables a selection reads. `hashes`: keyed coordinates of all records (record_id, kind, key_hash); `cut_on`: day of this
    campaign's (first) cut; `near_postcodes`: what is near the stores of a catchment (`catchment.near_lists`);
    `calls`: what call centres told back (`feedback.calls_told`)."""

    record: DataFrame
    person_link: DataFrame
    household_link: DataFrame
    person: DataFrame
    permission_event: DataFrame
    transaction: DataFrame
    score: DataFrame
    segment: DataFrame
    instruction: DataFrame
    member: DataFrame
    exclusion: DataFrame
    recipient: DataFrame
    law_rule: DataFrame
    suppression: DataFrame
    external_list: DataFrame
    campaign_file: DataFrame
    limitation: DataFrame
    death: DataFrame
    campaign: DataFrame
    selection: DataFrame
    hashes: DataFrame
    cut_on: dt.date
    near_postcodes: DataFrame | None = None
    calls: DataFrame | None = None


@dataclass(frozen=True)
class Ground:
    """What a campaign stands on whatever other campaigns do: the records of the day, who is on a list, who supplies whom by which channel."""

    live: DataFrame
    listed: DataFrame
    allowed: DataFrame
    grid: DataFrame


def _near(live: DataFrame, terms: Terms) -> DataFrame:
    """The records of the candidates' households; of prospects those are all."""
    if terms.is_prospect:
        return live
    return live.join(universe(live, terms).select(HOUSEHOLD).distinct(), on=HOUSEHOLD, how="left_semi")


def build_ground(s: Sources, terms: Terms, stage: Stage = lambda name, frame: frame) -> Ground:
    """The ground of a campaign; it reads neither `s.selection` nor `s.campaign`. `stage` may keep what is read several times."""
    live = stage("live", without_coordinates(live_records(s.record, s.person_link, s.household_link, terms)))
    wanted = suppression.wanted_hashes(s.suppression, s.external_list, s.campaign_file, terms)
    listed = stage("listed", suppression.listed_persons(_near(live, terms), s.hashes, wanted, terms))
    allowed = instructed(s.instruction, s.member, s.exclusion, s.recipient, terms)
    return Ground(live, listed, allowed, stage("grid", _grid(universe(live, terms), live, s, allowed, terms)))


def build_candidates(s: Sources, terms: Terms, ground: Ground | None = None) -> DataFrame:
    """One row per person of the universe: its channel, list, supply, priority and the array of reasons that speak against it."""
    ground = ground or build_ground(s, terms)
    live, allowed, near = ground.live, ground.allowed, _near(ground.live, terms)
    pieces = caps.earlier_pieces(s.selection, s.campaign, s.household_link, terms, s.cut_on)
    by_channel = ground.grid.join(ground.listed, on=PERSON, how="left")
    by_channel = by_channel.join(caps.capped_households(pieces, terms), on=[HOUSEHOLD, CHANNEL], how="left")
    by_channel = by_channel.join(caps.calls_made(pieces, terms, s.calls), on=PERSON, how="left")
    chosen = choose_channel(by_channel, terms)
    standing = status(near, s.person, s.limitation, s.death, adults_only_members(s.instruction, terms), terms)
    full = with_facts(chosen.join(standing, on=PERSON, how="left"), s, live, allowed, terms)
    customers = own_customers(near, terms)
    full = full.join(customers, on=customers.columns[0], how="left")
    full = full.join(caps.served(pieces, terms).withColumn(SERVED, F.lit(True)), on=PERSON, how="left")
    return _with_reasons(full, terms)


def _grid(people: DataFrame, live: DataFrame, s: Sources, allowed: DataFrame, terms: Terms) -> DataFrame:
    """Candidate × channel with what its supplies add up to."""
    voices = s.permission_event.join(s.person_link.select(R.record_id, PERSON), on=R.record_id, how="inner")
    supplies = build_supplies(live, permitted(voices, s.law_rule, terms), allowed, terms)
    grid = people.withColumn(CHANNEL, F.explode(F.array(*(F.lit(c) for c in terms.channels))))
    return grid.join(summarise(supplies, terms), on=[PERSON, CHANNEL], how="left")


def _no(name: str) -> Column:
    return ~F.coalesce(F.col(name), F.lit(False))


def channel_rules(terms: Terms) -> dict[Reason, Column]:
    """The rules that depend on the channel, each true when it drops the candidate on that channel."""
    enough = F.coalesce(F.col("source_count"), F.lit(0)) >= terms.spec.min_sources
    usable = F.when(_no("has_supply"), _no("has_coordinate")).otherwise(F.col("best").isNull())
    called_out = (F.col(CHANNEL) == str(Channel.PHONE)) & caps.is_called_out(terms)
    closed = F.array_contains(F.coalesce(F.col(suppression.EXTERNAL), F.array().cast("array<string>")), F.col(CHANNEL))
    return {
        Reason.EXTERNAL_LIST: closed,
        Reason.PERMISSION: _no("has_permission"),
        Reason.INSTRUCTION: _no("has_supply"),
        Reason.SOURCES: (~enough | _no("has_other_source")) if terms.is_prospect else F.lit(False),
        Reason.DELIVERABLE: usable,
        # An enrichment is no piece: it fills no cap.
        Reason.CAP: F.lit(False) if terms.is_enrich else F.coalesce(F.col(caps.IS_CAPPED), F.lit(False)) | called_out,
    }


def choose_channel(by_channel: DataFrame, terms: Terms) -> DataFrame:
    """One row per person: the channel whose first reason comes latest (none at all is best), the preferred channel first among equals."""
    rules = channel_rules(terms)
    marked = by_channel.withColumns({str(reason): rule for reason, rule in rules.items()})
    depth = F.lit(len(Reason))
    for reason in reversed(CHANNEL_REASONS):
        depth = F.when(F.col(reason), list(Reason).index(reason)).otherwise(depth)
    preference = F.array_position(F.array(*(F.lit(c) for c in terms.channels)), F.col(CHANNEL))
    stops = reduce(lambda a, b: a | b, (F.col(str(reason)) for reason in CHANNEL_REASONS))
    kept = F.struct(CHANNEL, "best", "source_count", caps.CALLS, *(str(r) for r in CHANNEL_REASONS))
    # What does not depend on the channel is equal on all rows of a person: any of them gives it.
    return (
        marked.groupBy(PERSON)
        .agg(
            F.min(HOUSEHOLD).alias(HOUSEHOLD),
            F.min(ADDRESS).alias(ADDRESS),
            F.max(suppression.SUPPRESSED).alias(suppression.SUPPRESSED),
            F.max(suppression.CLIENT_FILE).alias(suppression.CLIENT_FILE),
            F.array_sort(F.collect_set(F.when(~stops, F.col(CHANNEL)))).alias(OPEN),
            F.min_by(kept, F.struct(-depth, preference)).alias("_kept"),
        )
        .select(PERSON, HOUSEHOLD, ADDRESS, suppression.SUPPRESSED, suppression.CLIENT_FILE, OPEN, "_kept.*")
    )


def own_customers(live: DataFrame, terms: Terms) -> DataFrame:
    """Who is the client's customer already, for prospects: person, or household when the campaign merges by family or address."""
    unit = PERSON if terms.spec.merge_level == "person" else HOUSEHOLD
    theirs = live.where(F.lit(terms.is_prospect) & (R.member_id.col == F.lit(terms.client.member_id)))
    return theirs.select(unit).distinct().withColumn("is_customer", F.lit(True))


def with_facts(chosen: DataFrame, s: Sources, live: DataFrame, allowed: DataFrame, terms: Terms) -> DataFrame:
    """Adds what lists and ranking read: age, place (of the record used, else of the person), purchases, segment, probability and expected amount."""
    place = s.record.select(R.record_id.col.alias("_used"), R.postcode.col.alias("_postcode"), R.department.col.alias("_department"))
    person = s.person.select(PERSON, Person.postcode.col.alias("_person_postcode"), Person.department.col.alias("_person_department"))
    segment = s.segment.select(PERSON, Segment.age.col.alias("_inferred_age"), Segment.segment)
    score = s.score.select(PERSON, Score.probability, Score.expected_amount_cents)
    bought = preselect.purchases(s.transaction, live, allowed, terms)
    joined = chosen.withColumn("_used", F.col("best.record_id")).join(place, on="_used", how="left").join(person, on=PERSON, how="left")
    joined = joined.join(segment, on=PERSON, how="left").join(score, on=PERSON, how="left").join(bought, on=PERSON, how="left")
    facts = joined.withColumns(
        {
            preselect.POSTCODE: F.when(F.col("best").isNull(), F.col("_person_postcode")).otherwise(F.col("_postcode")),
            preselect.DEPARTMENT: F.when(F.col("best").isNull(), F.col("_person_department")).otherwise(F.col("_department")),
            preselect.AGE: preselect.age_at_drop(F.col(R.birth_date), F.col("_inferred_age"), terms),
        }
    )
    if terms.spec.exclude is not None and terms.spec.exclude.campaigns:
        pieces = caps.earlier_pieces(s.selection, s.campaign, s.household_link, terms, s.cut_on)
        reached = caps.contacted(pieces, terms.spec.exclude.campaigns).withColumn(preselect.CONTACTED, F.lit(True))
        facts = facts.join(reached, on=HOUSEHOLD, how="left")
    return facts if s.near_postcodes is None else facts.join(F.broadcast(s.near_postcodes), on=preselect.POSTCODE, how="left")


def _with_reasons(full: DataFrame, terms: Terms) -> DataFrame:
    flags = {
        **{reason: F.col(reason) for reason in CHANNEL_REASONS},
        Reason.STATUS: F.coalesce(F.col(HAS_STATUS), F.lit(True)),
        Reason.SUPPRESSED: ~_no(suppression.SUPPRESSED),
        Reason.CLIENT_FILE: ~_no(suppression.CLIENT_FILE) | ~_no("is_customer"),
        Reason.PRESELECT: F.col(POSITION).isNull(),
    }
    reasons = F.array_compact(F.array(*(F.when(flags[reason], F.lit(str(reason))) for reason in CANDIDATE_REASONS)))
    placed = full.withColumn(FITS, preselect.fitting_lists(terms)).withColumn(POSITION, preselect.list_position(terms, F.col(FITS)))
    return placed.select(
        PERSON, HOUSEHOLD, ADDRESS, CHANNEL, F.coalesce(POSITION, F.lit(1)).alias(POSITION), reasons.alias(REASONS),
        F.col(f"best.{R.record_id}").alias(R.record_id), F.col(f"best.{R.member_id}").alias(R.member_id),
        F.col(f"best.{Selection.permission_event_id}").alias(Selection.permission_event_id),
        F.col(f"best.{Instruction.instruction_id}").alias(Instruction.instruction_id),
        F.coalesce("source_count", F.lit(0)).cast("int").alias(Selection.source_count),
        F.col(PROBABILITY), priority(terms).alias(PRIORITY), F.coalesce(SERVED, F.lit(False)).alias(SERVED), FITS, OPEN,
    )  # fmt: skip
