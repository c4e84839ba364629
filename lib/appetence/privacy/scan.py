"""Looks for strings in every byte under some folders: the proof that an erasure left nothing.

A plain search misses what compression and page formats hide, so each file is also decoded: Parquet (data files and Delta checkpoints: the
values of every string or binary column, nested ones included, and the statistics of the footer), gzip and zip members (recursively), and
SQLite databases (rows, and the raw pages with what was deleted from them). Cost: one read and one decode of each file, then one
`in` per pattern and spelling, at some gigabytes a second each: meant for up to a few hundred patterns.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_MAGIC_PARQUET, _MAGIC_GZIP, _MAGIC_ZIP, _MAGIC_SQLITE = b"PAR1", b"\x1f\x8b", b"PK\x03\x04", b"SQLite format 3\0"
_MAX_DEPTH = 4
_BATCH = 65_536
_THREADS = 4


@dataclass(frozen=True, order=True)
class Finding:
    """One file that holds one of the patterns. `kind` says where: name, bytes, parquet, gzip, zip, sqlite; the pattern is not repeated."""

    file: str
    kind: str
    pattern_number: int


class Needles:
    """The strings looked for, in the spellings in which files may hold them (UTF-8, UTF-16, JSON escapes, percent escapes); bytes, as keys
    and their pads are, as they are, in hexadecimal (also spaced, as Spark shows them) and in base 64."""

    def __init__(self, texts: Iterable[str | bytes]) -> None:
        self._texts = [t for t in dict.fromkeys(texts) if t]
        self._number: dict[bytes, int] = {}
        for number, text in enumerate(self._texts):
            for spelled in _spellings(text) if isinstance(text, str) else _written(text):
                self._number.setdefault(spelled.lower(), number)

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def overlap(self) -> int:
        """Bytes that two neighbouring chunks must share so that no match is cut in two."""
        return max((len(b) for b in self._number), default=1) - 1

    def within(self, data: bytes) -> set[int]:
        """Numbers of the texts that `data` holds, letter case aside."""
        folded = data.lower()
        return {number for spelled, number in self._number.items() if spelled in folded}


def _spellings(text: str) -> set[bytes]:
    folders = quote(text, safe="")
    return {
        text.encode(), text.encode("utf-16-le"), json.dumps(text)[1:-1].encode(), folders.encode(),
        *([text.encode("cp1252")] if _fits(text, "cp1252") else []),
    }  # fmt: skip


def _written(value: bytes) -> set[bytes]:
    return {value, value.hex().encode(), value.hex(" ").encode(), base64.b64encode(value), base64.urlsafe_b64encode(value)}


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def scan(roots: Iterable[Path | str], texts: Iterable[str | bytes], skip: Iterable[Path | str] = ()) -> list[Finding]:
    """Every file under `roots` that holds one of `texts`, names of files included; folders in `skip` are left out.

    A file that cannot be decoded as what it says it is still gets the plain search. Findings are sorted.
    """
    needles = Needles(texts)
    skipped = [Path(s).resolve() for s in skip]

    def findings(file: Path) -> set[Finding]:
        named = {Finding(str(file), "name", n) for n in needles.within(str(file).encode())}
        return named | {Finding(str(file), kind, n) for kind, n in scan_file(file, needles)}

    with ThreadPoolExecutor(_THREADS) as pool:
        return sorted({f for found in pool.map(findings, _files(roots, skipped)) for f in found})


def scan_file(file: Path, needles: Needles) -> set[tuple[str, int]]:
    """Kinds and pattern numbers found in one file."""
    try:
        with file.open("rb") as source:
            head = source.read(16)
            source.seek(0)
            found = {("bytes", n) for n in _streamed(source, needles)}
        if head.startswith(_MAGIC_SQLITE):
            return found | {("sqlite", n) for n in _in_sqlite(file, needles)}
        if head.startswith((_MAGIC_PARQUET, _MAGIC_GZIP, _MAGIC_ZIP)):
            return found | _in_bytes(file.read_bytes(), needles, 0)
    except FileNotFoundError:  # removed while the scan went on
        return set()
    return found


def _files(roots: Iterable[Path | str], skipped: list[Path]) -> Iterator[Path]:
    for root in roots:
        top = Path(root)
        candidates = [top] if top.is_file() else sorted(top.rglob("*")) if top.is_dir() else []
        for file in candidates:
            if file.is_file() and not any(s == file.resolve() or s in file.resolve().parents for s in skipped):
                yield file


def _streamed(source: io.BufferedIOBase | io.BufferedReader, needles: Needles, chunk: int = 1 << 22) -> set[int]:
    found: set[int] = set()
    tail = b""
    while block := source.read(chunk):
        found |= needles.within(tail + block)
        tail = (tail + block)[-needles.overlap :] if needles.overlap else b""
    return found


def _in_bytes(data: bytes, needles: Needles, depth: int) -> set[tuple[str, int]]:
    if depth > _MAX_DEPTH:
        return set()
    if data.startswith(_MAGIC_PARQUET):
        return {("parquet", n) for n in _in_parquet(data, needles)}
    if data.startswith(_MAGIC_GZIP):
        return _in_gzip(data, needles, depth)
    if data.startswith(_MAGIC_ZIP):
        return _in_zip(data, needles, depth)
    return set()


def _in_gzip(data: bytes, needles: Needles, depth: int) -> set[tuple[str, int]]:
    try:
        plain = gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return set()
    return {("gzip", n) for n in needles.within(plain)} | _in_bytes(plain, needles, depth + 1)


def _in_zip(data: bytes, needles: Needles, depth: int) -> set[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                found |= {("zip", n) for n in needles.within(name.encode())}
                plain = archive.read(name)
                found |= {("zip", n) for n in needles.within(plain)} | _in_bytes(plain, needles, depth + 1)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error):
        return found
    return found


def _in_parquet(data: bytes, needles: Needles) -> set[int]:
    found: set[int] = set()
    for batch in _batches(data):
        for column in batch.columns:
            for text in _texts_of(column):
                found |= needles.within(text)
    return found


def _batches(data: bytes) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, up to where it cannot be decoded; what is wrong in looking at them is not hidden."""
    try:
        yield from pq.ParquetFile(io.BytesIO(data)).iter_batches(batch_size=_BATCH)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError):
        return


