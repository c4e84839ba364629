"""GraphFrames and the reference give the same components."""

from __future__ import annotations

import random

import pytest
from pyspark.sql import SparkSession

from appetence.errors import ConfigError
from appetence.identity.components import connected_components

pytestmark = pytest.mark.spark
Edges = list[tuple[int, int]]


def chain(length: int, first: int) -> Edges:
    return [(first + i, first + i + 1) for i in range(length)]


def star(size: int, centre: int) -> Edges:
    return [(centre, centre + i) for i in range(1, size)]


def scattered(seed: int, nodes: int, edges: int) -> Edges:
    draw = random.Random(seed)
    # Wide ids of both signs, as hashes are.
    names = [draw.randrange(-(2**62), 2**62) for _ in range(nodes)]
    return [(draw.choice(names), draw.choice(names)) for _ in range(edges)]


def by_union(edges: Edges) -> dict[int, int]:
    """The plainest reference: union-find."""
    parent: dict[int, int] = {}

    def root(x: int) -> int:
        parent.setdefault(x, x)
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for a, b in edges:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return {x: root(x) for x in parent}


GRAPHS = {
    "chain": chain(40, -20),
    "star": star(30, 5),
    "doubled": [(1, 2), (1, 2), (2, 1), (3, 4), (3, 4)],
    "random_7": scattered(7, 60, 45),
    "random_8": scattered(8, 200, 260),
    "all": chain(9, 1000) + star(7, 2000) + [(1000, 1003)] * 3 + scattered(9, 40, 20),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_inv_20_components_equal_reference(spark: SparkSession, name: str) -> None:
    edges = GRAPHS[name]
    frame = spark.createDataFrame(edges, "a bigint, b bigint")
    want = by_union(edges)
    for engine in ("driver", "graphframes"):
        got = {r.node: r.component for r in connected_components(frame, engine).collect()}
        assert got == want, engine


def test_no_edges_give_no_components(spark: SparkSession) -> None:
    empty = spark.createDataFrame([], "a bigint, b bigint")
    assert connected_components(empty, "driver").count() == 0
    assert connected_components(empty, "graphframes").count() == 0


def test_unknown_engine_is_refused(spark: SparkSession) -> None:
    with pytest.raises(ConfigError, match=r"identity\.engine is 'duckdb'"):
        connected_components(spark.createDataFrame([(1, 2)], "a bigint, b bigint"), "duckdb")
