"""Dates as members write them, to dates; nothing here raises, whatever the text and Spark's ANSI mode."""

from __future__ import annotations

from functools import cache

from pyspark.sql import Column
from pyspark.sql import functions as F

from appetence.columns.grades import Grade
from appetence.columns.text import blank_to_null, fold, let
from appetence.data import rows

_MONTHS = (
    "JANVIER|JANV|JAN", "FEVRIER|FEVR|FEV", "MARS|MAR", "AVRIL|AVR", "MAI", "JUIN", "JUILLET|JUIL", "AOUT|AOU",
    "SEPTEMBRE|SEPT|SEP", "OCTOBRE|OCT", "NOVEMBRE|NOV", "DECEMBRE|DEC",
)  # fmt: skip
_SWAPPED = r"^\s*(?:[0-9]{4}[-/.](?:1[3-9]|[23][0-9])[-/.]|(?:0?[1-9]|1[0-2])[-/. ](?:1[3-9]|[23][0-9])[-/. ][0-9]{2})"
_SHORT_YEAR = r"^\s*[0-9]{1,2}[-/. ][0-9]{1,2}[-/. ][0-9]{2}(?:[^0-9].*)?$"


def _named_month(c: Column) -> Column:
    """``12 mars 1985`` and ``1er avril 85`` with the month as a number."""
    return F.when(c.rlike(r"\p{L}{3}"), let(fold(c), _month_numbered)).otherwise(c)


def _month_numbered(folded: Column) -> Column:
    text = F.regexp_replace(folded, r"^(?:LE )?([0-9]{1,2})(?:ER)? ?([A-Z]+) ?([0-9]{2,4})$", "$1/$2/$3")
    word = F.substring_index(F.substring_index(text, "/", 2), "/", -1)
    number = F.lit(None).cast("string")
    for month, spellings in enumerate(_MONTHS, start=1):
        number = F.when(word.isin(spellings.split("|")), str(month)).otherwise(number)
    return F.concat_ws("/", F.substring_index(text, "/", 1), number, F.substring_index(text, "/", -1))


def _year_first(c: Column) -> Column:
    """``yyyy-m-d`` (or ``yy-m-d``) from the usual writings; other texts as they are."""
    c = F.regexp_replace(c, r"^\s*([0-9]{1,2})[-/. ]([0-9]{1,2})[-/. ]([0-9]{4}|[0-9]{2})(?:[ T].*)?\s*$", "$3-$2-$1")
    return F.regexp_replace(c, r"^\s*([0-9]{4})(?:[-/.]([0-9]{1,2})[-/.]|([0-9]{2}))([0-9]{1,2})(?:[ T].*)?\s*$", "$1-$2$3-$4")


def _swap(text: Column) -> Column:
    return F.regexp_replace(text, "^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})$", "$1-$3-$2")


def parse_date(c: Column, year: int | Column | None = None) -> Column:
    """The date in ``c`` (text), null when there is none or it is impossible.

    Read: ``yyyy-MM-dd``, ``dd/MM/yyyy``, ``d/M/yy``, ``yyyyMMdd``, ``ddMMyyyy``, with ``-``, ``.`` or ``/``, French month names, and
    timestamps (their date as written). A month over 12 before a day under 13 is taken as swapped. A two-digit year is the latest one not
    after ``year``; without ``year`` it is null, since nothing then says the century.

    >>> row = spark.sql("SELECT '3/4/85' a, '30.02.1985' b").select(parse_date(F.col("a"), 2026), parse_date(F.col("b"), 2026)).first()
    >>> str(row[0]), row[1]
    ('1985-04-03', None)
    """
    return F.coalesce(_as_written(c), F.when(c.rlike("[0-9]"), let(_named_month(c), lambda text: _parsed(text, year))))


