"""What the code itself is: a fingerprint, so that what older rules made can be told from what today's would make."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType


def fingerprint(packages: Sequence[ModuleType], also: Iterable[str] = ()) -> str:
    """A short hash over every file of these packages (sources and data), and over whatever else is said to count.

    >>> from appetence import columns, records
    >>> fingerprint([columns]) == fingerprint([columns]) != fingerprint([columns, records])
    True
    """
    whole = hashlib.sha256()
    for package in packages:
        for file in _files(Path(str(package.__file__)).parent):
            whole.update(f"{package.__name__}/{file.name}\0".encode())
            whole.update(hashlib.sha256(file.read_bytes()).digest())
    for text in also:
        whole.update(f"{text}\0".encode())
    return whole.hexdigest()[:16]


def _files(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.is_file() and f.suffix in {".py", ".csv", ".gz"})
