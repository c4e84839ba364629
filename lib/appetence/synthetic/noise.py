"""Typed errors, as they enter files: at most one kind a field, drawn for each record, named in the truth.

Each kind is `field:kind`. A value that the error leaves as it was is not counted as noisy. Rates are shares of records that hold the field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.synthetic import vocabulary
from appetence.synthetic.contacts import plain
from appetence.synthetic.draw import Draw, constants, mapping, own_stage

RATES: dict[str, dict[str, float]] = {
    "civility": {"wrong": 0.010, "missing": 0.040},
    "first_name": {
        "typing": 0.026, "phonetic": 0.012, "nickname": 0.030, "initial": 0.022, "truncated": 0.004, "half": 0.060, "missing": 0.008,
        "placeholder": 0.002,
    },
    "last_name": {"typing": 0.030, "phonetic": 0.012, "truncated": 0.005, "maiden": 0.070, "both_names": 0.030, "missing": 0.001,
        "placeholder": 0.001},
    "birth_date": {"swapped": 0.012, "part_off": 0.016, "first_january": 0.012, "default": 0.005},
    "address": {"no_number": 0.012, "number_off": 0.006, "typing": 0.022, "no_link_word": 0.020, "missing": 0.003},
    "postcode": {"digit": 0.007, "department_only": 0.003},
    "city": {"typing": 0.010, "cedex": 0.010, "missing": 0.002},
    "email": {"typing": 0.010, "domain": 0.010, "placeholder": 0.004},
    "phone": {"digit": 0.010, "placeholder": 0.006},
}  # fmt: skip
"""Field -> kind of error -> share of records. `names:inverted`, `email:other`, `mobile:former` and `address:old` are decided elsewhere."""

INVERTED = 0.010

_LETTERS = "eaisnrtoludcmpgbvhfqyxjkz"
_SOUNDS = (("ph", "f"), ("eau", "o"), ("au", "o"), ("th", "t"), ("ck", "k"), ("y", "i"), ("ss", "s"), ("nn", "n"), ("ll", "l"), ("mm", "m"),
           ("qu", "k"), ("x", "s"), ("ch", "sh"), ("ai", "e"), ("er", "é"), ("c", "k"), ("s", "z"), ("i", "y"), ("t", "tt"), ("l",
               "ll"))  # fmt: skip


def with_noise(frame: DataFrame, draw: Draw) -> DataFrame:
    """The clean record columns, spoiled; adds `noise`, the sorted kinds that changed something.

    Reads record_key and the clean civility, first_name, last_name, birth_name, birth_date, way_number, way, postcode, city, email,
    mobile, landline.
    """
    kinds = {f"_n_{field}": draw.kind(rates, f"noise.{field}", F.col("record_key")) for field, rates in RATES.items()}
    frame = own_stage(frame.withColumns(kinds), "record_key")
    spoiled: Mapping[str, Callable[[Draw], Column]] = {
        "civility": _civility, "first_name": _first_name, "last_name": _last_name, "birth_date": _birth_date, "way_number": _way_number,
        "way": _way, "postcode": _postcode, "city": _city, "email": _email, "mobile": lambda d: _phone(d, "mobile"),
        "landline": lambda d: _phone(d, "landline"),
    }  # fmt: skip
    for group in (
        ("civility", "first_name", "birth_date"),
        ("last_name", "way_number", "way"),
        ("postcode", "city", "email", "mobile", "landline"),
    ):
        frame = own_stage(frame.withColumns({f"_{name}": spoiled[name](draw) for name in group}), "record_key")
    inverted = draw.below(INVERTED, "noise.inverted", F.col("record_key")) & F.col("_first_name").isNotNull() & F.col("_last_name").isNotNull()
    flags = [_flag(field, column) for field, column in _WATCHED]
    flags += [F.when(inverted, F.lit("names:inverted")), F.when(F.col("is_old_place"), F.lit("address:old"))]
    flags += [F.when(F.col("is_other_email"), F.lit("email:other")), F.when(F.col("is_former_mobile"), F.lit("mobile:former"))]
    first, last = F.col("_first_name"), F.col("_last_name")
    frame = frame.withColumn("noise", F.array_sort(F.array_distinct(F.array_compact(F.array(*flags)))))
    frame = frame.withColumns({"_first_name": F.when(inverted, last).otherwise(first), "_last_name": F.when(inverted, first).otherwise(last)})
    frame = own_stage(frame, "record_key")
    return frame.withColumns({name: F.col(f"_{name}") for name in spoiled}).drop(*kinds, *(f"_{name}" for name in spoiled))


_WATCHED = (
    ("civility", "civility"), ("first_name", "first_name"), ("last_name", "last_name"), ("birth_date", "birth_date"), ("address",
        "way_number"),
    ("address", "way"), ("postcode", "postcode"), ("city", "city"), ("email", "email"), ("phone", "mobile"), ("phone", "landline"),
)  # fmt: skip


def _flag(field: str, column: str) -> Column:
    changed = ~F.col(column).eqNullSafe(F.col(f"_{column}"))
    return F.when(F.col(f"_n_{field}").isNotNull() & changed, F.concat(F.lit(f"{field}:"), F.col(f"_n_{field}")))


def typing(word: Column, draw: Draw, purpose: str, key: Column) -> Column:
    """`word` with one letter dropped, doubled, added, replaced, or two swapped; words under three letters stay."""
    at = 1 + draw.integer(F.length(word), purpose + ".at", key)
    letter = F.get(constants(tuple(_LETTERS)), draw.integer(len(_LETTERS), purpose + ".letter", key))
    before, here = F.substring(word, F.lit(1), at - 1), F.substring(word, at, F.lit(1))
    after, following = F.substring(word, at + 1, F.lit(200)), F.substring(word, at + 1, F.lit(1))
    rest = F.substring(word, at + 2, F.lit(200))
    how = draw.integer(5, purpose + ".how", key)
    made = (
        F.when(how == 0, F.concat(before, after))
        .when(how == 1, F.concat(before, here, here, after))
        .when(how == 2, F.concat(before, here, letter, after))
        .when(how == 3, F.concat(before, letter, after))
        .otherwise(F.concat(before, following, here, rest))
    )
    return F.when(F.length(word) >= 3, made).otherwise(word)


def phonetic(word: Column, draw: Draw, purpose: str, key: Column) -> Column:
    """`word` with one sound written another way, where it has the sound drawn."""
    pick = draw.integer(len(_SOUNDS), purpose + ".sound", key)
    found = F.get(constants([a for a, _ in _SOUNDS]), pick)
    written = F.get(constants([b for _, b in _SOUNDS]), pick)
    place = F.call_function("locate", found, F.lower(word), F.lit(2))
    changed = F.concat(F.substring(word, F.lit(1), place - 1), written, F.substring(word, place + F.length(found), F.lit(200)))
    return F.when(place > 0, changed).otherwise(word)


def _civility(draw: Draw) -> Column:
    kind, value = F.col("_n_civility"), F.col("civility")
    other = F.when(value == "M", F.lit("MME")).otherwise(F.lit("M"))
    return F.when(kind == "wrong", other).when(kind == "missing", F.lit(None)).otherwise(value)


def _first_name(draw: Draw) -> Column:
    kind, name, key = F.col("_n_first_name"), F.col("first_name"), F.col("record_key")
    short = mapping(vocabulary.nicknames())
    return (
        F.when(kind == "typing", typing(name, draw, "noise.first", key))
        .when(kind == "phonetic", phonetic(name, draw, "noise.first", key))
        .when(kind == "nickname", F.coalesce(F.try_element_at(short, F.upper(plain(name))), name))
        .when(kind == "initial", F.concat(F.substring(name, 1, 1), draw.one_of((".", " "), "noise.dot", key)))
        .when(kind == "truncated", F.substring(name, 1, 5))
        .when(kind == "half", F.substring_index(name, "-", 1))
        .when(kind == "placeholder", draw.one_of(("XXX", "NULL", "-", "PRENOM"), "noise.first.nothing", key))
        .when(kind == "missing", F.lit(None))
        .otherwise(name)
    )


def _last_name(draw: Draw) -> Column:
    kind, name, key = F.col("_n_last_name"), F.col("last_name"), F.col("record_key")
    maiden = F.col("birth_name")
    return (
        F.when(kind == "typing", typing(name, draw, "noise.last", key))
        .when(kind == "phonetic", phonetic(name, draw, "noise.last", key))
        .when(kind == "truncated", F.substring(name, 1, 9))
        .when((kind == "maiden") & maiden.isNotNull(), maiden)
        .when((kind == "both_names") & maiden.isNotNull() & ~F.contains(name, F.lit("-")), F.concat(maiden, F.lit("-"), name))
        .when(kind == "placeholder", draw.one_of(("XXX", "NULL", "INCONNU", "TEST"), "noise.last.nothing", key))
        .when(kind == "missing", F.lit(None))
        .otherwise(name)
    )


def _birth_date(draw: Draw) -> Column:
    kind, born, key = F.col("_n_birth_date"), F.col("birth_date"), F.col("record_key")
    year, month, day = F.year(born), F.month(born), F.dayofmonth(born)
    swapped = F.when(day <= 12, F.make_date(year, day, month)).otherwise(born)
    part = draw.integer(4, "noise.born.part", key)
    moved = (
        F.when(part == 0, F.make_date(year, month, 1 + F.pmod(day + 2, F.lit(28))))
        .when(part == 1, F.make_date(year, 1 + F.pmod(month, F.lit(12)), F.least(day, F.lit(28))))
        .when(part == 2, F.add_months(born, F.lit(12)))
        .otherwise(F.add_months(born, F.lit(-120)))
    )
    return (
        F.when(kind == "swapped", swapped)
        .when(kind == "part_off", moved)
        .when(kind == "first_january", F.make_date(year, F.lit(1), F.lit(1)))
        .when((kind == "default") & born.isNotNull(), F.make_date(F.lit(1900), F.lit(1), F.lit(1)))
        .otherwise(born)
    )


def _way_number(draw: Draw) -> Column:
    kind, number, key = F.col("_n_address"), F.col("way_number"), F.col("record_key")
    return (
        F.when(kind.isin("no_number", "missing"), F.lit(None))
        .when((kind == "number_off") & number.isNotNull(), (1 + draw.integer(99, "noise.number", key)).cast("string"))
        .otherwise(number)
    )


def _way(draw: Draw) -> Column:
    kind, way, key = F.col("_n_address"), F.col("way"), F.col("record_key")
    return (
        F.when(kind == "typing", typing(way, draw, "noise.way", key))
        .when(kind == "no_link_word", F.regexp_replace(way, "(?i) (?:de la|de l'|du|des|de|d') ?", " "))
        .when(kind == "missing", F.lit(None))
        .otherwise(way)
    )


def _postcode(draw: Draw) -> Column:
    kind, code, key = F.col("_n_postcode"), F.col("postcode"), F.col("record_key")
    at = 3 + draw.integer(3, "noise.postcode.at", key)
    other = F.concat(F.substring(code, F.lit(1), at - 1), draw.digits(1, "noise.postcode", key), F.substring(code, at + 1, F.lit(5)))
    return F.when(kind == "digit", other).when(kind == "department_only", F.concat(F.substring(code, 1, 2), F.lit("000"))).otherwise(code)


def _city(draw: Draw) -> Column:
    kind, city, key = F.col("_n_city"), F.col("city"), F.col("record_key")
    cedex = F.concat(
        city,
        F.lit(" CEDEX"),
        F.when(draw.below(0.5, "noise.cedex", key), F.concat(F.lit(" "), draw.digits(1, "noise.cedex.n", key))).otherwise(""),
    )
    return (
        F.when(kind == "typing", typing(city, draw, "noise.city", key))
        .when(kind == "cedex", cedex)
        .when(kind == "missing", F.lit(None))
        .otherwise(city)
    )


def _email(draw: Draw) -> Column:
    kind, email, key = F.col("_n_email"), F.col("email"), F.col("record_key")
    local = F.substring_index(email, "@", 1)
    nothing = draw.one_of(("aucun@aucun.fr", "NULL", "pasdemail@gmail.com", "non@non.fr"), "noise.email.nothing", key)
    return (
        F.when(email.isNull(), F.when((kind == "placeholder"), nothing))
        .when(kind == "typing", F.concat(typing(local, draw, "noise.email", key), F.lit("@"), F.substring_index(email, "@", -1)))
        .when(kind == "domain", F.concat(local, F.lit("@"), F.coalesce(F.col("email_domain_typo"), F.substring_index(email, "@", -1))))
        .otherwise(email)
    )


def _phone(draw: Draw, name: str) -> Column:
    kind, number, key = F.col("_n_phone"), F.col(name), F.col("record_key")
    at = 3 + draw.integer(8, "noise.phone.at", key)
    other = F.concat(F.substring(number, F.lit(1), at - 1), draw.digits(1, "noise.phone", key), F.substring(number, at + 1, F.lit(10)))
    nothing = draw.one_of(("0000000000", "0123456789", "0600000000"), "noise.phone.nothing", key)
    return F.when((kind == "placeholder") & number.isNull(), nothing).when(kind == "digit", other).otherwise(number)
