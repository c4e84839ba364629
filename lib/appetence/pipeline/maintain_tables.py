"""Keeps the lake small and honest: files compacted, old versions removed, what is due destroyed, the audit trail verified."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

from pyspark.sql import functions as F

from appetence.contracts.base import REGISTRY
from appetence.contracts.campaign import CampaignFile, Export
from appetence.contracts.privacy import RightsRequest
from appetence.exchange.exporting import destroy_due
from appetence.exchange.stores import open_store
from appetence.pipeline.audit_trail import verify
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.rights_answers import answered_before
from appetence.pipeline.rights_files import destroy_files, past
from appetence.privacy.destruction import destroy, left_in_scratch


def run(ctx: Context) -> Counts:
    """Compacts and purges every table, destroys exports, client files and answers past their day, and verifies the audit trail."""
    links = verify(ctx).links
    tables = [table for _, table in sorted(REGISTRY.items()) if ctx.lake.exists(table)]
    exports = _destroy_exports(ctx)
    lines = _drop_client_files(ctx)
    leftovers = 0
    if not ctx.dry_run:
        leftovers = destroy(left_in_scratch(Path(ctx.config.paths.scratch), [ctx.run_id, "spark", "warehouse"]))
        leftovers += destroy(answered_before(ctx, ctx.lake.read_or_empty(RightsRequest))) + destroy_files(ctx, past(ctx))
    ctx.progress(f"compacting {len(tables)} tables")
    compacted = sum(ctx.lake.together(*(partial(ctx.lake.optimize, table) for table in tables)))
    removed = sum(ctx.lake.purge(tables).values())
    audit = [{"actor": "maintain_tables", "action": "destroyed", "object_id": export, "details": {"kind": "export"}} for export in exports]
    return Counts(
        len(tables), len(tables),
        details={
            "tables_compacted": compacted, "files_removed": removed, "exports_destroyed": len(exports), "client_file_lines_destroyed": lines,
            "leftovers_destroyed": leftovers, "audit_links": links, "audit": audit,
        },
    )  # fmt: skip


def _destroy_exports(ctx: Context) -> list[str]:
    """Ids of the exports whose copy here is destroyed now, because their day has come."""
    rows = ctx.lake.read_or_empty(Export)
    due = rows.where(Export.destroyed_on.col.isNull() & (Export.destroy_by.col <= F.lit(ctx.as_of)))
    listed = due.collect()
    if not listed or ctx.dry_run:
        return []
    with closing(open_store(ctx.config.exchange.outbox, ctx.secret)) as outbox:
        gone = destroy_due(listed, ctx.as_of, outbox)
    ctx.lake.upsert(Export, due.withColumn(Export.destroyed_on, F.lit(ctx.as_of)))
    return gone


def _drop_client_files(ctx: Context) -> int:
    """Lines of clients' own files whose day has come."""
    if not ctx.lake.exists(CampaignFile):
        return 0
    scope = f"{CampaignFile.destroy_by} <= DATE'{ctx.as_of.isoformat()}'"
    return ctx.lake.sync(CampaignFile, CampaignFile.frame(ctx.spark), scope).deleted
