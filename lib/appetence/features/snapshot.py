"""Snapshots: `gold.feature`, the history of each person with each member as it stood at each cutoff.

Cost: one shuffle of the transactions by person and member, two sorts inside it, and one row per event and cutoff that may see it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.contracts.domain import TransactionKind
from appetence.contracts.features import Feature
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Transaction
from appetence.errors import ModelError
from appetence.features import measures as m
from appetence.features.eligibility import FEATURED_FROM

YEAR = 365
SEASON_DAYS = 45


@dataclass(frozen=True)
class Horizon:
    """The clock of a label: the window is (cutoff + gap, cutoff + gap + length], in days; history older than `history` days is not read."""

    gap: int
    length: int
    history: int

    @property
    def reach(self) -> int:
        """Days from a cutoff to the end of its label window."""
        return self.gap + self.length


def build_features(transactions: DataFrame, links: DataFrame, eligible: DataFrame, cutoffs: Sequence[dt.date], horizon: Horizon) -> DataFrame:
    """`gold.feature` for all `cutoffs` in one pass: a row per cutoff, person and member with an event.

    `transactions` is `silver.transaction` (already without frozen records and members that no instruction covers), `links` is
    `identity.person_link`, `eligible` comes from `eligibility.eligible_persons`. ModelError when cutoffs repeat or are missing.
    """
    moments = checked_cutoffs(cutoffs)
    events = prepare(with_person(transactions, links, eligible))
    seen = at_cutoffs(events, moments, horizon)
    keys = [Feature.cutoff, Feature.person_id, Feature.member_id, Feature.sector]
    rows = seen.groupBy(*keys).agg(*(measure.column for measure in m.MEASURES))
    return Feature.shape(rows.where(F.col(Feature.events_total) > 0))


def checked_cutoffs(cutoffs: Sequence[dt.date]) -> list[dt.date]:
    """The cutoffs in order; ModelError when there is none or one is given twice."""
    ordered = sorted(cutoffs)
    if not ordered:
        raise ModelError("No cutoff was given: name at least one date to take the snapshot at.")
    if len(set(ordered)) != len(ordered):
        twice = next(a for a, b in zip(ordered, ordered[1:], strict=False) if a == b)
        raise ModelError(f"The cutoff {twice} is given twice; name each cutoff once.")
    return ordered


def with_person(transactions: DataFrame, links: DataFrame, eligible: DataFrame) -> DataFrame:
    """Transactions of persons that may be featured, with `person_id` and the day from which they may."""
    whose = links.select(PersonLink.record_id, PersonLink.person_id).join(eligible, on=str(PersonLink.person_id), how="inner")
    return transactions.join(whose, on=str(Transaction.record_id), how="inner")


def prepare(transactions: DataFrame) -> DataFrame:
    """Event columns that do not depend on the cutoff: flags, the day, the day before and the next day of the same category."""
    is_refund = (F.col(Transaction.kind) == TransactionKind.REFUND) | (F.col(Transaction.amount_cents) < 0)
    day = F.col(Transaction.transaction_date)
    base = transactions.select(
        Feature.person_id, Feature.member_id, Feature.sector, FEATURED_FROM, Transaction.transaction_id,
        day.alias(m.DAY),
        (~is_refund).alias(m.IS_EVENT),
        is_refund.alias(m.IS_REFUND),
        ((F.col(Transaction.kind) == TransactionKind.GIFT) & ~is_refund).alias(m.IS_GIFT),
        F.col(Transaction.amount_cents).alias(m.AMOUNT),
        F.coalesce(F.col(Transaction.category), F.lit("")).alias("_category"),
    )  # fmt: skip
    # Windows and the final grouping share one shuffle: all of them hold the person and the member.
    spread = base.repartition(F.col(Feature.person_id), F.col(Feature.member_id))
    whose = [Feature.person_id, Feature.member_id, m.IS_EVENT]
    in_time = Window.partitionBy(*whose).orderBy(m.DAY, Transaction.transaction_id)
    in_category = Window.partitionBy(*whose, "_category").orderBy(m.DAY, Transaction.transaction_id)
    is_last_of_day = F.coalesce(F.lead(m.DAY).over(in_time) != F.col(m.DAY), F.lit(True))
    return spread.select(
        "*",
        (is_last_of_day & F.col(m.IS_EVENT)).alias(m.IS_LAST_OF_DAY),
        F.lag(m.DAY).over(in_time).alias("_day_before"),
        F.lead(m.DAY).over(in_category).alias("_next_of_category"),
    )


def at_cutoffs(events: DataFrame, cutoffs: Sequence[dt.date], horizon: Horizon) -> DataFrame:
    """One row per event and cutoff that sees it: events on the cutoff day belong to the history, later ones and too old ones do not."""
    moments = F.array(*(F.lit(c) for c in cutoffs))
    day = F.col(m.DAY)

    def sees(moment: Column) -> Column:
        return (day <= moment) & (day > F.date_sub(moment, horizon.history)) & (moment >= F.col(FEATURED_FROM))

    seen = events.withColumn(Feature.cutoff, F.explode(F.filter(moments, sees)))
    cutoff = F.col(Feature.cutoff)
    starts = F.date_sub(cutoff, horizon.history)
    gap = F.datediff(day, F.col("_day_before"))
    middle = F.date_add(cutoff, horizon.gap + (horizon.length + 1) // 2)
    return seen.select(
        "*",
        F.datediff(cutoff, day).alias(m.AGE),
        F.when(F.col(m.IS_EVENT) & (gap > 0) & (F.col("_day_before") > starts), gap).alias(m.GAP),
        (F.col(m.IS_EVENT) & F.coalesce(F.col("_next_of_category") > cutoff, F.lit(True)) & (F.col("_category") != "")).alias(m.IS_LAST_OF_CATEGORY),
        (F.col(m.IS_EVENT) & is_season(F.datediff(middle, day))).alias(m.IS_SEASON),
    )


def is_season(days_before_middle: Column) -> Column:
    """Whether an event lies one, two or more whole years before the middle of the label window, give or take 45 days."""
    years = F.round(days_before_middle / YEAR)
    return (years >= 1) & (F.abs(days_before_middle - years * YEAR) <= SEASON_DAYS)


def is_in_label_window(day: Column, cutoff: Column, horizon: Horizon) -> Column:
    """Whether `day` lies in the label window of `cutoff`."""
    return (day > F.date_add(cutoff, horizon.gap)) & (day <= F.date_add(cutoff, horizon.reach))
