"""Who becomes whose customer, when, and how often it orders: processes whose intensity is known, so that true probabilities are too.

Each adult carries four latent tastes (half of their variance shared by the household). A person not yet a customer of a member becomes one
with an intensity `reach` × exp(taste, gender, age) × season; a customer orders with `rate` × exp(taste, activity) × season × decay,
decay being
exp(-(t - joined) / lasting). Season and decay are constant within a month. Both are Poisson processes: the probability of at least one
order in a window is 1 - exp(-integral), which is what no model can beat on average.
"""

from __future__ import annotations

import datetime as dt
import math

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.synthetic import world
from appetence.synthetic.draw import Draw, own_stage

MEMBERS = 16
"""Relation ids are person * MEMBERS + the member's index."""
_LEAD_SHARE, _LEAD_FACTOR = 0.03, 0.15
_MINOR_AGE, _MINOR_FACTOR = 14.0, 0.12


def trades(spark: SparkSession) -> DataFrame:
    """The twelve members' figures, one row each, with the season per calendar month and its running sum (`season_sum`, 13 values)."""
    sums = [[math.fsum(t.season[:i]) * 12 / math.fsum(t.season) for i in range(13)] for t in world.TRADES]
    seasons = [[s * 12 / math.fsum(t.season) for s in t.season] for t in world.TRADES]
    return spark.createDataFrame(
        pa.table(
            {
                "member_id": [t.member_id for t in world.TRADES],
                "member_index": pa.array(range(len(world.TRADES)), pa.int32()),
                "reach": [t.reach for t in world.TRADES],
                "tastes": [list(t.taste) for t in world.TRADES],
                "female": [t.female for t in world.TRADES],
                "age_effect": [t.age for t in world.TRADES],
                "rate": [t.rate for t in world.TRADES],
                "lasting": [t.lasting for t in world.TRADES],
                "season": seasons,
                "season_sum": sums,
            }
        )
    )


def relations(people: DataFrame, draw: Draw, members: DataFrame) -> DataFrame:
    """One row per adult (or nearly) and member: relation, reach_month (intensity of becoming a customer a month), joined_on (null: never
    within the simulated months), is_lead, rate_month (orders a month of a fresh customer), lasting_days. Tastes themselves are dropped."""
    p, h = F.col("person"), F.col("household")
    latent = [F.sqrt(F.lit(0.5)) * (draw.normal(f"household.taste{k}", h) + draw.normal(f"person.taste{k}", p)) for k in range(4)]
    grown = people.where(F.col("age") >= _MINOR_AGE).withColumns(
        {**{f"_z{k}": z for k, z in enumerate(latent)}, "_activity": draw.normal("person.activity", p)}
    )
    grown = own_stage(grown, "person")
    crossed = grown.crossJoin(F.broadcast(members)).withColumn("relation", p * MEMBERS + F.col("member_index"))
    taste = F.lit(0.0)
    for k in range(4):
        taste = taste + F.get("tastes", F.lit(k)) * F.col(f"_z{k}")
    body = F.when(F.col("gender") == "F", F.col("female") / 2).otherwise(-F.col("female") / 2)
    body = body + F.col("age_effect") * (F.least(F.col("age"), F.lit(85.0)) - 50.0) / 10.0
    crossed = crossed.withColumns({"_taste": taste, "_body": body})
    reach = F.col("reach") / 12 * F.exp(1.25 * F.col("_taste") + F.col("_body") + 0.45 * F.col("_activity") - 0.62)
    reach = F.when(F.col("age") < 18, reach * _MINOR_FACTOR).otherwise(reach)
    crossed = own_stage(crossed.withColumn("reach_month", reach), "relation")
    crossed = crossed.withColumn("joined_on", _joined_on(draw))
    crossed = own_stage(crossed, "relation")
    lead = draw.below(_LEAD_SHARE, "relation.lead", F.col("relation"))
    own = F.exp(0.55 * F.col("_taste") + 0.5 * F.col("_activity") + 0.35 * draw.normal("relation.rate", F.col("relation")) - 0.3)
    rate = F.col("rate") / 12 * own * F.when(lead, _LEAD_FACTOR).otherwise(1.0)
    lasting = F.col("lasting") * 365.25 * F.exp(0.3 * F.col("_taste") + 0.4 * draw.normal("relation.lasting", F.col("relation")))
    dropped = [f"_z{k}" for k in range(4)] + ["_taste", "_body", "_activity", "tastes", "female", "age_effect", "reach", "rate", "lasting"]
    return crossed.withColumns({"is_lead": lead, "rate_month": rate, "lasting_days": lasting}).drop(*dropped)


