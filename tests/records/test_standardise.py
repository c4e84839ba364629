"""Planted customer, transaction and permission lines come out as the clean rows a person would write."""

from __future__ import annotations

import datetime as dt

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from appetence.contracts.bronze import Delivery, RawPermission, RawRecord, RawTransaction
from appetence.contracts.reference import Commune, FirstName, Member
from appetence.records import names, newest, permissions, standardise, transactions

pytestmark = pytest.mark.spark
AS_OF = dt.date(2026, 10, 31)
OCTOBER, SEPTEMBER = dt.datetime(2026, 10, 1, 3), dt.datetime(2026, 9, 1, 3)


@pytest.fixture(scope="module")
def communes(spark: SparkSession):
    def one(code: str, postcode: str, label: str, current: str | None = None):
        return {
            "commune_code": code, "postcode": postcode, "label": label.title(), "label_key": label, "department": code[:2],
            "region": "53", "population": 1000, "current_code": current or code,
        }  # fmt: skip

    rows = [
        one("35238", "35000", "RENNES"), one("35238", "35200", "RENNES"), one("56260", "56000", "VANNES"),
        one("01015", "01300", "ARBIGNIEU", "01015"), one("22278", "22000", "SAINT BRIEUC"),
    ]  # fmt: skip
    return Commune.frame(spark, rows)


@pytest.fixture(scope="module")
def frequencies(spark: SparkSession):
    first = [("JEAN", "M"), ("ANNE", "F"), ("PIERRE", "M"), ("MARTIN", "M")]
    rows = [{"first_name": n, "gender": g, "decade": 1960, "per_million": 26 * (9000.0 if n != "MARTIN" else 900.0)} for n, g in first]
    surnames = spark.createDataFrame([("MARTIN", 3500.0), ("LE", 900.0), ("DURAND", 1300.0), ("PIERRE", 250.0)], "name string, per_million double")
    return names.name_frequencies(FirstName.frame(spark, rows), surnames)


def customer(ref: str, at: dt.datetime = OCTOBER, delivery: str = "d1", line: int = 2, **values: str):
    return {
        "delivery_id": delivery, "line_number": line, "member_id": "m01", "record_id": f"r{ref}", "delivered_at": at,
        "received_on": AS_OF, "customer_ref": ref, **values,
    }  # fmt: skip


