"""One file of a delivery becomes staged Parquet in our columns, every value as the member wrote it, with the lines that are refused beside.

Streams: one batch of lines is held at a time. What is wrong with the file as a whole is a DeliveryError; what is wrong with a line is a row
of the rejects file, which holds the shape of a value and never the value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from appetence.contracts.bronze import RawRecord, RawTransaction, Reject
from appetence.contracts.domain import Block
from appetence.contracts.specs import BlockSpec
from appetence.errors import DeliveryError
from appetence.exchange.blocks import REFERENCES, REQUIRED, Stamp, data_columns
from appetence.exchange.formats import KEPT_TEXT, Odd, Source, open_source
from appetence.exchange.manifest import ManifestFile

MAX_VALUE_BYTES = 4000
MAX_EXAMPLES = 100
WHOLE_LINE = "line"
"""What stands for the column when the line as a whole is at fault."""

STAMP_FIELDS = (
    pa.field(RawRecord.delivery_id, pa.string(), nullable=False),
    pa.field(RawRecord.line_number, pa.int32(), nullable=False),
    pa.field(RawRecord.member_id, pa.string(), nullable=False),
    pa.field(RawRecord.delivered_at, pa.timestamp("us", tz="UTC"), nullable=False),
    pa.field(RawRecord.received_on, pa.date32(), nullable=False),
)
REJECT_SCHEMA = pa.schema(
    [
        pa.field(Reject.delivery_id, pa.string(), nullable=False),
        pa.field(Reject.block, pa.string(), nullable=False),
        pa.field(Reject.line_number, pa.int32(), nullable=False),
        pa.field(Reject.member_id, pa.string(), nullable=False),
        pa.field(RawRecord.customer_ref, pa.string()),
        pa.field(Reject.column, pa.string(), nullable=False),
        pa.field(Reject.code, pa.string(), nullable=False),
        pa.field(Reject.sentence, pa.string(), nullable=False),
        pa.field(Reject.value_shape, pa.string()),
    ]
)


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one line: for the rejects table, and for the member's report (which leaves out the customer number)."""

    line_number: int
    column: str
    code: str
    sentence: str
    value_shape: str | None = None
    customer_ref: str | None = None


@dataclass(frozen=True)
class Unread:
    """Values of one column of the accepted lines that cannot be read, for one reason: how many of those given, and the first by line and shape."""

    column: str
    code: str
    sentence: str
    count: int
    among: int
    examples: tuple[tuple[int, str | None], ...] = ()


@dataclass
class Staged:
    """What reading one file gave, in lines; `examples` are the first faults, `unread` is what standardising will not be able to read."""

    name: str
    block: Block
    accepted_path: Path
    rejects_path: Path
    accepted: int = 0
    rejected: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    examples: list[Fault] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    @property
    def read(self) -> int:
        """Lines read."""
        return self.accepted + self.rejected


def values_given(staged: Staged) -> dict[str, int]:
    """How many of the accepted lines fill each of our columns, as the staged file's own statistics have it."""
    if not staged.accepted:
        return {}
    about = pq.read_metadata(staged.accepted_path)
    names = [about.schema.column(i).name for i in range(about.num_columns)]
    groups = [about.row_group(g) for g in range(about.num_row_groups)]
    return {name: staged.accepted - sum(group.column(i).statistics.null_count for group in groups) for i, name in enumerate(names)}


def too_much_unread(files: Sequence[Staged], blocks: Mapping[Block, BlockSpec], share: float, least: int) -> str | None:
    """Why a delivery is refused: the column of which most cannot be read, when that is more than `share` of its values.

    A column with fewer than `least` values is not judged: where one value in ten is wrong by itself, more than half of two or three are in one
    or three columns of a hundred, of ten in one of 7,000. Only there does a share speak of the column and not of its values."""
    worst: tuple[float, Staged, str, int, int] | None = None
    for staged in files:
        for column in sorted({u.column for u in staged.unread}):
            own = [u for u in staged.unread if u.column == column]
            count, among = sum(u.count for u in own), max(u.among for u in own)
            if among >= least and count > among * share and (worst is None or count / among > worst[0]):
                worst = (count / among, staged, column, count, among)
    if worst is None:
        return None
    _, staged, column, count, among = worst
    return (
        f"{count} of the {among} values of {blocks[staged.block].source_of(column)} in {staged.name} cannot be read as {column}, more than the "
        f"{share:.0%} that may be so; the report lists the first: correct that column, or have its layout changed, and send the whole delivery again."
    )


def accepted_schema(block: Block) -> pa.Schema:
    """Columns of the staged file of accepted lines."""
    also = [str(RawTransaction.decimal_mark)] if block is Block.TRANSACTIONS else []
    return pa.schema([*STAMP_FIELDS, *(pa.field(c, pa.string()) for c in (*data_columns(block), *also))])


@dataclass(frozen=True)
class Limits:
    """What one file may do: grow by this factor when unpacked, and hold this many refused lines before the delivery is given up."""

    max_expansion: int
    max_rejects: int


