"""`appetence chain`: every job of the chain in one session, in the order in which they need each other."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, cast

from appetence.cli.arguments import add_job_arguments, parsed_date, parsed_options
from appetence.cli.jobs import sentence
from appetence.errors import PartlyDoneError
from appetence.pipeline.runner import Outcome, holding, run_job
from appetence.pipeline.steps import CHAIN, waits_for
from appetence.runtime import console
from appetence.runtime.config import Config, load
from appetence.runtime.session import build_session

AT_ONCE = 2
"""Jobs that may run beside each other: most of a job on small data is planning on one core."""


def add_to(commands: Any) -> None:
    """The `chain` command."""
    command = commands.add_parser("chain", help="run every job of the chain, from deliveries to statements")
    add_job_arguments(command)
    command.add_argument("--from", dest="first", choices=CHAIN, default=CHAIN[0], metavar="JOB", help="start at this job")
    command.add_argument("--to", dest="last", choices=CHAIN, default=CHAIN[-1], metavar="JOB", help="end after this job")
    command.add_argument("--at-once", type=int, default=AT_ONCE, metavar="N", help=f"jobs that may run beside each other (default: {AT_ONCE})")
    command.set_defaults(act=_chain)


def run_chain(
    config: Config, as_of: dt.date, *, jobs: Sequence[str] = CHAIN, options: dict[str, str] | None = None,
    dry_run: bool = False, is_quiet: bool = False, at_once: int = AT_ONCE,
) -> list[Outcome]:  # fmt: skip
    """Runs the jobs in one session, each when all it waits for has ended, so many `at_once`; outcomes in the order of `jobs`.

    The first failure stops the chain: what runs beside it ends, nothing else begins. A job that was refused a part of its work has done the
    rest, and the jobs after it go on with that; its outcome says what was `refused`."""
    spark = build_session(config.spark, Path(config.paths.scratch))
    outcomes: dict[str, Outcome] = {}
    running: dict[Future[Outcome], str] = {}

    def begin(job: str) -> Future[Outcome]:
        console.complain(f"[{len(outcomes) + len(running) + 1}/{len(jobs)}] {job}")
        return pool.submit(
            run_job, config, job, as_of, options=options, dry_run=dry_run, spark=spark, is_quiet=is_quiet, has_lake=True
        )  # fmt: skip

    with holding(config), ThreadPoolExecutor(at_once) as pool:
        while len(outcomes) < len(jobs):
            left = [j for j in jobs if j not in outcomes and j not in running.values()]
            ready = [j for j in left if not waits_for(j) & (set(left) | set(running.values()))]
            for job in ready[: at_once - len(running)]:
                running[begin(job)] = job
            for ended in wait(running, return_when=FIRST_COMPLETED).done:
                outcomes[running.pop(ended)] = _ended(ended)
    return [outcomes[j] for j in jobs]


def _ended(run: Future[Outcome]) -> Outcome:
    try:
        return run.result()
    except PartlyDoneError as partly:
        return cast(Outcome, partly.outcome)


def told_at_the_end(outcomes: Sequence[Outcome]) -> None:
    """Raises, once all is done, what was refused on the way: a run of which a part was refused does not end well."""
    refused = [f"{o.job}: {o.refused}" for o in outcomes if o.refused]
    if refused:
        raise PartlyDoneError(" ".join(refused), outcomes)


def _chain(args: argparse.Namespace) -> int:
    jobs = CHAIN[CHAIN.index(args.first) : CHAIN.index(args.last) + 1]
    config = load(args.env, args.overrides, args.conf)
    outcomes = run_chain(
        config,
        parsed_date(args.as_of),
        jobs=jobs,
        options=parsed_options(args.option),
        dry_run=args.dry_run,
        is_quiet=args.quiet,
        at_once=max(1, args.at_once),
    )
    for outcome in outcomes:
        console.say(sentence(outcome, is_dry_run=args.dry_run))
    told_at_the_end(outcomes)
    return 0
