"""Delivered lines become clean records, typed transactions and permission events."""

from __future__ import annotations

from functools import partial

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence import columns, data, records
from appetence.contracts.base import Table
from appetence.contracts.bronze import Delivery, RawPermission, RawRecord, RawTransaction, Reject
from appetence.contracts.local import local_frame
from appetence.contracts.reference import Commune, FirstName, Member
from appetence.contracts.silver import DeliveryQuality, Permission, PermissionEvent, Record, Transaction
from appetence.pipeline.context import Context, Counts
from appetence.records import names, newest, permissions, quality, standardise, transactions
from appetence.runtime import packages
from appetence.runtime.ahead import side_by_side
from appetence.storage.lake import Change


def run(ctx: Context) -> Counts:
    """Reads the bronze lines, writes the silver tables; unreadable lines go to bronze.reject with their reason.

    Records and transactions whose line is the one they were made from are not made again, unless the rules or the references changed."""
    lake = ctx.lake
    ctx.progress("standardising names, addresses, phones, e-mails and dates; typing transactions and permissions")
    # Names and addresses cost the most work, typed lines the most waiting: one beside the other.
    written, (stored, bad_bought), (said, bad_events) = side_by_side(
        partial(_records, ctx), partial(_transactions, ctx), partial(_permissions, ctx)
    )  # fmt: skip
    rejected = lake.insert_new(Reject, bad_bought.unionByName(bad_events))
    stock = lake.read(Record).agg(F.count(F.when(F.col(Record.is_bare), 1))).first()
    return Counts(
        rows_in=lake.read_or_empty(RawRecord).count() + lake.read_or_empty(RawTransaction).count(),
        rows_out=written.rows + stored.rows,
        rows_rejected=rejected.rows,
        details={
            "records": written.rows, "transactions": stored.rows, "permission_events": said.rows,
            "permissions": lake.read(Permission).count(), "bare_records": int(stock[0]) if stock else 0,
        },
    )  # fmt: skip


def _made(ctx: Context, table: type[Table]) -> tuple[DataFrame | None, str]:
    """The table's rows, if today's rules and references made them, and the fingerprint of those."""
    versions = [f"{t.full_name()}@{ctx.lake.version(t)}" for t in (Commune, FirstName)]
    rules = packages.fingerprint([columns, records, data], versions)
    return (ctx.lake.read(table) if ctx.lake.made_with(table) == rules else None), rules


def _records(ctx: Context) -> Change:
    lake = ctx.lake
    frequencies = lake.stage("frequencies", names.name_frequencies(lake.read(FirstName), surnames(ctx.spark)))
    raw = lake.read_or_empty(RawRecord)
    heads = standardise.newest_records(newest.filter_replaced(raw, lake.read(Delivery)))
    made, rules = _made(ctx, Record)
    if made is None:
        named = standardise.standardised(heads, lake.read(Commune), frequencies)
    else:
        changed, kept = standardise.changed_and_kept(heads, made.where(~F.col(Record.is_bare)))
        named = standardise.standardised(changed, lake.read(Commune), frequencies).unionByName(kept)
    named = lake.stage("records", named)
    rows = named.unionByName(standardise.build_bare_records(lake.read_or_empty(RawTransaction), named))
    measures = quality.measure_deliveries(raw, named, lake.read(Delivery), lake.read_or_empty(DeliveryQuality))
    written, _ = lake.together(partial(lake.sync, Record, rows), partial(lake.insert_new, DeliveryQuality, measures))
    lake.note_made_with(Record, rules)
    ctx.progress(f"{written.rows} records")
    return written


def _transactions(ctx: Context) -> tuple[Change, DataFrame]:
    lake = ctx.lake
    raw = lake.read_or_empty(RawTransaction)
    made, rules = _made(ctx, Transaction)
    bought, wrong = transactions.build_transactions(raw, lake.read(Member), partial(lake.stage, "typed_transactions"), made)
    written = lake.sync(Transaction, bought)
    lake.note_made_with(Transaction, rules)
    return written, wrong


def _permissions(ctx: Context) -> tuple[Change, DataFrame]:
    lake = ctx.lake
    events, wrong = permissions.build_permission_events(lake.read_or_empty(RawPermission), partial(lake.stage, "typed_permissions"))
    # Events said to the operator itself (feedback, rights) have no delivery line: they are kept, so this never deletes.
    said = lake.upsert(PermissionEvent, events)
    lake.sync(Permission, permissions.fold_permissions(lake.read(PermissionEvent)))
    return said, wrong


def surnames(spark: SparkSession) -> DataFrame:
    """The shipped surnames: (name, per_million)."""
    rows = [(r["surname"], float(r["per_million"])) for r in data.rows("surnames")]
    return local_frame(spark, rows, f"{names.NAME} string, {names.PER_MILLION} double")
