"""Coordinates of a person as comparable text, one row each: what suppression, matching of requests and export checks join on.

A coordinate is never stored as text: `hashed` turns it into a keyed hash. The postal forms always carry the surname, so that a neighbour
in the same building is never caught; they exist with and without the flat, whichever name came first, and by sound; each of them under the
surname in use and under the birth name, so that a record which carries both is found by whoever was listed under one of them.
What is near (`postal_near`) bears one error: first name and surname with one part of the address left out, or the whole address with the
first name and the beginning or the end of the surname. `appetence bench suppression` says what these find, and whom they meet wrongly.
Cost: at most twenty rows a record, some ten more for a birth name and for a second person; one pass, no shuffle.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import product

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns.email import email_key
from appetence.columns.hashing import hmac_sha256
from appetence.contracts.silver import Record

_LETTERS = 2
"""Of a misspelt surname so many letters at one end are right: one error in four letters or more spares the beginning or the end."""

COORDINATE = "coordinate"
KIND = "kind"
KEY_HASH = "key_hash"


class Kind(StrEnum):
    """What a coordinate reaches: one address of e-mail, one line, one person at an address, one person told with an error, or one family
    at an address."""

    EMAIL = "email"
    PHONE = "phone"
    POSTAL = "postal"
    POSTAL_NEAR = "postal_near"
    POSTAL_HOUSEHOLD = "postal_household"


ROUGH = (Kind.POSTAL_NEAR, Kind.POSTAL_HOUSEHOLD)
"""Kinds that may meet somebody else: enough to leave a person alone, never to say who somebody is."""

COLUMNS: tuple[str, ...] = (
    Record.first_name, Record.last_name, Record.other_first_name, Record.birth_name, Record.way_number, Record.way_name, Record.address_extra,
    Record.address_key, Record.postcode, Record.email, Record.mobile, Record.landline,
)  # fmt: skip
"""The standardised columns (named as in silver.record) that coordinates are read from."""


def _blank_to_null(name: str) -> Column:
    return F.nullif(F.trim(F.col(name)), F.lit(""))


def _initial(name: Column) -> Column:
    return F.substring(name, 1, 1)


def _entry(kind: Kind, text: Column) -> Column:
    return F.when(text.isNotNull(), F.struct(F.lit(str(kind)).alias(KIND), text.alias(COORDINATE)))


def _joined(*parts: Column) -> Column:
    # concat, unlike concat_ws, is null as soon as one part is: half an address is no coordinate.
    separated = [parts[0]]
    for part in parts[1:]:
        separated += [F.lit("|"), part]
    return F.concat(*separated)


def _unordered(last: Column, first: Column) -> Column:
    return F.when(last.isNotNull() & first.isNotNull(), F.concat(F.lit("="), F.concat_ws("+", F.array_sort(F.array(last, first)))))


def _near(first: Column, last: Column, postcode: Column, number: Column, street: Column) -> list[Column]:
    """Forms that one error leaves as they are: no number, no way, no postcode within the department; the surname to its beginning or end.

    A way without number is told apart from any that has one. Of a double surname the first word begins it and the last one ends it."""
    at, name = F.coalesce(number, F.when(street.isNotNull(), F.lit("-"))), _joined(last, first)
    starts, ends = F.substring(last, 1, _LETTERS), F.substring(last, -_LETTERS, _LETTERS)
    return [
        _joined(F.lit("number"), name, postcode, street),
        _joined(F.lit("way"), name, postcode, at),
        _joined(F.lit("postcode"), name, F.substring(postcode, 1, 2), at, street),
        _joined(F.lit("starts"), first, starts, postcode, at, street),
        _joined(F.lit("ends"), first, ends, postcode, at, street),
    ]


def coordinate_entries() -> Column:
    """All coordinates of one row as an array of struct(kind, coordinate), without nulls and repeats.

    Reads the columns of `COLUMNS`; any of them may be null.
    """
    first, last, birth = _blank_to_null(Record.first_name), _blank_to_null(Record.last_name), _blank_to_null(Record.birth_name)
    postcode, way, flat = _blank_to_null(Record.postcode), _blank_to_null(Record.address_key), _blank_to_null(Record.address_extra)
    places = [_joined(postcode, way), _joined(postcode, way, flat)]
    families = [last, birth]
    # Names that changed places meet in the form that has no places. A first name alone must never stand for a family: neighbours share it.
    # Of a line that names two (Jean et Marie Dupont) each is a person.
    other = _blank_to_null(Record.other_first_name)
    named = [(last, first), (birth, first), (last, other)]
    persons = [form for name, given in named for form in (_joined(name, _initial(given)), _unordered(name, given))]
    email = F.lower(_blank_to_null(Record.email))
    # A misspelt surname at a misspelt street: sound of the name, number, and the word of the way that tells it apart.
    number, street = _blank_to_null(Record.way_number), F.substring_index(_blank_to_null(Record.way_name), " ", -1)
    sounds = [_joined(F.concat(F.lit("~"), F.soundex(name)), postcode, number, street) for name in families]
    roughly = [near for name, given in named for near in _near(F.substring_index(given, " ", 1), name, postcode, number, street)]
    entries = [
        _entry(Kind.EMAIL, email),
        _entry(Kind.EMAIL, email_key(email)),
        _entry(Kind.PHONE, _blank_to_null(Record.mobile)),
        _entry(Kind.PHONE, _blank_to_null(Record.landline)),
        *(_entry(Kind.POSTAL, _joined(who, where)) for who, where in product(persons, places)),
        *(_entry(Kind.POSTAL_HOUSEHOLD, _joined(who, where)) for who, where in product(families, places)),
        *(_entry(Kind.POSTAL_HOUSEHOLD, sound) for sound in sounds),
        *(_entry(Kind.POSTAL_NEAR, near) for near in roughly),
    ]
    return F.array_distinct(F.array_compact(F.array(*entries)))


def coordinates(frame: DataFrame, *keep: str) -> DataFrame:
    """One row per coordinate of each row of `frame`: the columns `keep`, then `kind` and `coordinate` (text: never write it to a table).

    A column of `COLUMNS` that `frame` lacks counts as empty; a row without any coordinate gives no row.

    >>> row = spark.sql("SELECT 'DUPONT' last_name, 'LEA' first_name, '59000' postcode, '12 RUE NATIONALE' address_key")
    >>> sorted(r.coordinate for r in coordinates(row).where("kind = 'postal'").collect())
    ['=DUPONT+LEA|59000|12 RUE NATIONALE', 'DUPONT|L|59000|12 RUE NATIONALE']
    """
    lacking = {name: F.lit(None).cast("string") for name in COLUMNS if name not in frame.columns}
    completed = frame.withColumns(lacking) if lacking else frame
    listed = completed.select(*keep, F.explode(coordinate_entries()).alias("entry"))
    return listed.select(*keep, F.col(f"entry.{KIND}").alias(KIND), F.col(f"entry.{COORDINATE}").alias(COORDINATE))


def hashed(frame: DataFrame, pads: DataFrame) -> DataFrame:
    """The rows of `coordinates` with `key_hash` (HMAC-SHA-256 of kind and text) in the place of the text.

    `pads` is the one-row frame of the key (`Context.pads`): a key is never a literal of a plan.
    """
    keep = [name for name in frame.columns if name != COORDINATE]
    message = F.concat_ws("|", F.col(KIND), F.col(COORDINATE))
    keyed = frame.crossJoin(F.broadcast(pads))
    return keyed.select(*keep, hmac_sha256(message, F.col("inner_pad"), F.col("outer_pad")).alias(KEY_HASH))


def hashed_coordinates(frame: DataFrame, pads: DataFrame, *keep: str) -> DataFrame:
    """Keyed coordinates of each row of `frame`: `keep`, `kind`, `key_hash`; what selection joins with the suppression list."""
    return hashed(coordinates(frame, *keep), pads)
