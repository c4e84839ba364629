"""Labels: who did what a model predicts, in the window after a cutoff. They are the only thing read after it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.features import Feature
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Transaction
from appetence.errors import ModelError
from appetence.features.snapshot import Horizon, checked_cutoffs, is_counted, is_in_label_window

LABEL = "label"
LABEL_AMOUNT = "label_amount"
"""Cents spent or given in the label window, refunds left out."""


def build_labels(
    transactions: DataFrame, links: DataFrame, targets: Collection[str], cutoffs: Sequence[dt.date], horizon: Horizon, as_of: dt.date
) -> DataFrame:
    """Cutoff and person of each positive, an order or gift with one of the `targets` (member ids) in the label window, and its `label_amount`.

    Refunds do not count. ModelError when a label window is not over by `as_of`: its labels are not known yet.
    """
    moments = checked_cutoffs(cutoffs)
    late = [c for c in moments if c + dt.timedelta(days=horizon.reach) > as_of]
    if late:
        raise ModelError(
            f"The label window of the cutoff {late[0]} ends after {as_of}: its labels are not known yet; take earlier cutoffs or a shorter horizon."
        )
    wanted = transactions.where(is_counted() & F.col(Transaction.member_id).isin(sorted(targets)))
    day = F.col(Transaction.transaction_date)
    windows = F.filter(F.array(*(F.lit(c) for c in moments)), lambda moment: is_in_label_window(day, moment, horizon))
    return (
        wanted.withColumn(Feature.cutoff, F.explode(windows))
        .join(links.select(PersonLink.record_id, PersonLink.person_id), on=str(Transaction.record_id), how="inner")
        .groupBy(Feature.cutoff, PersonLink.person_id)
        .agg(F.sum(Transaction.amount_cents).alias(LABEL_AMOUNT))
    )


def with_label(dataset: DataFrame, positives: DataFrame) -> DataFrame:
    """The dataset with `label`, 1 when the cutoff and person are among the positives, else 0; and `label_amount` when the positives have it."""
    marked = positives.withColumn("_positive", F.lit(1))
    joined = dataset.join(marked, on=[str(Feature.cutoff), str(Feature.person_id)], how="left")
    return joined.withColumn(LABEL, F.coalesce(F.col("_positive"), F.lit(0))).drop("_positive")


def training_cutoffs(until: dt.date, horizon: Horizon, *, count: int, step: int, grid: int = 1) -> tuple[list[dt.date], dt.date]:
    """The training cutoffs (oldest first) and the later test cutoff whose label window ends on `until`, the last day known of every member,
    or less than `grid` days before: cutoffs of the past lie that far apart, so that the next runs meet them again.

    What is fitted is chosen, and above all calibrated, by the last training cutoff. ModelError unless each label window ends by the next cutoff:
    otherwise training would see the test period.
    """
    if step < horizon.reach:
        raise ModelError(
            f"Training cutoffs {step} days apart have label windows of {horizon.reach} days that overlap the next cutoff; "
            f"set features.step_days to at least {horizon.reach}."
        )
    if count < 2:
        raise ModelError("At least two training cutoffs are needed, one to fit and one to calibrate; raise features.train_cutoffs.")
    latest = until - dt.timedelta(days=horizon.reach)
    test = latest - dt.timedelta(days=latest.toordinal() % grid)
    return [test - dt.timedelta(days=step * k) for k in range(count, 0, -1)], test
