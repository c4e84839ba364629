"""Names of a record: cleaned, inverted where the frequencies of first names and surnames say so, and graded."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence import data
from appetence.columns import names, text
from appetence.columns.grades import Grade, is_usable
from appetence.contracts.bronze import RawRecord
from appetence.contracts.local import local_frame
from appetence.contracts.reference import FirstName
from appetence.contracts.silver import Record

UNKNOWN_PER_MILLION = 0.5
"""Frequency given to a name that no table lists: rarer than the rarest listed one."""
SURE, UNSURE = 0.9, 0.25
"""Probability from which two fields count as inverted, and from which on nobody can tell: graded doubtful and left as they stand."""
FIRST_NAME_RATIO = 4.0
"""So many times commoner as a first name than as a surname must a word be to be taken out of a surname field that holds a whole name."""
NAME, PER_MILLION = "name", "per_million"


def surnames(spark: SparkSession) -> DataFrame:
    """The shipped surnames: (name, per_million)."""
    rows = [(r["surname"], float(r["per_million"])) for r in data.rows("surnames")]
    return local_frame(spark, rows, f"{NAME} string, {PER_MILLION} double")


def name_frequencies(first_names: DataFrame, last_names: DataFrame) -> DataFrame:
    """One row per folded name: how many per million bear it as first name, as surname. Inputs: reference.first_name; (name, per_million)."""
    as_first = first_names.groupBy(F.col(FirstName.first_name).alias(NAME)).agg((F.sum(FirstName.per_million) / 26).alias("_as_first"))
    as_last = last_names.groupBy(NAME).agg(F.sum(PER_MILLION).alias("_as_last"))
    return as_first.join(as_last, on=NAME, how="full").fillna(UNKNOWN_PER_MILLION, ["_as_first", "_as_last"])


def with_names(lines: DataFrame, frequencies: DataFrame) -> DataFrame:
    """Adds civility, gender, first_name, last_name, other_first_name, birth_name, name_grade, name_confidence and is_company of silver.record to
    raw customer lines.

    Two persons in one line are read as the first that is named: whose civility and gender were said is not guessed, and the name is doubtful.
    The other one's first name is kept beside it, so that she is found when she asks for something."""
    raw_first, raw_last, raw_birth = (F.col(c) for c in (RawRecord.first_name, RawRecord.last_name, RawRecord.birth_name))
    # Each step is a projection of its own: what a later one uses twice is computed once.
    parted = lines.withColumns({"_two_first": names.two_persons(raw_first), "_two_last": names.two_persons(raw_last)})
    two_first, two_last = F.col("_two_first"), F.col("_two_last")
    is_couple, one_last = two_first.isNotNull() | two_last.isNotNull(), F.coalesce(names.first_of_two(two_last), raw_last)
    bare = parted.withColumns(
        {
            "_civility": F.when(~is_couple, names.civility(F.col(RawRecord.civility))),
            "_bare_first": names.clean_first_name(F.coalesce(names.first_of_two(two_first), raw_first)),
            "_town_name": text.fold(F.col(RawRecord.city)),
            "_bare_last": names.bare(one_last),
            "_shared": F.when(text.blank_to_null(raw_first).isNull(), names.bare(names.shared_surname(two_last))),
            "_other": names.bare(F.coalesce(names.second_of_first_names(two_first), names.second_beside_surname(two_last))),
            "_is_couple": is_couple,
            "_bare_birth": names.bare(raw_birth),
        }
    )
    birth = F.coalesce(names.surname_in_use(F.col("_bare_birth")), names.birth_name_in(F.col("_bare_last")))
    # A first name that is the town's name came out of the wrong column.
    is_town = F.coalesce(F.col("_bare_first") == F.col("_town_name"), F.lit(False))
    first = F.when(~is_town, F.col("_bare_first"))
    cleaned = bare.withColumns({"_first": first, "_last": names.surname_in_use(F.col("_bare_last")), "_birth": birth})
    ordered = _in_order(_with_frequencies(cleaned, frequencies))
    straight = ordered.withColumn("_company", names.is_company(F.col("_last2")))
    grade = names.name_grade(F.col("_first2"), F.col("_last2"), F.col("_company"))
    graded = straight.withColumns(
        {
            Record.civility: F.col("_civility"),
            Record.gender: F.when(F.col("_civility") == "M", "M").when(F.col("_civility") == "MME", "F"),
            Record.first_name: F.col("_first2"),
            Record.last_name: F.col("_last2"),
            Record.other_first_name: F.when(F.col("_shared").isNull() | F.col("_shares"), F.col("_other")),
            Record.birth_name: F.nullif(F.col("_birth"), F.col("_last2")),
            "_grade": grade,
            Record.is_company: F.col("_company"),
        }
    )
    is_good, found = F.col("_grade") == Grade.GOOD.value, F.col("_grade")
    doubtful = (is_good & F.col("_is_unsure")) | (F.col("_is_couple") & is_usable(found))
    lowered = F.when(doubtful, Grade.DOUBTFUL.value).when(is_good & F.col("_is_moved"), Grade.REPAIRED.value).otherwise(found)
    couple = ["_two_first", "_two_last", "_shared", "_shares", "_other", "_is_couple"]
    helpers = ["_civility", "_first", "_last", "_birth", "_first2", "_last2", "_is_moved", "_is_unsure", "_company", "_grade"]
    return graded.withColumn(Record.name_grade, lowered).drop(*couple, *helpers, "_bare_first", "_bare_last", "_bare_birth", "_town_name")


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
    """Adds _first2, _last2, _is_moved and _is_unsure: the two fields turned round by Bayes' rule on the ratios of their words' frequencies, or a
    whole name taken apart that stood in the surname field."""
    odds = names.inversion_probability(
        F.col("_first_as_first") / F.col("_first_as_last"), F.col("_last_as_last") / F.col("_last_as_first")
    )  # fmt: skip
    is_known = F.col("_first_as_first").isNotNull() & F.col("_last_as_first").isNotNull()
    has_first, last = F.col("_first").isNotNull(), F.col("_last")
    inverted = F.coalesce(has_first & is_known & (odds >= SURE), F.lit(False))
    tail = F.coalesce(F.col("_first_as_first") / F.col("_first_as_last"), F.lit(0.0))
    head = F.coalesce(F.col("_last_as_first") / F.col("_last_as_last"), F.lit(0.0))
    whole = ~has_first & F.contains(last, F.lit(" ")) & ~names.is_company(last)
    behind = F.coalesce(whole & (tail >= FIRST_NAME_RATIO) & (tail >= head), F.lit(False))
    before = F.coalesce(whole & (head >= FIRST_NAME_RATIO) & ~behind, F.lit(False))
    # Jean et Marie Dupont: before the joining word stands a first name, and the surname behind the other one.
    shares = F.coalesce(F.col("_shared").isNotNull() & (head >= FIRST_NAME_RATIO), F.lit(False))
    words = F.split(last, " ")
    without_tail, without_head = F.array_join(F.slice(words, 1, F.size(words) - 1), " "), F.array_join(F.slice(words, 2, F.size(words)), " ")
    first2 = F.when(inverted | shares, last).when(behind, names.last_word(last)).when(before, names.first_word(last)).otherwise(F.col("_first"))
    last2 = F.when(shares, F.col("_shared")).when(inverted, F.col("_first")).when(behind, without_tail).when(before, without_head).otherwise(last)
    helpers = [f"_{s}_{x}" for s in ("first", "last") for x in ("word", "as_first", "as_last")]
    unsure = F.coalesce(has_first & is_known & ~inverted & (odds >= UNSURE), F.lit(False))
    sure = F.when(has_first & is_known, F.when(inverted, odds).otherwise(1 - odds))
    moved = {Record.name_confidence: F.round(sure, 4), "_is_moved": inverted | behind | before, "_is_unsure": unsure, "_shares": shares}
    return known.withColumns({"_first2": first2, "_last2": last2, **moved}).drop(*helpers)


_YES, _NO = ("O", "OUI", "Y", "YES", "1", "TRUE", "VRAI"), ("N", "NON", "NO", "0", "FALSE", "FAUX")


def interests(raw: Column) -> Column:
    """Declared interests as a sorted array of lower-case words; empty when none."""
    words = F.split(F.lower(text.squeeze(F.coalesce(raw, F.lit("")))), r" ?\| ?")
    return F.sort_array(F.array_distinct(F.array_remove(words, "")))


def yes_no(raw: Column) -> Column:
    """True, False or null from the ways members write yes and no."""
    return text.looked_up(dict.fromkeys(_YES, "true") | dict.fromkeys(_NO, "false"), text.fold(raw)).cast("boolean")
