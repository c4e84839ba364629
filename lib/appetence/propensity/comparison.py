"""Two models on the same rows, and one model on two periods: what the gate asks beside the figures of each.

The interval of a difference of AUC is a paired bootstrap: both models meet the same resampled rows, so what they share cancels out. Cost: one sort
per model, then one pass per draw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appetence.propensity.drift import Bins, noise, stability_index
from appetence.propensity.metrics import Floats, checked

DRAWS = 300


@dataclass(frozen=True)
class Difference:
    """AUC of the challenger less that of the champion, with its 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Shift:
    """Population stability index of a model's scores between two periods, and the index that chance alone would give."""

    index: float
    by_chance: float

    @property
    def beyond_chance(self) -> float:
        """What chance does not explain."""
        return max(self.index - self.by_chance, 0.0)


@dataclass(frozen=True)
class _Ranked:
    """Rows in the order of a score, and where each group of equal scores starts."""

    order: NDArray[np.intp]
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, scores: Floats) -> _Ranked:
        order = np.argsort(scores, kind="stable")
        ordered = scores[order]
        return cls(order, np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]))

    def auc(self, labels: Floats, weights: Floats) -> float:
        """The AUC of weighted rows: the share of pairs in order, ties counting half."""
        positive = np.add.reduceat((weights * labels)[self.order], self.starts)
        negative = np.add.reduceat((weights * (1 - labels))[self.order], self.starts)
        below = np.cumsum(negative) - negative
        pairs = positive.sum() * negative.sum()
        return float(np.sum(positive * (below + negative / 2)) / pairs) if pairs else float("nan")


def auc_difference(labels: Floats, challenger: Floats, champion: Floats, seed: int, draws: int = DRAWS) -> Difference:
    """The difference on rows that both scored, in the same order. ModelError without both classes."""
    checked(labels)
    ranked = (_Ranked.of(challenger), _Ranked.of(champion))
    draw = np.random.default_rng(seed)
    rows = len(labels)
    found = np.empty(draws)
    for n in range(draws):
        weights = np.bincount(draw.integers(rows, size=rows), minlength=rows).astype(np.float64)
        found[n] = ranked[0].auc(labels, weights) - ranked[1].auc(labels, weights)
    whole = np.ones(rows)
    low, high = np.nanquantile(found, [0.05, 0.95])
    return Difference(ranked[0].auc(labels, whole) - ranked[1].auc(labels, whole), float(low), float(high))


def score_shift(then: Floats, now: Floats, weights_then: Floats | None = None) -> Shift:
    """How far scores `now` are spread other than `then`, over tenths of `now`; `weights_then` undoes a sampling of the earlier rows."""
    bins = Bins.of(now)
    places = np.searchsorted(np.asarray(bins.edges), then, side="right")
    counted = np.bincount(places, weights=weights_then, minlength=len(bins.edges) + 2).astype(np.float64)
    effective = len(then) if weights_then is None else weights_then.sum() ** 2 / max(np.square(weights_then).sum(), 1e-12)
    return Shift(stability_index(bins.shares, counted), noise(bins.shares, int(effective), len(now)))
