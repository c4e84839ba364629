"""The job over planted bronze lines: records, quality of the delivery, and a second run that writes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from pyspark.sql import functions as F

from appetence.contracts.bronze import Delivery, RawRecord, RawTransaction
from appetence.contracts.reference import Commune, FirstName, Member
from appetence.contracts.silver import DeliveryQuality, Permission, PermissionEvent, Record, Transaction
from appetence.pipeline import standardise_records
from appetence.pipeline.context import Context

pytestmark = pytest.mark.spark
MADE = dt.datetime(2026, 10, 1, 3)


def _planted(ctx: Context) -> None:
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


def _raw_record(ref: str, delivery: str, at: dt.datetime, **values: str) -> dict[str, object]:
    said = {"delivery_id": delivery, "line_number": 2, "member_id": "m01", "record_id": f"r{ref}", "delivered_at": at, "customer_ref": ref}
    return {**said, **values}


def _sold(ref: str, delivery: str, at: dt.datetime, amount: str) -> dict[str, object]:
    said = {"delivery_id": delivery, "line_number": int(ref[1:]), "member_id": "m01", "record_id": "r1", "delivered_at": at, "received_on": at.date()}
    return {**said, "customer_ref": "1", "transaction_ref": ref, "transaction_date": "2026-09-01", "amount": amount}


@pytest.mark.slow  # standardises one lake four times
def test_only_what_a_new_line_says_is_made_again_until_the_rules_change(make_context: Callable[..., Context]) -> None:
    ctx = make_context()
    _planted(ctx)
    lake, november = ctx.lake, dt.datetime(2026, 11, 1, 3)
    lake.insert_new(RawTransaction, RawTransaction.frame(ctx.spark, [_sold("t1", "d1", MADE, "10,00"), _sold("t2", "d1", MADE, "20,00")]))
    standardise_records.run(ctx)
    # What the job itself would never have made shows which rows it makes again.
    lake.upsert(Record, lake.read(Record).where("record_id <> 'r3'").withColumn(Record.city, F.lit("MARK")))
    lake.upsert(Transaction, lake.read(Transaction).withColumn(Transaction.amount_cents, F.lit(7).cast("bigint")))
    lake.insert_new(Delivery, Delivery.frame(ctx.spark, [
        {"delivery_id": "d2", "member_id": "m01", "mode": "incremental", "delivered_at": november, "status": "accepted"}
    ]))  # fmt: skip
    lake.insert_new(RawRecord, RawRecord.frame(ctx.spark, [_raw_record("2", "d2", november, first_name="Zoé", last_name="Grand")]))
    lake.insert_new(RawTransaction, RawTransaction.frame(ctx.spark, [_sold("t2", "d2", november, "25,00"), _sold("t3", "d2", november, "30,00")]))
    standardise_records.run(ctx)
    found = {r.record_id: (r.last_name, r.city, r.first_delivered_on, r.delivered_on) for r in lake.read(Record).collect()}
    assert found["r1"] == ("LEFEVRE", "MARK", MADE.date(), MADE.date())
    assert found["r2"] == ("GRAND", None, MADE.date(), november.date())
    sold = {r.delivery_id + str(r.amount_cents): r.known_on for r in lake.read(Transaction).collect()}
    assert sold == {"d17": MADE.date(), "d22500": MADE.date(), "d23000": november.date()}
    # A full delivery takes two customers away; a transaction of one of them is left, who is known by no more than that.
    december = dt.datetime(2026, 12, 1, 3)
    lake.insert_new(Delivery, Delivery.frame(ctx.spark, [
        {"delivery_id": "d3", "member_id": "m01", "mode": "full", "delivered_at": december, "status": "accepted"}
    ]))  # fmt: skip
    lake.insert_new(RawRecord, RawRecord.frame(ctx.spark, [_raw_record("1", "d3", december, first_name="Zoé", last_name="Lefevre-Petit")]))
    left = {**_sold("t4", "d3", december, "40,00"), "record_id": "r2", "customer_ref": "2"}
    lake.insert_new(RawTransaction, RawTransaction.frame(ctx.spark, [left]))
    standardise_records.run(ctx)
    assert {r.record_id: (r.is_bare, r.last_name) for r in lake.read(Record).collect()} == {"r1": (False, "LEFEVRE PETIT"), "r2": (True, None)}
    # Rules that changed may change any record: all are made again, as from nothing, and nothing is other than line by line.
    before = sorted(lake.read(Record).collect()), sorted(lake.read(Transaction).where("amount_cents <> 7").collect())
    for table in (Record, Transaction, PermissionEvent, Permission):
        lake.note_made_with(table, "older rules")
    standardise_records.run(ctx)
    after = sorted(lake.read(Record).collect()), sorted(lake.read(Transaction).where("delivery_id <> 'd1'").collect())
    assert after == before
    assert {r.amount_cents for r in lake.read(Transaction).collect()} == {1000, 2500, 3000, 4000}


def test_records_and_quality_are_written_once(make_context: Callable[..., Context]) -> None:
    ctx = make_context()
    _planted(ctx)
    standardise_records.run(ctx)
    assert {r.record_id: (r.last_name, r.address_grade) for r in ctx.lake.read(Record).collect()} == {
        "r1": ("LEFEVRE", "A"), "r2": ("PETIT", "A"), "r3": (None, "A"),
    }  # fmt: skip
    found = {(r.column, r.measure): (r.counted, r.among) for r in ctx.lake.read(DeliveryQuality).collect()}
    assert found["email", "filled"] == (2, 3) and found["email", "valid"] == (1, 2) and found["name", "grade_D"] == (1, 3)
    before = ctx.lake.version(Record), ctx.lake.version(DeliveryQuality)
    standardise_records.run(ctx)
    assert (ctx.lake.version(Record), ctx.lake.version(DeliveryQuality)) == before
