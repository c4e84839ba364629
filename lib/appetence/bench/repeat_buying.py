"""The CDNOW hold-out: how often each customer of the 1997 cohort buys in the 39 weeks after 1997-09-30, beside the BG/NBD model.

The law and the three forecasts made of one mean are `propensity.counts`. Ours is a weighted mean of three counts: a Poisson regression, boosted
Poisson trees and BG/NBD, the former two fitted on the windows of three earlier cutoffs that are over by the cutoff, all brought to BG/NBD's total,
because only a law of how buying fades can carry a window of weeks to 39 weeks. Inputs come from the library's own snapshots; nothing after the
cutoff is read before scoring. Weights and ridge were chosen on windows that end by the cutoff: what was learnt up to 1997-05-31,
06-30, 07-31 and 08-31, judged on what followed until 09-30. The spread around the mean (negative binomial) is learnt on the earlier windows too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import functions as F
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from appetence.contracts.features import Feature
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Record, Transaction
from appetence.features import Horizon, build_features
from appetence.features.eligibility import FEATURED_FROM
from appetence.pipeline.context import Context
from appetence.propensity.counts import between, dispersion, expected_counts, fit_bgnbd, medians

Floats = NDArray[np.float64]

CUTOFF, HOLDOUT_DAYS = dt.date(1997, 9, 30), 273
EARLIER = {dt.date(1997, 6, 30): 92, dt.date(1997, 7, 15): 77, dt.date(1997, 7, 31): 61}
"""Earlier cutoffs, and the days of their windows: all end on the cutoff."""
WEEK = 7.0
LEAST_WEEKS = 8.0
SHARES = (0.6, 0.2, 0.2)
"""Of the regression, the trees and BG/NBD."""
RIDGE, SEEDS = 0.03, (1, 2)
SQUARED = 6.0
"""How often the squared error counts beside the absolute one in the forecast between mean and median: by the law of the counts themselves that
costs a two-thousandth of the expected squared error."""
SMALLEST, UNKNOWN_GAP = 1e-9, 4.0
LOGGED = (
    "repeats", "spend", "recency_weeks", "basket", "decayed_30", "decayed_90", "decayed_365", "recent_30", "recent_90", "recent_180", "weeks",
    "last_weeks", "largest", "decayed_spend",
)  # fmt: skip
PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
"""BG/NBD parameters of the tenth of the customers that the paper uses."""


def holdout_task(ctx: Context, sample_file: Path) -> list[dict[str, Any]]:
    """Rows to print: error, ranking and total of each forecast on the 2,357 customers of the published sample."""
    tables = _tables(ctx)
    earlier, now = [(tables[cutoff], days) for cutoff, days in EARLIER.items()], tables[CUTOFF]
    is_sample = now["customer_ref"].isin(_sample(sample_file)).to_numpy()
    actual = now["later"].to_numpy(dtype=float)[is_sample]
    published = expected_counts(np.array(list(PUBLISHED.values())), now[is_sample], HOLDOUT_DAYS / WEEK)
    ours, size = forecast(earlier, now)
    ours = ours[is_sample]
    forecasts = {"BG/NBD, published": published, "Appetence, mean": ours, "Appetence, between": between(ours, size, SQUARED)}
    forecasts |= {"Appetence, median": medians(ours, size)}
    forecasts["recency alone"] = -now["recency_weeks"].to_numpy()[is_sample]
    forecasts["frequency alone"] = now["repeats"].to_numpy()[is_sample]
    return [{"forecast": name, **judged(actual, values, is_count=not name.endswith("alone"))} for name, values in forecasts.items()]


def forecast(earlier: Sequence[tuple[pd.DataFrame, int]], now: pd.DataFrame) -> tuple[Floats, float]:
    """Expected transactions in the hold-out window of each row of `now`, and the spread around BG/NBD's mean; learnt on `earlier`: tables with
    the days of their windows."""
    past = [_learnt(table, days) for table, days in earlier]
    x, y = np.vstack([values for values, _ in past]), np.concatenate([later for _, later in past])
    law = expected_counts(fit_bgnbd(now), now, HOLDOUT_DAYS / WEEK)
    z = _inputs(now, law)
    means, scales = x.mean(axis=0), np.maximum(x.std(axis=0), SMALLEST)
    linear = PoissonRegressor(alpha=RIDGE, max_iter=500).fit((x - means) / scales, y).predict((z - means) / scales)
    with threadpool_limits(limits=1):
        boosted = np.mean([_trees(seed).fit(x, y).predict(z) for seed in SEEDS], axis=0)
    parts = (linear, boosted, law)
    mean = np.sum([share * part * law.sum() / part.sum() for share, part in zip(SHARES, parts, strict=True)], axis=0)
    return np.asarray(mean), dispersion(np.exp(x[:, 0]), y)


def _learnt(table: pd.DataFrame, days: int) -> tuple[Floats, Floats]:
    """Inputs and later counts of the customers known long enough at one earlier cutoff."""
    law = expected_counts(fit_bgnbd(table), table, days / WEEK)
    is_known = (table["weeks"] >= LEAST_WEEKS).to_numpy()
    return _inputs(table, law)[is_known], table["later"].to_numpy(dtype=float)[is_known]


def _trees(seed: int) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(
        loss="poisson", max_iter=80, learning_rate=0.05, max_leaf_nodes=6, min_samples_leaf=150, max_features=0.5, l2_regularization=10,
        early_stopping=False, random_state=seed,
    )  # fmt: skip


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


def _inputs(rows: pd.DataFrame, expected: Floats) -> Floats:
    """Logarithms of BG/NBD's count and of what the library's features tell, and how regular the customer is; nothing is missing."""
    gaps = rows["repeats"].to_numpy(dtype=float)
    has_gap, mean_gap = gaps > 0, rows["last_weeks"].to_numpy(dtype=float) / np.maximum(gaps, 1)
    spread = np.sqrt(np.maximum(rows["gap_squares"].to_numpy(dtype=float) / WEEK**2 / np.maximum(gaps, 1) - mean_gap**2, 0))
    recency = rows["recency_weeks"].to_numpy(dtype=float)
    regular = [
        np.where(has_gap, np.log1p(mean_gap), UNKNOWN_GAP), np.where(has_gap, np.log((recency + 0.5) / (mean_gap + 0.5)), 0.0),
        has_gap.astype(float), np.where(gaps > 1, spread / np.maximum(mean_gap, 0.1), 0.0),
    ]  # fmt: skip
    logs = [np.log1p(np.maximum(rows[c].to_numpy(dtype=float), 0.0)) for c in LOGGED]
    return np.column_stack([np.log(np.maximum(expected, 1e-6)), *logs, *regular])


def _tables(ctx: Context) -> dict[dt.date, pd.DataFrame]:
    """One table per cutoff: what each customer did by then, and on how many days it bought in the window after."""
    links, bought = ctx.lake.read(PersonLink), ctx.lake.read(Transaction)
    everybody = links.select(PersonLink.person_id).distinct().withColumn(FEATURED_FROM, F.lit(min(EARLIER)))
    rows = build_features(bought, links, everybody, [*EARLIER, CUTOFF], Horizon(gap=0, length=max(EARLIER.values()), history=1096))
    refs = ctx.lake.read(Record).join(links.select(PersonLink.record_id, PersonLink.person_id), on=str(Record.record_id), how="inner")
    named = rows.join(refs.select(PersonLink.person_id, Record.customer_ref), on=str(PersonLink.person_id), how="inner")
    whole = ctx.lake.stage("cdnow", named).toPandas()
    days = bought.join(links.select(PersonLink.record_id, PersonLink.person_id), on=str(Transaction.record_id), how="inner").select(
        Feature.person_id, Transaction.transaction_date
    )
    events = days.distinct().toPandas()
    return {cutoff: _described(whole, events, cutoff, length) for cutoff, length in (*EARLIER.items(), (CUTOFF, HOLDOUT_DAYS))}


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
            "basket": rows["amount_total"] / 100 / rows["events_total"], "largest": rows["largest_amount"] / 100,
            "decayed_spend": rows["decayed_amount_90"] / 100, "gap_squares": rows["gap_squares_total"],
            **{f"decayed_{h}": rows[f"decayed_events_{h}"] for h in (30, 90, 365)}, **{f"recent_{w}": rows[f"events_{w}d"] for w in (30, 90, 180)},
            "later": rows["person_id"].map(later).fillna(0),
        }
    )  # fmt: skip


def _sample(file: Path) -> set[str]:
    """Customer numbers of the published tenth."""
    return {line.split()[0] for line in file.read_text(encoding="ascii").splitlines() if line.strip()}
