"""What a member's mapping makes of a sample file, before anything is loaded: how it is written, column by column, line by line.

The file is read twice: once as the mapping says, and once to find out how it is really written. Values are never handed out, only their
shapes (letters as `a`, digits as `9`).
"""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from appetence.contracts.domain import Block
from appetence.contracts.specs import BlockSpec, MemberSpec
from appetence.errors import ConfigError, DeliveryError
from appetence.exchange.blocks import Stamp, check_mapping
from appetence.exchange.decoding import open_plain
from appetence.exchange.formats import open_source
from appetence.exchange.guessing import Looks, fixed_width, hints
from appetence.exchange.manifest import ManifestFile
from appetence.exchange.reading import Limits, Staged, shape_of, stage_lines, to_stage

_HEAD_BYTES = 1 << 20
_FIRST_LINES = 50
_DELIMITERS = (";", ",", "\t", "|")
_EITHER = "cp1252 or iso-8859-15"
_SAMPLE = "d" * 32
DELIVERED_ON = dt.date(2000, 1, 1)
"""What a sample counts as delivered on: it belongs to no delivery."""


@dataclass(frozen=True)
class Writing:
    """How a text file is written, as far as its bytes tell. `encoding` is what its bytes are valid in, `delimiter` what parts its first line, `width`
    about the length of each of its first lines, when they have one."""

    encoding: str
    delimiter: str | None
    line_ends: str
    packed: str | None
    width: int | None = None


@dataclass(frozen=True)
class SampleColumn:
    """One source column: where it goes (null: nowhere), how many lines fill it, and the shapes of its values, commonest first."""

    source: str
    ours: str | None
    fate: str
    filled: int
    shapes: tuple[tuple[str, int], ...] = ()


@dataclass
class SampleReport:
    """What would become of the sample. `refusal` says why it would be quarantined whole; `staged` holds its accepted lines."""

    block: Block
    writing: Writing | None
    columns: list[SampleColumn] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    refusal: str | None = None
    staged: Staged | None = None

    @property
    def is_fine(self) -> bool:
        """It would be taken as it is."""
        return self.refusal is None


def block_of(member: MemberSpec, sample: Path, asked: str | None = None) -> Block:
    """The block the sample is of: the one asked for, else by the file's name, else the member's only one. ConfigError when none is."""
    named = asked or next((b for b in Block if sample.name.lower().startswith(str(b))), None)
    if named is None and len(member.blocks) == 1:
        named = next(iter(member.blocks))
    if named not in member.blocks:
        agreed = ", ".join(member.blocks) or "none"
        raise ConfigError(
            f"Which block {sample.name} is of cannot be told: name it with --block; the blocks of {member.member_id} are {agreed}."
            if named is None
            else f"conf/members/{member.member_id}.yaml describes no block {named}; it has {agreed}."
        )
    return Block(named)


def examine(sample: Path, member: MemberSpec, block: Block, folder: Path, max_reject_share: float) -> SampleReport:
    """Reads the sample as a delivery's file of this block would be, into `folder`; never raises for what is wrong with the sample itself."""
    spec = member.blocks[block]
    check_mapping(member.member_id, block, spec)
    report = SampleReport(block, None)
    try:
        report.writing = writing_of(sample) if spec.format != "parquet" else None
        report.warnings = _odd_writing(report.writing, spec, block)
        _examine(report, sample, member, spec, folder, max_reject_share)
    except DeliveryError as error:
        refusal = f"{error.code}: {error}"
        mended = _as_written(report.writing, spec)
        if mended != spec:  # so that one run tells all there is to tell
            with contextlib.suppress(DeliveryError):
                _examine(report, sample, member, mended, folder, max_reject_share)
                report.warnings.append("What follows is read as if the mapping said so.")
        report.refusal = refusal
    return report


def _as_written(writing: Writing | None, spec: BlockSpec) -> BlockSpec:
    """The mapping with the encoding and delimiter that the file really has."""
    if writing is None:
        return spec
    encoding = _KNOWN_AS.get(writing.encoding, spec.encoding)
    is_ascii = writing.encoding == "ascii" or spec.encoding in _FITS.get(writing.encoding, ())
    return spec.model_copy(
        update={"encoding": spec.encoding if is_ascii else encoding, "delimiter": (spec.format == "csv" and writing.delimiter) or spec.delimiter}
    )


