"""Only new and changed records are compared; the groups they touch are made again, all others stay.

Under frozen facts (see `frozen`) every pair follows from its two records, and what a group becomes follows from its own pairs. So a group changes
only when one of its records changed, went, or met a new one, and the result is that of comparing everything again under the same facts. An
erasure takes a record's rows from what the last run left: its group is known by the records that its others say it had. Cost: one reading of
the records and of the keys; all else follows what changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.identity import BlockKey, ClericalDecision, Edge, KinPair, PersonLink, ResolvedRecord
from appetence.contracts.settings import IdentitySettings
from appetence.contracts.silver import Record
from appetence.identity import blocking, comparison, decisions, frozen, resolve, signatures, weights
from appetence.identity.blocking import RULES
from appetence.identity.clustering import SMALL, Clustering, Patterns, Stage, patterns_of, scored
from appetence.identity.frames import Cluster, Pair
from appetence.identity.frames import Signature as S

NEW, CHANGED, GONE = "new", "changed", "gone"
_KIND = "_kind"


@dataclass(frozen=True)
class Before:
    """What the last run left: ResolvedRecord, BlockKey, Edge, KinPair and PersonLink as they stand, and the frozen facts."""

    resolved: DataFrame
    keys: DataFrame
    edges: DataFrame
    kin: DataFrame
    links: DataFrame
    facts: frozen.Frozen


@dataclass(frozen=True)
class Update:
    """What changed. `resolved`: ResolvedRecord of every record of a touched group, as it is now; `gone`: record_id of those that are no more.
    `keys`, `edges`, `kin`: new rows; rows of records in `renewed` are replaced by them. `clusters`: record_id, cluster, confidence after
    decisions, of every record whose person may be another one. `moved`: record_id of the records that changed at all."""

    resolved: DataFrame
    gone: DataFrame
    renewed: DataFrame
    keys: DataFrame
    edges: DataFrame
    kin: DataFrame
    clusters: DataFrame
    moved: DataFrame
    facts: dict[str, Any]


def differences(free: DataFrame, resolved: DataFrame) -> DataFrame:
    """record_id and kind (new, changed, gone) of every record that is not as it was. `free`: the records that may be compared today."""
    now = free.select(Record.record_id, frozen.fingerprint().alias("_now"))
    was = resolved.select(ResolvedRecord.record_id, F.col(ResolvedRecord.fingerprint).alias("_was"))
    kind = F.when(F.col("_was").isNull(), NEW).when(F.col("_now").isNull(), GONE).otherwise(CHANGED)
    both = now.join(was, on=Record.record_id, how="full").where(~F.col("_now").eqNullSafe(F.col("_was")))
    return both.select(Record.record_id, kind.alias(_KIND))


def bereaved(resolved: DataFrame) -> DataFrame:
    """Components of which an erasure took records: component."""
    held = resolved.groupBy(Cluster.component).agg(F.count(F.lit(1)).alias("_n"), F.max(ResolvedRecord.component_records).alias("_had"))
    return held.where("_n != _had").select(Cluster.component)


@dataclass(frozen=True)
class Night:
    """One incremental run: what holds, and what is asked of it."""

    before: Before
    free: DataFrame
    moved: DataFrame
    model: weights.Model
    settings: IdentitySettings
    stage: Stage
    decided: DataFrame | None = None
    orphaned: DataFrame | None = None

    def run(self) -> Update | None:
        """The update; None when so many pairs would be compared that the frozen facts no longer serve."""
        stage, before = self.stage, self.before
        was = before.resolved
        old = stage("old", was.join(F.broadcast(self.moved.where(F.col(_KIND) != NEW)), on=Record.record_id, how="inner").drop(_KIND))
        fresh = stage("fresh", self._fresh())
        ends = stage("ends", self._ends(old, fresh))
        renewed = ends.where("_before IS NOT NULL").select(F.col("_before").alias(Record.record_id))
        ids = ends.where("_now IS NOT NULL").select(S.node, F.col("_now").alias(S.record_id))
        keys = stage("changed_keys", self._keys(ids))
        stayed = before.keys.join(F.broadcast(renewed), on=BlockKey.record_id, how="left_anti")
        wanted = stage("wanted", blocking.pairs_of(blocking.keys_of_rows(keys), blocking.keys_of_rows(stayed), self._rules()))
        count, changed = wanted.count(), keys.count()
        if count > 2 * self.settings.max_pairs_per_record * max(changed, 1):
            return None
        met = stage("met", self._met(wanted, ids, stayed))
        edges = stage("new_edges", resolve.edges(met, _both_ids(met), self.model, self.settings, resolve.all_rules()))
        kin = KinPair.shape(resolve.kin(met, _both_ids(met), self.model))
        held = stage("held", self._held(self._touched(old, ids, fresh, met), fresh))
        weighed = self._weighed(held, renewed, met)
        work = self._work(held)
        if work.looks_again:
            weighed = stage("weighed", weighed)
        grouped, large = work.clusters(weighed)
        again = stage("again", _named(held, grouped))
        resolved = stage("resolved", frozen.resolved_records(again, self._rows(again)))
        clusters, moved = self._decided(resolved, work)
        facts = {
            "records": was.count(), "records_changed": self.moved.count(), "pairs_compared": count, "signatures_compared": changed,
            "records_regrouped": resolved.count(), "large_components": large, "records_by_decision": moved,
        }  # fmt: skip
        gone = self.moved.where(F.col(_KIND) == GONE).select(Record.record_id)
        return Update(resolved, gone, renewed, keys, edges, kin, clusters, self.moved, facts)

    # -- which records are compared -------------------------------------------------------------------------------------------

    def _rules(self) -> Sequence[blocking.Rule]:
        return resolve.all_rules()[: self.before.facts.rules]

    def _looks_again(self) -> bool:
        return self.before.facts.rules > len(RULES)

    def _rows(self, ids: DataFrame) -> DataFrame:
        """The silver records of these record ids."""
        return self.free.join(F.broadcast(ids.select(Record.record_id)), on=Record.record_id, how="left_semi")

    def _fresh(self) -> DataFrame:
        """record_id, node and is_bare of new and changed records."""
        rows = self._rows(self.moved.where(F.col(_KIND) != GONE))
        named = signatures.attributes(rows.where(~F.col(Record.is_bare))).select(Record.record_id, S.node, F.lit(False).alias(Record.is_bare))
        return named.unionByName(frozen.alone(rows.where(Record.is_bare)).select(Record.record_id, S.node, F.lit(True).alias(Record.is_bare)))

    def _ends(self, old: DataFrame, fresh: DataFrame) -> DataFrame:
        """node, _before, _now: the lowest record of every group of equal records whose lowest record changed, or whose pairs an erasure
        took."""
        was = self.before.resolved.select(Record.record_id, S.node, Cluster.component)
        named = fresh.where(~F.col(Record.is_bare)).select(Record.record_id, S.node)
        nodes = old.select(S.node).unionByName(named.select(S.node))
        lost = was.limit(0).select(S.node)
        if self.orphaned is not None:
            lost = was.join(F.broadcast(self.orphaned), on=Cluster.component, how="left_semi").select(S.node)
        forced = lost.distinct().withColumn("_forced", F.lit(True))
        asked = nodes.unionByName(lost).distinct()
        held = was.join(F.broadcast(asked), on=S.node, how="left_semi")
        moved = self.moved.select(Record.record_id, F.lit(True).alias("_moved"))
        marked = held.join(F.broadcast(moved), on=Record.record_id, how="left")
        stays = marked.where(F.col("_moved").isNull()).select(Record.record_id, S.node)
        before = marked.groupBy(S.node).agg(F.min(Record.record_id).alias("_before"))
        now = stays.unionByName(named).groupBy(S.node).agg(F.min(Record.record_id).alias("_now"))
        both = asked.join(before, on=S.node, how="left").join(now, on=S.node, how="left").join(forced, on=S.node, how="left")
        return both.where(~F.col("_before").eqNullSafe(F.col("_now")) | F.col("_forced").isNotNull()).select(S.node, "_before", "_now")

    def _signed(self, ids: DataFrame) -> DataFrame:
        """Classed signatures of nodes by their lowest records (record_id). Bare records have none."""
        rows = self._rows(ids).where(~F.col(Record.is_bare))
        return signatures.with_classes(signatures.attributes(rows), self.before.facts.common)

    def _keys(self, ids: DataFrame) -> DataFrame:
        rules = self._rules()
        hashed = self.stage("fresh_keys", blocking.key_hashes(self._signed(ids), rules))
        return blocking.key_rows(blocking.divided(hashed, self.before.facts.hot, rules), ids)

    def _met(self, wanted: DataFrame, ids: DataFrame, stayed: DataFrame) -> DataFrame:
        """The compared pairs, weighed, with the lowest record of each side."""
        nodes = wanted.select(F.explode(F.array(Pair.a, Pair.b)).alias(S.node)).distinct()
        asked = ids.unionByName(stayed.select(S.node, S.record_id)).join(F.broadcast(nodes), on=S.node, how="left_semi")
        known = self.stage("partners", self._signed(asked))
        compared = self.stage("compared", comparison.compare(wanted, known, are_few=known.count() <= comparison.FEW))
        weighed = scored(compared, patterns_of(compared), self.model, self.settings)
        left, right = known.select(S.node, S.record_id).toDF(Pair.a, "_id_a"), known.select(S.node, S.record_id).toDF(Pair.b, "_id_b")
        return weighed.join(left, on=Pair.a, how="inner").join(right, on=Pair.b, how="inner")

    # -- which groups are made again ------------------------------------------------------------------------------------------

    def _floor(self) -> float:
        """The weight above which a pair may tie two groups."""
        return min(self.settings.review_weight, self.settings.link_weight) if self._looks_again() else self.settings.link_weight

    def _touched(self, old: DataFrame, ids: DataFrame, fresh: DataFrame, met: DataFrame) -> DataFrame:
        """Components that are made again: component."""
        tied = met.where(F.col(Pair.weight) > self._floor()).select(F.explode(F.array(Pair.a, Pair.b)).alias(S.node))
        nodes = ids.select(S.node).unionByName(tied).unionByName(fresh.select(S.node)).distinct()
        known = self.before.resolved.join(F.broadcast(nodes), on=S.node, how="left_semi").select(Cluster.component)
        found = old.select(Cluster.component).unionByName(known)
        if self.orphaned is not None:
            found = found.unionByName(self.orphaned)
        return found.distinct()

    def _held(self, touched: DataFrame, fresh: DataFrame) -> DataFrame:
        """record_id, node of every record of the touched components, those that changed as they are now."""
        whole = self.before.resolved.join(F.broadcast(touched), on=Cluster.component, how="left_semi")
        stays = whole.join(F.broadcast(self.moved.select(Record.record_id)), on=Record.record_id, how="left_anti")
        return stays.select(Record.record_id, S.node).unionByName(fresh.select(Record.record_id, S.node))

    def _weighed(self, held: DataFrame, renewed: DataFrame, met: DataFrame) -> DataFrame:
        """a, b, weight of all that ties the held records: edges kept, and new ones."""
        ids = _lowest(held)
        sides = {Edge.record_a: "_x", Edge.record_b: "_y"}
        kept = self.before.edges.select(Edge.record_a, Edge.record_b, Edge.weight)
        for column, node in sides.items():
            kept = kept.join(F.broadcast(renewed.toDF(column)), on=column, how="left_anti")
            kept = kept.join(F.broadcast(ids.select(F.col(S.record_id).alias(column), F.col(S.node).alias(node))), on=column, how="inner")
        old = kept.select(F.least("_x", "_y").alias(Pair.a), F.greatest("_x", "_y").alias(Pair.b), Pair.weight)
        floor = min(self.settings.review_weight, self.settings.link_weight)
        return old.unionByName(met.where(F.col(Pair.weight) > floor).select(Pair.a, Pair.b, Pair.weight))

    def _work(self, held: DataFrame) -> Clustering:
        signed = self.stage("held_signed", self._signed(_lowest(held)))
        patterns = Patterns(signed, (), self.stage, signed.count() <= comparison.FEW)
        return Clustering(patterns, self.model, self.settings, self.stage, self._looks_again(), SMALL)

    # -- decisions made by hand, and persons ----------------------------------------------------------------------------------

    def _decided(self, resolved: DataFrame, work: Clustering) -> tuple[DataFrame, int]:
        """record_id, cluster, confidence after decisions, of all records that share a person, then or now, with a record of a group made
        again or decided on; of how many records decisions changed the cluster."""
        columns = (Record.record_id, S.node, Cluster.cluster, Cluster.confidence)
        if self.decided is None:  # then persons are clusters
            return resolved.select(Record.record_id, Cluster.cluster, Cluster.confidence), 0
        mine = resolved.select(Record.record_id)
        off = mine.unionByName(self.moved.select(Record.record_id)).distinct()
        rest = self.before.resolved.join(F.broadcast(off), on=Record.record_id, how="left_anti").select(*columns)
        ends = self.decided.select(F.explode(F.array(ClericalDecision.record_a, ClericalDecision.record_b)).alias(Record.record_id)).distinct()
        said = rest.join(F.broadcast(ends), on=Record.record_id, how="left_semi").select(Cluster.cluster).distinct()
        bound = rest.join(F.broadcast(said), on=Cluster.cluster, how="left_semi").select(Record.record_id)
        asked = off.unionByName(bound)
        persons = self.before.links.join(F.broadcast(asked), on=Record.record_id, how="left_semi").select(PersonLink.person_id).distinct()
        also = self.before.links.join(F.broadcast(persons), on=PersonLink.person_id, how="left_semi").select(Record.record_id)
        near = rest.join(F.broadcast(also.unionByName(asked).distinct()), on=Record.record_id, how="left_semi")
        whole = self.stage("whole", resolved.select(*columns).unionByName(near))
        assigned = whole.select(Record.record_id, Cluster.cluster, Cluster.confidence)
        work = self._work(self.stage("asked", whole.select(Record.record_id, S.node)))
        made, moved = decisions.applied(assigned, self.decided, whole, work.weighed)
        return self.stage("settled", made), moved


def _lowest(held: DataFrame) -> DataFrame:
    return held.groupBy(S.node).agg(F.min(S.record_id).alias(S.record_id))


def _both_ids(met: DataFrame) -> DataFrame:
    sides = [F.struct(F.col(node).alias(S.node), F.col(named).alias(S.record_id)) for node, named in ((Pair.a, "_id_a"), (Pair.b, "_id_b"))]
    return met.select(F.explode(F.array(*sides)).alias("_e")).select("_e.*").distinct()


def _named(held: DataFrame, grouped: DataFrame) -> DataFrame:
    """record_id, node, component, cluster, confidence."""
    rows = held.join(grouped, on=S.node, how="left")
    alone = [F.coalesce(c, S.node).alias(c) for c in (Cluster.component, Cluster.cluster)]
    return rows.select(Record.record_id, S.node, *alone, Cluster.confidence)
