"""Purchases and gifts, typed: dates, cents, kinds; what cannot be read is rejected with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.columns import dates, hashing, text
from appetence.contracts.bronze import RawTransaction, Reject
from appetence.contracts.domain import Block, TransactionKind
from appetence.contracts.reference import Member
from appetence.contracts.silver import Transaction
from appetence.records.newest import differing, heads, newest_lines

MAX_CENTS = 100_000_000
KINDS = {
    TransactionKind.ORDER: ("", "ORDER", "COMMANDE", "ACHAT", "VENTE", "ABONNEMENT"),
    TransactionKind.GIFT: ("GIFT", "DON", "LEGS"),
    TransactionKind.REFUND: ("REFUND", "REMBOURSEMENT", "RETOUR", "AVOIR"),
}


def amount_cents(raw: Column, mark: Column) -> Column:
    """Cents from `1 234,50`, `1.234,50`, `12.5`, `-3`, rounded half up; null when it is not an amount.

    `mark` is the decimal mark agreed with the member; it decides `1.234`. The other mark groups thousands, and counts as a decimal one only
    where it cannot: `12.5` is twelve and a half for everybody. Null (lines taken before it was kept): the last separator followed by one or
    two digits is the decimal one, all others group thousands."""
    bare = F.regexp_replace(raw, r"[\s\u00a0\u202f€EUR]+", "")
    dotted = F.regexp_replace(F.regexp_replace(bare, r"[.,](\d{1,2})$", "#$1"), "[.,]", "")
    guessed = F.regexp_replace(dotted, "#", ".")
    unmarked = F.when(guessed.rlike(r"^[+-]?\d{1,9}(\.\d{1,2})?$"), guessed)
    number = F.when(mark == ".", _by_mark(bare, ".", ",")).when(mark == ",", _by_mark(bare, ",", ".")).otherwise(unmarked)
    return (number.try_cast("decimal(14,2)") * 100).cast("bigint")


def _by_mark(bare: Column, mark: str, other: str) -> Column:
    """The text of a number with a point, from one with this decimal mark; the power of ten is how Parquet's smallest numbers are written."""

    def grouped(decimal: str, group: str) -> str:
        return rf"^[+-]?(\d{{1,3}}({re.escape(group)}\d{{3}})+|\d+)({re.escape(decimal)}\d+)?$"

    as_agreed = F.translate(bare, f"{mark}{other}", ".")
    otherwise = F.translate(bare, f"{other}{mark}", ".")
    return (
        F.when(bare.rlike(grouped(mark, other)), as_agreed)
        .when(bare.rlike(grouped(other, mark)), otherwise)
        .when(bare.rlike(r"^-?\d(\.\d+)?e[+-]\d{1,3}$"), bare)
    )


def typed_lines(lines: DataFrame) -> DataFrame:
    """Adds typed columns, `_fault` (column, code, sentence; null when usable) and the list `_faults` of all there are to raw transaction lines."""
    day = dates.known_date(dates.parse_date(F.col(RawTransaction.transaction_date), F.year(RawTransaction.delivered_at)))
    kind = F.coalesce(text.fold(F.col(RawTransaction.kind)), F.lit(""))
    typed_kind = F.lit(None).cast("string")
    for value, words in KINDS.items():
        typed_kind = F.when(kind.isin(*words), value.value).otherwise(typed_kind)
    cents = amount_cents(F.col(RawTransaction.amount), F.col(RawTransaction.decimal_mark))
    typed = lines.withColumns({"_day": day, "_cents": cents, "_kind": typed_kind})
    return with_faults(
        typed,
        [
            F.when(F.col("_day").isNull(), fault(RawTransaction.transaction_date, "BAD_DATE", "is not a date; write yyyy-MM-dd or dd/MM/yyyy")),
            F.when(F.col("_cents").isNull(), fault(RawTransaction.amount, "BAD_AMOUNT", "is not an amount in euros")),
            F.when(F.abs("_cents") > MAX_CENTS, fault(RawTransaction.amount, "HUGE_AMOUNT", "is over a million euros; check the decimal mark")),
            F.when(F.col("_kind").isNull(), fault(RawTransaction.kind, "BAD_KIND", "is not order, gift or refund")),
        ],
    )


def with_faults(typed: DataFrame, faults: Sequence[Column]) -> DataFrame:
    """Adds `_fault`, the first of what is wrong with a line, and `_faults`, all of it."""
    return typed.withColumns({"_fault": F.coalesce(*faults), "_faults": F.array_compact(F.array(*faults))})


