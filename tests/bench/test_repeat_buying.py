"""BG/NBD against planted parameters and a simulation; the hold-out figures of a perfect forecast."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from appetence.bench.repeat_buying import dispersion, expected_counts, fit_bgnbd, forecast, judged, medians

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
        rows.append((len(past), past[-1] if past else 0.0, weeks, len(moments) - len(past)))
    made = pd.DataFrame(rows, columns=["repeats", "last_weeks", "weeks", "later"])
    made["recency_weeks"] = made.weeks - made.last_weeks
    return made.assign(spend=10.0 * (1 + made.repeats), basket=10.0, decayed=made.repeats.astype(float), recent=made.repeats)


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
    earlier, now = cohort(4000, 26.0, 92 / 7, 2), cohort(4000, 39.0, 39.0, 3)
    actual = now.later.to_numpy(dtype=float)
    ours, law = judged(actual, forecast(earlier, now)), judged(actual, expected_counts(PARAMETERS, now, 39.0))
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
    earlier = cohort(6000, 26.0, 92 / 7, 5)
    mean = expected_counts(fit_bgnbd(earlier), earlier, 92 / 7)
    earlier["later"] = draw.poisson(np.maximum(mean, 1e-4) * draw.gamma(1.5, 1 / 1.5, len(mean)))
    assert dispersion(earlier) == pytest.approx(1.5, rel=0.2)
