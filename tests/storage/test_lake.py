"""The lake writes only differences, refuses what breaks a contract, and keeps personal values out of its log."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from appetence.contracts.campaign import Waterfall
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Record
from appetence.errors import ConcurrentRunError, ContractError, MissingTableError
from appetence.storage.lake import Lake

pytestmark = pytest.mark.spark
DAY = dt.date(2026, 10, 31)


def links(lake: Lake, pairs: dict[str, str]):
    rows = [{"record_id": r, "member_id": "m01", "person_id": p, "since": DAY} for r, p in pairs.items()]
    return PersonLink.frame(lake.spark, rows)


def test_sync_writes_only_what_differs_and_keeps_the_run_id_of_untouched_rows(lake: Lake) -> None:
    first = lake.sync(PersonLink, links(lake, {"a": "p1", "b": "p2", "c": "p3"}))
    assert (first.inserted, first.updated, first.deleted) == (3, 0, 0)
    again = lake.sync(PersonLink, links(lake, {"c": "p3", "a": "p1", "b": "p2"}))
    assert again.is_none and again.version == first.version
    lake.run_id = "run-2"
    changed = lake.sync(PersonLink, links(lake, {"a": "p1", "b": "p9", "d": "p4"}))
    assert (changed.inserted, changed.updated, changed.deleted) == (1, 1, 1)
    found = {r["record_id"]: (r["person_id"], r["run_id"]) for r in lake.read(PersonLink, with_run_id=True).collect()}
    assert found == {"a": ("p1", "run-1"), "b": ("p9", "run-2"), "d": ("p4", "run-2")}


def test_insert_new_and_upsert_leave_other_rows(lake: Lake) -> None:
    lake.sync(PersonLink, links(lake, {"a": "p1", "b": "p2"}))
    assert lake.insert_new(PersonLink, links(lake, {"a": "p9", "c": "p3"})).inserted == 1
    change = lake.upsert(PersonLink, links(lake, {"b": "p8"}))
    assert (change.inserted, change.updated, change.deleted) == (0, 1, 0)
    assert {r["record_id"]: r["person_id"] for r in lake.read(PersonLink).collect()} == {"a": "p1", "b": "p8", "c": "p3"}


def test_scope_limits_what_sync_deletes(lake: Lake) -> None:
    def steps(campaign: str, entered: int):
        return Waterfall.frame(
            lake.spark, [{"campaign_id": campaign, "step": 0, "code": "UNIVERSE", "entered": entered, "dropped": 0, "remaining": entered}]
        )

    lake.sync(Waterfall, steps("one", 5), scope="campaign_id = 'one'")
    lake.sync(Waterfall, steps("two", 7), scope="campaign_id = 'two'")
    lake.sync(Waterfall, steps("one", 6), scope="campaign_id = 'one'")
    assert {r["campaign_id"]: r["entered"] for r in lake.read(Waterfall).collect()} == {"one": 6, "two": 7}


def test_double_keys_and_broken_checks_are_refused_and_nothing_is_written(lake: Lake) -> None:
    doubled = links(lake, {"a": "p1"}).union(links(lake, {"a": "p2"}))
    with pytest.raises(ContractError, match="1 double keys"):
        lake.sync(PersonLink, doubled)
    assert not lake.exists(PersonLink)
    wrong = Waterfall.frame(lake.spark, [{"campaign_id": "x", "step": 0, "code": "UNIVERSE", "entered": 5, "dropped": 1, "remaining": 5}])
    with pytest.raises(ContractError, match="adds_up"):
        lake.sync(Waterfall, wrong)
    assert lake.read_or_empty(Waterfall).count() == 0


def test_a_missing_table_names_the_job_that_writes_it(lake: Lake) -> None:
    with pytest.raises(MissingTableError, match="standardise_records"):
        lake.read(Record)


def test_shape_says_what_lacks(lake: Lake) -> None:
    with pytest.raises(ContractError, match="person_id is missing"):
        PersonLink.shape(links(lake, {"a": "p"}).drop("person_id"))


def test_dry_run_counts_and_writes_nothing(lake: Lake) -> None:
    lake.is_dry_run = True
    assert lake.sync(PersonLink, links(lake, {"a": "p1"})).inserted == 1
    assert not lake.exists(PersonLink)


def test_delete_by_opaque_id_and_purge_leave_no_personal_byte(lake: Lake) -> None:
    rows = [{"record_id": r, "customer_ref": r, "last_name": n, "delivered_on": DAY} for r, n in (("r1", "ZANZIBAROV"), ("r2", "MARTIN"))]
    lake.sync(Record, Record.frame(lake.spark, rows))
    log = Path(lake.path(Record)) / "_delta_log"
    assert not any(b"MARTIN" in f.read_bytes() for f in log.glob("*.json")), "statistics must leave personal columns out"
    ids = lake.spark.createDataFrame([("r1",)], "record_id string")
    assert lake.delete(Record, ids, "record_id") == 1
    assert lake.purge([Record])["silver.record"] >= 1
    assert [r["last_name"] for r in lake.read(Record).collect()] == ["MARTIN"]
    assert not any(b"ZANZIBAROV" in f.read_bytes() for f in Path(lake.path(Record)).rglob("*") if f.is_file())


def test_inv_30_writers_at_the_same_time_lose_no_row(lake: Lake) -> None:
    """Each of four writers either has all its rows in the table or was refused loudly with none of them there."""
    lake.sync(PersonLink, links(lake, {"first": "p0"}))

    def write(name: str) -> bool:
        other = Lake(lake.spark, lake.location, f"run-{name}", lake.scratch)
        try:
            # The shared key makes each writer change a row too, not only add some.
            other.upsert(PersonLink, links(other, {"first": f"p{name}", **{f"{name}{i}": "p" for i in range(20)}}))
        except ConcurrentRunError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        outcome = dict(zip("abcd", pool.map(write, "abcd"), strict=True))
    stored = {r["record_id"]: r["person_id"] for r in lake.read(PersonLink).collect()}
    assert any(outcome.values())
    for name, is_written in outcome.items():
        assert sum(record[0] == name for record in stored if record != "first") == (20 if is_written else 0)
    assert stored["first"] in {f"p{name}" for name, is_written in outcome.items() if is_written}


def test_tables_written_side_by_side_are_each_whole(lake: Lake) -> None:
    steps = Waterfall.frame(lake.spark, [{"campaign_id": "one", "step": 0, "code": "UNIVERSE", "entered": 1, "dropped": 0, "remaining": 1}])
    changes = lake.together(partial(lake.sync, PersonLink, links(lake, {"a": "p1", "b": "p2"})), partial(lake.sync, Waterfall, steps))
    assert [c.inserted for c in changes] == [2, 1]
    assert lake.read(PersonLink).count() == 2 and lake.read(Waterfall).count() == 1
    doubled = links(lake, {"a": "p1"}).union(links(lake, {"a": "p2"}))
    with pytest.raises(ContractError, match="1 double keys"):
        lake.together(partial(lake.sync, Waterfall, steps), partial(lake.sync, PersonLink, doubled))
