"""A stack of learners for any table: chosen, weighted and calibrated on rows they were not fitted on, then fitted on all rows.

Source: Caruana and others (2004), "Ensemble selection from libraries of models": greedy, with replacement, by log loss. Departs from it in
that each learner's log odds get their own slope and intercept first. Cost: each affordable recipe is fitted once a fold and the chosen ones
once more (four times more by a training that calibrates on all windows: no budget holds that); a table above `SEARCH_ROWS` is searched on a
sample of its rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from appetence.propensity.calibration import line_of
from appetence.propensity.learners import Recipe, Stack, affordable, fit_lengths, fit_recipe, lengths_of

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

ROUNDS, BAGS, BAG_ROWS = 12, 10, 12_000
"""Steps of one greedy selection; selections averaged, each on rows drawn anew."""

LEAST_WEIGHT = 0.02
"""A learner below it is not worth its fitting."""

LONGER = 1.1
"""A boosted model fitted on all rows may grow this much longer than on a fold."""


@dataclass(frozen=True)
class Fold:
    """The matrix to fit on, its labels, the matrix held out, and which rows of the search those are."""

    values: Floats
    labels: Floats
    held: Floats
    rows: Rows


@dataclass(frozen=True)
class Choice:
    """What the search found: learners with weights, lines and lengths, log odds of the held-out rows, and each learner's figures."""

    recipes: tuple[Recipe, ...]
    weights: tuple[float, ...]
    lines: tuple[tuple[float, float], ...]
    lengths: tuple[int | None, ...]
    margins: Floats
    validation: Mapping[str, Mapping[str, float]]

    def fitted(self, values: Floats, labels: Floats, seed: int, growth: float = 1.0) -> Stack:
        """The chosen learners on all rows; `growth` is how many times more rows that is than a fold had."""
        longer = LONGER * float(np.clip(growth, 1.0, 8.0)) ** 0.25
        parts = [
            fit_recipe(r, values, labels, seed, None if n is None else max(1, round(n * longer)))
            for r, n in zip(self.recipes, self.lengths, strict=True)
        ]
        return Stack(tuple(parts), self.weights, self.lines)


def search(parts: Sequence[Fold], labels: Floats, *, shift: float, offset: float, seconds: float, seed: int) -> Choice:
    """Tries what `seconds` (an estimate) pay for; `labels` of the search's rows, NaN where none is held out.

    `shift` undoes the sampling of the held-out rows when added to log odds; `offset` is how much higher the sampling puts the log odds of the
    learners fitted in the end than of those in the folds.
    """
    recipes = affordable(len(parts[0].labels), parts[0].values.shape[1], len(parts) + 1, seconds)
    held = np.concatenate([f.rows for f in parts])
    found = [_tried(r, parts, len(labels), labels, held, seed) for r in recipes]
    y = labels[held]
    margins = np.column_stack([m[held] for m, _ in found])
    lines = [line_of(margins[:, n], y) for n in range(len(recipes))]
    scaled = np.column_stack([a * margins[:, n] + b for n, (a, b) in enumerate(lines)])
    weights = _weights(scaled, y, seed)
    kept = [n for n in range(len(recipes)) if weights[n] > 0]
    whole = np.full(len(labels), np.nan)
    whole[held] = scaled @ weights + shift
    figures = {r.name: _figures(scaled[:, n], y) | {"weight": float(weights[n])} for n, r in enumerate(recipes)}
    return Choice(
        tuple(recipes[n] for n in kept), tuple(float(weights[n]) for n in kept),
        tuple((lines[n][0], lines[n][1] + shift - lines[n][0] * offset) for n in kept),
        tuple(found[n][1] for n in kept), whole, figures,
    )  # fmt: skip


def _tried(recipe: Recipe, folds: Sequence[Fold], size: int, labels: Floats, held: Rows, seed: int) -> tuple[Floats, int | None]:
    """Held-out log odds of one recipe, and the length it is best at when it is boosted."""
    if recipe.kind != "boosted":
        margins = np.zeros(size)
        for f in folds:
            margins[f.rows] = fit_recipe(recipe, f.values, f.labels, seed).margin(f.held)
        return margins, None
    lengths = lengths_of(recipe)
    staged = np.zeros((size, len(lengths)))
    for f in folds:
        staged[f.rows] = fit_lengths(recipe, f.values, f.labels, f.held, seed)
    best = int(np.argmin([_loss(staged[held, n], labels[held]) for n in range(len(lengths))]))
    return staged[:, best], lengths[best]


def _weights(margins: Floats, labels: Floats, seed: int) -> Floats:
    """Mean weights of several greedy selections: one alone follows the noise of a small table."""
    draw = np.random.default_rng(seed)
    size, total = min(len(labels), BAG_ROWS), np.zeros(margins.shape[1])
    for _ in range(BAGS):
        rows = draw.integers(0, len(labels), size)
        total += _greedy(margins[rows], labels[rows])
    kept = np.where(total / BAGS >= LEAST_WEIGHT, total, 0.0)
    return np.asarray((kept / kept.sum()).round(4))


def _greedy(margins: Floats, labels: Floats) -> Floats:
    """Weights that add up to 1: the best learner first, then whatever lowers the log loss of the mean most."""
    counts = np.zeros(margins.shape[1])
    total = np.zeros(len(labels))
    for step in range(1, ROUNDS + 1):
        losses = [_loss((total + margins[:, n]) / step, labels) for n in range(margins.shape[1])]
        pick = int(np.argmin(np.round(losses, 9)))
        counts[pick] += 1
        total = total + margins[:, pick]
    return counts / ROUNDS


def _loss(margin: Floats, labels: Floats) -> float:
    return float(np.mean(np.logaddexp(0.0, np.where(labels > 0, -margin, margin))))


def _figures(margin: Floats, labels: Floats) -> dict[str, float]:
    return {"log_loss": _loss(margin, labels), "auc": float(roc_auc_score(labels, margin))}
