"""How two signatures agree, field by field: each field falls to the first of a short ordered list of levels.

Similarities (edit distances) are computed once, in projections of their own, before any level is decided: Spark would compute them again
in every branch that names them. Levels are numbers from 1, 0 means that one side says nothing; the numbers of all fields are packed into
one integer, five bits each: the agreement pattern. The distinct patterns grow far more slowly than pairs: some thousands
of a small base, a hundred thousand of the eight million pairs of a million records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.identity.frames import Pair
from appetence.identity.frames import Signature as S
from appetence.identity.signatures import NAME_SHARES, SHARED_COUNTS, extra_name

BITS = 5
MAX_EXTRAS = 3
FEW = 1_000_000
"""Signatures that every task may hold in memory: some 600 MB, and both sides of a pair are looked up in the same."""


@dataclass(frozen=True)
class Field:
    """A compared field: its levels in order, and which of them mean one equal value (their chance is counted, not sampled)."""

    name: str
    levels: tuple[str, ...]
    exact: tuple[str, ...] = ()

    def number(self, level: str) -> int:
        """The level's number; 0 is missing."""
        return self.levels.index(level) + 1


def _classes(name: str, classes: int) -> tuple[str, ...]:
    return tuple(f"{name}_{i}" for i in range(classes))


_NAMES, _SHARED = _classes("exact", len(NAME_SHARES) + 1), _classes("exact", len(SHARED_COUNTS) + 1)
LAST = Field("last_name", (*_NAMES, "maiden", "typo_rare", "typo_known", "part", "two_typos", "similar", "differ"), _NAMES)
FIRST = Field("first_name", (*_NAMES, "variant", "typo_rare", "typo_known", "initial", "two_typos", "similar", "initial_differs", "differ"), _NAMES)
ORDER = Field("order", ("straight", "crossed"))
BIRTH = Field("birth_date", ("exact", "swapped", "digit", "part", "two_digits", "shifted", "contradict"), ("exact",))
_PLACES = _classes("same", len(SHARED_COUNTS) + 1)
PLACE = Field(
    "place",
    ("same_flat", *_PLACES, "other_flat", "near", "same_way", "postcode_other", "postcode_only", "city", "city_near", "department", "elsewhere"),
    _PLACES,
)
EMAIL = Field("email", (*_SHARED, "local", "local_named", "typo", "similar", "differ"), _SHARED)
MOBILE = Field("mobile", (*_SHARED, "typo", "differ"), _SHARED)
LANDLINE = Field("landline", (*_SHARED, "typo", "differ"), _SHARED)
GENDER = Field("gender", ("same", "differ"))
FIELDS = (LAST, FIRST, ORDER, BIRTH, PLACE, EMAIL, MOBILE, LANDLINE, GENDER)
CONTRADICTION = (BIRTH, ("shifted", "contradict"))


def extra_field(name: str) -> Field:
    """The comparison of a further category `name`."""
    return Field(f"x_{name}", ("exact", "typo", "differ"), ("exact",))


def all_fields(extras: Sequence[str] = ()) -> tuple[Field, ...]:
    """The compared fields, at most MAX_EXTRAS further categories among them."""
    return (*FIELDS, *(extra_field(n) for n in sorted(extras)[:MAX_EXTRAS]))


def compare(pairs: DataFrame, signed: DataFrame, extras: Sequence[str] = (), *, are_few: bool = False) -> DataFrame:
    """Pair (a, b, rules) and classed signatures -> the same pairs with `pattern`. `are_few`: every task may hold all signatures in memory, so that
    pairs stay where they are."""
    carried = [c for c in signed.columns if c not in (S.records, S.record_id)]
    left = signed.select(*(F.col(c).alias(f"a_{c}") for c in carried))
    right = signed.select(*(F.col(c).alias(f"b_{c}") for c in carried))
    # Signatures are hashed, so that the pairs, which are many and wide, need not be sorted.
    left, right = (side.hint("broadcast" if are_few else "shuffle_hash") for side in (left, right))
    joined = pairs.join(left, F.col(Pair.a) == F.col("a_node"), how="inner").join(right, F.col(Pair.b) == F.col("b_node"), how="inner")
    measured = _with_similarities(_with_order(joined), extras)
    levels = [*_levels(), *(_extra_levels(i, n) for i, n in enumerate(sorted(extras)[:MAX_EXTRAS]))]
    packed = [F.shiftleft(level.cast("bigint"), BITS * i) for i, level in enumerate(levels)]
    return measured.select(*(c for c in pairs.columns), reduce(lambda x, y: x.bitwiseOR(y), packed).alias(Pair.pattern))


