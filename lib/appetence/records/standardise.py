"""silver.record: one clean record per member and customer, from the newest of its delivered lines."""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.columns import dates, email, phone
from appetence.columns.grades import Grade
from appetence.contracts.bronze import RawRecord, RawTransaction
from appetence.contracts.silver import Record
from appetence.records import newest
from appetence.records.addresses import with_address
from appetence.records.names import interests, with_names, yes_no

# What says which line a record was made from.
HEAD: list[str] = [Record.record_id, Record.delivery_id, Record.line_number]


def newest_records(lines: DataFrame) -> DataFrame:
    """The line each record is made from, and the day of its first delivery. Input: raw customer lines (those no full delivery replaces)."""
    same = Window.partitionBy(RawRecord.record_id)
    return newest.newest_lines(lines.withColumn(Record.first_delivered_on, F.to_date(F.min(RawRecord.delivered_at).over(same))), RawRecord.record_id)


def build_records(lines: DataFrame, communes: DataFrame, frequencies: DataFrame) -> DataFrame:
    """silver.record from raw customer lines (those no full delivery replaces), reference.commune and name frequencies. Grain out: record_id."""
    return standardised(newest_records(lines), communes, frequencies)


def changes(lines: DataFrame, transactions: DataFrame, made: DataFrame, again: DataFrame | None = None) -> DataFrame:
    """What is not in `made` (silver.record) as today's lines have it: record_id, and the line to make it from (none: a bare record, or one
    to be deleted), with the day of its first delivery. Inputs: raw customer lines that count, raw transaction lines. `again`: ids of records to be
    made again whatever their line is, one column, because more than the line decides of them."""
    first = F.to_date(F.min(RawRecord.delivered_at)).alias(Record.first_delivered_on)
    heads = newest.heads(lines, RawRecord.record_id, first).withColumn(Record.delivered_on, F.lit(None).cast("date"))
    bare = _unknown(transactions, heads).withColumns({Record.delivery_id: F.lit(None).cast("string"), Record.line_number: F.lit(None).cast("int")})
    columns = [*HEAD, Record.first_delivered_on, Record.delivered_on]
    wanted = heads.select(*columns).unionByName(bare.select(*columns))
    day = F.when(F.col(Record.is_bare), F.col(Record.delivered_on)).alias(Record.delivered_on)
    stored = made.select(*HEAD, Record.first_delivered_on, day)
    differing = newest.differing(wanted, stored, Record.record_id)
    if again is None:
        return differing
    return differing.unionByName(wanted.join(F.broadcast(again), on=Record.record_id, how="left_semi")).distinct()


def standardised(
    lines: DataFrame, communes: DataFrame, frequencies: DataFrame, check_address: Callable[[DataFrame], DataFrame] = lambda lines: lines
) -> DataFrame:  # fmt: skip
    """silver.record from `newest_records`. All of a record follows from its line and the references: the day of the run has no part in it.

    `check_address` may put a provider's answers in place of the addresses that were read."""
    # The raw columns of the same names give way to the clean ones only at the end: grades read both.
    raw = lines.withColumns({f"_raw_{c}": F.col(c) for c in (RawRecord.birth_date, RawRecord.email, RawRecord.phone, RawRecord.mobile)})
    named = with_names(raw, frequencies)
    placed = check_address(with_address(named, communes))
    return Record.shape(_with_life(_with_reach(placed)))


def build_bare_records(transactions: DataFrame, records: DataFrame) -> DataFrame:
    """silver.record rows of customers known from transactions only. Inputs: raw transaction lines; silver.record rows. Grain out: record_id."""
    seen = _unknown(transactions, records)
    absent = F.lit(Grade.ABSENT.value)
    values = {str(f): F.lit(None).cast(f.dtype) for f in Record.content() if f not in seen.columns}
    values |= {str(g): absent for g in (Record.name_grade, Record.birth_date_grade, Record.address_grade, Record.email_grade)}
    values |= {str(g): absent for g in (Record.mobile_grade, Record.landline_grade)}
    values[str(Record.address_verdict)] = F.lit("absent")
    values |= {str(Record.is_bare): F.lit(True), str(Record.is_company): F.lit(False), str(Record.is_deliverable): F.lit(False)}
    return Record.shape(seen.withColumns(values))


