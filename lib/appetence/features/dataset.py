"""Datasets: the partial aggregates of `gold.feature` summed over the members one model may read. One row per cutoff and person.

The client's share is left out of prospect datasets by leaving its rows out before anything is summed. Groups of sectors follow
`sectors.group_members`. The result holds numbers only, and no column of a member.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.domain import Use
from appetence.contracts.features import Feature
from appetence.contracts.gold import Segment
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.silver import Record
from appetence.errors import ModelError
from appetence.features import catalogue as c
from appetence.features.sectors import GROUPS, group_members

KEYS = (Feature.cutoff, Feature.person_id)
SIZE_RANKS = {"rural": 1.0, "bourg": 2.0, "petite_ville": 3.0, "ville": 4.0, "grande_ville": 5.0, "metropole": 6.0}
_GROUP, _OWN = "_group", "_is_own"


@dataclass(frozen=True)
class Scope:
    """What one model may read: the product, the client's own members, all members whose instruction covers it, and their sectors."""

    product: Use
    client_members: frozenset[str]
    allowed_members: frozenset[str]
    sector_of: Mapping[str, str]
    min_sector_members: int = 3

    @property
    def read_members(self) -> frozenset[str]:
        """Members whose events enter the features."""
        return self.allowed_members - self.client_members if self.product == Use.PROSPECT else self.allowed_members

    @property
    def elsewhere(self) -> frozenset[str]:
        """Members other than the client: they alone feed the groups of sectors."""
        return self.allowed_members - self.client_members

    @property
    def is_house(self) -> bool:
        """The client's own history is read, under its own name."""
        return self.product == Use.HOUSE

    @property
    def groups(self) -> dict[str, str]:
        """Member -> group of sectors."""
        return group_members({m: self.sector_of[m] for m in self.elsewhere}, self.min_sector_members)


def build_dataset(features: DataFrame, segments: DataFrame, households: DataFrame, reach: DataFrame, scope: Scope) -> DataFrame:
    """One row per cutoff and person of the product's universe, with the columns `catalogue.input_names` (doubles; null: not known).

    `features` is `gold.feature`, `segments` `gold.segment` at one date, `households` `identity.household_link`, `reach` comes from
    `build_reach`. Prospect: persons with an event elsewhere who are not yet buyers of the client. House: the client's own buyers.
    ModelError when no member may be read.
    """
    if not scope.read_members:
        raise ModelError(
            "No member has a live instruction that covers this product and recipient sector: nothing may be read; check the members' instructions."
        )
    sums = _person_sums(_read_rows(features, reach, scope), scope)
    universe = sums.where(F.col(f"{c.OWN}_events_total") > 0) if scope.is_house else _not_yet_buyers(sums, features, scope)
    whole = _with_derived(_with_household(universe, sums, households), scope)
    return _with_profile(whole, segments).select(*KEYS, *(F.col(n).cast("double") for n in c.input_names(with_own=scope.is_house)))


def build_reach(records: DataFrame, links: DataFrame) -> DataFrame:
    """Per person and member, whether a letter, an e-mail and a call would arrive: 0 or 1."""
    mine = records.join(links.select(PersonLink.record_id, PersonLink.person_id), on=str(Record.record_id), how="inner")
    has_phone = F.coalesce(F.col(Record.mobile), F.col(Record.landline)).isNotNull()
    return mine.groupBy(PersonLink.person_id, Record.member_id).agg(
        F.max(F.col(Record.is_deliverable).cast("int")).alias("has_post"),
        F.max(F.col(Record.email).isNotNull().cast("int")).alias("has_email"),
        F.max(has_phone.cast("int")).alias("has_phone"),
    )


def _read_rows(features: DataFrame, reach: DataFrame, scope: Scope) -> DataFrame:
    """The rows of the members this model may read, with group and coordinates; the member itself is not used beyond here."""
    mine = features.where(F.col(Feature.member_id).isin(sorted(scope.read_members)))
    pairs: Iterable[tuple[str, str]] = sorted(scope.groups.items())
    group = F.create_map(*(F.lit(x) for pair in pairs for x in pair))[F.col(Feature.member_id)] if scope.groups else F.lit(None).cast("string")
    joined = mine.join(reach, on=[str(Feature.person_id), str(Feature.member_id)], how="left")
    return joined.withColumn(_GROUP, group).withColumn(_OWN, F.col(Feature.member_id).isin(sorted(scope.client_members)))