def test_a_customer_line_becomes_a_clean_record(spark: SparkSession, communes, frequencies) -> None:
    rows = [
        customer("1", civility="Mme", first_name="Anne", last_name="Durand née Martin", birth_date="03/04/1985", address_1="12bis, av. de la Paix",
                 address_2="Bât C appt 4", postcode="35 000", city="Rennes cedex", email="Anne.Durand@gmail.con",
                 phone="06 12 34 56 79", children="oui"),
        customer("2", first_name="DURAND", last_name="Pierre", birth_date="1900-01-01", address_1="3 rue du Port", postcode="56000", city="Vanes",
                 phone="02.97.11.22.34", interests="jardin| lecture|jardin"),
        customer("3", last_name="XXX", email="NULL", phone="0000000000"),
        customer("4", last_name="DURAND ANNE", address_1="Résidence des Pins, bât B, 7 r. du Port", postcode="56000", city="VANNES"),
        customer("5", first_name="RENNES", last_name="0LIVIER", address_1="Appt 26, 5 square du Moulin", postcode="35000", city="Rennes"),
        customer("6", last_name="DE LA TOUR", address_1="Résidence des Pins", address_2="3 rue du Port", postcode="35000", city="Rennes"),
    ]  # fmt: skip
    found = {r["record_id"]: r for r in standardise.build_records(RawRecord.frame(spark, rows), communes, frequencies).collect()}
    anne, pierre, nobody = found["r1"], found["r2"], found["r3"]
    assert (anne.civility, anne.gender, anne.first_name, anne.last_name, anne.birth_name) == ("MME", "F", "ANNE", "DURAND", "MARTIN")
    assert anne.birth_date == dt.date(1985, 4, 3) and anne.has_children is True
    assert (anne.way_number, anne.way_repetition, anne.way_name) == ("12", "BIS", "AVENUE DE LA PAIX")
    assert (anne.postcode, anne.city, anne.commune_code, anne.department, anne.address_grade) == ("35000", "RENNES", "35238", "35", "A")
    assert anne.address_extra == "BATIMENT C APPARTEMENT 4" and anne.is_deliverable
    assert (anne.address_verdict, pierre.address_verdict, nobody.address_verdict) == ("good", "commune_repaired", "absent")
    assert anne.name_confidence > 0.5 and pierre.name_confidence > names.SURE, "one stood right, one was turned round"
    assert (anne.way_type, anne.building, anne.flat, anne.cedex, anne.box, anne.locality) == ("AVENUE", "C", "4", "CEDEX", None, None)
    assert (anne.email, anne.email_grade, anne.mobile, anne.landline) == ("anne.durand@gmail.com", "B", "+33612345679", None)
    assert (pierre.first_name, pierre.last_name, pierre.name_grade) == ("PIERRE", "DURAND", "B"), "inverted fields are put right"
    assert pierre.birth_date is None and pierre.birth_date_grade == "D"
    assert (pierre.commune_code, pierre.city, pierre.address_grade) == ("56260", "VANNES", "B"), "a commune of the postcode nearly spelled right"
    assert pierre.address_lines[-1] == "56000 VANNES"
    assert pierre.landline == "+33297112234" and pierre.interests == ["jardin", "lecture"]
    whole, misread, built = found["r4"], found["r5"], found["r6"]
    assert (whole.first_name, whole.last_name, whole.name_grade) == ("ANNE", "DURAND", "B"), "a whole name in the surname field is parted"
    assert (whole.address_key, whole.way_number, whole.address_extra) == ("7 RUE PORT", "7", "BATIMENT B"), "the street is found behind the building"
    assert (misread.first_name, misread.last_name) == (None, "OLIVIER"), "a town is no first name, and a nought before a letter is an O"
    assert (misread.address_key, misread.way_name, misread.address_extra) == ("5 SQUARE MOULIN", "SQUARE DU MOULIN", "APPARTEMENT 26")
    assert (built.first_name, built.last_name, built.address_key) == (None, "DE LA TOUR", "3 RUE PORT")
    assert (nobody.mobile_grade, nobody.landline_grade) == ("absent", "D"), "what stood in a field and is no number"
    assert (nobody.last_name, nobody.email, nobody.mobile, nobody.landline, nobody.name_grade) == (None, None, None, None, "absent")


def test_the_newest_line_counts_whatever_the_order_of_arrival_and_a_full_delivery_replaces(spark: SparkSession, communes, frequencies) -> None:
    rows = [
        customer("1", SEPTEMBER, "d0", 2, last_name="Ancien"), customer("1", OCTOBER, "d1", 2, last_name="Nouveau"),
        customer("2", SEPTEMBER, "d0", 3, last_name="Parti"),
    ]  # fmt: skip
    deliveries = Delivery.frame(spark, [{"delivery_id": d, "mode": m, "delivered_at": OCTOBER} for d, m in (("d0", "full"), ("d1", "full"))])
    for order in (rows, rows[::-1]):
        lines = newest.filter_replaced(RawRecord.frame(spark, order), deliveries)
        built = standardise.build_records(lines, communes, frequencies).collect()
        assert [(r.record_id, r.last_name) for r in built] == [("r1", "NOUVEAU")]


