"""French postal addresses: parts, comparison keys and the six lines of NF Z10-011."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from appetence.columns import postal_lines as lines
from appetence.columns import postal_words as words
from appetence.columns.text import any_of, fold, let, looked_up, null_if_empty

_POSTCODE = "^(?:(?:0[1-9]|[1-8][0-9]|9[0-5])[0-9]{3}|97[1-8][0-9]{2}|98[0678][0-9]{2})"
_NOT_CITY = (
    r"^(?:F |FR )?[0-9]{5} |\bCEDEX\b.*$|(?<=^(?:PARIS|LYON|MARSEILLE)) (?:[0-9]{1,2}|[IVX]+)(?: ?(?:ERE?|E|EME|ND|NDE))?"
    r"(?: ?(?:ARRONDISSEMENT|ARRDT|ARR))?$"
)


def parse_way(c: Column) -> Column:
    """struct(number, repetition, way_type, way_name) of a street line in upper case without punctuation; null fields where absent.

    The way type comes in full whatever short form stood there.

    >>> spark.sql("SELECT '12 BIS AV DE LA PAIX' a").select(parse_way(F.col("a")).alias("v")).first().v[:]
    ('12', 'BIS', 'AVENUE', 'DE LA PAIX')
    """
    return let(way_split(c), lambda p: F.when(p.isNotNull(), way_fields(p)))


def way_split(c: Column) -> Column:
    """A street line in four texts: number, repetition, type, name; the first half of :func:`parse_way`."""
    types = words.types_pattern()
    number = rf"([0-9]{{1,4}})(?: (?:(?:A|ET|OU) )?[0-9]{{1,4}})?(?: ?(BIS|TER|QUATER|QUINQUIES)| ?([A-Z])(?= {types} ))?"
    return F.split(F.regexp_replace(c, rf"^(?:{number} )?(?:({types})(?: |$))?(.*)$", "$1\u0001$2$3\u0001$4\u0001$5"), "\u0001")


def way_fields(split: Column) -> Column:
    """The parts of :func:`way_split` with the type in full; the second half of :func:`parse_way`."""
    number, repetition, way, name = (F.get(split, F.lit(i)) for i in range(4))
    full = F.when(way.isin(*words.type_of()), looked_up(words.type_of(), way)).otherwise(null_if_empty(way))
    return F.struct(
        null_if_empty(number).alias("number"), null_if_empty(repetition).alias("repetition"), full.alias("way_type"),
        null_if_empty(name).alias("way_name"),
    )  # fmt: skip


def postcode(c: Column) -> Column:
    """Five digits, null when it cannot be a French postcode; a lost leading zero is put back, ``F-75015 PARIS`` is read.

    >>> spark.sql("SELECT '1234' a, '75 015' b, '99999' d").select(*[postcode(F.col(c)) for c in "abd"]).first()[:]
    ('01234', '75015', None)
    """
    found = F.regexp_extract(c, r"^\D*((?<![0-9])(?:[0-9]{2} ?[0-9]{3}|[0-9]{4}))(?:\.0+)?(?![0-9])", 1)
    repaired = F.lpad(F.replace(found, F.lit(" "), F.lit("")), 5, "0")
    return F.when(c.rlike(rf"{_POSTCODE}\z"), c).otherwise(null_if_empty(F.regexp_extract(repaired, rf"{_POSTCODE}$", 0)))


def department(code: Column) -> Column:
    """The department of a five-digit postcode: ``2A`` and ``2B`` for Corsica, three characters overseas.

    >>> spark.sql("SELECT '20200' a, '97400' b, '01000' d").select(*[department(F.col(c)) for c in "abd"]).first()[:]
    ('2B', '974', '01')
    """
    return (
        F.when(code == "97133", "977")
        .when(code == "97150", "978")
        .when(code.startswith("97") | code.startswith("98"), F.substring(code, 1, 3))
        .when(code.startswith("200") | code.startswith("201"), "2A")
        .when(code.startswith("20"), "2B")
        .otherwise(F.substring(code, 1, 2))
    )


def commune(folded: Column) -> Column:
    """The commune in folded text, as :func:`city` has it; one word has nothing to mend.

    >>> spark.sql("SELECT 'ST ETIENNE CEDEX 2' a").select(commune(F.col("a")).alias("v")).first().v
    'SAINT ETIENNE'
    """
    bare = F.regexp_replace(folded, _NOT_CITY, "")
    saints = F.regexp_replace(F.regexp_replace(bare, r"\bST(E?S?)\b(?! ?$)", "SAINT$1"), r"(?<=[A-Z]) S (?=[A-Z])", " SUR ")
    return F.when(F.contains(folded, F.lit(" ")), null_if_empty(F.trim(saints))).when(folded != "CEDEX", folded)


def city(c: Column) -> Column:
    """The commune in comparison form: SAINT and SUR written out, no CEDEX, postcode or arrondissement.

    >>> spark.sql("SELECT 'St-Étienne Cedex 2' a, 'PARIS 15ème' b").select(city(F.col("a")), city(F.col("b"))).first()[:]
    ('SAINT ETIENNE', 'PARIS')
    """
    return let(fold(c), commune)


def cedex(c: Column) -> Column:
    """``CEDEX`` or ``CEDEX 15`` as it stands behind the city, null without one.

    >>> spark.sql("SELECT 'Paris cedex 08' a").select(cedex(F.col("a")).alias("v")).first().v
    'CEDEX 08'
    """
    return cedex_in(fold(c))


def cedex_in(folded: Column) -> Column:
    """The CEDEX in folded text, as :func:`cedex` has it."""
    return null_if_empty(F.regexp_extract(folded, r"\bCEDEX(?: [0-9]{1,2})?\b", 0))


def box(c: Column) -> Column:
    """The post-office box of an address line: ``BP 123``, ``CS 40001``, ``TSA 12345``; null without one.

    >>> spark.sql("SELECT 'Boîte postale n° 12 - ZI Nord' a").select(box(F.col("a")).alias("v")).first().v
    'BP 12'
    """
    return let(box_split(fold(c)), box_of)


def box_split(folded: Column) -> Column:
    """Kind and number of the box in folded text; the first half of :func:`box`."""
    number = "[0-9]{1,3}(?: [0-9]{3})?|[0-9]{2} [0-9]{3}|[0-9]{4,6}"
    pattern = rf"(?s)^(?:.*[ \n])?(?:(BP|CS|TSA)|B P|BOITE POSTALE) ?(?:N|NO)? ?({number})(?:[ \n].*)?$"
    return F.split(F.regexp_replace(folded, pattern, "$1\u0001$2"), "\u0001")


def box_of(split: Column) -> Column:
    """The box from the parts of :func:`box_split`; null when there is none."""
    kind = F.coalesce(null_if_empty(F.get(split, F.lit(0))), F.lit("BP"))
    return F.when(F.size(split) == 2, F.concat(kind, F.lit(" "), F.replace(F.get(split, F.lit(1)), F.lit(" "), F.lit(""))))


def _part(c: Column, pattern: str) -> Column:
    return _unit(lines.written_out(fold(c)), pattern)


def _unit(written: Column, pattern: str) -> Column:
    return null_if_empty(F.regexp_extract(written, rf"\b{pattern}\b", 1))


_FLAT = r"(?:APPARTEMENT|LOGEMENT|PORTE|STUDIO|CHAMBRE) (?:NO? )?([0-9]{1,4}[A-Z]?|[A-Z][0-9]{0,4})"
_BUILDING = rf"(?:BATIMENT|BLOC|TOUR(?! [DL]\b))(?<!\b(?:{words.ARTICLE}) [A-Z]{{4,8}}) {words.VALUE}([A-Z0-9]{{1,4}})"
_STAIRCASE = r"(?:ESCALIER|ENTREE|HALL) ([A-Z0-9]{1,3})"


UNIT_WORDS = {"building": "BATIMENT", "staircase": "ESCALIER", "storey": "ETAGE", "flat": "APPARTEMENT"}
"""The units of a building, from the large to the small, and the word that stands before each in an address."""


def units(written: Column) -> dict[str, Column]:
    """The units of ``UNIT_WORDS`` in folded text, its lines kept, with its words in full; null each without one."""
    return {
        "building": _unit(written, _BUILDING), "staircase": _unit(written, _STAIRCASE), "storey": _storey(written), "flat": _unit(written, _FLAT),
    }  # fmt: skip


def flat(c: Column) -> Column:
    """The flat or door number of an address line.

    >>> spark.sql("SELECT 'Appt 12, esc. B' a").select(flat(F.col("a")).alias("v")).first().v
    '12'
    """
    return _part(c, _FLAT)


def building(c: Column) -> Column:
    """The building's letter, number or name.

    >>> spark.sql("SELECT 'Rés. les Pins, bât. C' a").select(building(F.col("a")).alias("v")).first().v
    'C'
    """
    return _part(c, _BUILDING)


def staircase(c: Column) -> Column:
    """The staircase's letter or number.

    >>> spark.sql("SELECT 'Appt 12, esc. B' a").select(staircase(F.col("a")).alias("v")).first().v
    'B'
    """
    return _part(c, _STAIRCASE)


def storey(c: Column) -> Column:
    """The floor, ``0`` for the ground floor.

    >>> spark.sql("SELECT '3ème étage' a, 'RDC' b").select(storey(F.col("a")), storey(F.col("b"))).first()[:]
    ('3', '0')
    """
    return _storey(fold(c))


def _storey(folded: Column) -> Column:
    text = F.regexp_replace(folded, r"\b(?:REZ DE CHAUSSEE|RDC|RC)\b", "ETAGE 0")
    text = F.regexp_replace(text, r"\b([0-9]{1,2}) ?(?:ERE?|EME|ND|NDE|E)? ?(?:ETAGE|ETG|ET(?=\n|$))\b", "ETAGE $1")
    return null_if_empty(F.regexp_extract(text, r"\bETAGE ([0-9]{1,2})\b", 1))


def address_key(c: Column) -> Column:
    """A street line in comparison form: folded, short forms written out, articles dropped, ``BIS`` as ``B``; null for nothing.

    >>> spark.sql("SELECT '12bis, av. du Gal de Gaulle' a").select(address_key(F.col("a")).alias("v")).first().v
    '12 B AVENUE GENERAL GAULLE'
    """
    return way_key(lines.written_out(F.trim(lines.tidied(F.replace(lines.folded(c), F.lit("\n"), F.lit(" "))))))


def way_key(written: Column) -> Column:
    """The comparison form of a written-out way line: :func:`address_key` of one that is standardised already."""
    text = F.regexp_replace(written, rf"\b{any_of(words.ARTICLE.split('|'))}\b ?", "")
    return null_if_empty(F.trim(F.regexp_replace(text, r"^([0-9]{1,4} [BTQ])(?:IS|ER|UATER|UINQUIES)\b", "$1")))
