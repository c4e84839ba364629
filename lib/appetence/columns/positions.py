"""Positions in an order over all rows, counted by bucket, so that no step sorts all rows in one task.

Cost: one count by bucket and one shuffle by bucket; the sizes of the buckets (at most some ten thousand) are added up in one task. The rows are
read twice: what is dear to make is to be stored first.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F


def with_position(frame: DataFrame, name: str, bucket: Column, *order: Column, within: Sequence[str] = (), total: str | None = None) -> DataFrame:
    """`frame` with its position (from 1) by bucket, then by `order`, which must be total; the bucket is a bigint, lower first, and never null.

    Positions start anew for each value of the columns `within`, which are never null; `total` names a column for how many rows there are.

    >>> rows = spark.createDataFrame([(7,), (30,), (12,), (3,)], "n int")
    >>> found = with_position(rows, "place", F.floor(F.col("n") / 10), F.col("n"), total="all")
    >>> sorted((r["n"], r["place"], r["all"]) for r in found.collect())
    [(3, 1, 4), (7, 2, 4), (12, 3, 4), (30, 4, 4)]
    """
    placed = frame.withColumn("_bucket", bucket)
    sizes = placed.groupBy(*within, "_bucket").agg(F.count(F.lit(1)).alias("_size"))
    whole = Window.partitionBy(*within)
    before = whole.orderBy("_bucket").rowsBetween(Window.unboundedPreceding, -1)
    told = [] if total is None else [F.sum("_size").over(whole).alias(total)]
    starts = sizes.select(*within, "_bucket", F.coalesce(F.sum("_size").over(before), F.lit(0)).alias("_start"), *told)
    inside = F.row_number().over(Window.partitionBy(*within, "_bucket").orderBy(*order))
    numbered = placed.join(F.broadcast(starts), on=[*within, "_bucket"], how="inner").withColumn(name, F.col("_start") + inside)
    return numbered.drop("_bucket", "_start")
