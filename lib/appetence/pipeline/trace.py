"""What `appetence audit trace` says of an exported line: everything it rests on, or where the way back ends."""

from __future__ import annotations

from typing import Any

from pyspark.sql import functions as F

from appetence.contracts.bronze import Delivery, RawRecord
from appetence.contracts.campaign import Campaign, Decision, Export, ExportLine, Selection
from appetence.contracts.privacy import ErasureCertificate
from appetence.contracts.reference import Instruction
from appetence.contracts.silver import PermissionEvent
from appetence.errors import RightsError
from appetence.pipeline.context import Context
from appetence.privacy import trace as t


def trace(ctx: Context, reference: str) -> list[dict[str, Any]]:
    """The way back of every file's line with this reference. RightsError when no file holds it: never exported, a seed, or erased since."""
    lines = ctx.lake.read(ExportLine).where(F.col(ExportLine.reference) == F.lit(reference))
    found = [row.asDict(recursive=True) for row in t.build_trace(_sources(ctx, lines)).orderBy(ExportLine.export_id).collect()]
    if not found:
        raise RightsError("No exported line of a person bears this reference: it is a control line, or its trail ends at an erasure's certificate.")
    return found


def gaps(ctx: Context, export_id: str | None = None) -> list[dict[str, Any]]:
    """Per file: exported lines of persons, those that lead all the way back, and how often each station is missing."""
    lines = ctx.lake.read(ExportLine)
    chosen = lines.where(F.col(ExportLine.export_id) == F.lit(export_id)) if export_id else lines
    counts = [F.count_if(F.array_contains(t.MISSING, name)).alias(f"without_{name}") for name in t.LINKS]
    whole = F.count_if(F.size(t.MISSING) == 0).alias("traced")
    found = t.build_trace(_sources(ctx, chosen)).groupBy(ExportLine.export_id).agg(F.count(F.lit(1)).alias("lines"), whole, *counts)
    rows = [row.asDict() for row in found.orderBy(ExportLine.export_id).collect()]
    if export_id and not rows:
        raise RightsError(f"There is no file {export_id!r} with lines of persons: see gold.export.")
    return rows


def erased_selections(ctx: Context) -> int:
    """Rows of gold.selection that erasures took, by their certificates: so many exported lines may end there."""
    rows = ctx.lake.read_or_empty(ErasureCertificate).where(ErasureCertificate.table_name.col == Selection.full_name())
    return sum(row[0] for row in rows.select(ErasureCertificate.rows_purged).collect())


def _sources(ctx: Context, lines: Any) -> t.Sources:
    lake = ctx.lake
    return t.Sources(
        lines, lake.read(Export), lake.read(Campaign), lake.read_or_empty(Selection), lake.read_or_empty(Decision),
        lake.read_or_empty(PermissionEvent), lake.read_or_empty(Instruction), lake.read_or_empty(RawRecord), lake.read_or_empty(Delivery),
    )  # fmt: skip
