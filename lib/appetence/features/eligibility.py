"""Who may be featured and scored, and whose data may be read for it. Unknown means no."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.domain import ADULT_AGE, Purpose, RecipientSector, Use
from appetence.contracts.identity import Person, PersonLink
from appetence.contracts.privacy import Death, Limitation, ProfilingObjection
from appetence.contracts.reference import Exclusion, Instruction, Member

FEATURED_FROM = "_featured_from"
"""Column of `eligible_persons`: the first cutoff at which the person is certainly an adult."""

ALWAYS = dt.date(1900, 1, 1)

Row = Mapping[str, Any]


def live_instructions(instructions: Iterable[Row], day: dt.date) -> list[Row]:
    """The instructions that hold on `day`."""
    return [
        i for i in instructions
        if i[Instruction.valid_from] <= day and (i[Instruction.valid_to] is None or day <= i[Instruction.valid_to])
    ]  # fmt: skip


def purpose_of(recipient_sector: str) -> Purpose:
    """What a recipient of this sector contacts people for."""
    return Purpose.CARITATIVE if recipient_sector == RecipientSector.CARITATIF else Purpose.COMMERCIAL


def covering_members(instructions: Iterable[Row], members: Iterable[Row], day: dt.date, *, use: Use, recipient_sector: str) -> frozenset[str]:
    """Active members with an instruction, live on `day`, that covers the use, the recipient's sector and its purpose."""
    active = {m[Member.member_id] for m in members if m[Member.is_active]}
    return frozenset(
        i[Instruction.member_id]
        for i in live_instructions(instructions, day)
        if i[Instruction.member_id] in active
        and use in i[Instruction.uses]
        and purpose_of(recipient_sector) in i[Instruction.purposes]
        and (not i[Instruction.recipient_sectors_allowed] or recipient_sector in i[Instruction.recipient_sectors_allowed])
        and recipient_sector not in i[Instruction.recipient_sectors_refused]
    )


def serving_members(instructions: Iterable[Row], members: Iterable[Row], day: dt.date, uses: Collection[str]) -> frozenset[str]:
    """Active members with an instruction, live on `day`, for at least one of the uses: the others are not read at all."""
    active = {m[Member.member_id] for m in members if m[Member.is_active]}
    return frozenset(
        i[Instruction.member_id]
        for i in live_instructions(instructions, day)
        if i[Instruction.member_id] in active and set(uses) & set(i[Instruction.uses])
    )


def competitors(exclusions: Iterable[Row], parties: Collection[str]) -> frozenset[str]:
    """Everybody excluded from serving one of `parties`; a pair works both ways."""
    pairs = [(e[Exclusion.party_a], e[Exclusion.party_b]) for e in exclusions]
    return frozenset({b for a, b in pairs if a in parties} | {a for a, b in pairs if b in parties})


def adults_only_members(instructions: Iterable[Row], day: dt.date) -> frozenset[str]:
    """Members that state, on `day`, that they sell to adults only."""
    return frozenset(i[Instruction.member_id] for i in live_instructions(instructions, day) if i[Instruction.adults_only])


def frozen_records(limitations: DataFrame, day: dt.date) -> DataFrame:
    """Records under a limitation on `day`: one column, `record_id`."""
    holds = (F.col(Limitation.since) <= F.lit(day)) & (F.col(Limitation.until).isNull() | (F.col(Limitation.until) >= F.lit(day)))
    return limitations.where(holds).select(Limitation.record_id).distinct()


def objecting_records(objections: DataFrame) -> DataFrame:
    """Records of persons who object to being profiled: one column, `record_id`. An objection has no last day."""
    return objections.select(ProfilingObjection.record_id).distinct()


def eligible_persons(
    persons: DataFrame, links: DataFrame, closed: DataFrame, deaths: DataFrame, adults_only: Collection[str], day: dt.date
) -> DataFrame:
    """`person_id` and the first cutoff at which the person may be featured; nobody else may be.

    Out are the deceased, persons with a record in `closed` (frozen, or of somebody who objects to being profiled), minors on `day`, and
    persons of unknown age that no member selling to adults only supplies. An erased person has no row in `persons`.
    """
    limited = links.join(closed, on=str(PersonLink.record_id), how="inner").select(PersonLink.person_id)
    vouched = (
        links.where(F.col(PersonLink.member_id).isin(sorted(adults_only)))
        .select(PersonLink.person_id)
        .distinct()
        .withColumn("_is_vouched", F.lit(True))
    )
    living = persons.join(deaths.select(Death.person_id), on=str(Person.person_id), how="left_anti").join(
        limited, on=str(Person.person_id), how="left_anti"
    )
    grown = F.add_months(F.col(Person.birth_date), 12 * ADULT_AGE)
    since = F.when(F.col(Person.birth_date).isNotNull(), grown).when(F.col("_is_vouched"), F.lit(ALWAYS))
    known = living.join(vouched, on=str(Person.person_id), how="left").select(Person.person_id, since.alias(FEATURED_FROM))
    return known.where(F.col(FEATURED_FROM) <= F.lit(day))
