"""Postal addresses of a record: standard lines, parsed parts, commune check, grade and deliverability."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns import postal, postal_block, postal_lines, postal_words
from appetence.columns.grades import Grade
from appetence.columns.postal_block import BLOCK, BUILDING, CEDEX, CITY, IS_DOMESTIC, PLACE, POSTCODE, UNITS, WAY_LINE
from appetence.columns.text import let, looked_up, null_if_empty
from appetence.contracts.bronze import RawRecord
from appetence.contracts.reference import Commune
from appetence.contracts.silver import Record

_PLACE, _CODE, _ONLY = "_place", "_place_code", "_place_only"


GRADES = {
    "absent": Grade.ABSENT.value, "no_place": Grade.UNUSABLE.value, "no_way": Grade.UNUSABLE.value, "foreign": Grade.DOUBTFUL.value,
    "unknown_commune": Grade.DOUBTFUL.value, "tangled": Grade.DOUBTFUL.value, "commune_repaired": Grade.REPAIRED.value,
    "commune_by_code": Grade.REPAIRED.value, "no_number": Grade.REPAIRED.value, "good": Grade.GOOD.value,
}  # fmt: skip
"""Verdict of an address -> its grade; the first that holds, in this order, is the verdict."""


def with_address(lines: DataFrame, communes: DataFrame) -> DataFrame:
    """Adds the address columns of silver.record to raw customer lines with clean names. Inputs: lines after `with_names`; reference.commune."""
    return _graded(_with_commune(_parsed(lines), communes))


def _parsed(lines: DataFrame) -> DataFrame:
    """Each step is a projection of its own: what a later one uses twice is computed once."""
    written = postal_block.with_block(
        lines,
        civility=F.col(Record.civility),
        first=F.col(Record.first_name),
        last=F.col(Record.last_name),
        address=[F.col(c) for c in (RawRecord.address_1, RawRecord.address_2, RawRecord.address_3)],
        postcode=F.col(RawRecord.postcode),
        city=F.col(RawRecord.city),
        country=F.col(RawRecord.country),
    )
    given = F.coalesce(*(F.col(c) for c in (RawRecord.address_1, RawRecord.address_2, RawRecord.address_3, RawRecord.postcode)))
    split = written.withColumns(
        {
            "_way": postal.way_split(F.col(WAY_LINE)),
            Record.box: postal.box_of(postal.box_split(F.col(UNITS))),
            **postal.units(F.col(UNITS)),
        }
    )
    named_units = (F.concat(F.lit(f"{word} "), F.col(unit)) for unit, word in postal.UNIT_WORDS.items())
    split = split.withColumn("_extra", F.concat_ws(" ", *named_units, Record.box))
    return split.withColumn("_fields", postal.way_fields(F.col("_way"))).withColumns(
        {
            Record.address_lines: F.when(given.isNotNull(), F.col(BLOCK)),
            Record.address_key: postal.way_key(F.col(WAY_LINE)),
            Record.way_number: F.col("_fields.number"),
            Record.way_repetition: F.col("_fields.repetition"),
            Record.way_type: F.col("_fields.way_type"),
            Record.building_name: F.col(BUILDING),
            Record.locality: F.col(PLACE),
            Record.cedex: F.col(CEDEX),
            Record.way_name: null_if_empty(F.concat_ws(" ", F.col("_fields.way_type"), F.col("_fields.way_name"))),
            Record.address_extra: null_if_empty(F.col("_extra")),
            Record.country: F.when(F.col(IS_DOMESTIC), "FR").otherwise(F.upper(F.trim(F.col(RawRecord.country)))),
        }
    )


def places(communes: DataFrame) -> DataFrame:
    """One row per text that tells a commune (postcode and name; the postcode; department and name), where only one answers to it, with its
    postcode where it has but one."""
    postcode, label, department = F.col(Commune.postcode), F.col(Commune.label_key), F.col(Commune.department)
    exact = F.when(postcode != "", F.concat_ws("|", postcode, label))
    keys = F.array(exact, F.nullif(postcode, F.lit("")), F.concat_ws("~", department, label))
    # A small table: in one partition it is grouped where it stands, without a stage of its own.
    listed = communes.coalesce(1).select(
        F.explode(keys).alias(_PLACE), F.col(Commune.current_code).alias("_code"), F.nullif(postcode, F.lit("")).alias("_at")
    )
    codes = (
        listed.where(F.col(_PLACE).isNotNull())
        .groupBy(_PLACE)
        .agg(F.min("_code").alias(_CODE), F.max("_code").alias("_other"), F.min("_at").alias(_ONLY), F.max("_at").alias("_last"))
    )
    sure = codes.where((F.col(_CODE) == F.col("_other")) | F.contains(F.col(_PLACE), F.lit("|")))
    return sure.select(_PLACE, _CODE, F.when(F.col(_ONLY) == F.col("_last"), F.col(_ONLY)).alias(_ONLY))


def near_places(communes: DataFrame) -> DataFrame:
    """One row per postcode: the names its communes go by or went by, each with today's code, sorted."""
    listed = communes.coalesce(1).select(Commune.postcode, F.col(Commune.label_key).alias("label"), F.col(Commune.current_code).alias("code"))
    known = listed.where(F.col(Commune.postcode) != "")
    # A former commune without a postcode of its own is looked for under those of the commune that took it in.
    former = listed.where(F.col(Commune.postcode) == "").drop(Commune.postcode)
    merged = former.join(F.broadcast(known.select("code", Commune.postcode).distinct()), on="code", how="inner")
    named = known.unionByName(merged).groupBy(F.col(Commune.postcode).alias("_missed"))
    return named.agg(F.sort_array(F.collect_set(F.struct("label", "code"))).alias("_names"))


