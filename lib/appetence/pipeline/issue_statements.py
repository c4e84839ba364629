"""Tells each member what it gave and what of it was used, small counts masked."""

from __future__ import annotations

from pyspark.sql import functions as F

from appetence.contracts.campaign import Campaign, Selection, Statement
from appetence.contracts.reference import Recipient
from appetence.contracts.silver import PermissionEvent, Record, Transaction
from appetence.pipeline.context import Context, Counts
from appetence.selection.statements import given, masked, used, with_totals


def run(ctx: Context) -> Counts:
    """This month's stock of each member, and its use by every campaign cut so far; earlier months' stock stays as it was stated."""
    month = f"{ctx.as_of:%Y-%m}"
    lake = ctx.lake
    stock = given(lake.read(Record), "records", month)
    stock = stock.unionByName(given(lake.read_or_empty(Transaction), "transactions", month))
    stock = stock.unionByName(given(lake.read_or_empty(PermissionEvent), "permissions", month))
    use = used(lake.read_or_empty(Selection), lake.read_or_empty(Campaign), lake.read(Recipient))
    rows = lake.stage("statement", masked(with_totals(stock.unionByName(use))))
    change = lake.upsert(Statement, rows)
    hidden = rows.where(F.col(Statement.is_masked)).count()
    return Counts(change.rows, change.rows, details={"masked": hidden})
