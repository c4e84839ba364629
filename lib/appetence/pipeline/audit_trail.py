"""Writes what runs report to the hash-chained trail, `ops.audit`."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.privacy import Audit, Run
from appetence.errors import ContractError
from appetence.pipeline.context import Context
from appetence.privacy.audit import GENESIS, Entry, Link, faults, next_links, unanchored

TRAIL = "trail"
"""Under this name a run's ledger row keeps the length and the last hash of the trail it left."""


@dataclass(frozen=True)
class Verified:
    """A trail that holds: its length, its last hash, and how many runs' ledgers vouch for it."""

    links: int
    last_hash: str
    anchors: int


def record(ctx: Context, entries: Iterable[Mapping[str, Any]]) -> Link | None:
    """Appends one link per entry (actor, action, object_id, details); gives the end of the chain."""
    said = [Entry(str(e["actor"]), str(e["action"]), str(e["object_id"]), dict(e.get("details", {}))) for e in entries]
    last = last_link(ctx)
    links = next_links(last, said, ctx.started_at)
    if links:
        rows = [{**link.as_row(), str(Audit.at): link.at.replace(tzinfo=dt.UTC)} for link in links]
        ctx.lake.append(Audit, rows)
    return links[-1] if links else last


def last_link(ctx: Context) -> Link | None:
    """The end of the chain; None before the first link."""
    found = _links(ctx.lake.read_or_empty(Audit).orderBy(F.col(Audit.sequence).desc()).limit(1))
    return found[0] if found else None


def chain(ctx: Context) -> Sequence[Link]:
    """The whole trail, in order. It holds runs, not persons: some dozen links a night."""
    return _links(ctx.lake.read_or_empty(Audit).orderBy(Audit.sequence))


def verify(ctx: Context, expected_length: int | None = None) -> Verified:
    """Verifies the trail in itself and against the last hash that each run's ledger row holds; ContractError names the first fault."""
    links = chain(ctx)
    anchors = _anchors(ctx)
    wrong = [*faults(links, expected_length), *unanchored(links, anchors)]
    if wrong:
        more = f" {len(wrong) - 1} more faults follow." if len(wrong) > 1 else ""
        raise ContractError(f"The audit chain does not verify. {wrong[0]}{more} Restore ops.audit from a copy and find out who wrote to it.")
    return Verified(len(links), links[-1].link_hash if links else GENESIS, len(anchors))


def _anchors(ctx: Context) -> list[tuple[str, int, str]]:
    """(run id, links, hash) of every run that added to the trail."""
    if not ctx.lake.exists(Run):
        return []
    runs = ctx.lake.read(Run, with_run_id=True)
    noted = [(row[Run.run_id], json.loads(row[Run.details] or "{}").get(TRAIL)) for row in runs.select(Run.run_id, Run.details).collect()]
    return [(run, int(said["links"]), str(said["hash"])) for run, said in noted if said]


def _links(rows: DataFrame) -> list[Link]:
    """The instant travels as microseconds: as a timestamp it would shift with this machine's time zone, and the hash with it."""
    collected = rows.withColumn(Audit.at, F.unix_micros(Audit.at)).collect()
    epoch = dt.datetime(1970, 1, 1)
    return [Link(**{**row.asDict(), str(Audit.at): epoch + dt.timedelta(microseconds=row[Audit.at])}) for row in collected]