def unpack(pattern: int, fields: Sequence[Field]) -> list[int]:
    """The level numbers of a packed pattern, in field order.

    >>> unpack(3 | 2 << 5, FIELDS)[:3]
    [3, 2, 0]
    """
    return [(pattern >> (BITS * i)) & ((1 << BITS) - 1) for i in range(len(fields))]


def in_words(pattern: int, fields: Sequence[Field]) -> str:
    """A pattern for people: `last_name=exact_3|first_name=initial`, missing fields left out.

    >>> in_words(4 | 8 << 5, FIELDS)
    'last_name=exact_3|first_name=initial'
    """
    numbers = unpack(pattern, fields)
    return "|".join(f"{f.name}={f.levels[n - 1]}" for f, n in zip(fields, numbers, strict=True) if n)


# -- similarities, each once -------------------------------------------------------------------------------------------------


def _a(name: str) -> Column:
    return F.col(f"a_{name}")


def _b(name: str) -> Column:
    return F.col(f"b_{name}")


def _with_order(joined: DataFrame) -> DataFrame:
    """Turns b's names round where they agree with a's crosswise and not straight."""
    a_first, a_last, b_first, b_last = _a(S.first), _a(S.last), _b(S.first), _b(S.last)
    straight = (a_first == b_first) | (a_last == b_last)
    near = ((a_first == b_last) & (F.levenshtein(a_last, b_first, 2) >= 0)) | ((a_last == b_first) & (F.levenshtein(a_first, b_last, 2) >= 0))
    crossed = F.coalesce(near & ~straight & (a_first != a_last), F.lit(False))
    turned = joined.withColumn("crossed", crossed)
    swaps = {
        name: F.when(F.col("crossed"), F.col(f"b_{other}")).otherwise(F.col(f"b_{name}")) for name, other in ((S.first, S.last), (S.last, S.first))
    }
    return turned.select(*(swaps.get(c.removeprefix("b_"), F.col(c)).alias(c) if c.startswith("b_") else F.col(c) for c in turned.columns))


def _slips(name: str, limit: int, where: Column | None = None) -> Column:
    """Edit distance up to `limit`, else -1; null where a side says nothing, or where `where` does not ask. Of equal texts, which are many, nothing is
    counted."""
    a, b = _a(name), _b(name)
    counted = F.when(a == b, 0).otherwise(F.levenshtein(a, b, limit))
    return counted if where is None else F.when(where, counted)


def _turned(name: str, distance: str) -> Column:
    """The distance, where letters in turned order count as one edit."""
    a, b = _a(name), _b(name)
    same_letters = (F.length(a) == F.length(b)) & (F.array_sort(F.split(a, "")) == F.array_sort(F.split(b, "")))
    return F.when((F.col(distance) == 2) & same_letters, 1).otherwise(F.col(distance))


def _extra(column: str, name: str) -> Column:
    """The `name=value` entry of an array of categories."""
    return F.get(F.filter(column, lambda pair: extra_name(pair) == name), F.lit(0))


def _with_similarities(turned: DataFrame, extras: Sequence[str]) -> DataFrame:
    text = {f"_x{i}": name for i, name in enumerate(sorted(extras)[:MAX_EXTRAS])}
    picked = {f"{side}{x}": _extra(f"{side}_extra", name) for side in "ab" for x, name in text.items()}
    with_extras = turned.withColumns(picked) if picked else turned
    counted = with_extras.withColumns(
        {
            "d_first": _slips(S.first, 3),
            "d_last": _slips(S.last, 3),
            "d_birth": _slips(S.birth, 2),
            "d_postcode": _slips(S.postcode, 1),
            "d_city": _slips(S.city, 2),
            "d_email": _slips(S.email, 5, ~F.coalesce(_a(S.local) == _b(S.local), F.lit(False))),
            "d_mobile": _slips(S.mobile, 1),
            "d_landline": _slips(S.landline, 1),
            **{f"d{x}": F.levenshtein(F.col(f"a{x}"), F.col(f"b{x}"), 2) for x in text},
        }
    )
    # Streets are only compared within a town, and houses where their numbers may be one.
    placed = counted.withColumn("in_town", F.coalesce(F.col("d_postcode") >= 0, F.lit(False)) | F.coalesce(F.col("d_city") >= 0, F.lit(False)))
    return placed.withColumns(
        {
            "d_first": _turned(S.first, "d_first"),
            "d_last": _turned(S.last, "d_last"),
            "d_birth": _turned(S.birth, "d_birth"),
            "d_address": _slips(S.address, 5, F.col("in_town") & _numbers_fit()),
            "d_way": _slips(S.way, 2, F.col("in_town")),
        }
    )


