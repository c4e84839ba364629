"""From records to persons: the whole method in order. Nothing is written here but what `stage` is given to keep between steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.identity import Edge
from appetence.contracts.local import local_frame
from appetence.contracts.settings import IdentitySettings
from appetence.errors import BudgetError
from appetence.identity import blocking, comparison, components, decisions, repair, second_look, signatures, weights
from appetence.identity.blocking import ALL_RULES, RULES, Rule
from appetence.identity.frames import Cluster, Pair
from appetence.identity.frames import Signature as S

Stage = Callable[[str, DataFrame], DataFrame]
Mark = Callable[[str], None]
FrozenModel = Callable[[Sequence[comparison.Field]], weights.Model | None]
RANDOM_PAIRS = 200_000
# Which stated attribute says that a compared field is stated at all.
_STATED = {
    "last_name": S.last, "first_name": S.first, "birth_date": S.birth, "place": S.postcode, "email": S.email, "mobile": S.mobile,
    "landline": S.landline, "gender": S.gender,
}  # fmt: skip
_COUNTED = {
    S.last: ("last_name", "exact_{}"), S.first: ("first_name", "exact_{}"), S.birth: ("birth_date", "exact"),
    S.address: ("place", "same_{}"),
    S.email: ("email", "exact_{}"), S.mobile: ("mobile", "exact_{}"), S.landline: ("landline", "exact_{}"),
}  # fmt: skip


@dataclass(frozen=True)
class Resolution:
    """What one run found. `clusters`: record_id, cluster (an opaque number), confidence. `edges` and `statistics` by contract.
    `kin`: record_a, record_b of pairs that the model takes for one family at one address but not for one person."""

    clusters: DataFrame
    edges: DataFrame
    kin: DataFrame
    statistics: DataFrame
    model: weights.Model
    is_new_model: bool
    facts: Mapping[str, Any] = field(default_factory=dict)
    estimated: Mapping[str, float] = field(default_factory=dict)


def resolve(
    records: DataFrame,
    settings: IdentitySettings,
    as_of: date,
    stage: Stage,
    *,
    model: FrozenModel,
    mark: Mark = lambda name: None,
    extras: Sequence[str] = (),
    decided: DataFrame | None = None,
) -> Resolution:
    """Silver records -> clusters of records that are one person.

    `model` gives the frozen model for the compared fields, or None to train one. `mark` is told when each stage begins. BudgetError when
    blocking
    would make too many pairs, or when a component cannot be brought under its limit. `decided` (record_a, record_b, is_same): see `decisions`."""
    mark("block")
    profiled = stage("profiles", signatures.profiles(records))
    signed, counts, known = _signed(profiled, stage)
    total = int(known["total"])
    rules = (*ALL_RULES, *blocking.category_rules(sorted(extras)[: comparison.MAX_EXTRAS]))
    blocks = _blocks(signed, settings, stage, as_of, RULES)
    if blocks.planned < blocking.SPARSE * total:
        blocks = _blocks(signed, settings, stage, as_of, rules)
    blocking.check_budget(blocks.planned, total, settings.max_pairs_per_record)

    mark("compare")
    fields = comparison.all_fields(extras)
    frozen = model(fields)
    wanted = blocking.pairs(blocks.hashed, blocks.sizes, blocks.rules)
    if frozen is None:
        wanted = wanted.unionByName(blocking.random_pairs(signed, total, RANDOM_PAIRS))
    compared = stage("pairs", comparison.compare(wanted, signed, extras))

    mark("weigh")
    found = compared.groupBy(Pair.pattern, Pair.rules).agg(F.count(F.lit(1)).alias("n")).collect()
    trained = frozen or _train(found, signatures.agreement_counts(counts, total).collect(), known.asDict(), fields, rules)
    scored = _scored(compared.where(F.col(Pair.rules) != 0), sorted({r[Pair.pattern] for r in found}), trained, settings)

    mark("connect")
    links = stage("links", scored.where(F.col(Pair.weight) > settings.link_weight).select(Pair.a, Pair.b, Pair.weight))
    connected = stage("components", components.connected_components(links, settings.engine))
    connected, large = _within_limit(connected, links, settings, stage)

    mark("repair")
    known = compared.where(F.col(Pair.rules) != 0).select(Pair.a, Pair.b, Pair.pattern)
    patterned = _Patterns(known, signed, extras, stage)
    clusters = _repaired(connected, links, patterned, trained, settings)
    if len(blocks.rules) > len(RULES):  # where records say much, pairs do, and whole clusters hardly add to them
        clusters = _looked_again(stage("repaired", clusters), scored, patterned, trained, settings)
    assigned = _assigned(profiled, clusters, stage)
    moved = 0
    if decided is not None:
        assigned, moved = decisions.applied(assigned, decided, profiled, lambda twos: _weighed(patterned, twos, trained, settings))
    facts = {
        "records": assigned.count(), "signatures": total, "pairs_compared": sum(r["n"] for r in found if r[Pair.rules]),
        "patterns": len(found), "components_engine": components.engine_used(links, settings.engine), "large_components": large,
        "records_by_decision": moved,
        "birth_dates_veto": trained.vetoes(settings.contradiction),
        "prior_person": float(trained.prior[0]), "prior_household": float(trained.prior[1]),
    }  # fmt: skip
    edges = _edges(scored, signed, trained, settings, rules)
    return Resolution(
        assigned, edges, _kin(scored, signed, trained), blocks.statistics, trained, frozen is None, facts, _estimated(found, trained, settings)
    )


def _signed(profiled: DataFrame, stage: Stage) -> tuple[DataFrame, DataFrame, Any]:
    bare = signatures.signatures(profiled)
    known = signatures.known_counts(bare).first()
    assert known is not None  # an aggregate without groups has one row
    counts = stage("values", signatures.value_counts(bare))
    return stage("signatures", signatures.with_classes(bare, counts, int(known["total"]))), counts, known


@dataclass(frozen=True)
class _Blocks:
    """The keys as they will be paired, the size of each block, the counts by rule, and how many pairs that makes at most."""

    hashed: DataFrame
    sizes: DataFrame
    rules: Sequence[Rule]
    statistics: DataFrame
    planned: int


def _blocks(signed: DataFrame, settings: IdentitySettings, stage: Stage, as_of: date, rules: Sequence[Rule]) -> _Blocks:
    hashed = stage("keys", blocking.key_hashes(signed, rules))
    sizes = stage("blocks", blocking.block_sizes(hashed))
    if not blocking.hot_blocks(sizes, settings.hot_block, rules).isEmpty():
        hashed = stage("divided_keys", blocking.divided(hashed, sizes, settings.hot_block, rules))
        sizes = stage("divided_blocks", blocking.block_sizes(hashed))
    statistics = stage("statistics", blocking.statistics(sizes, F.lit(as_of), rules))
    whole = statistics.where("rule = 'all'").first()
    return _Blocks(hashed, sizes, rules, statistics, int(whole["pairs"]) if whole else 0)


def _train(
    found: Sequence[Any],
    agreeing: Sequence[Any],
    known: Mapping[str, int],
    fields: Sequence[comparison.Field],
    rules: Sequence[Rule] = ALL_RULES,
) -> weights.Model:
    random = [r for r in found if r[Pair.rules] == 0]
    met = [r for r in found if r[Pair.rules] != 0]
    sampled = {f.name: [0.0] * (len(f.levels) + 1) for f in fields}
    for r in random:
        for f, number in zip(fields, comparison.unpack(r[Pair.pattern], fields), strict=True):
            sampled[f.name][number] += r["n"]
    total = known["total"] * (known["total"] - 1) / 2
    share = {f: sum(s[1:]) / max(sum(s), 1.0) for f, s in sampled.items()}
    stated = {f: known[_STATED[f]] * (known[_STATED[f]] - 1) / 2 if f in _STATED else total * share[f] for f in sampled}
    counted: dict[str, dict[str, float]] = {}
    for r in agreeing:
        name, level = _COUNTED.get(r["field"], (f"x_{r['field']}", "exact"))
        counted.setdefault(name, {})[level.format(r["class"])] = float(r["pairs"])
    chance = weights.Chance(total, stated, counted, sampled)
    return weights.train(
        [r[Pair.pattern] for r in met], [r[Pair.rules] for r in met], [r["n"] for r in met], [r.settles for r in rules], chance, fields
    )


def _scored(compared: DataFrame, patterns: Sequence[int], model: weights.Model, settings: IdentitySettings) -> DataFrame:
    """Adds weight and household_weight from a small table of patterns."""
    person, home = model.weights(patterns, settings.contradiction)
    rows = [(int(p), float(w), float(h)) for p, w, h in zip(patterns, person, home, strict=True)]
    table = local_frame(compared.sparkSession, rows, f"{Pair.pattern} bigint, {Pair.weight} double, {Pair.household_weight} double")
    return compared.join(F.broadcast(table), on=Pair.pattern, how="inner")


def _within_limit(connected: DataFrame, links: DataFrame, settings: IdentitySettings, stage: Stage) -> tuple[DataFrame, int]:
    """Components past the limit taken apart at rising link weights; how many there were."""
    large = repair.oversized(connected, settings.max_component).select(Cluster.component)
    count = large.count()
    threshold, rounds = settings.link_weight, 0
    while large.count():
        threshold, rounds = threshold + 4.0, rounds + 1
        if rounds > 10:
            raise BudgetError(
                f"{large.count()} group(s) of more than identity.max_component={settings.max_component} records hold together at any "
                "weight: "
                "look for a placeholder that standardisation does not know, or raise the limit; nothing was written."
            )
        inside = connected.join(large, on=Cluster.component, how="left_semi").select(F.col(Cluster.node).alias(Pair.a))
        strong = links.join(inside, on=Pair.a, how="left_semi").where(F.col(Pair.weight) > threshold)
        finer = components.connected_components(strong, settings.engine)
        kept = connected.join(large, on=Cluster.component, how="left_anti")
        connected = stage("components", kept.unionByName(finer))
        large = repair.oversized(connected, settings.max_component).select(Cluster.component)
    return connected, count


@dataclass(frozen=True)
class _Patterns:
    """Agreement patterns of any pairs of nodes: those that blocking met are known, the others are compared."""

    known: DataFrame
    signed: DataFrame
    extras: Sequence[str]
    stage: Stage

    def of(self, wanted: DataFrame, name: str) -> DataFrame:
        """The wanted pairs (a, b and whatever else) with their pattern."""
        met = self.stage(name, wanted.join(self.known, on=[Pair.a, Pair.b], how="left"))
        unseen = met.where(F.col(Pair.pattern).isNull()).drop(Pair.pattern)
        whole = met.where(F.col(Pair.pattern).isNotNull()).unionByName(comparison.compare(unseen, self.signed, self.extras))
        return self.stage(f"{name}_patterns", whole)


def _repaired(connected: DataFrame, links: DataFrame, patterned: _Patterns, model: weights.Model, settings: IdentitySettings) -> DataFrame:
    """node, cluster, confidence for every node that has a link."""
    inside = patterned.of(repair.pairs_inside(connected, settings.max_component), "inside")
    patterns = sorted(r[0] for r in inside.select(Pair.pattern).distinct().collect())
    parts = connected.sparkSession.conf.get("spark.sql.shuffle.partitions", "8")
    cut = repair.repaired(_scored(inside, patterns, model, settings), int(str(parts)))
    # A component of two is its one link.
    sized = connected.groupBy(Cluster.component).agg(F.count(F.lit(1)).alias("_n")).where("_n = 2").drop("_n")
    two = connected.join(sized, on=Cluster.component, how="inner")
    weight = links.select(F.col(Pair.a).alias(Cluster.component), F.round(Pair.weight, 4).alias(Cluster.confidence))
    small = two.join(weight, on=Cluster.component, how="left").select(
        Cluster.node, F.col(Cluster.component).alias(Cluster.cluster), Cluster.confidence
    )
    return small.unionByName(cut.select(Cluster.node, Cluster.cluster, Cluster.confidence))


def _weighed(patterned: _Patterns, wanted: DataFrame, model: weights.Model, settings: IdentitySettings) -> DataFrame:
    """Pairs of nodes (a, b) with their weight."""
    met = patterned.of(wanted, "decided")
    return _scored(met, sorted(r[0] for r in met.select(Pair.pattern).distinct().collect()), model, settings)


def _looked_again(clusters: DataFrame, scored: DataFrame, patterned: _Patterns, model: weights.Model, settings: IdentitySettings) -> DataFrame:
    between = patterned.of(second_look.pairs_between(scored, clusters, settings.review_weight), "between")
    joined = patterned.stage("merges", second_look.merges(between, model, settings.contradiction))
    return second_look.merged(clusters, joined)


def _assigned(profiled: DataFrame, clusters: DataFrame, stage: Stage) -> DataFrame:
    own = profiled.select(S.record_id, S.node).join(clusters, on=S.node, how="left")
    rows = own.select(S.record_id, F.coalesce(Cluster.cluster, S.node).alias(Cluster.cluster), Cluster.confidence)
    return stage("clusters", rows)


def _estimated(found: Sequence[Any], model: weights.Model, settings: IdentitySettings) -> dict[str, float]:
    """Precision and recall of the links among candidate pairs that the model itself expects, without any truth."""
    met = [r for r in found if r[Pair.rules] != 0]
    person, _ = model.weights([r[Pair.pattern] for r in met], settings.contradiction)
    count, linked = np.array([r["n"] for r in met], dtype=float), person > settings.link_weight
    chance = 1.0 / (1.0 + np.exp2(-np.clip(person, -60, 60)))
    right = float((count * chance)[linked].sum())
    return {
        "precision": round(right / max(float(count[linked].sum()), 1.0), 4),
        "recall": round(right / max(float((count * chance).sum()), 1e-9), 4),
    }


def _kin(scored: DataFrame, signed: DataFrame, model: weights.Model) -> DataFrame:
    """record_a, record_b: one family at one address by the model, though not one person."""
    at = {f.name: (comparison.BITS * i, f) for i, f in enumerate(model.fields)}

    def level(name: str) -> Column:
        return F.shiftright(Pair.pattern, at[name][0]).bitwiseAND(F.lit((1 << comparison.BITS) - 1))

    place, last = at[comparison.PLACE.name][1], at[comparison.LAST.name][1]
    same = level(place.name).between(1, place.number("near")) & (level(last.name) > 0) & (level(last.name) < last.number("differ"))
    pairs = scored.where((F.col(Pair.household_weight) > 0) & (F.col(Pair.weight) <= 0) & same)
    ids = signed.select(S.node, S.record_id)
    named = pairs.join(ids.toDF(Pair.a, "record_a"), on=Pair.a, how="inner").join(ids.toDF(Pair.b, "record_b"), on=Pair.b, how="inner")
    return named.select("record_a", "record_b")


def _edges(scored: DataFrame, signed: DataFrame, model: weights.Model, settings: IdentitySettings, rules: Sequence[Rule]) -> DataFrame:
    """Edge rows: compared pairs above the review floor, between the lowest records of their signatures."""
    ids = signed.select(F.col(S.node), F.col(S.record_id))
    kept = scored.where(F.col(Pair.weight) > settings.review_weight)
    left, right = ids.toDF(Pair.a, "_left"), ids.toDF(Pair.b, "_right")
    named = kept.join(left, on=Pair.a, how="inner").join(right, on=Pair.b, how="inner")
    fired = F.array_compact(F.array(*(F.when(F.col(Pair.rules).bitwiseAND(F.lit(1 << i)) != 0, r.name) for i, r in enumerate(rules))))
    patterns = sorted(r[0] for r in kept.select(Pair.pattern).distinct().collect())
    words = local_frame(
        signed.sparkSession, [(int(p), comparison.in_words(p, model.fields)) for p in patterns], f"{Pair.pattern} bigint, _words string"
    )
    rows = named.join(F.broadcast(words), on=Pair.pattern, how="inner").select(
        F.least("_left", "_right").alias(Edge.record_a),
        F.greatest("_left", "_right").alias(Edge.record_b),
        F.col(Pair.weight).alias(Edge.weight),
        F.col(Pair.household_weight).alias(Edge.household_weight),
        F.col("_words").alias(Edge.pattern),
        fired.alias(Edge.rules),
        (F.col(Pair.weight) > settings.link_weight).alias(Edge.is_link),
    )
    return Edge.shape(rows)
