"""The arguments every job takes, said once."""

from __future__ import annotations

import argparse
import datetime as dt

from appetence.errors import ConfigError


def add_job_arguments(parser: argparse.ArgumentParser) -> None:
    """--as-of, --env, --set, --option, --conf, --dry-run."""
    parser.add_argument(
        "--as-of", required=True, metavar="DATE", help="the day the job stands on, yyyy-MM-dd: the same day and inputs give the same tables"
    )
    add_environment_arguments(parser)
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="what this job alone understands, e.g. campaign=noel_vad")
    parser.add_argument("--dry-run", action="store_true", help="do everything but write; counts are printed and the run is recorded as a dry run")
    parser.add_argument("--quiet", action="store_true", help="no progress lines")


def add_environment_arguments(parser: argparse.ArgumentParser) -> None:
    """--env, --set, --conf."""
    parser.add_argument("--env", default="local", metavar="NAME", help="environment: conf/NAME.yaml over conf/base.yaml (default: local)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="A.B=VALUE",
        help="overrides one key of the configuration; may be repeated",
    )
    parser.add_argument(
        "--conf", default=None, metavar="DIR", help="folder of the configuration (default: APPETENCE_CONF, ./conf, the checkout's conf/)"
    )


def parsed_date(text: str) -> dt.date:
    """A date as yyyy-MM-dd; ConfigError says how to write it."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--as-of {text!r} is not a date; write it as yyyy-MM-dd, e.g. 2026-10-31.") from None


def parsed_options(pairs: list[str]) -> dict[str, str]:
    """NAME=VALUE pairs as a dictionary."""
    found = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign:
            raise ConfigError(f"--option {pair!r} must look like name=value.")
        found[name] = value
    return found
