"""Deliveries with planted faults are counted as a person would count them, once, and compared with the one before."""

from __future__ import annotations

import datetime as dt

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.bronze import Delivery, RawRecord, Reject
from appetence.contracts.silver import DeliveryQuality, Record
from appetence.records import quality

pytestmark = pytest.mark.spark
DAYS = {"d1": dt.datetime(2026, 9, 1), "d2": dt.datetime(2026, 10, 1)}


def lines(delivery: str, filled: int) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """200 lines: `filled` have an e-mail (a tenth of those doubtful), the last repeats the first's customer, two are one person."""
    raw, clean = [], []
    for i in range(200):
        record = f"{delivery}-{0 if i == 199 else i}"
        raw.append({"delivery_id": delivery, "line_number": i + 2, "member_id": "m01", "record_id": record, "delivered_at": DAYS[delivery],
                    "customer_ref": str(i), "email": "a@b.fr" if i < filled else " "})  # fmt: skip
        if i < 199:
            grade = "absent" if i >= filled else "C" if i % 10 == 0 else "A"
            place = {"last_name": "PETIT", "first_name": f"N{max(i, 1)}", "postcode": "35000", "address_key": "1 RUE HAUTE"}
            clean.append({"record_id": record, "member_id": "m01", "delivery_id": delivery, "email_grade": grade, "name_grade": "A",
                          "birth_date_grade": "absent", "address_grade": "B", "mobile_grade": "D", "landline_grade": "absent", **place})  # fmt: skip
    return raw, clean


def test_planted_deliveries(spark: SparkSession) -> None:
    (raw1, clean1), (raw2, clean2) = lines("d1", 100), lines("d2", 50)
    lines_of = {"rows_read": 250, "rows_accepted": 240, "rows_rejected": 10}
    deliveries = Delivery.frame(spark, [
        *({"delivery_id": d, "member_id": "m01", "delivered_at": at, "status": "accepted", **lines_of} for d, at in DAYS.items()),
        {"delivery_id": "d3", "member_id": "m01", "delivered_at": DAYS["d2"], "status": "quarantined"},
    ])  # fmt: skip
    raw, clean = RawRecord.frame(spark, raw1 + raw2).coalesce(1), Record.frame(spark, clean1 + clean2).coalesce(1)
    told = [
        ("d2", "customers", 2, "email", "BAD_EMAIL"), ("d2", "customers", 2, "birth_date", "BAD_DATE"),
        ("d2", "transactions", 2, "amount", "BAD_AMOUNT"), ("d2", "customers", 9, "customer_ref", "MISSING_VALUE"),
    ]  # fmt: skip
    names = ("delivery_id", "block", "line_number", "column", "code")
    rejects = Reject.frame(spark, [dict(zip(names, t, strict=True)) for t in told])
    first = quality.measure_deliveries(raw, clean, deliveries.where("delivery_id = 'd1'"), DeliveryQuality.frame(spark), rejects).localCheckpoint()
    second = quality.measure_deliveries(raw, clean, deliveries, first, rejects)
    found = {(r.delivery_id, r.column, r.measure): r for r in [*first.collect(), *second.collect()]}

    def counts(delivery: str, column: str, measure: str) -> tuple[int, int]:
        row = found[delivery, column, measure]
        return row.counted, row.among

    assert {d for d, _, _ in found} == {"d1", "d2"}
    assert counts("d1", "email", "filled") == (100, 200) and counts("d2", "email", "filled") == (50, 200)
    assert counts("d1", "email", "valid") == (90, 100) and counts("d1", "email", "grade_C") == (10, 100)
    assert counts("d1", "mobile", "valid") == (0, 199) and counts("d1", "address", "grade_B") == (199, 199)
    assert ("d1", "landline", "valid") not in found, "nothing given, nothing measured"
    assert counts("d1", "line", "repeated_customer") == (1, 200) and counts("d1", "line", "repeated_person") == (2, 199)
    assert counts("d1", "line", "refused") == (10, 250) and counts("d1", "line", "unread") == (0, 240)
    assert counts("d2", "line", "unread") == (2, 240), "lines, not values; a refused line is no line with a value"
    before = found["d1", "email", "filled"], found["d2", "email", "filled"]
    assert (before[0].share_before, before[0].is_alert) == (None, False)
    assert (before[1].share_before, before[1].drift, before[1].is_alert) == (0.5, -0.25, True)
    assert not found["d2", "email", "valid"].is_alert, "fewer than a hundred had one"
    assert quality.measure_deliveries(raw, clean, deliveries, first.unionByName(second), rejects).count() == 0

    newest_only = deliveries.where("delivery_id = 'd2'")
    alone = quality.measure_deliveries(raw, clean, newest_only, DeliveryQuality.frame(spark), rejects).localCheckpoint()
    late = {(r.delivery_id, r.column, r.measure): r for r in quality.measure_deliveries(raw, clean, deliveries, alone, rejects).collect()}
    assert late["d2", "email", "filled"] == found["d2", "email", "filled"], "d1 came late: d2 is compared with it from then on"
    assert late["d1", "email", "filled"] == found["d1", "email", "filled"]
