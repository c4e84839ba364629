"""`appetence why-linked`: why two records are, or are not, one person."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from appetence.cli.arguments import add_environment_arguments
from appetence.pipeline.runner import opened
from appetence.runtime import console
from appetence.runtime.config import load


def add_to(commands: Any) -> None:
    """The `why-linked` command."""
    command = commands.add_parser("why-linked", help="say field by field why two records are, or are not, one person")
    command.add_argument("record_a", help="record id")
    command.add_argument("record_b", help="record id")
    add_environment_arguments(command)
    command.set_defaults(act=_why_linked)


def _why_linked(args: argparse.Namespace) -> int:
    from appetence.pipeline.explain import why_linked

    config = load(args.env, args.overrides, args.conf)
    with opened(config, "why_linked", dt.date.max, is_quiet=True) as ctx:
        for line in why_linked(ctx, args.record_a, args.record_b):
            console.say(line)
    return 0
