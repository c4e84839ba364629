"""Receive: inbox → bronze. Every accepted line is stored once; a refused delivery is quarantined whole; a repeated one changes nothing."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial, reduce
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from appetence.columns.hashing import record_id
from appetence.contracts.base import Table
from appetence.contracts.bronze import Delivery, RawRecord, Reject
from appetence.contracts.local import local_frame
from appetence.exchange.blocks import TABLES
from appetence.exchange.outcome import Fate, Result, delivery_rows, staged_blocks
from appetence.exchange.pgp import Pgp
from appetence.exchange.reading import REJECT_SCHEMA, Unread, accepted_schema, values_given
from appetence.exchange.receiving import Desk, find_deliveries, open_manifests, settle_early, settle_late, take_all, tell_unread
from appetence.exchange.stores import open_store
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.erasing import without_erased
from appetence.records import unread

_JOB = "receive_deliveries"
_SPARK_TYPES: dict[str, T.DataType] = {"line_number": T.IntegerType(), "delivered_at": T.TimestampType(), "received_on": T.DateType()}


def run(ctx: Context) -> Counts:
    """Takes what lies in the inbox up to the as-of date. The tables are written before anything leaves the inbox."""
    with _desk(ctx) as desk:
        found, stray = find_deliveries(desk.inbox.list())
        if stray:
            ctx.progress(f"{len(stray)} files of the inbox belong to no delivery and stay there; the first is {stray[0][:80]!r}")
        results = open_manifests(desk, found)
        take_all(desk, results, _known(ctx, results), lambda result: ctx.progress(_line(result)))
        not_read = _unread(ctx, results)
        for refused in tell_unread(desk, results, _by_file(not_read, results)):
            ctx.progress(_line(refused))
        for result in (r for r in results if r.fate is Fate.ACCEPTED and r.unread):
            ctx.progress(f"{result.incoming.folder}: values that cannot be read: {', '.join(f'{c} {n}' for c, n in result.unread.items())}")
        if not ctx.dry_run:
            for result in results:
                if (warning := settle_early(desk, result)) is not None:
                    ctx.progress(f"{result.incoming.folder}: its member gets no report: {warning}")
        _store(ctx, results, not_read)
        if not ctx.dry_run:
            for result in results:
                if result.fate in (Fate.ACCEPTED, Fate.QUARANTINED, Fate.REPEATED):
                    settle_late(desk, result)
    return _counts(results)


@contextmanager
def _desk(ctx: Context) -> Iterator[Desk]:
    """Stores and keys of the environment, and a private folder for plaintext that is gone afterwards, also what a killed run left."""
    settings = ctx.config.exchange
    for left in Path(ctx.config.paths.scratch).glob(f"{_JOB}-*"):
        if left.name != ctx.run_id:
            shutil.rmtree(left, ignore_errors=True)
    scratch = ctx.scratch / "plain"
    scratch.mkdir(mode=0o700, exist_ok=True)
    passphrase = ctx.secret(settings.operator_passphrase_ref) if settings.operator_passphrase_ref else None
    home = Path(ctx.config.paths.gnupg) / "operator"
    operator = ctx.text(settings.operator_fingerprint_ref)
    try:
        with (
            closing(open_store(settings.inbox, ctx.secret)) as inbox,
            closing(open_store(settings.outbox, ctx.secret)) as outbox,
            closing(open_store(settings.quarantine, ctx.secret)) as quarantine,
            Pgp(home, passphrase) as pgp,
        ):
            pgp.check_own_key(operator)
            yield Desk(inbox, outbox, quarantine, pgp, operator, ctx.config.members, ctx.text, settings, ctx.as_of, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _known(ctx: Context, results: list[Result]) -> dict[str, str]:
    """Status of those deliveries of the inbox that the lake has seen before."""
    ids = sorted({r.delivery_id for r in results if r.delivery_id})
    if not ids or not ctx.lake.exists(Delivery):
        return {}
    seen = ctx.lake.read(Delivery).where(Delivery.delivery_id.col.isin(ids)).select(Delivery.delivery_id, Delivery.status)
    return {row[0]: row[1] for row in seen.collect()}


def _unread(ctx: Context, results: list[Result]) -> DataFrame:
    """bronze.reject rows of what standardising will not be able to read in the staged lines, in columns that the member's layout fills."""
    staged, made = staged_blocks(results), []
    for block in TABLES:
        if paths := [str(s.accepted_path) for s in staged[block] if s.accepted]:
            made.append(unread.unread_values(_identified(_staged_lines(ctx, accepted_schema(block).names, paths)), block))
    if not made:
        return Reject.frame(ctx.spark)
    members = {r.incoming.member_id for r in results if r.fate is Fate.ACCEPTED}
    declared = [(m, str(b), c) for m in sorted(members) for b, spec in ctx.config.members[m].blocks.items() for c in spec.filled()]
    layouts = local_frame(ctx.spark, declared, f"{Reject.member_id} string, {Reject.block} string, {Reject.column} string")
    place = [str(c) for c in (Reject.member_id, Reject.block, Reject.column)]
    return ctx.lake.stage("unread", reduce(DataFrame.unionByName, made).join(F.broadcast(layouts), on=place, how="left_semi"))


