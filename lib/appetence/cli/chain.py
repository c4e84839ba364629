"""`appetence chain`: every job of the chain in order, in one session."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import Any

from appetence.cli.arguments import add_job_arguments, parsed_date, parsed_options
from appetence.cli.jobs import sentence
from appetence.pipeline.runner import Outcome, run_job
from appetence.pipeline.steps import CHAIN
from appetence.runtime import console
from appetence.runtime.config import Config, load
from appetence.runtime.session import build_session


def add_to(commands: Any) -> None:
    """The `chain` command."""
    command = commands.add_parser("chain", help="run every job of the chain, from deliveries to statements")
    add_job_arguments(command)
    command.add_argument("--from", dest="first", choices=CHAIN, default=CHAIN[0], metavar="JOB", help="start at this job")
    command.add_argument("--to", dest="last", choices=CHAIN, default=CHAIN[-1], metavar="JOB", help="end after this job")
    command.set_defaults(act=_chain)


def run_chain(
    config: Config, as_of: dt.date, *, jobs: tuple[str, ...] = CHAIN, options: dict[str, str] | None = None,
    dry_run: bool = False, is_quiet: bool = False,
) -> list[Outcome]:  # fmt: skip
    """Runs the jobs in order in one session; the first failure stops the chain."""
    spark = build_session(config.spark, Path(config.paths.scratch))
    outcomes = []
    for number, job in enumerate(jobs, start=1):
        console.complain(f"[{number}/{len(jobs)}] {job}")
        outcomes.append(run_job(config, job, as_of, options=options, dry_run=dry_run, spark=spark, is_quiet=is_quiet))
    return outcomes


def _chain(args: argparse.Namespace) -> int:
    jobs = CHAIN[CHAIN.index(args.first) : CHAIN.index(args.last) + 1]
    config = load(args.env, args.overrides, args.conf)
    outcomes = run_chain(config, parsed_date(args.as_of), jobs=jobs, options=parsed_options(args.option), dry_run=args.dry_run, is_quiet=args.quiet)
    for outcome in outcomes:
        console.say(sentence(outcome, is_dry_run=args.dry_run))
    return 0