def _as_written(c: Column) -> Column:
    """The two usual writings, by their places in the text; null for any other, and for an impossible date."""
    day_first = F.concat(F.substring(c, 7, 4), F.lit("-"), F.substring(c, 4, 2), F.lit("-"), F.substring(c, 1, 2))
    iso = F.when(c.rlike("^[0-9]{4}-[0-9]{2}-[0-9]{2}\\z"), c)
    return iso.when(c.rlike("^[0-9]{2}[/.-][0-9]{2}[/.-][0-9]{4}\\z"), day_first).try_cast("date")


def _parsed(raw: Column, year: int | Column | None) -> Column:
    return let(_year_first(raw), lambda text: let(_with_century(text, year), lambda full: _first_possible(raw, full)))


def _with_century(text: Column, year: int | Column | None) -> Column:
    """The text with the century its two-digit year belongs to; as it is without one, or without a year to refer to."""
    if year is not None:
        latest = F.lit(year) if isinstance(year, int) else year
        recent = F.substring(text, 1, 2).try_cast("int") <= latest % 100
        full = F.concat((F.floor(latest / 100) - F.when(recent, 0).otherwise(1)).cast("string"), text)
        return F.when(text.rlike("^[0-9]{2}-"), full).otherwise(text)
    return text


def _first_possible(raw: Column, text: Column) -> Column:
    """The text as a date, else with day and month swapped, else read as ``ddMMyyyy``."""
    day_first = F.regexp_replace(F.trim(raw), "^([0-9]{2})([0-9]{2})([0-9]{4})$", "$3-$2-$1")
    return F.coalesce(_to_date(text), _to_date(_swap(text)), _to_date(day_first))


def _to_date(text: Column) -> Column:
    """Only ``yyyy-m-d``: a bare cast would also take ``1985`` and ``1985-03`` for a first of the month."""
    return F.regexp_extract(text, "^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}$", 0).try_cast("date")


@cache
def _defaults() -> tuple[str, ...]:
    return tuple(row["value"] for row in rows("placeholders") if row["kind"] == "date")


def is_default_date(parsed: Column) -> Column:
    """Whether a date is one that systems write when they know none (1900-01-01, 1970-01-01, 9999-12-31...); null for null.

    >>> spark.sql("SELECT DATE'1900-01-01' d").select(is_default_date(F.col("d")).alias("v")).first().v
    True
    """
    return parsed.cast("string").isin(*_defaults())


OLDEST = 115
"""Years back to which a birth date is believed."""


def is_possible_birth(parsed: Column, written: Column) -> Column:
    """Whether somebody born then may be told of on the day `written`: not later, and not more than :data:`OLDEST` years before.

    >>> spark.sql("SELECT DATE'1870-01-01' a, DATE'2026-10-01' b").select(is_possible_birth(F.col("a"), F.col("b")).alias("v")).first().v
    False
    """
    return parsed.between(F.make_date(F.year(written) - OLDEST, F.lit(1), F.lit(1)), written)


def known_date(parsed: Column) -> Column:
    """The date, null when it is a system's default.

    >>> spark.sql("SELECT DATE'1900-01-01' d").select(known_date(F.col("d")).alias("v")).first().v is None
    True
    """
    return F.when(~is_default_date(parsed), parsed)


def date_grade(c: Column, parsed: Column) -> Column:
    """The grade of a date as delivered, given its parsed form.

    A read as written; B repaired (day and month swapped, two-digit year); C a 1 January, which forms often fill in; D unreadable,
    impossible or a system's default; absent.

    >>> spark.sql("SELECT '01/01/1985' c, DATE'1985-01-01' d").select(date_grade(F.col("c"), F.col("d")).alias("v")).first().v
    'C'
    """
    text = c.cast("string")
    return (
        F.when(blank_to_null(text).isNull(), Grade.ABSENT.value)
        .when(parsed.isNull() | is_default_date(parsed), Grade.UNUSABLE.value)
        .when((F.month(parsed) == 1) & (F.dayofmonth(parsed) == 1), Grade.DOUBTFUL.value)
        .when(text.rlike(f"{_SWAPPED}|{_SHORT_YEAR}"), Grade.REPAIRED.value)
        .otherwise(Grade.GOOD.value)
    )
