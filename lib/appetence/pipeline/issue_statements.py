"""Tells each member what it gave and what of it was used, small counts masked."""

from __future__ import annotations

from pyspark.sql import functions as F

from appetence.contracts.campaign import Campaign, Selection, Statement
from appetence.contracts.reference import Recipient
from appetence.contracts.silver import Permission, Record, Transaction
from appetence.pipeline.context import Context, Counts
from appetence.selection.statements import USED, given, masked, used, with_totals


def run(ctx: Context) -> Counts:
    """This month's stock of each member, and its use by every campaign that has dropped; earlier months' stock stays as it was stated."""
    month = f"{ctx.as_of:%Y-%m}"
    lake = ctx.lake
    parts = given(lake.read(Record), "records", month)
    parts = parts.unionByName(given(lake.read_or_empty(Transaction), "transactions", month))
    parts = parts.unionByName(given(lake.read_or_empty(Permission).where(Permission.is_granted), "permissions", month))
    dropped = lake.read_or_empty(Campaign).where(F.col(Campaign.drop_date) <= F.lit(ctx.as_of))
    parts = parts.unionByName(used(lake.read_or_empty(Selection), dropped, lake.read(Recipient)))
    # What a campaign used is restated as a whole: a piece that an erasure took away since then is no longer counted.
    earlier = lake.read_or_empty(Statement).where((F.col(Statement.month) != month) & (F.col(Statement.measure) != USED))
    rows = lake.stage("statement", masked(with_totals(parts)).unionByName(earlier))
    change = lake.sync(Statement, rows, is_staged=True)
    hidden = rows.where(F.col(Statement.is_masked)).count()
    return Counts(change.rows, change.rows, details={"masked": hidden})