def _unknown(transactions: DataFrame, records: DataFrame) -> DataFrame:
    """Customers of transaction lines that have no record, with the days of their first and newest delivery."""
    unknown = transactions.join(records.select(Record.record_id), on=Record.record_id, how="left_anti")
    return unknown.groupBy(RawTransaction.record_id, RawTransaction.member_id, RawTransaction.customer_ref).agg(
        F.max(F.to_date(RawTransaction.delivered_at)).alias(Record.delivered_on),
        F.min(F.to_date(RawTransaction.delivered_at)).alias(Record.first_delivered_on),
    )


def _with_reach(lines: DataFrame) -> DataFrame:
    """E-mail and phones: a number counts as what it is, whichever field it stood in."""
    # Each step is a projection of its own: what a later one uses twice is computed once, and Spark compiles all of it.
    normalised = lines.withColumns(
        {
            "_typed_email": email.as_typed(F.col("_raw_email")),
            "_phone": phone.e164(F.col("_raw_phone")),
            "_mobile": phone.e164(F.col("_raw_mobile")),
        }
    ).withColumns(
        {
            Record.email: email.checked(F.col("_typed_email")),
            "_phone_type": phone.line_type(F.col("_phone")),
            "_mobile_type": phone.line_type(F.col("_mobile")),
        }
    )
    grades = {"_phone_grade": phone.phone_grade(F.col("_raw_phone"), F.col("_phone"))}
    grades |= {"_mobile_field_grade": phone.phone_grade(F.col("_raw_mobile"), F.col("_mobile"))}
    graded = normalised.withColumns(grades)
    from_mobile, from_phone = F.col("_mobile_type") == "mobile", F.col("_phone_type") == "mobile"
    at_phone, at_mobile = F.col("_phone_type").isin("landline", "other"), F.col("_mobile_type").isin("landline", "other")

    def nothing(grade: str) -> Column:
        """Of a number that is none: whether something stood in its field."""
        return F.when(F.col(grade) == Grade.UNUSABLE.value, Grade.UNUSABLE.value).otherwise(Grade.ABSENT.value)

    return graded.withColumns(
        {
            Record.mobile: F.when(from_mobile, F.col("_mobile")).when(from_phone, F.col("_phone")),
            Record.mobile_grade: F.when(from_mobile, F.col("_mobile_field_grade"))
            .when(from_phone, F.col("_phone_grade"))
            .otherwise(nothing("_mobile_field_grade")),
            Record.landline: F.when(at_phone, F.col("_phone")).when(at_mobile, F.col("_mobile")),
            Record.landline_grade: F.when(at_phone, F.col("_phone_grade"))
            .when(at_mobile, F.col("_mobile_field_grade"))
            .otherwise(nothing("_phone_grade")),
            Record.email_grade: email.email_grade(F.col("_raw_email"), F.col(Record.email)),
        }
    )


def _with_life(lines: DataFrame) -> DataFrame:
    raw_date, written = F.col("_raw_birth_date"), F.to_date(RawRecord.delivered_at)
    parsed = lines.withColumn("_parsed", dates.parse_date(raw_date, F.year(written)))
    grade = dates.date_grade(raw_date, F.col("_parsed"))
    known = F.when(dates.is_possible_birth(F.col("_parsed"), written), dates.known_date(F.col("_parsed")))
    return parsed.withColumns(
        {
            Record.birth_date: known,
            Record.birth_date_grade: F.when(known.isNull() & (grade != Grade.ABSENT.value), Grade.UNUSABLE.value).otherwise(grade),
            Record.has_children: yes_no(F.col(RawRecord.children)),
            Record.interests: interests(F.col(RawRecord.interests)),
            Record.delivered_on: F.to_date(RawRecord.delivered_at),
            Record.is_bare: F.lit(False),
            Record.extra: F.lit(None).cast("array<string>"),
        }
    )
