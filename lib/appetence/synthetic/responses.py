"""What people do after a campaign: orders they would have made anyway, and those the piece brings.

A mailed person orders from the client with the probability its own process gives (`p_base`) and, by the piece, once more with `p_uplift`; a
held-out person has the first only. Three of five mailed responders quote the key code of their piece on the first order in the window.
The client that is no member answers through its trade: a share of the chance to order at one of the members of the same trade.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.contracts.bronze import RawTransaction as Raw
from appetence.contracts.campaign import Selection
from appetence.synthetic import purchases, tastes, world
from appetence.synthetic.draw import Draw, own_stage

QUOTED = 0.6
HOLDOUT = "holdout"
_UPLIFT, _FLOOR, _CAP = 0.5, 0.008, 0.45
_TRADE, _TRADE_SHARE = ("m01", "m02", "m03", "m08"), 0.15
_EXTRA = 90


def chances(selected: DataFrame, relations: DataFrame, draw: Draw, drop: dt.date, days: int) -> DataFrame:
    """One row per person of one campaign: campaign_id, person, cell, key_code, p_base, p_uplift (0 when held out), is_extra and extra_on.

    `selected`: campaign_id, person, cell, key_code; `relations`: those with the client, or with the members of its trade when it is
    none."""
    chance = tastes.probability(drop - dt.timedelta(days=1), days)
    alone = (
        relations.withColumn("_none", F.log(1.0 - F.least(chance, F.lit(0.999))))
        .groupBy("person")
        .agg(F.sum("_none").alias("_none"), F.countDistinct("member_id").alias("_members"))
    )
    whole = 1.0 - F.exp("_none")
    base = F.when(F.col("_members") > 1, whole * _TRADE_SHARE).otherwise(whole)
    known = own_stage(selected.join(alone, on="person", how="inner").withColumn("p_base", base), "person")
    uplift = F.least(F.lit(_CAP), F.col("p_base") * _UPLIFT + _FLOOR)
    known = known.withColumn("p_uplift", F.when(F.col(Selection.cell) == HOLDOUT, 0.0).otherwise(uplift))
    key = (F.col("person"), F.col(Selection.campaign_id))
    wait = 2 + F.least(F.lit(days - 3), F.floor(draw.exponential("response.wait", *key) * 14)).cast("int")
    return known.withColumns(
        {
            "is_extra": draw.uniform("response.extra", *key) < F.col("p_uplift"),
            "extra_on": F.date_add(F.lit(drop), wait),
        }
    ).drop("_none", "_members")


def true_increment(found: DataFrame) -> DataFrame:
    """One row per campaign of the truth that `chances` is written as: campaign_id, mailed, `true_rate` (share of those mailed who respond in
    the window) and `true_increment` (by how much the piece raised it), both as chances, before they are drawn."""
    mailed = found.where(F.col(Selection.cell) != HOLDOUT)
    caused = F.col("p_uplift") * (1.0 - F.col("p_base"))
    return mailed.groupBy(Selection.campaign_id).agg(
        F.count(F.lit(1)).alias("mailed"), F.avg(F.col("p_base") + caused).alias("true_rate"), F.avg(caused).alias("true_increment")
    )


def concerned(relations: DataFrame, clients: Collection[str]) -> DataFrame:
    """The relations that responses to these clients, members or not, depend on."""
    return relations.where(F.col("member_id").isin(*clients, *_TRADE))


def trade_relations(relations: DataFrame, member_id: str | None) -> DataFrame:
    """The relations a client's response depends on: its own, or its trade's when it is no member."""
    return relations.where(F.col("member_id") == member_id) if member_id else relations.where(F.col("member_id").isin(*_TRADE))


def extra_orders(responders: DataFrame, relations: DataFrame) -> DataFrame:
    """The orders the pieces brought (as `purchases.orders`), with campaign_id: those who were no customers become one that day."""
    some = responders.where("is_extra").select("person", Selection.campaign_id, "extra_on")
    months = (F.year("extra_on") - world.START.year) * 12 + F.month("extra_on") - world.START.month
    return (
        relations.join(some, on="person", how="inner")
        .withColumns(
            {
                "month": months, "number": F.pmod(F.hash(Selection.campaign_id), F.lit(1000)) + _EXTRA, "day": F.col("extra_on"),
                "joined_on": F.least("joined_on", "extra_on"),
            }
        )
        .drop("extra_on")
    )  # fmt: skip


def with_key_codes(transactions: DataFrame, responders: DataFrame, draw: Draw, drop: dt.date, days: int) -> DataFrame:
    """transaction_ref and key_code of the first order of each mailed person in the window, where it quotes its piece."""
    mailed = responders.where((F.col(Selection.cell) != HOLDOUT) & F.col(Selection.key_code).isNotNull())
    day = F.col(Raw.transaction_date)
    inside = transactions.where(day.between(F.lit(drop), F.lit(drop + dt.timedelta(days=days))) & (F.col(Raw.amount) > 0)).drop(Raw.key_code)
    first = Window.partitionBy("person").orderBy(day, F.col(Raw.transaction_ref))
    ranked = inside.join(mailed.select("person", Selection.key_code, Selection.campaign_id), on="person", how="inner").withColumn(
        "_position", F.row_number().over(first)
    )
    quotes: Column = draw.below(QUOTED, "response.quotes", F.col("person"), F.col(Selection.campaign_id))
    return ranked.where((F.col("_position") == 1) & quotes).select(Raw.transaction_ref, Selection.key_code)


def client_orders(relations: DataFrame, extra: DataFrame, draw: Draw, sold: DataFrame, through: dt.date) -> DataFrame:
    """All transactions of the relations up to `through`, with those the pieces brought."""
    dated = purchases.orders(relations, draw, through)
    every = dated.unionByName(extra.select(*dated.columns)).where(F.col("day") <= F.lit(through))
    return purchases.transactions(every, draw, sold, through)
