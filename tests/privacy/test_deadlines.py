"""Calendar months: month ends, leap years, and that retention's limit is the deadline seen from the other side."""

import datetime as dt
import random

from appetence.privacy.deadlines import add_months, due_on, first_kept, is_overdue


def test_inv_18_a_month_after_the_last_of_january_is_the_last_of_february() -> None:
    assert due_on(dt.date(2026, 1, 31)) == dt.date(2026, 2, 28)
    assert due_on(dt.date(2028, 1, 31)) == dt.date(2028, 2, 29)
    assert due_on(dt.date(2026, 12, 31)) == dt.date(2027, 1, 31)
    assert due_on(dt.date(2026, 3, 30)) == dt.date(2026, 4, 30)


def test_inv_18_the_deadline_itself_is_in_time() -> None:
    due = due_on(dt.date(2026, 1, 31))
    assert not is_overdue(due, dt.date(2026, 2, 28))
    assert is_overdue(due, dt.date(2026, 3, 1))


def test_inv_18_retention_is_leap_safe() -> None:
    assert first_kept(dt.date(2024, 2, 29), 12) == dt.date(2023, 3, 1)  # 28 February 2023 was kept up to 28 February 2024
    assert first_kept(dt.date(2027, 3, 1), 36) == dt.date(2024, 3, 1)  # 29 February 2024 was kept up to 28 February 2027
    assert first_kept(dt.date(2027, 2, 28), 36) == dt.date(2024, 2, 28)


def test_inv_18_the_limit_splits_days_exactly_where_their_deadline_passes() -> None:
    draw = random.Random(18)
    for _ in range(3_000):
        as_of = dt.date(2020, 1, 1) + dt.timedelta(days=draw.randrange(4_000))
        months = draw.randrange(1, 121)
        limit = first_kept(as_of, months)
        assert add_months(limit, months) >= as_of > add_months(limit - dt.timedelta(days=1), months), (as_of, months)
