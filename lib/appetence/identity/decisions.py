"""What somebody decided by hand of two records binds every later run, whatever the weights say.

The rule. *Same* makes one of the two clusters that hold the records. *Different* keeps the records in two, also where third records would
tie them. Clusters that a decision touches and that hold no pair decided to be different are joined whole. Where they do, all their records
are cut anew by average linkage: records decided to be the same start as one group, and two groups that hold a different pair, or birth
dates that contradict, never join. A decision made by hand outweighs the model's own veto for its pair. The work grows with the decisions.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.contracts.identity import ClericalDecision
from appetence.contracts.local import local_frame
from appetence.identity.frames import Cluster, Pair
from appetence.identity.frames import Signature as S
from appetence.identity.weights import NEVER

# Records equal in all that is compared: more than any two that are not.
EQUAL = 100.0
WeightsOf = Callable[[DataFrame], DataFrame]
Twos = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Member:
    """A record of a cluster that decisions touch."""

    record_id: str
    node: int
    cluster: int
    confidence: float | None


@dataclass
class Groups:
    """Things that belong together, found by joining two and two."""

    parent: dict[Any, Any]

    def of(self, item: Any) -> Any:
        """The name of the item's group."""
        while self.parent.setdefault(item, item) != item:
            item = self.parent[item]
        return item

    def join(self, one: Any, other: Any) -> None:
        """Makes one of the two items' groups."""
        x, y = self.of(one), self.of(other)
        self.parent[max(x, y)] = min(x, y)


def applied(assigned: DataFrame, decided: DataFrame, profiled: DataFrame, weights_of: WeightsOf) -> tuple[DataFrame, int]:
    """Clusters (record_id, cluster, confidence) that obey the decisions, and of how many records clusters were joined or cut.

    `decided`: record_a, record_b, is_same. `profiled`: record_id, node. `weights_of`: pairs of nodes (a, b) -> the same with weight."""
    place = assigned.select(Cluster.record_id, Cluster.cluster)
    ends = decided.join(place.toDF(ClericalDecision.record_a, "_x"), on=ClericalDecision.record_a, how="inner").join(
        place.toDF(ClericalDecision.record_b, "_y"), on=ClericalDecision.record_b, how="inner"
    )
    verdicts = [(r[0], r[1], bool(r[2]), int(r[3]), int(r[4])) for r in ends.select(*_columns(), "_x", "_y").collect()]
    wanted = _touched(verdicts)
    if not wanted:
        return assigned, 0
    spark = assigned.sparkSession
    clusters = local_frame(spark, [(c,) for c in sorted(wanted)], f"{Cluster.cluster} bigint")
    held = assigned.join(F.broadcast(clusters), on=Cluster.cluster, how="left_semi").join(
        profiled.select(S.record_id, S.node), on=S.record_id, how="inner"
    )
    rows = held.select(S.record_id, S.node, Cluster.cluster, Cluster.confidence).collect()
    members = sorted((Member(r[0], int(r[1]), int(r[2]), r[3]) for r in rows), key=lambda m: m.record_id)
    bound = [(a, b) for a, b, is_same, _, _ in verdicts if is_same], [(a, b) for a, b, is_same, _, _ in verdicts if not is_same]
    settled = _settled(members, wanted, bound, lambda twos: _weights(spark, twos, weights_of))
    new = local_frame(spark, settled, f"{Cluster.record_id} string, _cluster bigint, _confidence double")
    joined = assigned.join(F.broadcast(new), on=Cluster.record_id, how="left")
    is_moved = F.col("_cluster").isNotNull()
    return joined.select(
        Cluster.record_id,
        F.coalesce("_cluster", Cluster.cluster).alias(Cluster.cluster),
        F.when(is_moved, F.col("_confidence")).otherwise(F.col(Cluster.confidence)).alias(Cluster.confidence),
    ), len(settled)  # fmt: skip


def _columns() -> tuple[str, ...]:
    return ClericalDecision.record_a, ClericalDecision.record_b, ClericalDecision.is_same


def _touched(verdicts: Sequence[tuple[str, str, bool, int, int]]) -> dict[int, int | str]:
    """Cluster -> group, for the clusters that are not yet as decided: several joined by *same*, or a *different* pair in one."""
    groups = Groups({})
    for _, _, is_same, x, y in verdicts:
        groups.of(x), groups.of(y)
        if is_same:
            groups.join(x, y)
    broken = {groups.of(x) for _, _, is_same, x, y in verdicts if (x != y if is_same else groups.of(x) == groups.of(y))}
    return {int(c): groups.of(c) for c in list(groups.parent) if groups.of(c) in broken}


