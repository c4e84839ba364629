"""Who may be scored: those that may be featured, less the suppressed, and for each model less those who opposed what it is for.

A person who may no longer be scored loses the scores of every cutoff, not only those of the night: `withdraw`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.domain import PermissionStatus, Purpose, Use
from appetence.contracts.gold import Score
from appetence.contracts.identity import Person, PersonLink
from appetence.contracts.local import local_frame
from appetence.contracts.privacy import Suppression
from appetence.contracts.silver import PermissionEvent, Record
from appetence.pipeline.context import Context
from appetence.pipeline.modelling import ModelPlan, eligible_persons
from appetence.pipeline.select_campaign import current_suppressions
from appetence.privacy.suppressions import GLOBAL, suppressed_records
from appetence.selection.permission import fold_events

E = PermissionEvent
_PERSON = str(Person.person_id)
_VOICE = [_PERSON, str(PersonLink.member_id)]


@dataclass(frozen=True)
class Scorable:
    """Persons that some model may score at the as-of date, and whom the suppression list names for whom (person_id, scope)."""

    persons: DataFrame
    suppressed: DataFrame


def scorable_persons(ctx: Context, recipients: Iterable[str]) -> Scorable:
    """Made once a run, whatever the number of models. `recipients`: for whom they score, as their entries of the suppression list name them."""
    suppressed = ctx.lake.stage("suppressed", _suppressed(ctx, {GLOBAL, *recipients}))
    globally = suppressed.where(F.col(Suppression.scope) == GLOBAL)
    persons = eligible_persons(ctx).select(_PERSON).join(globally, on=_PERSON, how="left_anti")
    return Scorable(ctx.lake.stage("scorable", persons), suppressed)


def closed_persons(ctx: Context, plan: ModelPlan, suppressed: DataFrame) -> DataFrame:
    """`person_id` of those that one model may not score: suppressed for its client, or opposed with every member that could supply them."""
    events = ctx.lake.read_or_empty(PermissionEvent)
    opposed = opposed_persons(events, ctx.lake.read(PersonLink), plan.voices, plan.product, plan.purpose, ctx.as_of)
    theirs = suppressed.where(F.col(Suppression.scope).isin(sorted(plan.parties))).select(_PERSON)
    return ctx.lake.stage("closed", opposed.unionByName(theirs).distinct())


def opposed_persons(events: DataFrame, links: DataFrame, voices: Collection[str], use: Use, purpose: Purpose, day: dt.date) -> DataFrame:
    """Persons of whom none of the members `voices` may do anything for this use and purpose any more, since they said no: `person_id`.

    `events` are permission events, folded as a selection folds them: with one member, a person's records are one voice. A voice is opposed
    when a no was said to it by `day` and nothing holds on any channel; one that nothing was said to is not. Who is supplied by none of
    `voices` is not told of.
    """
    theirs = links.where(F.col(PersonLink.member_id).isin(sorted(voices))).select(PersonLink.record_id, *_VOICE)
    opposed = _opposed_voices(events.where((F.col(E.use) == str(use)) & (F.col(E.purpose) == str(purpose))), theirs, day)
    left = theirs.select(*_VOICE).distinct().join(opposed, on=_VOICE, how="left_anti")
    return opposed.select(_PERSON).distinct().join(left, on=_PERSON, how="left_anti")


def unlearnable(ctx: Context) -> DataFrame:
    """Person and member to whom the person said no to the use of its data for the improvement of the service, whatever the purpose: person_id,
    member_id. Silence is no refusal: what a member lets be learnt from is said by its instruction."""
    links = ctx.lake.read(PersonLink).select(PersonLink.record_id, *_VOICE)
    asked = ctx.lake.read_or_empty(PermissionEvent).where(F.col(E.use) == str(Use.IMPROVE))
    return ctx.lake.stage("unlearnable", _opposed_voices(asked, links, ctx.as_of))


def _opposed_voices(asked: DataFrame, links: DataFrame, day: dt.date) -> DataFrame:
    """Person and member where one of the events `asked` is a no and nothing holds on any channel."""
    known = asked.where(F.to_date(F.col(E.collected_at)) <= F.lit(day))
    said = known.drop(E.member_id).join(links, on=str(E.record_id), how="inner")
    refused = said.where(F.col(E.status) != str(PermissionStatus.GRANTED)).select(*_VOICE).distinct()
    return refused.join(fold_events(said, day).select(*_VOICE), on=_VOICE, how="left_anti")


def withdraw(ctx: Context, persons: DataFrame, closed: Mapping[str, DataFrame]) -> int:
    """Deletes the scores of persons who may no longer be scored, at every cutoff: rows deleted.

    `persons` may still be scored; `closed`: model key -> persons it may not score."""
    if not ctx.lake.exists(Score):
        return 0
    held = ctx.lake.read(Score).select(*Score.key)
    doomed = [held.join(persons, on=_PERSON, how="left_anti")]
    doomed += [held.where(F.col(Score.model_key) == key).join(those, on=_PERSON, how="left_semi") for key, those in closed.items()]
    keys = ctx.lake.stage("withdrawn", reduce(DataFrame.unionByName, (d.select(*Score.key) for d in doomed)).distinct())
    if keys.isEmpty():
        return 0
    # By key, in one merge: what one model may not score stays with the others.
    return ctx.lake.sync(Score, Score.frame(ctx.spark), within=keys, is_staged=True).deleted


def _suppressed(ctx: Context, scopes: Collection[str]) -> DataFrame:
    """person_id and scope of those the suppression list names within these scopes, by any coordinate of any record."""
    listed = current_suppressions(ctx).where(F.col(Suppression.scope).isin(sorted(scopes)))
    links = ctx.lake.read(PersonLink).select(PersonLink.record_id, _PERSON)
    if listed.isEmpty():
        return local_frame(ctx.spark, [], f"{_PERSON} string, {Suppression.scope} string")
    found = suppressed_records(ctx.lake.read(Record), listed, ctx.pepper_pads())
    return links.join(found, on=str(PersonLink.record_id), how="inner").select(_PERSON, Suppression.scope).distinct()
