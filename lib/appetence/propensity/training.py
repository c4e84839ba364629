"""Training: fit on early cutoffs, choose and calibrate on the last training cutoff, judge on a later one. Rows are never split at random.

The three tables are disjoint in time: the label window of each cutoff ends by the next. Negatives may have been sampled
(`negative_rate`); the prior is put right before calibration. Everything is seeded and rows are put in a stable order first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score

from appetence.errors import ModelError
from appetence.propensity.amounts import AmountModel
from appetence.propensity.calibration import correct_prior, expit, fit_calibrator
from appetence.propensity.metrics import Quality, Tier, checked, evaluate, gains
from appetence.propensity.models import FAMILIES, Blend, Propensity, fit_family, informative_columns
from appetence.propensity.stacking import Fold, search

Floats = NDArray[np.float64]

CUTOFF, PERSON, LABEL = "cutoff", "person_id", "label"
MIN_POSITIVES_TO_FIT = 20
BLENDED = ("logistic", "boosted")


@dataclass(frozen=True)
class Sample:
    """Rows of one or more cutoffs with labels; `negative_rate` is the share of negatives kept."""

    frame: pd.DataFrame
    negative_rate: float = 1.0

    @property
    def labels(self) -> Floats:
        """0 or 1 per row."""
        return self.frame[LABEL].to_numpy(dtype=np.float64)

    @property
    def weights(self) -> Floats:
        """Weights that undo the sampling of negatives."""
        return np.where(self.labels > 0, 1.0, 1.0 / self.negative_rate)

    def ordered(self) -> Sample:
        """The same rows in a stable order, whatever order they came in."""
        keys = [c for c in (CUTOFF, PERSON) if c in self.frame.columns]
        return Sample(self.frame.sort_values(keys, kind="stable", ignore_index=True) if keys else self.frame, self.negative_rate)


@dataclass(frozen=True)
class Trained:
    """A fitted model, how each family did on the calibration period (log loss and AUC, by family), and its raw scores there with their weights,
    given before it had seen that period."""

    propensity: Propensity
    validation: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    rows: int = 0
    held_out: Floats = field(default_factory=lambda: np.empty(0))
    held_out_weights: Floats = field(default_factory=lambda: np.empty(0))
    amount: AmountModel | None = None
    """What buyers spend; None when too few spent anything."""


@dataclass(frozen=True)
class Judged:
    """A model's figures on the later period, its gains table, and the baselines on the same rows."""

    quality: Quality
    tiers: Sequence[Tier]
    baselines: Mapping[str, float]
    labels: Floats
    probabilities: Floats
    raw: Floats


def fit(
    train: Sample, calibration: Sample, columns: Sequence[str], *, seed: int, families: Sequence[str] = FAMILIES, seconds: float = 0.0
) -> Trained:
    """The family with the lowest log loss on the calibration period, calibrated on that period; with `seconds`, a stack of learners.

    A stack is chosen, weighted and calibrated on the calibration period and then fitted on both periods, when both are sampled alike. ModelError when
    labels are one-sided, positives are too few, or no column says anything.
    """
    train, calibration = train.ordered(), calibration.ordered()
    for sample, name in ((train, "training"), (calibration, "calibration")):
        checked(sample.labels)
        if sample.labels.sum() < MIN_POSITIVES_TO_FIT:
            raise ModelError(
                f"Only {int(sample.labels.sum())} positives in the {name} period, at least {MIN_POSITIVES_TO_FIT} are needed: "
                "widen the label window or wait for more events."
            )
    used = informative_columns(train.frame, columns)
    values, later = _matrix(train.frame, used), _matrix(calibration.frame, used)
    if seconds > 0:
        return _searched(train, calibration, used, values, later, seed, seconds)
    fitted = {f: fit_family(f, values, train.labels, seed) for f in families if f != "blend"}
    if "blend" in families and all(b in fitted for b in BLENDED):
        fitted["blend"] = Blend(tuple(fitted[b] for b in BLENDED))
    raws = {f: correct_prior(expit(m.margin(later)), train.negative_rate) for f, m in fitted.items()}
    validation = {f: _validated(calibration, raw) for f, raw in raws.items()}
    best = _best(validation, families)
    calibrator = fit_calibrator(raws[best], calibration.labels, calibration.weights)
    rows = len(train.frame) + len(calibration.frame)
    model = Propensity(best, tuple(used), fitted[best], train.negative_rate, calibrator, _typical(values))
    return Trained(model, validation, rows, raws[best], calibration.weights)


