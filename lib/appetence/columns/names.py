"""Civilities, first names and surnames as people and systems write them."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from appetence.columns.grades import Grade
from appetence.columns.text import any_of, fold, let, looked_up, null_if_empty, placeholder_pattern, to_ascii_upper

_MEN = ("M", "MR", "MONSIEUR", "MONS", "MSIEUR", "MISTER", "SIEUR", "H", "HOMME", "MASCULIN")
_WOMEN = ("MME", "MLLE", "MADAME", "MADEMOISELLE", "MELLE", "MLE", "MMME", "MRS", "MISS", "MS", "DAME", "F", "FEMME", "FEMININ")
_MAN = "|".join(w for w in _MEN if len(w) > 1)
_WOMAN = "|".join(w for w in _WOMEN if len(w) > 1)
_TITLES = "DR|DOCTEUR|PR|PROFESSEUR|ME|MAITRE|GENERAL|COLONEL|COMTE|COMTESSE|VEUVE|VVE"
# How a surname field says that it holds two: the name by birth after NEE, the name by marriage after EPOUSE.
_BORN = r"^(.+?) (?:NEE?|NOM DE JEUNE FILLE) (.+)$"
_MARRIED = r"^(.+?) (?:EPOUSE|EPSE|EP|EPX|VEUVE|VVE|DITE?) (.+)$"

# Words that no surname holds, and words that make a company only beside other words (people are called Bar, Hotel, Garage, Sa).
_COMPANY_ALONE = (
    "SARL|SAS|SASU|EURL|SCI|SNC|EARL|GAEC|SCEA|SELARL|ASSOCIATION|ASSO|MAIRIE|SOCIETE|ETS|ETABLISSEMENTS?|ENTREPRISE|ENTREPRISES|COMITE|"
    "PHARMACIE|BOULANGERIE|RESTAURANT|COLLEGE|LYCEE|UNIVERSITE|HOPITAL|CLINIQUE|EHPAD|SYNDICAT|SYNDIC|FONDATION|MUTUELLE|BANQUE|"
    "ASSURANCES?|CONSULTING|IMMOBILIERE?|TRANSPORTS|FEDERATION|PREFECTURE|INSTITUT|CCAS|MJC|OGEC|CSE|COOPERATIVE|COPROPRIETE|GROUPEMENT|"
    "GMBH|LTD|HOLDING|AMICALE|PAROISSE|LABORATOIRES?|CAMPING|BOUTIQUE|GIE|INDIVISION"
)
_COMPANY_BESIDE = (
    "SA|CE|STE|EI|HOTEL|BAR|CAFE|CLUB|GARAGE|ECOLE|CABINET|AGENCE|GROUPE|CENTRE|COMMUNE|CREDIT|SERVICES?|MAISON|ATELIERS?|EDITIONS|"
    "DOMAINE|CHATEAU|SUCCESSION|COMPAGNIE|FRANCE|TRAVAUX|BATIMENT"
)


def civility(c: Column) -> Column:
    """``M`` or ``MME`` from any writing of the civility or the gender; null for a couple, a title, a company or nothing.

    >>> spark.sql("SELECT 'Mlle.' a, 'M. et Mme' b").select(civility(F.col("a")), civility(F.col("b"))).first()[:]
    ('MME', None)
    """
    text = F.regexp_replace(fold(c), rf"^(M|MR|MONSIEUR|MME|MADAME|MLLE) (?:LE |LA )?(?:{_TITLES})$", "$1")
    other = looked_up(dict.fromkeys(_MEN, "M") | dict.fromkeys(_WOMEN, "MME"), text)
    return F.when(c.isin(_writings(_MEN)), "M").when(c.isin(_writings(_WOMEN)), "MME").otherwise(other)


def _writings(words: tuple[str, ...]) -> list[str]:
    """How the words are usually written: told apart without folding them."""
    return [form + dot for word in words for form in (word, word.title(), word.lower()) for dot in ("", ".")]


_CIVIL = "(?:M|MR|MONSIEUR|MME|MADAME|MLLE|MELLE|MADEMOISELLE)"
_AND = "(?:ET|OU)"
# What follows the joining word and makes no second person of it: a firm, or the same person's other name; and how a surname of several words begins.
_NOT_ANOTHER = rf" {_AND} (?:FILS|FILLES?|CIE|CO|COMPAGNIE|ASSOCIES?|FRERES?|SOEURS?|NEE?|EPOUSE|EPSE|EP|EPX|VEUVE|VVE|DITE?|NOM)\b"
_PARTICLE = "(?:L|LE|LA|LES|D|DE|DU|DES|DA|DI|DOS|EL|BEN|VAN|VON|SAINT|SAINTE|ST|STE)"
_SHARED = rf"^([A-Z-]{{2,}}) {_AND} (?:{_CIVIL} )?(?!{_PARTICLE} )([A-Z-]{{2,}}) (.+)$"
_SPOKEN_TO = rf"^{_CIVIL} (?:(?:{_AND} )?{_CIVIL} )*(?!{_AND} )(?=[A-Z]{{2}})"


def two_persons(c: Column) -> Column:
    """A name field that holds two persons, as words with ``ET`` or ``OU`` between the two, hyphens kept; null for every other field.

    Not two persons: a firm (``Dupont et fils``, ``SARL Dupont & Martin``), and another name of the same (``Durand / née Petit``).

    >>> row = spark.sql("SELECT 'Jean & Marie' a, 'M. et Mme Dupont' b, 'Dupont et Fils' d, 'Dupont' e")
    >>> row.select(*[two_persons(F.col(c)) for c in "abde"]).first()[:]
    ('JEAN ET MARIE', 'M ET MME DUPONT', None, None)
    """

    def judged(text: Column) -> Column:
        joins = text.rlike(rf"(?:^| ){_AND} [A-Z]") & ~text.rlike(_NOT_ANOTHER)
        return F.when(joins & ~is_company(F.translate(text, "-", " ")), text)

    joined = F.regexp_replace(to_ascii_upper(c), r"[&+]|(?<=[A-Z]{2}|[A-Z]{2} |[A-Z]\.)/(?= ?[A-Z]{2})", " ET ")
    words = F.trim(F.regexp_replace(joined, "[^A-Z-]+", " "))
    return F.when(c.rlike("[&+/]|(?:^|[ .])(?:[Ee][Tt]|[Oo][Uu]) "), let(words, judged))


def first_of_two(two: Column) -> Column:
    """The words that name the first person of :func:`two_persons`; of ``M. et Mme Dupont``, the name they share; empty where they name nobody.

    >>> row = spark.sql("SELECT 'JEAN ET MARIE' a, 'M OU MME DUPONT' b, 'M DUPONT ET MME MARTIN' d, 'ET MARIE DUPONT' e")
    >>> row.select(*[first_of_two(F.col(c)) for c in "abde"]).first()[:]
    ('JEAN', 'DUPONT', 'DUPONT', 'DUPONT')
    """
    plain = F.regexp_replace(two, rf"(?:^| ){_CIVIL} {_AND} {_CIVIL}$|{_SPOKEN_TO}", "")
    return F.regexp_replace(F.regexp_replace(plain, rf"^{_AND} (?:{_CIVIL} )?[A-Z-]+ (?=[A-Z])|^{_AND} ", ""), rf" {_AND}(?: .*)?$", "")


def shared_surname(two: Column) -> Column:
    """The surname behind two first names in one field of :func:`two_persons` (``Jean et Marie Dupont``); null where there is none.

    Whether the first word is a first name is for the caller to say: ``Dupont et Marie Martin`` is written the same.

    >>> row = spark.sql("SELECT 'JEAN ET MARIE DE LA TOUR' a, 'DUPONT ET LE GALL' b, 'JEAN DUPONT ET MARIE MARTIN' d")
    >>> row.select(*[shared_surname(F.col(c)) for c in "abd"]).first()[:]
    ('DE LA TOUR', None, None)
    """
    plain = F.regexp_replace(two, _SPOKEN_TO, "")
    return F.when(plain.rlike(_SHARED), F.regexp_replace(plain, _SHARED, "$3"))


def second_of_first_names(two: Column) -> Column:
    """The second person of a first-name field of :func:`two_persons`; null where only the first is named.

    >>> row = spark.sql("SELECT 'JEAN ET MME MARIE-ANNE' a, 'M ET MME JEAN' b")
    >>> row.select(*[second_of_first_names(F.col(c)).alias(c) for c in "ab"]).first()[:]
    ('MARIE-ANNE', None)
    """
    return null_if_empty(F.regexp_extract(F.regexp_replace(two, _SPOKEN_TO, ""), rf"^[A-Z-].* {_AND} (?:{_CIVIL} )?([A-Z-]{{2,}}(?: [A-Z-]+)?)$", 1))


def second_beside_surname(two: Column) -> Column:
    """The first name of the second person in a surname field of :func:`two_persons` that says whose surname they share: before it
    (``Jean et Marie Dupont``, ``et Marie Dupont``) or behind it (``Dupont Jean et Marie``); else null.

    >>> row = spark.sql("SELECT 'JEAN ET MARIE DUPONT' a, 'DUPONT JEAN ET MARIE' b, 'JEAN DUPONT ET MARIE MARTIN' d, 'DUPONT ET MARTIN' e")
    >>> row.select(*[second_beside_surname(F.col(c)).alias(c) for c in "abde"]).first()[:]
    ('MARIE', 'MARIE', None, None)
    """
    plain, behind = F.regexp_replace(two, _SPOKEN_TO, ""), rf"^[A-Z-]{{2,}} [A-Z-]{{2,}} {_AND} (?:{_CIVIL} )?([A-Z-]{{2,}})$"
    before = rf"^(?:[A-Z-]{{2,}} )?{_AND} (?:{_CIVIL} )?(?!{_PARTICLE} )([A-Z-]{{2,}}) .+$"
    return null_if_empty(F.concat(F.regexp_extract(plain, before, 1), F.regexp_extract(plain, behind, 1)))


# A figure that a reading machine took for the letter of its shape: before a letter, behind another or at the beginning.
_MISREAD = r"(?:^|[A-Z ])[0158](?=[A-Z])"


def bare(c: Column) -> Column:
    """Folded, misread letters put right, without digits, placeholders and the civility that some systems put in the name field.

    >>> spark.sql("SELECT 'Mme Durand née Petit' a").select(bare(F.col("a")).alias("v")).first().v
    'DURAND NEE PETIT'
    """
    mended = let(to_ascii_upper(c), lambda t: F.when(t.rlike(_MISREAD), F.translate(t, "0158", "OISB")).otherwise(t))
    letters = F.when(c.rlike("[0158]"), mended).otherwise(to_ascii_upper(c))
    kept = F.when(~c.rlike(placeholder_pattern()), letters)
    text = F.trim(F.regexp_replace(kept, "[^A-Z]+", " "))
    civil = any_of(("M", "MR", "MONSIEUR", "MME", "MADAME", "MLLE", "MELLE", "MADEMOISELLE"))
    return null_if_empty(F.regexp_replace(text, rf"^(?:{civil} (?=[A-Z]{{2}})(?:ET (?:{_WOMAN}) )?)+", ""))


def clean_first_name(c: Column) -> Column:
    """A first name in comparison form: words separated by one space (``JEAN PIERRE``), civility and digits gone, initials kept.

    >>> spark.sql("SELECT 'Mme Anne-Laure' a, 'J.-P.' b").select(clean_first_name(F.col("a")), clean_first_name(F.col("b"))).first()[:]
    ('ANNE LAURE', 'J P')
    """
    return bare(c)


def clean_last_name(c: Column) -> Column:
    """The surname in use, in comparison form, particles kept; a birth name written behind it (``née``, ``épouse``) is left out.

    >>> row = spark.sql("SELECT 'de La Tour' a, 'Durand née Petit' b, 'Petit ép. Durand' d")
    >>> row.select(*[clean_last_name(F.col(c)) for c in "abd"]).first()[:]
    ('DE LA TOUR', 'DURAND', 'DURAND')
    """
    return let(bare(c), surname_in_use)


def surname_in_use(name: Column) -> Column:
    """The surname in use of a :func:`bare` name field; one word has nothing to part.

    >>> spark.sql("SELECT 'PETIT EPOUSE DURAND' a").select(surname_in_use(F.col("a")).alias("v")).first().v
    'DURAND'
    """
    return F.when(F.contains(name, F.lit(" ")), F.regexp_replace(F.regexp_replace(name, _BORN, "$1"), _MARRIED, "$2")).otherwise(name)


def birth_name_within(c: Column) -> Column:
    """The birth name that a surname field also holds, null when it holds one name.

    >>> spark.sql("SELECT 'Durand née Petit' a").select(birth_name_within(F.col("a")).alias("v")).first().v
    'PETIT'
    """

    return let(bare(c), birth_name_in)


def birth_name_in(name: Column) -> Column:
    """The birth name that a :func:`bare` surname field also holds, null when it holds one name.

    >>> spark.sql("SELECT 'PETIT EPOUSE DURAND' a").select(birth_name_in(F.col("a")).alias("v")).first().v
    'PETIT'
    """
    married = F.when(name.rlike(_MARRIED), F.regexp_replace(name, _MARRIED, "$1"))
    return F.when(F.contains(name, F.lit(" ")), F.when(name.rlike(_BORN), F.regexp_replace(name, _BORN, "$2")).otherwise(married))


def first_word(c: Column) -> Column:
    """The first word of a clean name.

    >>> spark.sql("SELECT 'JEAN PIERRE' a").select(first_word(F.col("a")).alias("v")).first().v
    'JEAN'
    """
    return F.substring_index(c, " ", 1)


def last_word(c: Column) -> Column:
    """The last word of a clean name.

    >>> spark.sql("SELECT 'LE GALL ANNE' a").select(last_word(F.col("a")).alias("v")).first().v
    'ANNE'
    """
    return F.substring_index(c, " ", -1)


def is_initial(c: Column) -> Column:
    """Whether a clean first name holds initials only (``J``, ``J P``); null for null.

    >>> spark.sql("SELECT 'J P' a, 'JO' b").select(is_initial(F.col("a")), is_initial(F.col("b"))).first()[:]
    (True, False)
    """
    return c.rlike("^[A-Z](?: [A-Z])*$")


def name_key(c: Column) -> Column:
    """A clean surname without spaces and with SAINT as ST, for comparison: LE GALL meets LEGALL, DE LA TOUR meets DELATOUR.

    >>> spark.sql("SELECT 'LE GALL' a, 'SAINT JEAN' b").select(name_key(F.col("a")), name_key(F.col("b"))).first()[:]
    ('LEGALL', 'STJEAN')
    """
    return F.replace(F.regexp_replace(c, r"\bSAINT(E?)\b", "ST$1"), F.lit(" "), F.lit(""))


def is_company(last: Column) -> Column:
    """Whether a clean surname is the name of a company, an association or a public body.

    >>> spark.sql("SELECT 'GARAGE DU PONT' a, 'GARAGE' b, 'SCI' d").select(*[is_company(F.col(c)) for c in "abd"]).first()[:]
    (True, False, True)
    """
    alone, beside = _spelled(_COMPANY_ALONE), any_of(_spelled(_COMPANY_BESIDE))
    among = last.rlike(rf"\b(?:{any_of(alone)}\b|{beside} [A-Z])|[A-Z] {beside}\b")
    return F.coalesce(F.when(F.contains(last, F.lit(" ")), among).otherwise(last.isin(alone)), F.lit(False))


def _spelled(words: str) -> list[str]:
    """The words of ``A|B?``, an optional last letter with and without."""
    return [form for word in words.split("|") for form in ((word[:-1], word[:-2]) if word.endswith("?") else (word,))]


def name_grade(first: Column, last: Column, company: Column | None = None) -> Column:
    """The grade of a clean name: A whole, B an initial for first name, C doubtful, D no surname to speak of, absent.

    Doubtful: no first name, a company, one word twice, no vowel, a letter three times in a row, more than five words. ``company`` is
    :func:`is_company` of the surname when the caller has it already.

    >>> spark.sql("SELECT 'J' f, 'DURAND' l").select(name_grade(F.col("f"), F.col("l")).alias("v")).first().v
    'B'
    """
    odd = last.rlike(r"^[^AEIOUY]{3,}$|([A-Z])\1\1|^(?:[A-Z]+ ){5}") | first.rlike(r"^[^AEIOUY ]{3,}$|([A-Z])\1\1|^(?:[A-Z]+ ){5}")
    return (
        F.when(first.isNull() & last.isNull(), Grade.ABSENT.value)
        .when(last.isNull() | (F.length(last) < 2), Grade.UNUSABLE.value)
        .when(first.isNull() | odd | (first == last) | (is_company(last) if company is None else company), Grade.DOUBTFUL.value)
        .when(is_initial(first), Grade.REPAIRED.value)
        .otherwise(Grade.GOOD.value)
    )


def inversion_probability(first_ratio: Column, last_ratio: Column, prior: float = 0.02) -> Column:
    """How probable it is that first name and surname stand in each other's field (0 to 1).

    ``first_ratio``: frequency of the first-name field's value as a first name, over its frequency as a surname. ``last_ratio``: frequency
    of the surname field's value as a surname, over its frequency as a first name. Both need a floor for unknown names, and count as 1
    when null. ``prior`` is the share of inverted records expected before looking. Bayes' rule on the two ratios.

    >>> odds = spark.sql("SELECT CAST(0.01 AS DOUBLE) f, CAST(0.02 AS DOUBLE) l, CAST(90 AS DOUBLE) n")
    >>> odds.select(F.round(inversion_probability(F.col("f"), F.col("l")), 3).alias("v")).first().v
    0.99
    """
    straight = F.coalesce(first_ratio, F.lit(1.0)) * F.coalesce(last_ratio, F.lit(1.0))
    return F.lit(prior) / (F.lit(prior) + F.lit(1.0 - prior) * straight)


def is_inverted(first_ratio: Column, last_ratio: Column, prior: float = 0.02, sure: float = 0.9) -> Column:
    """Whether the two fields are inverted with at least ``sure`` probability; see :func:`inversion_probability`.

    >>> spark.sql("SELECT 0.01D f, 0.02D l").select(is_inverted(F.col("f"), F.col("l")).alias("v")).first().v
    True
    """
    return inversion_probability(first_ratio, last_ratio, prior) >= sure
