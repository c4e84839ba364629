"""Snapshots: `gold.feature`, the history of each person with each member as it stood at each cutoff.

A snapshot stays true while the events it saw stay what they were, so it need not be taken twice: `changed_histories` says where they did not.

Cost: one shuffle of the transactions by person and member, two sorts inside it, and one row per event and cutoff that may see it. Where rows may
have come late there is a third sort, and the histories that hold one are looked at cutoff by cutoff.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.contracts.domain import TransactionKind
from appetence.contracts.features import Feature
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Transaction
from appetence.errors import ModelError
from appetence.features import measures as m
from appetence.features.arrivals import Arrival, known_from, may_be_late
from appetence.features.eligibility import FEATURED_FROM
from appetence.version import __version__

YEAR = 365
SEASON_DAYS = 45

_KNOWN_FROM, _MOMENTS, _HISTORY = "_known_from", "_moments", "_history"
_ASKED, _NOW = "_asked", "_now"


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


def build_features(
    transactions: DataFrame,
    links: DataFrame,
    eligible: DataFrame,
    cutoffs: Sequence[dt.date],
    horizon: Horizon,
    arrivals: Mapping[str, Arrival] | None = None,
    only: DataFrame | None = None,
    rules: str = __version__,
) -> DataFrame:
    """`gold.feature` for all `cutoffs` in one pass: a row per cutoff, person and member with an event.

    `transactions` is `silver.transaction` (already without frozen records and members that no instruction covers), `links` is
    `identity.person_link`, `eligible` comes from `eligibility.eligible_persons`. `arrivals` (member id -> how it delivers) says from when a row
    was known; without it, every row was known on its day. `only`: keys of the table; no other rows are made. `rules`: what the rows are made by,
    kept in their hashes. ModelError when cutoffs repeat or are missing.
    """
    moments = checked_cutoffs(cutoffs)
    whose = with_person(transactions, links, eligible)
    if only is not None:
        asked = only.groupBy(Feature.person_id, Feature.member_id).agg(F.collect_set(Feature.cutoff).alias(_ASKED))
        whose = whose.join(asked, on=[str(Feature.person_id), str(Feature.member_id)], how="inner")
    events = prepare(whose, moments, horizon, _late(arrivals), rules)
    seen = at_cutoffs(events, horizon)
    keys = [Feature.cutoff, Feature.person_id, Feature.member_id, Feature.sector]
    rows = seen.groupBy(*keys).agg(*(measure.column for measure in m.MEASURES), F.bit_xor(m.EVENT_HASH).alias(Feature.history_hash))
    return Feature.shape(rows.where(F.col(Feature.events_total) > 0))


def changed_histories(
    taken: DataFrame,
    transactions: DataFrame,
    links: DataFrame,
    eligible: DataFrame,
    cutoffs: Sequence[dt.date],
    horizon: Horizon,
    arrivals: Mapping[str, Arrival] | None = None,
    rules: str = __version__,
) -> DataFrame:
    """Keys (cutoff, person_id, member_id) at which rows of `gold.feature`, `taken` before, are not what `build_features` would make now.

    One pass without windows: a hash per person, member and cutoff of the events seen is held against the one that the row was made from.
    """
    moments = checked_cutoffs(cutoffs)
    events = with_person(transactions, links, eligible).select(
        Feature.person_id, Feature.member_id, is_counted().alias(m.IS_EVENT), event_hash(horizon, rules).alias(m.EVENT_HASH),
        _seen_by(moments, horizon, _late(arrivals)).alias(_MOMENTS),
    )  # fmt: skip

    def at(moment: dt.date) -> Column:
        seen = F.array_contains(_MOMENTS, F.lit(moment))
        whole, is_any = F.bit_xor(F.when(seen, F.col(m.EVENT_HASH))), F.coalesce(F.max(seen & F.col(m.IS_EVENT)), F.lit(False))
        return F.struct(F.lit(moment).alias(str(Feature.cutoff)), whole.alias(_NOW), is_any.alias(m.IS_EVENT))

    seen = events.groupBy(Feature.person_id, Feature.member_id).agg(F.array(*map(at, moments)).alias("_at"))
    now = seen.select(Feature.person_id, Feature.member_id, F.explode("_at").alias("_at")).select(Feature.person_id, Feature.member_id, "_at.*")
    keys = [str(k) for k in Feature.key]
    both = taken.select(*keys, Feature.history_hash).join(now.where(m.IS_EVENT), on=keys, how="full")
    is_as_it_was = F.coalesce(F.col(_NOW) == F.col(Feature.history_hash), F.lit(False))  # a row of before there were hashes never is
    return both.where(~is_as_it_was).select(*keys)


def event_hash(horizon: Horizon, rules: str) -> Column:
    """Hash of all that a row of `gold.feature` reads of one transaction, and of how it reads it: by which clock and rules."""
    how = f"{rules} {horizon.gap} {horizon.length} {horizon.history}"
    t = Transaction
    return F.xxhash64(F.lit(how), t.transaction_id, Feature.sector, t.transaction_date, t.kind, t.amount_cents, t.category)


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


def prepare(
    transactions: DataFrame,
    cutoffs: Sequence[dt.date],
    horizon: Horizon,
    arrivals: Mapping[str, Arrival] | None = None,
    rules: str = __version__,
) -> DataFrame:
    """Event columns: flags, the day, the day before and the next day of the same category, and `_moments`, the cutoffs that see the event.

    A history that some cutoff sees with holes, because a row of it came late, has its events once for each cutoff."""
    is_event = is_counted()
    day = F.col(Transaction.transaction_date)
    moments = _moments(cutoffs, horizon, F.col(FEATURED_FROM))
    base = transactions.select(
        Feature.person_id, Feature.member_id, Feature.sector, Transaction.transaction_id,
        day.alias(m.DAY),
        is_event.alias(m.IS_EVENT),
        (~is_event).alias(m.IS_REFUND),
        ((F.col(Transaction.kind) == TransactionKind.GIFT) & is_event).alias(m.IS_GIFT),
        F.col(Transaction.amount_cents).alias(m.AMOUNT),
        F.coalesce(F.col(Transaction.category), F.lit("")).alias("_category"),
        event_hash(horizon, rules).alias(m.EVENT_HASH),
        (F.array_intersect(moments, F.col(_ASKED)) if _ASKED in transactions.columns else moments).alias(_MOMENTS),
        *([] if arrivals is None else [known_from(arrivals).alias(_KNOWN_FROM)]),
    )  # fmt: skip
    # Windows and the final grouping share one shuffle: all of them hold the person and the member.
    spread = base.repartition(F.col(Feature.person_id), F.col(Feature.member_id))
    whole = spread.withColumn(_HISTORY, F.lit(None).cast("date")) if arrivals is None else _without_holes(spread)
    whose = [Feature.person_id, Feature.member_id, _HISTORY, m.IS_EVENT]
    in_time = Window.partitionBy(*whose).orderBy(m.DAY, Transaction.transaction_id)
    in_category = Window.partitionBy(*whose, "_category").orderBy(m.DAY, Transaction.transaction_id)
    is_last_of_day = F.coalesce(F.lead(m.DAY).over(in_time) != F.col(m.DAY), F.lit(True))
    return whole.select(
        "*",
        (is_last_of_day & F.col(m.IS_EVENT)).alias(m.IS_LAST_OF_DAY),
        F.lag(m.DAY).over(in_time).alias("_day_before"),
        F.lead(m.DAY).over(in_category).alias("_next_of_category"),
    )


def is_counted() -> Column:
    """Whether a transaction is an order or gift: refunds do not count."""
    return (F.col(Transaction.kind) != TransactionKind.REFUND) & (F.col(Transaction.amount_cents) >= 0)


def _late(arrivals: Mapping[str, Arrival] | None) -> Mapping[str, Arrival] | None:
    return arrivals if arrivals and may_be_late(arrivals) else None


def _seen_by(cutoffs: Sequence[dt.date], horizon: Horizon, arrivals: Mapping[str, Arrival] | None) -> Column:
    """The cutoffs that see the event: it belongs to their history and was known."""
    moments = _moments(cutoffs, horizon, F.col(FEATURED_FROM))
    return moments if arrivals is None else F.filter(moments, lambda moment: moment >= known_from(arrivals))


def _moments(cutoffs: Sequence[dt.date], horizon: Horizon, featured_from: Column) -> Column:
    """The cutoffs whose history holds the event: those of its day belong to it, later ones and too old ones do not."""
    day = F.col(Transaction.transaction_date)

    def holds(moment: Column) -> Column:
        return (day <= moment) & (day > F.date_sub(moment, horizon.history)) & (moment >= featured_from)

    return F.filter(F.array(*(F.lit(c) for c in cutoffs)), holds)


def _without_holes(events: DataFrame) -> DataFrame:
    """Only the cutoffs that knew the event; where one did not, the events of that person and member come once per cutoff (`_history`)."""
    known = F.filter(_MOMENTS, lambda moment: moment >= F.col(_KNOWN_FROM))
    has_hole = F.max(F.size(_MOMENTS) > F.size(known)).over(Window.partitionBy(Feature.person_id, Feature.member_id))
    marked = events.withColumn("_has_hole", has_hole).withColumn(_MOMENTS, known)
    alone = F.transform(_MOMENTS, lambda moment: F.struct(moment.alias(_HISTORY), F.array(moment).alias(_MOMENTS)))
    together = F.array(F.struct(F.lit(None).cast("date").alias(_HISTORY), F.col(_MOMENTS).alias(_MOMENTS)))
    parted = marked.withColumn("_part", F.explode(F.when(F.col("_has_hole"), alone).otherwise(together)))
    return parted.withColumns({_HISTORY: F.col(f"_part.{_HISTORY}"), _MOMENTS: F.col(f"_part.{_MOMENTS}")}).drop("_part", "_has_hole")


def at_cutoffs(events: DataFrame, horizon: Horizon) -> DataFrame:
    """One row per event and cutoff that sees it, with what depends on the cutoff."""
    seen = events.withColumn(Feature.cutoff, F.explode(_MOMENTS))
    cutoff = F.col(Feature.cutoff)
    starts = F.date_sub(cutoff, horizon.history)
    day = F.col(m.DAY)
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
