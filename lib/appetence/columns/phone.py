"""Telephone numbers to E.164 and their line type, after the French numbering plan (metropolitan and overseas)."""

from __future__ import annotations

from functools import cache

from pyspark.sql import Column
from pyspark.sql import functions as F

from appetence.columns.grades import Grade
from appetence.columns.text import blank_to_null, let, null_if_empty
from appetence.data import rows

# Overseas: country code -> the first three digits (after the zero) of its numbers. France dials them like its own.
_OVERSEAS = {
    "+262": ("262", "263", "269", "692", "693", "639"),
    "+590": ("590", "690", "691"),
    "+594": ("594", "694"),
    "+596": ("596", "696", "697"),
}
_OVERSEAS_LANDLINES = ("262", "263", "269", "590", "594", "596")
_CALLING_CODE = {"BE": "32", "CH": "41", "DE": "49", "ES": "34", "GB": "44", "IT": "39", "LU": "352", "MC": "377", "NL": "31", "PT": "351"}
_FRENCH = {"FR", "GP", "MQ", "GF", "RE", "YT", "BL", "MF"}


def _digits(c: Column) -> Column:
    """Digits and plus signs; ``(0)`` after a country code and the ``.0`` of a spreadsheet dropped."""
    return F.regexp_replace(F.regexp_replace(c, r"\(0\)|(?<=[0-9]{9})\.0$", ""), "[^0-9+]", "")


def _french(c: Column) -> Column:
    """The number with +33 when it is dialled like a French one; the first of two numbers written in one field."""
    pattern = r"^(?:(?:\+|00)?33|\+)?0?([1-9][0-9]{8})(?:0[1-9][0-9]{8})?$"
    return F.regexp_replace(_digits(c), pattern, r"+33$1")


def _plain(c: Column) -> Column:
    """A number written as :func:`_plain_pattern` has it, with +33."""
    pairs = [F.substring(c, start, 2) for start in (4, 7, 10, 13)]
    return F.when(F.length(c) == 10, F.concat(F.lit("+33"), F.substring(c, 2, 9))).otherwise(F.concat(F.lit("+33"), F.substring(c, 2, 1), *pairs))


@cache
def _plain_pattern() -> str:
    """How most numbers are written: ten digits, or pairs with one mark between them. Beginnings that need a closer look (overseas,
    repeated digits, numbers nobody has) are left out: those go the long way."""
    heads = [first for firsts in _OVERSEAS.values() for first in firsts] + [number[3:6] for number in _nobodys()]
    watched = "|".join(rf"{head[0]}[ .-]?{head[1:3]}" for head in sorted(set(heads)))
    return rf"^0(?!{watched}|([1-9])[ .-]?(?:\1\1|0\1|00))[1-9](?:[0-9]{{8}}|(?:[ .-][0-9]{{2}}){{4}})\z"


def _overseas(number: Column) -> Column:
    """Numbers dialled like French ones, under the country code that is theirs."""
    for code, firsts in _OVERSEAS.items():
        number = F.regexp_replace(number, rf"^\+33(?={'|'.join(firsts)})", code)
    return number


def e164(c: Column, country: str = "FR") -> Column:
    """The number as ``+33612345678``, null when it cannot be one. ``country`` (ISO) says how a number without prefix is dialled.

    Known: dots and spaces, ``00 33``, ``+33 (0)``, a lost leading zero, overseas numbers (+262, +590, +594, +596), foreign ones with
    ``+`` or ``00``. Numbers that nobody has (one digit or pair repeated, 0123456789) are null.

    >>> spark.sql("SELECT '0033 (0)6.12.34.56.79' a, '0692 12 34 57' b").select(e164(F.col("a")), e164(F.col("b"))).first()[:]
    ('+33612345679', '+262692123457')
    """
    if country in _FRENCH:
        number = _french(c)
    else:
        code = _CALLING_CODE.get(country, "")
        number = F.regexp_replace(_digits(c), r"^0(?!0)([1-9][0-9]{5,11})$", rf"+{code}$1") if code else _digits(c)
    number = F.regexp_replace(number, r"^(?:\+|00)(?=[1-9])(?:(262|590|594|596)0(?=[0-9]{9}$))?", r"+$1")
    found = null_if_empty(F.regexp_extract(_overseas(number), _possible(), 0))
    return F.when(c.rlike(_plain_pattern()), _plain(c)).otherwise(found) if country in _FRENCH else found


def _possible() -> str:
    """One digit or one pair repeated is refused; then +33 and overseas codes take nine digits, any other country seven to fourteen."""
    nobodys = "|".join(rf"\{number}$" for number in _nobodys())
    return (
        rf"^(?!{nobodys})(?!\+33([1-9])\1{{8}}$)(?!\+33([1-9])(?:0\2){{4}}$)(?!\+33[1-9]0{{8}}$)"
        r"(?:\+33[1-9][0-9]{8}|\+(?:262|590|594|596)[1-9][0-9]{8}|\+(?!33|262|59[046])[1-9][0-9]{7,13})$"
    )


def _nobodys() -> list[str]:
    return ["+33" + row["value"][1:] for row in rows("placeholders") if row["kind"] == "phone" and row["value"].startswith("0")]


def line_type(number: Column) -> Column:
    """``mobile``, ``landline`` (boxes in 09 too) or ``other`` (08, foreign) of an E.164 number; null for null.

    >>> spark.sql("SELECT '+33612345679' a").select(line_type(F.col("a")).alias("v")).first().v
    'mobile'
    """
    overseas = tuple(_OVERSEAS)
    landlines = [code + first for code in overseas for first in _OVERSEAS_LANDLINES]
    mobile = F.substring(number, 1, 4).isin("+336", "+337") | F.substring(number, 1, 5).isin(*(f"{code}6" for code in overseas))
    landline = F.substring(number, 1, 4).isin(*(f"+33{n}" for n in "123459")) | F.substring(number, 1, 7).isin(*landlines)
    return F.when(mobile, "mobile").when(landline, "landline").when(number.isNotNull(), "other")


def phone_grade(c: Column, number: Column | None = None) -> Column:
    """The grade of a number as delivered: A as it should be written, B repaired, C special or foreign, D unusable, absent.

    ``number`` is its E.164 form when the caller has it already.

    >>> spark.sql("SELECT '612345679' a, '06 12 34' b").select(phone_grade(F.col("a")), phone_grade(F.col("b"))).first()[:]
    ('B', 'D')
    """
    if number is None:
        return let(e164(c), lambda n: phone_grade(c, n))
    digits = c == F.concat(F.lit("0"), F.substring(number, 4, 9))
    whole = c.rlike(r"^[^0-9+]*(?:0|(?:\+|00) ?33[ .-]*(?:\(0\)[ .-]*)?|(?:\+|00) ?(?:262|590|594|596))[ .-]*[1-9](?:[ ./-]*[0-9]){8}\D*$")
    nothing = F.when(blank_to_null(c).isNull(), Grade.ABSENT.value).otherwise(Grade.UNUSABLE.value)
    return (
        F.when(number.isNull(), nothing)
        .when(line_type(number) == "other", Grade.DOUBTFUL.value)
        .when(digits | whole, Grade.GOOD.value)
        .otherwise(Grade.REPAIRED.value)
    )