def _nearest(names: Column, city: Column) -> Column:
    """The one of a postcode's names that the text nearly is: one letter wrong (two in six or more), or its end left out; null when there is none
    or more than one."""
    wrong = F.when(F.length(city) < 4, 0).when(F.length(city) < 6, 1).otherwise(2)

    def is_near(name: Column) -> Column:
        return (F.levenshtein(name["label"], city) <= wrong) | name["label"].startswith(F.concat(city, F.lit(" ")))

    return let(F.filter(names, is_near), lambda near: F.when(F.size(near) == 1, near[0]))


def _with_commune(lines: DataFrame, communes: DataFrame) -> DataFrame:
    """INSEE code by postcode and name; else by a name of the postcode that the text nearly is; else by the postcode's only commune; else by the
    name's only commune in the department. A name nearly right is spelled right; a postcode that is none becomes the commune's only one."""
    index = places(communes)
    placed = lines.withColumn(Record.department, F.when(F.col(IS_DOMESTIC), postal.department(F.col(POSTCODE))))
    texts = {
        "_exact": F.concat(F.col(POSTCODE), F.lit("|"), F.col(CITY)),
        "_single": F.col(POSTCODE),
        "_named": F.concat(F.col(Record.department), F.lit("~"), F.col(CITY)),
    }
    for name, text in texts.items():
        # The same small frame three times: Spark computes and sends it once.
        found = index.select(F.col(_PLACE).alias(f"{name}_text"), F.col(_CODE).alias(name), F.col(_ONLY).alias(f"{name}_only"))
        placed = placed.withColumn(f"{name}_text", text).join(F.broadcast(found), on=f"{name}_text", how="left")
    missed = placed.withColumn("_missed", F.when(F.col("_exact").isNull() & F.col(IS_DOMESTIC), F.col(POSTCODE)))
    near = missed.join(F.broadcast(near_places(communes)), on="_missed", how="left").withColumn("_near", _nearest(F.col("_names"), F.col(CITY)))
    is_no_code = F.col("_missed").isNotNull() & F.col("_names").isNull() & F.col(Record.cedex).isNull() & F.col(Record.box).isNull()
    code = F.coalesce("_exact", "_near.code", "_single", "_named")
    repaired = near.withColumns(
        {
            Record.postcode: F.coalesce(F.when(is_no_code, F.col("_named_only")), F.col(POSTCODE)),
            Record.city: F.coalesce("_near.label", CITY),
            Record.commune_code: F.when(F.col(IS_DOMESTIC), code),
        }
    )
    helpers = ["_single", "_named", "_missed", "_names", "_near", *(f"{name}_text" for name in texts), *(f"{name}_only" for name in texts)]
    return repaired.withColumn(Record.address_lines, _last_line_repaired()).drop(*helpers)


def _last_line_repaired() -> Column:
    """The lines of a French address, the last as postcode and commune were repaired."""
    found, code, city = F.col(Record.address_lines), F.col(Record.postcode), F.col(Record.city)
    last = postal_lines.cut(F.concat_ws(" ", code, city, Record.cedex))
    is_other = F.col("_missed").isNotNull() & ((code != F.col(POSTCODE)) | (city != F.col(CITY)))
    return F.when(is_other, F.concat(F.slice(found, F.lit(1), F.size(found) - 1), F.array(last))).otherwise(found)


def _graded(lines: DataFrame) -> DataFrame:
    has_way = F.col(Record.address_key).isNotNull()
    has_place = F.col(Record.postcode).isNotNull() & F.col(Record.city).isNotNull()
    boxed = F.col(Record.address_extra).rlike(r"\b(?:BP|CS|TSA) [0-9]")
    numbered = F.col(Record.way_number).isNotNull() | F.coalesce(boxed, F.lit(False))
    tangled = F.col(UNITS).isNotNull() & F.coalesce(F.col(WAY_LINE).rlike(postal_words.TANGLED), F.lit(False))
    respelled = (F.col(Record.postcode) != F.col(POSTCODE)) | (F.col(Record.city) != F.col(CITY))
    verdict = (
        F.when(~has_way & F.col(Record.postcode).isNull() & F.col(Record.city).isNull(), "absent")
        .when(~has_place, "no_place")
        .when(~has_way, "no_way")
        .when(~F.col(IS_DOMESTIC), "foreign")
        .when(F.col(Record.commune_code).isNull(), "unknown_commune")
        .when(tangled, "tangled")
        .when(F.col("_exact").isNull() & respelled, "commune_repaired")
        .when(F.col("_exact").isNull(), "commune_by_code")
        .when(~numbered, "no_number")
        .otherwise("good")
    )
    judged = lines.withColumn(Record.address_verdict, verdict)
    graded = judged.withColumn(Record.address_grade, looked_up(GRADES, F.col(Record.address_verdict)))
    reaches = F.col(Record.address_grade).isin(Grade.GOOD.value, Grade.REPAIRED.value) & F.col(Record.last_name).isNotNull()
    return graded.withColumn(Record.is_deliverable, reaches).drop(*postal_block.RESULTS, "_way", "_fields", "_extra", "_exact")
