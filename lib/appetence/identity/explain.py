"""Why two records are, or are not, one person: the weight of each field in words. No value of a record is ever said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.local import local_frame
from appetence.identity import comparison, signatures
from appetence.identity.frames import Pair
from appetence.identity.frames import Signature as S
from appetence.identity.paths import Around
from appetence.identity.weights import PERSON, UNRELATED, Model

_FIELDS: Mapping[str, str] = {
    "last_name": "surname", "first_name": "first name", "order": "order of the names", "birth_date": "birth date", "place": "address",
    "email": "e-mail", "mobile": "mobile", "landline": "landline", "gender": "gender",
}  # fmt: skip
_LEVELS: Mapping[str, str] = {
    "exact": "equal", "maiden": "the name by birth of the one", "typo_rare": "one slip apart, and one form is rare",
    "typo_known": "one slip apart, both forms are known names", "part": "one is part of the other", "two_typos": "two slips apart",
    "similar": "most letters agree",
    "differ": "different", "variant": "one is the beginning of the other", "initial": "the initial of the other",
    "initial_differs": "another initial",
    "straight": "as written", "crossed": "first name and surname crossed", "swapped": "day and month exchanged", "digit": "one digit apart",
    "part_of_date": "two of day, month and year agree", "two_digits": "two digits apart",
    "shifted": "contradicting, year and month nearly agree", "contradict": "contradicting: never one person",
    "same_flat": "same address and flat", "other_flat": "same address, another flat", "near": "nearly the same address",
    "same_way": "same street",
    "postcode_other": "same postcode, another street", "postcode_only": "same postcode, no street stated by one", "city": "same town",
    "city_near": "nearly the same town",
    "department": "same department", "elsewhere": "another part of the country", "local": "same name part, another domain",
    "local_named": "same name part made of the names, another domain", "typo": "one slip apart", "same": "same",
}  # fmt: skip
_RARITY = {
    "last_name": ("very common", "common", "less common", "rare"), "first_name": ("very common", "common", "less common", "rare"),
    "place": ("shared by a crowd", "shared by a building", "of a home"), "email": ("shared by a crowd", "shared by many", "of few"),
    "mobile": ("shared by a crowd", "shared by many", "of few"), "landline": ("shared by a crowd", "shared by many", "of few"),
}  # fmt: skip


def pattern_of(records: DataFrame, first: str, second: str, common: DataFrame | None = None) -> int | None:
    """The agreement pattern of two records among all records; None when they are equal in every compared attribute and have been one
    before any comparison. `common` (CommonValue) says how common each value is; without it values are counted."""
    return next(iter(patterns_between(records, [first], [second], common)), None)


def patterns_between(records: DataFrame, left: Sequence[str], right: Sequence[str], common: DataFrame | None = None) -> dict[int, int]:
    """The agreement patterns of every pair of two groups of records, and how many pairs have each; pairs of equal records are left out. The groups
    come to the driver as ids: clusters, whose size is bounded. `common` as in `pattern_of`."""
    some = signatures.attributes(records.where(F.col(S.record_id).isin(*left, *right)))
    node = {r[0]: int(r[1]) for r in some.select(S.record_id, S.node).collect()}
    sides = [sorted({node[r] for r in group if r in node}) for group in (left, right)]
    pairs = sorted({(min(x, y), max(x, y), 0) for x in sides[0] for y in sides[1] if x != y})
    if not pairs:
        return {}
    known = some.dropDuplicates([S.node]) if len(set(node.values())) < len(node) else some
    classed = signatures.with_classes(known, _counted(records) if common is None else common)
    wanted = local_frame(records.sparkSession, pairs, f"{Pair.a} bigint, {Pair.b} bigint, {Pair.rules} int")
    found = comparison.compare(wanted, classed, are_few=True).groupBy(Pair.pattern).agg(F.count(F.lit(1)).alias("n"))
    return {int(r[0]): int(r[1]) for r in found.collect()}


def _counted(records: DataFrame) -> DataFrame:
    signed = signatures.signatures(signatures.profiles(records))
    known = signatures.known_counts(signed).first()
    assert known is not None  # an aggregate without groups has one row
    return signatures.common_values(signatures.value_counts(signed), int(known["total"]))


def in_words(model: Model, pattern: int) -> list[str]:
    """One line per compared field, strongest first, then what any pair starts from and what a family would share; the sum is the weight."""
    person, _ = model.log_odds([pattern])
    said = sorted(model.contributions(pattern), key=lambda c: -abs(c[2]))
    lines = [f"{weight:+7.1f}  {_FIELDS.get(name, name)}: {level_in_words(name, level)}" for name, level, weight in said]
    start = math.log2(model.prior[PERSON] / model.prior[UNRELATED])
    family = float(person[0]) - start - sum(weight for _, _, weight in said)
    lines.append(f"{start:+7.1f}  where any two records start: few of all pairs are one person")
    if family < -0.05:
        lines.append(f"{family:+7.1f}  a family would share this as well")
    verdict = "one person" if person[0] > 0 else "not one person"
    if bool(model.contradicts([pattern])[0]):
        verdict = "never one person: the birth dates contradict"
    return [*lines, f"{float(person[0]):+7.1f}  in all, in doublings of the odds: {verdict}"]


def in_one_line(model: Model, pattern: str) -> str:
    """A stored pattern (`last_name=exact_3|...`) with the weight of each field, strongest first, on one line."""
    stated = dict(part.split("=", 1) for part in pattern.split("|") if part)
    packed = sum(f.number(stated[f.name]) << (comparison.BITS * i) for i, f in enumerate(model.fields) if f.name in stated)
    said = sorted(model.contributions(packed), key=lambda c: -abs(c[2]))
    return "; ".join(f"{weight:+.1f} {_FIELDS.get(name, name)}: {level_in_words(name, level)}" for name, level, weight in said)


def way_in_words(model: Model, between: Around, way: Sequence[str], two: tuple[str, str]) -> list[str]:
    """One line per step of a way between the two records: its weight, its two records, and the fields in words. A record that stands under a lower
    one that is its equal has a step of its own."""
    lines = [_step(model, between, x, y) for x, y in pairwise(way)]
    if two[0] != way[0]:
        lines.insert(0, _equal(two[0], way[0]))
    if two[1] != way[-1]:
        lines.append(_equal(way[-1], two[1]))
    return lines


def _step(model: Model, between: Around, x: str, y: str) -> str:
    tie = between.tie(x, y)
    mark = "" if tie.is_link else " (doubtful)"
    if between.clusters[x] != between.clusters[y]:
        mark += " (taken apart here)"
    return f"{tie.weight:+7.1f}  {x} with {y}{mark}: {in_one_line(model, tie.pattern)}"


def _equal(x: str, y: str) -> str:
    return f"{'equal':>7}  {x} with {y}: equal in every compared attribute"


def level_in_words(field: str, level: str) -> str:
    """A level for people.

    >>> level_in_words("last_name", "exact_3"), level_in_words("birth_date", "part")
    ('equal, rare', 'two of day, month and year agree')
    """
    if field == "birth_date" and level == "part":
        return _LEVELS["part_of_date"]
    stem, _, number = level.rpartition("_")
    if number.isdigit() and stem:
        return f"{_LEVELS[stem]}, {_RARITY[field][int(number)]}"
    return _LEVELS.get(level, level)
