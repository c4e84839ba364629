"""Where a table stands: its newest commit, and whether its history since one that was seen leads forward only.

A table is put back in three ways: RESTORE adds a commit that says so; a folder copied from a backup ends earlier, or holds another commit under
a number that was seen. Of a local table the names in its log and the heads of a few small files tell it, without Spark.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from appetence.storage.files import LOG

RESTORE = "RESTORE"
_HEAD = 8192
_COMMIT = re.compile(r"\d{20}")


@dataclass(frozen=True)
class Standing:
    """The newest commit of a table: its version, and what tells it from another commit of that version."""

    version: int
    commit: str


def standing(folder: Path) -> Standing | None:
    """Of a local table; None when there is none."""
    commits = _commits(folder)
    return Standing(max(commits), _mark(commits[max(commits)])) if commits else None


def is_put_back(folder: Path, seen: Standing) -> bool:
    """Whether the table's history does not simply go on from what was seen. A commit whose file Delta has cleaned up tells nothing."""
    commits = _commits(folder)
    if not commits or max(commits) < seen.version:
        return True
    if seen.version in commits and _mark(commits[seen.version]) != seen.commit:
        return True
    return any(_operation(file) == RESTORE for version, file in commits.items() if version > seen.version)


def _commits(folder: Path) -> dict[int, Path]:
    log = folder / LOG
    return {int(f.stem): f for f in log.glob("*.json") if _COMMIT.fullmatch(f.stem)} if log.is_dir() else {}


def _mark(commit: Path) -> str:
    with commit.open("rb") as source:
        return hashlib.sha256(source.read(_HEAD)).hexdigest()[:32]


def _operation(commit: Path) -> str | None:
    with commit.open(encoding="utf-8") as lines:
        for line in lines:
            if "commitInfo" in line[:20]:
                said: str | None = json.loads(line)["commitInfo"].get("operation")
                return said
    return None
