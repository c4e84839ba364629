"""BG/NBD against planted parameters and a simulation; the hold-out figures of a perfect forecast."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom

from appetence.bench.repeat_buying import forecast, judged
from appetence.errors import ModelError
from appetence.propensity.counts import between, dispersion, expected_counts, fit_bgnbd, medians

PARAMETERS = np.array([0.6, 5.0, 0.9, 3.0])


def cohort(customers: int, weeks: float, ahead: float, seed: int) -> pd.DataFrame:
    """Customers who buy at gamma rates and drop out after a purchase with a beta chance, as BG/NBD says; `later` is what follows."""
    draw = np.random.default_rng(seed)
    r, alpha, a, b = PARAMETERS
    rates, drops = draw.gamma(r, 1 / alpha, customers), draw.beta(a, b, customers)
    rows = []
    for rate, drop in zip(rates, drops, strict=True):
        moments, now = [], 0.0
        while True:
            now += draw.exponential(1 / max(rate, 1e-9))
            if now > weeks + ahead:
                break
            moments.append(now)
            if draw.random() < drop:
                break
        past = [m for m in moments if m <= weeks]
        ages = weeks - np.array([0.0, *past])
        gaps = float((np.diff([0.0, *past]) ** 2).sum() * 49)
        decayed = {f"decayed_{h}": float((0.5 ** (7 * ages / h)).sum()) for h in (30, 90, 365)}
        recent = {f"recent_{w}": int((7 * ages < w).sum()) for w in (30, 90, 180)}
        last = past[-1] if past else 0.0
        rows.append(
            {"repeats": len(past), "last_weeks": last, "weeks": weeks, "later": len(moments) - len(past), "gap_squares": gaps, **decayed, **recent}
        )
    made = pd.DataFrame(rows)
    made["recency_weeks"] = made.weeks - made.last_weeks
    return made.assign(spend=10.0 * (1 + made.repeats), basket=10.0, largest=10.0, decayed_spend=10.0 * made.decayed_90)


def test_planted_parameters_and_counts_are_recovered() -> None:
    rows = cohort(9000, 39.0, 39.0, 1)
    found = fit_bgnbd(rows)
    assert found[:2] == pytest.approx(PARAMETERS[:2], rel=0.12)
    assert found[2] / found[2:].sum() == pytest.approx(PARAMETERS[2] / PARAMETERS[2:].sum(), abs=0.03)
    expected = expected_counts(PARAMETERS, rows, 39.0)
    assert expected.mean() == pytest.approx(rows.later.mean(), rel=0.06)
    for repeats in (0, 1, 3):
        chosen = (rows.repeats == repeats).to_numpy()
        assert expected[chosen].mean() == pytest.approx(rows.later[chosen].mean(), abs=0.12)


def test_the_forecast_ranks_as_well_as_the_true_law_where_it_holds() -> None:
    earlier, now = [(cohort(4000, 26.0, 92 / 7, 2), 92), (cohort(4000, 28.0, 77 / 7, 6), 77)], cohort(4000, 39.0, 39.0, 3)
    actual = now.later.to_numpy(dtype=float)
    ours, law = judged(actual, forecast(earlier, now)[0]), judged(actual, expected_counts(PARAMETERS, now, 39.0))
    assert ours["buy AUC"] > law["buy AUC"] - 0.01
    assert ours["RMSE"] < law["RMSE"] * 1.03


def test_a_perfect_forecast_has_no_error() -> None:
    actual = np.array([0.0, 0.0, 3.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert judged(actual, actual) == {"MAE": 0.0, "RMSE": 0.0, "buy AUC": 1.0, "top decile": 0.75, "total": 4.0, "actual total": 4.0}


def test_the_median_has_the_least_absolute_error_and_the_spread_is_the_planted_one() -> None:
    draw = np.random.default_rng(4)
    means = draw.gamma(0.8, 1.0, 20_000)
    actual = draw.poisson(means * draw.gamma(0.7, 1 / 0.7, 20_000)).astype(float)
    middle = medians(means, 0.7)
    assert (actual > middle).mean() <= 0.5
    assert judged(actual, middle)["MAE"] < min(judged(actual, means)["MAE"], judged(actual, middle + 1)["MAE"], judged(actual, means * 0)["MAE"])
    assert judged(actual, means)["RMSE"] < judged(actual, middle)["RMSE"]
    assert dispersion(means, actual) == pytest.approx(0.7, rel=0.1)


def test_between_mean_and_median_lies_the_least_sum_of_both_errors() -> None:
    means, size = np.array([0.05, 0.4, 1.0, 2.5, 8.0]), 0.8
    counts = np.arange(400)
    for squared in (0.3, 1.0, 4.0):
        found = between(means, size, squared)
        tried = np.linspace(0, 10, 2001)
        for mean, value in zip(means, found, strict=True):
            chances = nbinom.pmf(counts, size, size / (size + mean))
            loss = [float((chances * (np.abs(counts - a) + squared * (counts - a) ** 2)).sum()) for a in tried]
            assert value == pytest.approx(tried[int(np.argmin(loss))], abs=0.006), (mean, squared)
    assert between(means, size, 1e6) == pytest.approx(means, abs=1e-3)
    assert between(means, size, 0.0) == pytest.approx(medians(means, size), abs=1e-6)
    assert (np.diff(between(np.linspace(0.01, 9, 300), size, 4.0)) >= 0).all(), "it ranks like the mean"


def test_a_law_without_a_second_purchase_is_refused() -> None:
    rows = pd.DataFrame({"repeats": [0, 0], "last_weeks": [0.0, 0.0], "weeks": [9.0, 12.0]})
    with pytest.raises(ModelError, match="second time"):
        fit_bgnbd(rows)
