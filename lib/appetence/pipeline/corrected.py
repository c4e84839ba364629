"""Delivered lines with the corrections of their persons, for the steps that read what members delivered."""

from __future__ import annotations

from pyspark.sql import DataFrame

from appetence.contracts.privacy import Correction
from appetence.pipeline.context import Context
from appetence.records.corrections import with_corrections


def corrected(ctx: Context, lines: DataFrame) -> DataFrame:
    """Raw customer lines as their persons had them corrected; the lines as they are when nobody asked for that."""
    if not ctx.lake.exists(Correction):
        return lines
    corrections = ctx.lake.read(Correction)
    columns = sorted(row[0] for row in corrections.select(Correction.column).distinct().collect())
    return with_corrections(lines, corrections, columns)


def corrected_records(ctx: Context) -> DataFrame | None:
    """Ids of the records that somebody had corrected, one column; None when there is none."""
    if not ctx.lake.row_count(Correction):
        return None
    return ctx.lake.read(Correction).select(Correction.record_id).distinct()