def to_stage(file: ManifestFile, target: Path) -> Staged:
    """An empty result for `file`, to be filled under the folder `target`."""
    return Staged(file.name, file.block, target / f"{file.block}.parquet", target / f"{file.block}.rejects.parquet")


def stage_file(path: Path, file: ManifestFile, spec: BlockSpec, stamp: Stamp, result: Staged, limits: Limits) -> None:
    """Read the plaintext `path` into the files of `result`, and count.

    DeliveryError when the file as a whole is refused: columns, encoding, format, archive, too many refused lines, or another number of rows
    than the manifest states; `result` then holds what was counted until there."""
    stage_lines(path, file, spec, stamp, result, limits, stated=file.rows)
    check_count(file, result.read)


def check_count(file: ManifestFile, rows: int) -> None:
    """DeliveryError when the manifest states another number of rows."""
    if rows != file.rows:
        raise DeliveryError("ROW_COUNT", f"{file.name} holds {rows} rows and the manifest states {file.rows}; send the whole delivery again.")


def stage_lines(
    path: Path, file: ManifestFile, spec: BlockSpec, stamp: Stamp, result: Staged, limits: Limits, stated: int | None = None
) -> None:  # fmt: skip
    """:func:`stage_file`, whatever number of rows is stated. `stated`: a file that says it holds another number is not read at all."""
    result.accepted_path.parent.mkdir(parents=True, exist_ok=True)
    with open_source(path, file.name, spec, limits.max_expansion) as source:
        check_columns(source.names, file, spec, stamp.member_id)
        if stated is not None and source.rows is not None:
            check_count(file, source.rows)
        with (
            pq.ParquetWriter(result.accepted_path, accepted_schema(file.block)) as accepted,
            pq.ParquetWriter(result.rejects_path, REJECT_SCHEMA) as rejects,
        ):
            mark = _decimal_mark(source, spec)
            for numbers, batch in source.batches:
                kept, faults = _split(numbers, batch, file.block, spec)
                if kept.num_rows:
                    accepted.write_table(_stamped(kept, stamp, file.block, mark))
                result.accepted += kept.num_rows
                _set_aside(result, rejects, [*faults, *_odd_faults(source, spec)], stamp)
                check_rejects(result.rejected, limits.max_rejects)
            _set_aside(result, rejects, _odd_faults(source, spec), stamp)
    check_rejects(result.rejected, limits.max_rejects)


def check_rejects(rejected: int, allowed: int) -> None:
    """DeliveryError when more lines are refused than the delivery may hold."""
    if rejected > allowed:
        raise DeliveryError(
            "TOO_MANY_REJECTS",
            f"More than {allowed} lines of the delivery cannot be used; the report lists the first: correct and send again.",
        )


def check_columns(names: list[str], file: ManifestFile, spec: BlockSpec, member_id: str) -> None:
    """Every column of the file is agreed, and every agreed column is there; DeliveryError names the first that is not."""
    where = f"conf/members/{member_id}.yaml (blocks.{file.block})"
    unknown = [n for n in names if n not in spec.columns and n not in spec.ignored]
    if len(unknown) == len(names):  # what stands in the first line may then be somebody's data: it is not repeated
        raise DeliveryError("HEADER", f"The first line of {file.name} names no agreed column; send the header that {where} describes.")
    if unknown:
        raise DeliveryError(
            "UNKNOWN_COLUMN",
            f"{file.name} has the column {unknown[0][:60]!r}, which is not agreed: the member leaves it out, or it is added to `columns` "
            f"or `ignored` of {where}.",
        )
    lacking = [n for n in spec.columns if n not in names]
    if lacking:
        raise DeliveryError(
            "MISSING_COLUMN",
            f"{file.name} lacks the column {lacking[0]!r}: the member delivers it again, or it is taken out of `columns` of {where}.",
        )


def shape_of(text: str) -> str:
    """The text with letters as `a` and digits as `9`, cut at 80 characters.

    >>> shape_of("Dupré;12 rue X")
    'aaaaa;99 aaa a'
    """
    return "".join("a" if c.isalpha() else "9" if c.isdigit() else c for c in text[:KEPT_TEXT])


def _split(numbers: np.ndarray, batch: pa.RecordBatch, block: Block, spec: BlockSpec) -> tuple[pa.Table, list[Fault]]:
    """The lines to keep, in our columns, and the faults of the others. A line without any value is no row."""
    ours = _mapped(batch, block, spec)
    delivered = [ours[c] for c in spec.columns.values()]
    is_row = _any([pc.is_valid(c) for c in delivered])
    bad: dict[tuple[str, str], pa.Array] = {}
    for column in REQUIRED[block]:
        bad[(column, "MISSING_VALUE")] = pc.and_(is_row, pc.invert(_is_filled(ours[column])))
    for column in spec.columns.values():
        bad[(column, "TOO_LONG")] = pc.fill_null(pc.greater(pc.binary_length(ours[column]), MAX_VALUE_BYTES), False)
    keep = pc.and_(is_row, pc.invert(_any(list(bad.values()))))
    table = pa.table({RawRecord.line_number: pa.array(numbers, pa.int32()), **ours})
    return table.filter(keep), _faults(table, bad)


