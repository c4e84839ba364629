"""From model outputs to probabilities: correction for sampled negatives, then Platt, beta or isotonic calibration on a period of its own.

Sources: King and Zeng (2001) for the prior correction of case-control samples; Platt (1999); Zadrozny and Elkan (2002); Kull and others (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from appetence.errors import ModelError

Floats = NDArray[np.float64]

FLOOR = 1e-6
ISOTONIC_POSITIVES = 5000
"""With fewer positives the isotonic steps follow noise; Platt's two parameters do not."""

DRIFT = 0.02
"""Log odds by which the level of a window differs from that of the one before, season apart: at least so much is always allowed for."""

EARNED = 3.0
"""Log likelihood that a further calibration parameter must bring."""


def logit(p: Floats) -> Floats:
    """Log odds, with probabilities kept off 0 and 1."""
    q = np.clip(p, FLOOR, 1 - FLOOR)
    return np.asarray(np.log(q / (1 - q)))


def expit(x: Floats) -> Floats:
    """Probability of log odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -40, 40))))


def correct_prior(p: Floats, negative_rate: float) -> Floats:
    """The probability before sampling, when all positives and a share `negative_rate` of the negatives were trained on.

    >>> float(correct_prior(np.array([0.5]), 0.25).round(3)[0])
    0.2
    """
    if not 0 < negative_rate <= 1:
        raise ModelError(f"The share of negatives kept must lie in (0, 1], not {negative_rate}.")
    return expit(logit(p) + np.log(negative_rate))


@dataclass(frozen=True)
class Calibrator:
    """A monotone map from raw to calibrated probabilities. `kind` is platt, beta or isotonic."""

    kind: str
    fitted: Any

    def __call__(self, raw: Floats) -> Floats:
        """Calibrated probabilities, inside (0, 1)."""
        if self.kind == "platt":
            slope, intercept = self.fitted
            return expit(slope * logit(raw) + intercept)
        if self.kind == "beta":
            low, high, intercept = self.fitted
            p = np.clip(raw, FLOOR, 1 - FLOOR)
            return expit(low * np.log(p) - high * np.log(1 - p) + intercept)
        return np.asarray(np.clip(self.fitted.predict(raw), FLOOR, 1 - FLOOR))


def fit_calibrator(raw: Floats, labels: Floats, weights: Floats | None = None) -> Calibrator:
    """Isotonic with enough positives, else Platt; a slope that is not positive means the scores say nothing, then the base rate is given.

    `weights` undo the sampling of negatives.
    """
    w = np.ones(len(raw)) if weights is None else weights
    positives = int(labels.sum())
    if positives in (0, len(labels)):
        raise ModelError("The calibration period holds one class only: it cannot calibrate; choose a longer label window or another cutoff.")
    if positives >= ISOTONIC_POSITIVES:
        steps = IsotonicRegression(y_min=FLOOR, y_max=1 - FLOOR, out_of_bounds="clip").fit(raw, labels, sample_weight=w)
        return Calibrator("isotonic", steps)
    return Calibrator("platt", line_of(logit(raw), labels, w))


def line_of(margins: Floats, labels: Floats, weights: Floats | None = None) -> tuple[float, float]:
    """Slope and intercept that turn log odds into those of the labels; slope 0 and the base rate when they run against them."""
    model = LogisticRegression(C=1e6, max_iter=1000).fit(margins.reshape(-1, 1), labels, sample_weight=weights)
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    if slope > 0:
        return slope, intercept
    return 0.0, float(logit(np.array([np.average(labels, weights=weights)]))[0])


def lines_of(margins: Floats, labels: Floats, windows: NDArray[np.int64], weights: Floats | None = None) -> tuple[float, Floats]:
    """The one slope of several windows, which stands on the buyers of all of them, and the level of each. `windows`: which one each row is of,
    from 0."""
    each = np.eye(int(windows.max()) + 1)[windows]
    model = LogisticRegression(C=1e6, max_iter=1000, fit_intercept=False).fit(np.column_stack([margins, each]), labels, sample_weight=weights)
    return float(model.coef_[0, 0]), np.asarray(model.coef_[0, 1:])


def steady_level(levels: Floats, positives: Floats, negatives: Floats, drift: float | None = None) -> float:
    """The level of the last window, leant on those before as far as its own buyers are too few to tell it: where they are many it is its own.

    `drift`: by how much a level moves from window to window, by years of them; else these few windows tell it, less what chance moves them by
    (which follows from their counts), and at least `DRIFT`.
    """
    chance = 1 / positives + 1 / negatives
    moved = float(np.mean(np.diff(levels) ** 2 - chance[1:] - chance[:-1])) if drift is None else drift**2
    spread = max(DRIFT**2, moved)
    every = float(np.average(levels, weights=1 / chance))
    own = spread / (spread + float(chance[-1]))
    return own * float(levels[-1]) + (1 - own) * every


def fit_strict_calibrator(raw: Floats, labels: Floats, weights: Floats | None = None) -> Calibrator:
    """Platt, or beta where its third parameter earns its place: no two different scores become one probability, as isotonic steps make them."""
    platt = Calibrator("platt", line_of(logit(raw), labels, weights))
    p = np.clip(raw, FLOOR, 1 - FLOOR)
    model = LogisticRegression(C=1e6, max_iter=1000).fit(np.column_stack([np.log(p), -np.log(1 - p)]), labels, sample_weight=weights)
    low, high = (float(c) for c in model.coef_[0])
    if min(low, high) <= 0:
        return platt
    beta = Calibrator("beta", (low, high, float(model.intercept_[0])))
    return beta if _surprise(platt(raw), labels, weights) - _surprise(beta(raw), labels, weights) > EARNED else platt


def levelled(calibrator: Calibrator, raw: Floats, rate: float) -> Calibrator:
    """The same curve, moved in log odds until the mean probability of `raw` is `rate`; for platt and beta, whose last parameter is the intercept."""
    curve = logit(calibrator(raw))
    low, high = -8.0, 8.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if float(expit(curve + middle).mean()) < rate else (low, middle)
    *others, intercept = calibrator.fitted
    return Calibrator(calibrator.kind, (*others, intercept + (low + high) / 2))


def _surprise(p: Floats, labels: Floats, weights: Floats | None) -> float:
    """Negative log likelihood of the labels; weights count as if they were 1 on average."""
    return len(p) * float(np.average(-np.log(np.where(labels > 0, p, 1 - p)), weights=weights))
