"""The vocabulary of French address lines, as the regular expressions and maps that :mod:`appetence.columns.postal` uses.

Abbreviating must be undone by expanding: that is what makes a standardised address its own standard. So a word is abbreviated only
when nothing else has the same short form in the same place.
"""

from __future__ import annotations

from functools import cache

from appetence.columns.text import any_of
from appetence.data import rows

MAX_LINE = 38

# A way number: 12, 12 BIS, 12 B, 12 14, 12 A 14.
NUMBER = r"[0-9]{1,4}(?: (?:(?:A|ET|OU) )?[0-9]{1,4})?(?: (?:BIS|TER|QUATER|QUINQUIES|[A-Z]))?"

# Types that make a way wherever they open a line, and those that need a number in front.
STRONG = (
    "RUE|AVENUE|BOULEVARD|CHEMIN|IMPASSE|PLACE|ROUTE|ALLEE|QUAI|COURS|SQUARE|PASSAGE|CHAUSSEE|FAUBOURG|MONTEE|SENTIER|SENTE|RUELLE|VENELLE|"
    "ESPLANADE|PROMENADE|ROND POINT|CARREFOUR|TRAVERSE|VOIE|GRANDE RUE|PETITE RUE|VIEUX CHEMIN|VIEILLE ROUTE|ANCIENNE ROUTE|PLACETTE|ROCADE"
)
NUMBERED = f"{STRONG}|COTE|COUR|MAIL|DESCENTE|TERRASSE|GALERIE|CORNICHE|PARVIS|RAMPE|RUELLETTE|TERRE PLEIN|CITE|CLOS|VILLA"

ARTICLE = "DE|DU|DES|LA|LE|LES|L|D|AU|AUX"
_PLACED = "APPARTEMENT|BATIMENT|ESCALIER|ETAGE|PORTE|IMMEUBLE|LOGEMENT|TOUR|BLOC|HALL|ENTREE|LOT|BP|CS|TSA|CHAMBRE|PAVILLON|STUDIO|COULOIR"
UNIT = f"{_PLACED}|NUMERO|NUM|NO|N"
# A number behind one of these is its value. ETAGE has none where its rank stands before it: 3EME ETAGE 12 RUE PASTEUR.
_HOLDS = UNIT.replace("|ETAGE|", "|") + "|KM"
_RANK = "[0-9]{1,2} ?(?:ERE?|EME|E|NDE?)"
_NOT_HELD = rf"(?<!\b(?:{_HOLDS}) )(?<!(?<!{_RANK} )\bETAGE )"
NUMBER_SIGN = rf"\b({any_of(_PLACED.split('|'))} )(?:NUMERO|NUM|NO?) ?(?=[0-9])"
"""`N°` between a unit (group 1) and its value."""
GLUED = r"\b(?:([0-9]{1,4})(?=(?:BIS|TER|QUATER)\b)|(CS|TSA)(?=[0-9]))"
"""What a space is to part from what stands behind it; group 1 or 2."""
BOX_WORDS = r"\b(?:B P|BOITE POSTALE|BP) ?(?:(?:NUMERO|NO|N) ?)?(?=[0-9])"
"""The writings of BP before its number."""
CEDEX = r" ?\bCEDEX\b(?: [0-9]{1,2}(?=\n|$))?"
_NAMED_BY_NUMBER = "RURALE?|VICINALE?|COMMUNALE?|DEPARTEMENTALE?|NATIONALE?"
NUMBER_BEHIND = rf"(?m)^((?:{STRONG}) (?!(?:{_NAMED_BY_NUMBER})\b)[^\n0-9]*[A-Z]) (?:NUMERO|NUM|NO|N) ([0-9]{{1,4}})$"
"""``RUE PASTEUR N 12``: the number is the way's, but for roads that are called by one. Group 1 is the way, group 2 the number."""
_APPROACH = r"CODE [A-Z0-9]|FOND DE COUR\b"
TANGLED = rf"\b(?:APPARTEMENT|ESCALIER|LOGEMENT|BATIMENT) [A-Z0-9]{{1,4}}\b|\b[0-9]{{1,2}} ?(?:E|ERE?|EME|ND|NDE)? ?ETAGE\b|\b(?:{_APPROACH})"
"""A way line that still holds a unit of the building, or how to reach one: it could not be taken apart."""
VALUE = r"(?!(?:DE|DU|DES|LA|LE|LES|AU|AUX|ET|EN|SUR)\b)"
_SIDE = "(?: (?:GAUCHE|DROITE|FACE))?"
# What opens a part of the address. Inside the building (line 2): whole units, and what may go on freely.
FLAT_UNIT = (
    rf"APPARTEMENT {VALUE}[A-Z0-9]{{1,5}}\b|ESCALIER {VALUE}[A-Z0-9]{{1,3}}\b|(?:(?<!{_RANK} )ETAGE|CHAMBRE|STUDIO) [0-9]{{1,4}}\b|"
    rf"PORTE (?:[0-9]{{1,4}}|[A-Z])\b|LOGEMENT {VALUE}[A-Z0-9]{{1,4}}\b|COULOIR {VALUE}[A-Z0-9]{{1,2}}\b|"
    rf"(?:REZ DE CHAUSSEE|RDC)\b{_SIDE}|(?<!\b(?:{UNIT}) )(?:{_RANK} ?ETAGE\b|[0-9]{{1,2}} ?ETAGE\b(?! [0-9])){_SIDE}|"
    rf"{_RANK} (?:GAUCHE|DROITE|FACE)\b"
)
FLAT = rf"{FLAT_UNIT}|CHEZ |C O "
# The building (line 3): units, and names.
BUILDING_UNIT = rf"(?:BATIMENT|BLOC|HALL|ENTREE|PAVILLON) {VALUE}[A-Z0-9]{{1,3}}\b|TOUR (?![DL]\b){VALUE}[A-Z0-9]{{1,2}}\b|LOT [0-9]{{1,4}}\b"
BUILDING_NAME = r"(?:IMMEUBLE|RESIDENCE|LOTISSEMENT|BATIMENT) [A-Z]"
BUILDING = rf"{BUILDING_UNIT}|{BUILDING_NAME}"
# Place and box (line 5).
BOX = r"(?:BP|CS|TSA) [0-9]{1,6}\b"
SITE = rf"LIEU DIT [A-Z]|{BOX}|BOITE POSTALE [0-9]|ZONE (?:INDUSTRIELLE|ARTISANALE|COMMERCIALE|D ACTIVITES?)\b|(?:ZI|ZA|ZAC) [A-Z]"
OPENERS = f"{UNIT}|RESIDENCE|LOTISSEMENT|LIEU|BOITE|ZONE|ZI|ZA|ZAC|CHEZ|C|RDC|REZ|{STRONG}"
EMPTY = "NULL|NONE|N A|NA|NAN|NC|NEANT|NON RENSEIGNEE?|INCONNUE?|AUCUNE?|SANS|X{2,}|0+|ADRESSE|FRANCE"

