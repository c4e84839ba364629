"""Which delivered line counts: the newest by delivery time; a full delivery replaces what came before it.

Deliveries may arrive late, twice or out of order: only the times in their manifests decide, so the state is the same in the end.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.contracts.bronze import Delivery, RawRecord
from appetence.contracts.domain import DeliveryMode


def newest_lines(lines: DataFrame, key: str) -> DataFrame:
    """One line per `key`: the newest delivery's, at a tie the higher delivery id and line. Input: a raw table. Grain out: key."""
    order: list[Column] = [F.col(RawRecord.delivered_at).desc(), F.col(RawRecord.delivery_id).desc(), F.col(RawRecord.line_number).desc()]
    ranked = lines.withColumn("_position", F.row_number().over(Window.partitionBy(key).orderBy(*order)))
    return ranked.where("_position = 1").drop("_position")


def heads(lines: DataFrame, key: str, *also: Column) -> DataFrame:
    """Which line `newest_lines` would choose for each `key`: key, delivery_id, line_number, and the aggregates `also`; no other column moves."""
    at = F.max(F.struct(RawRecord.delivered_at, RawRecord.delivery_id, RawRecord.line_number)).alias("_head")
    return lines.groupBy(key).agg(at, *also).select("*", f"_head.{RawRecord.delivery_id}", f"_head.{RawRecord.line_number}").drop("_head")


def differing(wanted: DataFrame, stored: DataFrame, key: str) -> DataFrame:
    """The keys whose rows differ between two tables of the same columns, and what is `wanted` of them (nulls: the key is to go)."""
    facts = [c for c in wanted.columns if c != key]
    both = (
        wanted.withColumn("_wanted", F.struct(*facts))
        .select(key, "_wanted")
        .join(stored.select(key, F.struct(*facts).alias("_stored")), on=key, how="full")
    )
    return both.where(~F.col("_wanted").eqNullSafe(F.col("_stored"))).select(key, "_wanted.*")


def filter_replaced(lines: DataFrame, deliveries: DataFrame) -> DataFrame:
    """The lines that no later full delivery of the same member replaces. Input: raw lines of one block, bronze.delivery."""
    full = deliveries.where(F.col(Delivery.mode) == DeliveryMode.FULL).select(Delivery.delivery_id)
    with_block = lines.select(RawRecord.member_id, RawRecord.delivery_id, RawRecord.delivered_at).distinct()
    newest = (
        with_block.join(full, on=RawRecord.delivery_id, how="left_semi")
        .groupBy(RawRecord.member_id)
        .agg(F.max(RawRecord.delivered_at).alias("_full_at"))
    )
    kept = lines.join(F.broadcast(newest), on=RawRecord.member_id, how="left")
    return kept.where(F.col("_full_at").isNull() | (F.col(RawRecord.delivered_at) >= F.col("_full_at"))).drop("_full_at")
