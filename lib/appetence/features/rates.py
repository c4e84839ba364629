"""How often what a model predicts happened in the windows of the past, month by month: what a season is read from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.features import Feature
from appetence.contracts.silver import Transaction
from appetence.errors import ModelError
from appetence.features.eligibility import FEATURED_FROM
from appetence.features.snapshot import Horizon, is_counted, is_in_label_window, with_person

BEGINS, PERSONS = "begins", "persons"
MOST_WINDOWS = 60
"""The windows of one person are bits of one long."""

_FIRST, _BITS = "_first", "_bits"


def month_starts(until: dt.date, horizon: Horizon) -> list[dt.date]:
    """The first days of months whose windows lie within the history and are over by `until`, oldest first.

    >>> month_starts(dt.date(2026, 6, 15), Horizon(gap=0, length=90, history=150))
    [datetime.date(2026, 2, 1), datetime.date(2026, 3, 1)]
    """
    last = until - dt.timedelta(days=horizon.reach)
    first = until - dt.timedelta(days=horizon.history)
    months = [dt.date(year, month, 1) for year in range(first.year, last.year + 1) for month in range(1, 13)]
    return [m for m in months if first <= m <= last][-MOST_WINDOWS:]


def build_rates(
    transactions: DataFrame,
    links: DataFrame,
    eligible: DataFrame,
    targets: Mapping[str, Collection[str]],
    starts: Sequence[dt.date],
    horizon: Horizon,
) -> DataFrame:
    """One row per window: `begins`, `persons` known and grown up by then, and for each name of `targets` how many of them acted in it.

    `transactions`, `links` and `eligible` as for `build_features`; `targets` names members (ids). One pass: no row per event and window.
    """
    if not 0 < len(starts) <= MOST_WINDOWS:
        raise ModelError(f"Rates are read from 1 to {MOST_WINDOWS} windows, not {len(starts)}; name fewer first days.")
    day = F.col(Transaction.transaction_date)
    known = with_person(transactions, links, eligible)
    of_target = {n: F.col(Transaction.member_id).isin(sorted(members)) & is_counted() for n, members in targets.items()}
    acted = {n: F.when(wanted, F.col(_BITS)).otherwise(F.lit(0)) for n, wanted in of_target.items()}
    persons = (
        known.withColumn(_BITS, _bits(day, starts, horizon))
        .groupBy(Feature.person_id)
        .agg(F.greatest(F.min(day), F.min(FEATURED_FROM)).alias(_FIRST), *(F.bit_or(column).alias(name) for name, column in acted.items()))
    )
    windows = F.array(*(F.struct(F.lit(s).alias(BEGINS), F.lit(i).alias("bit")) for i, s in enumerate(starts)))
    seen = persons.withColumn("window", F.explode(F.filter(windows, lambda w: w[BEGINS] >= F.col(_FIRST))))
    is_set: dict[str, Column] = {n: F.getbit(F.col(n), F.col("window.bit")).cast("bigint") for n in targets}
    return seen.groupBy(F.col(f"window.{BEGINS}").alias(BEGINS)).agg(
        F.count(F.lit(1)).alias(PERSONS), *(F.sum(column).alias(name) for name, column in is_set.items())
    )


def _bits(day: Column, starts: Sequence[dt.date], horizon: Horizon) -> Column:
    """A long with a bit for each window that holds the day."""
    flags = [F.when(is_in_label_window(day, F.lit(s), horizon), F.lit(1 << i)).otherwise(F.lit(0)) for i, s in enumerate(starts)]
    return reduce(lambda a, b: a.bitwiseOR(b), flags).cast("bigint")
