"""The learners a stack is made of: linear, hinges, boosted trees, forest, network and kernel, each behind `margin` over a numeric matrix.

Missing values are NaN. Everything runs on one thread and is seeded: the same rows give the same model, also on a busy machine.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from appetence.propensity.calibration import logit
from appetence.propensity.models import Boosted, Logistic, squeezed

Floats = NDArray[np.float64]

CLIP = 5.0
KNOTS = (0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95)
FEW_VALUES = 8
"""A column with no more different values has a knot at each."""

STEPS = 20
"""How many lengths of a boosted model are compared."""


@dataclass(frozen=True)
class Recipe:
    """One learner to try: its kind, its settings, and what it costs on one thread, in microseconds a cell of the training matrix."""

    kind: str
    settings: Mapping[str, Any]
    cost: float
    least_rows: int = 0
    """On fewer rows it only costs."""

    @property
    def name(self) -> str:
        """E.g. `hinges 0.05`."""
        return f"{self.kind} {self.settings.get('name', '')}".strip()


RECIPES: tuple[Recipe, ...] = (
    Recipe("linear", {"name": "0.05", "strength": 0.05}, 0.4),
    Recipe("boosted", {"name": "8", "leaves": 8, "rate": 0.06, "rounds": 400, "columns": 0.5}, 1.5),
    Recipe("network", {"name": "0.1", "alpha": 0.1}, 2.5, 500),
    Recipe("hinges", {"name": "0.003", "strength": 0.003}, 1.6),
    Recipe("hinges", {"name": "0.05", "strength": 0.05}, 1.8),
    Recipe("boosted", {"name": "24", "leaves": 24, "rate": 0.05, "rounds": 400, "columns": 0.5}, 2.5, 1000),
    Recipe("forest", {"name": "0.4", "columns": 0.4}, 5.0),
    Recipe("linear", {"name": "0.002", "strength": 0.002}, 0.4),
    Recipe("linear", {"name": "2", "strength": 2.0}, 0.6),
    Recipe("kernel", {"name": "0.3", "gamma": 0.3, "strength": 10.0}, 2.5),
    Recipe("boosted", {"name": "16 fine", "leaves": 16, "rate": 0.03, "rounds": 500, "columns": 0.2}, 2.5, 500),
    Recipe("hinges", {"name": "1", "strength": 1.0, "squares": True}, 2.0),
    Recipe("hinges", {"name": "30", "strength": 30.0, "squares": True}, 2.5),
    Recipe("boosted", {"name": "63", "leaves": 63, "rate": 0.06, "rounds": 400, "columns": 0.5}, 5.0, 8000),
)
"""In the order in which a budget is spent."""


@dataclass(frozen=True)
class Scale:
    """Squeezed, filled and standardised columns, clipped, with a flag for each column that has gaps."""

    medians: Floats
    means: Floats
    scales: Floats
    gaps: NDArray[np.bool_]

    @classmethod
    def fit(cls, values: Floats) -> Scale:
        """Learns medians, means and scales."""
        x = squeezed(values)
        medians = np.nan_to_num(np.nanmedian(np.where(np.isnan(x).all(axis=0), 0.0, x), axis=0))
        filled = np.where(np.isnan(x), medians, x)
        scales = filled.std(axis=0)
        return cls(medians, filled.mean(axis=0), np.where(scales < 1e-9, 1.0, scales), np.asarray(np.isnan(x).any(axis=0)))

    def __call__(self, values: Floats) -> tuple[Floats, Floats]:
        """The standardised columns, and the flags."""
        x = squeezed(values)
        z = (np.where(np.isnan(x), self.medians, x) - self.means) / self.scales
        return np.clip(z, -CLIP, CLIP), np.isnan(x[:, self.gaps]).astype(float)


@dataclass(frozen=True)
class Smooth:
    """Any estimator over scaled columns: hinges (a piecewise linear logistic regression), network, kernel or forest."""

    scale: Scale
    knots: tuple[tuple[float, ...], ...] | None
    has_squares: bool
    spread: Floats
    estimators: tuple[Any, ...]

    @classmethod
    def fit(cls, recipe: Recipe, values: Floats, labels: Floats, seed: int) -> Smooth:
        """Fits the recipe's estimators (a network is the mean of two)."""
        scale = Scale.fit(values)
        z, flags = scale(values)
        knots = tuple(_knots(z[:, c]) for c in range(z.shape[1])) if recipe.kind == "hinges" else None
        has_squares = bool(recipe.settings.get("squares", False))
        wide = _wide(z, flags, knots, has_squares)
        spread = np.maximum(wide.std(axis=0), 1e-6) if knots is not None else np.ones(wide.shape[1])
        made = _estimators(recipe, len(labels), wide.shape[1], seed)
        with threadpool_limits(limits=1), warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=ConvergenceWarning)
            fitted = tuple(e.fit(wide / spread, labels) for e in made)
        return cls(scale, knots, has_squares, spread, fitted)

    def margin(self, values: Floats) -> Floats:
        """Log odds."""
        z, flags = self.scale(values)
        wide = _wide(z, flags, self.knots, self.has_squares) / self.spread
        with threadpool_limits(limits=1):
            odds = [_bounded(e.predict_proba(wide)[:, 1]) for e in self.estimators]
        return np.asarray(np.mean(odds, axis=0))


