"""A member's file as batches of text columns with their line numbers: CSV dialects, fixed width and Parquet, all streaming.

A line that does not have the right number of fields is set aside with its number; every other decision is left to `reading`. Lines are
counted as the member's own tools count rows: the header is line 1, and a row whose quoted value contains line breaks counts once.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from appetence.contracts.specs import BlockSpec
from appetence.errors import DeliveryError
from appetence.exchange.decoding import allowed_bytes, is_of_the_machine, open_text, unpack

KEPT_TEXT = 80
_BLOCK_BYTES = 4 << 20
_BATCH_LINES, _BATCH_BYTES = 1 << 16, 64 << 20
_SHORT = 32
_MAX_HEADER = 1 << 16


@dataclass(frozen=True)
class Odd:
    """A line whose number of fields is wrong, with its first characters."""

    line_number: int
    found: int
    expected: int
    text: str


@dataclass
class Source:
    """A file being read: its column names, its batches, and the odd lines met so far (complete when the batches are exhausted).

    `rows` and `numbers`, the names of columns that hold numbers, are what a Parquet file says of itself; other formats say nothing."""

    names: list[str]
    batches: Iterator[tuple[np.ndarray, pa.RecordBatch]]
    rows: int | None = None
    numbers: frozenset[str] = frozenset()
    odd: list[Odd] = field(default_factory=list)
    _taken: int = 0

    def take_odd(self) -> list[Odd]:
        """The odd lines that were not taken before."""
        new = self.odd[self._taken :]
        self._taken = len(self.odd)
        return new


@contextlib.contextmanager
def open_source(path: Path, name: str, spec: BlockSpec, max_expansion: int) -> Iterator[Source]:
    """The file as batches of string columns, each with its line numbers. DeliveryError for a file that is not of the agreed format."""
    try:
        if spec.format == "parquet":
            with tempfile.TemporaryDirectory(dir=path.parent) as private:
                plain = Path(private) / "plain.parquet"
                unpack(path, name, plain, max_expansion)
                yield _parquet(plain, name, allowed_bytes(plain, max_expansion))
        else:
            names = list(spec.fields) if spec.format == "fixed" or not spec.header else _header(path, name, spec, max_expansion)
            with open_text(path, name, spec.encoding, max_expansion) as stream:
                yield _fixed(stream, names, spec) if spec.format == "fixed" else _csv(stream, name, names, spec)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and is_of_the_machine(error):
            raise
        remedy = "write and send it again" if spec.format == "parquet" else "check its quotes and delimiter"
        raise DeliveryError("FORMAT", f"{name} is not a whole {spec.format} file as agreed ({_arrow_reason(error)}); {remedy}.") from None


def _header(path: Path, name: str, spec: BlockSpec, max_expansion: int) -> list[str]:
    with open_text(path, name, spec.encoding, max_expansion) as stream:
        start = stream.read(_MAX_HEADER).decode("utf-8", errors="ignore")
    first = start.splitlines()[0] if start.strip() else ""
    if not first.strip():
        raise DeliveryError("HEADER", f"{name} has no header line; its first line must name the columns.")
    names = [n.strip() for n in next(csv.reader([first], delimiter=spec.delimiter, quotechar=spec.quote or None, quoting=_quoting(spec)))]
    double = sorted({n for n in names if names.count(n) > 1})
    if double or "" in names:
        what = f"names the column {double[0]!r} twice" if double and double[0] else "has a column without name"
        raise DeliveryError("HEADER", f"{name}: the header {what}; give each column a name of its own.")
    return names


def _quoting(spec: BlockSpec) -> Literal[0, 3]:
    return csv.QUOTE_MINIMAL if spec.quote else csv.QUOTE_NONE


def _csv(stream: io.BufferedReader, name: str, names: list[str], spec: BlockSpec) -> Source:
    source = Source(names, iter(()))

    def set_aside(row: pyarrow.csv.InvalidRow) -> str:
        source.odd.append(Odd(int(row.number), row.actual_columns, row.expected_columns, row.text[:KEPT_TEXT]))
        return "skip"

    reader = pyarrow.csv.open_csv(
        stream,
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False, block_size=_BLOCK_BYTES, column_names=names, skip_rows=1 if spec.header else 0
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=spec.delimiter, quote_char=spec.quote or False, double_quote=True, escape_char=False,
            newlines_in_values=bool(spec.quote), ignore_empty_lines=False, invalid_row_handler=set_aside,
        ),
        convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )  # fmt: skip
    source.batches = _numbered(reader, source.odd, 2 if spec.header else 1)
    return source


def _numbered(batches: Iterator[pa.RecordBatch], odd: list[Odd], first: int) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
    """Each batch with the line numbers of its rows: the numbers in order, without those of the lines set aside.

    The reader may be ahead of the batch it hands out, never behind, so every odd line inside a batch is known when the batch arrives."""
    used = 0
    for batch in batches:
        aside: list[int] = []
        end = first + batch.num_rows
        while used < len(odd) and odd[used].line_number < end:
            aside.append(odd[used].line_number)
            used, end = used + 1, end + 1
        yield np.setdiff1d(np.arange(first, end), np.array(aside, dtype=np.int64), assume_unique=True), batch
        first = end


def _fixed(stream: io.BufferedReader, names: list[str], spec: BlockSpec) -> Source:
    source = Source(names, iter(()))
    source.batches = _sliced(io.TextIOWrapper(stream, encoding="utf-8", newline=None), spec, source.odd)
    return source


def _sliced(text: io.TextIOWrapper, spec: BlockSpec, odd: list[Odd]) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
    ends = list(itertools.accumulate(spec.widths))
    shortest, longest = ends[-1] - spec.widths[-1], ends[-1]
    numbered = enumerate(_lines(text, max(longest, KEPT_TEXT) + 1), start=1)
    while chunk := list(itertools.islice(numbered, _BATCH_LINES)):
        kept = [(n, line) for n, (line, length) in chunk if shortest <= length <= longest or not length]
        odd.extend(Odd(n, length, longest, line[:KEPT_TEXT]) for n, (line, length) in chunk if length and not shortest <= length <= longest)
        lines = pa.array([line for _, line in kept], pa.string())
        columns = [pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(lines, e - w, e)) for w, e in zip(spec.widths, ends, strict=True)]
        yield np.array([n for n, _ in kept], dtype=np.int64), pa.RecordBatch.from_arrays(columns, names=list(spec.fields))


def _lines(text: io.TextIOWrapper, limit: int) -> Iterator[tuple[str, int]]:
    """Each line up to `limit` characters, and how long it really is: a line without end is counted and never held."""
    while piece := text.readline(limit):
        line = piece.rstrip("\n")
        length = len(line)
        while not piece.endswith("\n") and (piece := text.readline(limit)):
            length += len(piece.rstrip("\n"))
        yield line, length


def _parquet(path: Path, name: str, limit: int) -> Source:
    texts = [c.name for c in pq.read_schema(path) if pa.types.is_string(c.type) or pa.types.is_large_string(c.type)]
    # As dictionaries: a text written once and repeated on each line stays one text until it is cast.
    file = pq.ParquetFile(path, read_dictionary=texts)
    footer = file.metadata
    if sum(footer.row_group(i).total_byte_size for i in range(footer.num_row_groups)) > limit:
        raise DeliveryError("ARCHIVE_BOMB", f"{name} unpacks to far more than its size allows; send it less tightly packed.")
    for column in file.schema_arrow:
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            raise DeliveryError("FORMAT", f"{name}: the column {column.name!r} holds lists, structures or bytes; send plain values.")
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    numbers = frozenset(c.name for c in file.schema_arrow if any(is_one(c.type) for is_one in kinds))
    return Source(list(file.schema_arrow.names), _as_text(file), footer.num_rows, numbers)


def _as_text(file: pq.ParquetFile) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
    first = 1
    for batch in file.iter_batches(batch_size=_BATCH_LINES):
        batch.validate(full=True)  # damaged pages may hold what is no text
        step = max(1, _BATCH_BYTES // max(1, sum(_longest(c) for c in batch.columns)))
        for part in (batch.slice(start, step) for start in range(0, batch.num_rows, step)):
            columns = [pc.fill_null(pc.cast(c, pa.string()), "") for c in part.columns]
            yield np.arange(first, first + part.num_rows), pa.RecordBatch.from_arrays(columns, names=part.schema.names)
            first += part.num_rows


def _longest(column: pa.Array) -> int:
    """Bytes of the longest text a column may hold in these lines; numbers and dates are short."""
    values = column.dictionary if isinstance(column, pa.DictionaryArray) else None
    if values is None or not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)) or not len(values):
        return _SHORT
    return max(_SHORT, pc.max(pc.binary_length(values)).as_py() or 0)


def _arrow_reason(error: Exception) -> str:
    """Arrow quotes values in its messages: only what kind of fault it is goes on."""
    return "a quoted value never ends" if "straddling" in str(error) else "it cannot be parsed"
