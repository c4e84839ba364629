"""Suppression files, external opposition lists and clients' own files become keyed hashes, feedback of routers oppositions and closed
coordinates.

Files that hold coordinates are destroyed after that."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from pyspark.sql import DataFrame

from appetence.columns.coordinates import KEY_HASH, KIND
from appetence.contracts.privacy import ExternalList, Suppression
from appetence.contracts.silver import Record
from appetence.errors import RightsError
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.people import list_hashes
from appetence.pipeline.peppers import rekey
from appetence.pipeline.set_aside import set_aside
from appetence.pipeline.take_campaign_files import take_campaign_files
from appetence.pipeline.take_feedback import take_feedback
from appetence.privacy import suppressions as s


def run(ctx: Context) -> Counts:
    """Takes `<requests>/suppressions/*.csv`, `<requests>/external/*.csv`, `<requests>/feedback/*.csv` and `<requests>/campaign_files/*.csv`.

    Writes privacy.suppression and privacy.external_list; of feedback gold.feedback and oppositions (`take_feedback`); of clients' own files
    gold.campaign_file (`take_campaign_files`)."""
    folder = Path(ctx.config.paths.requests)
    listed, faults = _read_all(folder / "suppressions", set(ctx.config.recipients))
    external, more = _read_all(folder / "external", None)
    told = take_feedback(ctx)
    given = take_campaign_files(ctx)
    suppressed = _import_suppressions(ctx, listed)
    rekeyed = rekey(ctx)
    outside = _import_external(ctx, external)
    rejected = faults + more + given["faults"]
    for sentence in rejected + told["faults"]:
        ctx.progress(sentence)
    if not ctx.dry_run:
        for file, reading in [*listed.items(), *external.items()]:
            set_aside(file, ((s.SCOPE,) if file in listed else ()) + s.PERSON_COLUMNS, reading.refused)
            file.unlink(missing_ok=True)
    taken = sum(len(r.lines) for r in [*listed.values(), *external.values()]) + told["lines"] + given["lines"]
    refused = len(rejected) + told["rejected"]
    files = (("suppressions", len(listed)), ("external", len(external)), ("feedback", told["files"]), ("campaign_files", given["files"]))
    return Counts(
        taken + refused, suppressed + outside + told["feedback"] + given["hashes"], refused,
        details={
            "files": len(listed) + len(external), "lines": taken, "suppressions": suppressed, "external": outside, "rekeyed": rekeyed,
            "faults": rejected + told["faults"], "campaign_file_hashes": given["hashes"],
            **{name: told[name] for name in ("feedback", "oppositions", "traps", "unplaced")},
            "audit": [_entry(kind, count) for kind, count in files if count],
        },
    )  # fmt: skip


def _entry(kind: str, files: int) -> dict[str, object]:
    return {"actor": "import_suppressions", "action": "imported", "object_id": kind, "details": {"files": files}}


def _read_all(folder: Path, scopes: set[str] | None) -> tuple[dict[Path, s.Reading], list[str]]:
    """Readable files with their lines, and all faults. An unreadable file stays where it is."""
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
    return readings, faults


def _import_suppressions(ctx: Context, readings: dict[Path, s.Reading]) -> int:
    by_source: dict[str, list[s.Line]] = defaultdict(list)
    for file, reading in readings.items():
        by_source[s.source_of(file.stem)] += reading.lines
    frames = [
        s.build_suppressions(
            list_hashes(ctx, lines, f"suppressions_{source}"), scope=str(Record.member_id), source=source,
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
        s.build_external(list_hashes(ctx, reading.lines, file.stem), *s.list_and_version(file.stem), ctx.config.privacy.pepper_version)
        for file, reading in readings.items()
        if reading.lines
    ]
    return ctx.lake.insert_new(ExternalList, _union(frames)).inserted if frames else 0


def _union(frames: list[DataFrame]) -> DataFrame:
    first, *others = frames
    for other in others:
        first = first.unionByName(other)
    return first
