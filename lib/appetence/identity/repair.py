"""Components taken apart again where their pairs do not hold together.

Links chain: A with B, B with C, and two strangers are one person. The larger the base the more of it, so every pair inside a component is
scored and the component is cut by average linkage at zero: two groups join while the average weight between them says *same person*. A pair
with contradicting birth dates weighs so little that no average outweighs it. Components of two need no repair: their one pair is their
link.

Average linkage (UPGMA): Sokal and Michener 1958, for all components of one size at once: most are of three or four records, and a call for each
took half the time of repairing. The time is cubic in the size, of which there is a limit. Components past it are first cut at higher thresholds
until the pieces fit; whoever publishes raises an alarm for them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.identity.frames import Cluster, Pair

_SCHEMA = f"{Cluster.node} bigint, {Cluster.component} bigint, {Cluster.cluster} bigint, {Cluster.confidence} double"
_CEILING = 2000.0
_CELLS = 2_000_000
"""Distances held at once."""


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
    order = np.lexsort((scored[Pair.b].to_numpy(), scored[Pair.a].to_numpy(), component))
    component = component[order]
    a, b, weight = (scored[c].to_numpy()[order] for c in (Pair.a, Pair.b, Pair.weight))
    starts = np.flatnonzero(np.r_[True, np.diff(component) != 0])
    pairs = np.diff(np.r_[starts, len(component)])
    pieces = []
    for count in np.unique(pairs):
        size = (1 + math.isqrt(1 + 8 * int(count))) // 2
        for some in _portions(starts[pairs == count], size):
            rows = some[:, None] + np.arange(count)
            # Sorted by its two ends, a component's first pairs are those of its lowest node with all others.
            nodes = np.c_[a[some], b[rows[:, : size - 1]]]
            lowest, confidence = cut(weight[rows], size)
            named = np.take_along_axis(nodes, lowest, axis=1)
            pieces.append((nodes.ravel(), np.repeat(component[some], size), named.ravel(), np.take_along_axis(confidence, lowest, axis=1).ravel()))
    columns = (np.concatenate(c) for c in zip(*pieces, strict=True))
    return pd.DataFrame(dict(zip((Cluster.node, Cluster.component, Cluster.cluster, Cluster.confidence), columns, strict=True)))


def _portions(components: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """Components of one size in portions whose distances take little memory."""
    each = max(1, _CELLS // (size * size))
    return [components[i : i + each] for i in range(0, len(components), each)]


def cut(weight: NDArray[np.float64], size: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Components of one size side by side. `weight`: a row for each, of the pairs of its nodes (0, 1), (0, 2) and on -> for each of its nodes the
    lowest one of its cluster, and the lowest average weight among the joins that made the cluster of that name; both component × node. Of joins that
    are equally good the one of the lowest nodes comes first."""
    count, (low, high) = len(weight), np.triu_indices(size, 1)
    # Distances must not be negative; average linkage only sees their differences, so zero weight becomes the ceiling.
    apart = _CEILING - np.minimum(weight, _CEILING)
    apart[apart > _CEILING + 900] = 1e9
    distance = np.full((count, size, size), np.inf)
    distance[:, low, high] = distance[:, high, low] = apart
    members, name = np.ones((count, size)), np.tile(np.arange(size), (count, 1))
    loosest, held = np.full((count, size), np.nan), np.arange(count)
    for _ in range(size - 1):
        x, y = np.divmod(distance.reshape(len(held), -1).argmin(axis=1), size)
        height = distance[np.arange(len(held)), x, y]
        joins = height < _CEILING - 1e-9
        if not joins.any():
            break
        if not joins.all():
            held, x, y, height, distance, members = held[joins], x[joins], y[joins], height[joins], distance[joins], members[joins]
        row = np.arange(len(held))
        of_x, of_y = members[row, x], members[row, y]
        both = (of_x[:, None] * distance[row, x] + of_y[:, None] * distance[row, y]) / (of_x + of_y)[:, None]
        distance[row, x], distance[row, :, x] = both, both
        distance[row, y], distance[row, :, y] = np.inf, np.inf
        members[row, x] = of_x + of_y
        name[held] = np.where(name[held] == y[:, None], x[:, None], name[held])
        average = np.round(_CEILING - height, 4)
        loosest[held, x] = np.fmin(np.fmin(loosest[held, x], loosest[held, y]), average)
    return name, loosest
