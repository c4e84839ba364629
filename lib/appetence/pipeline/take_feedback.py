"""Feedback files of routers and call centres: read, matched with the pieces handed over, and turned into what the next selection reads."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.campaign import Campaign, Export, ExportLine, Feedback, Selection
from appetence.contracts.identity import PersonLink
from appetence.contracts.local import local_frame
from appetence.contracts.silver import Permission, PermissionEvent, Record
from appetence.errors import RightsError
from appetence.pipeline.context import Context
from appetence.records.permissions import fold_permissions
from appetence.selection import feedback as f


def take_feedback(ctx: Context) -> dict[str, Any]:
    """Takes `<requests>/feedback/*.csv`; writes gold.feedback and the oppositions in silver.permission_event. Counts and faults.

    A file that cannot be read stays where it is; lines that cannot be taken are set aside under `refused/`; the rest is deleted."""
    told = _read_all(Path(ctx.config.paths.requests) / "feedback")
    faults = [sentence for _, found in told.values() for sentence in found.faults] + [sentence for sentence, _ in told.values() if sentence]
    lines = [line for _, found in told.values() for line in found.lines]
    counts: dict[str, Any] = {"files": len(told), "lines": len(lines), "feedback": 0, "oppositions": 0, "traps": 0}
    if lines:
        unknown = _take(ctx, lines, counts)
        faults += unknown
    for file, (sentence, found) in told.items():
        if not sentence and not ctx.dry_run:
            _set_aside(file, found.refused)
            file.unlink(missing_ok=True)
    return {**counts, "faults": faults}


def _read_all(folder: Path) -> Mapping[Path, tuple[str | None, f.Told]]:
    read: dict[Path, tuple[str | None, f.Told]] = {}
    for file in sorted(folder.glob("*.csv")):
        try:
            read[file] = (None, f.read_file(file.read_bytes(), file.name))
        except RightsError as refused:
            read[file] = (str(refused), f.Told())
    return read


def _take(ctx: Context, lines: Sequence[Any], counts: dict[str, Any]) -> list[str]:
    lake = ctx.lake
    typed = local_frame(ctx.spark, lines, f.LINES)
    found = lake.stage(
        "feedback", f.placed(typed, lake.read(ExportLine), lake.read(Export), lake.read(Selection), lake.read(Campaign))
    )  # fmt: skip
    pads = ctx.pads(ctx.secret(ctx.config.privacy.pepper_ref))
    rows = f.build_feedback(found, lake.read(Record), pads, ctx.as_of)
    counts["feedback"] = lake.insert_new(Feedback, rows).inserted
    events = lake.stage("oppositions", f.opposition_events(found, lake.read(PersonLink), _own_members(ctx)))
    counts["oppositions"] = lake.insert_new(PermissionEvent, events).inserted
    if counts["oppositions"]:
        theirs = events.select(PermissionEvent.record_id).distinct()
        said = lake.read(PermissionEvent).join(F.broadcast(theirs), on=PermissionEvent.record_id, how="left_semi")
        lake.upsert(Permission, fold_permissions(said))
    counts["traps"] = found.where(F.col("is_known") & F.col(str(Feedback.person_id)).isNull()).count()
    bad = found.where(~F.col("is_known") | ~F.col("fits")).select("file", "line", "is_known").orderBy("file", "line").limit(100).collect()
    why = {False: "reference is of no piece handed over", True: "event cannot be told of a piece of that channel"}
    return [f"{row['file']}, line {row['line']}: {why[row['is_known']]}; ask the router what it is." for row in bad]


def _own_members(ctx: Context) -> DataFrame:
    rows = [(r.recipient_id, r.member_id) for r in ctx.config.recipients.values() if r.role == "client"]
    return local_frame(ctx.spark, rows, f"{Campaign.client_id} string, own_member string")


def _set_aside(file: Path, refused: Sequence[Sequence[str]]) -> None:
    """Keeps the refused lines, to be corrected and put back."""
    if not refused:
        return
    folder = file.parent / "refused"
    folder.mkdir(mode=0o700, exist_ok=True)
    part = folder / f"{file.name}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=";", lineterminator="\n")
        writer.writerow(f.HEADER)
        writer.writerows(refused)
    part.replace(folder / file.name)
