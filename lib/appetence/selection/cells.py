"""The cut and the cells: who is mailed, who is in a test cell, who is set apart so that the effect can be read.

Hold-out and test cells are drawn at random above the cut, equally deep in every tenth: the units taken stand in the order of tenth and
hash, and a cell takes every so-many-th. Counts are exact, the draw repeats, and no cell can be told from what a person is like.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns.hashing import stable_order
from appetence.columns.positions import with_position
from appetence.contracts.campaign import Selection
from appetence.selection.pool import PERSON
from appetence.selection.ranking import DECILE, PROBABILITY, RANK
from appetence.selection.terms import Terms

CELL, HOLDOUT, MAIL = str(Selection.cell), "holdout", "mail"


def _rounded(value: Column) -> Column:
    return F.floor(value + 0.5).cast("bigint")


def taken(units: DataFrame, terms: Terms) -> DataFrame:
    """Ranked merge units with `take` and `held`: how many of the best are taken, and how many of those are set apart.

    With a quantity: quantity plus planned hold-out, or all there are, the hold-out then in the same proportion. Without: down to the
    last unit whose expected margin pays for its piece. An enrichment takes all there are and sets nobody apart.
    """
    if terms.is_enrich:
        counts, held = units.agg(F.count(F.lit(1)).alias("take")), F.lit(0).cast("bigint")
    elif terms.spec.quantity is None:
        pays = F.coalesce(F.col(PROBABILITY) * terms.margin_cents >= terms.cost_cents, F.lit(False))
        counts = units.agg(F.count(F.when(pays, 1)).alias("take"))
        held = _rounded(F.col("take") * terms.spec.holdout_share / (1 + terms.spec.holdout_share))
    else:
        planned = terms.planned_holdout or 0
        target = terms.spec.quantity + planned
        counts = units.agg(F.least(F.count(F.lit(1)), F.lit(target)).alias("take"))
        held = _rounded(F.col("take") * planned / target)
    return units.crossJoin(F.broadcast(counts.withColumn("held", held)))


def every(position: Column, picked: Column, total: Column) -> Column:
    """Whether this position is one of `picked` spread evenly over `total` positions."""
    return _upto(position, picked, total) > _upto(position - 1, picked, total)


def _upto(position: Column, picked: Column, total: Column) -> Column:
    return F.coalesce(F.floor(position * picked / total), F.lit(0))


def with_cells(units: DataFrame, terms: Terms) -> DataFrame:
    """The units above the cut with their `cell`: holdout, a test cell's name, or mail. Cells are disjoint and hold every unit."""
    above = units.where(F.col(RANK) <= F.col("take"))
    draw = stable_order(F.col(PERSON), seed=f"{terms.spec.campaign_id}:{terms.spec.seed}:cells")
    bucket = F.col(DECILE).cast("bigint") * 256 + F.conv(F.substring("_draw", 1, 2), 16, 10).cast("bigint")
    placed = with_position(above.withColumn("_draw", draw), "_position", bucket, F.col("_draw"), F.col(PERSON))
    cell = F.when(every(F.col("_position"), F.col("held"), F.col("take")), HOLDOUT)
    position = F.col("_position") - _upto(F.col("_position"), F.col("held"), F.col("take"))
    total, mailed = F.col("take") - F.col("held"), F.col("take") - F.col("held")
    for spec in terms.spec.cells:
        size = _rounded(mailed * spec.share)
        cell = cell.when(every(position, size, total), spec.cell)
        position, total = position - _upto(position, size, total), total - size
    return placed.withColumn(CELL, cell.otherwise(MAIL)).drop("_position", "_draw")
