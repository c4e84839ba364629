"""The CDNOW hold-out: how often each customer of the 1997 cohort buys in the 39 weeks after 1997-09-30, beside the BG/NBD model.

BG/NBD: Fader, Hardie and Lee (2005), "Counting your customers" the easy way; fitted here by maximum likelihood and checked against its published
parameters. Ours is the geometric mean of three counts: BG/NBD, a Poisson regression and boosted Poisson trees, the latter two fitted on the one
earlier window that is over by the cutoff (the 92 days after 1997-06-30), all brought to BG/NBD's total, because only a law of how buying fades
can carry a 13-week window to 39 weeks. Inputs come from the library's own snapshots; nothing after the cutoff is read before scoring.

A forecast of counts has two answers: the mean, which adds up to the total and has the least squared error, and the median, which has the least
absolute error and is 0 for most. Both are told; the spread around the mean (negative binomial) is learnt on the earlier window too.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import functions as F
from scipy.optimize import minimize, minimize_scalar
from scipy.special import gammaln, hyp2f1
from scipy.stats import nbinom
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it publishes no types

from appetence.contracts.features import Feature
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Record, Transaction
from appetence.features import Horizon, build_features
from appetence.features.eligibility import FEATURED_FROM
from appetence.pipeline.context import Context

Floats = NDArray[np.float64]

CUTOFF, HOLDOUT_DAYS = dt.date(1997, 9, 30), 273
EARLIER, EARLIER_DAYS = dt.date(1997, 6, 30), 92
WEEK = 7.0
LEAST_WEEKS = 8.0
PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
"""BG/NBD parameters of the tenth of the customers that the paper uses."""


def holdout_task(ctx: Context, sample_file: Path) -> list[dict[str, Any]]:
    """Rows to print: error, ranking and total of each forecast on the 2,357 customers of the published sample."""
    tables = _tables(ctx)
    earlier, now = tables[EARLIER], tables[CUTOFF]
    is_sample = now["customer_ref"].isin(_sample(sample_file)).to_numpy()
    actual = now["later"].to_numpy(dtype=float)[is_sample]
    weeks = HOLDOUT_DAYS / WEEK
    published = expected_counts(np.array(list(PUBLISHED.values())), now[is_sample], weeks)
    ours, spread = forecast(earlier, now)[is_sample], dispersion(earlier)
    forecasts = {"BG/NBD, published": published, "Appetence": ours}
    forecasts |= {"BG/NBD, median": medians(published, spread), "Appetence, median": medians(ours, spread)}
    forecasts["recency alone"] = -now["recency_weeks"].to_numpy()[is_sample]
    forecasts["frequency alone"] = now["repeats"].to_numpy()[is_sample]
    return [{"forecast": name, **judged(actual, values, is_count=not name.endswith("alone"))} for name, values in forecasts.items()]


def forecast(earlier: pd.DataFrame, now: pd.DataFrame) -> Floats:
    """Expected transactions in the hold-out window of each row of `now`, learnt on `earlier` and its 13 weeks."""
    known = earlier[earlier["weeks"] >= LEAST_WEEKS]
    past = expected_counts(fit_bgnbd(known), known, EARLIER_DAYS / WEEK)
    future = expected_counts(fit_bgnbd(now), now, HOLDOUT_DAYS / WEEK)
    x, z = _inputs(known, past), _inputs(now, future)
    means, scales = x.mean(axis=0), x.std(axis=0)
    y = known["later"].to_numpy(dtype=float)
    linear = PoissonRegressor(alpha=1e-2, max_iter=500).fit((x - means) / scales, y).predict((z - means) / scales)
    trees = HistGradientBoostingRegressor(
        loss="poisson", max_iter=80, learning_rate=0.05, max_leaf_nodes=6, min_samples_leaf=150, l2_regularization=10,
        early_stopping=False, random_state=1,
    )  # fmt: skip
    with threadpool_limits(limits=1):
        boosted = trees.fit(x, y).predict(z)
    blend = np.cbrt(linear * boosted * future)
    return np.asarray(blend * future.sum() / blend.sum())


def dispersion(earlier: pd.DataFrame) -> float:
    """Size of the negative binomial of what customers buy around BG/NBD's mean: large when they keep close to it; by maximum likelihood."""
    known = earlier[earlier["weeks"] >= LEAST_WEEKS]
    means = np.maximum(expected_counts(fit_bgnbd(known), known, EARLIER_DAYS / WEEK), 1e-4)
    counts = known["later"].to_numpy(dtype=float)

    def loss(log_size: float) -> float:
        size = np.exp(log_size)
        return -float(nbinom.logpmf(counts, size, size / (size + means)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 6.0), method="bounded").x))


