"""One entry point per job: `appetence-score-persons`, `python jobs/score_persons.py` and `appetence run score_persons` are the same."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from appetence.cli.arguments import add_job_arguments, parsed_date, parsed_options
from appetence.errors import AppetenceError
from appetence.pipeline.runner import Outcome, run_job
from appetence.pipeline.steps import JOBS
from appetence.runtime import console
from appetence.runtime.config import load


def main_for(job: str, arguments: Sequence[str] | None = None, description: str | None = None) -> int:
    """Runs a job from command-line arguments; the exit code is 0 only when it did all it should."""
    parser = argparse.ArgumentParser(prog=job, description=description or f"Runs the job {job}.")
    add_job_arguments(parser)
    return guarded(lambda: run_from(job, parser.parse_args(arguments)))


def run_from(job: str, args: argparse.Namespace) -> int:
    """Runs a job from parsed arguments and says what it did."""
    config = load(args.env, args.overrides, args.conf)
    outcome = run_job(config, job, parsed_date(args.as_of), options=parsed_options(args.option), dry_run=args.dry_run, is_quiet=args.quiet)
    console.say(sentence(outcome, is_dry_run=args.dry_run))
    return 0


def sentence(outcome: Outcome, *, is_dry_run: bool = False) -> str:
    """One line that says what a run did."""
    changed = sum(outcome.writes.values())
    done = "would change" if is_dry_run else "changed"
    rejected = f", {outcome.counts.rows_rejected} rejected" if outcome.counts.rows_rejected else ""
    return (
        f"{outcome.job}: {outcome.counts.rows_in} rows in, {outcome.counts.rows_out} out{rejected}; "
        f"{done} {changed} rows in {sum(1 for n in outcome.writes.values() if n)} tables; {outcome.seconds:.1f} s (run {outcome.run_id})"
    )


def guarded(act: Callable[[], int]) -> int:
    """Turns the project's own errors into one sentence and their exit code; anything else is a defect and keeps its traceback."""
    try:
        return act()
    except AppetenceError as refused:
        console.complain(f"appetence: {refused}")
        return refused.exit_code
    except KeyboardInterrupt:
        console.complain("appetence: stopped; start the same command again to go on.")
        return 130


def __getattr__(name: str) -> Callable[[], int]:
    """`appetence.cli.jobs:<job>` for the console entry points of setup.py."""
    if name in JOBS:
        return lambda: _exit_with(main_for(name, sys.argv[1:]))
    raise AttributeError(name)


def _exit_with(code: int) -> int:
    """A scheduler that calls the entry point itself ignores what it returns: a failure must be raised."""
    if code:
        raise SystemExit(code)
    return code
