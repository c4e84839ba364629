"""A member's statement: what it gave and what of it was used. Small counts are masked, also where a difference of two counts would tell them."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from appetence.contracts.campaign import Campaign, Selection, Statement
from appetence.contracts.domain import SMALL_COUNT
from appetence.contracts.reference import Recipient
from appetence.selection.cells import HOLDOUT

ALL = "all"
ST = Statement
LINE = (ST.member_id, ST.month, ST.measure)


def given(frame: DataFrame, measure: str, month: str) -> DataFrame:
    """How many rows of a silver table each member has on this month's statement."""
    counted = frame.groupBy(ST.member_id).agg(F.count(F.lit(1)).alias(ST.value))
    return counted.select(
        ST.member_id, F.lit(month).alias(ST.month), F.lit(ALL).alias(ST.programme), F.lit(ALL).alias(ST.recipient_sector),
        F.lit(measure).alias(ST.measure), ST.value,
    )  # fmt: skip


def used(selections: DataFrame, campaigns: DataFrame, recipients: DataFrame) -> DataFrame:
    """Pieces that rested on each member's supply, by month of the drop, programme and sector of the recipient."""
    sent = selections.where(F.col(Selection.cell) != HOLDOUT).select(Selection.campaign_id, Selection.member_id)
    sectors = recipients.select(F.col(Recipient.recipient_id).alias(Campaign.client_id), F.col(Recipient.sector).alias(ST.recipient_sector))
    told = campaigns.join(F.broadcast(sectors), on=Campaign.client_id, how="left").select(
        Campaign.campaign_id, Campaign.programme, F.coalesce(ST.recipient_sector, F.lit("")).alias(ST.recipient_sector),
        F.date_format(Campaign.drop_date, "yyyy-MM").alias(ST.month),
    )  # fmt: skip
    return (
        sent.join(F.broadcast(told), on=Campaign.campaign_id, how="inner")
        .groupBy(ST.member_id, ST.month, ST.programme, ST.recipient_sector)
        .agg(F.count(F.lit(1)).alias(ST.value))
        .select(ST.member_id, ST.month, ST.programme, ST.recipient_sector, F.lit("persons_selected").alias(ST.measure), ST.value)
    )


def with_totals(parts: DataFrame) -> DataFrame:
    """The parts and one total of each member, month and measure; parts of one line add up to it, and no other sum is shown."""
    total = parts.groupBy(*LINE).agg(F.sum(ST.value).alias(ST.value))
    shown = total.select(ST.member_id, ST.month, F.lit(ALL).alias(ST.programme), F.lit(ALL).alias(ST.recipient_sector), ST.measure, ST.value)
    return parts.where((F.col(ST.programme) != ALL) | (F.col(ST.recipient_sector) != ALL)).unionByName(shown)


def masked(rows: DataFrame) -> DataFrame:
    """`gold.statement`: counts under 11 masked, and of each line so many of the next smallest that what is hidden adds up to 11 or more.

    Otherwise the total less the parts shown would tell a small count. Parts of equal size are hidden in the order of their names."""
    is_total = (F.col(ST.programme) == ALL) & (F.col(ST.recipient_sector) == ALL)
    line = Window.partitionBy(*LINE, is_total)
    ordered = line.orderBy(F.col(ST.value), F.col(ST.programme), F.col(ST.recipient_sector))
    before = F.coalesce(F.sum(ST.value).over(ordered.rowsBetween(Window.unboundedPreceding, -1)), F.lit(0))
    smallest = F.min(ST.value).over(line)
    hides = (F.col(ST.value) < SMALL_COUNT) | ((smallest < SMALL_COUNT) & (before < SMALL_COUNT))
    return ST.shape(rows.withColumn(ST.is_masked, hides).withColumn(ST.value, F.when(~F.col(ST.is_masked), F.col(ST.value)).cast("bigint")))
