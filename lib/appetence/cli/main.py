"""The `appetence` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from appetence.cli import audit, bench, chain, counts, demo, doctor, identity, jobs, member, model, peppers, real, rights, tables, why
from appetence.cli.arguments import add_environment_arguments, add_job_arguments
from appetence.pipeline.steps import BESIDE, BY_HAND, CHAIN, JOBS
from appetence.runtime import console
from appetence.runtime.config import load

EPILOG = f"""jobs of the chain, in order: {", ".join(CHAIN)}
beside it: {", ".join(BESIDE)}
by hand only: {", ".join(BY_HAND)}

start with `make demo`, then `appetence tables --env demo --rows`."""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="appetence",
        description="The job suite of a marketing data co-operative: deliveries in, persons resolved, propensity scored, lawful selections out.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run one job")
    run.add_argument("job", choices=JOBS + BY_HAND, metavar="JOB", help="one of the jobs listed by `appetence --help`")
    add_job_arguments(run)
    run.set_defaults(act=lambda a: jobs.run_from(a.job, a))
    chain.add_to(commands)
    demo.add_to(commands)
    real.add_to(commands)
    doctor.add_to(commands)
    tables.add_to(commands)
    why.add_to(commands)
    identity.add_to(commands)
    counts.add_to(commands)
    member.add_to(commands)
    rights.add_to(commands)
    peppers.add_to(commands)
    audit.add_to(commands)
    model.add_to(commands)
    config = commands.add_parser("config", help="print the resolved configuration of an environment as JSON")
    add_environment_arguments(config)
    config.set_defaults(act=_config)
    bench.add_to(commands)
    return top


def _config(args: argparse.Namespace) -> int:
    console.say(load(args.env, args.overrides, args.conf).model_dump_json(indent=2))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    args = parser().parse_args(arguments)
    return jobs.guarded(lambda: args.act(args))


if __name__ == "__main__":
    sys.exit(main())