def _settled(
    members: Sequence[Member],
    group_of: Mapping[int, int | str],
    bound: tuple[Twos, Twos],
    weights: Callable[[list[tuple[int, int]]], Mapping[tuple[int, int], float]],
) -> list[tuple[str, int, float | None]]:
    """record_id, cluster, confidence of every member of the touched clusters."""
    by_group: dict[int | str, list[Member]] = defaultdict(list)
    for m in members:
        by_group[group_of[m.cluster]].append(m)
    group = {m.record_id: group_of[m.cluster] for m in members}
    same, different = ([(a, b) for a, b in twos if a in group and group[a] == group.get(b)] for twos in bound)
    to_cut = {group[a] for a, _ in different}
    asked = {(min(x.node, y.node), max(x.node, y.node)) for g in to_cut for x in by_group[g] for y in by_group[g] if x.node != y.node}
    known = weights(sorted(asked)) if asked else {}
    out: list[tuple[str, int, float | None]] = []
    for g, held in by_group.items():
        ids = {m.record_id for m in held}
        pieces = (
            cut(held, [t for t in same if t[0] in ids], [t for t in different if t[0] in ids], known)
            if g in to_cut
            else [[m.record_id for m in held]]
        )
        confidence = {m.record_id: m.confidence for m in held}
        for piece in pieces:
            sure = [c for r in piece if (c := confidence[r]) is not None]
            out += [(r, _number(min(piece)), min(sure) if sure and len(piece) > 1 else None) for r in piece]
    return out


def _number(record_id: str) -> int:
    """A cluster's number, from its lowest record."""
    return int.from_bytes(hashlib.sha256(record_id.encode()).digest()[:8], "big", signed=True)


def cut(members: Sequence[Member], same: Twos, different: Twos, weights: Mapping[tuple[int, int], float]) -> list[list[str]]:
    """The records of `members` in pieces: average linkage at zero that starts from the *same* groups and never joins a *different* pair.

    `weights`: of pairs of nodes, the lower first. Equal records that nobody decided on are one unit."""
    joined = Groups({})
    decided = {r for two in (*same, *different) for r in two}
    for a, b in same:
        joined.join(a, b)
    units: dict[int | str, list[Member]] = defaultdict(list)
    for m in members:
        units[str(joined.of(m.record_id)) if m.record_id in decided else m.node].append(m)
    held = sorted(units.values(), key=lambda unit: min(m.record_id for m in unit))
    place = {m.record_id: i for i, unit in enumerate(held) for m in unit}
    total, count, apart = _matrices(held, weights)
    for a, b in different:
        apart[place[a], place[b]] = apart[place[b], place[a]] = True
    return [sorted(m.record_id for i in group for m in held[i]) for group in _linked(total, count, apart)]


def _matrices(held: Sequence[Sequence[Member]], weights: Mapping[tuple[int, int], float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums of weights between units, how many pairs they are of, and which units may never join."""
    n = len(held)
    total, count, apart = np.zeros((n, n)), np.ones((n, n)), np.zeros((n, n), dtype=bool)
    for i in range(n):
        for j in range(i):
            said = [weights[min(x, y), max(x, y)] if x != y else EQUAL for x in _nodes(held[i]) for y in _nodes(held[j])]
            total[i, j] = total[j, i] = sum(said)
            count[i, j] = count[j, i] = len(said)
            apart[i, j] = apart[j, i] = min(said) <= NEVER
    return total, count, apart


def _nodes(unit: Sequence[Member]) -> list[int]:
    return sorted({m.node for m in unit})


def _linked(total: np.ndarray, count: np.ndarray, apart: np.ndarray) -> list[list[int]]:
    groups = [[i] for i in range(len(total))]
    while len(groups) > 1:
        average = np.where(apart, -np.inf, total / count)
        np.fill_diagonal(average, -np.inf)
        x, y = sorted(int(i) for i in np.unravel_index(int(np.argmax(np.round(average, 6))), average.shape))
        if not average[x, y] > 0:
            break
        for matrix in (total, count):
            matrix[x] += matrix[y]
            matrix[:, x] = matrix[x]
        apart[x] |= apart[y]
        apart[:, x] = apart[x]
        rest = [i for i in range(len(groups)) if i != y]
        groups = [groups[i] + (groups[y] if i == x else []) for i in rest]
        total, count, apart = (m[np.ix_(rest, rest)] for m in (total, count, apart))
    return groups


def _weights(spark: SparkSession, twos: Sequence[tuple[int, int]], weights_of: WeightsOf) -> dict[tuple[int, int], float]:
    asked = local_frame(spark, twos, f"{Pair.a} bigint, {Pair.b} bigint")
    return {(int(r[0]), int(r[1])): float(r[2]) for r in weights_of(asked).select(Pair.a, Pair.b, Pair.weight).collect()}
