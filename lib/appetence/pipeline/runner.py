"""Runs one job: lock, session, step, ledger row, audit. The exit code of a run tells the truth."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

from pyspark.sql import SparkSession

from appetence.contracts.privacy import Run
from appetence.errors import AppetenceError, PartlyDoneError
from appetence.pipeline import table_state
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.steps import step
from appetence.runtime.clock import seconds, utc_now
from appetence.runtime.config import Config
from appetence.runtime.lock import held
from appetence.runtime.logs import Log
from appetence.runtime.session import build_session
from appetence.storage.lake import Lake

_CHAINING = Lock()
"""Entries of the audit trail hang on the one before: jobs that run beside each other add theirs one after the other."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `versions` holds the table versions it left, `refused` what part of its work was refused while the rest was done."""

    job: str
    run_id: str
    counts: Counts
    seconds: float
    versions: Mapping[str, int | None] = field(default_factory=dict)
    writes: Mapping[str, int] = field(default_factory=dict)
    refused: str | None = None


@contextmanager
def opened(
    config: Config, job: str, as_of: dt.date, *, options: Mapping[str, str] | None = None, dry_run: bool = False,
    spark: SparkSession | None = None, is_quiet: bool = False, is_setting_right: bool = False,
) -> Iterator[Context]:  # fmt: skip
    """A context for one run; its scratch space is removed at the end, whatever happens.

    RightsError when a table was put back to an earlier state since the last run, unless the caller sets that right (`table_state`)."""
    now = utc_now()
    run_id = f"{job}-{as_of:%Y%m%d}-{now:%Y%m%dT%H%M%S%f}"
    local_root = "://" not in config.paths.root
    log = Log.opened(run_id, job, Path(config.paths.root) / "logs" if local_root else None, is_quiet=is_quiet)
    session = spark or build_session(config.spark, Path(config.paths.scratch))
    lake = Lake(session, config.paths.lake, run_id, config.paths.scratch, is_dry_run=dry_run)
    try:
        ctx = Context(session, lake, config, as_of, run_id, now, log, dict(options or {}), dry_run)
        if not is_setting_right:
            table_state.refuse_to_read(ctx)
        yield ctx
    finally:
        lake.close()


def run_job(
    config: Config, job: str, as_of: dt.date, *, options: Mapping[str, str] | None = None, dry_run: bool = False,
    spark: SparkSession | None = None, is_quiet: bool = False, has_lake: bool = False,
) -> Outcome:  # fmt: skip
    """Runs a job to its end and writes its `ops.run` row; what fails leaves a row too and is raised again.

    `has_lake`: the caller holds the lake's lock already (`holding`)."""
    act = step(job)
    started = seconds()
    with nullcontext() if has_lake else holding(config), opened(
        config, job, as_of, options=options, dry_run=dry_run, spark=spark, is_quiet=is_quiet, is_setting_right=True
    ) as ctx:  # fmt: skip
        ctx.log.line("started", as_of=str(as_of), dry_run=dry_run, config=config.digest())
        try:
            return _run(ctx, job, act, started)
        finally:
            table_state.ended(ctx)


def _run(ctx: Context, job: str, act: Callable[[Context], Counts], started: float) -> Outcome:
    """What a run does once it has its lock and its context."""
    replayed: list[dict[str, Any]] | None = None
    try:
        replayed = table_state.before_reading(ctx)
        counts = _after(replayed, act(ctx))
    except Exception as failed:
        says = str(failed) if isinstance(failed, AppetenceError) else f"unexpected {type(failed).__name__}"
        ctx.log.line("failed", error=says)
        # What was done before a part was refused stands: it is audited and counted like the work of any run.
        done = failed.done if isinstance(failed, PartlyDoneError) else Counts(0, 0)
        done = _audited(ctx, _after(replayed or [], done))
        _ledger(ctx, job, done, "failed", says, seconds() - started)
        if replayed is not None:  # otherwise the lake still stands as it was put back
            table_state.note(ctx)
        if isinstance(failed, PartlyDoneError):
            failed.outcome = replace(_outcome(ctx, job, done, seconds() - started), refused=says)
        raise
    counts = _audited(ctx, counts)
    spent = seconds() - started
    outcome = _outcome(ctx, job, counts, spent)
    _ledger(ctx, job, counts, "succeeded", None, spent)
    table_state.note(ctx)
    ctx.log.line("succeeded", rows_in=counts.rows_in, rows_out=counts.rows_out, seconds=round(spent, 1))
    return outcome


def _after(replayed: list[dict[str, Any]], counts: Counts) -> Counts:
    """The counts of a step, with what was done before it among its audit entries."""
    return replace(counts, details={**counts.details, "audit": [*replayed, *counts.details.get("audit", ())]}) if replayed else counts


def holding(config: Config) -> AbstractContextManager[None]:
    """The lock of the environment's lake; ConcurrentRunError when another run holds it."""
    return held(Path(config.paths.locks), "lake")


def _outcome(ctx: Context, job: str, counts: Counts, spent: float) -> Outcome:
    details = {k: v for k, v in counts.details.items() if k != "audit"}
    writes = {name: c.inserted + c.updated + c.deleted for name, c in ctx.lake.changes.items()}
    versions = {name: c.version for name, c in ctx.lake.changes.items()}
    return Outcome(job, ctx.run_id, replace(counts, details=details), spent, versions, writes)


def _audited(ctx: Context, counts: Counts) -> Counts:
    """Adds the entries of a run to the trail; its ledger row then holds length and last hash, which shows a trail cut short or written anew."""
    entries: Iterable[Mapping[str, object]] = counts.details.get("audit", ())
    if not entries or ctx.dry_run:
        return counts
    from appetence.pipeline.audit_trail import TRAIL, record

    with _CHAINING:
        last = record(ctx, list(entries))
    return replace(counts, details={**counts.details, TRAIL: {"links": last.sequence, "hash": last.link_hash}}) if last else counts


def _ledger(ctx: Context, job: str, counts: Counts, status: str, error: str | None, spent: float) -> None:
    details = {k: v for k, v in counts.details.items() if k != "audit"}
    row = Run.row(
        job=job, as_of=ctx.as_of, environment=ctx.config.environment, status=status, error=error,
        rows_in=counts.rows_in, rows_out=counts.rows_out, rows_rejected=counts.rows_rejected,
        details=json.dumps(details, default=str, sort_keys=True),
        table_versions=json.dumps({n: c.version for n, c in sorted(ctx.lake.changes.items())}),
        seconds=round(spent, 3), started_at=ctx.started_at, config_hash=ctx.config.digest(), commit=commit(), is_dry_run=ctx.dry_run,
    )  # fmt: skip
    ledger = Lake(ctx.spark, ctx.lake.location, ctx.run_id, ctx.lake.scratch)
    ledger.append(Run, [row])


def commit() -> str | None:
    """Commit of the checkout the code runs from, None when it runs from a wheel."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None
    found = subprocess.run(["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def fingerprint(*parts: str) -> str:
    """A short hash of texts, for ids of runs and certificates."""
    return sha256("\x1f".join(parts).encode()).hexdigest()[:32]