def medians(means: Floats, size: float) -> Floats:
    """The count that each customer is as likely to exceed as to stay under."""
    return np.asarray(nbinom.ppf(0.5, size, size / (size + np.maximum(means, 1e-9))), dtype=np.float64)


def judged(actual: Floats, values: Floats, *, is_count: bool = True) -> dict[str, float | None]:
    """Errors (for forecasts of counts), AUC of buying at all, and the share of transactions the best tenth makes."""
    best = np.argsort(-values, kind="stable")[: int(np.ceil(len(values) / 10))]
    return {
        "MAE": float(np.abs(actual - values).mean()) if is_count else None,
        "RMSE": float(np.sqrt(((actual - values) ** 2).mean())) if is_count else None,
        "buy AUC": float(roc_auc_score(actual > 0, values)),
        "top decile": float(actual[best].sum() / actual.sum()),
        "total": float(values.sum()) if is_count else None,
        "actual total": float(actual.sum()),
    }


def fit_bgnbd(rows: pd.DataFrame) -> Floats:
    """r, alpha, a, b by maximum likelihood over `repeats`, `last_weeks` (first to last purchase) and `weeks` (first purchase to cutoff)."""
    x, tx, age = (rows[c].to_numpy(dtype=float) for c in ("repeats", "last_weeks", "weeks"))

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
    x, tx, age = (rows[c].to_numpy(dtype=float) for c in ("repeats", "last_weeks", "weeks"))
    fades = ((alpha + age) / (alpha + age + weeks)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, weeks / (alpha + age + weeks))
    is_gone = np.where(x > 0, a / (b + np.maximum(x, 1) - 1) * ((alpha + age) / (alpha + tx)) ** (r + x), 0.0)
    return np.asarray((a + b + x - 1) / (a - 1) * (1 - fades) / (1 + is_gone))


def _inputs(rows: pd.DataFrame, expected: Floats) -> Floats:
    """Logarithms of BG/NBD's count, repeats, spend, recency, mean basket and recent activity."""
    logs = [np.log(np.maximum(expected, 1e-6))]
    logs += [np.log1p(np.maximum(rows[c].to_numpy(dtype=float), 0.0)) for c in ("repeats", "spend", "recency_weeks", "basket", "decayed", "recent")]
    return np.column_stack(logs)


def _tables(ctx: Context) -> dict[dt.date, pd.DataFrame]:
    """One table per cutoff: what each customer did by then, and on how many days it bought in the window after."""
    links, bought = ctx.lake.read(PersonLink), ctx.lake.read(Transaction)
    everybody = links.select(PersonLink.person_id).distinct().withColumn(FEATURED_FROM, F.lit(EARLIER))
    rows = build_features(bought, links, everybody, [EARLIER, CUTOFF], Horizon(gap=0, length=EARLIER_DAYS, history=1096))
    refs = ctx.lake.read(Record).join(links.select(PersonLink.record_id, PersonLink.person_id), on=str(Record.record_id), how="inner")
    named = rows.join(refs.select(PersonLink.person_id, Record.customer_ref), on=str(PersonLink.person_id), how="inner")
    whole = ctx.lake.stage("cdnow", named).toPandas()
    days = bought.join(links.select(PersonLink.record_id, PersonLink.person_id), on=str(Transaction.record_id), how="inner").select(
        Feature.person_id, Transaction.transaction_date
    )
    events = days.distinct().toPandas()
    return {cutoff: _described(whole, events, cutoff, length) for cutoff, length in ((EARLIER, EARLIER_DAYS), (CUTOFF, HOLDOUT_DAYS))}


def _described(whole: pd.DataFrame, events: pd.DataFrame, cutoff: dt.date, length: int) -> pd.DataFrame:
    moment = pd.Timestamp(cutoff)
    rows = whole[pd.to_datetime(whole["cutoff"]) == moment].sort_values("customer_ref").reset_index(drop=True)
    day = pd.to_datetime(events["transaction_date"])
    later = events[(day > moment) & (day <= moment + pd.Timedelta(days=length))].groupby("person_id").size()
    first, last = pd.to_datetime(rows["first_on"]), pd.to_datetime(rows["last_on"])
    return pd.DataFrame(
        {
            "customer_ref": rows["customer_ref"], "repeats": rows["days_total"] - 1, "last_weeks": (last - first).dt.days / WEEK,
            "weeks": (moment - first).dt.days / WEEK, "recency_weeks": (moment - last).dt.days / WEEK, "spend": rows["amount_total"] / 100,
            "basket": rows["amount_total"] / 100 / rows["events_total"], "decayed": rows["decayed_events_90"], "recent": rows["events_90d"],
            "later": rows["person_id"].map(later).fillna(0),
        }
    )  # fmt: skip


def _sample(file: Path) -> set[str]:
    """Customer numbers of the published tenth."""
    return {line.split()[0] for line in file.read_text(encoding="ascii").splitlines() if line.strip()}
