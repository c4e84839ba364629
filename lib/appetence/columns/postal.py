"""French postal addresses: parts, comparison keys and the six lines of NF Z10-011."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from appetence.columns import postal_lines as lines
from appetence.columns import postal_words as words
from appetence.columns.text import fold, let, looked_up, null_if_empty

_POSTCODE = r"^(?:0[1-9]|[1-8][0-9]|9[0-5])[0-9]{3}$|^97[1-8][0-9]{2}$|^98[0678][0-9]{2}$"
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
    types = words.types_pattern()
    number = rf"([0-9]{{1,4}})(?: (?:(?:A|ET|OU) )?[0-9]{{1,4}})?(?: ?(BIS|TER|QUATER|QUINQUIES)| ?([A-Z])(?= {types} ))?"
    split = F.split(F.regexp_replace(c, rf"^(?:{number} )?(?:({types})(?: |$))?(.*)$", "$1\u0001$2$3\u0001$4\u0001$5"), "\u0001")

    def fields(p: Column) -> Column:
        number, repetition, way, name = (null_if_empty(p.getItem(i)) for i in range(4))
        way = F.coalesce(looked_up(words.type_of(), way), way)
        return F.struct(number.alias("number"), repetition.alias("repetition"), way.alias("way_type"), name.alias("way_name"))

    return let(split, lambda p: F.when(p.isNotNull(), fields(p)))


def postcode(c: Column) -> Column:
    """Five digits, null when it cannot be a French postcode; a lost leading zero is put back, ``F-75015 PARIS`` is read.

    >>> spark.sql("SELECT '1234' a, '75 015' b, '99999' d").select(*[postcode(F.col(c)) for c in "abd"]).first()[:]
    ('01234', '75015', None)
    """
    found = F.regexp_extract(c, r"^\D*((?<![0-9])(?:[0-9]{2} ?[0-9]{3}|[0-9]{4}))(?:\.0+)?(?![0-9])", 1)
    repaired = F.lpad(F.replace(found, F.lit(" "), F.lit("")), 5, "0")
    return F.when(c.rlike(_POSTCODE), c).otherwise(let(repaired, lambda digits: F.when(digits.rlike(_POSTCODE), digits)))


def department(code: Column) -> Column:
    """The department of a five-digit postcode: ``2A`` and ``2B`` for Corsica, three characters overseas.

    >>> spark.sql("SELECT '20200' a, '97400' b, '01000' d").select(*[department(F.col(c)) for c in "abd"]).first()[:]
    ('2B', '974', '01')
    """
    return (
        F.when(code == "97133", "977")
        .when(code == "97150", "978")
        .when(code.rlike("^9[78]"), F.substring(code, 1, 3))
        .when(code.rlike("^20[01]"), "2A")
        .when(code.startswith("20"), "2B")
        .otherwise(F.substring(code, 1, 2))
    )


def _city(folded: Column) -> Column:
    bare = F.regexp_replace(folded, _NOT_CITY, "")
    saints = F.regexp_replace(F.regexp_replace(bare, r"\bST(E?S?)\b(?! ?$)", "SAINT$1"), r"(?<=[A-Z]) S (?=[A-Z])", " SUR ")
    return null_if_empty(F.trim(saints))


def city(c: Column) -> Column:
    """The commune in comparison form: SAINT and SUR written out, no CEDEX, postcode or arrondissement.

    >>> spark.sql("SELECT 'St-Étienne Cedex 2' a, 'PARIS 15ème' b").select(city(F.col("a")), city(F.col("b"))).first()[:]
    ('SAINT ETIENNE', 'PARIS')
    """
    return _city(fold(c))


def cedex(c: Column) -> Column:
    """``CEDEX`` or ``CEDEX 15`` as it stands behind the city, null without one.

    >>> spark.sql("SELECT 'Paris cedex 08' a").select(cedex(F.col("a")).alias("v")).first().v
    'CEDEX 08'
    """
    return _cedex(fold(c))


def _cedex(folded: Column) -> Column:
    return null_if_empty(F.regexp_extract(folded, r"\bCEDEX(?: [0-9]{1,2})?\b", 0))


def box(c: Column) -> Column:
    """The post-office box of an address line: ``BP 123``, ``CS 40001``, ``TSA 12345``; null without one.

    >>> spark.sql("SELECT 'Boîte postale n° 12 - ZI Nord' a").select(box(F.col("a")).alias("v")).first().v
    'BP 12'
    """
    pattern = r"^(?:.* )?(?:(BP|CS|TSA)|B P|BOITE POSTALE) ?(?:N|NO)? ?([0-9]{1,3}(?: [0-9]{3})?|[0-9]{2} [0-9]{3}|[0-9]{4,6})(?: .*)?$"
    split = F.split(F.regexp_replace(fold(c), pattern, "$1\u0001$2"), "\u0001")
    kind = lambda p: F.coalesce(null_if_empty(p.getItem(0)), F.lit("BP"))  # noqa: E731 - used once, below
    return let(split, lambda p: F.when(F.size(p) == 2, F.concat(kind(p), F.lit(" "), F.replace(p.getItem(1), F.lit(" "), F.lit("")))))


def _part(c: Column, pattern: str) -> Column:
    return null_if_empty(F.regexp_extract(lines.written_out(fold(c)), rf"\b{pattern}\b", 1))


def flat(c: Column) -> Column:
    """The flat or door number of an address line.

    >>> spark.sql("SELECT 'Appt 12, esc. B' a").select(flat(F.col("a")).alias("v")).first().v
    '12'
    """
    return _part(c, r"(?:APPARTEMENT|LOGEMENT|PORTE|STUDIO|CHAMBRE) (?:NO? )?([0-9]{1,4}[A-Z]?|[A-Z][0-9]{0,4})")


def building(c: Column) -> Column:
    """The building's letter, number or name.

    >>> spark.sql("SELECT 'Rés. les Pins, bât. C' a").select(building(F.col("a")).alias("v")).first().v
    'C'
    """
    return _part(c, r"(?:BATIMENT|BLOC|TOUR) ([A-Z0-9]{1,4})")


def staircase(c: Column) -> Column:
    """The staircase's letter or number.

    >>> spark.sql("SELECT 'Appt 12, esc. B' a").select(staircase(F.col("a")).alias("v")).first().v
    'B'
    """
    return _part(c, r"(?:ESCALIER|ENTREE|HALL) ([A-Z0-9]{1,3})")


def storey(c: Column) -> Column:
    """The floor, ``0`` for the ground floor.

    >>> spark.sql("SELECT '3ème étage' a, 'RDC' b").select(storey(F.col("a")), storey(F.col("b"))).first()[:]
    ('3', '0')
    """
    text = F.regexp_replace(fold(c), r"\b(?:REZ DE CHAUSSEE|RDC|RC)\b", "ETAGE 0")
    text = F.regexp_replace(text, r"\b([0-9]{1,2}) ?(?:ERE?|EME|ND|NDE|E)? ?ETG?(?:AGE)?\b", "ETAGE $1")
    return null_if_empty(F.regexp_extract(text, r"\bETAGE ([0-9]{1,2})\b", 1))


def address_key(c: Column) -> Column:
    """A street line in comparison form: folded, short forms written out, articles dropped, ``BIS`` as ``B``; null for nothing.

    >>> spark.sql("SELECT '12bis, av. du Gal de Gaulle' a").select(address_key(F.col("a")).alias("v")).first().v
    '12 B AVENUE GENERAL GAULLE'
    """
    text = lines.written_out(F.trim(lines.tidied(F.replace(lines.folded(c), F.lit("\n"), F.lit(" ")))))
    text = F.regexp_replace(text, rf"\b(?:{words.ARTICLE})\b ?", "")
    return null_if_empty(F.trim(F.regexp_replace(text, r"(?<=^[0-9]{1,4} [BTQ])(?:IS|ER|UATER|UINQUIES)\b", "")))


def _last_line(code: Column, town: Column, country: Column) -> Column:
    """Line 6: postcode, commune and CEDEX; as given for a foreign address."""
    at_home = let(fold(town), lambda t: F.concat_ws(" ", F.coalesce(postcode(code), fold(code)), _city(t), _cedex(t)))
    return null_if_empty(F.when(lines.is_domestic(country), at_home).otherwise(fold(F.concat_ws(" ", code, town))))


def standard_lines(  # noqa: PLR0913 - the ten fields of a postal address
    civility: Column,
    first: Column,
    last: Column,
    address_1: Column,
    address_2: Column,
    address_3: Column,
    address_4: Column,
    postcode: Column,
    city: Column,
    country: Column,
) -> Column:
    """The address block of NF Z10-011: an array of at most six lines of at most 38 characters, from the particular to the general.

    All fields as delivered or cleaned. Lines: the person; inside the building; the building; the way; the place or box; postcode and
    commune. Empty lines are left out. A foreign address ends with its country, its two building lines then share one. Abbreviates only
    what is too long (way types, then titles, then first names, then long words); standardising the result again gives the same lines.

    >>> row = spark.sql('''SELECT 'MME' c, 'Anne' f, 'Le Gall' l, '12 bis av. de la Paix, appt 4' a, CAST(NULL AS STRING) n,
    ...                    '35000' p, 'Rennes' v''')
    >>> c, f, l, a, n, p, v = (F.col(name) for name in "cflanpv")
    >>> row.select(standard_lines(c, f, l, a, n, n, n, p, v, n).alias("v")).first().v
    ['MME ANNE LE GALL', 'APPARTEMENT 4', '12 BIS AVENUE DE LA PAIX', '35000 RENNES']
    """
    parts = lines.address_parts(address_1, address_2, address_3, address_4)
    is_home = lines.is_domestic(country)
    parts = let(parts, lambda p: F.when(is_home | (F.size(p) < 4), p).otherwise(_in_three(p)))
    fitted = F.transform(F.array_compact(F.concat(parts, F.array(_last_line(postcode, city, country)))), lines.fit)
    return F.array_compact(F.concat(F.array(lines.name_line(civility, first, last)), fitted, F.array(lines.country_line(country))))


def _in_three(four: Column) -> Column:
    return F.concat(F.array(F.concat_ws(" ", four.getItem(0), four.getItem(1))), F.slice(four, 3, 2))
