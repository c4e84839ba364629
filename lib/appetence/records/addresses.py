"""Postal addresses of a record: standard lines, parsed parts, commune check, grade and deliverability."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.columns import postal, postal_block, postal_words
from appetence.columns.grades import Grade
from appetence.columns.postal_block import BLOCK, CITY, IS_DOMESTIC, POSTCODE, UNITS, WAY_LINE
from appetence.columns.text import null_if_empty
from appetence.contracts.bronze import RawRecord
from appetence.contracts.reference import Commune
from appetence.contracts.silver import Record

_PLACE, _CODE = "_place", "_place_code"


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
            "_extra": F.concat_ws(" ", *postal.units(F.col(UNITS)), postal.box_of(postal.box_split(F.col(UNITS)))),
        }
    )
    return split.withColumn("_fields", postal.way_fields(F.col("_way"))).withColumns(
        {
            Record.address_lines: F.when(given.isNotNull(), F.col(BLOCK)),
            Record.address_key: postal.way_key(F.col(WAY_LINE)),
            Record.way_number: F.col("_fields.number"),
            Record.way_repetition: F.col("_fields.repetition"),
            Record.way_name: null_if_empty(F.concat_ws(" ", F.col("_fields.way_type"), F.col("_fields.way_name"))),
            Record.address_extra: null_if_empty(F.col("_extra")),
            Record.country: F.when(F.col(IS_DOMESTIC), "FR").otherwise(F.upper(F.trim(F.col(RawRecord.country)))),
        }
    )


def places(communes: DataFrame) -> DataFrame:
    """One row per text that tells a commune (postcode and name; the postcode; department and name), where only one answers to it."""
    postcode, label, department = F.col(Commune.postcode), F.col(Commune.label_key), F.col(Commune.department)
    exact = F.when(postcode != "", F.concat_ws("|", postcode, label))
    keys = F.array(exact, F.nullif(postcode, F.lit("")), F.concat_ws("~", department, label))
    # A small table: in one partition it is grouped where it stands, without a stage of its own.
    listed = communes.coalesce(1).select(F.explode(keys).alias(_PLACE), F.col(Commune.current_code).alias("_code"))
    codes = listed.where(F.col(_PLACE).isNotNull()).groupBy(_PLACE).agg(F.min("_code").alias(_CODE), F.max("_code").alias("_other"))
    return codes.where((F.col(_CODE) == F.col("_other")) | F.contains(F.col(_PLACE), F.lit("|"))).select(_PLACE, _CODE)


def _with_commune(lines: DataFrame, communes: DataFrame) -> DataFrame:
    """INSEE code by postcode and name; else by the postcode's only commune; else by the name's only commune in the department."""
    index = places(communes)
    placed = lines.withColumn(Record.department, F.when(F.col(IS_DOMESTIC), postal.department(F.col(POSTCODE))))
    texts = {
        "_exact": F.concat(F.col(POSTCODE), F.lit("|"), F.col(CITY)),
        "_single": F.col(POSTCODE),
        "_named": F.concat(F.col(Record.department), F.lit("~"), F.col(CITY)),
    }
    for name, text in texts.items():
        # The same small frame three times: Spark computes and sends it once.
        found = index.select(F.col(_PLACE).alias(f"{name}_text"), F.col(_CODE).alias(name))
        placed = placed.withColumn(f"{name}_text", text).join(F.broadcast(found), on=f"{name}_text", how="left")
    code = F.coalesce(*(F.col(name) for name in texts))
    return placed.withColumns(
        {
            Record.postcode: F.col(POSTCODE),
            Record.city: F.col(CITY),
            Record.commune_code: F.when(F.col(IS_DOMESTIC), code),
        }
    ).drop("_single", "_named", *(f"{name}_text" for name in texts))


def _graded(lines: DataFrame) -> DataFrame:
    has_way = F.col(Record.address_key).isNotNull()
    has_place = F.col(Record.postcode).isNotNull() & F.col(Record.city).isNotNull()
    boxed = F.col(Record.address_extra).rlike(r"\b(?:BP|CS|TSA) [0-9]")
    numbered = F.col(Record.way_number).isNotNull() | F.coalesce(boxed, F.lit(False))
    tangled = F.col(UNITS).isNotNull() & F.coalesce(F.col(WAY_LINE).rlike(postal_words.TANGLED), F.lit(False))
    grade = (
        F.when(~has_way & F.col(Record.postcode).isNull() & F.col(Record.city).isNull(), Grade.ABSENT.value)
        .when(~has_place | ~has_way, Grade.UNUSABLE.value)
        .when(~F.col(IS_DOMESTIC), Grade.DOUBTFUL.value)
        .when(F.col(Record.commune_code).isNull(), Grade.DOUBTFUL.value)
        .when(tangled, Grade.DOUBTFUL.value)
        .when(F.col("_exact").isNull() | ~numbered, Grade.REPAIRED.value)
        .otherwise(Grade.GOOD.value)
    )
    graded = lines.withColumn(Record.address_grade, grade)
    reaches = F.col(Record.address_grade).isin(Grade.GOOD.value, Grade.REPAIRED.value) & F.col(Record.last_name).isNotNull()
    return graded.withColumn(Record.is_deliverable, reaches).drop(*postal_block.RESULTS, "_way", "_fields", "_extra", "_exact")
