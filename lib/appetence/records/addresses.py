"""Postal addresses of a record: standard lines, parsed parts, commune check, grade and deliverability."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.columns import postal, postal_lines, text
from appetence.columns.grades import Grade
from appetence.contracts.bronze import RawRecord
from appetence.contracts.reference import Commune
from appetence.contracts.silver import Record


def with_address(lines: DataFrame, communes: DataFrame) -> DataFrame:
    """Adds the address columns of silver.record to raw customer lines with clean names. Inputs: lines after `with_names`; reference.commune."""
    return _graded(_with_commune(_parsed(lines), communes))


def _parsed(lines: DataFrame) -> DataFrame:
    first, second, third = ways = [F.col(c) for c in (RawRecord.address_1, RawRecord.address_2, RawRecord.address_3)]
    nothing = F.lit(None).cast("string")
    domestic = postal_lines.is_domestic(F.col(RawRecord.country))
    block = postal.standard_lines(
        F.col(Record.civility), F.col(Record.first_name), F.col(Record.last_name), first, second, third, nothing,
        F.col(RawRecord.postcode), F.col(RawRecord.city), F.col(RawRecord.country),
    )  # fmt: skip
    way_line = F.coalesce(*(F.nullif(F.trim(w), F.lit("")) for w in ways))
    # The street as such where one is found among buildings and flats; else the first line, whatever it says.
    with_way = lines.withColumn("_way_line", F.coalesce(text.null_if_empty(postal_lines.way_within(*ways)), way_line)).withColumns(
        {
            "_is_domestic": domestic,
            Record.address_lines: F.when(way_line.isNotNull() | F.col(RawRecord.postcode).isNotNull(), block),
            "_way": postal.parse_way(F.trim(postal_lines.tidied(F.replace(postal_lines.folded(F.col("_way_line")), F.lit("\n"), F.lit(" "))))),
            Record.address_key: postal.address_key(F.col("_way_line")),
            "_postcode": F.when(domestic, postal.postcode(F.col(RawRecord.postcode))).otherwise(text.fold(F.col(RawRecord.postcode))),
            "_city": F.when(domestic, postal.city(F.col(RawRecord.city))).otherwise(text.fold(F.col(RawRecord.city))),
            "_box": F.coalesce(*(postal.box(w) for w in ways)),
        }
    )
    whole = F.concat_ws("\n", *ways)
    extra = F.concat_ws(
        " ",
        *(F.concat(F.lit(label), part) for label, part in (("BATIMENT ", postal.building(whole)), ("ESCALIER ", postal.staircase(whole)),
                                                             ("ETAGE ", postal.storey(whole)), ("APPARTEMENT ", postal.flat(whole)))),
        F.col("_box"),
    )  # fmt: skip
    way_name = F.concat_ws(" ", F.col("_way.way_type"), F.col("_way.way_name"))
    return with_way.withColumns(
        {
            Record.way_number: F.col("_way.number"),
            Record.way_repetition: F.col("_way.repetition"),
            Record.way_name: F.nullif(way_name, F.lit("")),
            Record.address_extra: F.nullif(extra, F.lit("")),
            Record.country: F.when(F.col("_is_domestic"), "FR").otherwise(F.upper(F.trim(F.col(RawRecord.country)))),
        }
    )


def _with_commune(lines: DataFrame, communes: DataFrame) -> DataFrame:
    """INSEE code by postcode and name; else by the postcode's only commune; else by the name's only commune in the department."""
    usable = communes.where(F.col(Commune.postcode) != "")
    exact = usable.groupBy(F.col(Commune.postcode).alias("_postcode"), F.col(Commune.label_key).alias("_city")).agg(
        F.min(Commune.current_code).alias("_exact")
    )
    single = (
        usable.groupBy(F.col(Commune.postcode).alias("_postcode"))
        .agg(F.min(Commune.current_code).alias("_single"), F.max(Commune.current_code).alias("_other"))
        .where("_single = _other")
        .drop("_other")
    )
    by_name = (
        communes.groupBy(F.col(Commune.department).alias("_department"), F.col(Commune.label_key).alias("_city"))
        .agg(
            F.min(Commune.current_code).alias("_named"),
            F.max(Commune.current_code).alias("_other"),
            F.min(Commune.postcode).alias("_named_postcode"),
        )
        .where("_named = _other")
        .drop("_other")
    )
    placed = (
        lines.withColumn("_department", F.when(F.col("_is_domestic"), postal.department(F.col("_postcode"))))
        .join(F.broadcast(exact), on=["_postcode", "_city"], how="left")
        .join(F.broadcast(single), on="_postcode", how="left")
        .join(F.broadcast(by_name), on=["_department", "_city"], how="left")
    )
    return placed.withColumns(
        {
            Record.postcode: F.col("_postcode"),
            Record.city: F.col("_city"),
            Record.commune_code: F.when(F.col("_is_domestic"), F.coalesce(F.col("_exact"), F.col("_single"), F.col("_named"))),
            Record.department: F.col("_department"),
        }
    )


def _graded(lines: DataFrame) -> DataFrame:
    has_way = F.col(Record.address_key).isNotNull()
    has_place = F.col(Record.postcode).isNotNull() & F.col(Record.city).isNotNull()
    numbered = F.col(Record.way_number).isNotNull() | F.col("_box").isNotNull()
    grade = (
        F.when(~has_way & F.col(Record.postcode).isNull() & F.col(Record.city).isNull(), Grade.ABSENT.value)
        .when(~has_place | ~has_way, Grade.UNUSABLE.value)
        .when(~F.col("_is_domestic"), Grade.DOUBTFUL.value)
        .when(F.col(Record.commune_code).isNull(), Grade.DOUBTFUL.value)
        .when(F.col("_exact").isNull() | ~numbered, Grade.REPAIRED.value)
        .otherwise(Grade.GOOD.value)
    )
    graded = lines.withColumn(Record.address_grade, grade)
    reaches = F.col(Record.address_grade).isin(Grade.GOOD.value, Grade.REPAIRED.value) & F.col(Record.last_name).isNotNull()
    helpers = ["_is_domestic", "_way", "_way_line", "_postcode", "_city", "_box", "_department", "_exact", "_single", "_named", "_named_postcode"]
    return graded.withColumn(Record.is_deliverable, reaches).drop(*helpers)
