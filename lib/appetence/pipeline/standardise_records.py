"""Delivered lines become clean records, typed transactions and permission events."""

from __future__ import annotations

from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence import data
from appetence.contracts.bronze import Delivery, RawPermission, RawRecord, RawTransaction, Reject
from appetence.contracts.reference import Commune, FirstName, Member
from appetence.contracts.silver import Permission, PermissionEvent, Record, Transaction
from appetence.pipeline.context import Context, Counts
from appetence.records import names, newest, permissions, standardise, transactions


def run(ctx: Context) -> Counts:
    """Reads the bronze lines, writes the silver tables; unreadable lines go to bronze.reject with their reason."""
    lake = ctx.lake
    raw_records, raw_transactions = lake.read_or_empty(RawRecord), lake.read_or_empty(RawTransaction)
    frequencies = lake.stage("frequencies", names.name_frequencies(lake.read(FirstName), _surnames(ctx)))
    current = newest.filter_replaced(raw_records, lake.read(Delivery))
    ctx.progress("standardising names, addresses, phones, e-mails and dates")
    named = lake.stage("records", standardise.build_records(current, lake.read(Commune), frequencies, ctx.as_of))
    records = named.unionByName(standardise.build_bare_records(raw_transactions, named))
    written = lake.sync(Record, records)
    ctx.progress(f"{written.rows} records; typing transactions and permissions")
    bought, bad_bought = transactions.build_transactions(raw_transactions, lake.read(Member), ctx.as_of, partial(lake.stage, "typed_transactions"))
    events, bad_events = permissions.build_permission_events(lake.read_or_empty(RawPermission), partial(lake.stage, "typed_permissions"))
    # Events said to the operator itself (feedback, rights) have no delivery line: they are kept, so this never deletes.
    stored, said = lake.together(partial(lake.sync, Transaction, bought), partial(lake.upsert, PermissionEvent, events))
    held = lake.sync(Permission, permissions.fold_permissions(lake.read(PermissionEvent)))
    rejected = lake.insert_new(Reject, bad_bought.unionByName(bad_events))
    return Counts(
        rows_in=raw_records.count() + raw_transactions.count(),
        rows_out=written.rows + stored.rows,
        rows_rejected=rejected.rows,
        details={
            "records": written.rows, "transactions": stored.rows, "permission_events": said.rows, "permissions": held.rows,
            "bare_records": lake.read(Record).where(F.col(Record.is_bare)).count(),
        },
    )  # fmt: skip


def _surnames(ctx: Context) -> DataFrame:
    rows = [(r["surname"], float(r["per_million"])) for r in data.rows("surnames")]
    return ctx.spark.createDataFrame(rows, f"{names.NAME} string, {names.PER_MILLION} double")
