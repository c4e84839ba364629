"""The gate: same later period, and closed whenever something is missing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from appetence.contracts.settings import PropensitySettings
from appetence.propensity import decide
from appetence.propensity.metrics import Quality, calibration_error, calibration_noise

GOOD = Quality(
    rows=5000, positives=400, auc=0.75, auc_low=0.72, average_precision=0.3, brier=0.06, calibration_error=0.008,
    top_decile_lift=3.0, top_fifth_capture=0.5,
)  # fmt: skip
SETTINGS = PropensitySettings()


def test_a_good_first_model_and_an_equal_challenger_pass() -> None:
    assert decide(GOOD, 0.70, None, has_champion=False, settings=SETTINGS).is_let_through
    assert decide(GOOD, 0.70, replace(GOOD, auc=0.753), has_champion=True, settings=SETTINGS).is_let_through


@pytest.mark.parametrize(
    ("challenger", "champion", "has_champion", "says"),
    [
        (replace(GOOD, auc=math.nan), None, False, "a figure is missing"),
        (GOOD, replace(GOOD, auc=math.nan), True, "a figure is missing"),
        (replace(GOOD, positives=49), None, False, "49 positives"),
        (replace(GOOD, auc_low=0.499), None, False, "better than chance"),
        (replace(GOOD, calibration_error=0.031), None, False, "calibration error 0.031"),
        (replace(GOOD, calibration_error=0.061, calibration_noise=0.03), None, False, "calibration error 0.061"),
        (replace(GOOD, auc=0.68), None, False, "simple ranking"),
        (GOOD, None, True, "champion cannot be evaluated"),
        (GOOD, replace(GOOD, auc=0.76), True, "champion's 0.760"),
    ],
)
def test_the_gate_fails_closed(challenger: Quality, champion: Quality | None, has_champion: bool, says: str) -> None:
    verdict = decide(challenger, 0.70, champion, has_champion=has_champion, settings=SETTINGS)
    assert not verdict.is_let_through
    assert says in verdict.reason


def test_a_small_period_is_not_blamed_for_chance_and_chance_alone_is_what_the_noise_says() -> None:
    small = replace(GOOD, calibration_error=0.05, calibration_noise=0.03)
    assert decide(small, 0.70, None, has_champion=False, settings=SETTINGS).is_let_through
    draws = np.random.default_rng(7)
    probabilities = draws.uniform(0.1, 0.9, 2000)
    found = [calibration_error((draws.uniform(size=2000) < probabilities).astype(float), probabilities) for _ in range(200)]
    expected = calibration_noise(probabilities, probabilities)
    assert abs(float(np.mean(found)) - expected) < 0.15 * expected
