"""Training: choose what to fit by the last training cutoff, fit and calibrate on all of them where buyers are few, judge on a later one that
nothing was learnt from.

The tables are disjoint in time: the label window of each cutoff ends by the next. To calibrate on all, persons are parted by a hash of their id,
all windows of one person together. Negatives may have been sampled
(`negative_rate`); the prior is put right before calibration. Everything is seeded and rows are put in a stable order first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score

from appetence.errors import ModelError
from appetence.propensity.amounts import AmountModel
from appetence.propensity.calibration import Calibrator, correct_prior, expit, fit_calibrator, lines_of, logit, steady_level
from appetence.propensity.metrics import Quality, Tier, checked, evaluate, gains
from appetence.propensity.models import BLENDED, FAMILIES, Blend, Marginal, Propensity, fit_family, informative_columns
from appetence.propensity.season import Season
from appetence.propensity.stacking import Fold, search

Floats = NDArray[np.float64]

CUTOFF, PERSON, LABEL = "cutoff", "person_id", "label"
MIN_POSITIVES_TO_FIT = 20
FOLDS = 3
"""Parts of the persons; each is told by a fit on the others."""


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
    """A fitted model, how each family did on the calibration period (log loss and AUC, by family), and raw scores there with their weights, none of
    them by a fit on the person's own rows of that period."""

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


@dataclass(frozen=True)
class _Told:
    """A learner fitted on every window, its line, and the raw scores of the calibration period by fits on other persons."""

    model: Marginal
    calibrator: Calibrator
    held_out: Floats


