"""Plain text: blanks, placeholders, folding to upper-case ASCII, shapes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from appetence.data import rows

# Java's \s leaves out the no-break, thin and zero-width spaces that spreadsheets and web forms bring.
SPACE = r"\s\u00A0\u1680\u2000-\u200D\u202F\u205F\u2060\u3000\uFEFF"
_LIGATURES = {"Œ": "OE", "œ": "OE", "Æ": "AE", "æ": "AE", "ß": "SS", "ẞ": "SS"}
_STROKES = {
    "Ø": "O",
    "ø": "O",
    "Đ": "D",
    "đ": "D",
    "Ð": "D",
    "ð": "D",
    "Ł": "L",
    "ł": "L",
    "ı": "I",
    "Ħ": "H",
    "ħ": "H",
    "Ŧ": "T",
    "ŧ": "T",
}


@cache
def _ascii_table() -> tuple[str, str]:
    """Characters and what they become; those past the end of the second string are dropped (combining accents, zero-width marks)."""
    found = {chr(low): chr(low).upper() for low in range(ord("a"), ord("z") + 1)} | _STROKES
    for point in [*range(0xC0, 0x250), *range(0x1E00, 0x1F00)]:
        base = unicodedata.normalize("NFKD", chr(point))[0].upper()
        if chr(point) not in found and chr(point) not in _LIGATURES and base.isascii() and base.isalpha():
            found[chr(point)] = base
    dropped = "".join(map(chr, [*range(0x300, 0x370), 0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF]))
    return "".join(found) + dropped, "".join(found.values())


def let(value: Column, body: Callable[[Column], Column]) -> Column:
    """``body(value)`` with the value computed once, however often the body uses it.

    Catalyst shares repeated expressions only where they are always evaluated; inside conditions this array of one element does it.

    >>> spark.sql("SELECT 3 n").select(let(F.col("n") + 1, lambda x: x * x).alias("v")).first().v
    16
    """
    return F.transform(F.array(value), body).getItem(0)


def null_if_empty(c: Column) -> Column:
    """The text, null when it is empty. Unlike ``nullif`` it holds its argument once: nested in conditions, that one doubles the work.

    An array of one element and its removal: no regular expression, and Spark compiles it.

    >>> spark.sql("SELECT '' a").select(null_if_empty(F.col("a")).alias("v")).first().v is None
    True
    """
    return F.get(F.array_remove(F.array(c), ""), F.lit(0))


def any_of(words: Iterable[str]) -> str:
    """A regular expression for any of the words that shares their beginnings: far faster than a list of alternatives."""
    tree: dict[str, Any] = {}
    for word in words:
        node = tree
        for character in word:
            node = node.setdefault(character, {})
        node[""] = {}

    def pattern(node: dict[str, Any]) -> str:
        branches = [re.escape(c).replace(r"\ ", " ") + pattern(below) for c, below in sorted(node.items()) if c]
        if not branches:
            return ""
        single = branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
        return (f"(?:{single})?" if len(branches) == 1 else f"{single}?") if "" in node else single

    return f"(?:{pattern(tree)})"


def looked_up(table: dict[str, str], key: Column) -> Column:
    """The table's value for the key, null without one; keys and values hold no ``,`` and no ``:``.

    One literal text in the plan, which the optimizer turns into a map once: hundreds of literals would take seconds to analyse.

    >>> spark.sql("SELECT 'AV' k").select(looked_up({"AV": "AVENUE", "R": "RUE"}, F.col("k")).alias("v")).first().v
    'AVENUE'
    """
    return F.try_element_at(F.str_to_map(F.lit(",".join(f"{k}:{v}" for k, v in table.items()))), key)


def blank_to_null(c: Column) -> Column:
    """The value as it is, null when it holds white space only.

    >>> spark.sql("SELECT '  ' a").select(blank_to_null(F.col("a")).alias("v")).first().v is None
    True
    """
    return F.when(c.rlike(f"[^{SPACE}]"), c)


def squeeze(c: Column) -> Column:
    r"""Runs of white space (no-break and zero-width ones too) as one space, none at the ends; null when nothing is left.

    >>> spark.sql(r"SELECT ' a\t\t b ' a").select(squeeze(F.col("a")).alias("v")).first().v
    'a b'
    """
    return null_if_empty(F.trim(F.regexp_replace(c, f"[{SPACE}]+", " ")))


def to_ascii_upper(c: Column) -> Column:
    """Latin letters in upper case without accents or ligatures; every other character as it is.

    >>> spark.sql("SELECT 'Cœur d’Île 2' a").select(to_ascii_upper(F.col("a")).alias("v")).first().v
    'COEUR D’ILE 2'
    """
    matching, replacement = _ascii_table()
    other = c
    for ligature, letters in _LIGATURES.items():
        other = F.replace(other, F.lit(ligature), F.lit(letters))
    # As many bytes as characters: plain ASCII, which needs no look at each character.
    return F.when(F.octet_length(c) == F.length(c), F.upper(c)).otherwise(F.translate(other, matching, replacement))


def fold(c: Column) -> Column:
    """The comparison form: A-Z and 0-9, everything else one space, none at the ends; null when nothing is left.

    >>> spark.sql("SELECT ' Müller-Lœwe, Hôtel° ' a").select(fold(F.col("a")).alias("v")).first().v
    'MULLER LOEWE HOTEL'
    """
    return null_if_empty(F.trim(F.regexp_replace(to_ascii_upper(c), "[^A-Z0-9]+", " ")))


def shape(c: Column) -> Column:
    """A value's shape without the value, for reports: letters become ``a``, digits ``9``; at most 40 characters.

    >>> spark.sql("SELECT 'Jean.92@free.fr' a").select(shape(F.col("a")).alias("v")).first().v
    'aaaa.99@aaaa.aa'
    """
    return F.regexp_replace(F.regexp_replace(F.substring(c, 1, 40), r"[\p{L}\p{M}]", "a"), r"\p{N}", "9")


_VARIANTS = {"A": "ÀÂÄ", "C": "Ç", "E": "ÉÈÊË", "I": "ÎÏ", "O": "ÔÖ", "U": "ÙÛÜ"}


@cache
def placeholder_pattern(kind: str = "text") -> str:
    """The regular expression, for a whole value, of what fills a field of this kind and means nothing."""
    gap = r"[^\p{L}\p{N}]*"
    words = any_of(row["value"] for row in rows("placeholders") if row["kind"] == kind)
    if kind != "text":
        return f"(?i)^{gap}(?:{words})?{gap}$"
    spelled = "".join(f"[{ch}{_VARIANTS[ch]}]" if ch in _VARIANTS else gap if ch == " " else ch for ch in words)
    return f"(?iu)^{gap}(?:{spelled}|X{{2,}}|0+)?{gap}$"


def drop_placeholders(c: Column, kind: str = "text") -> Column:
    """The value as it is, null when it means nothing: NULL, None, n/a, -, XXX, INCONNU, TEST, 0...

    ``kind`` picks the list: text, postcode, phone, date or email (``placeholders.csv``).

    >>> spark.sql("SELECT 'Non renseigné' a, 'Nonotte' b").select(drop_placeholders(F.col("a")), drop_placeholders(F.col("b"))).first()[:]
    (None, 'Nonotte')
    """
    return F.when(~c.rlike(placeholder_pattern(kind)), c)
