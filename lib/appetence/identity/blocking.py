"""Which pairs are worth comparing: records that share one of several keys.

One key table holds every rule (the rule's number is inside the hash) and is shuffled once. Pairs are made inside each block, of two numbers and
the rule's bit; a pair that shares several keys becomes one at its first node, where the attributes of very many nodes are looked up, too. A
block larger than the limit is divided by a further attribute, again and again, and in the end by the order of its nodes: it is never dropped,
since what a dropped block loses is lost in silence. Pairs are counted before any is made, and a budget refuses loudly.

Which keys are hot is found once and kept (`hot_keys`); by it the keys of a record follow from the record alone (`divided`), so that records
that arrive later meet those they would have met, and no pair of two records that stay as they are comes or goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.contracts.identity import BlockKey, CandidateStatistic, HotKey
from appetence.errors import BudgetError
from appetence.identity.frames import Pair
from appetence.identity.frames import Signature as S
from appetence.identity.signatures import extra_name

Stage = Callable[[str, DataFrame], DataFrame]


@dataclass(frozen=True)
class Rule:
    """A blocking key: its parts (all must be known), the compared fields it settles, the largest block it leaves whole, and what divides
    a larger."""

    name: str
    parts: tuple[str, ...]
    settles: tuple[str, ...]
    limit: int
    divide: tuple[str, ...]


# Attributes that keys are made of, as expressions over a signature; each is null when it says nothing.
_WORDS = r"^[a-z]{2,}[._-]+[a-z]{2,}[0-9]*$"
KEY_PARTS = {
    "email": "email",
    "local": "CASE WHEN length(local) >= 3 THEN local END",
    "local5": "CASE WHEN length(local) >= 5 THEN substring(local, 1, 5) END",
    "domain": "substring_index(email, '@', -1)",
    "mobile": "mobile",
    "landline": "landline",
    "birth": "birth",
    "birth_month": "substring(birth, 1, 6)",
    "birth_year": "substring(birth, 1, 4)",
    "first": "first",
    "last": "last",
    "first1": "substring(first, 1, 1)",
    "first3": "substring(first, 1, 3)",
    "last1": "substring(last, 1, 1)",
    "last3": "substring(last, 1, 3)",
    "last_sound": "soundex(last)",
    "place": "coalesce(postcode, city)",
    "area": "coalesce(department, city)",
    "initials": "concat_ws('', array_sort(array(substring(first, 1, 1), substring(last, 1, 1))))",
    "number": "number",
    "address": "address",
    "address8": "substring(replace(address, ' ', ''), 1, 8)",
    "way": "way",
    # Both names in one order, so that crossed names meet; read from the e-mail when the record itself lacks one.
    "names": (
        "CASE WHEN length(first) > 1 AND last IS NOT NULL THEN concat_ws(' ', array_sort(array(first, last))) "
        f"WHEN local RLIKE '{_WORDS}' THEN upper(concat_ws(' ', array_sort(split(regexp_replace(local, '[0-9]', ''), '[._-]+')))) END"
    ),
}

# A rule starts coarse and is divided as the base grows: its limit says from what block size on. Settled fields are those that agree in the
# block, its first dividers included, since a large base will have divided it.
RULES = (
    Rule("email", ("email",), ("email",), 30, ("last", "first")),
    Rule("mobile", ("mobile",), ("mobile",), 30, ("last", "first")),
    Rule("landline", ("landline",), ("landline",), 30, ("last", "first", "birth")),
    Rule("birth_last", ("birth",), ("birth_date", "last_name"), 8, ("last1", "last3", "area", "first1", "first")),
    Rule("birth_first", ("birth",), ("birth_date", "first_name"), 8, ("first1", "first3", "area", "last1", "place")),
    Rule("birth_place", ("birth",), ("birth_date", "place"), 8, ("area", "place", "first1", "last1", "number")),
    Rule("names", ("names",), ("first_name", "last_name", "order"), 30, ("area", "place", "birth_month", "address8")),
    Rule("place_last", ("place", "last3"), ("place", "last_name"), 20, ("last", "first1", "address8", "first", "birth_month")),
    Rule("place_first", ("place", "first3"), ("place", "first_name"), 20, ("first", "last1", "address8", "last3", "birth_month")),
    Rule("place_number", ("place", "number"), ("place", "first_name"), 12, ("first1", "last1", "first3", "last3", "birth_month")),
    Rule("address", ("address",), ("place", "first_name"), 12, ("area", "first1", "place", "last1", "birth_month")),
    Rule("place_way", ("place", "way"), ("place", "first_name"), 12, ("first1", "number", "last1", "first3", "birth_month")),
    Rule("sound", ("last_sound", "first1"), ("last_name", "first_name", "place"), 12, ("area", "first3", "place", "birth_month", "address8")),
    Rule("local", ("local",), ("email",), 12, ("last", "first", "birth")),
)
# Where records say little, the rules above bring few pairs, and the same effort buys keys that two errors survive.
MORE_RULES = (
    Rule("local_start", ("local5",), ("email",), 12, ("domain", "last1", "first1", "birth_month")),
    Rule("starts", ("first3", "last3"), ("first_name", "last_name"), 12, ("area", "birth_month", "place")),
    Rule("last_year", ("last", "birth_year"), ("last_name", "birth_date"), 12, ("area", "first1", "birth_month")),
    Rule("first_year", ("first", "birth_year"), ("first_name", "birth_date"), 12, ("area", "last1", "birth_month")),
    Rule("initials_month", ("initials", "birth_month"), ("first_name", "last_name", "birth_date"), 12, ("area", "birth", "place")),
)
ALL_RULES = (*RULES, *MORE_RULES)
_CATEGORY = "x_"


def category_rules(extras: Sequence[str]) -> tuple[Rule, ...]:
    """A key for each further category: equal values meet. A category of few values (a state) is divided like any hot key."""
    return tuple(Rule(f"{_CATEGORY}{n}", (f"{_CATEGORY}{n}",), (f"{_CATEGORY}{n}",), 12, ("last", "first", "birth", "place")) for n in extras)


# Planned pairs a signature (each rule's counted) below which MORE_RULES are used too.
SPARSE = 10.0
_HASHES, _VALUES = "_hashes", "_values"
# What divides a block when its rule's own attributes are used up.
_AT_LAST = ("names", "birth_month", "address8")


def key_hashes(signed: DataFrame, rules: Sequence[Rule] = RULES) -> DataFrame:
    """Signature -> node, an array of key hashes (a null for each rule whose parts are not all known), and the hashes of what divides hot
    keys."""
    parts = signed.select(S.node, *(_part(p).alias(f"k_{p}") for p in sorted({p for r in rules for p in (*r.parts, *r.divide, *_AT_LAST)})))
    values = (F.xxhash64(F.coalesce(f"k_{p}", F.lit("\0"))) for p in _dividers(rules))
    return parts.select(S.node, F.array(*(_hash(i, r.parts) for i, r in enumerate(rules))).alias(_HASHES), F.array(*values).alias(_VALUES))


def _part(name: str) -> Column:
    if name.startswith(_CATEGORY):
        return F.get(F.filter(S.extra, lambda pair: extra_name(pair) == name.removeprefix(_CATEGORY)), F.lit(0))
    return F.expr(KEY_PARTS[name])


def _dividers(rules: Sequence[Rule]) -> list[str]:
    return sorted({p for r in rules for p in _chain(r)})


def _chain(rule: Rule) -> tuple[str, ...]:
    """What divides the rule's hot keys, in turn."""
    return (*rule.divide, *(p for p in _AT_LAST if p not in rule.divide))


