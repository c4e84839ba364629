"""How good scores are on a later period: discrimination, calibration, lift and gains with intervals. Plain arrays in, plain numbers out."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from appetence.errors import ModelError

Floats = NDArray[np.float64]

BOOTSTRAPS = 500


@dataclass(frozen=True)
class Quality:
    """The figures of one model on one later period."""

    rows: int
    positives: int
    auc: float
    auc_low: float
    average_precision: float
    brier: float
    calibration_error: float
    top_decile_lift: float
    top_fifth_capture: float
    calibration_noise: float = 0.0
    """Calibration error that a perfectly calibrated model would show on a period this small."""

    def as_dict(self) -> dict[str, float]:
        """Name -> value, for the registry and for files."""
        return {k: float(v) for k, v in asdict(self).items()}


@dataclass(frozen=True)
class Tier:
    """One decile of a later period."""

    decile: int
    persons: int
    positives: int
    mean_probability: float
    rate: float
    lift: float
    lift_low: float
    lift_high: float
    cumulative_capture: float


def evaluate(labels: Floats, probabilities: Floats, order: Floats | None = None) -> Quality:
    """All figures; `order` (higher is better) ranks the rows when it is finer than the probabilities. ModelError without both classes."""
    checked(labels)
    ranking = probabilities if order is None else order
    tiers = deciles_of(ranking)
    return Quality(
        rows=len(labels),
        positives=int(labels.sum()),
        auc=float(roc_auc_score(labels, ranking)),
        auc_low=auc_lower_bound(labels, ranking),
        average_precision=float(average_precision_score(labels, ranking)),
        brier=float(np.mean((probabilities - labels) ** 2)),
        calibration_error=calibration_error(labels, probabilities),
        top_decile_lift=float(labels[tiers == 1].mean() / labels.mean()),
        top_fifth_capture=float(labels[tiers <= 2].sum() / labels.sum()),
        calibration_noise=calibration_noise(labels, probabilities),
    )


def evaluate_one_sided(labels: Floats, probabilities: Floats) -> dict[str, float | None]:
    """What can be said of a period whose rows all have one label: level and error; everything about ranking is None."""
    figures: dict[str, float | None] = {"positives": float(labels.sum()), "brier": float(np.mean((probabilities - labels) ** 2))}
    figures |= {"calibration_error": calibration_error(labels, probabilities), "calibration_noise": calibration_noise(labels, probabilities)}
    return figures | dict.fromkeys(("auc", "auc_low", "average_precision", "top_decile_lift", "top_fifth_capture"))


def checked(labels: Floats) -> None:
    """ModelError unless there are rows of both classes."""
    if len(labels) == 0:
        raise ModelError("There is no row to evaluate: the period or the universe is empty; check the cutoff and the product.")
    positives = int(labels.sum())
    if positives in (0, len(labels)):
        raise ModelError(f"All {len(labels)} rows have the same label: nothing can be learnt or measured; widen the label window or the universe.")


def auc_lower_bound(labels: Floats, scores: Floats, z: float = 1.645) -> float:
    """Lower end of the 90 % interval of the AUC (Hanley and McNeil, 1982)."""
    auc = float(roc_auc_score(labels, scores))
    positives, negatives = float(labels.sum()), float(len(labels) - labels.sum())
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)) / (positives * negatives)
    return float(auc - z * np.sqrt(max(variance, 0.0)))


def deciles_of(scores: Floats) -> NDArray[np.int64]:
    """The decile of each row, 1 is best; ties are broken by position, so callers order rows by a stable key first."""
    ranks = np.empty(len(scores), dtype=np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return 1 + (ranks * 10) // max(len(scores), 1)


def calibration_bins(labels: Floats, probabilities: Floats, bins: int = 10) -> Floats:
    """Per bin of equal count: rows, mean probability, observed rate."""
    order = np.argsort(probabilities, kind="stable")
    parts = [p for p in np.array_split(order, bins) if len(p)]
    return np.array([(len(p), probabilities[p].mean(), labels[p].mean()) for p in parts])


def calibration_error(labels: Floats, probabilities: Floats, bins: int = 10) -> float:
    """Expected calibration error: mean gap between predicted and observed rates over bins of equal count."""
    table = calibration_bins(labels, probabilities, bins)
    return float(np.average(np.abs(table[:, 1] - table[:, 2]), weights=table[:, 0]))


def calibration_noise(labels: Floats, probabilities: Floats, bins: int = 10) -> float:
    """What `calibration_error` is expected to be by chance alone: the mean absolute deviation of a binomial rate, averaged over the bins."""
    sizes, means, _ = calibration_bins(labels, probabilities, bins).T
    deviation = np.sqrt(2 / np.pi * means * (1 - means) / sizes)
    return float(np.average(deviation, weights=sizes))


def gains(labels: Floats, probabilities: Floats, order: Floats, seed: int) -> list[Tier]:
    """Ten deciles with the 90 % interval of their lift (seeded bootstrap of the positives within each decile)."""
    checked(labels)
    tiers = deciles_of(order)
    sizes = np.array([(tiers == d).sum() for d in range(1, 11)])
    positives = np.array([labels[tiers == d].sum() for d in range(1, 11)])
    safe = np.maximum(sizes, 1)
    base = positives.sum() / sizes.sum()
    draws = np.random.default_rng(seed).binomial(safe, positives / safe, size=(BOOTSTRAPS, 10))
    lifts = (draws / safe) / np.maximum(draws.sum(axis=1, keepdims=True) / sizes.sum(), 1e-12)
    low, high = np.quantile(lifts, [0.05, 0.95], axis=0)
    captured = np.cumsum(positives) / positives.sum()
    return [
        Tier(
            decile=d + 1, persons=int(sizes[d]), positives=int(positives[d]),
            mean_probability=float(probabilities[tiers == d + 1].mean()) if sizes[d] else 0.0,
            rate=float(positives[d] / safe[d]), lift=float(positives[d] / safe[d] / base),
            lift_low=float(low[d]), lift_high=float(high[d]), cumulative_capture=float(captured[d]),
        )
        for d in range(10)
    ]  # fmt: skip
