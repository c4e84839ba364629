"""Which rows are trained on: all positives, and a share of the negatives drawn by hash, the same wherever and whenever it is drawn."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns.hashing import stable_order

_DRAW = "_draw"
RESOLUTION = 1 << 28


def negative_rate(rows: int, positives: int, limit: int) -> float:
    """Share of negatives to keep so that at most about `limit` rows remain; at least as many negatives as positives.

    >>> negative_rate(1000, 100, 5000), negative_rate(1000, 100, 550)
    (1.0, 0.5)
    """
    negatives = rows - positives
    if rows <= limit or negatives <= 0:
        return 1.0
    return min(1.0, max(limit - positives, positives, 1) / negatives)


def sample_negatives(dataset: DataFrame, label: str, keys: list[str], rate: float, seed: int) -> DataFrame:
    """All positives and a share `rate` of the negatives."""
    return dataset if rate >= 1 else dataset.where((F.col(label) == 1) | _is_drawn(keys, rate, seed))


def sample_rows(dataset: DataFrame, keys: list[str], rate: float, seed: int) -> DataFrame:
    """A share of all rows, whatever their label: for test periods, whose rates must stay as they are."""
    return dataset if rate >= 1 else dataset.where(_is_drawn(keys, rate, seed))


def _is_drawn(keys: list[str], rate: float, seed: int) -> Column:
    number = F.conv(F.substring(stable_order(*(F.col(k) for k in keys), seed=seed), 1, 7), 16, 10).cast("bigint")
    return number < F.lit(int(rate * RESOLUTION))
