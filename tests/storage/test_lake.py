"""The lake writes only differences, refuses what breaks a contract, and keeps personal values out of its log."""

from __future__ import annotations

import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.campaign import Waterfall
from appetence.contracts.gold import Score
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Record
from appetence.errors import ConcurrentRunError, ContractError, MissingTableError
from appetence.storage import differences
from appetence.storage import lake as lake_module
from appetence.storage.lake import Lake
from appetence.storage.purging import AGE_CHECK

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


@pytest.mark.parametrize(("few", "operation"), [(lake_module.FEW, "WRITE"), (0, "MERGE")])
def test_few_changes_are_written_with_all_rows_and_many_are_merged_in_one_commit(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, few: int, operation: str
) -> None:
    monkeypatch.setattr(lake_module, "FEW", few)
    people = {f"r{n}": f"p{n}" for n in range(60)}
    first = lake.sync(PersonLink, links(lake, people))
    lake.run_id = "run-2"
    rows = links(lake, {k: v for k, v in people.items() if k != "r1"} | {"r2": "p99", "new": "p100"})
    change = lake.sync(PersonLink, rows)
    assert (change.inserted, change.updated, change.deleted) == (1, 1, 1) and change.version == (first.version or 0) + 1
    found = {r["record_id"]: (r["person_id"], r["run_id"]) for r in lake.read(PersonLink, with_run_id=True).collect()}
    assert len(found) == 60 and found["r2"] == ("p99", "run-2") and found["new"] == ("p100", "run-2") and found["r3"] == ("p3", "run-1")
    last = lake._delta(PersonLink).history(1).first()
    assert "r1" not in found and last is not None and last["operation"] == operation
    # Within some keys only: rows of other keys are not looked at, whatever the frame leaves out.
    keys = links(lake, {"r4": "", "r5": ""}).select("record_id")
    lake.sync(PersonLink, links(lake, {"r4": "p4", "r5": "p55"}), within=keys)
    held = {r["record_id"]: r["person_id"] for r in lake.read(PersonLink).collect()}
    assert len(held) == 60 and held["r5"] == "p55"


