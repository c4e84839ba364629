"""The files of a table that lies in a local folder, without Spark: which are live, how many rows hold an id, which nobody needs.

Asking Spark costs some seconds per table however small it is; a table's log is a few lines of JSON. Only what is certain is answered: a log
that uses anything this code does not know (deletion vectors, mapped columns, another kind of checkpoint, a gap) gives None, and Spark is asked.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

LOG = "_delta_log"
THREADS = 4
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10}))?\.parquet")
_ACTIONS = ("add", "remove", "protocol", "metaData")
_KNOWN_FEATURES = {"timestampNtz", "vacuumProtocolCheck"}


@contextmanager
def alone(log: Path | None) -> Iterator[None]:
    """Waits until no other run of this suite on this machine writes to the local table of this log folder, and keeps the others waiting; nothing
    is left behind, even of a run that is killed. None: a table elsewhere, where Delta tells writers apart."""
    if log is None:
        yield
        return
    held = os.open(log, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def newest_version(log: Path) -> int | None:
    """The newest commit of a log folder; None without one."""
    return max((int(f.stem) for f in log.glob("*.json") if f.stem.isdigit()), default=None) if log.is_dir() else None


def live_files(folder: Path) -> list[Path] | None:
    """The data files of the current version; None when the log cannot be read here, or there is none."""
    log = folder / LOG
    commits = {int(f.stem): f for f in log.glob("*.json") if re.fullmatch(r"\d{20}", f.stem)} if log.is_dir() else {}
    if not commits:
        return None
    start, parts = _checkpoint(log, max(commits))
    if start is None or any(v not in commits for v in range(start + 1, max(commits) + 1)):
        return None
    live: dict[str, None] = {}
    for action in _actions(parts, [commits[v] for v in range(start + 1, max(commits) + 1)]):
        if not _is_understood(action):
            return None
        if removed := action.get("remove"):
            live.pop(removed["path"], None)
        if added := action.get("add"):
            live[added["path"]] = None
    return [folder / unquote(path) for path in live]


def _checkpoint(log: Path, newest: int) -> tuple[int | None, list[Path]]:
    """Version and files of the newest whole checkpoint; -1 without one, None when there is one of a kind unknown here."""
    found: dict[int, list[Path]] = {}
    whole: list[int] = []
    for file in sorted(f for f in log.glob("*.checkpoint.*") if not f.name.startswith(".")):
        named = _CHECKPOINT.fullmatch(file.name)
        if not named:
            return None, []
        version = int(named[1])
        found.setdefault(version, []).append(file)
        if len(found[version]) == int(named[3] or 1) and version <= newest:
            whole.append(version)
    return (max(whole), found[max(whole)]) if whole else (-1, [])


def _actions(checkpoint: Iterable[Path], commits: Iterable[Path]) -> Iterator[Mapping[str, Any]]:
    for file in checkpoint:
        stored = pq.ParquetFile(file)
        wanted = [c for c in _ACTIONS if c in stored.schema_arrow.names]
        for row in stored.read(wanted).to_pylist():
            yield {k: v for k, v in row.items() if v and k != "remove"}
    for file in commits:
        with file.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines if line.strip())


def _is_understood(action: Mapping[str, Any]) -> bool:
    if added := action.get("add"):
        path = added["path"]
        return not added.get("deletionVector") and "://" not in path and not path.startswith("/")
    if protocol := action.get("protocol"):
        features = set(protocol.get("readerFeatures") or ())
        return protocol["minReaderVersion"] == 1 or (protocol["minReaderVersion"] == 3 and features <= _KNOWN_FEATURES)
    if described := action.get("metaData"):
        return dict(described.get("configuration") or {}).get("delta.columnMapping.mode", "none") == "none"
    return True


def count_held(files: Collection[Path], column: str, ids: Collection[str]) -> int:
    """Rows of the files whose `column` (a text) is among `ids`. Only that column is read."""
    wanted = pa.array(sorted(ids), pa.string())

    def held(file: Path) -> int:
        stored = pq.ParquetFile(file)
        if column not in stored.schema_arrow.names:
            return 0
        hits = (pc.sum(pc.is_in(batch.column(0), value_set=wanted)).as_py() or 0 for batch in stored.iter_batches(columns=[column]))
        return sum(hits)

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(held, files))


def count_rows(files: Collection[Path]) -> int:
    """Rows of the files, as their footers state them."""
    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(lambda file: pq.read_metadata(file).num_rows, files))


def sweep(folder: Path, live: Collection[Path]) -> int:
    """Removes every file of the table but its log and the live files; gives the number of data files removed."""
    kept = set(live) | {f.with_name(f".{f.name}.crc") for f in live}
    removed = 0
    for path in sorted(folder.rglob("*"), reverse=True):
        if path == folder / LOG or folder / LOG in path.parents or path in kept:
            continue
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
            continue
        path.unlink(missing_ok=True)
        removed += path.suffix == ".parquet"
    return removed
