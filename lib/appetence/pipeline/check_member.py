"""A newcomer's sample, standardised as a delivery would be and counted: no table is read or written, no value leaves."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.columns.hashing import record_id
from appetence.contracts.bronze import RawRecord, RawTransaction, Reject
from appetence.contracts.domain import Block
from appetence.contracts.reference import Member
from appetence.contracts.specs import BlockSpec
from appetence.exchange.blocks import TABLES
from appetence.exchange.reading import Staged, Unread, values_given
from appetence.pipeline.load_reference import build_communes, build_first_names
from appetence.records import names, permissions, standardise, transactions, unread
from appetence.records.quality import GRADED, PARSED

Rows = list[dict[str, Any]]


def measured(spark: SparkSession, staged: Path, block: Block, as_of: dt.date, first_names: str = "") -> Rows:
    """What standardising makes of the accepted lines of a sample: per column its share of each grade, or of the lines that cannot be read.

    Rows: column, measure (grade A to D, absent, parsed, or a reject code), share of the lines (0 to 1)."""
    filled = _lines(spark, staged, block, as_of)
    count = filled.count()
    if count == 0:
        return []
    counted = _graded(spark, filled, first_names) if block is Block.CUSTOMERS else _rejected(spark, filled, block)
    return [{"column": c, "measure": m, "share": round(n / count, 4)} for c, m, n in counted]


def _lines(spark: SparkSession, staged: Path, block: Block, as_of: dt.date) -> DataFrame:
    """The accepted lines of a sample as rows of their table, delivered on the as-of date."""
    raw = spark.read.parquet(str(staged))
    lines = raw.withColumn(RawRecord.record_id, record_id(F.col(RawRecord.member_id), F.col(RawRecord.customer_ref)))
    return lines.select(
        *(F.col(str(f)).cast(f.dtype) if str(f) in lines.columns else F.lit(None).cast(f.dtype).alias(str(f)) for f in TABLES[block].content())
    ).withColumn(RawRecord.delivered_at, F.lit(as_of).cast("timestamp"))


def not_read(spark: SparkSession, staged: Staged, as_of: dt.date, spec: BlockSpec) -> list[Unread]:
    """What a delivery's member would be told of the sample's values, by column and reason."""
    given, told = values_given(staged), []
    values = unread.unread_values(_lines(spark, staged.accepted_path, staged.block, as_of), staged.block)
    for row in unread.counted(values.where(F.col(Reject.column).isin(*spec.filled()))).collect():
        examples = tuple((e[Reject.line_number], e[Reject.value_shape]) for e in row["examples"])
        among = max(given.get(row[Reject.column], 0), row["count"])
        told.append(Unread(row[Reject.column], row[Reject.code], row[Reject.sentence], row["count"], among, examples))
    return sorted(told, key=lambda u: (u.column, u.code))


def _graded(spark: SparkSession, lines: DataFrame, first_names: str) -> list[tuple[str, str, int]]:
    # Each line counts, also where two are of one customer.
    each = lines.withColumn(RawRecord.record_id, F.concat_ws("/", RawRecord.record_id, F.col(RawRecord.line_number).cast("string")))
    frequencies = names.name_frequencies(build_first_names(spark, first_names), names.surnames(spark))
    records = standardise.build_records(each, build_communes(spark), frequencies).select(*GRADED.values(), *PARSED)
    grades = [F.struct(F.lit(c).alias("column"), F.col(g).alias("measure")) for c, g in GRADED.items()]
    parsed = [F.when(F.col(c).isNotNull(), F.struct(F.lit(str(c)).alias("column"), F.lit("parsed").alias("measure"))) for c in PARSED]
    listed = records.select(F.explode(F.array_compact(F.array(*grades, *parsed))).alias("said")).groupBy("said.column", "said.measure").count()
    return sorted((str(r[0]), str(r[1]), int(r[2])) for r in listed.collect())


def _rejected(spark: SparkSession, lines: DataFrame, block: Block) -> list[tuple[str, str, int]]:
    if block is Block.TRANSACTIONS:
        members = Member.frame(spark, [{"member_id": r[0]} for r in lines.select(RawTransaction.member_id).distinct().collect()])
        _, bad = transactions.build_transactions(lines, members)
    else:
        _, bad = permissions.build_permission_events(lines)
    return sorted((str(r[0]), str(r[1]), int(r[2])) for r in bad.groupBy(Reject.column, Reject.code).count().collect())
