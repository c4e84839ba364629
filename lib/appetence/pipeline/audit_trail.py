"""Writes what runs report to the hash-chained trail, `ops.audit`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.privacy import Audit
from appetence.pipeline.context import Context
from appetence.privacy.audit import Entry, Link, next_links, verify


def record(ctx: Context, entries: Iterable[Mapping[str, Any]]) -> int:
    """Appends one link per entry (actor, action, object_id, details); gives the length of the chain."""
    said = [Entry(str(e["actor"]), str(e["action"]), str(e["object_id"]), dict(e.get("details", {}))) for e in entries]
    last = last_link(ctx)
    links = next_links(last, said, ctx.started_at)
    if links:
        rows = [{**link.as_row(), str(Audit.at): link.at.replace(tzinfo=dt.UTC)} for link in links]
        ctx.lake.append(Audit, Audit.frame(ctx.spark, rows))
    return links[-1].sequence if links else (last.sequence if last else 0)


def last_link(ctx: Context) -> Link | None:
    """The end of the chain; None before the first link."""
    found = _links(ctx.lake.read_or_empty(Audit).orderBy(F.col(Audit.sequence).desc()).limit(1))
    return found[0] if found else None


def chain(ctx: Context) -> Sequence[Link]:
    """The whole trail, in order. It holds runs, not persons: some dozen links a night."""
    return _links(ctx.lake.read_or_empty(Audit).orderBy(Audit.sequence))


def check(ctx: Context, expected_length: int | None = None) -> int:
    """Verifies the whole trail; ContractError with the first fault. Gives its length."""
    links = chain(ctx)
    verify(links, expected_length)
    return len(links)


def _links(rows: DataFrame) -> list[Link]:
    """The instant travels as microseconds: as a timestamp it would shift with this machine's time zone, and the hash with it."""
    collected = rows.withColumn(Audit.at, F.unix_micros(Audit.at)).collect()
    epoch = dt.datetime(1970, 1, 1)
    return [Link(**{**row.asDict(), str(Audit.at): epoch + dt.timedelta(microseconds=row[Audit.at])}) for row in collected]
