"""When the co-operative knew of a transaction, as a cutoff of the past has to see it: a row that came late was not there to be read.

What a member delivers first holds years of history and one day of receipt; those rows count from the day they happened. Whatever came later
counts from the day of its receipt, less the member's lag: so many days pass, at the scoring date too, between the end of its data and the day
they are read. At the scoring date itself every row received is known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from appetence.contracts.silver import Transaction


@dataclass(frozen=True)
class Arrival:
    """How one member delivers: the days its first and last transactions were received, and by how many days its data end before the scoring date."""

    first_received: dt.date
    last_received: dt.date
    lag_days: int


def arrival_of(first_received: dt.date, last_received: dt.date, last_day: dt.date, as_of: dt.date, silent_days: int) -> Arrival:
    """The arrival of a member whose newest transaction is of `last_day`; one that went silent is granted `silent_days` and no more.

    >>> arrival_of(dt.date(2026, 3, 2), dt.date(2026, 10, 31), dt.date(2026, 10, 19), dt.date(2026, 10, 31), 62).lag_days
    12
    """
    return Arrival(first_received, last_received, min(max((as_of - last_day).days, 0), silent_days))


def may_be_late(arrivals: Mapping[str, Arrival]) -> bool:
    """Whether any row can have come late: not while every member has delivered once."""
    return any(a.last_received > a.first_received for a in arrivals.values())


def known_from(arrivals: Mapping[str, Arrival]) -> Column:
    """The first cutoff at which a row of `silver.transaction` is known: its own day, or later. A member not named has delivered nothing first."""
    day, received = F.col(Transaction.transaction_date), F.col(Transaction.known_on)
    if not arrivals:
        return F.greatest(day, received)
    first = _by_member({m: a.first_received for m, a in arrivals.items()})
    lag = F.coalesce(_by_member({m: a.lag_days for m, a in arrivals.items()}), F.lit(0))
    return F.when(received <= first, day).otherwise(F.greatest(day, F.date_sub(received, lag)))


def _by_member(values: Mapping[str, Any]) -> Column:
    return F.create_map(*(F.lit(x) for pair in sorted(values.items()) for x in pair))[F.col(Transaction.member_id)]
