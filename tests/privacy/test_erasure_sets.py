"""Whom an erasure reaches, over small tables: records, whole persons, persons touched, emptied households, and who may come back."""

from __future__ import annotations

import pytest
from pyspark.sql import DataFrame, SparkSession

from appetence.contracts.bronze import RawRecord
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.local import local_frame
from appetence.contracts.privacy import ErasedRecord
from appetence.privacy import erasure
from appetence.privacy.erasure import Cause, Subject

pytestmark = pytest.mark.spark
LINKS = {"a1": "pa", "a2": "pa", "b1": "pb", "c1": "pc", "d1": "pd"}
HOMES = {"pa": "h1", "pb": "h2", "pc": "h2", "pd": "h3"}


def ids(spark: SparkSession, *values: str) -> DataFrame:
    return local_frame(spark, [(v,) for v in values], "record_id string")


def pads(spark: SparkSession) -> DataFrame:
    return local_frame(spark, [(b"\x36" * 64, b"\x5c" * 64)], "inner_pad binary, outer_pad binary")


def test_inv_22_a_person_of_whom_records_are_left_is_touched_and_a_household_somebody_lives_in_stays(spark: SparkSession) -> None:
    links = PersonLink.frame(spark, [PersonLink.row(record_id=r, person_id=p) for r, p in LINKS.items()])
    homes = HouseholdLink.frame(spark, [HouseholdLink.row(person_id=p, household_id=h) for p, h in HOMES.items()])
    touched = erasure.touched_persons(ids(spark, "a1", "b1", "d1", "unlinked"), links)
    found = {r.person_id: r.is_whole for r in touched.collect()}
    assert found == {"pa": False, "pb": True, "pd": True}
    emptied = erasure.emptied_households(touched.where("is_whole"), homes)
    assert [r.household_id for r in emptied.collect()] == ["h3"], "pc lives on in h2, pa keeps a record in h1"


def test_inv_23_who_asked_does_not_come_back_and_who_aged_out_may(spark: SparkSession) -> None:
    keyed = {
        r.id: r.key_hash for r in erasure.hashed_ids(ids(spark, "asked", "dead", "aged", "left", "again"), pads(spark), Subject.RECORD).collect()
    }
    person = erasure.hashed_ids(ids(spark, "namesake"), pads(spark), Subject.PERSON).collect()[0].key_hash
    causes = {"asked": Cause.REQUEST, "dead": Cause.DIRECTIVE, "aged": Cause.RETENTION, "left": Cause.MEMBER_EXIT}
    rows = [ErasedRecord.row(key_hash=keyed[i], subject_kind="record", cause=str(cause)) for i, cause in causes.items()]
    rows += [ErasedRecord.row(key_hash=keyed["again"], subject_kind="record", cause=str(cause)) for cause in (Cause.RETENTION, Cause.REQUEST)]
    rows.append(ErasedRecord.row(key_hash=person, subject_kind="person", cause=str(Cause.REQUEST)))
    delivered = [*keyed, "namesake", "new"]
    frame = RawRecord.frame(spark, [RawRecord.row(record_id=r, line_number=n) for n, r in enumerate(delivered)])
    kept = erasure.filter_erased(frame, ErasedRecord.frame(spark, rows), pads(spark))
    assert sorted(r.record_id for r in kept.collect()) == ["aged", "left", "namesake", "new"]
    assert kept.columns == frame.columns and len(set(keyed.values())) == 5 and not set(keyed) & set(keyed.values())
    # Lakes made before there were causes: whoever stands there asked.
    old = ErasedRecord.frame(spark, [{**ErasedRecord.row(key_hash=keyed["aged"]), "subject_kind": None, "cause": None}])
    assert "aged" not in {r.record_id for r in erasure.filter_erased(frame, old, pads(spark)).collect()}