def _by_file(found: DataFrame, results: list[Result]) -> dict[tuple[str, str], list[Unread]]:
    """What cannot be read, counted by delivery and block."""
    given = {(r.delivery_id, str(s.block)): values_given(s) for r in results if r.fate is Fate.ACCEPTED for s in r.staged}
    told: dict[tuple[str, str], list[Unread]] = {}
    for row in unread.counted(found).collect():
        place, column, count = (row[Reject.delivery_id], row[Reject.block]), row[Reject.column], row["count"]
        examples = tuple((e[Reject.line_number], e[Reject.value_shape]) for e in row["examples"])
        among = max(given[place].get(column, 0), count)
        told.setdefault(place, []).append(Unread(column, row[Reject.code], row[Reject.sentence], count, among, examples))
    return {place: sorted(values, key=lambda u: (u.column, u.code)) for place, values in told.items()}


def _store(ctx: Context, results: list[Result], not_read: DataFrame) -> None:
    """The lines of all accepted deliveries, each table once; the delivery rows last: they say that the rest is there."""
    staged = staged_blocks(results)
    frames: list[tuple[type[Table], DataFrame | None]] = [
        (table, _staged_rows(ctx, accepted_schema(block).names, [str(s.accepted_path) for s in staged[block] if s.accepted]))
        for block, table in TABLES.items()
    ]
    refused = _staged_rows(ctx, REJECT_SCHEMA.names, [str(s.rejects_path) for files in staged.values() for s in files if s.rejected])
    frames.append((Reject, _with_unread(ctx, results, refused, not_read)))
    writes = [
        (table, table.frame(ctx.spark) if frame is None else frame) for table, frame in frames if frame is not None or not ctx.lake.exists(table)
    ]
    ctx.lake.together(*(partial(ctx.lake.insert_new, table, frame) for table, frame in writes))
    rows = delivery_rows(ctx.as_of, results)
    if rows or not ctx.lake.exists(Delivery):
        ctx.lake.upsert_rows(Delivery, rows)


def _with_unread(ctx: Context, results: list[Result], refused: DataFrame | None, not_read: DataFrame) -> DataFrame | None:
    """The lines refused and the values that cannot be read, of accepted deliveries; None when there are neither."""
    ids = [r.delivery_id for r in results if r.fate is Fate.ACCEPTED and r.unread]
    if not ids:
        return refused
    values = without_erased(ctx, not_read.where(Reject.delivery_id.col.isin(ids)))
    return values if refused is None else Reject.shape(refused).unionByName(values)


def _staged_rows(ctx: Context, names: list[str], paths: list[str]) -> DataFrame | None:
    """The staged files as rows of their table, with the record id of member and customer number; None without files.

    Lines of persons erased at their request are left out here: the delivery counts them as accepted, and no table holds them."""
    return without_erased(ctx, _identified(_staged_lines(ctx, names, paths))) if paths else None


def _staged_lines(ctx: Context, names: list[str], paths: list[str]) -> DataFrame:
    schema = T.StructType([T.StructField(n, _SPARK_TYPES.get(n, T.StringType())) for n in names])
    return ctx.spark.read.schema(schema).parquet(*paths)


def _identified(lines: DataFrame) -> DataFrame:
    known = F.when(F.col(RawRecord.customer_ref).isNotNull(), record_id(F.col(RawRecord.member_id), F.col(RawRecord.customer_ref)))
    return lines.withColumn(RawRecord.record_id, known)


def _line(result: Result) -> str:
    says = f"{result.incoming.folder}: {result.fate}"
    if result.fate is Fate.ACCEPTED:
        rejected = f", {result.rows_read - result.rows_accepted} refused" if result.rows_read > result.rows_accepted else ""
        return f"{says}, {result.rows_accepted} lines{rejected}"
    waits = {
        Fate.UNFINISHED: "its manifest has not arrived",
        Fate.LATER: "it is dated after this run",
        Fate.REPEATED: "it is known already",
    }
    return f"{says}: {result.sentence or waits.get(result.fate, '')}"


def _counts(results: list[Result]) -> Counts:
    """Lines read = stored + refused, over accepted and quarantined deliveries."""
    taken = [r for r in results if r.fate in (Fate.ACCEPTED, Fate.QUARANTINED)]
    read, stored = sum(r.rows_read for r in taken), sum(r.rows_accepted for r in taken)
    fates = Counter(str(r.fate) for r in results)
    not_read = sum(sum(r.unread.values()) for r in taken)
    details = {"deliveries": dict(sorted(fates.items())), "values_unread": not_read, "audit": [_audit(r) for r in taken]}
    return Counts(read, stored, read - stored, details)


def _audit(result: Result) -> dict[str, Any]:
    details = {
        "member_id": result.incoming.member_id, "delivery_ref": result.incoming.delivery_ref, "code": result.code, "signer": result.signer,
        "rows_read": result.rows_read, "rows_accepted": result.rows_accepted,
    }  # fmt: skip
    action = "received" if result.fate is Fate.ACCEPTED else "quarantined"
    return {"actor": _JOB, "action": action, "object_id": result.delivery_id, "details": details}
