"""A CSV that an operator supplies as it was published: the file itself, or a zip that holds it."""

from __future__ import annotations

import contextlib
import csv
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from appetence.errors import ConfigError

_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError, csv.Error)

Texts = list[tuple[str, io.TextIOWrapper]]


@contextlib.contextmanager
def opened(
    path: Path, setting: str, remedy: str, choose: Callable[[zipfile.ZipFile], Sequence[zipfile.ZipInfo]], errors: str = "strict"
) -> Iterator[Texts]:  # fmt: skip
    """The texts to read, each with the name to tell; of a zip, those of its members that `choose` names.

    `errors`: what becomes of bytes that are no UTF-8, `replace` where no name is read. ConfigError in one sentence, with the `remedy`, when the
    file of `paths.<setting>` is lacking, damaged or no text."""
    if not path.is_file():
        raise ConfigError(f"There is no file {path}: correct `paths.{setting}`, or leave it empty to do without.")
    with path.open("rb") as stream:
        is_packed = stream.read(4) == b"PK\x03\x04"
        stream.seek(0)
        try:
            if is_packed:
                archive = zipfile.ZipFile(stream)
                yield [(f"{path}, {m.filename}", as_text(archive.open(m), errors)) for m in choose(archive)]
            else:
                yield [(str(path), as_text(stream, errors))]
        except UnicodeDecodeError:
            raise ConfigError(f"{path} is not UTF-8 text; {remedy}.") from None
        except _DAMAGED:
            raise ConfigError(f"{path} is damaged and cannot be read to its end; {remedy}.") from None


def csv_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """What a zip holds of CSV files."""
    return [m for m in archive.infolist() if m.filename.lower().endswith((".csv", ".txt"))]


def as_text(stream: IO[bytes], errors: str = "strict") -> io.TextIOWrapper:
    """UTF-8, with or without its mark; ends of lines as they are."""
    return io.TextIOWrapper(stream, encoding="utf-8-sig", errors=errors, newline="")
