"""Retention over generated co-operatives, against the rule written out in plain Python; names that agree, as Spark compares them."""

import datetime as dt
import random
from typing import Any

import pytest
from pyspark.sql import SparkSession

from appetence.columns.coordinates import coordinates
from appetence.contracts.identity import PersonLink
from appetence.contracts.privacy import Limitation
from appetence.contracts.reference import Instruction
from appetence.contracts.silver import PermissionEvent, Record, Transaction
from appetence.privacy import retention as rt
from appetence.privacy.deadlines import add_months
from appetence.privacy.matching import build_candidates

pytestmark = pytest.mark.spark
AS_OF = dt.date(2028, 2, 29)


def instruction(member: str, months: int, valid_from: dt.date, valid_to: dt.date | None = None) -> dict[str, Any]:
    return Instruction.row(instruction_id=f"{member}-{months}", member_id=member, valid_from=valid_from, valid_to=valid_to, retention_months=months)


def test_inv_18_the_shortest_live_instruction_rules_and_36_months_without_one() -> None:
    day = dt.date(2026, 1, 1)
    rows = [instruction("m1", 24, day), instruction("m1", 12, day, dt.date(2027, 1, 1)), instruction("m1", 30, day),
            instruction("m2", 6, dt.date(2029, 1, 1))]  # fmt: skip
    rules = {r.member_id: (r.months, r.limit_on) for r in rt.rules_at(rows, ["m1", "m2"], AS_OF, 36)}
    assert rules == {"m1": (24, dt.date(2026, 3, 1)), "m2": (36, dt.date(2025, 3, 1))}


def test_inv_18_each_contribution_has_its_own_time(spark: SparkSession) -> None:
    draw = random.Random(1818)
    months = {"m1": 1, "m2": 12, "m3": 36}

    def day() -> dt.date:
        return AS_OF - dt.timedelta(days=draw.choice([0, 1, 28, 29, 30, 31, 32, 364, 365, 366, 367, 1094, 1095, 1096, 1097, -5]))

    records, bought, said, frozen, expected = [], [], [], [], {}
    for number in range(240):
        record, member, collected = f"r{number}", draw.choice(sorted(months)), AS_OF - dt.timedelta(days=draw.randrange(1400))
        records.append(Record.row(record_id=record, member_id=member, first_delivered_on=collected))
        purchases = [(day(), draw.choice(["order", "gift", "refund"])) for _ in range(draw.randrange(3))]
        words = [(day(), draw.choice(["granted", "opposed"])) for _ in range(draw.randrange(3))]
        bought += [
            Transaction.row(transaction_id=f"{record}-{i}", record_id=record, transaction_date=d, kind=k) for i, (d, k) in enumerate(purchases)
        ]
        noon = dt.time(12)
        said += [
            PermissionEvent.row(event_id=f"{record}-{i}", record_id=record, status=s, collected_at=dt.datetime.combine(d, noon, dt.UTC))
            for i, (d, s) in enumerate(words)
        ]
        until = draw.choice([None, AS_OF, AS_OF - dt.timedelta(days=1)])
        is_frozen = draw.random() < 0.1
        if is_frozen:
            frozen.append(Limitation.row(record_id=record, request_id="q", since=dt.date(2026, 1, 1), until=until))
        times = [d for d, k in purchases if k != "refund" and d <= AS_OF]
        contacts = [d for d, s in words if s == "granted" and d <= AS_OF]
        began = max(times) if times else max(contacts) if contacts else collected
        live = is_frozen and (until is None or until >= AS_OF)
        expected[record] = add_months(began, months[member]) < AS_OF and not live
    rules = rt.rules_at([instruction(m, c, dt.date(2020, 1, 1)) for m, c in months.items()], months, AS_OF, 36)
    judged = rt.build_retention(
        Record.frame(spark, records), Transaction.frame(spark, bought), PermissionEvent.frame(spark, said), Limitation.frame(spark, frozen),
        rt.rules_frame(spark, rules), AS_OF,
    )  # fmt: skip
    found = {r[Record.record_id]: r[rt.IS_EXPIRED] for r in judged.collect()}
    assert found == expected and len(set(found.values())) == 2