def build_transactions(
    lines: DataFrame, members: DataFrame, stage: Callable[[DataFrame], DataFrame] = lambda frame: frame, changed: DataFrame | None = None
) -> tuple[DataFrame, DataFrame]:  # fmt: skip
    """silver.transaction and the bronze.reject rows of raw transaction lines. The newest line of a transaction number counts.

    `known_on` is the first receipt of the transaction, so that a corrected line does not look newer than it is. `stage` may keep the typed
    lines, which both results are made of. `changed`: what `changes` found; only those lines are then typed."""
    if changed is None:
        same = Window.partitionBy(Transaction.transaction_id)
        first_known = _with_id(lines).withColumn(Transaction.known_on, F.min(RawTransaction.received_on).over(same))
        todo = newest_lines(first_known, Transaction.transaction_id)
    else:
        line: list[str] = [RawTransaction.delivery_id, RawTransaction.line_number]
        todo = lines.join(changed, on=line, how="inner")
    typed = stage(typed_lines(todo.drop(Transaction.sector)).drop("_faults"))
    sectors = F.broadcast(members.select(Member.member_id, Member.sector))
    good = typed.where("_fault IS NULL").join(sectors, on=Member.member_id, how="inner")
    is_refund = (F.col("_kind") == TransactionKind.REFUND) | (F.col("_cents") < 0)
    built = good.withColumns(
        {
            Transaction.transaction_date: F.col("_day"),
            Transaction.amount_cents: F.when(is_refund, -F.abs("_cents")).otherwise(F.col("_cents")),
            Transaction.kind: F.when(is_refund, TransactionKind.REFUND.value).otherwise(F.col("_kind")),
            Transaction.quantity: F.coalesce(F.expr("try_cast(quantity AS INT)"), F.lit(1)),
            Transaction.category: F.nullif(F.lower(text.squeeze(F.col(RawTransaction.category))), F.lit("")),
            Transaction.key_code: F.nullif(F.upper(F.trim(F.col(RawTransaction.key_code))), F.lit("")),
        }
    )
    return Transaction.shape(built), rejects(typed, Block.TRANSACTIONS)


def changes(lines: DataFrame, members: DataFrame, made: DataFrame) -> DataFrame:
    """What is not in `made` (silver.transaction) as today's lines have it: transaction_id, the line to type it from, known_on and sector
    (nulls: it is to go). Lines that cannot be typed are among them each time. Inputs: raw transaction lines, reference.member."""
    known = F.min(RawTransaction.received_on).alias(Transaction.known_on)
    found = heads(_with_id(lines), Transaction.transaction_id, known, F.first(RawTransaction.member_id).alias(Member.member_id))
    sectors = F.broadcast(members.select(Member.member_id, Member.sector))
    columns = [Transaction.transaction_id, Transaction.delivery_id, Transaction.line_number, Transaction.known_on, Transaction.sector]
    return differing(found.join(sectors, on=Member.member_id, how="inner").select(*columns), made.select(*columns), Transaction.transaction_id)


def _with_id(lines: DataFrame) -> DataFrame:
    return lines.withColumn(Transaction.transaction_id, hashing.record_id(F.col(RawTransaction.member_id), F.col(RawTransaction.transaction_ref)))


def rejects(typed: DataFrame, block: Block) -> DataFrame:
    """bronze.reject rows of lines that carry a `_fault`."""
    bad = typed.where("_fault IS NOT NULL")
    sentence = F.concat(
        F.lit(f"{block.value}, line "), F.col(RawTransaction.line_number).cast("string"), F.lit(": "), F.col("_fault.column"), F.lit(" "),
        F.col("_fault.says"), F.lit("."),
    )  # fmt: skip
    made = bad.select(
        RawTransaction.delivery_id, F.lit(block.value).alias(Reject.block), RawTransaction.line_number, RawTransaction.member_id,
        RawTransaction.record_id, F.col("_fault.column").alias(Reject.column), F.col("_fault.code").alias(Reject.code),
        sentence.alias(Reject.sentence), text.shape(F.col("_fault.value")).alias(Reject.value_shape),
    )  # fmt: skip
    return Reject.shape(made)


def fault(column: str, code: str, says: str) -> Column:
    """What is wrong with a line: the column, the code, what a person reads after the column's name, and the value (for its shape only)."""
    return F.struct(
        F.lit(str(column)).alias("column"),
        F.lit(code).alias("code"),
        F.lit(says).alias("says"),
        F.col(column).cast("string").alias("value"),
    )