# What is abbreviated in a line too long, way types before other words; the rest of the two tables is ambiguous (HAM is a town, COL a pass,
# PTE a gate or something small).
_SHORT_TYPES = "ALLEE AVENUE BOULEVARD CHAUSSEE CHEMIN FAUBOURG IMPASSE PLACE PROMENADE QUARTIER ROUTE SQUARE"
_SHORT_WORDS = (
    "SAINT SAINTE GENERAL MARECHAL COMMANDANT CAPITAINE COLONEL LIEUTENANT SERGENT ADJUDANT AMIRAL DOCTEUR PROFESSEUR PRESIDENT "
    "MONSEIGNEUR CHANOINE CARDINAL GRAND GRANDE GRANDS GRANDES VIEUX HAUT HAUTE HAUTS HAUTES BATIMENT APPARTEMENT ESCALIER ETAGE IMMEUBLE "
    "RESIDENCE LOGEMENT"
)
# Short forms that are written out wherever they stand, beside the abbreviations of the two lists above.
_WRITTEN_OUT = "BLD BLVD BVD BOULV CHEM IMPAS PLCE RPT LDT LIEUDIT APP APPT APPART BT ESCAL ESCA IMMB IM GNL GRD RESID RSD LGT PROF STS STES LT"
# Short forms that are way types at the head of a line only.
HEADS = {
    "R": "RUE", "AVE": "AVENUE", "AVN": "AVENUE", "AVEN": "AVENUE", "BOUL": "BOULEVARD", "FBG": "FAUBOURG", "PASS": "PASSAGE", "CRS": "COURS",
    "LD": "LIEU DIT", "GR": "GRANDE RUE", "LOTIS": "LOTISSEMENT",
}  # fmt: skip
NUMBERED_HEADS = {"CH": "CHEMIN", "RT": "ROUTE", "QU": "QUAI"}

