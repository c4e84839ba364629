"""The best of a person's records."""

from __future__ import annotations

import datetime as dt

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.silver import Record
from appetence.identity.golden import build_persons

pytestmark = pytest.mark.spark
D1, D2, D3 = dt.date(2026, 1, 1), dt.date(2026, 2, 1), dt.date(2026, 3, 1)


def test_a_person_is_the_best_of_its_records(spark: SparkSession) -> None:
    said = [
        {"record_id": "r1", "member_id": "m01", "delivered_on": D1, "first_name": "ANNE", "last_name": "MARTIN", "civility": "MME", "gender": "F",
         "birth_date": dt.date(1970, 1, 2), "postcode": "35000", "department": "35", "is_deliverable": True},
        {"record_id": "r2", "member_id": "m02", "delivered_on": D2, "first_name": "A", "last_name": "MARTIN", "postcode": "29200", "department": "29",
         "is_deliverable": True, "has_children": True},
        {"record_id": "r3", "member_id": "m02", "delivered_on": D3, "first_name": "A", "last_name": "MARTEN", "birth_date": dt.date(1970, 2, 1),
         "postcode": "75001", "is_deliverable": False, "has_children": False},
        {"record_id": "q1", "member_id": "m01", "delivered_on": D1},
    ]  # fmt: skip
    links = [{"record_id": r, "member_id": "m01", "person_id": p, "since": D1} for r, p in (("r1", "pA"), ("r2", "pA"), ("r3", "pA"), ("q1", "pB"))]
    homes = [{"person_id": p, "household_id": h, "household_size": 1, "since": D1} for p, h in (("pA", "hA"), ("pB", "hB"))]
    confidence = spark.createDataFrame([("r1", 7.5), ("r2", 7.5), ("r3", 7.5)], "record_id string, confidence double")
    made = build_persons(Record.frame(spark, said), PersonLink.frame(spark, links), HouseholdLink.frame(spark, homes), confidence).collect()
    anne, other = sorted(made, key=lambda r: r.person_id)
    # The whole first name wins over two initials, the surname of two over one; the place is the newest deliverable one.
    assert (anne.first_name, anne.last_name, anne.civility, anne.gender) == ("ANNE", "MARTIN", "MME", "F")
    assert (anne.postcode, anne.department) == ("29200", "29")
    assert anne.birth_date == dt.date(1970, 2, 1) and anne.is_birth_date_disputed
    assert (anne.record_count, anne.member_count, anne.has_children, anne.confidence) == (3, 2, True, 7.5)
    assert (anne.household_id, anne.last_delivered_on) == ("hA", D3)
    assert (other.first_name, other.birth_date, other.is_birth_date_disputed, other.record_count) == (None, None, False, 1)
