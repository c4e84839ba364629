"""A table that was put back is told from one that went on, by its log alone; and what may run then."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from appetence.storage.standing import Standing, is_put_back, standing


def commit(folder: Path, version: int, operation: str = "WRITE", mark: str = "a") -> None:
    log = folder / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    said = {"commitInfo": {"timestamp": 1, "operation": operation, "txnId": f"{mark}{version}"}}
    (log / f"{version:020d}.json").write_text(json.dumps(said) + "\n" + json.dumps({"add": {"path": "x"}}) + "\n")


def committed(folder: Path) -> Path:
    """A table of four versions."""
    for version in range(4):
        commit(folder, version)
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return committed(tmp_path / "t")


def seen(table: Path) -> Standing:
    found = standing(table)
    assert found is not None
    return found


def test_a_table_that_went_on_was_not_put_back(table: Path) -> None:
    stood = seen(table)
    assert stood.version == 3 and not is_put_back(table, stood)
    commit(table, 4, "MERGE")
    commit(table, 5, "OPTIMIZE")
    assert not is_put_back(table, stood)
    (table / "_delta_log" / f"{3:020d}.json").unlink()
    assert not is_put_back(table, stood), "Delta cleans up old commits"


def test_a_restore_an_older_folder_and_another_history_are_noticed(table: Path, tmp_path: Path) -> None:
    shutil.copytree(table, tmp_path / "copy")
    commit(table, 4)
    stood = seen(table)
    assert is_put_back(tmp_path / "copy", stood), "it ends earlier"
    commit(tmp_path / "copy", 4, mark="b")
    assert is_put_back(tmp_path / "copy", stood), "another commit of that number"
    commit(tmp_path / "copy", 5, mark="b")
    assert is_put_back(tmp_path / "copy", stood), "even when it went on from there"
    commit(table, 5, "RESTORE")
    commit(table, 6)
    assert is_put_back(table, stood) and not is_put_back(table, seen(table))
    shutil.rmtree(table)
    assert is_put_back(table, stood) and standing(table) is None
