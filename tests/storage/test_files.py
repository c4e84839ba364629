"""What the files of a table say without Spark: live files by the log, rows by id, and nothing where the log uses what is unknown here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from appetence.storage.files import count_held, count_rows, live_files, sweep

PROTOCOL = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 7}}
META = {"metaData": {"id": "t", "configuration": {"delta.enableDeletionVectors": "false"}}}


def commit(table: Path, version: int, *actions: dict[str, Any]) -> None:
    log = table / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    (log / f"{version:020d}.json").write_text("".join(json.dumps(a) + "\n" for a in actions), encoding="utf-8")


def data(table: Path, name: str, ids: list[str | None], column: str = "record_id") -> Path:
    file = table / name
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({column: pa.array(ids, pa.string()), "n": list(range(len(ids)))}), file)
    (file.with_name(f".{file.name}.crc")).write_bytes(b"crc")
    return file


def added(path: str, **more: Any) -> dict[str, Any]:
    return {"add": {"path": path, "partitionValues": {}, "size": 1, "dataChange": True, **more}}


def removed(path: str) -> dict[str, Any]:
    return {"remove": {"path": path, "dataChange": True}}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """a and b written, b rewritten as c without one id; d lies there and was never committed; a folder name with a space."""
    table = tmp_path / "table"
    for name, ids in {"a.parquet": ["r1", "r2"], "b.parquet": ["r3", "r4"], "k=x y/c.parquet": ["r4", None], "d.parquet": ["r3"]}.items():
        data(table, name, ids)  # type: ignore[arg-type]  # a dict of lists of texts is what it is
    commit(table, 0, PROTOCOL, META, added("a.parquet"))
    commit(table, 1, added("b.parquet"))
    commit(table, 2, removed("b.parquet"), added("k=x%20y/c.parquet"))
    return table


def names(files: list[Path] | None) -> set[str] | None:
    return None if files is None else {f.name for f in files}


def test_live_files_follow_the_log(table: Path) -> None:
    assert names(live_files(table)) == {"a.parquet", "c.parquet"}
    assert live_files(table / "nowhere") is None


def test_a_checkpoint_stands_for_the_commits_before_it(table: Path) -> None:
    def state(path: str | None) -> dict[str, Any]:
        add = {"path": path, "deletionVector": None} if path else None
        meta = None if path else {"configuration": [("delta.enableDeletionVectors", "false")]}
        return {"add": add, "metaData": meta, "protocol": None if path else {"minReaderVersion": 1, "readerFeatures": None}}

    kinds = pa.schema(
        [
            ("add", pa.struct([("path", pa.string()), ("deletionVector", pa.struct([("x", pa.string())]))])),
            ("metaData", pa.struct([("configuration", pa.map_(pa.string(), pa.string()))])),
            ("protocol", pa.struct([("minReaderVersion", pa.int32()), ("readerFeatures", pa.list_(pa.string()))])),
        ]
    )
    rows = [state(None), state("a.parquet"), state("b.parquet")]
    pq.write_table(pa.Table.from_pylist(rows, kinds), table / "_delta_log" / f"{1:020d}.checkpoint.parquet")
    for version in (0, 1):
        (table / "_delta_log" / f"{version:020d}.json").unlink()
    assert names(live_files(table)) == {"a.parquet", "c.parquet"}
    # Half of a checkpoint in two parts is none, and without it the log has a gap at its beginning.
    whole = table / "_delta_log" / f"{1:020d}.checkpoint.parquet"
    whole.rename(whole.with_name(f"{1:020d}.checkpoint.{1:010d}.{2:010d}.parquet"))
    assert live_files(table) is None


UNKNOWN = [
    added("e.parquet", deletionVector={"storageType": "u"}),
    added("s3://elsewhere/e.parquet"),
    added("/elsewhere/e.parquet"),
    {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"]}},
    {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}},
    {"metaData": {"configuration": {"delta.columnMapping.mode": "name"}}},
]


@pytest.mark.parametrize("action", UNKNOWN)
def test_what_is_unknown_is_left_to_spark(table: Path, action: dict[str, Any]) -> None:
    commit(table, 3, action)
    assert live_files(table) is None


def test_a_gap_or_another_kind_of_checkpoint_is_left_to_spark(table: Path) -> None:
    commit(table, 4, added("e.parquet"))
    assert live_files(table) is None
    commit(table, 3)
    assert names(live_files(table)) == {"a.parquet", "c.parquet", "e.parquet"}
    (table / "_delta_log" / f"{3:020d}.checkpoint.80a083e8-7026.parquet").write_bytes(b"")
    assert live_files(table) is None


def test_rows_are_counted_by_id_and_a_file_without_the_column_holds_none(table: Path) -> None:
    live = [*(live_files(table) or []), data(table, "old.parquet", ["r4"], column="something_else")]
    assert count_held(live, "record_id", {"r4", "r2", "nobody"}) == 2
    assert count_rows(live) == 5
    assert count_held(live, "record_id", set()) == 0 == count_held([], "record_id", {"r4"})


def test_sweeping_leaves_the_log_and_the_live_files_only(table: Path) -> None:
    (table / "k=old").mkdir()
    data(table, "k=old/z.parquet", ["r3"])
    (table / "_tmp").write_text("half a file", encoding="utf-8")
    before = sorted((table / "_delta_log").iterdir())
    assert sweep(table, live_files(table) or []) == 3
    assert {p.relative_to(table).as_posix() for p in table.rglob("*") if p.is_file() and "_delta_log" not in p.parts} == {
        "a.parquet", ".a.parquet.crc", "k=x y/c.parquet", "k=x y/.c.parquet.crc"
    }  # fmt: skip
    assert not (table / "k=old").exists() and sorted((table / "_delta_log").iterdir()) == before
