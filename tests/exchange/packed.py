"""Parquet, fixed-width and zip files for the fuzz test: how a sound one is made, how it is harmed, and what stands in it by another reading."""

from __future__ import annotations

import gzip
import io
import lzma
import random
import re
import zipfile
import zlib
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

from appetence.contracts.specs import BlockSpec

WIDTHS = (6, 14, 12, 20)
Draw = random.Random
Harm = Callable[[Draw, bytes], bytes]


def as_kind(spec: BlockSpec, kind: str) -> BlockSpec:
    """The same block, agreed as a file of another kind."""
    fixed = {"fields": tuple(spec.columns), "widths": WIDTHS} if kind == "fixed" else {}
    return spec.model_copy(update={"format": kind, **fixed})


def from_csv(draw: Draw, content: bytes, kind: str) -> bytes:
    """A sound file of the kind with the rows of a sound CSV file."""
    lines = [[v.strip('"') for v in line.split(";")] for line in content.decode().splitlines()]
    if kind == "fixed":
        return "".join("".join(v.ljust(w) for v, w in zip(r, WIDTHS, strict=True)) + "\n" for r in lines[1:]).encode()
    columns = dict(zip(lines[0], zip(*lines[1:], strict=True), strict=True))
    table = pa.table({n: pa.array([int(v) for v in c]) if n == "NUM" else pa.array(c) for n, c in columns.items()})
    out = io.BytesIO()
    pq.write_table(
        table, out, compression=draw.choice(["none", "snappy", "zstd", "gzip"]), use_dictionary=draw.random() < 0.5,
        data_page_version=draw.choice(["1.0", "2.0"]), row_group_size=draw.choice([3, 1000]), write_page_checksum=draw.random() < 0.2,
    )  # fmt: skip
    return out.getvalue()


def zipped(draw: Draw, content: bytes, count: int = 1) -> bytes:
    """A zip file packed by one of four methods."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", draw.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])) as archive:
        for number in range(count):
            archive.writestr(f"{number}.txt", content)
    return out.getvalue()


def flipped(draw: Draw, data: bytes, times: int) -> bytes:
    """Some bits turned."""
    changed = bytearray(data)
    for _ in range(times if changed else 0):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _stretched(draw: Draw, data: bytes) -> bytes:
    place = draw.randrange(len(data) + 1)
    return data[:place] + draw.randbytes(draw.randint(1, 9)) + data[place:]


ZIP_HARMS: list[Harm] = [
    zipped,
    lambda d, b: zipped(d, b)[: -d.randrange(1, 40)],
    lambda d, b: flipped(d, zipped(d, b), 1),
    lambda d, b: flipped(d, zipped(d, b), 3),
    lambda d, b: _stretched(d, zipped(d, b)),
    lambda d, b: zipped(d, b, 2),
    lambda d, b: zipped(d, b, 0),
    lambda d, b: zipped(d, zipped(d, b)),
]
PARQUET_HARMS: list[Harm] = [
    lambda d, b: b,
    lambda d, b: b,
    lambda d, b: flipped(d, b, 1),
    lambda d, b: flipped(d, b, 3),
    lambda d, b: flipped(d, b, 30),
    lambda d, b: b[: d.randrange(len(b) + 1)],
    lambda d, b: b[d.randrange(len(b) + 1) :],
    _stretched,
    lambda d, b: b + b,
    lambda d, b: b"",
    lambda d, b: gzip.compress(b, mtime=0),
    lambda d, b: flipped(d, gzip.compress(b, mtime=0), 1),
    *ZIP_HARMS,
]


def unpacked(data: bytes) -> bytes:
    """What an archive holds, or the bytes themselves; raises what the archive's own module raises."""
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.read(archive.namelist()[0])
    return data


BROKEN = (
    OSError, EOFError, UnicodeDecodeError, ValueError, RuntimeError, IndexError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, pa.ArrowException,
)  # fmt: skip
"""What reading a harmed file may raise in the tests' own reading."""


def rows_of_kind(data: bytes, spec: BlockSpec) -> list[list[str]] | None:
    """The rows of a fixed-width or Parquet file, read whole; None when there is no such file."""
    try:
        plain = unpacked(data)
        return _parquet_rows(plain, spec) if spec.format == "parquet" else _fixed_rows(plain.decode("utf-8-sig"))
    except BROKEN:
        return None


def _fixed_rows(text: str) -> list[list[str]]:
    rows = []
    for line in re.split("\r\n|\r|\n", text):
        if sum(WIDTHS[:3]) <= len(line) <= sum(WIDTHS):
            starts = [sum(WIDTHS[:i]) for i in range(4)]
            rows.append([line[s : s + w].strip() for s, w in zip(starts, WIDTHS, strict=True)])
        elif line:
            rows.append([line])
    return [r for r in rows if any(r)]


def _parquet_rows(plain: bytes, spec: BlockSpec) -> list[list[str]] | None:
    table = pq.ParquetFile(io.BytesIO(plain)).read()
    if sorted(table.column_names) != sorted(spec.columns):
        return None
    columns = [[v or "" for v in table.column(n).cast(pa.string()).to_pylist()] for n in spec.columns]
    return [list(r) for r in zip(*columns, strict=True) if any(r)]
