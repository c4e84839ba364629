"""The job over planted bronze lines: records, quality of the delivery, and a second run that writes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from appetence.contracts.bronze import Delivery, RawRecord
from appetence.contracts.reference import Commune, FirstName, Member
from appetence.contracts.silver import DeliveryQuality, Record
from appetence.pipeline import standardise_records
from appetence.pipeline.context import Context

pytestmark = pytest.mark.spark
MADE = dt.datetime(2026, 10, 1, 3)


def test_records_and_quality_are_written_once(make_context: Callable[..., Context]) -> None:
    ctx = make_context()
    customers = [("1", "Lefèvre", "a@b.fr"), ("2", "Petit", None), ("3", "XXX", "rien")]
    planted = {
        Delivery: [{"delivery_id": "d1", "member_id": "m01", "mode": "full", "delivered_at": MADE, "status": "accepted"}],
        RawRecord: [
            {"delivery_id": "d1", "line_number": i, "member_id": "m01", "record_id": f"r{ref}", "delivered_at": MADE, "customer_ref": ref,
             "first_name": "Zoé", "last_name": name, "email": email, "address_1": "3 rue du Port", "postcode": "35000", "city": "Rennes"}
            for i, (ref, name, email) in enumerate(customers, start=2)
        ],
        Commune: [
            {"commune_code": "35238", "current_code": "35238", "postcode": "35000", "label": "Rennes", "label_key": "RENNES", "department": "35"}
        ],
        FirstName: [{"first_name": "ZOE", "gender": "F", "decade": 1990, "per_million": 900.0}],
        Member: [{"member_id": "m01", "sector": "presse_edition"}],
    }  # fmt: skip
    for table, rows in planted.items():
        ctx.lake.insert_new(table, table.frame(ctx.spark, rows))
    standardise_records.run(ctx)
    assert {r.record_id: (r.last_name, r.address_grade) for r in ctx.lake.read(Record).collect()} == {
        "r1": ("LEFEVRE", "A"), "r2": ("PETIT", "A"), "r3": (None, "A"),
    }  # fmt: skip
    found = {(r.column, r.measure): (r.counted, r.among) for r in ctx.lake.read(DeliveryQuality).collect()}
    assert found["email", "filled"] == (2, 3) and found["email", "valid"] == (1, 2) and found["name", "grade_D"] == (1, 3)
    before = ctx.lake.version(Record), ctx.lake.version(DeliveryQuality)
    standardise_records.run(ctx)
    assert (ctx.lake.version(Record), ctx.lake.version(DeliveryQuality)) == before
