"""Components taken apart again where their pairs do not hold together.

Links chain: A with B, B with C, and two strangers are one person. The larger the base the more of it, so every pair inside a component is
scored and the component is cut by average linkage at zero: two groups join while the average weight between them says *same person*. A pair
with contradicting birth dates weighs so little that no average outweighs it. Components of two need no repair: their one pair is their
link.

Average linkage (UPGMA): Sokal and Michener 1958; SciPy's nearest-neighbour chain, quadratic in the component. Components past the limit are
first cut at higher thresholds until the pieces fit; whoever publishes raises an alarm for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.cluster.hierarchy import fcluster, linkage

from appetence.identity.frames import Cluster, Pair

_SCHEMA = f"{Cluster.node} bigint, {Cluster.component} bigint, {Cluster.cluster} bigint, {Cluster.confidence} double"
_CEILING = 2000.0


def pairs_inside(components: DataFrame, limit: int) -> DataFrame:
    """Every pair of nodes of a component of three up to `limit` nodes: a < b, component."""
    sized = components.groupBy(Cluster.component).agg(F.count(F.lit(1)).alias("_n")).where(F.col("_n").between(3, limit)).drop("_n")
    inside = components.join(sized, on=Cluster.component, how="inner")
    left = inside.select(F.col(Cluster.node).alias(Pair.a), Cluster.component)
    right = inside.select(F.col(Cluster.node).alias(Pair.b), Cluster.component)
    return left.join(right, on=Cluster.component, how="inner").where(F.col(Pair.a) < F.col(Pair.b))


def oversized(components: DataFrame, limit: int) -> DataFrame:
    """Components of more nodes than `limit`: component, n."""
    return components.groupBy(Cluster.component).agg(F.count(F.lit(1)).alias("n")).where(F.col("n") > limit)


def repaired(scored: DataFrame, parts: int) -> DataFrame:
    """Every scored pair inside every component (a, b, component, weight) -> node, component, cluster (lowest node of it), confidence.

    Confidence is the average weight of the last join that made the cluster; null for a node cut off alone."""
    bucketed = (
        scored.select(Pair.a, Pair.b, Cluster.component, Pair.weight).repartition(parts, Cluster.component).sortWithinPartitions(Cluster.component)
    )
    return bucketed.mapInPandas(_cut_batches, _SCHEMA)


def _cut_batches(batches: Iterable[Any]) -> Iterable[Any]:
    """Rows come sorted by component; the last component of a batch may go on in the next one and is kept back."""
    rest: pd.DataFrame | None = None
    for batch in batches:
        whole = batch if rest is None else pd.concat([rest, batch], ignore_index=True)
        if whole.empty:
            continue
        last = whole[Cluster.component].iloc[-1]
        rest = whole[whole[Cluster.component] == last]
        ready = whole[whole[Cluster.component] != last]
        if len(ready):
            yield cut_all(ready)
    if rest is not None and len(rest):
        yield cut_all(rest)


def cut_all(scored: pd.DataFrame) -> pd.DataFrame:
    """`repaired` for whole components in pandas."""
    component = scored[Cluster.component].to_numpy()
    a, b, weight = (scored[c].to_numpy() for c in (Pair.a, Pair.b, Pair.weight))
    order = np.argsort(component, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(component[order]) != 0])
    pieces = [cut(a[rows], b[rows], weight[rows]) for rows in np.split(order, starts[1:])]
    sizes = [len(p[0]) for p in pieces]
    return pd.DataFrame(
        {
            Cluster.node: np.concatenate([p[0] for p in pieces]),
            Cluster.component: np.repeat(component[order][starts], sizes),
            Cluster.cluster: np.concatenate([p[1] for p in pieces]),
            Cluster.confidence: np.concatenate([p[2] for p in pieces]),
        }
    )


def cut(a: NDArray[np.int64], b: NDArray[np.int64], weight: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """One component, all its pairs with their weights -> its nodes, the lowest node of each one's cluster, and its confidence."""
    nodes = np.unique(np.r_[a, b])
    n = len(nodes)
    i, j = np.searchsorted(nodes, a), np.searchsorted(nodes, b)
    low, high = np.minimum(i, j), np.maximum(i, j)
    # Distances must not be negative; average linkage only sees their differences, so zero weight becomes the ceiling.
    distance = np.full(n * (n - 1) // 2, _CEILING)
    distance[low * n - low * (low + 1) // 2 + high - low - 1] = _CEILING - np.minimum(weight, _CEILING)
    distance[distance > _CEILING + 900] = 1e9
    tree = linkage(distance, method="average")
    label = fcluster(tree, t=_CEILING - 1e-9, criterion="distance")
    _, index = np.unique(label, return_inverse=True)
    lowest = np.full(index.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(lowest, index, nodes)
    loosest = np.full(index.max() + 1, np.nan)
    _note_confidence(tree, index, loosest)
    return nodes, lowest[index], loosest[index]


def _note_confidence(tree: NDArray[np.float64], index: NDArray[np.int64], loosest: NDArray[np.float64]) -> None:
    """The lowest average weight among the joins that made each cluster."""
    n = len(index)
    owner = np.r_[index, np.full(len(tree), -1)]
    for k, (x, _, height, _) in enumerate(tree):
        if height >= _CEILING - 1e-9:
            break
        owner[n + k] = owner[int(x)]
        average = round(_CEILING - float(height), 4)
        previous = loosest[owner[n + k]]
        loosest[owner[n + k]] = average if np.isnan(previous) else min(previous, average)
