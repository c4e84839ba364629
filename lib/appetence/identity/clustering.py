"""From weighed pairs to clusters: connected components, repair, and the second look. What a group becomes depends on its own pairs only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.local import local_frame
from appetence.contracts.settings import IdentitySettings
from appetence.errors import BudgetError
from appetence.identity import comparison, components, repair, second_look, weights
from appetence.identity.frames import Cluster, Pair

Stage = Callable[[str, DataFrame], DataFrame]
# Ties between components are few and short: below this many the driver is quicker than any graph engine.
SMALL = 1_000_000


@dataclass(frozen=True)
class Patterns:
    """Agreement patterns of any pairs of nodes, compared again where blocking had met them: to look a pair up among all is no cheaper. `signed`: the
    nodes' signatures; `are_few` as in `comparison.compare`."""

    signed: DataFrame
    extras: Sequence[str]
    stage: Stage
    are_few: bool

    def of(self, wanted: DataFrame, name: str) -> DataFrame:
        """The wanted pairs (a, b and whatever else) with their pattern."""
        return self.stage(f"{name}_patterns", comparison.compare(wanted, self.signed, self.extras, are_few=self.are_few))


@dataclass(frozen=True)
class Clustering:
    """How weighed pairs become clusters. `looks_again`: doubtful clusters are compared as wholes, too. `small`: below so many links the driver
    finds their components."""

    patterns: Patterns
    model: weights.Model
    settings: IdentitySettings
    stage: Stage
    looks_again: bool
    small: int = 0

    @property
    def _engine(self) -> str:
        return "auto" if self.small and self.settings.engine != "driver" else self.settings.engine

    def clusters(self, weighed: DataFrame, mark: Callable[[str], None] = lambda name: None) -> tuple[DataFrame, int]:
        """Pairs (a, b, weight) -> node, component, cluster, confidence of every node that others hold; how many components were too large.
        `mark` is told when `repair` begins."""
        links = self.stage("links", weighed.where(F.col(Pair.weight) > self.settings.link_weight).select(Pair.a, Pair.b, Pair.weight))
        connected = self.stage("components", components.connected_components(links, self._engine, small=self.small))
        mark("repair")
        whole = connected
        connected, large = self._within_limit(connected, links)
        clusters = self._repaired(connected, links)
        if self.looks_again:  # where records say much, pairs do, and whole clusters hardly add to them
            clusters = self.stage("repaired", clusters)
            whole = self._tied(whole, weighed)
            clusters = self._looked_again(clusters, weighed)
        # A node that fell out of a component too large is on its own, and still of the component.
        lone = whole.join(clusters, on=Cluster.node, how="left").withColumn(Cluster.cluster, F.coalesce(Cluster.cluster, Cluster.node))
        return lone.select(Cluster.node, Cluster.component, Cluster.cluster, Cluster.confidence), large

    def weighed(self, wanted: DataFrame) -> DataFrame:
        """Pairs of nodes (a, b) with their weight."""
        met = self.patterns.of(wanted, "decided")
        return scored(met, patterns_of(met), self.model, self.settings)

    def _within_limit(self, connected: DataFrame, links: DataFrame) -> tuple[DataFrame, int]:
        """Components past the limit taken apart at rising link weights; how many there were."""
        settings = self.settings
        large = repair.oversized(connected, settings.max_component).select(Cluster.component)
        count = large.count()
        threshold, rounds, left = settings.link_weight, 0, count
        while left:
            threshold, rounds = threshold + 4.0, rounds + 1
            if rounds > 10:
                raise BudgetError(
                    f"{left} group(s) of more than identity.max_component={settings.max_component} records hold together at any weight: "
                    "look for a placeholder that standardisation does not know, or raise the limit; nothing was written."
                )
            inside = connected.join(large, on=Cluster.component, how="left_semi").select(F.col(Cluster.node).alias(Pair.a))
            strong = links.join(inside, on=Pair.a, how="left_semi").where(F.col(Pair.weight) > threshold)
            finer = components.connected_components(strong, self._engine, small=self.small)
            kept = connected.join(large, on=Cluster.component, how="left_anti")
            connected = self.stage("components", kept.unionByName(finer))
            large = repair.oversized(connected, settings.max_component).select(Cluster.component)
            left = large.count()
        return connected, count

    def _repaired(self, connected: DataFrame, links: DataFrame) -> DataFrame:
        """node, cluster, confidence for every node that has a link."""
        inside = self.patterns.of(repair.pairs_inside(connected, self.settings.max_component), "inside")
        parts = connected.sparkSession.conf.get("spark.sql.shuffle.partitions", "8")
        cut = repair.repaired(scored(inside, patterns_of(inside), self.model, self.settings), int(str(parts)))
        # A component of two is its one link.
        sized = connected.groupBy(Cluster.component).agg(F.count(F.lit(1)).alias("_n")).where("_n = 2").drop("_n")
        two = connected.join(sized, on=Cluster.component, how="inner")
        # Of one taken out of a larger component the other links are the weaker ones.
        strongest = links.groupBy(F.col(Pair.a).alias(Cluster.component)).agg(F.max(Pair.weight).alias(Pair.weight))
        weight = strongest.select(Cluster.component, F.round(Pair.weight, 4).alias(Cluster.confidence))
        small = two.join(weight, on=Cluster.component, how="left").select(
            Cluster.node, F.col(Cluster.component).alias(Cluster.cluster), Cluster.confidence
        )
        return small.unionByName(cut.select(Cluster.node, Cluster.cluster, Cluster.confidence))

    def _tied(self, connected: DataFrame, weighed: DataFrame) -> DataFrame:
        """node, component, where components that a doubtful pair ties are one: what a second look may change at once."""
        doubtful = weighed.where(F.col(Pair.weight) > self.settings.review_weight).select(Pair.a, Pair.b)
        for node, side in ((Pair.a, "_x"), (Pair.b, "_y")):
            doubtful = doubtful.join(connected.toDF(node, side), on=node, how="left").withColumn(side, F.coalesce(side, node))
        ties = self.stage("doubtful", doubtful.where("_x != _y").select(F.col("_x").alias(Pair.a), F.col("_y").alias(Pair.b)).distinct())
        groups = self.stage("tied", components.connected_components(ties, self._engine, small=SMALL)).toDF("_x", "_group")
        named = connected.withColumnRenamed(Cluster.component, "_x").join(groups, on="_x", how="left")
        inside = named.select(Cluster.node, F.coalesce("_group", "_x").alias(Cluster.component))
        # A node without a link is a component of its own, under its own name.
        single = groups.join(connected.select(F.col(Cluster.component).alias("_x")).distinct(), on="_x", how="left_anti")
        return self.stage("whole", inside.unionByName(single.toDF(Cluster.node, Cluster.component)))

    def _looked_again(self, clusters: DataFrame, weighed: DataFrame) -> DataFrame:
        between = self.patterns.of(second_look.pairs_between(weighed, clusters, self.settings.review_weight), "between")
        joined = self.stage("merges", second_look.merges(between, self.model, self.settings.contradiction))
        return second_look.merged(clusters, joined)


def patterns_of(pairs: DataFrame) -> list[int]:
    """The distinct patterns of pairs, sorted: hundreds to thousands whatever the number of pairs."""
    return sorted(int(r[0]) for r in pairs.select(Pair.pattern).distinct().collect())


def scored(compared: DataFrame, patterns: Sequence[int], model: weights.Model, settings: IdentitySettings) -> DataFrame:
    """Adds weight and household_weight from a small table of patterns."""
    person, home = model.weights(patterns, settings.contradiction)
    rows = [(int(p), float(w), float(h)) for p, w, h in zip(patterns, person, home, strict=True)]
    table = local_frame(compared.sparkSession, rows, f"{Pair.pattern} bigint, {Pair.weight} double, {Pair.household_weight} double")
    return compared.join(F.broadcast(table), on=Pair.pattern, how="inner")
