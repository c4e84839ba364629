"""How records of one component hold together: the strongest way from one to another, over the pairs that were compared.

A way is as strong as its weakest step; of equally strong ones the shortest counts, then the one of the lowest ids. How strong the best one is
is found by joining pairs from the strongest down until the two ends meet (Kruskal 1956; the widest path: Hu 1961), the way itself by breadth
among the pairs that are no weaker. To search by strength and length at once would be wrong: the narrower of two beginnings may be the better
one, where what follows is narrower still. Cost: one sort of the pairs of one component, whose size is bounded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from appetence.contracts.identity import Edge, ResolvedRecord

Link = tuple[str, str, float]
Two = tuple[str, str]


@dataclass(frozen=True)
class Tie:
    """What identity.edge says of a compared pair: its weight, its pattern, and whether it is a link or only doubtful."""

    weight: float
    pattern: str
    is_link: bool


@dataclass(frozen=True)
class Around:
    """Two records and what lies between. Equal records stand under the lowest of them: `ends` are those of the two, `clusters` gives the cluster of
    each record of their component, `ties` the compared pairs, lower id first. `is_whole`: the component was small enough to be read; otherwise only
    the clusters of the two were."""

    ends: Two
    clusters: Mapping[str, int]
    ties: Mapping[Two, Tie]
    is_one_component: bool
    is_whole: bool

    @property
    def is_one_cluster(self) -> bool:
        """Whether the weights alone, without decisions made by hand, make the two one person."""
        return self.clusters[self.ends[0]] == self.clusters[self.ends[1]]

    def cluster(self, record_id: str) -> list[str]:
        """The records of the cluster of a record."""
        return sorted(r for r, c in self.clusters.items() if c == self.clusters[record_id])

    def tie(self, x: str, y: str) -> Tie:
        """The pair of two records in either order."""
        return self.ties[min(x, y), max(x, y)]

    def way(self, *, with_doubtful: bool, is_inside: bool) -> list[str]:
        """The strongest way between the ends; empty when there is none. `with_doubtful`: over pairs that are no links too. `is_inside`: through
        records of the clusters of the two only."""
        own = {self.clusters[e] for e in self.ends}
        return strongest_path(
            (
                (x, y, t.weight)
                for (x, y), t in self.ties.items()
                if (with_doubtful or t.is_link) and (not is_inside or {self.clusters[x], self.clusters[y]} <= own)
            ),
            *self.ends,
        )


def around(resolved: DataFrame, edges: DataFrame, two: Two, limit: int) -> Around | None:
    """What lies between two records by ResolvedRecord and Edge; None when one of them was not compared. `limit`: of how many distinct records a
    component may be to come to the driver whole."""
    rows = resolved.where(F.col(ResolvedRecord.record_id).isin(*two)).collect()
    own = {r[ResolvedRecord.record_id]: r for r in rows}
    if len(own) < len(set(two)):
        return None
    components = {int(r[ResolvedRecord.component]) for r in rows}
    if len(components) > 1:
        return Around(two, {r: int(own[r][ResolvedRecord.cluster]) for r in two}, {}, False, True)
    held = resolved.where(F.col(ResolvedRecord.component) == components.pop())
    nodes, is_whole = _nodes(held).limit(limit + 1).collect(), True
    if len(nodes) > limit:
        is_whole = False
        nodes = _nodes(held.where(F.col(ResolvedRecord.cluster).isin(*{int(r[ResolvedRecord.cluster]) for r in rows}))).collect()
    lowest = {int(n[ResolvedRecord.node]): str(n[ResolvedRecord.record_id]) for n in nodes}
    a, b = (lowest[int(own[r][ResolvedRecord.node])] for r in two)
    clusters = {str(n[ResolvedRecord.record_id]): int(n[ResolvedRecord.cluster]) for n in nodes}
    return Around((a, b), clusters, _ties(edges, clusters), True, is_whole)


def _nodes(held: DataFrame) -> DataFrame:
    """node, the lowest of its equal records, and their cluster."""
    lowest = F.min(ResolvedRecord.record_id).alias(ResolvedRecord.record_id)
    return held.groupBy(ResolvedRecord.node).agg(lowest, F.min(ResolvedRecord.cluster).alias(ResolvedRecord.cluster))


def _ties(edges: DataFrame, records: Iterable[str]) -> dict[Two, Tie]:
    ids = sorted(records)
    inside = edges.where(F.col(Edge.record_a).isin(*ids) & F.col(Edge.record_b).isin(*ids))
    found: Sequence[Row] = inside.select(Edge.record_a, Edge.record_b, Edge.weight, Edge.pattern, Edge.is_link).collect()
    return {(r[0], r[1]): Tie(r[2], r[3], r[4]) for r in found}


def strongest_path(links: Iterable[Link], start: str, goal: str) -> list[str]:
    """The records of the way from `start` to `goal` whose weakest link is strongest, both ends included; empty when there is none. Of equal ways
    the one of fewest steps, then of the lowest ids seen from the lower end, so that both directions give one way.

    >>> strongest_path([("a", "b", 9.0), ("b", "c", 7.0), ("a", "c", 1.0)], "c", "a")
    ['c', 'b', 'a']
    >>> strongest_path([("a", "b", 9.0)], "a", "c")
    []
    """
    if start > goal:
        return strongest_path(links, goal, start)[::-1]
    known = list(links)
    floor = _weakest_of_best(known, start, goal)
    if floor is None:
        return [start] if start == goal else []
    near: dict[str, set[str]] = defaultdict(set)
    for x, y, weight in known:
        if weight >= floor:
            near[x].add(y)
            near[y].add(x)
    steps = _steps_to(goal, near)
    way = [start]
    while way[-1] != goal:
        way.append(min(n for n in near[way[-1]] if steps.get(n) == steps[way[-1]] - 1))
    return way


def _weakest_of_best(links: Sequence[Link], start: str, goal: str) -> float | None:
    """The weight of the weakest link of the strongest way; None when there is no way, or none is needed."""
    group = {r: r for x, y, _ in links for r in (x, y)}

    def top(record: str) -> str:
        while group[record] != record:
            group[record] = group[group[record]]
            record = group[record]
        return record

    if start == goal or start not in group or goal not in group:
        return None
    for x, y, weight in sorted(links, key=lambda link: -link[2]):
        group[top(x)] = top(y)
        if top(start) == top(goal):
            return weight
    return None


def _steps_to(goal: str, near: Mapping[str, set[str]]) -> dict[str, int]:
    """How many steps each record that reaches `goal` is away from it."""
    steps, edge = {goal: 0}, [goal]
    while edge:
        after = sorted({n for r in edge for n in near[r]} - steps.keys())
        steps |= dict.fromkeys(after, steps[edge[0]] + 1)
        edge = after
    return steps
