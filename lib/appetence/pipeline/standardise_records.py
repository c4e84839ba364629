"""Delivered lines become clean records, typed transactions and permission events."""

from __future__ import annotations

from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence import columns, data, records
from appetence.contracts.base import Table
from appetence.contracts.bronze import Delivery, RawPermission, RawRecord, RawTransaction, Reject
from appetence.contracts.reference import Commune, FirstName, Member
from appetence.contracts.silver import DeliveryQuality, Permission, PermissionEvent, Record, Transaction
from appetence.pipeline.address_check import AddressCheck
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.corrected import corrected, corrected_records
from appetence.records import names, newest, permissions, quality, standardise, transactions
from appetence.runtime import packages
from appetence.runtime.ahead import side_by_side


def run(ctx: Context) -> Counts:
    """Reads the bronze lines, writes the silver tables; unreadable lines go to bronze.reject with their reason.

    Records and transactions whose line is the one they were made from are not made again, unless the rules or the references changed.
    Records that their person had corrected always are: they are few, and what comes out as before is not written."""
    lake = ctx.lake
    ctx.progress("standardising names, addresses, phones, e-mails and dates; typing transactions and permissions")
    # Names and addresses cost the most work, typed lines the most waiting: one beside the other.
    address_check = AddressCheck(ctx)
    written, (stored, bad_bought), (said, bad_events) = side_by_side(
        partial(_records, ctx, address_check), partial(_transactions, ctx), partial(_permissions, ctx)
    )  # fmt: skip
    rejected = lake.insert_new(Reject, bad_bought.unionByName(bad_events))
    # Last of all: a run that stopped before has everything made again.
    for table, sources in _SOURCES.items():
        is_whole = table is not Record or not address_check.is_partial
        lake.note_made_with(table, _rules(ctx, *sources) if is_whole else _TO_BE_ASKED_AGAIN)
    stock = lake.read_or_empty(Record).agg(F.count(F.when(F.col(Record.is_bare), 1))).first()
    return Counts(
        rows_in=lake.row_count(RawRecord) + lake.row_count(RawTransaction),
        rows_out=written + stored,
        rows_rejected=rejected.rows,
        details={
            "records": written, "transactions": stored, "permission_events": said,
            "permissions": lake.row_count(Permission), "bare_records": int(stock[0]) if stock else 0,
        },
    )  # fmt: skip


_TO_BE_ASKED_AGAIN = "the address service did not answer"
"""What is noted of records whose addresses it was asked for in vain: no rules are called so."""

_SOURCES: dict[type[Table], tuple[type[Table], ...]] = {
    Record: (),
    Transaction: (),
    PermissionEvent: (RawPermission,),
    Permission: (PermissionEvent,),
}
"""What is noted of each table: the rules, and the tables it was made from as a whole. The others are made line by line."""


def _is_current(ctx: Context, table: type[Table]) -> bool:
    return ctx.lake.made_with(table) == _rules(ctx, *_SOURCES[table])


def _rules(ctx: Context, *sources: type[Table]) -> str:
    """A fingerprint of the rules, the references and, where rows are made from whole tables only, the `sources` as they stand."""
    references: list[type[Table]] = [Commune, FirstName, *sources]
    versions = [f"{t.full_name()}@{ctx.lake.version(t)}" for t in references]
    service = ctx.config.exchange.address_service
    return packages.fingerprint([columns, records, data], [*versions, *([service.url] if service else [])])


def _records(ctx: Context, address_check: AddressCheck) -> int:
    """Records there are, made again only where their line is another than before, or everywhere when the rules are."""
    lake = ctx.lake
    frequencies = lake.stage("frequencies", names.name_frequencies(lake.read(FirstName), names.surnames(ctx.spark)))
    raw, bought = lake.read_or_empty(RawRecord), lake.read_or_empty(RawTransaction)
    current = newest.filter_replaced(raw, lake.read(Delivery))
    if _is_current(ctx, Record):
        changed = lake.stage("changed_records", standardise.changes(current, bought, lake.read(Record), corrected_records(ctx)))
        line: list[str] = [RawRecord.record_id, RawRecord.delivery_id, RawRecord.line_number]
        todo = current.join(changed.drop(Record.delivered_on), on=line, how="inner")
        bare = bought.join(changed.where(F.col(Record.delivery_id).isNull()).select(Record.record_id), on=Record.record_id, how="left_semi")
        known = current
    else:
        changed, todo, bare = None, standardise.newest_records(current), bought
        known = todo
    named = lake.stage("records", standardise.standardised(corrected(ctx, todo), lake.read(Commune), frequencies, address_check))
    made = lake.sync(Record, named.unionByName(standardise.build_bare_records(bare, known)), within=changed)
    tables = (lake.read_or_empty(Record), lake.read(Delivery), lake.read_or_empty(DeliveryQuality), lake.read_or_empty(Reject))
    lake.upsert(DeliveryQuality, quality.measure_deliveries(raw, *tables))
    ctx.progress(f"{made.rows} records made")
    return lake.row_count(Record)


def _transactions(ctx: Context) -> tuple[int, DataFrame]:
    lake = ctx.lake
    raw, members, changed = lake.read_or_empty(RawTransaction), lake.read(Member), None
    if _is_current(ctx, Transaction):
        changed = lake.stage("changed_transactions", transactions.changes(raw, members, lake.read(Transaction)))
    bought, wrong = transactions.build_transactions(raw, members, partial(lake.stage, "typed_transactions"), changed)
    lake.sync(Transaction, bought, within=changed)
    return lake.row_count(Transaction), wrong


def _permissions(ctx: Context) -> tuple[int, DataFrame]:
    """Permission events there are, and rejected lines; lines that were read before, all of them and by the same rules, are not read again."""
    lake, wrong = ctx.lake, Reject.frame(ctx.spark)
    if not _is_current(ctx, PermissionEvent):
        events, wrong = permissions.build_permission_events(lake.read_or_empty(RawPermission), partial(lake.stage, "typed_permissions"))
        # Events said to the operator itself (feedback, rights) have no delivery line: they are kept, so this never deletes.
        lake.upsert(PermissionEvent, events)
    if not _is_current(ctx, Permission):
        lake.sync(Permission, permissions.fold_permissions(lake.read_or_empty(PermissionEvent)))
    return lake.row_count(PermissionEvent), wrong
