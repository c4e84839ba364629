"""What cannot be read in delivered lines, found at their receipt so that the member hears of it at once.

By the same expressions that standardising reads them with: what is told here is what will be missing there, and nothing else is told.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.columns import dates, email, phone, text
from appetence.contracts.bronze import RawRecord, RawTransaction, Reject
from appetence.contracts.domain import Block
from appetence.records import permissions, transactions
from appetence.records.names import yes_no
from appetence.records.transactions import fault, rejects, with_faults

EXAMPLES = 20
"""Lines named of each column and reason."""


def unread_values(lines: DataFrame, block: Block) -> DataFrame:
    """bronze.reject rows of what cannot be read in raw lines of one block: the same as standardising makes, and more (it stops at the first
    fault of a line, and grades what is wrong with a customer)."""
    return rejects(_typed(lines, block).withColumn("_fault", F.explode("_faults")), block)


def counted(values: DataFrame) -> DataFrame:
    """How often each reason is met in :func:`unread_values`, with its first lines. Grain out: delivery, block, column, code.

    Columns: these, sentence (that of any line), count, examples (line_number, value_shape), at most :data:`EXAMPLES` in the order of lines."""
    reason = [RawRecord.delivery_id, Reject.block, Reject.column, Reject.code]
    place = F.row_number().over(Window.partitionBy(*reason).orderBy(RawRecord.line_number))
    example = F.when(F.col("_place") <= EXAMPLES, F.struct(RawRecord.line_number, Reject.value_shape))
    return (
        values.withColumn("_place", place)
        .groupBy(*reason)
        .agg(
            F.regexp_replace(F.first(Reject.sentence), "^[a-z]+, line [0-9]+: ", "").alias(Reject.sentence),
            F.count(F.lit(1)).alias("count"),
            F.array_sort(F.collect_list(example)).alias("examples"),
        )
    )


def _typed(lines: DataFrame, block: Block) -> DataFrame:
    """The lines with all that is wrong with each under `_faults`."""
    if block is Block.CUSTOMERS:
        return _customers(lines)
    if block is Block.PERMISSIONS:
        return permissions.typed_lines(lines)
    typed = transactions.typed_lines(lines)
    many = text.blank_to_null(F.col(RawTransaction.quantity))
    is_odd = many.isNotNull() & F.expr("try_cast(quantity AS INT)").isNull()
    odd = F.when(is_odd, F.array(fault(RawTransaction.quantity, "BAD_NUMBER", "is not a whole number; 1 is taken")))
    return typed.withColumn("_faults", F.concat("_faults", F.coalesce(odd, F.slice("_faults", 1, 0))))


def _customers(lines: DataFrame) -> DataFrame:
    written = F.to_date(RawRecord.delivered_at)
    born = lines.withColumn("_born", dates.parse_date(F.col(RawRecord.birth_date), F.year(written)))
    # A date that a system writes when it knows none can be read: it says that nothing is known.
    is_told = ~F.coalesce(dates.is_default_date(F.col("_born")), F.lit(False))
    return with_faults(
        born,
        [
            _unless(RawRecord.birth_date, F.col("_born"), "BAD_DATE", "is not a date; write yyyy-MM-dd or dd/MM/yyyy"),
            F.when(
                is_told & ~dates.is_possible_birth(F.col("_born"), written),
                fault(RawRecord.birth_date, "IMPOSSIBLE_DATE", f"is after the delivery, or more than {dates.OLDEST} years before it"),
            ),
            _unless(RawRecord.email, email.normalise(F.col(RawRecord.email)), "BAD_EMAIL", "is no e-mail address"),
            _unless(RawRecord.phone, phone.e164(F.col(RawRecord.phone)), "BAD_PHONE", "is no telephone number"),
            _unless(RawRecord.mobile, phone.e164(F.col(RawRecord.mobile)), "BAD_PHONE", "is no telephone number"),
            _unless(RawRecord.children, yes_no(F.col(RawRecord.children)), "BAD_FLAG", "says neither yes nor no; write O or N"),
        ],
    )


def _unless(column: str, read: Column, code: str, says: str) -> Column:
    """The fault of a value that is given and could not be read."""
    return F.when(text.blank_to_null(F.col(column)).isNotNull() & read.isNull(), fault(column, code, says))