def _hash(number: int, parts: Sequence[str]) -> Column:
    known = reduce(lambda x, y: x & y, (F.col(f"k_{p}").isNotNull() for p in parts))
    return F.when(known, F.xxhash64(F.lit(number), *(F.col(f"k_{p}") for p in parts)))


def keys_of(hashed: DataFrame) -> DataFrame:
    """One row per node and known key: node, rule number, key hash."""
    return hashed.select(S.node, F.posexplode(_HASHES).alias("rule", "key")).where("key IS NOT NULL")


def block_sizes(hashed: DataFrame) -> DataFrame:
    """Blocks of two or more: rule, key, n."""
    return _sized(keys_of(hashed))


def _sized(rows: DataFrame) -> DataFrame:
    return rows.groupBy("rule", "key").agg(F.count(F.lit(1)).alias("n")).where("n > 1")


def hot_blocks(sizes: DataFrame, limit: int, rules: Sequence[Rule] = RULES) -> DataFrame:
    """The blocks larger than their rule's limit, or than `limit`."""
    return sizes.where(F.col("n") > _limits(limit, rules))


def _limits(limit: int, rules: Sequence[Rule]) -> Column:
    return F.array(*(F.lit(min(limit, r.limit)) for r in rules))[F.col("rule")]


def hot_keys(hashed: DataFrame, sizes: DataFrame, limit: int, stage: Stage, rules: Sequence[Rule] = RULES) -> tuple[DataFrame, DataFrame]:
    """Which keys are divided (HotKey), and the sizes of the blocks that this leaves; `sizes` are those of the hashes as given.

    A missing attribute makes its own sub-block. A block that no attribute divides any further is cut into even parts by the order of its
    nodes."""
    most, hot, left, depth = _limits(limit, rules), [], [sizes.where(F.col("n") <= _limits(limit, rules))], 0
    rows = hashed.select(S.node, _VALUES, F.posexplode(_HASHES).alias("rule", "key"))
    while True:
        large = stage(f"hot_{depth}", sizes.where(F.col("n") > most))
        if large.isEmpty():
            break
        rows = rows.join(F.broadcast(large), on=["rule", "key"], how="inner")
        if depth == _depth(rules):
            cut = _bounds(rows, most)
            hot.append(_as_hot(cut, depth))
            left.append(_sized(_parted(rows.drop("n").join(F.broadcast(cut), on=["rule", "key"], how="inner"))))
            break
        hot.append(_as_hot(large.withColumn("bounds", F.lit(None).cast("array<bigint>")), depth))
        rows = stage("hot_rows", rows.drop("n").withColumn("key", _finer(depth, rules)))
        sizes = stage(f"hot_sizes_{depth}", _sized(rows))
        left.append(sizes.where(F.col("n") <= most))
        depth += 1
    empty = _as_hot(sizes.limit(0).withColumn("bounds", F.lit(None).cast("array<bigint>")), 0)
    return reduce(lambda x, y: x.unionByName(y), hot or [empty]), reduce(lambda x, y: x.unionByName(y), left)


