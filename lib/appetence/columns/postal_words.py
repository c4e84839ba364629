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
UNIT = "APPARTEMENT|BATIMENT|ESCALIER|ETAGE|PORTE|IMMEUBLE|LOGEMENT|TOUR|BLOC|HALL|ENTREE|LOT|BP|CS|TSA|CHAMBRE|PAVILLON|STUDIO|COULOIR"
# What opens a part of the address: line 2 (inside the building), line 3 (the building), line 5 (place and box).
FLAT = (
    r"APPARTEMENT [A-Z0-9]{1,5}\b|ESCALIER [A-Z0-9]{1,3}\b|ETAGE [0-9]|PORTE (?:[0-9]{1,4}|[A-Z])(?= |$)|LOGEMENT [A-Z0-9]{1,4}\b|"
    r"CHAMBRE [0-9]|COULOIR [A-Z0-9]{1,2}\b|REZ DE CHAUSSEE\b|RDC\b|[0-9]{1,2} ?(?:ERE?|EME|ND|NDE|E)? ?ETAGE\b|CHEZ |C O |STUDIO [0-9]"
)
BUILDING = (
    r"BATIMENT [A-Z0-9]|IMMEUBLE [A-Z]|RESIDENCE [A-Z0-9]|ENTREE [A-Z0-9]{1,2}\b|TOUR [A-Z0-9]{1,2}(?= |$)|BLOC [A-Z0-9]{1,2}\b|"
    r"HALL [A-Z0-9]{1,2}\b|LOTISSEMENT [A-Z]|LOT [0-9]|PAVILLON [A-Z0-9]{1,2}\b"
)
SITE = (
    r"LIEU DIT [A-Z]|(?:BP|CS|TSA) [0-9]|BOITE POSTALE [0-9]|ZONE (?:INDUSTRIELLE|ARTISANALE|COMMERCIALE|D ACTIVITES?)\b|"
    r"(?:ZI|ZA|ZAC) [A-Z]"
)
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
_WRITTEN_OUT = "BLD BLVD BVD BOULV CHEM IMPAS PLCE RPT LDT LIEUDIT APP APPT APPART BT ESCAL ESCA IMMB IM GNL GRD RESID RSD LGT PROF"
# Short forms that are way types at the head of a line only.
HEADS = {"R": "RUE", "AVE": "AVENUE", "AVN": "AVENUE", "LD": "LIEU DIT", "GR": "GRANDE RUE", "LOTIS": "LOTISSEMENT"}
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
def types_pattern() -> str:
    """All way types, in full or short."""
    return any_of([*(row["way_type"] for row in rows("way_types")), *type_of()])


@cache
def unsettled_pattern() -> str:
    """Whatever makes folded address text more than one plain street line: short forms, parts, several lines, things to drop."""
    openers = [
        *word_of(),
        *UNIT.split("|"),
        "REZ DE CHAUSSEE",
        "RDC",
        "CHEZ",
        "C O",
        "LIEU DIT",
        "BOITE POSTALE",
        "ZONE",
        "ZI",
        "ZA",
        "ZAC",
    ]
    heads = any_of([*type_of(), "N", "NO", "NUM", "NUMERO"])
    way_inside = rf"[A-Z0-9] [0-9]{{1,4}}(?: [A-Z]+)? (?:{STRONG}) "
    return (
        rf"\n|^ ?(?:{NUMBER} )?{heads}(?: |[0-9])|^ ?(?:{EMPTY}) ?$|^ ?(?:F )?[0-9]{{5}} |^ ?[0-9]{{1,4}}[A-Z]|"
        rf"^ ?(?:RESIDENCE|IMMEUBLE|LOTISSEMENT) |\b{any_of(openers)}\b|{way_inside}| (?:RESIDENCE|LOTISSEMENT) "
    )


@cache
def break_pattern() -> str:
    """A space where a new part of the address begins: to be replaced by a line break."""
    number_before = r"(?<!^[0-9]{1,4} )(?<!^[0-9]{1,4} (?:BIS|TER|QUATER|[A-Z]) )"
    way = rf"(?=[0-9]{{1,4}}(?: (?:BIS|TER|QUATER|[A-Z]))? (?:{STRONG}) [A-Z0-9])"
    not_way = rf"(?<!^[0-9]{{1,4}} (?:A|ET|OU) )(?<!\b(?:{ARTICLE}|ET) )(?<!\b(?:{UNIT}) )"
    part = rf"(?={FLAT}|{BUILDING}|{SITE})(?<!\b(?:{ARTICLE}|ET|SUR|EN) )"
    after_unit = rf"(?<=\b(?:{UNIT}) [A-Z0-9]{{1,4}} )"
    after_name = rf"(?<=^(?:RESIDENCE|IMMEUBLE) [A-Z0-9 ]{{2,30}} )(?<!\b(?:{ARTICLE}) )"
    bare_way = rf"(?=(?:{STRONG}) [A-Z0-9])(?:{after_unit}|{after_name})"
    return rf"(?m) (?:{number_before}(?:{way}{not_way}|{part})|{bare_way})"


@cache
def first_names_pattern() -> str:
    """A first name inside a way name, before another word; group 1 is its initial. Saints keep theirs."""
    rests = "|".join(f"(?<={initial})(?:{rest})" for initial, rest in FIRST_NAMES.items())
    return rf"(?<=[A-Z] )(?<!SAINTE? )\b([A-Z])(?:{rests})(?= [A-Z]{{2,}})(?! ET )"


@cache
def link_pattern() -> str:
    """The article that links a way type to its name; group 1 is what stands before."""
    return rf"^((?:{NUMBER} )?(?:{NUMBERED})) (?:DE LA|DE L|DU|DES|DE) "


@cache
def long_words_pattern() -> str:
    """A word of nine letters or more that has no abbreviation of its own; group 1 is what stays."""
    kept = any_of([*short_word(), *STRONG.split("|"), *UNIT.split("|")])
    return rf"\b(?!{kept}\b)([A-Z]{{6}})[A-Z]{{3,}}\b"
