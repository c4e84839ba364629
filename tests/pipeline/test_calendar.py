"""How far the past is known: of silent members, and of data that end long before the as-of date."""

from __future__ import annotations

import datetime as dt

import pytest

from appetence.errors import ModelError
from appetence.pipeline.modelling import known_until

D = dt.date
AS_OF = D(2026, 10, 31)


def test_the_slowest_member_that_still_delivers_is_waited_for() -> None:
    assert known_until([D(2026, 10, 30), D(2026, 9, 1), D(2026, 5, 1)], AS_OF, 62) == D(2026, 9, 1)
    assert known_until([], AS_OF, 62) == AS_OF


def test_an_as_of_date_beyond_the_data_is_refused() -> None:
    """Not labels of no for everybody: the label windows would lie where nothing was delivered."""
    with pytest.raises(ModelError, match="No transaction is newer than 2026-08-29, 63 days before 2026-10-31"):
        known_until([D(2026, 8, 29), D(2026, 5, 1)], AS_OF, 62)
