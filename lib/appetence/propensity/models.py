"""The models: a standardised logistic regression, a boosted tree and their blend, behind one small interface over numeric tables.

Columns that say nothing (constant, or all missing) are left out when a model is fitted; a table without any other column is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from appetence.errors import ModelError
from appetence.propensity.calibration import Calibrator, correct_prior, expit, logit
from appetence.propensity.season import DAY_OF_YEAR, Season

Floats = NDArray[np.float64]

RIDGE = 0.05
CLIP = 8.0
"""Standard deviations beyond which a value counts as this far out."""

SIZES: dict[str, dict[str, Any]] = {
    "boosted_small": {"max_iter": 120, "learning_rate": 0.06, "max_leaf_nodes": 8, "min_samples_leaf": 60, "l2_regularization": 5.0},
    "boosted": {"max_iter": 220, "learning_rate": 0.05, "max_leaf_nodes": 24, "min_samples_leaf": 60, "l2_regularization": 5.0},
}
"""Boosted trees to choose from."""

FAMILIES = ("logistic", "boosted_small", "boosted", "blend")
BLENDED = ("logistic", "boosted")


def squeezed(values: Floats) -> Floats:
    """log1p on both sides of zero: counts and amounts are long-tailed, refunds may be negative."""
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def informative_columns(frame: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Columns with at least two different known values, or known for some rows only. ModelError when there is none."""
    found = [c for c in columns if frame[c].nunique(dropna=False) > 1]
    if not found:
        raise ModelError("Every feature is constant or missing on the training rows: nothing can be learnt; check the cutoffs and the members read.")
    return found


@dataclass(frozen=True)
class Logistic:
    """Logistic regression over squeezed, imputed and standardised columns, with a flag for each column that has gaps."""

    medians: Floats
    means: Floats
    scales: Floats
    gaps: NDArray[np.bool_]
    weights: Floats
    intercept: float

    @classmethod
    def fit(cls, values: Floats, labels: Floats, sample_weight: Floats | None = None, strength: float = RIDGE) -> Logistic:
        """Fits on a matrix whose missing values are NaN; the smaller `strength`, the more the weights are held back."""
        x = squeezed(values)
        gaps = np.asarray(np.isnan(x).any(axis=0))
        medians = np.nan_to_num(np.nanmedian(np.where(np.isnan(x).all(axis=0), 0.0, x), axis=0))
        filled = np.where(np.isnan(x), medians, x)
        means, scales = filled.mean(axis=0), filled.std(axis=0)
        scales = np.where(scales < 1e-9, 1.0, scales)
        z = np.hstack([np.clip((filled - means) / scales, -CLIP, CLIP), np.isnan(x[:, gaps]).astype(float)])
        model = LogisticRegression(C=strength, max_iter=400).fit(z, labels, sample_weight=sample_weight)
        return cls(medians, means, scales, gaps, model.coef_[0], float(model.intercept_[0]))

    def margin(self, values: Floats) -> Floats:
        """Log odds. Row by row sums, so that a row's score does not depend on the batch it comes in."""
        x = squeezed(values)
        z = (np.where(np.isnan(x), self.medians, x) - self.means) / self.scales
        whole = np.ascontiguousarray(np.hstack([np.clip(z, -CLIP, CLIP), np.isnan(x[:, self.gaps]).astype(float)]))
        return np.asarray(np.add.reduce(whole * self.weights, axis=1) + self.intercept)


@dataclass(frozen=True)
class Boosted:
    """Histogram gradient boosting; missing values have their own branch."""

    model: Any

    @classmethod
    def fit(cls, values: Floats, labels: Floats, size: str, seed: int, sample_weight: Floats | None = None) -> Boosted:
        """Fits one of `SIZES`, all iterations: no random validation rows.

        On one thread: repeatable, and on a busy machine threads that wait for each other are many times slower."""
        model = HistGradientBoostingClassifier(**SIZES[size], early_stopping=False, random_state=seed, max_features=0.5)
        with threadpool_limits(limits=1):
            return cls(model.fit(values, labels, sample_weight=sample_weight))

    def margin(self, values: Floats) -> Floats:
        """Log odds."""
        with threadpool_limits(limits=1):
            return np.asarray(self.model.decision_function(values))


@dataclass(frozen=True)
class Blend:
    """Mean of the log odds of its parts."""

    parts: tuple[Any, ...]

    def margin(self, values: Floats) -> Floats:
        """Log odds."""
        return np.asarray(np.mean([p.margin(values) for p in self.parts], axis=0))


class Marginal(Protocol):
    """Anything fitted that gives log odds of the rows of a matrix."""

    def margin(self, values: Floats) -> Floats:
        """Log odds."""
        ...


def fit_family(family: str, values: Floats, labels: Floats, seed: int, sample_weight: Floats | None = None) -> Logistic | Boosted | Blend:
    """Fits one family on a matrix and its labels."""
    if family == "blend":
        return Blend(tuple(fit_family(part, values, labels, seed, sample_weight) for part in BLENDED))
    if family == "logistic":
        return Logistic.fit(values, labels, sample_weight)
    if family in SIZES:
        return Boosted.fit(values, labels, family, seed, sample_weight)
    raise ModelError(f"There is no model family {family!r}; choose one of {', '.join(FAMILIES)}.")


@dataclass(frozen=True)
class Propensity:
    """A fitted and calibrated model: what is registered. It holds parameters only, no row of anybody."""

    family: str
    columns: tuple[str, ...]
    model: Marginal
    negative_rate: float
    calibrator: Calibrator
    typical: tuple[float, ...]
    """Median of each column over the training rows: what a reason is told against."""
    season: Season | None = None
    """How far the log odds of another time of the year lie from those of the window calibrated on."""

    def matrix(self, frame: pd.DataFrame) -> Floats:
        """The columns the model reads, as doubles; ModelError naming those that lack."""
        lacking = [c for c in self.columns if c not in frame.columns]
        if lacking:
            shown = ", ".join(lacking[:5])
            raise ModelError(f"The table to score lacks {len(lacking)} columns the model reads ({shown}); build the features with the same version.")
        return frame[list(self.columns)].to_numpy(dtype=np.float64, na_value=np.nan)

    def raw(self, values: Floats) -> Floats:
        """Uncalibrated probability, corrected for sampled negatives."""
        return correct_prior(expit(self.model.margin(values)), self.negative_rate)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """`raw_score` and `probability` (calibrated) of each row, rounded to 9 digits.

        A column `day_of_year` says when the label window begins; without it the season is that of the window calibrated on.
        """
        raw = self.raw(self.matrix(frame))
        days = frame[DAY_OF_YEAR].to_numpy(dtype=np.float64) if DAY_OF_YEAR in frame.columns else None
        return pd.DataFrame({"raw_score": raw.round(9), "probability": self.probability(raw, days).round(9)}, index=frame.index)

    def probability(self, raw: Floats, days: Floats | None) -> Floats:
        """Calibrated probability of raw scores, for label windows that begin on these days of the year."""
        level = self.calibrator(raw)
        return level if self.season is None or days is None else expit(logit(level) + self.season.shift(days))

    def margin(self, values: Floats) -> Floats:
        """Log odds before calibration, for reasons."""
        return np.asarray(logit(self.raw(values)))