def test_what_another_run_writes_while_all_rows_are_written_again_is_not_lost(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.sync(PersonLink, links(lake, {"a": "p1", "b": "p2"}))
    made = differences.replaced
    other = Lake(lake.spark, lake.location, "run-2", lake.scratch)
    waiting = []

    def meanwhile(*args: Any) -> DataFrame:
        rows = made(*args)
        if args[-1] != "run-2":
            waiting.append(others.submit(other.upsert, PersonLink, links(lake, {"b": "p8", "c": "p3"})))
            time.sleep(3)  # time enough to write in, if it could
            assert not waiting[0].done()
        return rows

    monkeypatch.setattr(differences, "replaced", meanwhile)
    with ThreadPoolExecutor(1) as others:
        lake.upsert(PersonLink, links(lake, {"a": "p9", "d": "p4", "e": "p5", "f": "p6"}))
    assert waiting[0].result().inserted == 1
    assert {r["record_id"]: r["person_id"] for r in lake.read(PersonLink).collect()} == {
        "a": "p9", "b": "p8", "c": "p3", "d": "p4", "e": "p5", "f": "p6",
    }  # fmt: skip


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


def test_a_purge_reaches_change_data(lake: Lake) -> None:
    """A table that somebody had Delta keep changes of: each deleted row would stand in a file of its own."""
    rows = [{"record_id": r, "customer_ref": r, "last_name": n, "delivered_on": DAY} for r, n in (("r1", "ZANZIBAROV"), ("r2", "MARTIN"))]
    lake.sync(Record, Record.frame(lake.spark, rows).coalesce(1))
    lake.spark.sql(f"ALTER TABLE {lake.identifier(Record)} SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')")
    lake.delete(Record, lake.spark.createDataFrame([("r1",)], "record_id string"), "record_id")

    def changes() -> list[str]:
        files = (Path(lake.path(Record)) / "_change_data").glob("*.parquet")
        return [name for f in files for name in pq.read_table(f, columns=["last_name"]).to_pydict()["last_name"]]

    assert changes() == ["ZANZIBAROV"]
    lake.purge([Record])
    assert changes() == [] and [r.last_name for r in lake.read(Record).collect()] == ["MARTIN"]


def test_a_purge_reaches_rows_that_a_deletion_vector_only_marks(lake: Lake) -> None:
    """A table that somebody gave deletion vectors, as a cluster may do: a vacuum alone would keep the file with the row in it."""
    rows = [{"record_id": r, "customer_ref": r, "last_name": n, "delivered_on": DAY} for r, n in (("r1", "ZANZIBAROV"), ("r2", "MARTIN"))]
    lake.sync(Record, Record.frame(lake.spark, rows).coalesce(1))
    lake.spark.sql(f"ALTER TABLE {lake.identifier(Record)} SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')")
    lake.spark.sql(f"DELETE FROM {lake.identifier(Record)} WHERE record_id = 'r1'")
    assert list(Path(lake.path(Record)).glob("deletion_vector*")) and lake._files(Record) is None
    held = [f for f in Path(lake.path(Record)).rglob("*.parquet") if f.name.startswith("part-")]
    assert any("ZANZIBAROV" in str(pq.read_table(f, columns=["last_name"]).to_pydict()) for f in held)
    checks = lake.spark.conf.get(AGE_CHECK)
    lake.purge([Record])
    left = [f for f in Path(lake.path(Record)).rglob("*.parquet") if f.name.startswith("part-")]
    assert [pq.read_table(f, columns=["last_name"]).to_pydict()["last_name"] for f in left] == [["MARTIN"]]
    assert lake.spark.conf.get(AGE_CHECK) == checks and [r.last_name for r in lake.read(Record).collect()] == ["MARTIN"]


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


def scores() -> list[dict[str, object]]:
    keys = ["prospect:r_vad", "house:50% / été", "a=b"]
    common = {"model_version": "1", "raw_score": 0.5, "probability": 0.5, "decile": 1, "reasons": ["recent"]}
    return [{**common, "model_key": keys[n % 3], "cutoff": dt.date(2026, 1, 1 + n % 2), "person_id": f"p{n}", "rank": n} for n in range(24)]


def test_a_local_table_read_from_its_files_is_what_delta_reads(lake: Lake) -> None:
    """Files without a column of today, partition values that file names cannot hold, rows changed and deleted since, a checkpoint."""
    rows = scores()
    older = Score.frame(lake.spark, rows).drop("expected_amount_cents").withColumn("run_id", F.lit("run-0"))
    older.write.format("delta").partitionBy("model_key", "cutoff").save(lake.path(Score))
    assert _as_delta_reads(lake) == 24
    for turn in range(11):
        lake.upsert_rows(Score, [{**rows[turn], "probability": 0.9, "expected_amount_cents": 100}])
    lake.sync(Score, Score.frame(lake.spark, rows[5:]))
    assert list((Path(lake.path(Score)) / "_delta_log").glob("*.checkpoint.parquet")), "the log is read behind a checkpoint too"
    assert _as_delta_reads(lake) == 19
    lake.sync(Score, Score.frame(lake.spark, []))
    assert _as_delta_reads(lake) == 0


def _as_delta_reads(lake: Lake) -> int:
    """Rows of Score, the same by both ways."""
    names = [str(f) for f in Score.content()]
    mine = lake.read(Score)
    theirs = lake._raw(Score)
    theirs = theirs if "expected_amount_cents" in theirs.columns else theirs.withColumn("expected_amount_cents", F.lit(None).cast("bigint"))
    found, expected = (sorted(map(str, frame.select(*names).collect())) for frame in (mine, theirs))
    assert found == expected
    return len(found)


def test_rows_of_the_driver_are_written_like_frames(lake: Lake) -> None:
    rows = [{"record_id": r, "member_id": "m01", "person_id": "p1", "since": DAY} for r in "ab"]
    assert lake.upsert_rows(PersonLink, []).is_none and not lake.exists(PersonLink)
    assert (lake.insert_rows(PersonLink, rows).inserted, lake.upsert_rows(PersonLink, rows).is_none) == (2, True)
    assert lake.insert_rows(PersonLink, [{**rows[0], "person_id": "p9"}]).is_none, "a key that is there stays as it is"
    assert lake.upsert_rows(PersonLink, [{**rows[0], "person_id": "p9"}]).updated == 1
    before = lake.version(PersonLink)
    with pytest.raises(ContractError, match="1 double keys"):
        lake.upsert_rows(PersonLink, [*rows, rows[0]])
    with pytest.raises(ContractError, match="2 double keys"):
        lake.upsert(PersonLink, links(lake, {"a": "p1", "n": "p2"}).union(links(lake, {"a": "p2", "n": "p2"})))
    assert lake.version(PersonLink) == before