@dataclass(frozen=True)
class Stack:
    """A weighted sum of learners' log odds, each put on its own scale first: slope and intercept."""

    parts: tuple[Any, ...]
    weights: tuple[float, ...]
    lines: tuple[tuple[float, float], ...] = field(default_factory=tuple)

    def margin(self, values: Floats) -> Floats:
        """Log odds."""
        terms = [w * (a * p.margin(values) + b) for p, w, (a, b) in zip(self.parts, self.weights, self.lines, strict=True)]
        return np.asarray(np.sum(terms, axis=0))


def fit_recipe(recipe: Recipe, values: Floats, labels: Floats, seed: int, rounds: int | None = None) -> Any:
    """One learner on a matrix and its labels; `rounds` is the length of a boosted model."""
    if recipe.kind == "linear":
        return Logistic.fit(values, labels, strength=recipe.settings["strength"])
    if recipe.kind == "boosted":
        return Boosted(_boosted(recipe, values, labels, seed, rounds or recipe.settings["rounds"]))
    return Smooth.fit(recipe, values, labels, seed)


def fit_lengths(recipe: Recipe, values: Floats, labels: Floats, later: Floats, seed: int) -> Floats:
    """Log odds of the rows `later` by a boosted model cut at each of `lengths_of`, one column each."""
    model = _boosted(recipe, values, labels, seed, recipe.settings["rounds"])
    wanted = set(lengths_of(recipe))
    with threadpool_limits(limits=1):
        return np.column_stack([m.ravel() for n, m in enumerate(model.staged_decision_function(later), start=1) if n in wanted])


def lengths_of(recipe: Recipe) -> list[int]:
    """The lengths of a boosted model to compare."""
    return [recipe.settings["rounds"] * n // STEPS for n in range(1, STEPS + 1)]


def affordable(rows: int, columns: int, fits: int, seconds: float) -> list[Recipe]:
    """The recipes a budget pays for, in their order; at least the first. An estimate, not a clock: the same table gives the same list."""
    chosen: list[Recipe] = []
    spent = 0.0
    for recipe in (r for r in RECIPES if rows >= r.least_rows):
        spent += recipe.cost * 1e-6 * rows * max(columns, 8) * fits
        if spent > seconds and chosen:
            break
        chosen.append(recipe)
    return chosen


def _boosted(recipe: Recipe, values: Floats, labels: Floats, seed: int, rounds: int) -> Any:
    s = recipe.settings
    model = HistGradientBoostingClassifier(
        max_leaf_nodes=s["leaves"], learning_rate=s["rate"], max_iter=rounds, max_features=s["columns"], l2_regularization=5.0,
        min_samples_leaf=int(np.clip(len(labels) / 150, 5, 60)), early_stopping=False, random_state=seed,
    )  # fmt: skip
    with threadpool_limits(limits=1):
        return model.fit(values, labels)


def _estimators(recipe: Recipe, rows: int, columns: int, seed: int) -> Sequence[Any]:
    s = recipe.settings
    if recipe.kind == "network":
        batch = int(np.clip(rows // 40, 32, 512))
        return [
            MLPClassifier(
                (64, 32), alpha=s["alpha"], learning_rate_init=2e-3, batch_size=batch, max_iter=60,
                early_stopping=True, n_iter_no_change=6, random_state=seed % 2**31 + n,
            )
            for n in range(2)
        ]  # fmt: skip
    if recipe.kind == "forest":
        return [ExtraTreesClassifier(150, min_samples_leaf=max(3, rows // 3000), max_features=s["columns"], random_state=seed % 2**31, max_depth=24)]
    ridge = LogisticRegression(C=s["strength"], max_iter=400)
    if recipe.kind == "kernel":
        landmarks = min(400, rows // 2)
        return [make_pipeline(Nystroem(gamma=s["gamma"] / columns, n_components=landmarks, random_state=seed % 2**31), ridge)]
    return [ridge]


def _knots(column: Floats) -> tuple[float, ...]:
    different = np.unique(column)
    if len(different) <= FEW_VALUES:
        return tuple(different[1:-1])
    return tuple(k for k in np.unique(np.quantile(column, KNOTS)) if different[0] < k < different[-1])


def _wide(z: Floats, flags: Floats, knots: tuple[tuple[float, ...], ...] | None, has_squares: bool) -> Floats:
    if knots is None:
        return np.hstack([z, flags])
    hinges = [np.maximum(z[:, [c]] - np.array(ks), 0.0) for c, ks in enumerate(knots) if ks]
    return np.hstack([z, *hinges, *([z**2] if has_squares else []), flags])


def _bounded(p: Floats) -> Floats:
    """Log odds of probabilities that a forest may put at 0 or 1."""
    return logit(np.clip(p, 1e-4, 1 - 1e-4))
