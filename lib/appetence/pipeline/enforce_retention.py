"""Erases what its own member's rule no longer allows to be kept, through the same engine as a request, and says how much that was."""

from __future__ import annotations

from pyspark.sql import functions as F

from appetence.contracts.privacy import Limitation, RetentionRun
from appetence.contracts.reference import Instruction
from appetence.contracts.silver import PermissionEvent, Record, Transaction
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.erasing import Erased, erase
from appetence.privacy import retention as rt
from appetence.privacy.erasure import Cause

DEFAULT_MONTHS = 36


def run(ctx: Context) -> Counts:
    """Reads instructions, records, transactions and permissions; writes privacy.retention_run and erases. A dry run counts only."""
    lake, law = ctx.lake, ctx.config.law
    default = law.default_retention_months if law else DEFAULT_MONTHS
    records = lake.read(Record)
    members = sorted(r[0] for r in records.select(Record.member_id).distinct().collect())
    rules = rt.rules_at((r.asDict() for r in lake.read(Instruction).collect()), members, ctx.as_of, default)
    judged = lake.stage(
        "retention",
        rt.build_retention(
            records, lake.read_or_empty(Transaction), lake.read_or_empty(PermissionEvent), lake.read_or_empty(Limitation),
            rt.rules_frame(ctx.spark, rules), ctx.as_of,
        ),
    )  # fmt: skip
    counted = {r[Record.member_id]: r for r in rt.summarise(judged).collect()}
    rows = [
        RetentionRun.row(
            as_of=ctx.as_of, member_id=rule.member_id, retention_months=rule.months, limit_on=rule.limit_on, is_dry_run=ctx.dry_run,
            records_examined=counted[rule.member_id]["records_examined"], records_expired=counted[rule.member_id]["records_expired"],
        )
        for rule in rules
    ]  # fmt: skip
    expired = {member: int(row["records_expired"]) for member, row in sorted(counted.items())}
    total = sum(expired.values())
    ctx.progress(f"{total} of {sum(r['records_examined'] for r in counted.values())} records are past their member's rule")
    erased = erase(ctx, judged.where(F.col(rt.IS_EXPIRED)).select(Record.record_id), Cause.RETENTION) if total and not ctx.dry_run else None
    if total or not _ran_before(ctx):
        lake.upsert_rows(RetentionRun, rows)
    return Counts(
        sum(int(r["records_examined"]) for r in counted.values()), total,
        details={
            "expired": expired, "kept_by_limitation": sum(int(r["records_limited"]) for r in counted.values()),
            "rows_deleted": sum(erased.rows.values()) if erased else 0, "audit": _audit(erased),
        },
    )  # fmt: skip


def _ran_before(ctx: Context) -> bool:
    """A second run of a day finds nothing expired: it must not overwrite what the first one counted."""
    return not ctx.lake.read_or_empty(RetentionRun).where(F.col(RetentionRun.as_of) == F.lit(ctx.as_of)).isEmpty()


def _audit(erased: Erased | None) -> list[dict[str, object]]:
    if erased is None:
        return []
    details = {"rows": sum(erased.rows.values()), "files": erased.files, "findings": erased.findings}
    return [{"actor": "enforce_retention", "action": "erased", "object_id": erased.certificate_id, "details": details}]