FIRST_NAMES = {
    "A": "LBERT|LEXANDRE|LFRED|LPHONSE|NATOLE|NDRE|NTOINE|RISTIDE|RTHUR|UGUSTE",
    "B": "ENJAMIN|ERNARD",
    "C": "AMILLE|HARLES|HRISTIAN|LAUDE|LEMENT",
    "D": "ANIEL|ENIS|ENISE",
    "E": "DGAR|DMOND|DOUARD|LSA|MILE|RNEST|UGENE",
    "F": "ELIX|ERDINAND|ERNAND|RANCOIS|RANCOISE|RANKLIN|REDERIC",
    "G": "ABRIEL|ASTON|EORGE|EORGES|ERARD|ILBERT|UILLAUME|USTAVE|UY",
    "H": "ECTOR|ENRI|ENRY|ONORE|UBERT",
    "I": "RENE",
    "J": "ACQUES|EAN|EANNE|OLIOT|OSEPH|ULES|ULIEN",
    "L": "EON|EONARD|EOPOLD|OUIS|OUISE|UCIEN|UCIE",
    "M": "ARC|ARCEL|ARCELLIN|ARGUERITE|ARIE|ARTIN|AURICE|AXIME|ICHEL",
    "N": "ELSON|ICOLAS",
    "O": "CTAVE|LIVIER|LYMPE",
    "P": "AUL|HILIPPE|IERRE",
    "R": "AOUL|AYMOND|ENE|ICHARD|OBERT|OGER|OMAIN|OSA",
    "S": "ALVADOR|IMONE|TEPHANE|UZANNE",
    "T": "HEODORE|HEOPHILE|HOMAS",
    "V": "ICTOR|INCENT",
    "W": "INSTON",
    "Y": "VES|VONNE",
}


@cache
def _spellings() -> dict[str, str]:
    """Every short form in the two tables -> its word; the first to claim a form has it."""
    found: dict[str, str] = {}
    for word, row in [(r["word"], r) for r in rows("address_words")] + [(r["way_type"], r) for r in rows("way_types")]:
        for short in [row["abbreviation"], *row["variants"].split("|")]:
            if short and short != word:
                found.setdefault(short, word)
    return found


@cache
def type_of() -> dict[str, str]:
    """Every short form of a way type -> the type in full: for a text that is known to hold a street line."""
    found: dict[str, str] = {}
    for row in rows("way_types"):
        for short in [row["abbreviation"], *row["variants"].split("|")]:
            if short and short != row["way_type"]:
                found.setdefault(short, row["way_type"])
    return found


@cache
def short_type() -> dict[str, str]:
    """Way type -> the short form that stands for it alone."""
    return {row["way_type"]: row["abbreviation"] for row in rows("way_types") if row["way_type"] in _SHORT_TYPES.split()}


@cache
def short_word() -> dict[str, str]:
    """Way type or word -> its short form."""
    return short_type() | {row["word"]: row["abbreviation"] for row in rows("address_words") if row["word"] in _SHORT_WORDS.split()}


@cache
def word_of() -> dict[str, str]:
    """Short form -> word, wherever it stands: undoes :func:`short_word` exactly."""
    return {short: _spellings()[short] for short in _WRITTEN_OUT.split()} | {short: word for word, short in short_word().items()}


@cache
def short_pattern() -> str:
    """Any short form of :func:`word_of`, as a word."""
    return rf"\b{any_of(word_of())}\b"


@cache
def types_pattern() -> str:
    """All way types, in full or short."""
    return any_of([*(row["way_type"] for row in rows("way_types")), *type_of()])


@cache
def unsettled_pattern() -> str:
    """Whatever makes folded address text more than one plain street line: short forms, parts, several lines, things to drop."""
    places = ["REZ DE CHAUSSEE", "RDC", "RC", "ETG", "B P", "CHEZ", "C O", "LIEU DIT", "BOITE POSTALE", "ZONE", "ZI", "ZA", "ZAC"]
    openers = any_of([*word_of(), *UNIT.split("|"), *places, "RESIDENCE", "LOTISSEMENT", "CEDEX"])
    at_head = rf"(?:{NUMBER} )?{any_of(_head_words())} |(?:{EMPTY}) ?$|(?:F )?[0-9]{{5}} |[0-9]{{1,4}}[A-Z]"
    word = rf"{openers}\b|(?:BP|CS|TSA|NO?|NUM|NUMERO)[0-9]|{_APPROACH}"
    behind_digit = r"(?:BIS|TER|QUATER)\b|(?:E|ERE?|EME|ND|NDE)?ET| ?(?:ERE?|EME|E|NDE?) (?:GAUCHE|DROITE|FACE)\b"
    behind_space = rf"[0-9]{{5}} [A-Z]|(?<=[A-Z0-9] )[0-9]{{1,4}}(?: ?[A-Z]+)? {any_of([*STRONG.split('|'), *_head_words()])} "
    # One alternative by what it begins with: each place of the text is looked at once.
    return rf"\n|^ ?(?:{at_head})|\b(?:{word})|[0-9](?:{behind_digit})| (?:{behind_space})"