def _person_sums(rows: DataFrame, scope: Scope) -> DataFrame:
    """One aggregation over the partial rows: totals, own, groups, breadth and reach, per cutoff and person."""
    aggregates = _sums(c.TOTAL, None)
    if scope.is_house:
        aggregates += _sums(c.OWN, F.col(_OWN))
    present = sorted(set(scope.groups.values()))
    for group in present:
        here = F.col(_GROUP) == group
        aggregates += [_total(f, here).alias(f"{group}_{f}") for f in c.BRIEF]
        aggregates.append(F.datediff(F.max(F.col(Feature.cutoff)), F.max(F.when(here, F.col(Feature.last_on)))).alias(f"{group}_recency_days"))
    aggregates += [
        F.count(F.lit(1)).alias("breadth_members"),
        F.sum((F.col(Feature.events_365d) > 0).cast("int")).alias("breadth_members_365d"),
        *(F.max(F.coalesce(F.col(r), F.lit(0))).alias(r) for r in c.REACH),
    ]
    sums = rows.groupBy(*KEYS).agg(*aggregates)
    return sums.select("*", *_absent(present), _breadth(present))


def _absent(present: Iterable[str]) -> list[Column]:
    """The columns of groups no readable member feeds: no events, never."""
    lacking = [g for g in GROUPS if g not in set(present)]
    zeros = [F.lit(0.0).alias(f"{g}_{f}") for g in lacking for f in c.BRIEF]
    return zeros + [F.lit(None).cast("int").alias(f"{g}_recency_days") for g in lacking]


def _breadth(present: Iterable[str]) -> Column:
    active = [(F.col(f"{g}_events_365d") > 0).cast("int") for g in present]
    return reduce(add, active, F.lit(0)).alias("breadth_groups_365d")


def _total(field: str, condition: Column | None) -> Column:
    # Decimal sums do not depend on the order of the rows, sums of doubles do.
    value = F.col(field).cast("decimal(28,6)") if field.startswith("decayed") else F.col(field)
    chosen = value if condition is None else F.when(condition, value)
    return F.coalesce(F.sum(chosen), F.lit(0)).cast("double")


def _sums(prefix: str, condition: Column | None) -> list[Column]:
    def chosen(field: str) -> Column:
        return F.col(field) if condition is None else F.when(condition, F.col(field))

    return [
        *(_total(f, condition).alias(f"{prefix}_{f}") for f in (*c.FULL, Feature.gap_squares_total)),
        F.min(chosen(Feature.first_on)).alias(f"{prefix}_first_on"),
        F.max(chosen(Feature.last_on)).alias(f"{prefix}_last_on"),
        F.max(chosen(Feature.largest_amount)).alias(f"{prefix}_largest_amount"),
    ]


def _not_yet_buyers(sums: DataFrame, features: DataFrame, scope: Scope) -> DataFrame:
    if not scope.client_members:
        return sums
    buyers = features.where(F.col(Feature.member_id).isin(sorted(scope.client_members))).select(*KEYS).distinct()
    return sums.join(buyers, on=[str(k) for k in KEYS], how="left_anti")


