"""Reference tables shipped with the library; ``SOURCES.md`` beside them states origin, licence and method."""

from __future__ import annotations

import csv
import gzip
from functools import cache
from importlib.resources import files
from pathlib import Path

from appetence.errors import AppetenceError

_SUFFIXES = ("", ".csv.gz", ".csv")


def path(name: str) -> Path:
    """Where the table lies, on disk; ``name`` with or without its suffix.

    Raises ``AppetenceError`` when there is no such table.

    >>> path("communes").name
    'communes.csv.gz'
    """
    folder = Path(str(files(__name__)))
    for suffix in _SUFFIXES:
        candidate = folder / f"{name}{suffix}"
        if candidate.is_file():
            return candidate
    known = ", ".join(sorted(p.name.split(".")[0] for p in folder.glob("*.csv*")))
    raise AppetenceError(f"There is no reference table {name!r}; the shipped ones are {known}.")


@cache
def _read(file: Path) -> tuple[dict[str, str], ...]:
    opener = gzip.open if file.suffix == ".gz" else open
    with opener(file, "rt", encoding="utf-8", newline="") as handle:
        return tuple(csv.DictReader(handle, delimiter=";"))


def rows(name: str) -> list[dict[str, str]]:
    """The table's rows, one dictionary of strings each; read once a process. Do not change the dictionaries.

    >>> rows("way_types")[1]["abbreviation"]
    'AV'
    """
    return list(_read(path(name)))
