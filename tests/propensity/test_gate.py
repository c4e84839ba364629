"""The gate: same later period, and closed whenever something is missing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from appetence.contracts.settings import PropensitySettings
from appetence.propensity import Difference, Evidence, Shift, auc_difference, decide, score_shift
from appetence.propensity.metrics import Quality, calibration_error, calibration_noise

GOOD = Quality(
    rows=5000, positives=400, auc=0.75, auc_low=0.72, average_precision=0.3, brier=0.06, calibration_error=0.008,
    top_decile_lift=3.0, top_fifth_capture=0.5,
)  # fmt: skip
SETTINGS = PropensitySettings()
EVEN, STILL = Difference(0.0, -0.004, 0.004), Shift(0.02, 0.01)
FIRST = Evidence(GOOD, 0.70, None, False, None, STILL)
SECOND = Evidence(GOOD, 0.70, GOOD, True, EVEN, STILL)


def test_a_good_first_model_and_an_equal_challenger_pass() -> None:
    assert decide(FIRST, SETTINGS).is_let_through
    verdict = decide(replace(SECOND, champion=replace(GOOD, auc=0.753)), SETTINGS)
    assert verdict.is_let_through
    assert "difference -0.004 to +0.004" in verdict.reason


@pytest.mark.parametrize(
    ("evidence", "changed", "says"),
    [
        (FIRST, {"challenger": replace(GOOD, auc=math.nan)}, "a figure is missing"),
        (SECOND, {"champion": replace(GOOD, auc=math.nan)}, "a figure is missing"),
        (FIRST, {"shift": Shift(math.nan, 0.0)}, "a figure is missing"),
        (FIRST, {"challenger": replace(GOOD, positives=49)}, "49 positives"),
        (FIRST, {"challenger": replace(GOOD, auc_low=0.499)}, "better than chance"),
        (FIRST, {"challenger": replace(GOOD, calibration_error=0.031)}, "calibration error 0.031"),
        (FIRST, {"challenger": replace(GOOD, calibration_error=0.061, calibration_noise=0.03)}, "calibration error 0.061"),
        (FIRST, {"challenger": replace(GOOD, auc=0.68)}, "simple ranking"),
        (FIRST, {"shift": None}, "stability of its scores is not known"),
        (FIRST, {"shift": Shift(0.56, 0.05)}, "moved by 0.56"),
        (SECOND, {"champion": None}, "champion cannot be evaluated"),
        (SECOND, {"difference": None}, "champion cannot be evaluated"),
        (SECOND, {"difference": Difference(math.nan, math.nan, math.nan)}, "champion cannot be evaluated"),
        (SECOND, {"champion": replace(GOOD, auc=0.76)}, "champion's 0.760"),
        (SECOND, {"difference": Difference(0.0, -0.031, 0.031)}, "the loss may be more than 0.030"),
    ],
)
def test_the_gate_fails_closed(evidence: Evidence, changed: dict[str, Any], says: str) -> None:
    verdict = decide(replace(evidence, **changed), SETTINGS)
    assert not verdict.is_let_through
    assert says in verdict.reason


def test_a_small_period_is_not_blamed_for_chance_and_chance_alone_is_what_the_noise_says() -> None:
    small = replace(GOOD, calibration_error=0.05, calibration_noise=0.03)
    assert decide(replace(FIRST, challenger=small, shift=Shift(0.54, 0.05)), SETTINGS).is_let_through
    draws = np.random.default_rng(7)
    probabilities = draws.uniform(0.1, 0.9, 2000)
    found = [calibration_error((draws.uniform(size=2000) < probabilities).astype(float), probabilities) for _ in range(200)]
    expected = calibration_noise(probabilities, probabilities)
    assert abs(float(np.mean(found)) - expected) < 0.15 * expected


def test_the_difference_is_paired_seeded_and_covers_the_truth() -> None:
    """Two scores that share their noise: each AUC is uncertain, their difference is not. True difference known from a large sample."""

    def drawn(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        draw = np.random.default_rng(seed)
        signal, noise, own = draw.normal(size=(3, rows))
        labels = (draw.random(rows) < 1 / (1 + np.exp(2 - signal))).astype(float)
        return labels, (signal + noise).round(2), (signal + noise + 0.3 * own).round(2)

    labels, better, worse = drawn(200_000, 1)
    truth = roc_auc_score(labels, better) - roc_auc_score(labels, worse)
    found = [auc_difference(*drawn(3000, 100 + n), seed=5, draws=100) for n in range(40)]
    covered = sum(d.low <= truth <= d.high for d in found)
    assert 30 <= covered <= 40, covered
    labels, better, worse = drawn(3000, 3)
    once = auc_difference(labels, better, worse, seed=5)
    assert once == auc_difference(labels, better, worse, seed=5)
    assert once.value == pytest.approx(roc_auc_score(labels, better) - roc_auc_score(labels, worse), abs=1e-12), "ties count half"
    unpaired = 2 * 1.645 * np.sqrt(2 * np.var([roc_auc_score(*drawn(3000, 200 + n)[:2]) for n in range(40)]))
    assert once.high - once.low < 0.5 * unpaired
    same = auc_difference(labels, better, better, seed=5)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_scores_of_the_same_people_do_not_shift_and_those_of_others_do() -> None:
    draw = np.random.default_rng(9)
    then, now = draw.beta(1, 9, size=6000), draw.beta(1, 9, size=6000)
    still = score_shift(then, now)
    assert still.index < 3 * still.by_chance and still.beyond_chance < 0.01
    assert score_shift(then, draw.beta(2, 9, size=6000)).beyond_chance > 0.25
    # Of the rows below the median a quarter was kept, with a weight of four: the spread is the same.
    kept = (then > np.median(then)) | (draw.random(6000) < 0.25)
    weights = np.where(then[kept] > np.median(then), 1.0, 4.0)
    assert score_shift(then[kept], now, weights).beyond_chance < 0.02
    assert score_shift(then[kept], now).beyond_chance > 0.1
