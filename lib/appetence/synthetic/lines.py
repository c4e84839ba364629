"""Canonical rows into the lines of members' files, by each member's own specification, in one plan for all members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from appetence.contracts.domain import Block
from appetence.contracts.local import local_frame
from appetence.contracts.specs import BlockSpec, MemberSpec

LINE = "line"
_LAYOUT = T.StructType(
    [
        T.StructField("member_id", T.StringType(), False),
        T.StructField("_delimiter", T.StringType(), False),
        T.StructField("_order", T.ArrayType(T.IntegerType(), False), False),
        T.StructField("_codes", T.MapType(T.StringType(), T.StringType(), False), False),
    ]
)


def header(spec: BlockSpec) -> list[str]:
    """The source columns of a file, in order."""
    return list(spec.fields) if spec.fields else [*spec.columns, *spec.ignored]


def layouts(spark: SparkSession, members: Mapping[str, MemberSpec], block: Block, columns: Sequence[str]) -> DataFrame:
    """How each member writes a block: member_id, delimiter, index of our column for each of its columns (-1: one we ignore),
    and its codes (`our column=our value` -> code)."""
    rows = []
    for member in members.values():
        spec = member.blocks.get(block)
        if spec is None:
            continue
        order = [columns.index(spec.columns[name]) if name in spec.columns else -1 for name in header(spec)]
        codes = {f"{column}={ours}": code for column, given in spec.values.items() for code, ours in given.items()}
        rows.append((member.member_id, spec.delimiter, order, codes))
    return local_frame(spark, rows, _LAYOUT)


def as_lines(frame: DataFrame, layout: DataFrame, columns: Sequence[str]) -> DataFrame:
    """`frame` (member_id and `columns` as text) with `line`: the row as its member writes it."""
    values = F.array(*(F.struct(F.lit(f"{name}=").alias("at"), F.col(name).alias("value")) for name in columns))
    laid = frame.join(F.broadcast(layout), on="member_id", how="inner").withColumn("_values", values)

    def cell(place: Column) -> Column:
        own = F.get("_values", place)
        value = F.coalesce(own["value"], F.lit(""))
        coded = F.coalesce(F.try_element_at("_codes", F.concat(own["at"], value)), value)
        # A line feed inside a value is legal CSV, but these lines are written one a line.
        plain = F.translate(coded, "\n\r", "  ")
        quoted = F.concat(F.lit('"'), F.replace(plain, F.lit('"'), F.lit('""')), F.lit('"'))
        return F.coalesce(F.when(F.contains(plain, F.col("_delimiter")) | F.contains(plain, F.lit('"')), quoted).otherwise(plain), F.lit(""))

    line = F.array_join(F.transform("_order", cell), "\u0001")
    return laid.withColumn(LINE, F.replace(line, F.lit("\u0001"), F.col("_delimiter"))).drop("_order", "_codes", "_values", "_delimiter")


def decimal_text(cents: Column, decimal: Column) -> Column:
    """Cents as euros with two digits: `-12,50`."""
    size = F.abs(cents)
    digits = F.lpad((size % 100).cast("string"), 2, "0")
    return F.concat(F.when(cents < 0, F.lit("-")).otherwise(F.lit("")), F.floor(size / 100).cast("string"), decimal, digits)
