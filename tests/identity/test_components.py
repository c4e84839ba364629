"""GraphFrames, by either of its algorithms, and the reference give the same components."""

from __future__ import annotations

import random
from typing import Any

import pytest
from graphframes import GraphFrame
from pyspark.errors import PySparkAttributeError
from pyspark.sql import DataFrame, SparkSession

from appetence.errors import ConfigError
from appetence.identity import components
from appetence.identity.components import connected_components, engine_used

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


def equals_reference(spark: SparkSession, engine: str) -> None:
    frame = spark.createDataFrame([edge for part in GRAPHS.values() for edge in part], "a bigint, b bigint")
    got = {r.node: r.component for r in connected_components(frame, engine).collect()}
    for name, edges in GRAPHS.items():
        want = by_union(edges)
        assert {n: got.get(n) for n in want} == want, name
    assert len(got) == sum(len(by_union(edges)) for edges in GRAPHS.values())


@pytest.mark.parametrize("engine", ["driver", "graphframes"])
def test_inv_20_components_equal_reference(spark: SparkSession, engine: str) -> None:
    equals_reference(spark, engine)


def test_inv_20_the_two_phase_algorithm_of_many_links_equals_reference(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, solve = [], GraphFrame.connectedComponents

    def told(graph: GraphFrame, **options: Any) -> DataFrame:
        asked.append(options["algorithm"])
        return solve(graph, **options)

    monkeypatch.setattr(GraphFrame, "connectedComponents", told)
    monkeypatch.setattr(components, "TWO_PHASE_FROM", 0)
    equals_reference(spark, "graphframes")
    assert asked == ["graphframes"]


class WithoutJvm:
    """Edges of a session that gives no access to its JVM, as Spark Connect's."""

    def __init__(self, edges: DataFrame | None = None) -> None:
        self._edges = edges

    @property
    def sparkSession(self) -> WithoutJvm:
        return self

    @property
    def sparkContext(self) -> None:
        raise PySparkAttributeError(errorClass="JVM_ATTRIBUTE_NOT_SUPPORTED", messageParameters={"attr_name": "sparkContext"})

    def select(self, *columns: Any) -> DataFrame:
        assert self._edges is not None
        return self._edges.select(*columns)


def test_where_there_is_no_jvm_the_driver_solves(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    edges: Any = WithoutJvm(spark.createDataFrame([(3, 1), (3, 9), (5, 4)], "a bigint, b bigint"))
    monkeypatch.setattr(components, "_with_graphframes", lambda links: pytest.fail("GraphFrames needs the JVM"))
    got = {r.node: r.component for r in connected_components(edges, "auto").collect()}
    assert got == {1: 1, 3: 1, 9: 1, 4: 4, 5: 4}
    assert engine_used(edges, "auto") == "driver"
    with_jvm = spark.createDataFrame([(1, 2)], "a bigint, b bigint")
    assert [engine_used(with_jvm, engine) for engine in ("auto", "graphframes", "driver")] == ["graphframes", "graphframes", "driver"]


def test_few_links_are_solved_on_the_driver_and_one_more_is_not(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    edges = spark.createDataFrame([(3, 1), (3, 9), (1, 2), (1, 2)], "a bigint, b bigint")
    solvers: list[str] = []
    monkeypatch.setattr(components, "_on_driver", lambda links: solvers.append("driver") or links)
    monkeypatch.setattr(components, "_with_graphframes", lambda links: solvers.append("graphframes") or links)
    for small in (0, 2, 3):  # the two equal links are one
        connected_components(edges, "auto", small=small)
    connected_components(edges, "graphframes", small=3)
    assert solvers == ["graphframes", "graphframes", "driver", "graphframes"]


def test_no_edges_give_no_components(spark: SparkSession) -> None:
    empty = spark.createDataFrame([], "a bigint, b bigint")
    assert connected_components(empty, "driver").isEmpty()
    assert connected_components(empty, "graphframes").isEmpty()


def test_unknown_engine_is_refused(spark: SparkSession) -> None:
    with pytest.raises(ConfigError, match=r"identity\.engine is 'duckdb'"):
        connected_components(spark.createDataFrame([(1, 2)], "a bigint, b bigint"), "duckdb")