def _searched(train: Sample, calibration: Sample, used: list[str], values: Floats, later: Floats, seed: int, seconds: float) -> Trained:
    """A stack, whose log odds are brought to the true rates by the lines of its learners: `negative_rate` is 1."""
    shift = float(np.log(calibration.negative_rate))
    folds = [Fold(values, train.labels, later, np.arange(len(later)))]
    choice = search(folds, calibration.labels, shift=shift, offset=0.0, seconds=seconds, seed=seed)
    held_out = expit(choice.margins)
    calibrator = fit_calibrator(held_out, calibration.labels, calibration.weights)
    labels, growth = train.labels, 1.0
    if train.negative_rate == calibration.negative_rate:
        growth = 1 + len(later) / len(values)
        values, labels = np.vstack([values, later]), np.concatenate([labels, calibration.labels])
    model = choice.fitted(values, labels, seed, growth)
    propensity = Propensity("stack", tuple(used), model, 1.0, calibrator, _typical(values))
    return Trained(propensity, choice.validation, len(train.frame) + len(calibration.frame), held_out, calibration.weights)


def judge(propensity: Propensity, test: Sample, *, seed: int, baselines: Mapping[str, str]) -> Judged:
    """Figures on a later period. `baselines` names each baseline and its column; a leading `-` means that less is better."""
    test = test.ordered()
    raw = propensity.raw(propensity.matrix(test.frame))
    probability = propensity.probability(raw, _days(test.frame))
    labels = test.labels
    return Judged(
        quality=evaluate(labels, probability, raw),
        tiers=gains(labels, probability, raw, seed),
        baselines={name: baseline_auc(test.frame, column, labels) for name, column in baselines.items()},
        labels=labels,
        probabilities=probability,
        raw=raw,
    )


def _days(frame: pd.DataFrame) -> Floats | None:
    return pd.to_datetime(frame[CUTOFF]).dt.dayofyear.to_numpy(dtype=np.float64) if CUTOFF in frame.columns else None


def baseline_auc(frame: pd.DataFrame, column: str, labels: Floats) -> float:
    """AUC of one column alone; a row that does not know it comes last."""
    sign = -1.0 if column.startswith("-") else 1.0
    values = sign * frame[column.removeprefix("-")].to_numpy(dtype=np.float64, na_value=np.nan)
    return float(roc_auc_score(labels, np.where(np.isnan(values), np.nanmin(values) - 1 if not np.isnan(values).all() else 0.0, values)))


def _best(validation: Mapping[str, Mapping[str, float]], families: Sequence[str]) -> str:
    """The family with the lowest log loss; the simpler one at a tie."""
    return min(validation, key=lambda f: (round(validation[f]["log_loss"], 6), list(families).index(f)))


def _typical(values: Floats) -> tuple[float, ...]:
    known = np.where(np.isnan(values).all(axis=0), 0.0, values)
    return tuple(float(t) for t in np.nanmedian(known, axis=0))


def _validated(sample: Sample, raw: Floats) -> dict[str, float]:
    # Log loss after a Platt step: families differ in how far off their level is, calibration will put that right.
    level = fit_calibrator(raw, sample.labels, sample.weights)(raw)
    return {
        "log_loss": float(log_loss(sample.labels, level, sample_weight=sample.weights)),
        "auc": float(roc_auc_score(sample.labels, raw, sample_weight=sample.weights)),
    }


def _matrix(frame: pd.DataFrame, columns: Sequence[str]) -> Floats:
    return frame[list(columns)].to_numpy(dtype=np.float64, na_value=np.nan)