def _head_words() -> list[str]:
    return [*HEADS, *NUMBERED_HEADS]


def _heads() -> str:
    return "|".join(_head_words())


@cache
def head_pattern() -> str:
    """A line that opens with a short form of a way type that is one there only."""
    return rf"(?m)^(?:{NUMBER} )?(?:{_heads()}) (?=[A-Z])"


@cache
def break_pattern() -> str:
    """A space where a new part of the address begins: to be replaced by a line break.

    A broken line has no such space left, and units joined again break at the same places.
    """
    number_before = r"(?<!^[0-9]{1,4} )(?<!^[0-9]{1,4} ?(?:BIS|TER|QUATER|[A-Z]) )"
    article_before = rf"(?<!(?<!\b(?:{UNIT}) )\b(?:{ARTICLE}|ET|SUR|EN) )"
    number = r"(?:(?:N|NO|NUM|NUMERO) )?[0-9]{1,4}(?: ?(?:BIS|TER|QUATER|[A-Z]))?"
    way = rf"(?={number} (?:{STRONG}|{_heads()}) [A-Z0-9])(?<!^[0-9]{{1,4}} (?:A|ET|OU) ){_NOT_HELD}{article_before}"
    part = rf"(?={FLAT}|{BUILDING}|{SITE}){article_before}"
    after_unit = rf"(?<=\b(?:{_PLACED.replace('|ETAGE|', '|')}|(?<!{_RANK} )ETAGE) [A-Z0-9]{{1,4}} )"
    after_name = rf"(?<=\b(?:RESIDENCE|IMMEUBLE) [A-Z0-9 ]{{2,150}} )(?<!\b(?:{ARTICLE}) )(?<![0-9] )(?<![0-9] (?:BIS|TER|QUATER|[A-Z]) )"
    bare_way = rf"(?=(?:{STRONG}) [A-Z0-9])(?:{after_unit}|{after_name})"
    last_line = rf"(?=(?:F )?[0-9]{{5}} [A-Z])(?<!\b(?:{_HOLDS}) )"
    return rf"(?m) (?:{way}{number_before}|{part}{number_before}|{bare_way}|{last_line})"


@cache
def first_names_pattern() -> str:
    """A first name inside a way name, before another word; group 1 is its initial. Saints keep theirs."""
    rests = "|".join(f"(?<={initial})(?:{rest})" for initial, rest in FIRST_NAMES.items())
    return rf"(?<=[A-Z]{{2}} )(?<!SAINTE? )(?<!\b(?:{UNIT}) )\b([A-Z])(?:{rests})(?= [A-Z]{{2,}})(?! ET )"


@cache
def link_pattern() -> str:
    """The article that links a way type to its name; group 1 is what stands before."""
    return rf"^((?:{NUMBER} )?(?:{NUMBERED})) (?:DE LA|DE L|DU|DES|DE) (?!(?:{OPENERS}|{_heads()}|{ARTICLE})\b|[0-9])"


@cache
def articles_pattern() -> str:
    """Articles inside a line, where leaving them out joins nothing that reads as a new part."""
    return rf"(?<=[A-Z0-9] )(?<!\b(?:{UNIT}) )(?:(?:{ARTICLE}) )+(?!(?:{OPENERS}|{_heads()}|{ARTICLE})\b|[0-9])"


@cache
def long_words_pattern() -> str:
    """A word of nine letters or more that has no abbreviation of its own; group 1 is what stays."""
    kept = any_of([*short_word(), *STRONG.split("|"), *UNIT.split("|"), "LOTISSEMENT", "INDUSTRIELLE", "ARTISANALE", "COMMERCIALE"])
    return rf"\b(?!{kept}\b)([A-Z]{{6}})[A-Z]{{3,}}\b"
