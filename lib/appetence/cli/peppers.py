"""`appetence peppers`: which versions of the pepper stored hashes were made with, and which key may be destroyed."""

from __future__ import annotations

import argparse
from typing import Any

from appetence.cli.arguments import add_environment_arguments
from appetence.pipeline.runner import opened
from appetence.runtime import clock, console
from appetence.runtime.config import load


def add_to(commands: Any) -> None:
    """The `peppers` command."""
    command = commands.add_parser("peppers", help="say which versions of the pepper stored hashes need, and which key may be destroyed")
    add_environment_arguments(command)
    command.set_defaults(act=_peppers)


def _peppers(args: argparse.Namespace) -> int:
    from appetence.pipeline.peppers import versions_in_use

    with opened(load(args.env, args.overrides, args.conf), "peppers", clock.utc_now().date(), is_quiet=True) as ctx:
        rows = versions_in_use(ctx)
    for row in rows:
        console.say(in_words(row))
    return 0 if all(row["is_kept"] for row in rows) else 1


def in_words(row: dict[str, Any]) -> str:
    """One version as a line."""
    needs = ", ".join(f"{count} of {table}" for table, count in sorted(row["rows"].items()))
    if not row["is_kept"]:
        return f"{row['version']}: not configured, and needed by {needs}: name it in privacy.former_peppers."
    if row["is_newest"]:
        return f"{row['version']}: in use for new hashes; needed by {needs or 'no row yet'}."
    if row["may_go"]:
        return f"{row['version']}: needed by no row; take it out of privacy.former_peppers and destroy its key."
    return f"{row['version']}: kept to match what was made with it; needed by {needs}."
