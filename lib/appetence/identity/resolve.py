"""From records to persons: the whole method in order. Nothing is written here but what `stage` is given to keep between steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.identity import Edge
from appetence.contracts.local import local_frame
from appetence.contracts.settings import IdentitySettings
from appetence.identity import blocking, comparison, components, decisions, expected, signatures, weights
from appetence.identity.blocking import ALL_RULES, RULES, Rule
from appetence.identity.clustering import Clustering, Patterns, patterns_of, scored
from appetence.identity.frames import Cluster, Pair
from appetence.identity.frames import Signature as S
from appetence.identity.frozen import Frozen, Settled

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
    `kin`: record_a, record_b of pairs that the model takes for one family at one address but not for one person.
    For the next run: `resolved` (record_id, node, component, cluster, confidence before decisions made by hand), `keys` (BlockKey), `frozen`."""

    clusters: DataFrame
    edges: DataFrame
    kin: DataFrame
    statistics: DataFrame
    model: weights.Model
    is_new_model: bool
    resolved: DataFrame
    keys: DataFrame
    frozen: Frozen
    facts: Mapping[str, Any] = field(default_factory=dict)
    estimated: Mapping[str, Any] = field(default_factory=dict)


def resolve(
    records: DataFrame,
    settings: IdentitySettings,
    as_of: date,
    stage: Stage,
    *,
    model: FrozenModel,
    mark: Mark = lambda name: None,
    extras: Sequence[str] = (),
    settled: Settled | None = None,
) -> Resolution:
    """Silver records -> clusters of records that are one person.

    `model` gives the frozen model for the compared fields, or None to train one. `mark` is told when each stage begins. BudgetError when
    blocking would make too many pairs, or when a component cannot be brought under its limit. `settled`: decisions
    made by hand (see `decisions`), the facts of an earlier run (without these they are counted), the model before a new one."""
    settled = settled or Settled()
    decided, frozen, standing = settled.decided, settled.frozen, settled.standing
    mark("block")
    profiled = stage("profiles", signatures.profiles(records))
    signed, counts, known, common = _signed(profiled, stage, frozen)
    total = int(known["total"])
    blocks = _blocked(signed, settings, stage, as_of, extras, frozen, total)
    blocking.check_budget(blocks.planned, total, settings.max_pairs_per_record)

    mark("compare")
    fields = comparison.all_fields(extras)
    given = model(fields)
    wanted = blocking.pairs(blocks.hashed, blocks.sizes, blocks.rules)
    if given is None:
        wanted = wanted.unionByName(blocking.random_pairs(signed, total, RANDOM_PAIRS))
    are_few = total <= comparison.FEW
    compared = stage("pairs", comparison.compare(wanted, signed, extras, are_few=are_few))

    mark("weigh")
    found = compared.groupBy(Pair.pattern, Pair.rules).agg(F.count(F.lit(1)).alias("n")).collect()
    trained, told = given, {}
    if trained is None:
        trained = _train(found, signatures.agreement_counts(counts, total).collect(), known.asDict(), fields, all_rules(extras))
        if standing is not None and trained.version != standing.version:
            told = dict(expected.change(standing, trained, found, settings))
            trained = trained if told["links_changed"] <= settings.max_model_change else standing
    is_new = given is None and trained is not standing
    met = compared.where(F.col(Pair.rules) != 0)
    weighed = scored(met, sorted({r[Pair.pattern] for r in found}), trained, settings)

    mark("connect")
    work = Clustering(Patterns(signed, extras, stage, are_few), trained, settings, stage, len(blocks.rules) > len(RULES))
    clusters, large = work.clusters(weighed, mark)
    resolved = stage("resolved", _resolved(profiled, clusters))
    assigned, moved = resolved.select(Cluster.record_id, Cluster.cluster, Cluster.confidence), 0
    if decided is not None:
        assigned, moved = decisions.applied(assigned, decided, profiled, work.weighed)
    facts = {
        "records": assigned.count(), "signatures": total, "pairs_compared": sum(r["n"] for r in found if r[Pair.rules]),
        "patterns": len(found), "components_engine": components.engine_used(compared, settings.engine), "large_components": large,
        "records_by_decision": moved,
        "rules": len(blocks.rules), "pairs_planned": blocks.planned, "birth_dates_veto": trained.vetoes(settings.contradiction),
        "prior_person": float(trained.prior[0]), "prior_household": float(trained.prior[1]), **told,
    }  # fmt: skip
    ids = signed.select(S.node, S.record_id)
    return Resolution(
        assigned, edges(weighed, ids, trained, settings, all_rules(extras)), kin(weighed, ids, trained), blocks.statistics, trained,
        is_new, resolved, blocking.key_rows(blocks.hashed, ids), Frozen(common, blocks.hot, len(blocks.rules)), facts,
        expected.estimates(found, trained, settings, blocks.rules),
    )  # fmt: skip


def all_rules(extras: Sequence[str] = ()) -> tuple[Rule, ...]:
    """Every blocking rule, those of further categories last."""
    return (*ALL_RULES, *blocking.category_rules(sorted(extras)[: comparison.MAX_EXTRAS]))


