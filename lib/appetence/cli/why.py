"""`appetence why-linked`: why two records are, or are not, one person. `appetence why`: whether a person may be contacted, and why."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from appetence.cli.arguments import add_environment_arguments, parsed_date
from appetence.pipeline.runner import opened
from appetence.runtime import console
from appetence.runtime.config import load


def add_to(commands: Any) -> None:
    """The `why` and `why-linked` commands."""
    contact = commands.add_parser("why", help="say whether one person may be contacted in a campaign, with every reason; no personal data")
    contact.add_argument("--person", required=True, metavar="ID", help="person id")
    contact.add_argument("--campaign", required=True, metavar="NAME", help="campaign id")
    contact.add_argument("--as-of", required=True, metavar="DATE", help="the day whose knowledge is asked, yyyy-MM-dd")
    add_environment_arguments(contact)
    contact.set_defaults(act=_why)
    command = commands.add_parser("why-linked", help="say field by field, and over which other records, why two records are, or are not, one person")
    command.add_argument("record_a", help="record id")
    command.add_argument("record_b", help="record id")
    add_environment_arguments(command)
    command.set_defaults(act=_why_linked)


def _why(args: argparse.Namespace) -> int:
    from appetence.pipeline.why_contacted import why_contacted

    config = load(args.env, args.overrides, args.conf)
    with opened(config, "why", parsed_date(args.as_of), options={"campaign": args.campaign}, is_quiet=True) as ctx:
        for line in why_contacted(ctx, args.person):
            console.say(line)
    return 0


def _why_linked(args: argparse.Namespace) -> int:
    from appetence.pipeline.explain import why_linked

    config = load(args.env, args.overrides, args.conf)
    with opened(config, "why_linked", dt.date.max, is_quiet=True) as ctx:
        for line in why_linked(ctx, args.record_a, args.record_b):
            console.say(line)
    return 0