def _depth(rules: Sequence[Rule]) -> int:
    return max(len(_chain(r)) for r in rules)


def _finer(depth: int, rules: Sequence[Rule]) -> Column:
    """The key divided by the next attribute of its rule; the same for all where the rule has none left."""
    place = {p: i for i, p in enumerate(_dividers(rules))}
    which = F.array(*(F.lit(place[_chain(r)[depth]] if depth < len(_chain(r)) else -1) for r in rules))[F.col("rule")]
    return F.xxhash64("key", F.lit(depth), F.coalesce(F.get(_VALUES, which), F.lit(0)))


def _bounds(rows: DataFrame, most: Column) -> DataFrame:
    """rule, key, bounds of blocks (node, rule, key, n) that are cut by the order of their nodes into even parts of at most `most`."""
    place = F.row_number().over(Window.partitionBy("rule", "key").orderBy(S.node)) - 1
    part = F.floor(place * F.ceil(F.col("n") / most) / F.col("n"))
    placed = rows.select("rule", "key", S.node, part.alias("_part")).groupBy("rule", "key", "_part").agg(F.min(S.node).alias("_lowest"))
    return placed.where("_part > 0").groupBy("rule", "key").agg(F.array_sort(F.collect_list("_lowest")).alias("bounds"))


def _parted(rows: DataFrame) -> DataFrame:
    """Rows with `bounds` under the keys of their parts."""
    part = F.size(F.filter("bounds", lambda bound: bound <= F.col(S.node)))
    return rows.withColumn("key", F.xxhash64("key", part)).drop("bounds")


def _as_hot(rows: DataFrame, depth: int) -> DataFrame:
    return HotKey.shape(
        rows.select(F.col("rule").alias(HotKey.rule), F.lit(depth).alias(HotKey.depth), F.col("key").alias(HotKey.block), HotKey.bounds)
    )


