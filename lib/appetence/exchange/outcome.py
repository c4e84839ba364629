"""What became of a delivery: what its member is told of it, what the tables keep of it, and which of its files are loaded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from appetence.contracts.bronze import Delivery
from appetence.contracts.domain import Block
from appetence.contracts.specs import BlockSpec
from appetence.exchange.manifest import Manifest
from appetence.exchange.reading import MAX_EXAMPLES, WHOLE_LINE, Staged

_UNKNOWN_MODE = "unknown"


class Fate(StrEnum):
    """What a run does with a delivery; OPEN until it is taken."""

    OPEN = "open"
    ACCEPTED = "accepted"
    QUARANTINED = "quarantined"
    REPEATED = "repeated"
    LATER = "later"
    UNFINISHED = "unfinished"


@dataclass(frozen=True)
class Incoming:
    """A delivery's folder in the inbox: the names of its files, without the folder."""

    member_id: str
    delivery_ref: str
    files: tuple[str, ...]

    @property
    def folder(self) -> str:
        """`<member_id>/<delivery_ref>`."""
        return f"{self.member_id}/{self.delivery_ref}"


@dataclass
class Result:
    """What became of one delivery; `staged` holds the files to load when it is accepted."""

    incoming: Incoming
    fate: Fate
    delivery_id: str = ""
    manifest: Manifest | None = None
    signer: str | None = None
    code: str | None = None
    sentence: str | None = None
    staged: list[Staged] = field(default_factory=list)

    @property
    def rows_read(self) -> int:
        """Lines read."""
        return sum(s.read for s in self.staged)

    @property
    def rows_accepted(self) -> int:
        """Lines stored: none of a quarantined delivery."""
        return sum(s.accepted for s in self.staged) if self.fate is Fate.ACCEPTED else 0

    @property
    def unread(self) -> dict[str, int]:
        """Values of the accepted lines that cannot be read, by column."""
        counted: dict[str, int] = {}
        for found in (u for s in self.staged for u in s.unread):
            counted[found.column] = counted.get(found.column, 0) + found.count
        return dict(sorted(counted.items()))


def report(as_of: dt.date, result: Result, blocks: Mapping[Block, BlockSpec] | None = None) -> dict[str, Any]:
    """What a member is told of a delivery: its fate and why; by file the counts of refused lines (`codes`) and of values that cannot be read
    (`unread`); and the first of each by place, reason and shape of the value, never the value.

    `lines` are refused and stored nowhere; `values` stand in lines that were taken, unless the whole delivery is refused. With the member's
    `blocks`, each names the member's own column (`source`)."""
    faults = [(s, f) for s in result.staged for f in s.examples][:MAX_EXAMPLES]
    unread = [(s, u, line, shape) for s in result.staged for u in s.unread for line, shape in u.examples]
    first = sorted(unread, key=lambda found: (result.staged.index(found[0]), found[2], found[1].column))[:MAX_EXAMPLES]
    return {
        "member_id": result.incoming.member_id,
        "delivery_ref": result.incoming.delivery_ref,
        "received_on": as_of.isoformat(),
        "status": str(result.fate),
        "code": result.code,
        "sentence": result.sentence,
        "files": [_told_of(s) for s in result.staged],
        "lines": [_told(s, f.line_number, (f.column, f.code, f.sentence), f.value_shape, blocks) for s, f in faults],
        "values": [_told(s, line, (u.column, u.code, u.sentence), shape, blocks) for s, u, line, shape in first],
    }


def _told_of(staged: Staged) -> dict[str, Any]:
    unread = [{"column": u.column, "code": u.code, "count": u.count, "of": u.among} for u in staged.unread]
    return {
        "name": staged.name, "block": str(staged.block), "read": staged.read, "rejected": staged.rejected,
        "codes": dict(sorted(staged.codes.items())), "unread": unread,
    }  # fmt: skip


def _told(
    staged: Staged, line: int, fault: tuple[str, str, str], shape: str | None, blocks: Mapping[Block, BlockSpec] | None
) -> dict[str, Any]:  # fmt: skip
    column, code, sentence = fault
    spec = blocks.get(staged.block) if blocks else None
    source = spec.source_of(column) if spec and column != WHOLE_LINE else None
    return {"file": staged.name, "line": line, "column": column, "source": source, "code": code, "sentence": sentence, "shape": shape}


def delivery_rows(as_of: dt.date, results: Iterable[Result]) -> list[dict[str, Any]]:
    """The bronze.delivery rows of what was accepted or quarantined, one per delivery id: a whole copy outranks a broken one."""
    found: dict[str, Result] = {}
    for result in results:
        other = found.get(result.delivery_id)
        if result.fate is Fate.ACCEPTED or (result.fate is Fate.QUARANTINED and (other is None or other.fate is not Fate.ACCEPTED)):
            found[result.delivery_id] = result
    return [_delivery_row(as_of, r) for r in found.values()]


def _delivery_row(as_of: dt.date, result: Result) -> dict[str, Any]:
    """The bronze.delivery row of an accepted or quarantined delivery; one whose manifest cannot be read is dated by the run."""
    manifest = result.manifest
    return Delivery.row(
        delivery_id=result.delivery_id,
        member_id=result.incoming.member_id,
        delivery_ref=result.incoming.delivery_ref,
        mode=str(manifest.mode) if manifest else _UNKNOWN_MODE,
        layout_version=manifest.layout_version if manifest else None,
        delivered_at=manifest.created_at if manifest else dt.datetime.combine(as_of, dt.time(), dt.UTC),
        received_on=as_of,
        status=str(result.fate),
        reason_code=result.code,
        reason=result.sentence,
        content_hash=manifest.content_hash() if manifest else None,
        signer=result.signer,
        rows_read=result.rows_read,
        rows_accepted=result.rows_accepted,
        rows_rejected=result.rows_read - result.rows_accepted,
        values_unread=sum(result.unread.values()),
    )


def staged_blocks(results: Iterable[Result]) -> dict[Block, list[Staged]]:
    """The staged files of the accepted deliveries by block."""
    found: dict[Block, list[Staged]] = {b: [] for b in Block}
    for result in results:
        if result.fate is Fate.ACCEPTED:
            for staged in result.staged:
                found[staged.block].append(staged)
    return found
