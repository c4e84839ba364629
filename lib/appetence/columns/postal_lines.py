"""A postal address in at most six lines of at most 38 characters, after the rules of NF Z10-011.

Method: the lines are folded, short forms written out, and cut where a new part begins; each part goes to its line by what opens it
(line 2 inside the building, 3 the building, 4 the way, 5 place and box); what four lines cannot hold is left out. A line too long is then
shortened, first in ways that can be undone (way type, then titles), and then in ways that cannot (first names to initials, articles, long
words clipped, the end cut), each time writing out again what now fits. Since every result is the shortest-needed form of its own long form,
standardising it again changes nothing.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from appetence.columns import postal_words as words
from appetence.columns.text import let, looked_up, null_if_empty, to_ascii_upper

_FRENCH = ("FR", "FRA", "FRANCE", "F", "GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF", "NC", "PF", "WF", "MC")
_COUNTRIES = {
    "BE": "BELGIQUE", "CH": "SUISSE", "LU": "LUXEMBOURG", "DE": "ALLEMAGNE", "ES": "ESPAGNE", "IT": "ITALIE", "PT": "PORTUGAL",
    "GB": "ROYAUME UNI", "NL": "PAYS BAS", "CA": "CANADA", "US": "ETATS UNIS", "AT": "AUTRICHE", "IE": "IRLANDE",
}  # fmt: skip
_FLAT_LINE = rf"(?m)^(?:{words.FLAT}).*$"
_FLAT_UNIT_LINE = rf"(?m)^(?:{words.FLAT_UNIT})$"
_FLAT_FREE_LINE = rf"(?m)^(?!(?:{words.FLAT_UNIT})$)(?:{words.FLAT}).*$"
_BUILDING_LINE = rf"(?m)^(?:{words.BUILDING}).*$"
_BOX_LINE = rf"(?m)^{words.BOX}$"
# A building's name and its units share a line, and so do a place and its box; short enough to lose nothing.
_BUILDING_JOIN = (
    rf"(?m)^((?:{words.BUILDING})(?=[^\n]{{0,24}}\n)[^\n]*)(?<!\b(?:{words.OPENERS}|DIT))\n(?=(?:{words.BUILDING_UNIT})$)|"
    rf"^({words.BUILDING_UNIT})\n(?=(?:IMMEUBLE|RESIDENCE) [^\n]{{1,22}}$)"
)
_BOX_JOIN = rf"(?m)^(?!{words.BOX})([^\n]{{1,26}})(?<!\b(?:{words.OPENERS}|DIT))\n(?={words.BOX}$)"
_WAYS = (
    rf"(?m)^{words.NUMBER} (?:{words.NUMBERED})(?: .*)?$",
    rf"(?m)^(?:(?:{words.STRONG}) [A-Z0-9].*|GRANDE RUE)$",
    rf"(?m)^(?!{words.FLAT}){words.NUMBER} [A-Z]{{2}}.*$",
)


MAX_LINE = words.MAX_LINE


def _swapped(text: Column, table: dict[str, str]) -> Column:
    """Each word of the text (its lines kept apart) replaced where the table has it."""
    tokens = F.split(F.replace(text, F.lit("\n"), F.lit(" \n ")), " ")
    changed = F.transform(tokens, lambda w: F.when(w.isin(*table), looked_up(table, w)).otherwise(w))
    return F.replace(F.array_join(changed, " "), F.lit(" \n "), F.lit("\n"))


def _heads_written_out(text: Column) -> Column:
    """Short way types that are ones at the head of a line only; most lines have none, which one look tells."""
    return let(text, lambda t: F.when(t.rlike(words.head_pattern()), _heads_swapped(t)).otherwise(t))


def _heads_swapped(text: Column) -> Column:
    for short, full in words.HEADS.items():
        text = F.regexp_replace(text, rf"(?m)^((?:{words.NUMBER} )?){short} (?=[A-Z])", rf"$1{full} ")
    for short, full in words.NUMBERED_HEADS.items():
        text = F.regexp_replace(text, rf"(?m)^({words.NUMBER} ){short} (?=[A-Z])", rf"$1{full} ")
    return text


def written_out(text: Column) -> Column:
    """Short forms of words and of way types in full, in folded text of one or several lines."""
    return _heads_written_out(_swapped(text, words.word_of()))


def words_written_out(text: Column) -> Column:
    """Short forms of words in full, in folded text of one or several lines; ``12BIS`` and ``CS12345`` parted, ``N°`` of units and CEDEX
    (which belongs to the last line) left out."""
    spaced = F.regexp_replace(F.regexp_replace(text, words.CEDEX, ""), words.GLUED, "$1$2 ")
    whole = F.when(text.rlike(words.short_pattern()), _swapped(spaced, words.word_of())).otherwise(spaced)
    return F.regexp_replace(F.regexp_replace(whole, words.BOX_WORDS, "BP "), words.NUMBER_SIGN, "$1")


def folded(text: Column) -> Column:
    """Upper case without punctuation, line breaks kept."""
    return F.regexp_replace(to_ascii_upper(text), "[^A-Z0-9\n]+", " ")


def tidied(text: Column) -> Column:
    """Folded lines without ``N°`` and without lines that mean nothing; ``12BIS`` parted."""
    dropped = rf"(?m)^ ?(?:(?:(?:N|NO|NUM|NUMERO) ?)+(?=[0-9]{{1,4}}(?![0-9]))|(?:{words.EMPTY}) ?$|(?:F )?[0-9]{{5}} [A-Z].*$)|^ | $"
    text = F.regexp_replace(text, dropped, "")
    return F.regexp_replace(text, r"(?m)(?<=^[0-9]{1,4})(?=(?:BIS|TER|QUATER|QUINQUIES|[A-Z]) (?!ETAGE))", " ")


def broken(text: Column) -> Column:
    """Text of :func:`words_written_out` with one part of the address on each line."""
    return tidied(F.regexp_replace(text, words.break_pattern(), "\n"))


def settled(text: Column) -> Column:
    """Text of :func:`broken` with short way types at the head of a line in full, a number behind the way before it, and no
    blanks around a line."""
    heads = F.when(text.rlike(words.head_pattern()), _heads_swapped(text)).otherwise(text)
    heads = F.regexp_replace(heads, words.NUMBER_BEHIND, "$2 $1")
    return F.trim(F.regexp_replace(heads, r"\s*\n\s*", "\n"), F.lit(" \n"))


def _too_long(line: Column) -> Column:
    return F.length(line) > words.MAX_LINE


def cut(line: Column) -> Column:
    """The line up to the last word that fits; a first word too long is cut in it."""
    whole = F.regexp_extract(line, rf"^(.{{1,{words.MAX_LINE}}})(?: |$)", 1)
    return F.coalesce(null_if_empty(whole), F.substring(line, 1, words.MAX_LINE))


def _initials(full: Column) -> Column:
    return F.regexp_replace(full, words.first_names_pattern(), "$1")


def _without_link(full: Column) -> Column:
    return F.regexp_replace(full, words.link_pattern(), "$1 ")


def _clipped(full: Column) -> Column:
    return F.regexp_replace(full, words.long_words_pattern(), "$1")


def _without_articles(full: Column) -> Column:
    return F.regexp_replace(full, words.articles_pattern(), "")


_LOSSES = (_initials, _without_link, _clipped, _without_articles)


def _shortened(full: Column) -> Column:
    """See the module: one loss after another until the shortest writing fits, the end cut if none does; then the longest that fits."""

    def lose(text: Column, step: Column) -> Column:
        chosen = F.when(~_too_long(_swapped(text, words.short_word())), text)
        for number, loss in enumerate(_LOSSES):
            chosen = chosen.when(step == number, loss(text))
        return chosen.otherwise(text)

    def longest(text: Column) -> Column:
        types_only = _swapped(text, words.short_type())
        shorter = F.when(_too_long(types_only), _swapped(text, words.short_word())).otherwise(types_only)
        return F.when(_too_long(text), shorter).otherwise(text)

    lossy = F.aggregate(F.array(*[F.lit(number) for number in range(len(_LOSSES))]), full, lose)
    return let(lossy, lambda text: let(written_out(cut(_swapped(text, words.short_word()))), longest))


def fit(line: Column) -> Column:
    """A written-out line in at most 38 characters, abbreviated only when it must be."""
    return F.when(_too_long(line), _shortened(line)).otherwise(line)


def unsettled_pattern() -> str:
    """See :func:`appetence.columns.postal_words.unsettled_pattern`."""
    return words.unsettled_pattern()


def way_among(text: Column) -> Column:
    """The line that is the way, of several parts; null when none is."""
    return F.coalesce(*(null_if_empty(F.regexp_extract(text, pattern, 0)) for pattern in _WAYS))


def way_for_want(text: Column) -> Column:
    """Of several parts none of which is a way, the first that may stand for it: no flat, no unit, no box."""
    return null_if_empty(F.regexp_extract(text, rf"(?m)^(?!{words.FLAT}|{words.BUILDING_UNIT}|{words.BOX}).*$", 0))


def _rows(text: Column) -> Column:
    return F.array_remove(F.split(text, "\n"), "")


def around(text: Column, way: Column) -> Column:
    """What goes before the way and what goes behind it, boxes always; without a way, all that is not a building stands behind."""
    whole, marked = F.concat(F.lit("\n"), text, F.lit("\n")), F.concat(F.lit("\n"), way, F.lit("\n"))
    before = F.when(way.isNull(), "").otherwise(F.call_function("substring_index", whole, marked, F.lit(1)))
    after = F.when(way.isNull(), whole).otherwise(F.concat(F.lit("\n"), F.substr(whole, F.length(before) + F.length(marked) + 1)))
    both = F.concat(before, F.lit("\n"), after)
    units = F.array_join(F.regexp_extract_all(both, F.lit(_FLAT_UNIT_LINE), 0), " ")
    free = F.regexp_extract_all(both, F.lit(_FLAT_FREE_LINE), 0)
    moved = F.array_join(F.regexp_extract_all(after, F.lit(_BUILDING_LINE), 0), "\n")
    building = F.regexp_replace(F.concat(F.regexp_replace(before, rf"{_FLAT_LINE}|{_BOX_LINE}", ""), F.lit("\n"), moved), r"\n+", "\n")
    boxes = F.array_join(F.regexp_extract_all(before, F.lit(_BOX_LINE), 0), "\n")
    behind = F.concat(F.regexp_replace(after, rf"{_FLAT_LINE}|{_BUILDING_LINE}", ""), F.lit("\n"), boxes)
    place = F.regexp_replace(behind, r"\n+", "\n")
    first = F.concat(F.array(units), free, _rows(F.regexp_replace(building, _BUILDING_JOIN, "$1$2 ")))
    return let(
        F.array_remove(first, ""),
        lambda fore: let(_rows(F.regexp_replace(place, _BOX_JOIN, "$1 ")), lambda rear: _four(fore, F.array_compact(F.array(way)), rear)),
    )


def building_name(text: Column) -> Column:
    """The line that names a building, of several parts; null when none does."""
    return null_if_empty(F.regexp_extract(text, rf"(?m)^(?!{words.BUILDING_UNIT})(?:{words.BUILDING_NAME}).*$", 0))


def place_behind(text: Column, parts: Column, way: Column) -> Column:
    """The first of :func:`around`'s parts behind the way, without its box; else the part of the text that opens like a place; null without one."""
    behind = F.get(parts, F.nullif(F.array_position(parts, way), F.lit(0)).cast("int"))
    opened = F.regexp_extract(text, rf"(?m)^(?!{words.BOX})(?:{words.SITE}).*$", 0)
    return F.coalesce(null_if_empty(F.regexp_replace(behind, rf"(?:^| ){words.BOX}$", "")), null_if_empty(opened))


