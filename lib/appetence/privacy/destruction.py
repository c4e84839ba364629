"""Files that must be gone: private answers written, folders removed whole, nothing left half-way."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path


def write_private(folder: Path, name: str, text: str) -> Path:
    """Writes a file only this account can read (folder 0700, file 0600); it appears when it is whole."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    part, target = folder / f"{name}.part", folder / name
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline="") as out:
        out.write(text)
    part.replace(target)
    return target


def destroy(paths: Iterable[Path]) -> int:
    """Removes files and folders; gives the number of files that were there. What is gone already is no error."""
    count = 0
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            count += sum(1 for f in path.rglob("*") if f.is_file())
            shutil.rmtree(path)
        elif path.exists() or path.is_symlink():
            path.unlink()
            count += 1
    return count


def left_in_scratch(scratch: Path, keep: Iterable[str]) -> list[Path]:
    """What earlier runs left in the scratch space: everything but the folders named in `keep` (this run's own, the live session's)."""
    kept = set(keep)
    return sorted(p for p in scratch.iterdir() if p.name not in kept) if scratch.is_dir() else []
