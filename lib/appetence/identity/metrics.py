"""How right the persons and households are, beside a known truth: aggregates only, no pair is ever made.

Whether some are matched less well than others shows in the same figures by part (`agreement_by`): an item brings its part's pairs half of each
mate in the same part, which brings the other half, and the whole of each mate outside. Cost: three counts over the items, and three over the
items once for each way of dividing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
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


NONE = "none"
"""The part of those that state nothing."""


@dataclass(frozen=True)
class Part:
    """Pairwise precision, recall and F1 over the pairs that one part's items are in; `matched`: share of these items found with another."""

    items: int
    matched: float
    precision: float
    recall: float
    f1: float

    def as_json(self) -> dict[str, float]:
        """How many records, and the figures, rounded to four digits."""
        return {"records": self.items, **{n: round(getattr(self, n), 4) for n in ("matched", "precision", "recall", "f1")}}


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


def agreement_by(
    found: DataFrame, truth: DataFrame, parts: DataFrame, item: str = "record_id", cluster: str = "cluster", true: str = "truth"
) -> Mapping[str, Mapping[str, Part]]:
    """`agreement` by part of the items: a part's figures are of the pairs with at least one of its items. `parts`: item, and a column for each way
    of dividing the items; its null is the part NONE. Answer: way, part, figures; it grows with the parts, not with the items."""
    ways = [F.struct(F.lit(w).alias("way"), F.coalesce(F.col(w).cast("string"), F.lit(NONE)).alias("part")) for w in parts.columns if w != item]
    known = found.join(truth, on=item, how="inner").where(F.col(true).isNotNull()).join(parts, on=item, how="inner")
    # The true groups first, then those found: what stays together by cluster is not moved again.
    groups = {"true": (true,), "right": (cluster, true), "linked": (cluster,)}
    sized = _counted(known, {f"_{name}": keys for name, keys in groups.items()})
    divided = sized.select(cluster, true, *(f"_{name}" for name in groups), F.inline(F.array(*ways)))
    owned = _counted(divided, {f"_own_{name}": (*groups[name], "way", "part") for name in ("right", "linked", "true")})
    mates = [F.sum((F.col(f"_own_{name}") - 1) / 2 + F.col(f"_{name}") - F.col(f"_own_{name}")).alias(name) for name in groups]
    rows = owned.groupBy("way", "part").agg(F.count(F.lit(1)).alias("items"), F.count_if(F.col("_linked") > 1).alias("matched"), *mates)
    answer: dict[str, dict[str, Part]] = {}
    for r in rows.orderBy("way", "part").collect():  # grows with ways and parts
        precision, recall = _ratio(r["right"], r["linked"]), _ratio(r["right"], r["true"])
        figures = Part(r["items"], r["matched"] / r["items"], precision, recall, _harmonic(precision, recall))
        answer.setdefault(r["way"], {})[r["part"]] = figures
    return answer


def _counted(frame: DataFrame, counts: Mapping[str, tuple[str, ...]]) -> DataFrame:
    """Beside each row, how many have the same keys."""
    for name, keys in counts.items():
        frame = frame.withColumn(name, F.count(F.lit(1)).over(Window.partitionBy(*keys)).cast("double"))
    return frame


def _pairs(name: str) -> Column:
    return F.col(name) * (F.col(name) - 1) / 2


def _ratio(part: float, whole: float) -> float:
    """Nothing found of nothing there is right."""
    return part / whole if whole else 1.0


def _harmonic(x: float, y: float) -> float:
    return 2 * x * y / (x + y) if x + y else 0.0
