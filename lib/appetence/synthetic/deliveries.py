"""Which line reaches the operator in which delivery, and how it is written.

Each member sends everything it has on 1 October (`full`) and what came or changed since on the 20th (`incremental`). One member's file of
August arrives after the others though it was made before (`late`): what it says is older, and must not win. Orders of the last weeks
before a delivery are sometimes booked late and come with the next one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.contracts.bronze import RawPermission, RawRecord, RawTransaction
from appetence.contracts.domain import Block
from appetence.contracts.specs import MemberSpec
from appetence.synthetic import lines, world
from appetence.synthetic.draw import Draw, own_stage
from appetence.synthetic.permissions import PERMISSION
from appetence.synthetic.purchases import TRANSACTION
from appetence.synthetic.styles import by_style

DELIVERY = "delivery"
FULL, INCREMENTAL, LATE, RESPONSES = "full", "incremental", "late", "responses"
CREATED: dict[str, dt.datetime] = {
    FULL: dt.datetime(2026, 10, 1, 3, tzinfo=dt.UTC),
    INCREMENTAL: dt.datetime(2026, 10, 20, 3, tzinfo=dt.UTC),
    LATE: dt.datetime(2026, 8, 20, 3, tzinfo=dt.UTC),
}
LATE_MEMBER = "m10"
REPEATED_MEMBERS = ("m02", "m07")
"""These send their full file a second time, under another name."""

CHANGED = 0.015
"""Share of records that come again with the second delivery: their customer gave another e-mail."""
_LATE_SHARE, _LATE_UNTIL, _BOOKED_LATE = 0.08, dt.date(2026, 8, 1), dt.date(2026, 9, 10)

CUSTOMER: tuple[str, ...] = tuple(str(f) for f in RawRecord.content() if f.provided)


def is_changed(draw: Draw) -> Column:
    """Whether a record comes again, with the person's other e-mail address."""
    known = (F.col("joined_on") < F.lit(world.FULL_ON)) & F.col("other_email").isNotNull()
    return known & draw.below(CHANGED, "record.changed", F.col("record_key"))


def customer_rows(records: DataFrame, draw: Draw) -> DataFrame:
    """One row per customer line of a delivery: `delivery`, member_id and the block's columns as text."""
    first = F.when(F.col("joined_on") < F.lit(world.FULL_ON), F.lit(FULL)).when(F.col("joined_on") < F.lit(world.INCREMENTAL_ON), F.lit(INCREMENTAL))
    again = F.when(is_changed(draw), F.lit(INCREMENTAL))
    old = (F.col(RawRecord.member_id) == LATE_MEMBER) & (F.col("joined_on") < F.lit(_LATE_UNTIL))
    late = F.when(old & draw.below(_LATE_SHARE, "record.late", F.col("record_key")), F.lit(LATE))
    sent = records.withColumn(DELIVERY, F.explode(F.array_compact(F.array(first, again, late))))
    email = (
        F.when((F.col(DELIVERY) == INCREMENTAL) & is_changed(draw), F.col("other_email"))
        .when(F.col(DELIVERY) == LATE, F.lit(None).cast("string"))
        .otherwise(F.col(RawRecord.email))
    )
    return (
        own_stage(sent.withColumn("_sent_email", email), "record_key")
        .withColumn(RawRecord.email, F.col("_sent_email"))
        .select(DELIVERY, RawRecord.member_id, *CUSTOMER)
    )


def transaction_rows(transactions: DataFrame) -> DataFrame:
    """One row per transaction line of a delivery, amounts and dates still typed."""
    day = F.col(RawTransaction.transaction_date)
    booked = F.col("is_late") & (day >= F.lit(_BOOKED_LATE))
    which = F.when((day < F.lit(world.FULL_ON)) & ~booked, F.lit(FULL)).when(day < F.lit(world.INCREMENTAL_ON), F.lit(INCREMENTAL))
    return transactions.withColumn(DELIVERY, which).where(F.col(DELIVERY).isNotNull())


def permission_rows(events: DataFrame) -> DataFrame:
    """One row per permission line of a delivery, times still typed."""
    at = F.col(RawPermission.collected_at)
    which = F.when(at < F.lit(world.FULL_ON), F.lit(FULL)).when(at < F.lit(world.INCREMENTAL_ON), F.lit(INCREMENTAL))
    return events.withColumn(DELIVERY, which).where(F.col(DELIVERY).isNotNull())


def written(spark: SparkSession, rows: DataFrame, block: Block, members: Mapping[str, MemberSpec]) -> DataFrame:
    """`delivery`, `member_id` and `line` of the rows of a block, as each member writes them."""
    columns: Mapping[Block, tuple[str, ...]] = {
        Block.CUSTOMERS: CUSTOMER, Block.TRANSACTIONS: _less_member(TRANSACTION), Block.PERMISSIONS: _less_member(PERMISSION),
    }  # fmt: skip
    texts = rows
    if block is Block.TRANSACTIONS:
        texts = _transaction_texts(rows, members)
    elif block is Block.PERMISSIONS:
        stamp = by_style(lambda s: F.date_format(RawPermission.collected_at, s.stamp_format), lambda s: s.stamp_format)
        texts = rows.withColumn(RawPermission.collected_at, stamp)
    layout = lines.layouts(spark, members, block, columns[block])
    return lines.as_lines(texts, layout, columns[block]).select(DELIVERY, RawRecord.member_id, lines.LINE)


def _transaction_texts(rows: DataFrame, members: Mapping[str, MemberSpec]) -> DataFrame:
    marks = {m.member_id: m.blocks[Block.TRANSACTIONS].decimal for m in members.values() if Block.TRANSACTIONS in m.blocks}
    comma = F.col(RawTransaction.member_id).isin([m for m, mark in marks.items() if mark == ","])
    mark = F.when(comma, F.lit(",")).otherwise(F.lit("."))
    day = by_style(lambda s: F.date_format(RawTransaction.transaction_date, s.day_format), lambda s: s.day_format)
    return rows.withColumns({RawTransaction.amount: lines.decimal_text(F.col(RawTransaction.amount), mark), RawTransaction.transaction_date: day})


def _less_member(columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(c) for c in columns if c != RawRecord.member_id)


def suppression_rows(records: DataFrame, draw: Draw, share: float = 0.004) -> DataFrame:
    """One row per person who asked not to be contacted: person, scope (global, or one client) and the coordinates it gave, as text."""
    asked = records.where(draw.below(share, "person.suppressed", F.col("person")) & (F.col("copy") == 0))
    given = F.struct(
        F.col("record_key"), *(F.col(str(c)) for c in (
            RawRecord.last_name, RawRecord.first_name, RawRecord.address_1, RawRecord.postcode, RawRecord.city, RawRecord.email)),
        F.coalesce(RawRecord.mobile, RawRecord.phone).alias("phone"),
    )  # fmt: skip
    scope = F.coalesce(draw.kind({"r_vad": 0.10, "r_m04": 0.06, "r_m09": 0.04}, "person.suppressed_for", F.col("person")), F.lit("global"))
    one = asked.groupBy("person").agg(F.min(given).alias("given")).withColumn("scope", scope)
    return one.select("person", "scope", "given.*").drop("record_key")