def test_amounts_dates_and_kinds_are_typed_and_what_cannot_be_read_is_rejected(spark: SparkSession) -> None:
    def bought(ref: str, date: str, amount: str, kind: str = ""):
        return {**customer("1"), "transaction_ref": ref, "transaction_date": date, "amount": amount, "kind": kind, "line_number": int(ref)}

    rows = [
        bought("2", "2026-03-01", "12,50"), bought("3", "01/03/2026", "1 234.5"), bought("4", "01/03/2026", "1.234,56 €"),
        bought("5", "2026-03-01", "10", "retour"), bought("6", "2026-03-01", "20", "don"), bought("7", "31/02/2026", "20"),
        bought("8", "2026-03-01", "vingt"), bought("9", "2026-03-01", "5", "troc"), bought("10", "2026-03-01", "-7"),
    ]  # fmt: skip
    members = Member.frame(spark, [{"member_id": "m01", "sector": "presse_edition"}])
    good, bad = transactions.build_transactions(RawTransaction.frame(spark, rows), members)
    found = {r.line_number: (r.amount_cents, r.kind) for r in good.collect()}
    assert found == {
        2: (1250, "order"), 3: (123450, "order"), 4: (123456, "order"), 5: (-1000, "refund"), 6: (2000, "gift"), 10: (-700, "refund"),
    }  # fmt: skip
    faults = {r.line_number: (r.code, r.value_shape, r.sentence) for r in bad.collect()}
    assert {k: v[:2] for k, v in faults.items()} == {7: ("BAD_DATE", "99/99/9999"), 8: ("BAD_AMOUNT", "aaaaa"), 9: ("BAD_KIND", "aaaa")}
    assert faults[8][2] == "transactions, line 8: amount is not an amount in euros."


def test_the_agreed_mark_decides_what_an_amount_is(spark: SparkSession) -> None:
    """One text under both marks and without one: cents, by hand."""
    cases = {
        "1.234": (123, 123400, 123400), "1,234": (123400, 123, 123400), "12.345": (1235, 1234500, 1234500), "12,344": (1234400, 1234, 1234400),
        "12.5": (1250, 1250, 1250), "12,5": (1250, 1250, 1250), "1.234,56": (123456, 123456, 123456), "1,234.56": (123456, 123456, 123456),
        "1.234.567": (123456700, 123456700, 123456700), "1234.567": (123457, 123457, 123456700), "-1 234,505": (-123451, -123451, -123450500),
        "0.30000000000000004": (30, 30, None), "1.005": (101, 100500, 100500), "5.551115123125783e-17": (0, 0, None), "1e+10": (10**12, 10**12, None),
        "12,34,56": (None, None, 123456), "nan": (None, None, None), "1e+300": (None, None, None), "12": (1200, 1200, 1200), "": (None, None, None),
    }  # fmt: skip
    rows = [(text, mark) for text in cases for mark in (".", ",", None)]
    made = spark.createDataFrame(rows, "raw string, mark string")
    found = {(r.raw, r.mark): r.cents for r in made.select("*", transactions.amount_cents(F.col("raw"), F.col("mark")).alias("cents")).collect()}
    assert {text: tuple(found[text, mark] for mark in (".", ",", None)) for text in cases} == cases


def test_permissions_fold_newest_wins_and_opposition_wins_ties(spark: SparkSession) -> None:
    def said(ref: str, line: int, status: str, at: str, wording: str | None = "v1", channel: str = "email"):
        return {
            **customer(ref), "line_number": line, "channel": channel, "use": "prospect", "purpose": "commercial", "basis": "consent",
            "status": status, "wording_version": wording, "collected_at": at, "collection_point": "web", "recipients": "b|a",
        }  # fmt: skip

    rows = [
        said("1", 2, "granted", "2026-01-01"), said("1", 3, "opposed", "2026-02-01"), said("2", 4, "opposed", "2026-01-01"),
        said("2", 5, "granted", "02/01/2026 10:00"), said("3", 6, "granted", "2026-01-01"), said("3", 7, "withdrawn", "2026-01-01"),
        said("4", 8, "granted", "2026-01-01", wording=None), said("5", 9, "granted", "2026-01-01", channel="fax"),
        said("1", 10, "granted", "2026-01-01"),
    ]  # fmt: skip
    events, bad = permissions.build_permission_events(RawPermission.frame(spark, rows))
    events = events.localCheckpoint()
    assert events.count() == 7, "the same thing said twice is one event"
    held = {r.record_id: r.is_granted for r in permissions.fold_permissions(events).collect()}
    assert held == {"r1": False, "r2": True, "r3": False, "r4": False}
    assert [(r.line_number, r.column, r.code) for r in bad.collect()] == [(9, "channel", "UNKNOWN_VALUE")]
    assert events.select(F.first("recipients")).first()[0] == ["a", "b"]