def test_names_agree_straight_swapped_short_and_misspelt_and_not_otherwise(spark: SparkSession) -> None:
    asked = Record.frame(spark, [Record.row(record_id="q", first_name="JEANNE", last_name="LEFEVRE", email="j@free.fr")])
    held = {
        "same": ("JEANNE", "LEFEVRE", None), "swapped": ("LEFEVRE", "JEANNE", None), "initial": ("J", "LEFEVRE", None),
        "misspelt": ("JEANE", "LEFEBVRE", None), "married": ("JEANNE", "MOREL", "LEFEVRE"), "compound": ("JEANNE", "LEFEVRE MOREL", None),
        "brother": ("PAUL", "LEFEVRE", None), "namesake": ("JEANNE", "MOREL", None), "nameless": ("JEANNE", None, None),
    }  # fmt: skip
    records = Record.frame(spark, [
        Record.row(record_id=k, first_name=f, last_name=last, birth_name=b, email="j@free.fr") for k, (f, last, b) in held.items()
    ])  # fmt: skip
    found = build_candidates(asked.withColumnRenamed("record_id", "request_id"), records, PersonLink.frame(spark)).collect()
    agreeing = {r.record_id for r in found if r.names_agree}
    lines = {"second": ("LEFEVRE", "JEANNE"), "other name": ("MOREL", "JEANNE"), "other": ("LEFEVRE", "ANNE")}
    two = {"first_name": "JEAN", "email": "j@free.fr"}
    couple = Record.frame(spark, [Record.row(record_id=k, last_name=last, other_first_name=other, **two) for k, (last, other) in lines.items()])
    pairs = build_candidates(asked.withColumnRenamed("record_id", "request_id"), couple, PersonLink.frame(spark)).collect()
    assert {r.record_id for r in pairs if r.names_agree} == {"second"}, "the second person that a line names is its person too"
    assert len(found) == len(held) and agreeing == {"same", "swapped", "initial", "misspelt", "married", "compound"}


def test_postal_coordinates_never_reach_a_neighbour(spark: SparkSession) -> None:
    def texts(**values: str) -> set[str]:
        row = Record.row(postcode="59000", address_key="12 RUE HAUTE", way_number="12", way_name="RUE HAUTE", **values)
        return {r.coordinate for r in coordinates(Record.frame(spark, [row])).collect()}

    person = texts(first_name="MARIE", last_name="MERCIER")
    assert person & texts(first_name="MERCIER", last_name="MARIE"), "names that changed places"
    assert person & texts(first_name="MARIE", last_name="MERSIER"), "a misspelt surname"
    assert person & texts(first_name="MARIE", last_name="PETIT", birth_name="MERCIER")
    assert person & texts(first_name="MARIE", last_name="MERCIER", address_extra="APPT 4")
    for neighbour in ({"first_name": "MARIE", "last_name": "LAMBERT"}, {"first_name": "PAUL", "last_name": "DURAND"}, {"first_name": "MARIE"}):
        assert not person & texts(**neighbour), neighbour


def test_inv_01_a_person_listed_under_one_of_two_surnames_is_found_where_a_record_carries_both(spark: SparkSession) -> None:
    def texts(**values: str) -> set[tuple[str, str]]:
        whole = {"postcode": "59000", "address_key": "12 RUE HAUTE", "way_number": "12", "way_name": "RUE HAUTE", "first_name": "JEANNE"}
        row = Record.row(**{**whole, **values})
        return {(r.kind, r.coordinate) for r in coordinates(Record.frame(spark, [row])).collect()}

    held = texts(last_name="DURAND", birth_name="PETIT")
    elsewhere = {"address_key": "RUE HAUTE", "way_number": ""}
    listed = {
        "by birth": texts(last_name="PETIT"), "by marriage": texts(last_name="DURAND"), "both": texts(last_name="PETIT", birth_name="DURAND"),
        "one error in the address": texts(last_name="PETIT", **elsewhere), "names swapped": texts(first_name="PETIT", last_name="JEANNE"),
        "misspelt": texts(last_name="PETTIT"), "by sound": texts(last_name="PETTIT", first_name="J"),
        "with the flat": texts(last_name="PETIT", address_extra="APPT 4"),
        "joined": texts(last_name="PETIT DURAND"), "joined the other way": texts(last_name="DURAND PETIT"),
    }  # fmt: skip
    assert {case: bool(held & found) for case, found in listed.items()} == dict.fromkeys(listed, True)
    # Whoever is listed under both is found under either; a neighbour who bears neither, or who shares the first name alone, is not.
    both = texts(last_name="DURAND", birth_name="PETIT", **elsewhere)
    assert both & texts(last_name="PETIT") and both & texts(last_name="DURAND")
    strangers = {
        "neighbour": texts(last_name="LAMBERT", birth_name="MOREL"),
        "other home": texts(last_name="PETIT", postcode="13001", way_number="7"),
    }
    assert {who: held & found for who, found in strangers.items()} == dict.fromkeys(strangers, set())
    family = texts(last_name="PETIT", first_name="LUC")
    assert {kind for kind, _ in held & family} == {"postal_household"}, "a brother at that address shares the family's key, and no other"


def test_inv_01_the_second_person_of_a_line_is_found_by_her_own_name(spark: SparkSession) -> None:
    def texts(**values: str) -> set[tuple[str, str]]:
        whole = {"postcode": "59000", "address_key": "12 RUE HAUTE", "way_number": "12", "way_name": "RUE HAUTE", "last_name": "DUPONT"}
        return {(r.kind, r.coordinate) for r in coordinates(Record.frame(spark, [Record.row(**{**whole, **values})])).collect()}

    held, marie = texts(first_name="JEAN", other_first_name="MARIE"), texts(first_name="MARIE")
    assert {"postal", "postal_near"} <= {kind for kind, _ in held & marie}
    assert {"postal", "postal_near"} <= {kind for kind, _ in held & texts(first_name="JEAN")}
    assert {kind for kind, _ in held & texts(first_name="PAUL")} == {"postal_household"}