def _examine(report: SampleReport, sample: Path, member: MemberSpec, spec: BlockSpec, folder: Path, max_reject_share: float) -> None:
    file = ManifestFile(name=_safe_name(sample), block=report.block, rows=0, sha256="0" * 64)
    with open_source(sample, file.name, spec, 200) as source:
        names = source.names
    if not set(names) & (set(spec.columns) | set(spec.ignored)):
        raise DeliveryError("HEADER", f"The first line of {file.name} names no agreed column; check `delimiter`, `header` and `columns`.")
    unknown = [n for n in names if n not in spec.columns and n not in spec.ignored]
    report.missing = [n for n in spec.columns if n not in names]
    # Read on as if these columns were agreed, or not awaited, so that one run tells all that is wrong.
    awaited = {theirs: ours for theirs, ours in spec.columns.items() if theirs in names}
    lenient = spec.model_copy(update={"columns": awaited, "ignored": (*spec.ignored, *unknown)})
    stamp = Stamp(_SAMPLE, member.member_id, dt.datetime.combine(DELIVERED_ON, dt.time(), dt.UTC), DELIVERED_ON)
    if awaited:
        staged = report.staged = to_stage(file, folder)
        stage_lines(sample, file, lenient, stamp, staged, Limits(200, 1 << 40))
    report.columns, looks = _columns(sample, file.name, spec, unknown)
    report.warnings += hints(looks, spec)
    report.refusal = _refusal(report, unknown, max_reject_share)


def _safe_name(sample: Path) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "_" for c in sample.name).lstrip("_.-")[:100] or "sample"


def _refusal(report: SampleReport, unknown: list[str], max_reject_share: float) -> str | None:
    if unknown:
        return f"UNKNOWN_COLUMN: {_listed(unknown)} not agreed; add to `columns` or `ignored`, or have it left out."
    if report.missing:
        return f"MISSING_COLUMN: {_listed(report.missing)} awaited and not there; take out of `columns`, or have it delivered."
    staged = report.staged
    if staged is not None and staged.rejected > int(staged.read * max_reject_share):
        return f"TOO_MANY_REJECTS: {staged.rejected} of {staged.read} lines cannot be used, more than {max_reject_share:.0%}."
    return None


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(n[:60]) for n in names[:5])
    return f"{shown}{f' and {len(names) - 5} more are' if len(names) > 5 else ' are' if len(names) > 1 else ' is'}"


def _columns(sample: Path, name: str, spec: BlockSpec, unknown: list[str]) -> tuple[list[SampleColumn], dict[str, Looks]]:
    filled: Counter[str] = Counter()
    looks: dict[str, Looks] = {}
    shapes: dict[str, Counter[str]] = {}
    with open_source(sample, name, spec, 200) as source:
        for _, batch in source.batches:
            for column in source.names:
                values = [v for v in batch.column(column).to_pylist() if v and v.strip()]
                filled[column] += len(values)
                shapes.setdefault(column, Counter()).update(outline(v) for v in values)
                looks.setdefault(column, Looks()).take(values)
        fates = {n: "unknown" if n in unknown else "mapped" if n in spec.columns else "ignored" for n in source.names}
        found = [
            SampleColumn(n, spec.columns.get(n), fates[n], filled[n], tuple(shapes[n].most_common(3)) if n in shapes else ())
            for n in source.names
        ]  # fmt: skip
        return found, looks


def outline(text: str) -> str:
    """The shape of a value with runs drawn together: nothing of it can be read back.

    >>> outline("12 bis rue Zola")
    '9 a a a'
    """
    shape = shape_of(text[:80])
    return "".join(c for i, c in enumerate(shape) if c not in "a9" or shape[i - 1 : i] != c)[:40]