def _texts_of(column: pa.Array) -> Iterator[bytes]:
    """The string and binary values inside a column, as the joined bytes of their buffers' live part, however deep they are nested."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        yield from _texts_of(column.dictionary)
    elif pa.types.is_struct(kind):
        for child in column.flatten():
            yield from _texts_of(child)
    elif pa.types.is_map(kind):
        yield from _texts_of(column.keys)
        yield from _texts_of(column.items)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from _texts_of(column.flatten())
    elif pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        yield _joined(column.drop_null().unique())


def _joined(values: pa.Array) -> bytes:
    """The values as one line each, joined outside Python: no object per value, and other threads go on meanwhile."""
    whole = values.cast(pa.binary())
    one = pa.ListArray.from_arrays(pa.array([0, len(whole)], pa.int32()), whole)
    return bytes(pc.binary_join(one, b"\n")[0].as_buffer())


def _in_sqlite(file: Path, needles: Needles) -> set[int]:
    """Rows as SQLite reads them: values that run over overflow pages are cut in the raw bytes."""
    found: set[int] = set()
    try:
        with sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True) as base:
            tables = [r[0] for r in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                escaped = table.replace('"', '""')
                for row in base.execute(f'SELECT * FROM "{escaped}"'):
                    joined = "\n".join(v for v in row if isinstance(v, str)).encode()
                    blobs = b"\n".join(v for v in row if isinstance(v, bytes))
                    found |= needles.within(joined) | needles.within(blobs)
    except sqlite3.Error:
        return found
    finally:
        if "base" in locals():
            base.close()
    return found
