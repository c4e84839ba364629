"""A member's statement: what it gave and what of it was used. Small counts are masked, also where a difference of two counts would tell them."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from appetence.contracts.campaign import Campaign, Selection, Statement
from appetence.contracts.domain import SMALL_COUNT, Use
from appetence.contracts.reference import Recipient
from appetence.selection.cells import HOLDOUT

ALL, USED = "all", "persons_selected"
ST = Statement
LINE = (ST.member_id, ST.month, ST.measure)


def given(frame: DataFrame, measure: str, month: str) -> DataFrame:
    """How many rows of a table each member has on this month's statement."""
    return _on_statement(frame.groupBy(ST.member_id).agg(F.count(F.lit(1)).alias(ST.value)), measure, month)


def _on_statement(counted: DataFrame, measure: str, month: str) -> DataFrame:
    return counted.select(
        ST.member_id, F.lit(month).alias(ST.month), F.lit(ALL).alias(ST.programme), F.lit(ALL).alias(ST.recipient_sector),
        F.lit(measure).alias(ST.measure), ST.value,
    )  # fmt: skip


def used(selections: DataFrame, campaigns: DataFrame, recipients: DataFrame) -> DataFrame:
    """Pieces that rested on each member's supply, by month of the drop, programme and sector of the recipient. A client's campaigns to its own
    customers are left out: it knows their size, and what is left of a total beside them would tell a masked part."""
    sent = selections.where(F.col(Selection.cell) != HOLDOUT).select(Selection.campaign_id, Selection.member_id)
    sectors = recipients.select(F.col(Recipient.recipient_id).alias(Campaign.client_id), F.col(Recipient.sector).alias(ST.recipient_sector))
    shared = campaigns.where(F.col(Campaign.product) != str(Use.HOUSE))
    told = shared.join(F.broadcast(sectors), on=Campaign.client_id, how="left").select(
        Campaign.campaign_id, Campaign.programme, F.coalesce(ST.recipient_sector, F.lit("")).alias(ST.recipient_sector),
        F.date_format(Campaign.drop_date, "yyyy-MM").alias(ST.month),
    )  # fmt: skip
    return (
        sent.join(F.broadcast(told), on=Campaign.campaign_id, how="inner")
        .groupBy(ST.member_id, ST.month, ST.programme, ST.recipient_sector)
        .agg(F.count(F.lit(1)).alias(ST.value))
        .select(ST.member_id, ST.month, ST.programme, ST.recipient_sector, F.lit(USED).alias(ST.measure), ST.value)
    )


def with_totals(parts: DataFrame) -> DataFrame:
    """The parts and one total of each member, month and measure; parts of one line add up to it, and no other sum is shown."""
    total = parts.groupBy(*LINE).agg(F.sum(ST.value).alias(ST.value))
    shown = total.select(ST.member_id, ST.month, F.lit(ALL).alias(ST.programme), F.lit(ALL).alias(ST.recipient_sector), ST.measure, ST.value)
    return parts.where((F.col(ST.programme) != ALL) | (F.col(ST.recipient_sector) != ALL)).unionByName(shown)


def masked(rows: DataFrame) -> DataFrame:
    """`gold.statement`: counts under 11 masked, and with them enough others that the total less the parts shown tells none of them.

    Beside small parts at least one other is hidden, and so many that the hidden ones together leave each small one any value from 1 to 10.
    These are taken by name and not by size: hiding the next smallest would tell that it lies below those shown. Where the parts are too
    few for that, the total is hidden too."""
    marked = rows.withColumn("_total", (F.col(ST.programme) == ALL) & (F.col(ST.recipient_sector) == ALL))
    value, total, small = F.col(ST.value), F.col("_total"), F.col(ST.value) < SMALL_COUNT
    line = Window.partitionBy(*LINE)
    number = F.count(F.when(~total & small, 1)).over(line)
    least = 2 * SMALL_COUNT - 1 + number
    others = F.count(F.when(~total & ~small, 1)).over(line)
    hidden = F.coalesce(F.sum(F.when(~total & small, value)).over(line), F.lit(0))
    by_name = line.orderBy(F.col(ST.programme), F.col(ST.recipient_sector)).rowsBetween(Window.unboundedPreceding, -1)
    before = F.coalesce(F.sum(F.when(~total & ~small, value)).over(by_name), F.lit(0))
    covers = F.when(total, (others == 0) | (value < least)).otherwise((before == 0) | (hidden + before < least))
    masks = marked.withColumn(ST.is_masked, small | ((number > 0) & covers))
    return ST.shape(masks.withColumn(ST.value, F.when(~F.col(ST.is_masked), value).cast("bigint")))
