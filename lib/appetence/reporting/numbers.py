"""How numbers are written for people, and the interval of a rate."""

from __future__ import annotations

import datetime as dt
from math import sqrt

THIN = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
NOTHING = "\N{EM DASH}"
Z95 = 1.959964


def count(value: float | None) -> str:
    """A whole number with thin spaces between thousands.

    >>> count(1234567).replace(THIN, "_")
    '1_234_567'
    """
    if value is None:
        return NOTHING
    return _signed(f"{round(value):,}".replace(",", THIN))


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage.

    >>> percent(0.0423).replace(THIN, " ")
    '4.2 %'
    """
    return NOTHING if value is None else _signed(f"{100 * value:.{digits}f}{THIN}%")


def between(low: float | None, high: float | None, digits: int = 2) -> str:
    """The interval of a share."""
    return f"{percent(low, digits)} to {percent(high, digits)}"


def points(value: float | None, digits: int = 2) -> str:
    """A difference of two shares, in percentage points, always with its sign.

    >>> points(0.0123).replace(THIN, " ")
    '+1.23 points'
    """
    return NOTHING if value is None else _signed(f"{100 * value:+.{digits}f}{THIN}points")


def euros(cents: float | None, digits: int = 0) -> str:
    """Cents as euros.

    >>> euros(-123456).replace(THIN, " ").replace(MINUS, "-")
    '-1 235 €'
    """
    if cents is None:
        return NOTHING
    return _signed(f"{cents / 100:,.{digits}f}".replace(",", THIN) + f"{THIN}€")


def decimal(value: float | None, digits: int = 3) -> str:
    """A plain number with a fixed count of digits."""
    return NOTHING if value is None else _signed(f"{value:.{digits}f}")


def day(value: dt.date | None) -> str:
    """A day in words.

    >>> day(dt.date(2026, 11, 7))
    '7 November 2026'
    """
    return NOTHING if value is None else f"{value.day} {value:%B %Y}"


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(4.26), duration(95.0)
    ('4.3 s', '1 min 35 s')
    """
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


def _signed(text: str) -> str:
    return text.replace("-", MINUS)


def wilson(hits: float, trials: float, z: float = Z95) -> tuple[float, float]:
    """The Wilson score interval of a rate; (0, 1) without a trial.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).

    >>> tuple(round(x, 4) for x in wilson(10, 100))
    (0.0552, 0.1744)
    """
    if trials <= 0:
        return 0.0, 1.0
    rate, square = hits / trials, z * z
    centre = (rate + square / (2 * trials)) / (1 + square / trials)
    half = z * sqrt(rate * (1 - rate) / trials + square / (4 * trials * trials)) / (1 + square / trials)
    return max(0.0, centre - half), min(1.0, centre + half)
