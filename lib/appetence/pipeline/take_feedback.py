"""Feedback files of routers and call centres: read, matched with the pieces handed over, and turned into what the next selection reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.campaign import Campaign, Export, ExportLine, Feedback, Selection
from appetence.contracts.identity import PersonLink
from appetence.contracts.local import local_frame
from appetence.contracts.privacy import Refusal
from appetence.contracts.silver import Permission, PermissionEvent, Record
from appetence.pipeline.context import Context
from appetence.pipeline.sent_feedback import read_all
from appetence.pipeline.set_aside import set_aside
from appetence.records.permissions import fold_permissions
from appetence.selection import feedback as f

_SAID = 100
"""Lines named one by one; the others are counted."""


def take_feedback(ctx: Context) -> dict[str, Any]:
    """Takes `<requests>/feedback/*.csv` and what routers sent there, signed (`sent_feedback`). Counts and faults.

    Writes gold.feedback and the oppositions in silver.permission_event.
    A file that cannot be read stays where it is; lines that cannot be taken, of no piece among them, are set aside under `refused/`; the
    rest is deleted."""
    told = read_all(ctx, Path(ctx.config.paths.requests) / "feedback")
    faults = [sentence for one in told for sentence in one.told.faults] + [one.fault for one in told if one.fault]
    lines = [line for one in told for line in one.told.lines]
    counts: dict[str, Any] = {"files": len(told), "lines": len(lines), "feedback": 0, "oppositions": 0, "traps": 0, "unplaced": 0}
    rejected = len(faults)
    if lines:
        unplaced = _take(ctx, lines, {one.name: one.sender for one in told if one.sender}, counts)
        counts["unplaced"], counts["lines"] = len(unplaced), len(lines) - len(unplaced)
        faults += _in_words(unplaced)
        for one in told:
            one.told.refused += [one.told.text[line] for name, line, _ in unplaced if name == one.name]
    for one in told:
        if not one.fault and not ctx.dry_run:
            set_aside(one.plain, one.told.header, one.told.refused)
            one.path.unlink(missing_ok=True)
    return {**counts, "faults": faults, "rejected": rejected + counts["unplaced"]}


def _take(ctx: Context, lines: Sequence[Any], senders: Mapping[str, str], counts: dict[str, Any]) -> list[tuple[str, int, bool]]:
    """Writes what can be taken; file, line and whether the piece is known of each line that cannot. `senders`: who signed which file."""
    lake = ctx.lake
    signed = local_frame(ctx.spark, sorted(senders.items()), f"file string, {f.SENDER} string")
    typed = local_frame(ctx.spark, lines, f.LINES).join(F.broadcast(signed), on="file", how="left")
    if any(line[-1] in f.TOKENS for line in lines):
        reference_key = ctx.pads(ctx.secret(ctx.config.privacy.reference_key_ref))
        typed = f.resolved(typed, lake.read(ExportLine), lake.read(Export), reference_key)
    found = lake.stage(
        "feedback", f.placed(typed, lake.read(ExportLine), lake.read(Export), lake.read(Selection), lake.read(Campaign))
    )  # fmt: skip
    pads = ctx.pads(ctx.secret(ctx.config.privacy.pepper_ref))
    rows = f.build_feedback(found, lake.read(Record), pads, ctx.as_of, ctx.config.privacy.pepper_version)
    counts["feedback"] = lake.insert_new(Feedback, rows).inserted
    events = lake.stage("oppositions", f.opposition_events(found, lake.read(PersonLink), _own_members(ctx)))
    lake.insert_new(Refusal, events)
    counts["oppositions"] = lake.insert_new(PermissionEvent, events).inserted
    if counts["oppositions"]:
        theirs = events.select(PermissionEvent.record_id).distinct()
        said = lake.read(PermissionEvent).join(F.broadcast(theirs), on=PermissionEvent.record_id, how="left_semi")
        lake.upsert(Permission, fold_permissions(said))
    counts["traps"] = found.where(F.col("is_known") & F.col(str(Feedback.person_id)).isNull()).count()
    bad = found.where(~F.col("is_known") | ~F.col("fits")).select("file", "line", "is_known").distinct()
    return sorted((row["file"], row["line"], row["is_known"]) for row in bad.collect())  # lines that the driver has read


def _in_words(unplaced: Sequence[tuple[str, int, bool]]) -> list[str]:
    why = {False: "it is of no piece handed over to whoever tells it", True: "its event cannot be told of a piece of that channel"}
    said = [f"{file}, line {line}: {why[is_known]}; it is set aside: ask the router what it is." for file, line, is_known in unplaced[:_SAID]]
    return said if len(unplaced) <= _SAID else [*said, f"{len(unplaced) - _SAID} more lines of feedback are of no piece, or of another channel's."]


def _own_members(ctx: Context) -> DataFrame:
    rows = [(r.recipient_id, r.member_id) for r in ctx.config.recipients.values() if r.role == "client"]
    return local_frame(ctx.spark, rows, f"{Campaign.client_id} string, own_member string")
