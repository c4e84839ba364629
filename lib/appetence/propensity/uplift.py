"""What contacting adds, from a campaign whose hold-out was drawn at random: for everybody, for some more than others, or nothing at all.

Sources: Robins and Rotnitzky (1995) for the doubly robust score; Kennedy (2023) for the learner on it; Chernozhukov and others (2018), "Generic
machine learning inference on heterogeneous treatment effects", for the test that effects differ. Departs from the latter in that one
cross-fitting is used, whose slope is tested one-sided on effects predicted for rows not learnt from. Cost: linear fits, twice the folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.linear_model import Ridge

from appetence.errors import ModelError
from appetence.propensity.calibration import expit
from appetence.propensity.learners import Scale
from appetence.propensity.models import Logistic, informative_columns
from appetence.propensity.training import baseline_auc

Floats = NDArray[np.float64]

FOLDS = 5
LEVEL = 0.05
LEAST_PER_ARM = 100
LEAST_RESPONSES = 20
RIDGE_TEMPER = 200.0
"""Penalty of the effect's regression, in rows: effects are small and noisy, unsure weights are held near nothing."""


class Finding(StrEnum):
    """What a campaign taught."""

    NO_EFFECT = "no_effect"
    SAME_FOR_ALL = "same_for_all"
    DIFFERS = "differs"


@dataclass(frozen=True)
class Effect:
    """The weights of a linear effect over scaled columns."""

    columns: tuple[str, ...]
    scale: Scale
    weights: Floats
    intercept: float

    def __call__(self, values: Floats) -> Floats:
        """The effect of each row, before it is held beside what was tested."""
        z, flags = self.scale(values)
        return np.asarray(np.hstack([z, flags]) @ self.weights + self.intercept)


@dataclass(frozen=True)
class Uplift:
    """The answer, with its tests. `effect` is the mean difference in the rate of responses (0.01: one more in a hundred)."""

    finding: Finding
    effect: float
    low: float
    high: float
    p_effect: float
    p_differs: float
    slope: float
    """Share of the predicted differences that rows not learnt from bear out, in [0, 1]; what predictions are shrunk by."""

    model: Effect
    centre: float
    fifths: tuple[float, ...]
    """Measured effect in each fifth by predicted effect, best first, on rows not learnt from."""

    def predict(self, frame: pd.DataFrame) -> Floats:
        """What contacting adds to the chance of a response of each row: 0 for all where no effect was found, one figure where it is the same."""
        if self.finding == Finding.NO_EFFECT:
            return np.zeros(len(frame))
        if self.finding == Finding.SAME_FOR_ALL:
            return np.full(len(frame), self.effect)
        lacking = [c for c in self.model.columns if c not in frame.columns]
        if lacking:
            raise ModelError(f"The table lacks the columns {', '.join(lacking[:5])} that the effect was learnt from; give it the same columns.")
        return self.effect + self.slope * (self.model(_matrix(frame, self.model.columns)) - self.centre)

    def told(self) -> str:
        """The answer as a sentence for people."""
        interval = f"{100 * self.effect:+.2f} in a hundred (95 %: {100 * self.low:+.2f} to {100 * self.high:+.2f})"
        if self.finding == Finding.NO_EFFECT:
            return f"No effect was shown: {interval}; a larger hold-out may show a small one."
        if self.finding == Finding.SAME_FOR_ALL:
            return f"Contacting adds {interval}; that it adds more for some was not shown."
        most, least = (f"{100 * self.fifths[place]:+.2f}" for place in (0, -1))
        return f"Contacting adds {interval}; for the fifth it moves most {most}, for the one it moves least {least}."


def fit_uplift(frame: pd.DataFrame, columns: Sequence[str], treated: str, response: str, *, seed: int) -> Uplift:
    """The effect of `treated` (0/1, drawn at random) on `response` (0/1), by `columns` known before the draw.

    ModelError when an arm or the responses are too few, or when the columns tell who was treated: then it was not drawn at random.
    """
    t, y = (frame[c].to_numpy(dtype=np.float64) for c in (treated, response))
    _refuse_what_cannot_be_measured(t, y)
    used = informative_columns(frame, columns)
    values = _matrix(frame, used)
    folds = np.random.default_rng(seed).permutation(len(t)) % FOLDS
    _refuse_what_was_not_drawn(values, t, folds)
    score = _scores(values, t, y, folds)
    predicted = np.zeros(len(t))
    for k in range(FOLDS):
        predicted[folds == k] = _effect(used, values[folds != k], score[folds != k])(values[folds == k])
    effect, error = float(score.mean()), float(score.std(ddof=1) / np.sqrt(len(score)))
    p_effect = float(2 * norm.sf(abs(effect) / max(error, 1e-12)))
    slope, p_differs = _differs(score, predicted)
    # Two looks at one campaign share the level: no effect for anybody is refused one time in twenty.
    finding = Finding.DIFFERS if p_differs < LEVEL / 2 else Finding.SAME_FOR_ALL if p_effect < LEVEL / 2 else Finding.NO_EFFECT
    model = _effect(used, values, score)
    return Uplift(
        finding, effect, effect - 1.96 * error, effect + 1.96 * error, p_effect, p_differs, float(np.clip(slope, 0, 1)), model,
        float(model(values).mean()), _fifths(score, predicted),
    )  # fmt: skip


