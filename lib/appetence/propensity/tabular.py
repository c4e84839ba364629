"""A calibrated model of any table with a 0/1 label, in one call: texts, dates, gaps and all; nothing but the training rows is looked at.

With a `cutoff` column of several dates the last ones judge what is learnt on the dates before; without one, rows are cross-fitted by whole
ids (rows that are equal in every column count as one id, so that a copy never judges its original).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from appetence.errors import ModelError
from appetence.propensity.calibration import expit, fit_strict_calibrator, levelled
from appetence.propensity.metrics import checked
from appetence.propensity.models import Propensity, informative_columns
from appetence.propensity.stacking import Choice, Fold, search
from appetence.propensity.tables import Encoder, number_like
from appetence.propensity.training import LABEL, Judged, Sample, judge

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

CUTOFF = "cutoff"
LEAST_OF_A_CLASS = 10
SEARCH_ROWS = 40_000
SECONDS = 60.0
"""What a search may cost by default: an estimate in seconds of one thread, not a clock."""

FORWARD_FOLDS = 2
LEAST_GROUPS = 200


@dataclass(frozen=True)
class TableModel:
    """How a table is read, the calibrated model, and how each learner did on rows it was not fitted on."""

    encoder: Encoder
    propensity: Propensity
    validation: dict[str, dict[str, float]]
    rows: int

    def raw(self, frame: pd.DataFrame) -> Floats:
        """Uncalibrated probability of each row: the finest ranking."""
        return self.propensity.raw(self.propensity.matrix(self.encoder.transform(frame)))

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """`raw_score` and `probability` (calibrated) of each row; ModelError when columns lack or changed their kind."""
        return self.propensity.predict(self.encoder.transform(frame))

    def judge(self, frame: pd.DataFrame, label: str, *, baselines: Mapping[str, str], seed: int = 1) -> Judged:
        """Figures on a later table, beside those of single columns (name -> column; `-column` when less is better)."""
        numbers = self.encoder.transform(frame).assign(**{LABEL: frame[label].to_numpy()})
        columns = {c.removeprefix("-") for c in baselines.values()}
        plain = numbers.assign(**{c: number_like(frame[c]) for c in columns if c not in numbers})
        return judge(self.propensity, Sample(plain), seed=seed, baselines=baselines)


def fit_table(
    frame: pd.DataFrame, label: str, *, row_id: str | None = None, cutoff: str | None = CUTOFF, seed: int = 1, seconds: float = SECONDS
) -> TableModel:
    """The model of the 0/1 column `label` by all other columns but `row_id` and `cutoff` (used to split in time when it is there).

    ModelError when the labels are one-sided, fewer than ten of a class, or no column says anything.
    """
    frame = frame.reset_index(drop=True)
    labels = frame[label].to_numpy(dtype=np.float64)
    columns = [str(c) for c in frame.columns if c not in (label, row_id, cutoff)]
    _enough(labels, columns)
    encoder, numbers = Encoder.fit(frame, columns, frame[label].astype(int), seed)
    used = informative_columns(numbers, list(numbers.columns))
    values = numbers[used].to_numpy(dtype=np.float64)
    drawn, shift = _drawn(labels, seed)
    part = frame.iloc[drawn].reset_index(drop=True)
    splits = _splits(part, label, row_id, cutoff, columns, seed)
    folds = [_fold(part, label, columns, inside, held, seed) for inside, held in splits]
    choice = search(folds, labels[drawn], shift=shift, offset=shift, seconds=seconds, seed=seed)
    model = choice.fitted(values, labels, seed, growth=len(labels) / len(splits[0][0]))
    held = ~np.isnan(choice.margins)
    judged = labels[drawn][held]
    calibrator = fit_strict_calibrator(expit(choice.margins[held]), judged, np.where(judged > 0, 1.0, np.exp(-shift)))
    if shift != 0.0:
        # Fitted on a sample, the learners' lines fit the whole table's rarer label only roughly: its level is put right on all rows judged.
        counted = _like(frame, part[held], cutoff)
        raw = expit(model.margin(values[counted]))
        calibrator = levelled(calibrator, raw, float(labels[counted].mean()))
    typical = tuple(float(t) for t in np.nanmedian(np.where(np.isnan(values).all(axis=0), 0.0, values), axis=0))
    propensity = Propensity(_named(choice), tuple(used), model, 1.0, calibrator, typical)
    return TableModel(encoder, propensity, {k: dict(v) for k, v in choice.validation.items()}, len(labels))


def _enough(labels: Floats, columns: Sequence[str]) -> None:
    if not columns:
        raise ModelError("The training table holds no column but the label and the id; give it features.")
    checked(labels)
    rarer = int(min(labels.sum(), len(labels) - labels.sum()))
    if rarer < LEAST_OF_A_CLASS:
        raise ModelError(f"Only {rarer} of {len(labels)} rows have the rarer label, at least {LEAST_OF_A_CLASS} are needed to fit and calibrate.")


def _drawn(labels: Floats, seed: int) -> tuple[Rows, float]:
    """The rows searched on, in order, and what undoes their sampling in log odds; positives are kept before negatives."""
    if len(labels) <= SEARCH_ROWS:
        return np.arange(len(labels)), 0.0
    draw = np.random.default_rng(seed).random(len(labels))
    sizes = {side: int((labels == side).sum()) for side in (0.0, 1.0)}
    rarer = min(sizes, key=lambda side: sizes[side])
    few = min(sizes[rarer], SEARCH_ROWS // 2)
    shares = {rarer: few / sizes[rarer], 1 - rarer: (SEARCH_ROWS - few) / sizes[1 - rarer]}
    kept = draw < np.where(labels > 0, shares[1.0], shares[0.0])
    real = {side: max(float((kept & (labels == side)).sum()), 1.0) / sizes[side] for side in sizes}
    return np.flatnonzero(kept), float(np.log(real[0.0] / real[1.0]))


def _like(frame: pd.DataFrame, judged: pd.DataFrame, cutoff: str | None) -> NDArray[np.bool_]:
    """The rows of the cutoffs that judged; all rows without cutoffs."""
    if cutoff is None or cutoff not in frame.columns:
        return np.ones(len(frame), dtype=bool)
    return np.asarray(frame[cutoff].isin(judged[cutoff].unique()))


def _splits(part: pd.DataFrame, label: str, row_id: str | None, cutoff: str | None, columns: list[str], seed: int) -> list[tuple[Rows, Rows]]:
    """Rows to fit on and rows held out, of each fold."""
    if cutoff is not None and cutoff in part.columns:
        forward = _forward(part[cutoff], part[label].to_numpy(dtype=float))
        if forward:
            return forward
    groups = _groups(part, row_id, columns, seed)
    fold = _folds(groups, part[label].to_numpy(dtype=float), 5 if len(part) < SEARCH_ROWS / 2 else 4)
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(int(fold.max()) + 1)]


def _forward(cutoffs: pd.Series, labels: Floats) -> list[tuple[Rows, Rows]]:
    """The last dates, each judged by what is learnt on all dates before; none without two dates of both classes."""
    moments = sorted(cutoffs.dropna().unique())
    found = []
    for moment in moments[max(1, len(moments) - FORWARD_FOLDS) :]:
        inside, held = np.flatnonzero((cutoffs < moment).to_numpy()), np.flatnonzero((cutoffs == moment).to_numpy())
        if all(min(labels[rows].sum(), len(rows) - labels[rows].sum()) >= LEAST_OF_A_CLASS for rows in (inside, held)):
            found.append((inside, held))
    return found


def _groups(part: pd.DataFrame, row_id: str | None, columns: list[str], seed: int) -> NDArray[np.uint64]:
    """A number per row that does not depend on the order of rows: of its id, or of its content when it has none."""
    texts = part[[row_id]] if row_id else part[columns]
    hashed: NDArray[np.uint64] = pd.util.hash_pandas_object(texts.astype("string").fillna(""), index=False).to_numpy()
    if not row_id and len(np.unique(hashed)) < LEAST_GROUPS:
        hashed = pd.util.hash_pandas_object(pd.Series(np.arange(len(part)) + seed), index=False).to_numpy()
    mixed: NDArray[np.uint64] = pd.util.hash_pandas_object(pd.Series(hashed ^ np.uint64(seed)), index=False).to_numpy()
    return mixed


def _folds(groups: NDArray[np.uint64], labels: Floats, count: int) -> NDArray[np.int64]:
    """The fold of each row: whole groups, dealt out in turn, those with a positive first, so that each fold gets its share of both."""
    table = pd.DataFrame({"group": groups, "label": labels}).groupby("group")["label"].max()
    dealt: dict[int, int] = {}
    for side in (1.0, 0.0):
        dealt |= {g: n % count for n, g in enumerate(sorted(table.index[table == side]))}
    return pd.Series(groups).map(dealt).to_numpy(dtype=np.int64)


def _fold(part: pd.DataFrame, label: str, columns: list[str], inside: Rows, held: Rows, seed: int) -> Fold:
    """A fold has its own encoder: a rate of a text's value never saw the label of a row held out."""
    early = part.iloc[inside].reset_index(drop=True)
    encoder, numbers = Encoder.fit(early, columns, early[label].astype(int), seed)
    used = informative_columns(numbers, list(numbers.columns))
    later = encoder.transform(part.iloc[held].reset_index(drop=True))
    return Fold(numbers[used].to_numpy(dtype=np.float64), early[label].to_numpy(dtype=np.float64), later[used].to_numpy(dtype=np.float64), held)


def _named(choice: Choice) -> str:
    """E.g. `stack: 0.60 boosted 24, 0.40 linear 0.05`."""
    pairs: list[tuple[float, Any]] = sorted(((w, r.name) for w, r in zip(choice.weights, choice.recipes, strict=True)), reverse=True)
    return "stack: " + ", ".join(f"{w:.2f} {name}" for w, name in pairs)
