"""What a member is told of at receipt is what standardising cannot read, value by value, and nothing else."""

from __future__ import annotations

import datetime as dt

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.bronze import RawPermission, RawRecord, RawTransaction
from appetence.contracts.domain import Block
from appetence.contracts.reference import Commune, FirstName, Member
from appetence.records import names, standardise, unread
from appetence.records.names import surnames
from appetence.records.permissions import build_permission_events
from appetence.records.transactions import build_transactions

pytestmark = pytest.mark.spark
STAMP = {"delivery_id": "d1", "member_id": "m01", "delivered_at": dt.datetime(2026, 10, 1)}

CUSTOMERS: list[tuple[str, str | None, str | None]] = [
    ("birth_date", "1985-04-03", None), ("birth_date", "03/04/85", None),
    ("birth_date", "31/02/1985", "BAD_DATE"), ("birth_date", "inconnu", "BAD_DATE"),
    ("birth_date", "46113", "BAD_DATE"), ("birth_date", "01/01/1900", None), ("birth_date", "12/05/2031", "IMPOSSIBLE_DATE"),
    ("birth_date", "12/05/1804", "IMPOSSIBLE_DATE"), ("birth_date", " ", None), ("birth_date", None, None),
    ("email", "zoe@free.fr", None), ("email", "zoe@free,fr", None), ("email", "rien", "BAD_EMAIL"), ("email", "", None),
    ("mobile", "06 12 34 56 79", None), ("mobile", "0000000000", "BAD_PHONE"), ("phone", "12", "BAD_PHONE"),
    ("children", "O", None), ("children", "non", None), ("children", "3 ou 4", "BAD_FLAG"),
]  # fmt: skip
TRANSACTIONS: list[tuple[str, str | None, list[tuple[str, str]]]] = [
    ("transaction_date", "2026-09-01", []), ("transaction_date", "31/02/2026", [("transaction_date", "BAD_DATE")]),
    ("transaction_date", "1970-01-01", [("transaction_date", "BAD_DATE")]), ("amount", "12,50", []), ("amount", "douze", [("amount", "BAD_AMOUNT")]),
    ("amount", "99999999", [("amount", "HUGE_AMOUNT")]), ("kind", "avoir", []), ("kind", "troc", [("kind", "BAD_KIND")]),
    ("quantity", "2", []), ("quantity", "deux", [("quantity", "BAD_NUMBER")]), ("quantity", None, []),
]  # fmt: skip


def told(spark: SparkSession, frame: object, block: Block) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = {}
    for row in unread.unread_values(frame, block).collect():  # type: ignore[arg-type]  # a frame of the block's table
        assert row.sentence.startswith(f"{block}, line {row.line_number}: {row.column} ") and not set(str(row.value_shape or "")) & set("zoedux1234")
        found.setdefault(row.line_number, []).append((row.column, row.code))
    return found


def test_customers(spark: SparkSession) -> None:
    rows = [{**STAMP, "line_number": n, "record_id": str(n), "customer_ref": str(n), c: v} for n, (c, v, _) in enumerate(CUSTOMERS)]
    lines = RawRecord.frame(spark, rows).coalesce(1)
    found = told(spark, lines, Block.CUSTOMERS)
    assert found == {n: [(c, code)] for n, (c, _, code) in enumerate(CUSTOMERS) if code}

    made = standardise.build_records(lines, Commune.frame(spark), names.name_frequencies(FirstName.frame(spark), surnames(spark))).collect()
    unusable: dict[int, list[str]] = {}
    for record in made:
        number = int(record.record_id)
        column, value, _ = CUSTOMERS[number]
        is_missing = {
            "birth_date": record.birth_date_grade == "D" and value != "01/01/1900", "email": record.email_grade == "D",
            "phone": record.landline is None, "mobile": record.mobile is None, "children": record.has_children is None,
        }  # fmt: skip
        if is_missing[column] and (value or "").strip():
            unusable[number] = [column]
    assert unusable == {n: [c for c, _ in codes] for n, codes in found.items()}, "what is told is what is missing later"


def test_transactions_and_permissions_agree_with_what_standardising_rejects(spark: SparkSession) -> None:
    sound = {**STAMP, "customer_ref": "1", "transaction_date": "2026-09-01", "amount": "1", "decimal_mark": ","}
    rows = [{**sound, "line_number": n, "record_id": "r", "transaction_ref": str(n), c: v} for n, (c, v, _) in enumerate(TRANSACTIONS)]
    rows.append({**sound, "line_number": 99, "record_id": "r", "transaction_ref": "99", "transaction_date": "hier", "amount": "x", "kind": "y"})
    lines = RawTransaction.frame(spark, rows).coalesce(1)
    found = told(spark, lines, Block.TRANSACTIONS)
    all_three = [("transaction_date", "BAD_DATE"), ("amount", "BAD_AMOUNT"), ("kind", "BAD_KIND")]
    assert found == {n: codes for n, (_, _, codes) in enumerate(TRANSACTIONS) if codes} | {99: all_three}
    _, rejects = build_transactions(lines, Member.frame(spark, [{"member_id": "m01", "sector": "presse_edition"}]))
    assert {r.line_number: (r.column, r.code) for r in rejects.collect()} == {n: c[0] for n, c in found.items() if c[0][0] != "quantity"}

    said = {"channel": "email", "use": "prospect", "purpose": "commercial", "basis": "consent", "status": "granted", "collected_at": "2026-01-01"}
    wrong = [{}, {"collected_at": "un jour"}, {"channel": "pigeon"}, {"use": None}, {"basis": "oui"}]
    rows = [{**STAMP, "line_number": n, "record_id": "r", "customer_ref": "1", **said, **w} for n, w in enumerate(wrong)]
    lines = RawPermission.frame(spark, rows).coalesce(1)
    found = told(spark, lines, Block.PERMISSIONS)
    assert found == {
        1: [("collected_at", "BAD_TIME")],
        2: [("channel", "UNKNOWN_VALUE")],
        3: [("use", "UNKNOWN_VALUE")],
        4: [("basis", "UNKNOWN_VALUE")],
    }
    _, rejects = build_permission_events(lines)
    assert {r.line_number: [(r.column, r.code)] for r in rejects.collect()} == found


def test_reasons_are_counted_and_the_first_lines_named(spark: SparkSession) -> None:
    rows = [{**STAMP, "line_number": n, "customer_ref": "1", "email": "non" if n % 2 else "a@b.fr", "birth_date": "x"} for n in range(100, 0, -1)]
    by_column = {r.column: r for r in unread.counted(unread.unread_values(RawRecord.frame(spark, rows), Block.CUSTOMERS)).collect()}
    assert (by_column["email"]["count"], by_column["birth_date"]["count"]) == (50, 100)
    assert [e.line_number for e in by_column["email"].examples] == list(range(1, 2 * unread.EXAMPLES, 2))
    assert by_column["birth_date"].examples[0].value_shape == "a"