def writing_of(sample: Path) -> Writing:
    """Encoding, delimiter, line ends and packing, from the first megabyte."""
    with sample.open("rb") as stream:
        start = stream.read(4)
    packed = "gzip" if start[:2] == b"\x1f\x8b" else "zip" if start == b"PK\x03\x04" else None
    with open_plain(sample, _safe_name(sample), 200) as plain:
        data = plain.read(_HEAD_BYTES)
    encoding = _encoding(data)
    lines = data.decode("latin-1" if encoding == _EITHER else encoding, errors="ignore").splitlines()[:_FIRST_LINES]
    first = lines[:1]
    counts = {d: len(next(csv.reader(first, delimiter=d), [])) for d in _DELIMITERS} if first else {}
    best = max(counts, key=lambda d: counts[d]) if counts else None
    ends = "CRLF" if b"\r\n" in data else "CR" if b"\r" in data and b"\n" not in data else "LF"
    return Writing(encoding, best if best and counts[best] > 1 else None, ends, packed, fixed_width(lines))


def _encoding(data: bytes) -> str:
    """What the bytes are valid in; single-byte ones are told by what Windows has where ISO has controls."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return name
    try:
        data.decode("ascii")
        return "ascii"
    except UnicodeDecodeError:
        pass
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and error.start > len(data) - 4:
            return "utf-8"  # the sample's first megabyte ends inside a letter
    if any(0x80 <= byte < 0xA0 for byte in data):
        return "cp1252"
    # Where the two differ above these, ISO-8859-15 has the euro and the letters of French that cp1252 has elsewhere.
    return "iso-8859-15" if any(byte in data for byte in (0xA4, 0xBC, 0xBD)) else _EITHER


_KNOWN_AS = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "cp1252": "cp1252", "iso-8859-15": "iso-8859-15", _EITHER: "cp1252"}
"""What a mapping says for bytes of this look."""
_FITS: Mapping[str, tuple[str, ...]] = {
    "ascii": ("utf-8", "utf-8-sig", "cp1252", "iso-8859-15"), "utf-8": ("utf-8", "utf-8-sig"), "utf-8-sig": ("utf-8", "utf-8-sig"),
    "cp1252": ("cp1252",), "iso-8859-15": ("iso-8859-15",), _EITHER: ("cp1252", "iso-8859-15"),
}  # fmt: skip


def _odd_writing(writing: Writing | None, spec: BlockSpec, block: Block) -> list[str]:
    if writing is None:
        return []
    says = []
    where = f"under `blocks: {block}:` of the mapping"
    if spec.encoding not in _FITS.get(writing.encoding, ()):
        known = _KNOWN_AS.get(writing.encoding)
        mend = f"Write `encoding: {known}` {where}, or have" if known else "Have"
        says.append(
            f"The bytes look like {writing.encoding} and the mapping says {spec.encoding}: accents would come out wrong. "
            f"{mend} the file saved as {spec.encoding}."
        )
    if spec.format == "csv" and writing.delimiter not in (None, spec.delimiter):
        says.append(
            f"The first line is parted by {writing.delimiter!r} and the mapping says {spec.delimiter!r}. "
            f'Write `delimiter: "{writing.delimiter}"` {where}, or have it exported with {spec.delimiter!r}.'.replace("\t", "\\t")
        )
    if spec.format == "csv" and writing.delimiter is None and writing.width:
        says.append(
            f"Nothing parts the fields, and all lines have about {writing.width} characters: it looks like a file of fixed columns. "
            f"Write `format: fixed`, `fields: [...]` and `widths: [...]` {where}: names and widths of the columns in their order."
        )
    if spec.format == "fixed" and writing.delimiter is not None:
        says.append(f"The first line is parted by {writing.delimiter!r} and the mapping awaits fixed columns. Write `format: csv` {where}.")
    return says


def accepted_rows(report: SampleReport) -> int:
    """Lines that would be stored."""
    return report.staged.accepted if report.staged is not None else 0


def shares(report: SampleReport) -> dict[str, float]:
    """Share of the accepted lines that fill each of our columns."""
    if report.staged is None or not report.staged.accepted:
        return {}
    table = pq.read_table(report.staged.accepted_path)
    return {n: 1 - table.column(n).null_count / table.num_rows for n in table.column_names}
