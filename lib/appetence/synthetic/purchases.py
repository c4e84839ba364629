"""Orders, gifts and refunds: the relations' Poisson processes, month by month."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.contracts.bronze import RawTransaction as Raw
from appetence.contracts.domain import TransactionKind
from appetence.synthetic import world
from appetence.synthetic.draw import Draw, own_stage
from appetence.synthetic.records import DUPLICATES, customer_ref

_MOST = 8
"""More orders in one month are cut off: at the highest intensities drawn this loses less than one order in a thousand."""


def goods(spark: SparkSession) -> DataFrame:
    """What each member sells: member_id, median_cents, sigma, refund_share, categories, sold_as."""
    return spark.createDataFrame(
        pa.table(
            {
                "member_id": [t.member_id for t in world.TRADES],
                "median_cents": [float(t.median_cents) for t in world.TRADES],
                "sigma": [t.sigma for t in world.TRADES],
                "refund_share": [t.refund_share for t in world.TRADES],
                "categories": [list(t.categories) for t in world.TRADES],
                "sold_as": [t.kind for t in world.TRADES],
            }
        )
    )


def orders(relations: DataFrame, draw: Draw, through: dt.date) -> DataFrame:
    """One row per order or gift up to `through`: the relation's columns and month, number (0 is the order that made the customer), day."""
    last = _month_of(F.lit(through))
    known = relations.where(F.col("joined_on") <= F.lit(through))
    months = known.withColumn("first_month", _month_of(F.col("joined_on")))
    months = months.withColumn("month", F.explode(F.sequence(F.col("first_month"), last)))
    months = months.withColumn("month_start", F.add_months(F.lit(world.START), F.col("month")))
    months = own_stage(months, "relation").withColumn("month_days", F.dayofmonth(F.last_day("month_start")))
    middle = F.date_add(F.col("month_start"), F.floor(F.col("month_days") / 2).cast("int"))
    age = F.greatest(F.lit(0), F.datediff(middle, F.col("joined_on")))
    is_first = F.col("month") == F.col("first_month")
    free = F.when(is_first, F.col("month_days") - F.dayofmonth("joined_on")).otherwise(F.col("month_days"))
    season = F.get("season", F.pmod(F.col("month"), F.lit(12)))
    expected = F.col("rate_month") * season * F.exp(-age / F.col("lasting_days")) * free / F.col("month_days")
    months = own_stage(months.withColumns({"expected": expected, "free_days": free, "is_first": is_first}), "relation")
    months = months.withColumn("count", _poisson(F.col("expected"), draw.uniform("orders.count", F.col("relation"), F.col("month"))))
    opens = F.when(F.col("is_first") & ~F.col("is_lead"), F.lit(0)).otherwise(F.lit(1))
    some = months.where(F.col("count") >= opens).withColumn("number", F.explode(F.sequence(opens, F.col("count"))))
    later = F.floor(draw.uniform("orders.day", F.col("relation"), F.col("month"), F.col("number")) * F.col("free_days")).cast("int")
    start = F.col("month_start") + F.make_dt_interval(F.col("month_days") - F.col("free_days"))
    day = F.when(F.col("number") == 0, F.col("joined_on")).otherwise(F.date_add(start.cast("date"), later))
    dated = some.withColumn("day", day)
    alive = F.col("died_on").isNull() | (F.col("day") < F.col("died_on"))
    return dated.where((F.col("day") <= F.lit(through)) & alive).drop(
        "month_start", "month_days", "first_month", "expected", "free_days", "is_first", "count"
    )


def _month_of(day: Column) -> Column:
    return (F.year(day) - world.START.year) * 12 + F.month(day) - world.START.month


def _poisson(mean: Column, u: Column) -> Column:
    """The Poisson count at probability `u`: how many values of the distribution function lie at or under it."""
    term = F.exp(-mean)
    reached, count = term, F.lit(0)
    for k in range(1, _MOST + 1):
        count = count + (u >= reached).cast("int")
        term = term * mean / float(k)
        reached = reached + term
    return count


def transactions(dated: DataFrame, draw: Draw, sold: DataFrame, through: dt.date) -> DataFrame:
    """One row per transaction, refunds included, with the columns of bronze.raw_transaction that a member fills; `amount` in cents,
    `transaction_date` a date; beside them record_key, person, relation, `is_late` (reaches its member's file a delivery later)."""
    event = (F.col("relation"), F.col("month"), F.col("number"))
    frame = own_stage(dated.join(F.broadcast(sold), on="member_id", how="inner"), "relation")
    spread = F.sqrt(F.lit(0.35)) * draw.normal("relation.amount", F.col("relation")) + F.sqrt(F.lit(0.65)) * draw.normal("order.amount", *event)
    cents = F.col("median_cents") * F.exp(F.col("sigma") * spread + 0.25 * draw.normal("person.wealth", F.col("person")))
    is_gift = F.col("sold_as") == TransactionKind.GIFT
    rounded = F.when(is_gift, F.greatest(F.lit(500), F.round(cents / 500).cast("bigint") * 500)).otherwise(F.round(cents).cast("bigint"))
    has_two = draw.below(DUPLICATES, "relation.copies", F.col("relation"))
    second = has_two & draw.below(0.35, "order.copy", *event)
    frame = frame.withColumns(
        {"cents": rounded, "record_key": F.col("relation") * 2 + second.cast("int"), "is_late": draw.below(0.25, "order.late", *event)}
    )
    frame = own_stage(frame, "relation")
    back = F.when(draw.below(F.col("refund_share"), "order.refunded", *event), F.array(F.lit(False), F.lit(True)))
    frame = frame.withColumn("is_refund", F.explode(F.coalesce(back, F.array(F.lit(False)))))
    days = F.when(F.col("is_refund"), 6 + draw.integer(20, "order.refund_day", *event)).otherwise(0)
    several = 1 + draw.below(0.25, "order.two", *event).cast("int") + draw.below(0.06, "order.three", *event).cast("int")
    made = own_stage(frame.withColumn("day", F.date_add("day", days)), "relation").where(F.col("day") <= F.lit(through))
    token = F.upper(F.substring(draw.token("order.ref", *event, F.col("is_refund")), 1, 12))
    return made.withColumns(
        {
            Raw.customer_ref: customer_ref(draw),
            Raw.transaction_ref: F.concat(F.when(F.col("is_refund"), F.lit("R")).otherwise(F.lit("T")), token),
            Raw.transaction_date: F.col("day"),
            Raw.amount: F.when(F.col("is_refund"), -F.col("cents")).otherwise(F.col("cents")),
            Raw.quantity: F.when(is_gift, F.lit(1)).otherwise(several).cast("string"),
            Raw.category: F.get("categories", F.floor(draw.uniform("order.category", *event) * F.size("categories")).cast("int")),
            Raw.kind: F.when(F.col("is_refund"), F.lit(TransactionKind.REFUND.value)).otherwise(F.col("sold_as")),
            Raw.key_code: F.lit(None).cast("string"),
        }
    ).select(*TRANSACTION, "record_key", "relation", "person", "is_late")


TRANSACTION: tuple[str, ...] = (
    Raw.member_id, Raw.customer_ref, Raw.transaction_ref, Raw.transaction_date, Raw.amount, Raw.quantity, Raw.category, Raw.kind,
    Raw.key_code, )  # fmt: skip
