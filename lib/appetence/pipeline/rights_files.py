"""The files that tell a controller its task, `<reports>/rights_tasks/<member or client>/<request>.json`: where they lie, and when they go."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pyspark.sql import functions as F

from appetence.contracts.privacy import RightsRequest
from appetence.pipeline.context import Context
from appetence.privacy.destruction import destroy

FOLDER = "rights_tasks"


def folder_of(ctx: Context, controller: str) -> Path:
    """Where the tasks of a member or client lie."""
    return Path(ctx.config.paths.reports) / FOLDER / controller


def destroy_files(ctx: Context, request_ids: Iterable[str], *, of_members_only: bool = False) -> int:
    """Destroys the task files of these requests; how many there were. Those of members name their customers, those of clients hold nothing
    but references, by which they are still to act once the person is erased here."""
    top, wanted = Path(ctx.config.paths.reports) / FOLDER, {f"{identifier}.json" for identifier in request_ids}
    named = [file for file in sorted(top.glob("*/*.json")) if file.name in wanted] if wanted else []
    return destroy(file for file in named if not of_members_only or file.parent.name in ctx.config.members)


def past(ctx: Context) -> list[str]:
    """Requests whose limit has passed: their task files were sent long since."""
    late = ctx.lake.read_or_empty(RightsRequest).where(F.col(RightsRequest.due_on) < F.lit(ctx.as_of))
    return [row[0] for row in late.select(RightsRequest.request_id).collect()]
