"""The season of what a model predicts: how the log odds move within a year, by the day on which the label window begins.

A model is calibrated on one window and used for another: gifts come before Christmas, garden tools in spring. The rates of the windows that
began on the first of each month of the last years tell the difference. A straight trend is fitted beside the months, so that growth is not taken
for season; what chance alone would explain is taken off again (shrinkage by the ratio of expected to observed variance).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY_OF_YEAR = "day_of_year"
MONTHS, QUARTER = 12, 3
MIN_WINDOWS = 24
"""Two years: each month is seen twice, and a trend can be told from a season."""


@dataclass(frozen=True)
class Window:
    """One label window: the first day of the month it begins on, who could have acted, and who did."""

    begins: dt.date
    persons: int
    positives: int


@dataclass(frozen=True)
class Season:
    """`months`: log odds of windows that begin on the first of each month, January first, less those of the window calibrated on."""

    months: tuple[float, ...]
    drift: float | None = None
    """By how much log odds move within a quarter beside it (root mean square, chance included)."""

    def shift(self, days: Floats) -> Floats:
        """What to add to the log odds of rows whose window begins on these days of the year (1 to 366): a line between the months."""
        moments = (np.asarray(days, dtype=np.float64) - 1) * MONTHS / 365.25
        return np.asarray(np.interp(moments, np.arange(MONTHS), self.months, period=MONTHS))


def season_of(windows: Sequence[Window], calibrated_on: dt.date) -> Season | None:
    """The season, nought on `calibrated_on`; None with less than two years of windows that somebody acted in."""
    told = [w for w in windows if 0 < w.positives < w.persons]
    if len(told) < MIN_WINDOWS:
        return None
    rates = np.array([w.positives / w.persons for w in told])
    noise = 1 / np.array([w.persons for w in told]) / rates / (1 - rates)
    time = np.array([w.begins.year + (w.begins.month - 1) / MONTHS for w in told])
    month = np.array([w.begins.month - 1 for w in told])
    design = np.column_stack([np.eye(MONTHS)[month], time - time.mean()])
    weight = 1 / np.sqrt(noise)
    fitted, *_ = np.linalg.lstsq(design * weight[:, None], np.log(rates / (1 - rates)) * weight, rcond=None)
    beside = np.log(rates / (1 - rates)) - fitted[:MONTHS][month]
    drift = float(np.sqrt(np.mean((beside[QUARTER:] - beside[:-QUARTER]) ** 2)))
    waves = fitted[:MONTHS] - fitted[:MONTHS].mean()
    by_chance = float(np.mean([1 / np.sum(1 / noise[month == m]) if (month == m).any() else noise.mean() for m in range(MONTHS)]))
    kept = max(0.0, 1 - by_chance / max(float(np.mean(waves**2)), 1e-12))
    season = Season(tuple(kept * waves))
    anchor = float(season.shift(np.array([day_of_year(calibrated_on)]))[0])
    return Season(tuple(float(w) - anchor for w in season.months), drift)


def day_of_year(day: dt.date) -> float:
    """1 on the first of January.

    >>> day_of_year(dt.date(2026, 2, 1))
    32.0
    """
    return float(day.timetuple().tm_yday)
