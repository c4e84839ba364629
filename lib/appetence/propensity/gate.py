"""The gate between challenger and champion. It fails closed: whatever cannot be compared is refused, with a sentence that says why."""

from __future__ import annotations

import math
from dataclasses import dataclass

from appetence.contracts.settings import PropensitySettings
from appetence.propensity.comparison import Difference, Shift
from appetence.propensity.metrics import Quality

Rules = tuple[tuple[bool, str], ...]
"""Pairs of whether a rule is broken and what is said then."""

BASELINE_TOLERANCE = 0.01
"""A model may lose this much AUC against the best of recency and frequency and still be worth its calibration."""

CHANCE = 0.5


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a challenger."""

    is_let_through: bool
    reason: str


@dataclass(frozen=True)
class Evidence:
    """What the gate looks at, all of it on one and the same later period.

    `champion` is None when there is none or when it cannot be evaluated; `difference` is its paired comparison with the challenger; `shift` is
    how far the challenger's scores moved between the period it was calibrated on and the later one."""

    challenger: Quality
    baseline_auc: float | None
    champion: Quality | None
    has_champion: bool
    difference: Difference | None
    shift: Shift | None


def decide(evidence: Evidence, settings: PropensitySettings) -> Verdict:
    """The verdict on a challenger."""
    refusal = _refusal(evidence, settings)
    if refusal:
        return Verdict(False, f"refused: {refusal}")
    auc = f"AUC {evidence.challenger.auc:.3f}"
    if evidence.champion is None or evidence.difference is None:
        return Verdict(True, f"let through: first model, {auc}")
    return Verdict(True, f"let through: {auc} {_against(evidence)}")


def _against(evidence: Evidence) -> str:
    champion, difference = evidence.champion, evidence.difference
    if champion is None or difference is None:
        return ""
    return f"against the champion's {champion.auc:.3f} on the same period (difference {difference.low:+.3f} to {difference.high:+.3f})"


def _refusal(evidence: Evidence, settings: PropensitySettings) -> str | None:
    """The first reason to refuse, None when there is none."""
    rules = (*_alone(evidence, settings), *_beside(evidence, settings))
    return next((says for is_broken, says in rules if is_broken), None)


def _alone(evidence: Evidence, settings: PropensitySettings) -> Rules:
    """What is asked of the challenger itself."""
    challenger, baseline_auc, champion, shift = evidence.challenger, evidence.baseline_auc, evidence.champion, evidence.shift
    figures = [challenger.auc, challenger.calibration_error, challenger.brier]
    figures += [*([champion.auc] if champion else []), *([shift.index] if shift else [])]
    return (
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
        (shift is None, "the stability of its scores is not known"),
        (
            shift is not None and shift.beyond_chance > settings.max_score_shift,
            f"its scores moved by {shift.index if shift else 0.0:.2f} from the calibration period to the test period, "
            f"more than {settings.max_score_shift:.2f}",
        ),
    )


def _beside(evidence: Evidence, settings: PropensitySettings) -> Rules:
    """What is asked of it beside the champion: no loss to speak of, and none that could be large."""
    challenger, champion, difference = evidence.challenger, evidence.champion, evidence.difference
    auc = f"AUC {challenger.auc:.3f} {_against(evidence)}"
    return (
        (
            evidence.has_champion and (champion is None or difference is None or math.isnan(difference.low)),
            "the champion cannot be evaluated on this period, nothing can be compared; remove its alias to start anew",
        ),
        (champion is not None and challenger.auc - champion.auc < settings.min_auc_gain, auc),
        (
            difference is not None and difference.low < -settings.max_auc_loss,
            f"{auc}: the loss may be more than {settings.max_auc_loss:.3f}, the period is too small to tell",
        ),
    )
