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


# One graph of many parts: each part's ids lie apart, so that one run of an engine settles them all.
GRAPHS = {
    "chain": chain(40, -20),
    "star": star(30, 5_005),
    "doubled": [(9_001, 9_002), (9_001, 9_002), (9_002, 9_001), (9_003, 9_004), (9_003, 9_004)],
    "closed_chain": [*chain(9, 10_000), (10_000, 10_003), (10_009, 10_000)],
    "random_7": scattered(7, 60, 45),
    "random_8": scattered(8, 200, 260),
    "random_9": scattered(9, 300, 170),
}


@pytest.mark.parametrize("engine", ["driver", "graphframes"])
def test_inv_20_components_equal_reference(spark: SparkSession, engine: str) -> None:
    frame = spark.createDataFrame([edge for part in GRAPHS.values() for edge in part], "a bigint, b bigint")
    got = {r.node: r.component for r in connected_components(frame, engine).collect()}
    for name, edges in GRAPHS.items():
        want = by_union(edges)
        assert {n: got.get(n) for n in want} == want, name
    assert len(got) == sum(len(by_union(edges)) for edges in GRAPHS.values())


def test_no_edges_give_no_components(spark: SparkSession) -> None:
    empty = spark.createDataFrame([], "a bigint, b bigint")
    assert connected_components(empty, "driver").isEmpty()
    assert connected_components(empty, "graphframes").isEmpty()


def test_unknown_engine_is_refused(spark: SparkSession) -> None:
    with pytest.raises(ConfigError, match=r"identity\.engine is 'duckdb'"):
        connected_components(spark.createDataFrame([(1, 2)], "a bigint, b bigint"), "duckdb")