def _mapped(batch: pa.RecordBatch, block: Block, spec: BlockSpec) -> dict[str, pa.Array]:
    """Our columns, empty values null, the member's codes replaced, references without the spaces around them."""
    ours: dict[str, pa.Array] = {}
    source_of = {our: theirs for theirs, our in spec.columns.items()}
    for column in data_columns(block):
        if column in source_of:
            values = batch.column(batch.schema.get_field_index(source_of[column]))
            if column in REFERENCES:
                values = pc.utf8_trim_whitespace(values)
            ours[column] = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
        else:
            ours[column] = pa.repeat(pa.scalar(spec.constants.get(column), pa.string()), batch.num_rows)
        for code, value in spec.values.get(column, {}).items():
            same = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(ours[column]), code), False)
            ours[column] = pc.if_else(same, value, ours[column])
    return ours


def _is_filled(values: pa.Array) -> pa.Array:
    return pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(values), ""), False)


def _any(masks: list[pa.Array]) -> pa.Array:
    found = masks[0]
    for mask in masks[1:]:
        found = pc.or_(found, mask)
    return found


def _faults(table: pa.Table, bad: dict[tuple[str, str], pa.Array]) -> list[Fault]:
    """The faults of a batch by line; several of one line stay together."""
    found: list[Fault] = []
    for (column, code), mask in bad.items():
        if not pc.any(mask).as_py():
            continue
        lines = table.select(list(dict.fromkeys([RawRecord.line_number, RawRecord.customer_ref, column]))).filter(mask)
        for row in lines.to_pylist():
            found.append(_fault(row, column, code))
    return sorted(found, key=lambda f: (f.line_number, f.column))


def _fault(row: dict[str, Any], column: str, code: str) -> Fault:
    sentences = {
        "MISSING_VALUE": f"{column} is empty; it must be filled on each line.",
        "TOO_LONG": f"{column} is longer than {MAX_VALUE_BYTES} bytes; shorten it, or check the quotes around it.",
    }
    value = row[column]
    reference = None if code == "TOO_LONG" and column in REFERENCES else (row[RawRecord.customer_ref] or None)
    return Fault(row[RawRecord.line_number], column, code, sentences[code], shape_of(value) if value else None, reference)


def _odd_faults(source: Source, spec: BlockSpec) -> list[Fault]:
    """The lines set aside by the reader since the last call."""
    unit = "characters" if spec.format == "fixed" else "fields"
    return [
        Fault(
            odd.line_number, WHOLE_LINE, "FIELD_COUNT",
            f"The line has {odd.found} {unit} where {odd.expected} are agreed; {_remedy(odd, spec)}.", shape_of(odd.text),
        )
        for odd in source.take_odd()
    ]  # fmt: skip


def _remedy(odd: Odd, spec: BlockSpec) -> str:
    if spec.format == "fixed":
        return "each field takes its agreed width, filled up with spaces"
    if odd.found > odd.expected:
        return f"a value that holds {spec.delimiter!r} needs quotes around it" if spec.quote else f"no value may hold {spec.delimiter!r}"
    return "check its delimiters, and that a value with a line break stands in quotes"


def _decimal_mark(source: Source, spec: BlockSpec) -> str:
    """By what amounts are to be read: as agreed, and a point where they are no text but numbers."""
    amounts = {theirs for theirs, ours in spec.columns.items() if ours == RawTransaction.amount}
    return "." if amounts & source.numbers else spec.decimal


def _stamped(kept: pa.Table, stamp: Stamp, block: Block, mark: str) -> pa.Table:
    schema = accepted_schema(block)
    constants = {
        RawRecord.delivery_id: stamp.delivery_id, RawRecord.member_id: stamp.member_id,
        RawRecord.delivered_at: stamp.delivered_at, RawRecord.received_on: stamp.received_on,
    }  # fmt: skip
    if block is Block.TRANSACTIONS:
        constants[RawTransaction.decimal_mark] = mark
    columns = {str(n): pa.repeat(pa.scalar(v, schema.field(n).type), kept.num_rows) for n, v in constants.items()}
    return pa.Table.from_arrays([columns[n] if n in columns else kept.column(n) for n in schema.names], schema=schema)


def _set_aside(result: Staged, rejects: pq.ParquetWriter, found: list[Fault], stamp: Stamp) -> None:
    if not found:
        return
    result.rejected += len({f.line_number for f in found})
    result.codes.update(f.code for f in found)
    result.examples.extend(found[: MAX_EXAMPLES - len(result.examples)])
    rows = [
        {
            Reject.delivery_id: stamp.delivery_id, Reject.block: str(result.block), Reject.line_number: f.line_number,
            Reject.member_id: stamp.member_id, RawRecord.customer_ref: f.customer_ref, Reject.column: f.column, Reject.code: f.code,
            Reject.sentence: f.sentence, Reject.value_shape: f.value_shape,
        }
        for f in found
    ]  # fmt: skip
    rejects.write_table(pa.Table.from_pylist([{str(k): v for k, v in r.items()} for r in rows], schema=REJECT_SCHEMA))
