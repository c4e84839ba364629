"""How much a buyer spends in the label window: the person's own mean amount, shrunk towards everybody's, and how often it buys of late.

A person with few purchases says little about its amounts (Fader, Hardie and Lee, 2005, use a Gamma-Gamma model for the same end). Here log amounts
are regressed on the log of the own mean, weighted by n / (n + k) purchases, and on the purchases of the last year; k and the two slopes come
from the buyers of the training windows. The mean of a log-normal amount lies above its median, the more so the less is known of the person; the whole
is scaled so that it adds up to what was spent. Somebody without history gets the mean of the group. Refunds are not amounts. Cost: one least
squares fit with three columns for each of a few k.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_BUYERS = 50
"""With fewer buyers in the training windows no amount is told."""

STRENGTHS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0)
"""Purchases that the mean of the group is worth."""

BOUNDS = (0.005, 0.995)
"""No amount is told outside these quantiles of what buyers spent."""


@dataclass(frozen=True)
class AmountModel:
    """Cents that a buyer spends in the label window. It holds parameters only, no row of anybody."""

    whose: str
    """Prefix of the columns read: `own` or `total`."""
    strength: float
    centre: float
    intercept: float
    slopes: tuple[float, float]
    variances: tuple[float, float]
    """Of the log amount: of a person whose mean is known, and what not knowing it adds."""
    factor: float
    low: float
    high: float
    buyers: int

    @classmethod
    def fit(cls, buyers: pd.DataFrame, amounts: Floats, whose: str) -> AmountModel | None:
        """Fits on buyers and the cents each spent in its label window; None when too few spent anything."""
        spent = amounts > 0
        rows, cents = buyers[spent], amounts[spent]
        if len(cents) < LEAST_BUYERS:
            return None
        logs = np.log(cents)
        own, counts = _history(rows, whose)
        known = counts > 0
        centre = float(np.average(own[known], weights=counts[known])) if known.any() else float(logs.mean())
        tried = [(*_fitted(_design(rows, whose, k, centre)[:, :3], logs), k) for k in STRENGTHS]
        error, weights, strength = min(tried, key=lambda t: (round(t[0], 9), t[2]))
        low, high = (float(q) for q in np.quantile(cents, BOUNDS))
        design = _design(rows, whose, strength, centre)
        within, between = _fitted(design[:, [0, 3]], np.square(design[:, :3] @ weights - logs))[1]
        variances = (max(float(within), 0.0), max(float(between), 0.0))
        plain = cls(whose, strength, centre, float(weights[0]), (float(weights[1]), float(weights[2])), variances, 1.0, low, high, len(cents))
        return replace(plain, factor=float(cents.sum() / plain.mean(rows).sum()))

    def mean(self, frame: pd.DataFrame) -> Floats:
        """Expected cents, unbounded."""
        design = _design(frame, self.whose, self.strength, self.centre)
        logs = self.intercept + self.slopes[0] * design[:, 1] + self.slopes[1] * design[:, 2]
        variance = self.variances[0] + self.variances[1] * design[:, 3]
        return np.asarray(self.factor * np.exp(logs + variance / 2))

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Expected cents of each row, should it buy."""
        return np.asarray(np.clip(self.mean(frame), self.low, self.high))

    def as_dict(self) -> dict[str, float]:
        """Name -> value, for the registry."""
        return {
            "amount_strength": self.strength, "amount_slope": self.slopes[0], "amount_frequency_slope": self.slopes[1],
            "amount_low_cents": self.low, "amount_high_cents": self.high, "amount_buyers": float(self.buyers),
        }  # fmt: skip


def _history(frame: pd.DataFrame, whose: str) -> tuple[Floats, Floats]:
    """Log of the mean amount and number of purchases; 0 purchases where the mean says nothing (none, only free ones, more refunded than spent)."""
    mean, counts = _column(frame, f"{whose}_mean_amount"), _column(frame, f"{whose}_events_total")
    says = (mean > 0) & (counts > 0)
    return np.log(np.where(says, mean, 1.0)), np.where(says, counts, 0.0)


def _column(frame: pd.DataFrame, name: str) -> Floats:
    """A column, 0 where it is not known or not there: a model reads no column that was constant."""
    if name not in frame.columns:
        return np.zeros(len(frame))
    return np.nan_to_num(frame[name].to_numpy(dtype=np.float64, na_value=np.nan))


def _design(frame: pd.DataFrame, whose: str, strength: float, centre: float) -> Floats:
    """A one, the shrunk log mean (0: the group's), the log of a year's purchases, and how little the own mean weighs."""
    own, counts = _history(frame, whose)
    weight = counts / np.maximum(counts + strength, 1e-9)
    lately = np.log1p(np.maximum(_column(frame, f"{whose}_events_365d"), 0.0))
    return np.column_stack([np.ones(len(frame)), weight * (own - centre), lately, 1 - weight])


def _fitted(design: Floats, logs: Floats) -> tuple[float, Floats]:
    """Mean squared error and weights; a trace of ridge keeps columns that never vary at 0."""
    ridge = np.diag([0.0, *([1e-6] * (design.shape[1] - 1))]) * len(logs)
    weights = np.linalg.solve(design.T @ design + ridge, design.T @ logs)
    return float(np.mean((design @ weights - logs) ** 2)), weights
