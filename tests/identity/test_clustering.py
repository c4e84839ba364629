"""Components past the limit are taken apart in stages, and what nothing takes apart stops the run."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.contracts.settings import IdentitySettings
from appetence.errors import BudgetError
from appetence.identity.clustering import Clustering
from appetence.identity.comparison import BIRTH
from appetence.identity.components import connected_components
from appetence.identity.weights import HOUSEHOLD, PERSON, Model

pytestmark = pytest.mark.spark
Links = list[tuple[int, int, float]]
LIMIT = 3


def model() -> Model:
    """Birth dates alone are compared: equal ones mean one person."""
    levels = np.ones((3, len(BIRTH.levels) + 1))
    levels[PERSON, 1], levels[HOUSEHOLD, 1] = 0.9, 0.01
    return Model((BIRTH,), (levels,), np.array([0.5, 0.25, 0.25]))


class AllEqual:
    """In place of the patterns of pairs: all inside a component agree."""

    def of(self, wanted: DataFrame, name: str) -> DataFrame:
        return wanted.withColumn("pattern", F.lit(BIRTH.number("exact")).cast("bigint"))


class Work:
    """A clustering with a limit of three, and the names of what it staged."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark, self.staged = spark, list[str]()
        patterns: Any = AllEqual()
        settings = IdentitySettings(engine="driver", max_component=LIMIT)
        self.clustering = Clustering(patterns, model(), settings, self._kept, looks_again=False)

    def _kept(self, name: str, frame: DataFrame) -> DataFrame:
        self.staged.append(name)
        return self._spark.createDataFrame(frame.collect(), frame.schema)

    def links(self, rows: Links) -> DataFrame:
        return self._spark.createDataFrame(rows, "a bigint, b bigint, weight double")

    def within_limit(self, rows: Links) -> tuple[dict[int, int], int]:
        """node -> component, and how many components were too large."""
        links = self.links(rows)
        connected, count = self.clustering._within_limit(connected_components(links, "driver"), links)
        return {r.node: r.component for r in connected.collect()}, count


def clique(nodes: range, weight: float) -> Links:
    return [(a, b, weight) for a, b in itertools.combinations(nodes, 2)]


# Two persons that one link ties, which the second threshold (8) cuts; a record that hangs on by less than the first (4).
PAIR_OF_PERSONS: Links = [*clique(range(1, 4), 30.0), *clique(range(4, 7), 30.0), (3, 4, 6.0), (1, 7, 2.0)]


def test_inv_19_a_large_component_is_taken_apart_at_rising_weights_and_others_keep_their_weak_links(spark: SparkSession) -> None:
    work = Work(spark)
    # A chain that the first threshold cuts is left alone at the second, which its links would not outlast.
    chain: Links = [(10, 11, 5.0), (11, 12, 5.0), (12, 13, 1.0)]
    got, count = work.within_limit([*PAIR_OF_PERSONS, *chain, (20, 21, 0.5)])
    assert got == {1: 1, 2: 1, 3: 1, 4: 4, 5: 4, 6: 4, 10: 10, 11: 10, 12: 10, 20: 20, 21: 20}
    assert count == 2
    assert work.staged == ["components", "components"], "one stage for each threshold that was needed"


def test_what_fits_is_left_as_it_is(spark: SparkSession) -> None:
    work = Work(spark)
    assert work.within_limit([*clique(range(1, 4), 0.5), (8, 9, 0.5)]) == ({1: 1, 2: 1, 3: 1, 8: 8, 9: 8}, 0)
    assert work.staged == []


def test_inv_19_a_record_cut_off_a_large_component_is_alone_and_still_of_the_component(spark: SparkSession) -> None:
    work = Work(spark)
    clusters, count = work.clustering.clusters(work.links([*PAIR_OF_PERSONS, (20, 21, 0.5), (20, 22, -3.0)]))
    rows = {r.node: r for r in clusters.collect()}
    assert count == 1
    assert {n: r.cluster for n, r in rows.items()} == {1: 1, 2: 1, 3: 1, 4: 4, 5: 4, 6: 4, 7: 7, 20: 20, 21: 20}
    assert {n: r.component for n, r in rows.items()} == {**dict.fromkeys(range(1, 8), 1), 20: 20, 21: 20}
    assert rows[7].confidence is None and rows[20].confidence == 0.5 and rows[1].confidence == rows[4].confidence > 0


def test_inv_19_a_component_that_holds_together_at_any_weight_stops_the_run(spark: SparkSession) -> None:
    work = Work(spark)
    with pytest.raises(BudgetError, match=r"1 group\(s\) of more than identity\.max_component=3 records hold together at any weight"):
        work.within_limit([*clique(range(1, 5), 500.0), (4, 5, 6.0)])
    assert len(work.staged) == 10
