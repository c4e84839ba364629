"""Ranks, tenths and the cut. Ranks are counted by bucket, so that no step sorts all candidates in one task.

Cost: one shuffle by merge unit, one by bucket; the buckets (at most some ten thousand) are added up in one task.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.columns.hashing import stable_order
from appetence.columns.positions import with_position
from appetence.contracts.campaign import Selection
from appetence.contracts.gold import Score
from appetence.selection.pool import ADDRESS, HOUSEHOLD, PERSON
from appetence.selection.preselect import AMOUNT, LAST_ON
from appetence.selection.terms import Terms

PRIORITY, POSITION, UNIT, TIE = "priority", "list_position", str(Selection.merge_unit), "tie"
RANK, DECILE, PROBABILITY = str(Selection.rank), str(Selection.decile), str(Selection.probability)
_STEPS = 20_000
"""Buckets of a probability: the finer, the smaller the group sorted in one task."""
_UNRANKED = 1 << 40


def priority(terms: Terms) -> Column:
    """What a campaign ranks by, higher first: the probability, the cents expected (within a cent the probability), the day of the last event, or
    the amount of three years in cents."""
    return {
        "model": F.col(PROBABILITY),
        "expected_amount": F.col(Score.expected_amount_cents) + F.col(PROBABILITY),
        "recency": F.unix_date(F.col(LAST_ON)).cast("double"),
        "value": F.col(AMOUNT).cast("double"),
    }[terms.spec.ranking]


def _bucket(terms: Terms) -> Column:
    scale = {"model": float(_STEPS), "expected_amount": 1.0, "recency": 1.0, "value": 0.001}[terms.spec.ranking]
    return F.coalesce(-F.floor(F.col(PRIORITY) * scale), F.lit(_UNRANKED))


def merge_unit(terms: Terms) -> Column:
    """The unit that gets one piece: a person, a family at its address, or an address."""
    address = F.coalesce(F.col(ADDRESS), F.col(HOUSEHOLD))
    return {"person": F.col(PERSON), "family": F.col(HOUSEHOLD), "address": address}[terms.spec.merge_level]


def tie_break(terms: Terms) -> Column:
    """Decides between equals: a hash of person and campaign that no one can steer."""
    return stable_order(F.col(PERSON), seed=f"{terms.spec.campaign_id}:{terms.spec.seed}")


def with_duplicates(eligible: DataFrame, terms: Terms) -> DataFrame:
    """Marks all but one of each merge unit as `is_duplicate`: the first list goes before (or with `list_allocation: seeded` the one drawn for
    the unit), then the better priority."""
    unit = eligible.withColumn(UNIT, merge_unit(terms)).withColumn(TIE, tie_break(terms))
    drawn = stable_order(F.col(UNIT), F.col(POSITION), seed=f"{terms.spec.campaign_id}:{terms.spec.seed}:lists")
    first = F.col(POSITION) if terms.spec.list_allocation == "priority" else drawn
    best = Window.partitionBy(UNIT).orderBy(first, F.col(PRIORITY).desc_nulls_last(), F.col(TIE), F.col(PERSON))
    return unit.withColumn("is_duplicate", F.row_number().over(best) > 1)


def with_ranks(units: DataFrame, terms: Terms) -> DataFrame:
    """Merge units with `rank` (1 is best), `decile` (tenth of all of them) and `units` (how many there are)."""
    ranked = with_position(units, RANK, _bucket(terms), F.col(PRIORITY).desc_nulls_last(), F.col(TIE), F.col(PERSON))
    counted = ranked.crossJoin(F.broadcast(units.agg(F.count(F.lit(1)).alias("units"))))
    tenth = F.floor((F.col(RANK) - 1) * 10 / F.col("units")) + 1
    return counted.withColumn(RANK, F.col(RANK).cast("bigint")).withColumn(DECILE, tenth.cast("int"))
