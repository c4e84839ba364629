"""`appetence counts`: how many a draft campaign would reach, for those who may not see persons."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from appetence.cli.arguments import add_environment_arguments, parsed_date
from appetence.pipeline.runner import opened
from appetence.runtime import console
from appetence.runtime.config import load
from appetence.runtime.lock import held


def add_to(commands: Any) -> None:
    """The `counts` command."""
    command = commands.add_parser("counts", help="count whom a draft campaign would reach, rounded and masked; no person is shown, nothing is cut")
    command.add_argument("--campaign", metavar="FILE", default=None, help="the draft, a campaign file (without it: a member's own statement)")
    command.add_argument("--for", dest="asker", metavar="WHO", default="agent", help="agent (default), or the member that asks for its own campaign")
    command.add_argument("--as-of", required=True, metavar="DATE", help="the day whose knowledge is counted, yyyy-MM-dd")
    add_environment_arguments(command)
    command.set_defaults(act=_counts)


def _counts(args: argparse.Namespace) -> int:
    from appetence.pipeline.draft_counts import count_draft, own_counts

    config = load(args.env, args.overrides, args.conf)
    # Two dry runs at once would not know of each other's answers.
    with held(Path(config.paths.locks), "counts"), opened(config, "counts", parsed_date(args.as_of), is_quiet=True) as ctx:
        for line in count_draft(ctx, Path(args.campaign), args.asker) if args.campaign else own_counts(ctx, args.asker):
            console.say(line)
    return 0
