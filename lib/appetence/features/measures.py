"""The declarative list of measures: what `gold.feature` holds, and the one conditional sum each compiles to.

Every measure reads the same prepared event columns (see `snapshot.prepare`), so all of them, for all cutoffs, come from one pass over the
transactions: no join and no scan per feature or window. Sums run over integers (decayed weights in millionths), so that the result does not
depend on the order or partitioning of the events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from appetence.contracts.base import Field
from appetence.contracts.features import HALF_LIVES, WINDOWS, Feature, decayed, windowed

AGE = "_age_days"
"""Days from the event to the cutoff, 0 on the cutoff day."""
IS_EVENT = "_is_event"
"""An order or a gift with a non-negative amount; refunds are not events."""
AMOUNT = "_amount"
"""Cents, refunds negative."""
IS_GIFT, IS_REFUND = "_is_gift", "_is_refund"
IS_LAST_OF_DAY = "_is_last_of_day"
"""One event per day carries it, so that its sum counts days."""
IS_LAST_OF_CATEGORY = "_is_last_of_category"
"""As of the cutoff, one event per category carries it, so that its sum counts categories."""
GAP = "_gap_days"
"""Days since the day with an event before, inside the history; null for the first and for further events of one day."""
IS_SEASON = "_is_season"
"""An event of an earlier year near the season of the label window."""
DAY = "_day"
EVENT_HASH = "_event_hash"
"""Of all that a measure reads of one event; see `snapshot.event_hash`."""

MICRO = 1_000_000


@dataclass(frozen=True)
class Measure:
    """One column of `gold.feature`: its field (name, type, meaning) and the aggregate that fills it."""

    field: Field
    aggregate: Callable[[], Column]

    @property
    def column(self) -> Column:
        """The aggregate, cast to the contract's type and named."""
        return self.aggregate().cast(self.field.dtype).alias(str(self.field))


def _sum_if(condition: Column, value: Column) -> Column:
    return F.sum(F.when(condition, value).otherwise(F.lit(0)))


def _flag(name: str) -> Column:
    return F.col(name).cast("int")


def _events_within(days: int) -> Callable[[], Column]:
    return lambda: _sum_if(F.col(AGE) < days, _flag(IS_EVENT))


def _amount_within(days: int) -> Callable[[], Column]:
    return lambda: _sum_if(F.col(AGE) < days, F.col(AMOUNT))


def _weight(half_life: int) -> Column:
    return F.pow(F.lit(2.0), -F.col(AGE) / F.lit(float(half_life)))


def _decayed_events(half_life: int) -> Callable[[], Column]:
    return lambda: _sum_if(F.col(IS_EVENT), F.round(_weight(half_life) * MICRO).cast("long")) / F.lit(float(MICRO))


def _decayed_amount(half_life: int) -> Callable[[], Column]:
    return lambda: F.sum(F.round(_weight(half_life) * F.col(AMOUNT) * 100).cast("long")) / F.lit(100.0)


MEASURES: tuple[Measure, ...] = (
    Measure(Feature.first_on, lambda: F.min(F.when(F.col(IS_EVENT), F.col(DAY)))),
    Measure(Feature.last_on, lambda: F.max(F.when(F.col(IS_EVENT), F.col(DAY)))),
    Measure(Feature.events_total, lambda: F.sum(_flag(IS_EVENT))),
    Measure(Feature.amount_total, lambda: F.sum(F.col(AMOUNT))),
    Measure(Feature.days_total, lambda: F.sum(_flag(IS_LAST_OF_DAY))),
    Measure(Feature.categories_total, lambda: F.sum(_flag(IS_LAST_OF_CATEGORY))),
    Measure(Feature.gifts_total, lambda: F.sum(_flag(IS_GIFT))),
    Measure(Feature.refunds_total, lambda: F.sum(_flag(IS_REFUND))),
    Measure(Feature.largest_amount, lambda: F.max(F.when(F.col(IS_EVENT), F.col(AMOUNT)).otherwise(F.lit(0)))),
    *(Measure(windowed("events", days), _events_within(days)) for days in WINDOWS),
    *(Measure(windowed("amount", days), _amount_within(days)) for days in WINDOWS),
    *(Measure(decayed("events", half_life), _decayed_events(half_life)) for half_life in HALF_LIVES),
    *(Measure(decayed("amount", half_life), _decayed_amount(half_life)) for half_life in HALF_LIVES if half_life >= 90),
    Measure(Feature.gap_squares_total, lambda: F.sum(F.coalesce(F.col(GAP) * F.col(GAP), F.lit(0)))),
    Measure(Feature.season_events, lambda: F.sum(_flag(IS_SEASON))),
)
"""All measures, in the order of the contract. A new line here and a field in the contract make a new feature."""
