"""Calendar months: the unit of every deadline and retention rule."""

from __future__ import annotations

import calendar
import datetime as dt

RIGHTS_MONTHS = 1
"""A rights request is answered within one calendar month of its receipt (article 12-3)."""

EXTENDED_MONTHS = 3
"""Two months more for a complex request, when the person is told so within the first (article 12-3)."""


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day `months` later (earlier when negative), or the last day of that month when it is shorter.

    >>> add_months(dt.date(2027, 1, 31), 1), add_months(dt.date(2028, 1, 31), 1), add_months(dt.date(2024, 2, 29), -12)
    (datetime.date(2027, 2, 28), datetime.date(2028, 2, 29), datetime.date(2023, 2, 28))
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def due_on(received_on: dt.date, *, is_extended: bool = False) -> dt.date:
    """The last day on which a request received on `received_on` is answered in time."""
    return add_months(received_on, EXTENDED_MONTHS if is_extended else RIGHTS_MONTHS)


def is_overdue(due: dt.date, as_of: dt.date) -> bool:
    """Whether the deadline has passed: the day itself still counts."""
    return as_of > due


def first_kept(as_of: dt.date, months: int) -> dt.date:
    """The earliest day that is not yet older than `months` calendar months on `as_of`: what lies before it is expired.

    A day `d` is kept while `as_of <= add_months(d, months)`. Subtracting months is not the inverse of adding them at month ends, so the
    limit is searched from there; it is at most three days away.

    >>> first_kept(dt.date(2024, 2, 29), 12), first_kept(dt.date(2025, 2, 28), 12)
    (datetime.date(2023, 3, 1), datetime.date(2024, 2, 28))
    """
    day = add_months(as_of, -months)
    while add_months(day, months) < as_of:
        day += dt.timedelta(days=1)
    while add_months(day - dt.timedelta(days=1), months) >= as_of:
        day -= dt.timedelta(days=1)
    return day
