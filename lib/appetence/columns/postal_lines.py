"""A postal address in at most six lines of at most 38 characters, after the rules of NF Z10-011.

Method: the lines are folded, short forms written out, and cut where a new part begins; each part goes to its line by what opens it
(line 2 inside the building, 3 the building, 4 the way, 5 place and box). A line too long is then shortened, first in ways that can be
undone (way type, then titles), and then in ways that cannot (first names to initials, long words clipped, the end cut), each time writing
out again what now fits. Since every result is the shortest-needed form of its own long form, standardising it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import Column
from pyspark.sql import functions as F

from appetence.columns import postal_words as words
from appetence.columns.text import let, looked_up, to_ascii_upper

_MARK = "\u0001"
_FRENCH = ("FR", "FRA", "FRANCE", "F", "GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF", "NC", "PF", "WF", "MC")
_COUNTRIES = {
    "BE": "BELGIQUE", "CH": "SUISSE", "LU": "LUXEMBOURG", "DE": "ALLEMAGNE", "ES": "ESPAGNE", "IT": "ITALIE", "PT": "PORTUGAL",
    "GB": "ROYAUME UNI", "NL": "PAYS BAS", "CA": "CANADA", "US": "ETATS UNIS", "AT": "AUTRICHE", "IE": "IRLANDE",
}  # fmt: skip
_FLAT_LINE = rf"(?m)^(?:{words.FLAT}).*$"
_BUILDING_LINE = rf"(?m)^(?:{words.BUILDING}).*$"
_WAYS = (
    rf"(?m)^{words.NUMBER} (?:{words.NUMBERED})(?: .*)?$",
    rf"(?m)^(?:(?:{words.STRONG}) [A-Z0-9].*|GRANDE RUE)$",
    rf"(?m)^(?!{words.FLAT}){words.NUMBER} [A-Z]{{2}}.*$",
)


def _swap_head(line: Column, pattern: str, table: dict[str, str]) -> Column:
    """The way type at the head of the line replaced by what the table says."""
    parts = F.split(F.regexp_replace(line, pattern, f"$1$3{_MARK}$2$4{_MARK}"), _MARK)
    swapped = lambda p: F.concat(p.getItem(0), looked_up(table, p.getItem(1)), F.lit(" "), p.getItem(2))  # noqa: E731 - a local word
    return let(parts, lambda p: F.when(F.size(p) == 3, swapped(p)).otherwise(F.array_join(p, "")))


def _swap_words(text: Column, table: dict[str, str]) -> Column:
    """Each word of the text (lines apart) replaced where the table has it."""
    tokens = F.split(F.replace(text, F.lit("\n"), F.lit(" \n ")), " ")
    swapped = F.array_join(F.transform(tokens, lambda w: F.coalesce(looked_up(table, w), w)), " ")
    return F.replace(swapped, F.lit(" \n "), F.lit("\n"))


def written_out(text: Column) -> Column:
    """Short forms of words and of way types in full, in folded text of one or several lines."""
    text = F.when(text.rlike(words.short_words_pattern()), _swap_words(text, words.word_of())).otherwise(text)
    heads: Callable[[Column], Column] = lambda line: _swap_head(line, words.head_pattern(), words.type_of())  # noqa: E731 - typed for mypy
    expanded = F.array_join(F.transform(F.split(text, "\n"), heads), "\n")
    return F.when(text.rlike("(?m)" + words.head_pattern()), expanded).otherwise(text)


def folded_lines(text: Column) -> Column:
    """Upper case without punctuation, line breaks kept; ``N°`` and lines that mean nothing dropped, ``12BIS`` parted."""
    text = F.regexp_replace(to_ascii_upper(text), "[^A-Z0-9\n]+", " ")
    dropped = rf"(?m)^ ?(?:(?:N|NO|NUM|NUMERO) (?=[0-9])|(?:{words.EMPTY}) ?$|(?:F )?[0-9]{{5}} [A-Z][A-Z ]*$)|^ | $"
    text = F.regexp_replace(text, dropped, "")
    return F.regexp_replace(text, r"(?m)(?<=^[0-9]{1,4})(?=(?:BIS|TER|QUATER|QUINQUIES|[A-Z]) )", " ")


def parted(text: Column) -> Column:
    """Folded text with one part of the address on each line; null when nothing is left."""
    broken = F.regexp_replace(written_out(text), words.break_pattern(), "\n")
    return F.nullif(F.trim(F.regexp_replace(broken, r"\s*\n\s*", "\n"), F.lit(" \n")), F.lit(""))


def _too_long(line: Column) -> Column:
    return F.length(line) > words.MAX_LINE


def cut(line: Column) -> Column:
    """The line up to the last word that fits; a first word too long is cut in it."""
    whole = F.regexp_extract(line, rf"^(.{{1,{words.MAX_LINE}}})(?: |$)", 1)
    return F.coalesce(F.nullif(whole, F.lit("")), F.substring(line, 1, words.MAX_LINE))


def _abbreviated(full: Column) -> Column:
    """The least abbreviated of three forms that fits, else the shortest: in full, with a short way type, with short words too."""
    short = _swap_head(full, words.long_head_pattern(), words.short_type())
    shorter = let(short, lambda s: F.when(_too_long(s), _swap_words(s, words.short_word())).otherwise(s))
    return F.when(_too_long(full), shorter).otherwise(full)


def _initials(full: Column) -> Column:
    return F.regexp_replace(full, words.first_names_pattern(), "$1")


def _without_link(full: Column) -> Column:
    return F.regexp_replace(full, words.link_pattern(), "$1 ")


def _clipped(full: Column) -> Column:
    return F.regexp_replace(full, words.long_words_pattern(), "$1")


def _without_articles(full: Column) -> Column:
    return F.regexp_replace(full, rf"(?<=[A-Z0-9] )(?:(?:{words.ARTICLE}) )+", "")


_LOSSES = (_initials, _without_link, _clipped, _without_articles)


def _shortened(full: Column, losses: tuple[Callable[[Column], Column], ...] = _LOSSES) -> Column:
    """See the module: undoable forms first, then one loss after another, the end of the line last."""
    if not losses:
        return let(written_out(cut(_abbreviated(full))), _abbreviated)
    more = let(losses[0](full), lambda less: _shortened(less, losses[1:]))
    return let(_abbreviated(full), lambda a: F.when(_too_long(a), more).otherwise(a))


def fit(line: Column) -> Column:
    """A written-out line in at most 38 characters, abbreviated only when it must be."""
    return F.when(_too_long(line), _shortened(line)).otherwise(line)


def _wrapped(line: Column, may: Column) -> tuple[Column, Column]:
    """The line in two, before a part that opens or at a space, when it is too long and there is room for two; else fitted in one."""
    two = may & _too_long(line)
    at_part = F.regexp_extract(line, rf"^(.{{1,{words.MAX_LINE}}}) (?={words.BUILDING}|{words.SITE})", 1)
    head = F.coalesce(F.nullif(at_part, F.lit("")), cut(line))
    return F.when(two, head).otherwise(fit(line)), F.when(two, cut(F.trim(F.substr(line, F.length(head) + 1))))


def _joined(text: Column) -> Column:
    return F.nullif(F.trim(F.regexp_replace(text, r"\s+", " ")), F.lit(""))


def _ordered(text: Column) -> Column:
    """Several parts to their lines, at most four."""
    ways = [F.nullif(F.regexp_extract(text, pattern, 0), F.lit("")) for pattern in _WAYS]
    return let(F.coalesce(*ways), lambda way: _around(text, way))


def _around(text: Column, way: Column) -> Column:
    whole, marked = F.concat(F.lit("\n"), text, F.lit("\n")), F.concat(F.lit("\n"), way, F.lit("\n"))
    before = F.when(way.isNull(), "").otherwise(F.call_function("substring_index", whole, marked, F.lit(1)))
    after = F.when(way.isNull(), whole).otherwise(F.substr(whole, F.length(before) + F.length(marked)))
    flats = F.array_join(F.regexp_extract_all(F.concat(before, after), F.lit(_FLAT_LINE), 0), " ")
    buildings = F.array_join(F.regexp_extract_all(after, F.lit(_BUILDING_LINE), 0), " ")
    building = F.concat(F.regexp_replace(before, _FLAT_LINE, ""), F.lit(" "), buildings)
    place = F.regexp_replace(after, rf"{_FLAT_LINE}|{_BUILDING_LINE}", "")
    parts = F.array(_joined(flats), _joined(building), way, _joined(place))
    return let(parts, _four_lines)


def _four_lines(parts: Column) -> Column:
    flat, building, way, place = (parts.getItem(i) for i in range(4))
    upper = _wrapped(building, flat.isNull())
    room = F.when(flat.isNull(), F.lit(1)).otherwise(0) + F.when(building.isNull(), 1).otherwise(0)
    room = room + F.when(way.isNull(), 1).otherwise(0) - F.when(flat.isNull() & _too_long(building), 1).otherwise(0)
    lower = _wrapped(place, room > 0)
    return F.array_compact(F.array(fit(flat), *upper, fit(way), *lower))


def address_lines(*address: Column) -> Column:
    """The address parts as written, to an array of at most four standard lines; empty when there is nothing."""
    text = parted(folded_lines(F.concat_ws("\n", *address)))
    lines = let(text, lambda t: F.when(F.contains(t, F.lit("\n")), _ordered(t)).otherwise(F.array(fit(t))))
    return F.array_compact(lines)


def name_line(civility: Column, first: Column, last: Column) -> Column:
    """Line 1: civility, first name and surname; the first name becomes an initial when they are too long together."""

    def folded(c: Column) -> Column:
        return _joined(F.regexp_replace(to_ascii_upper(c), "[^A-Z0-9]+", " "))

    whole = folded(F.concat_ws(" ", civility, first, last))
    short = folded(F.concat_ws(" ", civility, F.substring(folded(first), 1, 1), last))
    return F.when(_too_long(whole), cut(short)).otherwise(whole)


def is_domestic(country: Column) -> Column:
    """Whether the country field means France (or nothing): a French postcode is then expected."""
    return F.coalesce(F.upper(F.trim(country)).isin(*_FRENCH, ""), F.lit(True))


def country_line(country: Column) -> Column:
    """The country's French name in upper case for a foreign address, null for France."""
    code = F.regexp_replace(to_ascii_upper(country), "[^A-Z]+", " ")
    return F.when(~is_domestic(country), cut(F.coalesce(looked_up(_COUNTRIES, F.trim(code)), F.trim(code))))
