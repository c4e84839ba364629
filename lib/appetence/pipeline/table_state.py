"""How each table stood when a run last ended, kept outside the lake: a table that was put back since is noticed before anything reads it.

The note is one small file, `<state>/tables.json`. It must not be part of a backup of the lake: put back together with it, it would say that
nothing happened. Noticing costs one listing of each table's log, and no Spark job on a local lake. Files that came back beside a log that stayed
(a copy laid over the folder) are noticed there by their number: no version reads them, but they hold what was erased, so they are removed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from appetence.contracts.base import REGISTRY, Table
from appetence.errors import RightsError
from appetence.pipeline.context import Context
from appetence.privacy.destruction import write_private
from appetence.storage.standing import Standing

NAME = "tables.json"
KEEPING = ("privacy", "ops")
"""Schemas that remember what was asked, stopped and erased: everything else is set right by them, so they themselves never go back."""

Noted = dict[str, tuple[Standing, int]]
"""Table -> how it stood, and how many files lay in its folder."""

_AT_WORK: set[str] = set()
"""Runs of this process, which holds the lake: files that one of them is writing are not files that came back."""
_NOTING = Lock()
_REPLAYING = Lock()


def before_reading(ctx: Context) -> list[dict[str, Any]]:
    """Sets right what was put back since the last run, before this one reads it; entries for the audit trail, none when nothing happened.

    RightsError when that cannot be done here: then nothing may be read. From then on the run is at work, until the caller says `ended`."""
    with _REPLAYING:
        back = put_back(ctx)
        if not back:
            entries = [] if _AT_WORK or ctx.dry_run else _swept(ctx)
            _AT_WORK.add(ctx.run_id)
            return entries
        if ctx.dry_run:
            raise RightsError(_sentence(back))
        names = ", ".join(t.full_name() for t in back)
        ctx.progress(f"put back to an earlier state: {names}; what was erased and refused since is carried out again first")
        from appetence.pipeline.rights_replay import replay  # the erasure's modules, which few runs need

        entries = replay(ctx, back)
        note(ctx, REGISTRY.values())
        _AT_WORK.add(ctx.run_id)
        return entries


def refuse_to_read(ctx: Context) -> None:
    """RightsError when a table was put back since the last run: for what reads and sets nothing right."""
    back = put_back(ctx)
    if back:
        raise RightsError(_sentence(back))


def _sentence(back: list[type[Table]]) -> str:
    names = ", ".join(t.full_name() for t in back)
    return f"Put back to an earlier state: {names}. What was erased since may be there again: run `appetence rights replay` first."


def put_back(ctx: Context) -> list[type[Table]]:
    """Tables whose history does not simply go on from what the last run noted. One of data that is gone altogether holds nothing to purge."""
    seen = _noted(ctx)
    known = [(table, seen[name][0]) for name, table in sorted(REGISTRY.items()) if name in seen]

    def judged(table: type[Table], stood: Standing) -> type[Table] | None:
        is_back = ctx.lake.is_put_back(table, stood)
        return table if is_back and (table.schema in KEEPING or ctx.lake.exists(table)) else None

    found = [judged(t, s) for t, s in known] if _is_local(ctx) else ctx.lake.together(*(partial(judged, t, s) for t, s in known))
    return [table for table in found if table is not None]


def _swept(ctx: Context) -> list[dict[str, Any]]:
    """Removes files that came back into the folders of local tables whose log stayed as it was."""
    if not _is_local(ctx):
        return []
    tables = [
        REGISTRY[name]
        for name, (stood, files) in sorted(_noted(ctx).items())
        if name in REGISTRY and ctx.lake.file_count(REGISTRY[name]) > files and ctx.lake.version(REGISTRY[name]) == stood.version
    ]
    removed = ctx.lake.purge(tables)
    return [{"actor": "table_state", "action": "swept", "object_id": ctx.run_id, "details": removed}] if any(removed.values()) else []


def seen_at(ctx: Context, table: type[Table]) -> int | None:
    """The version the last run noted of a table."""
    stood = _noted(ctx).get(table.full_name())
    return stood[0].version if stood else None


def ended(ctx: Context) -> None:
    """The run writes no more, whatever became of it: it does not keep later runs of this process from sweeping."""
    _AT_WORK.discard(ctx.run_id)


def note(ctx: Context, tables: Iterable[type[Table]] | None = None) -> None:
    """Notes how the tables stand now (default: all of a local lake, else those this run wrote), at the end of a run."""
    ended(ctx)
    if ctx.dry_run:
        return
    meant = list(tables or (REGISTRY.values() if _is_local(ctx) else (REGISTRY[n] for n in ctx.lake.changes if n in REGISTRY)))
    with _NOTING:
        before = _noted(ctx)
        stands = {t.full_name(): (ctx.lake.standing(t), ctx.lake.file_count(t)) for t in meant}
        now = {**before, **{name: (stood, files) for name, (stood, files) in stands.items() if stood}}
        if now != before:
            said = {name: [stood.version, stood.commit, files] for name, (stood, files) in sorted(now.items())}
            write_private(Path(ctx.config.paths.state), NAME, json.dumps(said, indent=0) + "\n")


def _noted(ctx: Context) -> Noted:
    file = Path(ctx.config.paths.state) / NAME
    if not file.is_file():
        return {}
    said = json.loads(file.read_text(encoding="utf-8"))
    return {name: (Standing(int(version), str(commit)), int(files)) for name, (version, commit, files) in said.items()}


def _is_local(ctx: Context) -> bool:
    return "://" not in ctx.config.paths.lake and not ctx.config.paths.lake.startswith("catalog:")
