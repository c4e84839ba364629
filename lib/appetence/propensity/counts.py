"""How often people buy in a window: the BG/NBD law, the spread around a mean, and three forecasts made of one mean.

Sources: Fader, Hardie and Lee (2005), "Counting your customers" the easy way, for the law; by maximum likelihood. Departs from nothing in it.
A law of how buying fades carries a short window learnt from to a long one asked for; a regression alone does not.

A forecast of counts depends on how it is judged. The mean adds up to the total and has the least squared error. The median has the least
absolute error, and is 0 for most. Between the two lies the count that minimises both errors at once, the squared one counted `squared` times:
it gives up little squared error for most of what the median gains, does not add up to the total, and ranks like the mean.
Cost: the law's fit some hundred passes over the rows; the others a few dozen.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import gammaln, hyp2f1
from scipy.stats import nbinom

from appetence.errors import ModelError

Floats = NDArray[np.float64]

COLUMNS = ("repeats", "last_weeks", "weeks")
"""Days with a purchase after the first, weeks from the first to the last, weeks from the first to the cutoff."""

HALVINGS = 30
SMALLEST = 1e-9


def fit_bgnbd(rows: pd.DataFrame) -> Floats:
    """r, alpha, a, b of customers told by `COLUMNS`; ModelError when nobody bought twice."""
    x, tx, age = (rows[c].to_numpy(dtype=float) for c in COLUMNS)
    if not (x > 0).any():
        raise ModelError("Nobody bought a second time: how buying fades cannot be learnt; choose a later cutoff.")

    def loss(logs: Floats) -> float:
        r, alpha, a, b = np.exp(logs)
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
        alive = -(r + x) * np.log(alpha + age)
        gone = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + tx)
        return float(-np.mean(common + np.where(x > 0, np.logaddexp(alive, gone), alive)))

    found = minimize(loss, np.zeros(4), method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-5, "fatol": 1e-9})
    return np.asarray(np.exp(found.x))


def expected_counts(parameters: Floats, rows: pd.DataFrame, weeks: float) -> Floats:
    """Expected purchases in the next `weeks`, given what each customer did."""
    r, alpha, a, b = parameters
    x, tx, age = (rows[c].to_numpy(dtype=float) for c in COLUMNS)
    fades = ((alpha + age) / (alpha + age + weeks)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, weeks / (alpha + age + weeks))
    is_gone = np.where(x > 0, a / (b + np.maximum(x, 1) - 1) * ((alpha + age) / (alpha + tx)) ** (r + x), 0.0)
    return np.asarray((a + b + x - 1) / (a - 1) * (1 - fades) / (1 + is_gone))


def dispersion(means: Floats, counts: Floats) -> float:
    """Size of the negative binomial of counts around their means: large when they keep close to them; by maximum likelihood."""
    floor = np.maximum(means, 1e-4)

    def loss(log_size: float) -> float:
        size = np.exp(log_size)
        return -float(nbinom.logpmf(counts, size, size / (size + floor)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 6.0), method="bounded").x))


def medians(means: Floats, size: float) -> Floats:
    """The count that each customer is as likely to exceed as to stay under: the least absolute error."""
    return np.asarray(nbinom.ppf(0.5, size, _chance(means, size)), dtype=np.float64)


def between(means: Floats, size: float, squared: float) -> Floats:
    """The value with the least expected sum of the absolute error and `squared` times the squared error: the median at 0, the mean far above."""
    chance = _chance(means, size)
    low, high = np.zeros(len(means)), np.maximum(np.asarray(means, dtype=np.float64), medians(means, size))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        # Half the slope of the expected loss, which never falls: its root is the answer.
        is_below = 2 * squared * (middle - means) + 2 * nbinom.cdf(np.floor(middle), size, chance) - 1 < 0
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return np.asarray((low + high) / 2)


def _chance(means: Floats, size: float) -> Floats:
    return np.asarray(size / (size + np.maximum(means, SMALLEST)))