def fit(
    train: Sample,
    calibration: Sample,
    columns: Sequence[str],
    *,
    seed: int,
    families: Sequence[str] = FAMILIES,
    seconds: float = 0.0,
    season: Season | None = None,
) -> Trained:
    """The family with the lowest log loss on the calibration period; with `seconds`, a stack of learners, chosen and weighted there.

    Then it is fitted on both periods and calibrated on both, each person by a fit on others; `season` says how their times of the year differ, and
    how far levels drift. Where the second period's buyers are many, the samples are drawn differently, a window has one class only or scores run
    against the labels, it is calibrated on the second period alone, by a fit on the first (a stack is still fitted on both that are sampled
    alike). ModelError when labels are one-sided, positives are too few, or no column says anything.
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
        return _searched(train, calibration, used, values, later, seed, seconds, season)
    fitted = {f: fit_family(f, values, train.labels, seed) for f in families if f != "blend"}
    if "blend" in families and all(b in fitted for b in BLENDED):
        fitted["blend"] = Blend(tuple(fitted[b] for b in BLENDED))
    raws = {f: correct_prior(expit(m.margin(later)), train.negative_rate) for f, m in fitted.items()}
    validation = {f: _validated(calibration, raw) for f, raw in raws.items()}
    best = _best(validation, families)
    calibrator = fit_calibrator(raws[best], calibration.labels, calibration.weights)
    told: _Told | None = None
    if _may_join(train, calibration, calibrator):
        told = _told(lambda rows, labels: fit_family(best, rows, labels, seed), train, calibration, values, later, season, train.negative_rate)
    told = told or _Told(fitted[best], calibrator, raws[best])
    rows = len(train.frame) + len(calibration.frame)
    model = Propensity(best, tuple(used), told.model, train.negative_rate, told.calibrator, _typical(values))
    return Trained(model, validation, rows, told.held_out, calibration.weights)


def _may_join(train: Sample, calibration: Sample, calibrator: Calibrator) -> bool:
    """Whether both periods may be fitted and calibrated on together: sampled alike, and with too few buyers for steps."""
    return train.negative_rate == calibration.negative_rate and calibrator.kind == "platt"


def _searched(
    train: Sample, calibration: Sample, used: list[str], values: Floats, later: Floats, seed: int, seconds: float, season: Season | None
) -> Trained:
    """A stack, whose log odds are brought to the true rates by the lines of its learners: `negative_rate` is 1."""
    shift = float(np.log(calibration.negative_rate))
    folds = [Fold(values, train.labels, later, np.arange(len(later)))]
    choice = search(folds, calibration.labels, shift=shift, offset=0.0, seconds=seconds, seed=seed)
    held_out = expit(choice.margins)
    calibrator = fit_calibrator(held_out, calibration.labels, calibration.weights)

    def refit(rows: Floats, labels: Floats) -> Marginal:
        return choice.fitted(rows, labels, seed, len(rows) / len(values))

    told: _Told | None = None
    if _may_join(train, calibration, calibrator):
        told = _told(refit, train, calibration, values, later, season, rate=1.0)
    if told is None and train.negative_rate == calibration.negative_rate:
        both = refit(np.vstack([values, later]), np.concatenate([train.labels, calibration.labels]))
        told = _Told(both, calibrator, held_out)
    told = told or _Told(refit(values, train.labels), calibrator, held_out)
    propensity = Propensity("stack", tuple(used), told.model, 1.0, told.calibrator, _typical(np.vstack([values, later])))
    return Trained(propensity, choice.validation, len(train.frame) + len(calibration.frame), told.held_out, calibration.weights)


def _told(
    refit: Callable[[Floats, Floats], Marginal], train: Sample, calibration: Sample, values: Floats, later: Floats, season: Season | None, rate: float
) -> _Told | None:
    """A learner fitted on all windows, and a Platt line that stands on all of them: each row is told by a fit on other persons, and each window has
    a level of its own, which the season brings to that of the last. None where the margins run against the labels, or a window or a fit has one class
    only. `rate`: share of the negatives that the margins have yet to be corrected for."""
    whole = np.vstack([values, later])
    labels, weights = (np.concatenate([getattr(s, name) for s in (train, calibration)]) for name in ("labels", "weights"))
    parts, (windows, shifts) = _parts(train, calibration), _windows(train, calibration, season)
    positives, rows = np.bincount(windows, labels), np.bincount(windows)
    if not all(0 < labels[parts != part].mean() < 1 for part in range(FOLDS)) or (positives == 0).any() or (positives == rows).any():
        return None
    told = np.zeros(len(whole))
    for part in range(FOLDS):
        told[parts == part] = refit(whole[parts != part], labels[parts != part]).margin(whole[parts == part])
    raw = correct_prior(expit(told), rate)
    slope, levels = lines_of(logit(raw), labels, windows, weights)
    if slope <= 0:
        return None
    drift = None if season is None else season.drift
    level = steady_level(levels - shifts, np.asarray(positives, dtype=np.float64), np.asarray(rows - positives, dtype=np.float64), drift)
    return _Told(refit(whole, labels), Calibrator("platt", (slope, level)), raw[len(values) :])


def _parts(train: Sample, calibration: Sample) -> NDArray[np.int64]:
    """Which of `FOLDS` parts each row belongs to: one person's rows of all windows lie in one part."""
    if PERSON not in train.frame.columns:
        return np.arange(len(train.frame) + len(calibration.frame)) % FOLDS
    persons = np.concatenate([s.frame[PERSON].astype(str).to_numpy(dtype=object) for s in (train, calibration)])
    return np.asarray(pd.util.hash_array(persons) % FOLDS, dtype=np.int64)


def _windows(train: Sample, calibration: Sample, season: Season | None) -> tuple[NDArray[np.int64], Floats]:
    """Which window each row is of, the one for calibration last, and how far the season of each lies from the last."""
    if CUTOFF not in train.frame.columns:
        return np.repeat([0, 1], [len(train.frame), len(calibration.frame)]), np.zeros(2)
    of_row, cutoffs = pd.factorize(train.frame[CUTOFF], sort=True)
    windows = np.concatenate([of_row, np.full(len(calibration.frame), len(cutoffs))])
    if season is None:
        return windows, np.zeros(len(cutoffs) + 1)
    days = [*cutoffs, calibration.frame[CUTOFF].iloc[0]]
    shifts = season.shift(pd.to_datetime(pd.Series(days)).dt.dayofyear.to_numpy(dtype=np.float64))
    return windows, shifts - shifts[-1]


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
