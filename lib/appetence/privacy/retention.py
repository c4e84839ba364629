"""Which records are past the time their own member allows: each member's rule over its own data, and over nothing else.

A record is one customer of one member, so one member's recent transaction can never prolong what another member contributed. Its time runs
from the last order or gift with that member; without one, from the person's last word to that member; without one, from its collection.
Events after the as-of date do not count. A record under limitation is kept: freezing it is what the person asked for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from appetence.contracts.domain import PermissionStatus, TransactionKind
from appetence.contracts.local import local_frame
from appetence.contracts.privacy import Limitation
from appetence.contracts.reference import Instruction
from appetence.contracts.silver import PermissionEvent, Record, Transaction
from appetence.privacy.deadlines import first_kept

BASIS_ON, IS_EXPIRED, IS_LIMITED, LIMIT_ON = "basis_on", "is_expired", "is_limited", "limit_on"


@dataclass(frozen=True)
class Rule:
    """A member's rule on one day: records whose time began before `limit_on` are past it."""

    member_id: str
    months: int
    limit_on: dt.date


def rules_at(instructions: Iterable[Mapping[str, Any]], members: Iterable[str], as_of: dt.date, default_months: int) -> list[Rule]:
    """One rule per member, from the rows of reference.instruction: the shortest of its live instructions, else the default."""
    live: dict[str, list[int]] = {}
    for row in instructions:
        ends = row[Instruction.valid_to]
        if row[Instruction.valid_from] <= as_of and (ends is None or as_of <= ends):
            live.setdefault(row[Instruction.member_id], []).append(row[Instruction.retention_months])
    months = {member: min(live.get(member, [default_months])) for member in members}
    return [Rule(member, count, first_kept(as_of, count)) for member, count in sorted(months.items())]


def rules_frame(spark: SparkSession, rules: Iterable[Rule]) -> DataFrame:
    """The rules as rows: member_id, limit_on."""
    kinds = T.StructType([T.StructField(Record.member_id, T.StringType(), False), T.StructField(LIMIT_ON, T.DateType(), False)])
    return local_frame(spark, [(r.member_id, r.limit_on) for r in rules], kinds)


def live_limitations(limitations: DataFrame, as_of: dt.date) -> DataFrame:
    """Ids of the records frozen on `as_of`, one column."""
    open_ended = F.col(Limitation.until).isNull() | (F.col(Limitation.until) >= F.lit(as_of))
    return limitations.where((F.col(Limitation.since) <= F.lit(as_of)) & open_ended).select(Limitation.record_id).distinct()


def build_retention(
    records: DataFrame, transactions: DataFrame, events: DataFrame, limitations: DataFrame, rules: DataFrame, as_of: dt.date
) -> DataFrame:
    """One row per record of a member that has a rule: record_id, member_id, basis_on, is_limited, is_expired."""
    is_purchase = F.col(Transaction.kind).isin(str(TransactionKind.ORDER), str(TransactionKind.GIFT))
    bought = transactions.where(is_purchase & (F.col(Transaction.transaction_date) <= F.lit(as_of)))
    last_bought = bought.groupBy(Transaction.record_id).agg(F.max(Transaction.transaction_date).alias("bought_on"))
    spoke = events.where((F.col(PermissionEvent.status) == str(PermissionStatus.GRANTED)) & (F.to_date(PermissionEvent.collected_at) <= F.lit(as_of)))
    last_spoke = spoke.groupBy(PermissionEvent.record_id).agg(F.to_date(F.max(PermissionEvent.collected_at)).alias("spoke_on"))
    frozen = live_limitations(limitations, as_of).withColumn(IS_LIMITED, F.lit(True))
    began = F.coalesce(F.col("bought_on"), F.col("spoke_on"), F.col(Record.first_delivered_on))
    is_limited = F.coalesce(F.col(IS_LIMITED), F.lit(False))
    return (
        records.select(Record.record_id, Record.member_id, Record.first_delivered_on)
        .join(F.broadcast(rules), on=Record.member_id, how="inner")
        .join(last_bought, on=Record.record_id, how="left")
        .join(last_spoke, on=Record.record_id, how="left")
        .join(frozen, on=Record.record_id, how="left")
        .select(
            Record.record_id, Record.member_id, began.alias(BASIS_ON), is_limited.alias(IS_LIMITED),
            ((began < F.col(LIMIT_ON)) & ~is_limited).alias(IS_EXPIRED),
        )
    )  # fmt: skip


def summarise(retention: DataFrame) -> DataFrame:
    """One row per member: member_id, records_examined, records_expired, records_limited."""
    return retention.groupBy(Record.member_id).agg(
        F.count(F.lit(1)).alias("records_examined"),
        F.count_if(F.col(IS_EXPIRED)).alias("records_expired"),
        F.count_if(F.col(IS_LIMITED)).alias("records_limited"),
    )
