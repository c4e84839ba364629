"""Why two records are, or are not, one person: the weight of each field in words. No value of a record is ever said."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.local import local_frame
from appetence.identity import comparison, signatures
from appetence.identity.frames import Pair
from appetence.identity.frames import Signature as S
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
    two = signatures.attributes(records.where(F.col(S.record_id).isin(first, second)))
    nodes = sorted({int(r[0]) for r in two.select(S.node).collect()})
    if len(nodes) < 2:
        return None
    classed = signatures.with_classes(two, _counted(records) if common is None else common)
    pair = local_frame(records.sparkSession, [(nodes[0], nodes[1], 0)], f"{Pair.a} bigint, {Pair.b} bigint, {Pair.rules} int")
    compared = comparison.compare(pair, classed).first()
    return None if compared is None else int(compared[Pair.pattern])


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