def divided(hashed: DataFrame, hot: DataFrame, rules: Sequence[Rule] = RULES) -> DataFrame:
    """The hashes (node, array) with every hot key (HotKey) divided as often as `hot` says: a row's keys follow from the row alone."""
    deepest = hot.agg(F.max(HotKey.depth)).first()
    if deepest is None or deepest[0] is None:
        return hashed.select(S.node, _HASHES)
    rows = hashed.select(S.node, _VALUES, F.posexplode(_HASHES).alias("rule", "key")).where("key IS NOT NULL")
    for depth in range(min(int(deepest[0]) + 1, _depth(rules))):
        table = hot.where(F.col(HotKey.depth) == depth).select(HotKey.rule, F.col(HotKey.block).alias("key"), F.lit(True).alias("_hot"))
        # Whoever is not hot at first never is.
        rows = rows.join(F.broadcast(table), on=["rule", "key"], how="left" if depth else "inner")
        rows = rows.withColumn("key", F.when(F.col("_hot"), _finer(depth, rules)).otherwise(F.col("key"))).drop("_hot")
    table = hot.where(F.col(HotKey.depth) == _depth(rules)).select(HotKey.rule, F.col(HotKey.block).alias("key"), HotKey.bounds)
    rows = rows.join(F.broadcast(table), on=["rule", "key"], how="left")
    part = F.size(F.filter(HotKey.bounds, lambda bound: bound <= F.col(S.node)))
    rows = rows.withColumn("key", F.when(F.col(HotKey.bounds).isNotNull(), F.xxhash64("key", part)).otherwise(F.col("key")))
    finer = rows.groupBy(S.node).agg(F.map_from_entries(F.collect_list(F.struct("rule", "key"))).alias("_finer"))
    whole = hashed.select(S.node, _HASHES).join(finer, on=S.node, how="left")
    return whole.withColumn(_HASHES, F.transform(_HASHES, lambda h, i: F.coalesce(F.try_element_at(F.col("_finer"), i), h))).drop("_finer")


def key_rows(divided_keys: DataFrame, ids: DataFrame) -> DataFrame:
    """BlockKey rows of nodes and their arrays of keys; `ids`: node, record_id of the lowest record."""
    named = divided_keys.join(ids.select(S.node, S.record_id), on=S.node, how="inner")
    return BlockKey.shape(named.withColumnRenamed(_HASHES, BlockKey.keys))


def keys_of_rows(rows: DataFrame) -> DataFrame:
    """The nodes and arrays of keys of BlockKey rows, as `pairs_of` takes them."""
    return rows.select(BlockKey.node, F.col(BlockKey.keys).alias(_HASHES))


def statistics(sizes: DataFrame, as_of: Column, rules: Sequence[Rule] = RULES) -> DataFrame:
    """CandidateStatistic rows of the blocks as they will be paired: one per rule, and `all`.

    Pairs are counted per rule; a pair that several rules bring is counted by each, so that `all` is an upper bound of what is compared."""
    n = F.col("n").cast("bigint")
    measured = sizes.withColumn("_pairs", n * (n - 1) / 2)
    names = F.element_at(F.array(*(F.lit(r.name) for r in rules)), F.col("rule") + 1)
    columns = [
        F.count(F.lit(1)).alias("blocks"), F.sum("_pairs").cast("bigint").alias("pairs"), F.max("n").cast("bigint").alias("largest_block"),
        F.max("_pairs").alias("_largest"),
    ]  # fmt: skip
    per_rule = measured.groupBy(names.alias("rule")).agg(*columns)
    whole = measured.groupBy(F.lit("all").alias("rule")).agg(*columns)
    rows = per_rule.unionByName(whole).withColumn("largest_share", F.round(F.col("_largest") / F.col("pairs"), 6))
    return CandidateStatistic.shape(rows.withColumn("as_of", as_of))