def _signed(profiled: DataFrame, stage: Stage, frozen: Frozen | None) -> tuple[DataFrame, DataFrame, Any, DataFrame]:
    bare = signatures.signatures(profiled)
    known = signatures.known_counts(bare).first()
    assert known is not None  # an aggregate without groups has one row
    counts = signatures.value_counts(bare) if frozen else stage("values", signatures.value_counts(bare))
    common = frozen.common if frozen else stage("common", signatures.common_values(counts, int(known["total"])))
    return stage("signatures", signatures.with_classes(bare, common)), counts, known, common


@dataclass(frozen=True)
class _Blocks:
    """The keys as they will be paired, what divides them, the size of each block, the counts by rule, and how many pairs that makes at
    most."""

    hashed: DataFrame
    hot: DataFrame
    sizes: DataFrame
    rules: Sequence[Rule]
    statistics: DataFrame
    planned: int


def _blocked(
    signed: DataFrame, settings: IdentitySettings, stage: Stage, as_of: date, extras: Sequence[str], frozen: Frozen | None, total: int
) -> _Blocks:
    """The blocks, by all rules where the first ones bring few pairs."""
    if frozen:
        rules = all_rules(extras)[: frozen.rules]
        hashed = stage("divided_keys", blocking.divided(stage("keys", blocking.key_hashes(signed, rules)), frozen.hot, rules))
        return _Blocks(hashed, frozen.hot, *_counted(stage("divided_blocks", blocking.block_sizes(hashed)), stage, as_of, rules))
    for rules in (RULES, all_rules(extras)):
        hashed = stage("keys", blocking.key_hashes(signed, rules))
        hot, sizes = blocking.hot_keys(hashed, stage("blocks", blocking.block_sizes(hashed)), settings.hot_block, stage, rules)
        hot, counted = stage("hot", hot), _counted(stage("divided_blocks", sizes), stage, as_of, rules)
        if counted[-1] >= blocking.SPARSE * total:
            break
    return _Blocks(stage("divided_keys", blocking.divided(hashed, hot, rules)), hot, *counted)


def _counted(sizes: DataFrame, stage: Stage, as_of: date, rules: Sequence[Rule]) -> tuple[DataFrame, Sequence[Rule], DataFrame, int]:
    statistics = stage("statistics", blocking.statistics(sizes, F.lit(as_of), rules))
    whole = statistics.where("rule = 'all'").first()
    return sizes, rules, statistics, int(whole["pairs"]) if whole else 0


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


def _resolved(profiled: DataFrame, clusters: DataFrame) -> DataFrame:
    own = profiled.select(S.record_id, S.node).join(clusters, on=S.node, how="left")
    alone = [F.coalesce(c, S.node).alias(c) for c in (Cluster.component, Cluster.cluster)]
    return own.select(S.record_id, S.node, *alone, Cluster.confidence)


def kin(weighed: DataFrame, ids: DataFrame, model: weights.Model) -> DataFrame:
    """record_a, record_b: one family at one address by the model, though not one person. `ids`: node, record_id."""
    at = {f.name: (comparison.BITS * i, f) for i, f in enumerate(model.fields)}

    def level(name: str) -> Column:
        return F.shiftright(Pair.pattern, at[name][0]).bitwiseAND(F.lit((1 << comparison.BITS) - 1))

    place, last = at[comparison.PLACE.name][1], at[comparison.LAST.name][1]
    same = level(place.name).between(1, place.number("near")) & (level(last.name) > 0) & (level(last.name) < last.number("differ"))
    pairs = weighed.where((F.col(Pair.household_weight) > 0) & (F.col(Pair.weight) <= 0) & same)
    return _named(pairs, ids).select(F.least("_left", "_right").alias("record_a"), F.greatest("_left", "_right").alias("record_b"))


def _named(pairs: DataFrame, ids: DataFrame) -> DataFrame:
    left, right = ids.select(S.node, S.record_id).toDF(Pair.a, "_left"), ids.select(S.node, S.record_id).toDF(Pair.b, "_right")
    return pairs.join(left, on=Pair.a, how="inner").join(right, on=Pair.b, how="inner")


def edges(weighed: DataFrame, ids: DataFrame, model: weights.Model, settings: IdentitySettings, rules: Sequence[Rule]) -> DataFrame:
    """Edge rows: compared pairs above the review floor (and every link), between the lowest records of their signatures (`ids`: node,
    record_id)."""
    kept = weighed.where(F.col(Pair.weight) > min(settings.review_weight, settings.link_weight))
    fired = F.array_compact(F.array(*(F.when(F.col(Pair.rules).bitwiseAND(F.lit(1 << i)) != 0, r.name) for i, r in enumerate(rules))))
    said = [(p, comparison.in_words(p, model.fields)) for p in patterns_of(kept)]
    words = local_frame(weighed.sparkSession, said, f"{Pair.pattern} bigint, _words string")
    rows = (
        _named(kept, ids)
        .join(F.broadcast(words), on=Pair.pattern, how="inner")
        .select(
            F.least("_left", "_right").alias(Edge.record_a),
            F.greatest("_left", "_right").alias(Edge.record_b),
            F.col(Pair.weight).alias(Edge.weight),
            F.col(Pair.household_weight).alias(Edge.household_weight),
            F.col("_words").alias(Edge.pattern),
            fired.alias(Edge.rules),
            (F.col(Pair.weight) > settings.link_weight).alias(Edge.is_link),
        )
    )
    return Edge.shape(rows)