def _joined_on(draw: Draw) -> Column:
    """The first event of the acquisition process: an exponential in season time, turned into a day, from the first day or the 18th
    birthday."""
    came_of_age = F.add_months(F.col("birth_date"), 18 * 12)
    young = F.col("age") < 18
    start = F.when(young, F.lit(world.START)).otherwise(F.greatest(F.lit(world.START), came_of_age))
    months = (F.year(start) - world.START.year) * 12 + F.month(start) - world.START.month
    waited = F.floor(months / 12) * 12 + F.get("season_sum", (months % 12).cast("int"))
    reached = waited + draw.exponential("relation.joins", F.col("relation")) / F.col("reach_month")
    year = F.floor(reached / 12)
    rest = reached - year * 12
    month = F.lit(0)
    for k in range(1, 12):
        month = month + (rest >= F.get("season_sum", F.lit(k))).cast("int")
    share = (rest - F.get("season_sum", month)) / F.get("season", month)
    ends = F.lit(float(world.MONTHS))
    capped = F.least(year.cast("double") * 12 + month, ends)
    first = F.add_months(F.lit(world.START), capped.cast("int"))
    day = F.date_add(first, F.floor(F.least(share, F.lit(0.999)) * F.dayofmonth(F.last_day(first))).cast("int"))
    alive = F.col("died_on").isNull() | (day < F.col("died_on"))
    return F.when((capped < ends) & alive, day)


def windows(cutoff: dt.date, days: int = world.HORIZON_DAYS) -> list[tuple[int, float]]:
    """The months that (cutoff, cutoff + days] touches, with the share of each that lies in it.

    >>> windows(dt.date(2026, 10, 31), 31)
    [(58, 1.0), (59, 0.03225806451612903)]
    """
    first, last = cutoff + dt.timedelta(days=1), cutoff + dt.timedelta(days=days)
    starts = world.month_starts()
    found = []
    for i, (begin, end) in enumerate(zip(starts, starts[1:], strict=False)):
        inside = (min(last, end - dt.timedelta(days=1)) - max(first, begin)).days + 1
        if inside > 0:
            found.append((i, inside / (end - begin).days))
    return found


def month_intensity(month: int) -> Column:
    """Expected orders in a whole simulated month of one who joined before it."""
    starts = world.month_starts()
    middle = starts[month] + (starts[month + 1] - starts[month]) / 2
    age = F.datediff(F.lit(middle), F.col("joined_on"))
    return F.col("rate_month") * F.get("season", F.lit(month % 12)) * F.exp(-age / F.col("lasting_days"))


def probability(cutoff: dt.date, days: int = world.HORIZON_DAYS) -> Column:
    """True probability of at least one order in (cutoff, cutoff + days], known at the cutoff: a customer orders again, another joins."""
    again, joins = F.lit(0.0), F.lit(0.0)
    for month, share in windows(cutoff, days):
        again = again + month_intensity(month) * share
        joins = joins + F.col("reach_month") * F.get("season", F.lit(month % 12)) * share
    is_customer = F.coalesce(F.col("joined_on") <= F.lit(cutoff), F.lit(False))
    alive = F.col("died_on").isNull() | (F.col("died_on") > F.lit(cutoff))
    return F.when(alive, 1.0 - F.exp(-F.when(is_customer, again).otherwise(joins))).otherwise(0.0)
