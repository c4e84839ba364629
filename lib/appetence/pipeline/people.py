"""Persons that come as a few lines, not as deliveries (requests, suppression lists), standardised by the code that standardises records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_type

from appetence.contracts.bronze import RawRecord
from appetence.contracts.reference import Commune, FirstName
from appetence.pipeline.context import Context
from appetence.privacy import suppressions as s
from appetence.records import names, standardise


def raw_lines(ctx: Context, rows: Iterable[Mapping[str, Any]]) -> DataFrame:
    """bronze.raw_record rows from partial ones, through Arrow: lists may hold millions of lines."""
    filled = [RawRecord.row(delivered_at=ctx.started_at, received_on=ctx.as_of, **dict(r)) for r in rows]
    texts = [f for f in RawRecord.content() if f.dtype != T.TimestampType()]
    columns = {str(f): pa.array([r[str(f)] for r in filled], to_arrow_type(f.dtype)) for f in texts}
    schema = T.StructType([one for one in RawRecord.struct().fields if one.name in columns])
    made = ctx.spark.createDataFrame(pa.table(columns), schema)
    return RawRecord.shape(made.withColumn(RawRecord.delivered_at, F.lit(ctx.started_at)))


def standardised(ctx: Context, lines: DataFrame) -> DataFrame:
    """The lines in the columns of silver.record; record_id and member_id stay as they are."""
    frequencies = names.name_frequencies(ctx.lake.read(FirstName), names.surnames(ctx.spark))
    return standardise.build_records(lines, ctx.lake.read(Commune), frequencies)


def list_hashes(ctx: Context, lines: Iterable[s.Line], name: str) -> DataFrame:
    """Keyed hashes of the coordinates of a list's lines (`suppressions.build_list_hashes`), staged under `name`."""
    raw = raw_lines(ctx, s.as_raw_records(lines))
    pads = ctx.pads(ctx.secret(ctx.config.privacy.pepper_ref))
    # Staged: hashes only. The lines themselves are never written anywhere.
    return ctx.lake.stage(f"hashes_{name}", s.build_list_hashes(standardised(ctx, raw), raw, pads))