def check_budget(pairs: int, signatures: int, per_record: float) -> None:
    """Raises BudgetError when the blocks would make more pairs than the budget allows."""
    if pairs > per_record * max(signatures, 1):
        raise BudgetError(
            f"Blocking would make {pairs:,} pairs for {signatures:,} distinct records, more than "
            f"identity.max_pairs_per_record={per_record:g} each: "
            "look for placeholder values in identity.candidate_statistic, lower identity.hot_block, or raise the budget."
        )


def pairs(hashed: DataFrame, sizes: DataFrame, rules: Sequence[Rule] = RULES) -> DataFrame:
    """Each pair of nodes that shares a key, once: a < b, and `rules`, the bit mask of all keys it shares."""
    live = keys_of(hashed).join(sizes.select("key"), on="key", how="left_semi")
    blocks = live.groupBy("key", "rule").agg(F.sort_array(F.collect_list(S.node)).alias("_nodes"))
    left = blocks.select("rule", F.posexplode("_nodes").alias("_place", Pair.a), "_nodes")
    met = left.select("rule", Pair.a, F.explode(F.slice("_nodes", F.col("_place") + 2, F.size("_nodes"))).alias(Pair.b))
    bits = F.array(*(F.lit(1 << i) for i in range(len(rules))))
    # By its first node alone: of many nodes the attributes are looked up next, and need no further shuffle of what blocks brought.
    return met.repartition(Pair.a).groupBy(Pair.a, Pair.b).agg(F.bit_or(bits[F.col("rule")]).alias(Pair.rules))


def _by_first_rule(met: DataFrame, rules: Sequence[Rule]) -> DataFrame:
    """Pairs under one of their keys (a, b, _left, _right, rule) -> each pair once, with the mask of its keys."""
    shared = [F.when(F.col("_left")[i] == F.col("_right")[i], F.lit(1 << i)).otherwise(F.lit(0)) for i in range(len(rules))]
    masked = met.select(Pair.a, Pair.b, "rule", reduce(lambda x, y: x.bitwiseOR(y), shared).alias(Pair.rules))
    # The lowest set bit is the first rule that fires: only that rule keeps the pair.
    first = F.array(*(F.lit(1 << i) for i in range(len(rules))))[F.col("rule")]
    return masked.where(F.col(Pair.rules).bitwiseAND(-F.col(Pair.rules)) == first).select(Pair.a, Pair.b, Pair.rules)


def pairs_of(changed: DataFrame, others: DataFrame, rules: Sequence[Rule]) -> DataFrame:
    """The pairs of `pairs` that hold a changed node: `changed` (few) and `others`, node and array of keys, have no node in common."""
    new = changed.select(S.node, _HASHES, F.posexplode(_HASHES).alias("rule", "key")).where("key IS NOT NULL")
    left = new.select(F.col(S.node).alias("_x"), F.col(_HASHES).alias("_left"), "rule", "key")
    stayed = others.select(F.col(S.node).alias("_y"), F.col(_HASHES).alias("_right"), F.explode(_HASHES).alias("key")).where("key IS NOT NULL")
    among = left.select(F.col("_x").alias("_y"), F.col("_left").alias("_right"), F.col("key").alias("_key"))
    met = left.join(among, (F.col("key") == F.col("_key")) & (F.col("_x") < F.col("_y")), how="inner").drop("_key")
    met = met.unionByName(stayed.join(F.broadcast(left), on="key", how="inner"))
    return _by_first_rule(met.withColumn(Pair.a, F.least("_x", "_y")).withColumn(Pair.b, F.greatest("_x", "_y")), rules)


def random_pairs(signed: DataFrame, total: int, wanted: int) -> DataFrame:
    """About `wanted` pairs of nodes drawn without regard to any key, the same on every run: `rules` is 0."""
    slots = max(1, total * total // (2 * wanted))
    slotted = signed.select(S.node, F.pmod(F.xxhash64(S.node, F.lit("random pairs")), F.lit(slots)).alias("_slot"))
    left = slotted.select(F.col(S.node).alias(Pair.a), "_slot")
    right = slotted.select(F.col(S.node).alias(Pair.b), "_slot")
    return left.join(right, on="_slot", how="inner").where(F.col(Pair.a) < F.col(Pair.b)).select(Pair.a, Pair.b, F.lit(0).alias(Pair.rules))