def _numbers_fit() -> Column:
    return F.coalesce(_a(S.number) == _b(S.number), F.lit(True))


# -- levels -------------------------------------------------------------------------------------------------------------------


def _ladder(field: Field, missing: Column, *steps: tuple[str, Column], exact: Column | None = None, exact_class: Column | None = None) -> Column:
    """The number of the first level whose condition holds; the last level of the field when none does."""
    ladder = F.when(missing, F.lit(0))
    if exact is not None:
        ladder = ladder.when(exact, (F.lit(field.number(field.exact[0])) + (F.lit(0) if exact_class is None else exact_class)))
    for level, condition in steps:
        ladder = ladder.when(condition, F.lit(field.number(level)))
    return ladder.otherwise(F.lit(len(field.levels))).cast("int")


def _class(name: str) -> Column:
    """How common an equal value is: a's class. That b's is read too makes both sides the same columns, which Spark sends to every task once."""
    return F.coalesce(_a(name), _b(name))


def _both(name: str) -> Column:
    return _a(name).isNull() | _b(name).isNull()


def _rare(known: str) -> Column:
    """One of the two forms is rare enough to be a slip of the pen of the other."""
    return ~(_a(known) & _b(known))


def _begins(a: Column, b: Column, least: int) -> Column:
    return ((F.length(b) >= least) & a.startswith(b)) | ((F.length(a) >= least) & b.startswith(a))


def _similar(distance: str, a: Column, b: Column) -> Column:
    """More slips than a typing error, and still most of the letters."""
    longest = F.greatest(F.length(a), F.length(b))
    return ((F.col(distance) == 2) & (longest >= 4)) | ((F.col(distance) == 3) & (longest >= 7))


def _levels() -> list[Column]:
    return [_last_level(), _first_level(), _order_level(), _birth_level(), _place_level(), _email_level(),
            _phone_level(MOBILE, S.mobile, S.mobile_class), _phone_level(LANDLINE, S.landline, S.landline_class),
            _gender_level()]  # fmt: skip


def _last_level() -> Column:
    a, b = _a(S.last), _b(S.last)
    maiden = (_a(S.maiden) == b) | (_b(S.maiden) == a) | (_a(S.maiden) == _b(S.maiden))
    part = _begins(a, b, 4) | ((F.length(b) >= 4) & a.endswith(b)) | ((F.length(a) >= 4) & b.endswith(a))
    near = F.col("d_last").between(0, 1) & (F.least(F.length(a), F.length(b)) >= 3)
    return _ladder(
        LAST, _both(S.last),
        ("maiden", F.coalesce(maiden, F.lit(False))),
        ("typo_rare", near & _rare(S.last_is_known)), ("typo_known", near), ("part", part),
        ("two_typos", (F.col("d_last") == 2) & (F.least(F.length(a), F.length(b)) >= 5)), ("similar", _similar("d_last", a, b)),
        exact=a == b, exact_class=_class(S.last_class),
    )  # fmt: skip


def _first_level() -> Column:
    a, b = _a(S.first), _b(S.first)
    near = F.col("d_first").between(0, 1) & (F.least(F.length(a), F.length(b)) >= 3)
    one_letter = (F.length(a) == 1) | (F.length(b) == 1)
    return _ladder(
        FIRST, _both(S.first),
        ("initial", one_letter & (F.substring(a, 1, 1) == F.substring(b, 1, 1))), ("initial_differs", one_letter),
        ("typo_rare", near & _rare(S.first_is_known)), ("typo_known", near), ("variant", _begins(a, b, 3)),
        ("two_typos", (F.col("d_first") == 2) & (F.least(F.length(a), F.length(b)) >= 5)), ("similar", _similar("d_first", a, b)),
        exact=(a == b) & ~one_letter, exact_class=_class(S.first_class),
    )  # fmt: skip