def _refuse_what_cannot_be_measured(t: Floats, y: Floats) -> None:
    if not set(np.unique(t)) <= {0.0, 1.0} or not set(np.unique(y)) <= {0.0, 1.0}:
        raise ModelError("Who was contacted and who responded must be told as 0 and 1, with nothing missing.")
    arms = {"contacted": int(t.sum()), "held out": int(len(t) - t.sum())}
    for name, size in arms.items():
        if size < LEAST_PER_ARM:
            raise ModelError(f"Only {size} persons were {name}, at least {LEAST_PER_ARM} are needed to measure an effect.")
    if y.sum() < LEAST_RESPONSES:
        raise ModelError(f"Only {int(y.sum())} persons responded, at least {LEAST_RESPONSES} are needed to measure an effect.")


def _refuse_what_was_not_drawn(values: Floats, t: Floats, folds: NDArray[np.int64]) -> None:
    told = np.zeros(len(t))
    for k in range(FOLDS):
        told[folds == k] = Logistic.fit(values[folds != k], t[folds != k]).margin(values[folds == k])
    auc = baseline_auc(pd.DataFrame({"told": told}), "told", t)
    chance = np.sqrt((len(t) + 1) / (12 * t.sum() * (len(t) - t.sum())))
    if auc > 0.5 + 4 * chance:
        raise ModelError(
            f"Who was contacted can be told from the columns (AUC {auc:.2f}): the hold-out was not drawn at random and no effect can be measured; "
            "leave out columns that came after the draw, or measure within one cell."
        )


def _scores(values: Floats, t: Floats, y: Floats, folds: NDArray[np.int64]) -> Floats:
    """The doubly robust score of each row: its mean is the effect, whatever the models of the two arms are worth."""
    score = np.zeros(len(t))
    for k in range(FOLDS):
        held, rest = folds == k, folds != k
        share = float(t[rest].mean())
        with_it, without = (_rate(values[rest & (t == arm)], y[rest & (t == arm)], values[held]) for arm in (1.0, 0.0))
        gained = t[held] * (y[held] - with_it) / share
        lost = (1 - t[held]) * (y[held] - without) / (1 - share)
        score[held] = with_it - without + gained - lost
    return score


def _rate(values: Floats, labels: Floats, later: Floats) -> Floats:
    """Chance of a response, learnt from one arm; its mean when the arm has too few responses to learn from."""
    few = min(labels.sum(), len(labels) - labels.sum())
    if few < LEAST_RESPONSES / 2:
        return np.full(len(later), float(labels.mean()))
    return expit(Logistic.fit(values, labels, strength=0.01).margin(later))


def _effect(columns: Sequence[str], values: Floats, score: Floats) -> Effect:
    scale = Scale.fit(values)
    z, flags = scale(values)
    # The few large scores of a small arm would lead a least-squares fit.
    bounded = np.clip(score, *np.quantile(score, [0.001, 0.999]))
    model = Ridge(alpha=RIDGE_TEMPER).fit(np.hstack([z, flags]), bounded)
    return Effect(tuple(columns), scale, np.asarray(model.coef_), float(model.intercept_))


def _differs(score: Floats, predicted: Floats) -> tuple[float, float]:
    """Slope of the scores on the effects predicted for rows not learnt from, and the chance of one as steep when effects do not differ."""
    x = predicted - predicted.mean()
    if float(x @ x) < 1e-12:
        return 0.0, 1.0
    slope = float(x @ score / (x @ x))
    left = score - score.mean() - slope * x
    error = float(np.sqrt((x**2) @ (left**2)) / (x @ x))
    return slope, float(norm.sf(slope / max(error, 1e-12)))


def _fifths(score: Floats, predicted: Floats) -> tuple[float, ...]:
    best_first = np.argsort(-predicted, kind="stable")
    return tuple(float(score[part].mean()) for part in np.array_split(best_first, 5))


def _matrix(frame: pd.DataFrame, columns: Sequence[str]) -> Floats:
    return frame[list(columns)].to_numpy(dtype=np.float64, na_value=np.nan)