def _with_household(universe: DataFrame, sums: DataFrame, households: DataFrame) -> DataFrame:
    """Adds what the others of the household did: the household's sums less the person's own."""
    home = households.select(HouseholdLink.person_id, HouseholdLink.household_id)
    mine = universe.join(home, on=str(Feature.person_id), how="left")
    shared = (
        sums.join(home, on=str(Feature.person_id), how="inner")
        .groupBy(Feature.cutoff, HouseholdLink.household_id)
        .agg(
            *(F.sum(F.col(f"{c.TOTAL}_{f}").cast("decimal(28,6)")).alias(f"_home_{f}") for f in c.SHARED),
            F.slice(F.sort_array(F.collect_list(F.col(f"{c.TOTAL}_last_on")), asc=False), 1, 2).alias("_home_last"),
        )
    )
    joined = mine.join(shared, on=[str(Feature.cutoff), str(HouseholdLink.household_id)], how="left")
    last = F.col(f"{c.TOTAL}_last_on")
    # The newest day of the others: the household's newest unless it is the person's own, then the second.
    others = F.when(F.get(F.col("_home_last"), F.lit(0)) == last, F.get(F.col("_home_last"), F.lit(1))).otherwise(
        F.get(F.col("_home_last"), F.lit(0))
    )
    return joined.select(
        *universe.columns,
        *(_of_others(f).alias(f"{c.HOUSEHOLD}_{f}") for f in c.SHARED),
        F.datediff(F.col(Feature.cutoff), others).alias(f"{c.HOUSEHOLD}_recency_days"),
    )


def _of_others(field: str) -> Column:
    """The household's sum less the person's own, in decimals: exact, whatever the order."""
    own = F.col(f"{c.TOTAL}_{field}").cast("decimal(28,6)")
    return (F.coalesce(F.col(f"_home_{field}"), own) - own).cast("double")


def _with_derived(rows: DataFrame, scope: Scope) -> DataFrame:
    prefixes = (c.TOTAL, c.OWN) if scope.is_house else (c.TOTAL,)
    return rows.select("*", *(column for prefix in prefixes for column in _derived(prefix)))


def _derived(prefix: str) -> list[Column]:
    """Ratios of the sums; null where a ratio means nothing."""

    def of(name: str) -> Column:
        return F.col(f"{prefix}_{name}")

    recency, tenure = F.datediff(F.col(Feature.cutoff), of("last_on")), F.datediff(F.col(Feature.cutoff), of("first_on"))
    gaps = of("days_total") - 1
    mean_gap = F.datediff(of("last_on"), of("first_on")) / F.when(gaps > 0, gaps)
    spread = F.sqrt(F.greatest(of("gap_squares_total") / F.when(gaps > 0, gaps) - mean_gap * mean_gap, F.lit(0.0)))
    made = {
        "recency_days": recency,
        "tenure_days": tenure,
        "mean_amount": of("amount_total") / F.when(of("events_total") > 0, of("events_total")),
        "mean_gap_days": mean_gap,
        "gap_spread": spread / F.when(mean_gap > 0, mean_gap),
        "overdue_ratio": recency / F.when(mean_gap > 0, mean_gap),
        "trend_90d": of("events_90d") / F.when(of("events_365d") > 0, of("events_365d")),
        "gift_share": of("gifts_total") / F.when(of("events_total") > 0, of("events_total")),
        "refund_share": of("refunds_total") / F.when(of("events_total") > 0, of("events_total")),
        "rate_per_year": of("days_total") * 365.0 / (tenure + 30),
    }
    return [F.round(column.cast("double"), 9).alias(f"{prefix}_{name}") for name, column in made.items()]


def _with_profile(rows: DataFrame, segments: DataFrame) -> DataFrame:
    """Adds the profile at the cutoff: ages are set back from the segment's date, in steps of five years so that a declared age and an
    inferred one look alike (a declaration may have come with a later purchase)."""
    ranks = F.create_map(*(F.lit(x) for pair in SIZE_RANKS.items() for x in pair))
    profile = segments.select(
        F.col(Segment.person_id),
        F.col(Segment.cutoff).alias("_segment_on"),
        F.col(Segment.age).alias("_age"),
        (F.col(Segment.gender) == "F").cast("int").alias("is_female"),
        F.least(F.col(Segment.household_size), F.lit(6)).alias("household_size"),
        ranks[F.col(Segment.size_class)].alias("size_class_rank"),
        F.col(Segment.median_income_eur).alias("median_income_eur"),
    )
    joined = rows.join(profile, on=str(Segment.person_id), how="left")
    years = F.floor(F.datediff(F.col("_segment_on"), F.col(Feature.cutoff)) / 365.25)
    return joined.withColumn("age", F.round((F.col("_age") - years) / 5) * 5)
