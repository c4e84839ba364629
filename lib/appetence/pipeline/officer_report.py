"""Reads what the officer's page shows."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.campaign import Export
from appetence.contracts.privacy import (
    Death,
    ErasedRecord,
    ErasureCertificate,
    Limitation,
    RetentionRun,
    RightsDecision,
    RightsRequest,
    RightsTask,
    Run,
    Suppression,
)  # fmt: skip
from appetence.errors import ContractError
from appetence.pipeline import audit_trail
from appetence.pipeline.context import Context
from appetence.privacy.erasure import OF_PERSONS, Subject, remembered
from appetence.privacy.retention import live_limitations
from appetence.reporting.officer_page import N, OfficerRows, Trail, build_officer
from appetence.reporting.parts import Page


def officer_page(ctx: Context, source: str) -> Page:
    """The page `officer.html` as the registers stand; the audit trail is verified for it."""
    lake = ctx.lake

    def rows(frame: DataFrame) -> list[dict[str, Any]]:
        return [row.asDict(recursive=True) for row in frame.collect()]

    grouped = lake.read_or_empty(Suppression).groupBy(Suppression.scope, Suppression.source, Suppression.kind)
    deaths = lake.read_or_empty(Death).groupBy(Death.certainty).count().collect()
    registers = (RightsRequest, RightsTask, RightsDecision, ErasureCertificate, RetentionRun, Export, Run)
    requests, tasks, decisions, certificates, retention, exports, runs = (rows(lake.read_or_empty(t)) for t in registers)
    return build_officer(
        OfficerRows(
            as_of=ctx.as_of, source=source, requests=requests, tasks=tasks, decisions=decisions, certificates=certificates, retention=retention,
            suppressions=rows(grouped.agg(F.count(F.lit(1)).alias(N), F.max(Suppression.added_on).alias("newest"))),
            deaths={row[0]: row[1] for row in deaths}, limited=live_limitations(lake.read_or_empty(Limitation), ctx.as_of).count(),
            erased=_erased_records(ctx), exports=exports, runs=runs, trail=_trail(ctx),
            member_labels={k: m.label for k, m in ctx.config.members.items()},
        )
    )  # fmt: skip


def _erased_records(ctx: Context) -> int:
    """Records that do not return, because their person asked."""
    known = remembered(ctx.lake.read_or_empty(ErasedRecord)).where(ErasedRecord.subject_kind.col == str(Subject.RECORD))
    return known.where(ErasedRecord.cause.col.isin(list(map(str, OF_PERSONS)))).count()


def _trail(ctx: Context) -> Trail:
    try:
        found = audit_trail.verify(ctx)
    except ContractError as broken:
        last = audit_trail.last_link(ctx)
        return Trail(last.sequence if last else 0, last.link_hash if last else "", 0, str(broken))
    return Trail(found.links, found.last_hash, found.anchors)
