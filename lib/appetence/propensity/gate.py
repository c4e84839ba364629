"""The gate between challenger and champion. It fails closed: whatever cannot be compared is refused, with a sentence that says why."""

from __future__ import annotations

import math
from dataclasses import dataclass

from appetence.contracts.settings import PropensitySettings
from appetence.propensity.metrics import Quality

BASELINE_TOLERANCE = 0.01
"""A model may lose this much AUC against the best of recency and frequency and still be worth its calibration."""

CHANCE = 0.5


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a challenger."""

    is_let_through: bool
    reason: str


def decide(challenger: Quality, baseline_auc: float | None, champion: Quality | None, *, has_champion: bool, settings: PropensitySettings) -> Verdict:
    """The verdict on figures of one and the same later period; `champion` is None when there is none or when it cannot be evaluated."""
    refusal = _refusal(challenger, baseline_auc, champion, has_champion=has_champion, settings=settings)
    if refusal:
        return Verdict(False, f"refused: {refusal}")
    if champion is None:
        return Verdict(True, f"let through: first model, AUC {challenger.auc:.3f}")
    return Verdict(True, f"let through: AUC {challenger.auc:.3f} against the champion's {champion.auc:.3f} on the same period")


def _refusal(
    challenger: Quality, baseline_auc: float | None, champion: Quality | None, *, has_champion: bool, settings: PropensitySettings
) -> str | None:
    """The first reason to refuse, None when there is none."""
    figures = [challenger.auc, challenger.calibration_error, challenger.brier, *([champion.auc] if champion else [])]
    rules = (
        (any(math.isnan(f) for f in figures), "a figure is missing, nothing can be compared"),
        (
            challenger.positives < settings.min_positives,
            f"{challenger.positives} positives in the test period, at least {settings.min_positives} are needed",
        ),
        (challenger.auc_low <= CHANCE, f"the AUC {challenger.auc:.3f} is not surely better than chance"),
        (
            challenger.calibration_error > settings.max_calibration_error + challenger.calibration_noise,
            f"calibration error {challenger.calibration_error:.3f} is above {settings.max_calibration_error:.3f} "
            f"and the {challenger.calibration_noise:.3f} that chance explains in a period this small",
        ),
        (
            baseline_auc is not None and challenger.auc < baseline_auc - BASELINE_TOLERANCE,
            f"AUC {challenger.auc:.3f} is below that of a simple ranking, {baseline_auc or 0.0:.3f}",
        ),
        (
            has_champion and champion is None,
            "the champion cannot be evaluated on this period, nothing can be compared; remove its alias to start anew",
        ),
        (
            champion is not None and challenger.auc - champion.auc < settings.min_auc_gain,
            f"AUC {challenger.auc:.3f} against the champion's {champion.auc if champion else 0.0:.3f} on the same period",
        ),
    )
    return next((says for is_broken, says in rules if is_broken), None)
