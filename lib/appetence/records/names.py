"""Names of a record: cleaned, inverted where the frequencies of first names and surnames say so, and graded."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns import names, text
from appetence.contracts.bronze import RawRecord
from appetence.contracts.reference import FirstName
from appetence.contracts.silver import Record

UNKNOWN_PER_MILLION = 0.5
"""Frequency given to a name that no table lists: rarer than the rarest listed one."""
FIRST_NAME_RATIO = 4.0
"""So many times commoner as a first name than as a surname must a word be to be taken out of a surname field that holds a whole name."""
NAME, PER_MILLION = "name", "per_million"


def name_frequencies(first_names: DataFrame, surnames: DataFrame) -> DataFrame:
    """One row per folded name: how many per million bear it as first name, as surname. Inputs: reference.first_name; (name, per_million)."""
    as_first = first_names.groupBy(F.col(FirstName.first_name).alias(NAME)).agg((F.sum(FirstName.per_million) / 26).alias("_as_first"))
    as_last = surnames.groupBy(NAME).agg(F.sum(PER_MILLION).alias("_as_last"))
    return as_first.join(as_last, on=NAME, how="full").fillna(UNKNOWN_PER_MILLION, ["_as_first", "_as_last"])


def with_names(lines: DataFrame, frequencies: DataFrame) -> DataFrame:
    """Adds civility, gender, first_name, last_name, birth_name, name_grade and is_company of silver.record to raw customer lines."""
    raw_last, town = F.col(RawRecord.last_name), text.fold(F.col(RawRecord.city))
    first = names.clean_first_name(F.col(RawRecord.first_name))
    cleaned = lines.select(
        "*",
        names.civility(F.col(RawRecord.civility)).alias("_civility"),
        # A first name that is the town's name came out of the wrong column.
        text.let(first, lambda name: F.when(~F.coalesce(name == town, F.lit(False)), name)).alias("_first"),
        names.clean_last_name(raw_last).alias("_last"),
        F.coalesce(names.clean_last_name(F.col(RawRecord.birth_name)), names.birth_name_within(raw_last)).alias("_birth"),
    )
    straight = _in_order(_with_frequencies(cleaned, frequencies))
    grade = names.name_grade(F.col("_first2"), F.col("_last2"))
    return straight.withColumns(
        {
            Record.civility: F.col("_civility"),
            Record.gender: F.when(F.col("_civility") == "M", "M").when(F.col("_civility") == "MME", "F"),
            Record.first_name: F.col("_first2"),
            Record.last_name: F.col("_last2"),
            Record.birth_name: F.nullif(F.col("_birth"), F.col("_last2")),
            Record.name_grade: F.when(F.col("_is_moved") & (grade == "A"), "B").otherwise(grade),
            Record.is_company: names.is_company(F.col("_last2")),
        }
    ).drop("_civility", "_first", "_last", "_birth", "_first2", "_last2", "_is_moved")


def _with_frequencies(cleaned: DataFrame, frequencies: DataFrame) -> DataFrame:
    """Two broadcast look-ups: the first word of each field, or the last word of the surname field where it holds the whole name alone."""
    alone = F.col("_first").isNull() & F.contains(F.col("_last"), F.lit(" "))
    words = {"first": F.when(alone, names.last_word(F.col("_last"))).otherwise(names.first_word(F.col("_first")))}
    words["last"] = names.first_word(F.col("_last"))
    for side, word in words.items():
        table = frequencies.select(
            F.col(NAME).alias(f"_{side}_word"),
            F.col("_as_first").alias(f"_{side}_as_first"),
            F.col("_as_last").alias(f"_{side}_as_last"),
        )
        cleaned = cleaned.withColumn(f"_{side}_word", word).join(F.broadcast(table), on=f"_{side}_word", how="left")
    return cleaned


def _in_order(known: DataFrame) -> DataFrame:
    """Adds _first2, _last2 and _is_moved: the two fields turned round by Bayes' rule on the ratios of their words' frequencies, or a whole name
    taken apart that stood in the surname field."""
    found = names.is_inverted(F.col("_first_as_first") / F.col("_first_as_last"), F.col("_last_as_last") / F.col("_last_as_first"))
    is_known = F.col("_first_as_first").isNotNull() & F.col("_last_as_first").isNotNull()
    has_first, last = F.col("_first").isNotNull(), F.col("_last")
    inverted = F.coalesce(has_first & found & is_known, F.lit(False))
    tail = F.coalesce(F.col("_first_as_first") / F.col("_first_as_last"), F.lit(0.0))
    head = F.coalesce(F.col("_last_as_first") / F.col("_last_as_last"), F.lit(0.0))
    whole = ~has_first & F.contains(last, F.lit(" ")) & ~names.is_company(last)
    behind = F.coalesce(whole & (tail >= FIRST_NAME_RATIO) & (tail >= head), F.lit(False))
    before = F.coalesce(whole & (head >= FIRST_NAME_RATIO) & ~behind, F.lit(False))
    words = F.split(last, " ")
    without_tail, without_head = F.array_join(F.slice(words, 1, F.size(words) - 1), " "), F.array_join(F.slice(words, 2, F.size(words)), " ")
    first2 = F.when(inverted, last).when(behind, names.last_word(last)).when(before, names.first_word(last)).otherwise(F.col("_first"))
    last2 = F.when(inverted, F.col("_first")).when(behind, without_tail).when(before, without_head).otherwise(last)
    helpers = [f"_{s}_{x}" for s in ("first", "last") for x in ("word", "as_first", "as_last")]
    return known.withColumns({"_first2": first2, "_last2": last2, "_is_moved": inverted | behind | before}).drop(*helpers)


def interests(raw: Column) -> Column:
    """Declared interests as a sorted array of lower-case words; empty when none."""
    words = F.transform(F.split(F.lower(text.squeeze(F.coalesce(raw, F.lit("")))), r"\s*\|\s*"), F.trim)
    return F.array_sort(F.array_distinct(F.filter(words, lambda w: w != "")))


def yes_no(raw: Column) -> Column:
    """True, False or null from the ways members write yes and no."""
    word = text.fold(raw)
    return F.when(word.isin("O", "OUI", "Y", "YES", "1", "TRUE", "VRAI"), True).when(word.isin("N", "NON", "NO", "0", "FALSE", "FAUX"), False)