def _order_level() -> Column:
    # Stated only where both names agree one way or the other: among strangers either way is then as likely.
    straight = F.coalesce((_a(S.first) == _b(S.first)) & (_a(S.last) == _b(S.last)), F.lit(False))
    return _ladder(ORDER, ~straight & ~F.col("crossed"), ("straight", ~F.col("crossed")))


def _birth_level() -> Column:
    a, b = _a(S.birth), _b(S.birth)
    part = {name: (F.substring(a, i, n) == F.substring(b, i, n)) for name, i, n in (("y", 1, 4), ("m", 5, 2), ("d", 7, 2))}
    equal_parts = reduce(lambda x, y: x + y, (p.cast("int") for p in part.values()))
    swapped = part["y"] & (F.substring(a, 5, 2) == F.substring(b, 7, 2)) & (F.substring(a, 7, 2) == F.substring(b, 5, 2))
    return _ladder(
        BIRTH, _both(S.birth),
        ("swapped", swapped), ("digit", F.col("d_birth") == 1), ("part", equal_parts == 2), ("two_digits", F.col("d_birth") == 2),
        ("shifted", _shifted(a, b)),
        exact=a == b,
    )  # fmt: skip


def _shifted(a: Column, b: Column) -> Column:
    """The year is equal, one or ten off, and the month at most one: dates miscounted, or read wrong in more than one figure."""
    years = F.abs(F.substring(a, 1, 4).cast("int") - F.substring(b, 1, 4).cast("int"))
    months = F.abs(F.substring(a, 5, 2).cast("int") - F.substring(b, 5, 2).cast("int"))
    return years.isin(0, 1, 10) & months.isin(0, 1, 11)


def _place_level() -> Column:
    unknown = (_a(S.postcode).isNull() & _a(S.city).isNull()) | (_b(S.postcode).isNull() & _b(S.city).isNull())
    no = F.lit(False)
    postcode = F.coalesce(_a(S.postcode) == _b(S.postcode), no)
    city = F.coalesce(_a(S.city) == _b(S.city), no)
    town = F.col("in_town")
    addressed = ~_both(S.address)
    same = F.coalesce((_a(S.address) == _b(S.address)), no) & (postcode | city)
    flats = ~_both(S.flat)
    close = F.coalesce(F.col("d_address").between(0, 2) | ((F.col("d_address") >= 0) & (F.length(_a(S.address)) >= 14)), no)
    near = (town & close & _numbers_fit()) | (F.coalesce(_a(S.address) == _b(S.address), no) & town)
    way = town & F.coalesce(F.col("d_way") >= 0, no)
    return _ladder(
        PLACE, unknown,
        ("same_flat", same & flats & (_a(S.flat) == _b(S.flat))), ("other_flat", same & flats),
        *((name, same & (_class(S.address_class) == i)) for i, name in enumerate(_PLACES)),
        ("near", near), ("same_way", way), ("postcode_other", postcode & addressed), ("postcode_only", postcode), ("city", city),
        ("city_near", F.coalesce((F.col("d_city") >= 0) & (F.least(F.length(_a(S.city)), F.length(_b(S.city))) >= 5), no)),
        ("department", F.coalesce(_a(S.department) == _b(S.department), no)),
    )  # fmt: skip


def _email_level() -> Column:
    local = F.coalesce(_a(S.local) == _b(S.local), F.lit(False))
    named = F.coalesce(F.upper(_a(S.local)).contains(_a(S.last)), F.lit(False))
    return _ladder(
        EMAIL, _both(S.email), ("local_named", local & named), ("local", local), ("typo", F.col("d_email").between(0, 2)),
        ("similar", (F.col("d_email") >= 0) & (F.least(F.length(_a(S.email)), F.length(_b(S.email))) >= 15)),
        exact=_a(S.email) == _b(S.email), exact_class=_class(S.email_class),
    )  # fmt: skip


def _phone_level(field: Field, name: str, known: str) -> Column:
    return _ladder(field, _both(name), ("typo", F.col(f"d_{name}") == 1), exact=_a(name) == _b(name), exact_class=_class(known))


def _gender_level() -> Column:
    return _ladder(GENDER, _both(S.gender), ("same", _a(S.gender) == _b(S.gender)))


def _extra_levels(number: int, name: str) -> Column:
    field = extra_field(name)
    a, b, distance = F.col(f"a_x{number}"), F.col(f"b_x{number}"), F.col(f"d_x{number}")
    return _ladder(field, a.isNull() | b.isNull(), ("typo", distance >= 0), exact=a == b)
