"""Clusters that are one person though no two of their records say enough.

A record with a name and a town, another with a birth date and an e-mail: each pair is doubtful, what the two clusters say together is not.
Where some pair between two clusters is doubtful, the clusters are compared as wholes: in each field the best agreement of any two of their
records counts, less half a doubling for each doubling of the tries that the best was chosen from, since the best of many is easily good. Two
clusters become one when each is the other's best and the weight is past a margin; once, so that nothing chains. Contradicting birth dates
forbid it where they forbid a link. Costs follow the doubtful pairs, not the records.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.identity.comparison import BITS
from appetence.identity.frames import Cluster, Pair
from appetence.identity.weights import HOUSEHOLD, PERSON, UNRELATED, Model

# Log2 odds that two clusters must pass: more than zero, since each field chose its best.
MARGIN = 4.0
# Larger clusters have been told often enough; the pairs between two would be many.
LARGEST = 24
LEFT, RIGHT = "left", "right"
_KEPT, _GONE, _WEIGHT = "_kept", "_gone", "_weight"


def pairs_between(scored: DataFrame, clusters: DataFrame, floor: float) -> DataFrame:
    """Scored pairs (a, b, weight) and clusters (node, cluster) of the nodes that have a link -> every pair of nodes of two clusters that some
    pair above `floor` ties: a < b, left, right (the two clusters, lower first)."""
    cluster_of = clusters.select(Cluster.node, Cluster.cluster)
    doubtful = scored.where(F.col(Pair.weight) > floor).select(Pair.a, Pair.b)
    for node, side in ((Pair.a, "_x"), (Pair.b, "_y")):
        doubtful = doubtful.join(cluster_of.toDF(node, side), on=node, how="left").withColumn(side, F.coalesce(side, node))
    tied = doubtful.where("_x != _y").select(F.least("_x", "_y").alias(LEFT), F.greatest("_x", "_y").alias(RIGHT)).distinct()
    touched = tied.select(F.explode(F.array(LEFT, RIGHT)).alias(Cluster.cluster)).distinct()
    # A node without a link is a cluster of its own, under its own name.
    members = touched.join(cluster_of, on=Cluster.cluster, how="left").select(
        Cluster.cluster, F.coalesce(Cluster.node, Cluster.cluster).alias("_node")
    )
    small = members.groupBy(Cluster.cluster).agg(F.collect_list("_node").alias("_nodes")).where(F.size("_nodes") <= LARGEST)
    both = tied.join(small.toDF(LEFT, "_l"), on=LEFT, how="inner").join(small.toDF(RIGHT, "_r"), on=RIGHT, how="inner")
    met = both.select(LEFT, RIGHT, F.explode("_l").alias("_l"), "_r").select(LEFT, RIGHT, "_l", F.explode("_r").alias("_r"))
    return met.select(F.least("_l", "_r").alias(Pair.a), F.greatest("_l", "_r").alias(Pair.b), LEFT, RIGHT)


def merges(patterned: DataFrame, model: Model, contradiction: str) -> DataFrame:
    """Pairs between clusters (left, right, pattern) -> _kept, _gone, _weight: the two clusters of each line are one."""
    numbers = [F.shiftright(Pair.pattern, BITS * i).bitwiseAND(F.lit((1 << BITS) - 1)).cast("int") for i in range(len(model.fields))]
    fields = [F.struct(_ratio(p, UNRELATED, n).alias("u"), _ratio(p, HOUSEHOLD, n).alias("h")) for p, n in zip(model.levels, numbers, strict=True)]
    stated = [F.when(n > 0, f) for n, f in zip(numbers, fields, strict=True)]
    aggregates = [a for i, s in enumerate(stated) for a in (F.max(s).alias(f"_best{i}"), F.count(s).alias(f"_tries{i}"))]
    index, levels = model.contradicting()
    said = patterned.groupBy(LEFT, RIGHT).agg(F.max(numbers[index].isin(levels)).alias("_contradicts"), *aggregates)
    allowed = ~F.col("_contradicts") if model.vetoes(contradiction) else F.lit(True)
    unrelated, family = F.lit(math.log2(model.prior[PERSON] / model.prior[UNRELATED])), F.lit(_family_prior(model))
    for i in range(len(stated)):
        best, tries = F.col(f"_best{i}"), F.col(f"_tries{i}")
        luck = F.when(best["u"] > 0, F.log2(F.greatest(tries, F.lit(1))) / 2).otherwise(0.0)
        unrelated, family = unrelated + F.coalesce(best["u"] - luck, F.lit(0.0)), family + F.coalesce(best["h"], F.lit(0.0))
    against = F.least(unrelated, family) - F.log2(1 + F.pow(F.lit(2.0), -F.least(F.abs(unrelated - family), F.lit(60.0))))
    return _mutual(said.where(allowed).select(LEFT, RIGHT, F.round(against, 4).alias(_WEIGHT)).where(F.col(_WEIGHT) > MARGIN))


def _family_prior(model: Model) -> float:
    return math.log2(model.prior[PERSON] / max(float(model.prior[HOUSEHOLD]), 1e-300))


def _ratio(levels: np.ndarray, other: int, number: Column) -> Column:
    """Log2 ratio of same person against another class, by level number."""
    values: Sequence[float] = np.round(np.log2(levels[PERSON] / levels[other]), 6).tolist()
    return F.element_at(F.array(*(F.lit(float(v)) for v in values)), number + 1)


def _mutual(weighted: DataFrame) -> DataFrame:
    """The pairs of clusters of which each is the other's best."""
    turned = weighted.select(F.col(LEFT).alias("_c"), F.col(RIGHT).alias("_o"), _WEIGHT).unionByName(
        weighted.select(F.col(RIGHT).alias("_c"), F.col(LEFT).alias("_o"), _WEIGHT)
    )
    best = (
        turned.groupBy("_c").agg(F.max(F.struct(_WEIGHT, "_o")).alias("_best")).select("_c", F.col("_best._o").alias("_o"), F.col(f"_best.{_WEIGHT}"))
    )
    back = best.select(F.col("_c").alias("_o"), F.col("_o").alias("_c"))
    met = best.where(F.col("_c") < F.col("_o")).join(back, on=["_c", "_o"], how="inner")
    return met.select(F.col("_c").alias(_KEPT), F.col("_o").alias(_GONE), _WEIGHT)


def merged(clusters: DataFrame, joined: DataFrame) -> DataFrame:
    """The clusters (node, cluster, confidence) with those of each line of `joined` made one, single nodes included."""
    ends = joined.select(F.explode(F.array(F.struct(F.col(_KEPT).alias("_of")), F.struct(F.col(_GONE).alias("_of")))).alias("_e"), _KEPT, _WEIGHT)
    named = ends.select(F.col("_e._of").alias(Cluster.cluster), _KEPT, _WEIGHT)
    grouped = clusters.join(named, on=Cluster.cluster, how="left").select(
        Cluster.node,
        F.coalesce(_KEPT, Cluster.cluster).alias(Cluster.cluster),
        F.when(F.col(_KEPT).isNull(), F.col(Cluster.confidence)).otherwise(F.least(Cluster.confidence, _WEIGHT)).alias(Cluster.confidence),
    )
    single = named.join(clusters.select(Cluster.cluster).distinct(), on=Cluster.cluster, how="left_anti")
    alone = single.select(F.col(Cluster.cluster).alias(Cluster.node), F.col(_KEPT).alias(Cluster.cluster), F.col(_WEIGHT).alias(Cluster.confidence))
    return grouped.unionByName(alone)
