"""What people allowed, as of a day: permission events folded, then read against the rules of law.

A permission is per person, member, channel, use and purpose, and per legal basis. The newest word wins and, at the same instant, a
refusal wins: a grant holds when it is later than every opposition or withdrawal of its person, member, channel, use and purpose, whatever
basis that refusal named. Several records of one person with one member are one voice. A grant without wording version, instant and
collection point does not count, as if it had not been said. No word at all is no. Channels, uses and purposes never stand in for each
other.
"""

from __future__ import annotations

import datetime as dt

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.contracts.domain import Basis, PermissionStatus
from appetence.contracts.identity import PersonLink
from appetence.contracts.reference import LawRule
from appetence.contracts.silver import PermissionEvent
from appetence.selection.terms import Terms

E = PermissionEvent
PERSON = str(PersonLink.person_id)
VOICE = (PERSON, E.member_id, E.channel, E.use, E.purpose)
NEEDS_NOTICE, NAMES_RECIPIENT = "needs_notice", "names_recipient"
STRENGTH = (Basis.CONSENT, Basis.CONTRACT, Basis.OWN_CUSTOMER, Basis.INFORMATION)
"""When several bases hold, the first of these is the one a selection rests on."""


def _has_proof() -> Column:
    return (F.length(F.trim(E.wording_version.col)) > 0) & E.collected_at.col.isNotNull() & (F.length(F.trim(E.collection_point.col)) > 0)


def fold_events(events: DataFrame, at: dt.date) -> DataFrame:
    """Each basis that holds on the day `at`: one row per person, member, channel, use, purpose and basis.

    `events` are permission events with `person_id`; the newest grant of the basis brings `recipients`, `event_id` and `collected_at`.
    """
    said = events.where(F.to_date(E.collected_at.col) <= F.lit(at))
    is_grant = (E.status.col == str(PermissionStatus.GRANTED)) & F.coalesce(_has_proof(), F.lit(False))
    by_voice = Window.partitionBy(*VOICE)
    stopped_at = F.max(F.when(E.status.col != str(PermissionStatus.GRANTED), E.collected_at.col)).over(by_voice)
    newest = Window.partitionBy(*VOICE, E.basis).orderBy(E.collected_at.col.desc(), E.event_id.col.asc())
    spoken = said.withColumn("_stopped_at", stopped_at).where(is_grant)
    first = spoken.withColumn("_order", F.row_number().over(newest)).where(F.col("_order") == 1)
    holds = F.col("_stopped_at").isNull() | (E.collected_at.col > F.col("_stopped_at"))
    return first.where(holds).select(*VOICE, E.basis, E.recipients, E.event_id, E.collected_at)


def bases_of(rules: DataFrame, terms: Terms) -> DataFrame:
    """The rules of law of a campaign's purpose at its drop date, one row per channel and basis that suffices for its product."""
    drop = F.lit(terms.drop_date)
    governs = (LawRule.valid_from.col <= drop) & (LawRule.valid_to.col.isNull() | (drop <= LawRule.valid_to.col))
    bases = F.array_union(LawRule.bases.col, LawRule.house_bases.col) if terms.is_house else LawRule.bases.col
    return rules.where(governs & (LawRule.purpose.col == str(terms.spec.purpose))).select(
        LawRule.channel, F.explode(bases).alias(E.basis), LawRule.names_recipient, LawRule.needs_notice
    )


def is_named(terms: Terms) -> Column:
    """Whether a consent names the client, a list that holds it, or is a company's own customers' consent to that company."""
    named = F.arrays_overlap(E.recipients.col, F.array(*(F.lit(n) for n in terms.named_as)))
    own = F.lit(not terms.is_prospect) & (E.member_id.col == F.lit(terms.client.member_id))
    return F.coalesce(named, F.lit(False)) | F.coalesce(own, F.lit(False))


def permitted(events: DataFrame, rules: DataFrame, terms: Terms) -> DataFrame:
    """Person × member × channel with a permission valid at the drop date for this campaign: the event it rests on, and whether the
    supplier's notice must announce it (which its instruction says)."""
    asked = events.where(
        E.channel.col.isin(list(terms.channels)) & (E.use.col == str(terms.spec.product)) & (E.purpose.col == str(terms.spec.purpose))
    )
    lawful = fold_events(asked, terms.drop_date).join(F.broadcast(bases_of(rules, terms)), on=[str(E.channel), str(E.basis)], how="inner")
    names = ~F.col(NAMES_RECIPIENT) | (E.basis.col != str(Basis.CONSENT)) | is_named(terms)
    strength = F.array_position(F.array(*(F.lit(str(b)) for b in STRENGTH)), E.basis.col)
    strongest = F.min_by(F.struct(E.event_id, NEEDS_NOTICE), F.struct(strength, E.event_id.col))
    best = lawful.where(names).groupBy(PERSON, E.member_id, E.channel).agg(strongest.alias("_best"))
    return best.select(
        PERSON,
        E.member_id,
        E.channel,
        F.col(f"_best.{E.event_id}").alias("permission_event_id"),
        F.col(f"_best.{NEEDS_NOTICE}").alias(NEEDS_NOTICE),
    )
