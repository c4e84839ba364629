"""Suppression files and external opposition lists become keyed hashes, feedback of routers oppositions and closed coordinates.

Files that hold coordinates are destroyed after that."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from pyspark.sql import DataFrame

from appetence.columns.coordinates import KEY_HASH, KIND
from appetence.contracts.privacy import ExternalList, Suppression
from appetence.contracts.silver import Record
from appetence.errors import RightsError
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.people import raw_lines, standardised
from appetence.pipeline.take_feedback import take_feedback
from appetence.privacy import suppressions as s

REFUSED = "refused"


def run(ctx: Context) -> Counts:
    """Takes `<requests>/suppressions/*.csv`, `<requests>/external/*.csv` and `<requests>/feedback/*.csv`.

    Writes privacy.suppression and privacy.external_list; of feedback gold.feedback and oppositions (`take_feedback`)."""
    folder = Path(ctx.config.paths.requests)
    listed, faults, refused = _read_all(ctx, folder / "suppressions", set(ctx.config.recipients))
    external, more, refused_external = _read_all(ctx, folder / "external", None)
    told = take_feedback(ctx)
    suppressed = _import_suppressions(ctx, listed)
    outside = _import_external(ctx, external)
    rejected = faults + more + told["faults"]
    for sentence in rejected:
        ctx.progress(sentence)
    if not ctx.dry_run:
        for file, reading in [*refused.items(), *refused_external.items()]:
            _set_aside(file, reading, with_scope=file in refused)
        for file in [*listed, *external]:
            file.unlink(missing_ok=True)
    taken = sum(len(r.lines) for r in [*listed.values(), *external.values()]) + told["lines"]
    return Counts(
        taken + len(rejected), suppressed + outside + told["feedback"], len(rejected),
        details={
            "files": len(listed) + len(external), "lines": taken, "suppressions": suppressed, "external": outside, "faults": rejected,
            "feedback": told["feedback"], "oppositions": told["oppositions"], "traps": told["traps"],
            "audit": [
                _entry(kind, files)
                for kind, files in (("suppressions", len(listed)), ("external", len(external)), ("feedback", told["files"]))
                if files
            ],
        },
    )  # fmt: skip


def _entry(kind: str, files: int) -> dict[str, object]:
    return {"actor": "import_suppressions", "action": "imported", "object_id": kind, "details": {"files": files}}


def _read_all(ctx: Context, folder: Path, scopes: set[str] | None) -> tuple[dict[Path, s.Reading], list[str], dict[Path, s.Reading]]:
    """Readable files with their lines, all faults, and the readings with refused lines. An unreadable file stays where it is."""
    readings: dict[Path, s.Reading] = {}
    faults: list[str] = []
    for file in sorted(folder.glob("*.csv")):
        try:
            if scopes is None:
                s.list_and_version(file.stem)
            readings[file] = s.read_list(file.read_bytes(), file.name, scopes)
        except RightsError as refused:
            faults.append(str(refused))
    for reading in readings.values():
        faults += reading.faults
    return readings, faults, {file: r for file, r in readings.items() if r.refused}


def _import_suppressions(ctx: Context, readings: dict[Path, s.Reading]) -> int:
    by_source: dict[str, list[s.Line]] = defaultdict(list)
    for file, reading in readings.items():
        by_source[s.source_of(file.stem)] += reading.lines
    frames = [
        s.build_suppressions(
            _hashes(ctx, lines, f"suppressions_{source}"), scope=str(Record.member_id), source=source,
            pepper_version=ctx.config.privacy.pepper_version, added_on=ctx.as_of,
        )
        for source, lines in sorted(by_source.items()) if lines
    ]  # fmt: skip
    if not frames:
        return 0
    # Several sources may bring the same person: the first in alphabetical order is kept.
    return ctx.lake.insert_new(Suppression, _union(frames).dropDuplicates([Suppression.scope, KIND, KEY_HASH])).inserted


def _import_external(ctx: Context, readings: dict[Path, s.Reading]) -> int:
    frames = [
        s.build_external(_hashes(ctx, reading.lines, file.stem), *s.list_and_version(file.stem))
        for file, reading in readings.items()
        if reading.lines
    ]
    return ctx.lake.insert_new(ExternalList, _union(frames)).inserted if frames else 0


def _hashes(ctx: Context, lines: Iterable[s.Line], name: str) -> DataFrame:
    raw = raw_lines(ctx, s.as_raw_records(lines))
    pads = ctx.pads(ctx.secret(ctx.config.privacy.pepper_ref))
    # Staged: hashes only. The lines themselves are never written anywhere.
    return ctx.lake.stage(f"hashes_{name}", s.build_list_hashes(standardised(ctx, raw), raw, pads))


def _union(frames: list[DataFrame]) -> DataFrame:
    first, *others = frames
    for other in others:
        first = first.unionByName(other)
    return first


def _set_aside(file: Path, reading: s.Reading, *, with_scope: bool) -> None:
    """Keeps the refused lines under `refused/`, to be corrected and put back: nobody's opposition is lost with a misplaced separator."""
    folder = file.parent / REFUSED
    folder.mkdir(mode=0o700, exist_ok=True)
    header = ((s.SCOPE,) if with_scope else ()) + s.PERSON_COLUMNS
    part = folder / f"{file.name}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=";", lineterminator="\n")
        writer.writerow(header)
        writer.writerows(reading.refused)
    part.replace(folder / file.name)
