"""How right the persons and households are, beside a known truth: aggregates only, no pair is ever made."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


@dataclass(frozen=True)
class Agreement:
    """Pairwise precision, recall and F1 over clusters; B-cubed F1 (Bagga and Baldwin 1998); share of true groups found exactly."""

    precision: float
    recall: float
    f1: float
    bcubed_f1: float
    exact_clusters: float
    items: int

    def as_json(self) -> dict[str, float]:
        """The figures, rounded to four digits."""
        names = ("precision", "recall", "f1", "bcubed_f1", "exact_clusters")
        return {n: round(getattr(self, n), 4) for n in names}


def agreement(found: DataFrame, truth: DataFrame, item: str = "record_id", cluster: str = "cluster", true: str = "truth") -> Agreement:
    """`found` (item, cluster) against `truth` (item, true); items without truth are left out. Two groupings that agree on all pairs score
    1."""
    cells = (
        found.join(truth, on=item, how="inner").where(F.col(true).isNotNull()).groupBy(cluster, true).agg(F.count(F.lit(1)).cast("double").alias("n"))
    )
    by_cluster = cells.groupBy(cluster).agg(F.sum("n").alias("size"))
    by_truth = cells.groupBy(true).agg(F.sum("n").alias("true_size"))
    joined = cells.join(by_cluster, on=cluster, how="inner").join(by_truth, on=true, how="inner")
    sums = joined.agg(
        F.sum("n").alias("items"), F.sum(_pairs("n")).alias("right"), F.sum(F.col("n") * F.col("n") / F.col("size")).alias("b_precision"),
        F.sum(F.col("n") * F.col("n") / F.col("true_size")).alias("b_recall"),
        F.count_if((F.col("n") == F.col("size")) & (F.col("n") == F.col("true_size"))).alias("exact"),
    ).first()  # fmt: skip
    sizes = by_cluster.agg(F.sum(_pairs("size"))).crossJoin(by_truth.agg(F.sum(_pairs("true_size")), F.count(F.lit(1)))).first()
    assert sums is not None and sizes is not None  # aggregates without groups have one row
    items = sums["items"] or 0.0
    precision = _ratio(sums["right"] or 0.0, sizes[0] or 0.0)
    recall = _ratio(sums["right"] or 0.0, sizes[1] or 0.0)
    b_precision, b_recall = _ratio(sums["b_precision"] or 0.0, items), _ratio(sums["b_recall"] or 0.0, items)
    exact = _ratio(float(sums["exact"] or 0), float(sizes[2] or 0))
    return Agreement(precision, recall, _harmonic(precision, recall), _harmonic(b_precision, b_recall), exact, int(items))


def _pairs(name: str) -> Column:
    return F.col(name) * (F.col(name) - 1) / 2


def _ratio(part: float, whole: float) -> float:
    """Nothing found of nothing there is right."""
    return part / whole if whole else 1.0


def _harmonic(x: float, y: float) -> float:
    return 2 * x * y / (x + y) if x + y else 0.0