def _four(fore: Column, way: Column, rear: Column) -> Column:
    """Four lines at most: the way, one of the place if there is any, then the most particular; the rest is left out."""
    room = F.lit(4) - F.size(way)
    kept = F.slice(fore, F.lit(1), room - F.least(F.size(rear), F.lit(1)))
    return F.concat(kept, way, F.slice(rear, F.lit(1), room - F.least(F.size(fore), room - F.least(F.size(rear), F.lit(1)))))


def in_three(four: Column) -> Column:
    """Four parts on three lines: a foreign address needs one for its country."""
    return F.concat(F.array(F.concat_ws(" ", four.getItem(0), four.getItem(1))), F.slice(four, 3, 2))


def name_line(whole: Column, civility: Column, first: Column, last: Column) -> Column:
    """Line 1 of clean names: civility, first name and surname (``whole``: all three); too long, the first name becomes an initial."""
    short = F.concat_ws(" ", civility, F.substring(first, 1, 1), last)
    return F.when(_too_long(whole), cut(short)).otherwise(whole)


def is_domestic(country: Column) -> Column:
    """Whether the country field means France (or nothing): a French postcode is then expected."""
    return F.coalesce(F.upper(F.trim(country)).isin(*_FRENCH, ""), F.lit(True))


def country_line(country: Column) -> Column:
    """The country's French name in upper case for a foreign address, null for France."""
    code = F.regexp_replace(to_ascii_upper(country), "[^A-Z]+", " ")
    return F.when(~is_domestic(country), cut(F.coalesce(looked_up(_COUNTRIES, F.trim(code)), F.trim(code))))
