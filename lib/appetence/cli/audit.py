"""`appetence audit`: is the trail whole, what does an exported line rest on, and the papers that contracts and configuration give."""

from __future__ import annotations

import argparse
import datetime as dt
import json
from typing import Any

from appetence.cli.arguments import add_environment_arguments, parsed_date
from appetence.errors import ContractError
from appetence.runtime import console
from appetence.runtime.config import load


def add_to(commands: Any) -> None:
    """The `audit` command and its parts."""
    command = commands.add_parser("audit", help="verify the audit trail, trace exported lines, print register, impact summary and grants")
    parts = command.add_subparsers(dest="audit", required=True, metavar="WHAT")
    verify = parts.add_parser("verify", help="fail when a link of the trail was removed, altered or written anew")
    verify.add_argument("--expect", type=int, metavar="N", help="links there must be at least (from a printed page)")
    add_environment_arguments(verify)
    verify.set_defaults(act=_verify)
    trace = parts.add_parser("trace", help="selection, decision, permission, instruction and delivery line behind exported lines")
    what = trace.add_mutually_exclusive_group(required=True)
    what.add_argument("--reference", help="the reference printed on a piece, as JSON")
    what.add_argument("--export", metavar="ID", help="every line of one file, counted")
    what.add_argument(
        "--all", action="store_true", help="every line of every file, counted; fails when one does not lead all the way back and no erasure took it"
    )
    add_environment_arguments(trace)
    trace.set_defaults(act=_trace)
    for name, text, act in (
        ("register", "the record of processing activities (article 30), as Markdown", _register),
        ("impact", "the data-protection impact summary (article 35), as Markdown", _impact),
    ):
        page = parts.add_parser(name, help=text)
        page.add_argument("--as-of", required=True, metavar="DATE", help="the day it stands for, yyyy-MM-dd")
        add_environment_arguments(page)
        page.set_defaults(act=act)
    grants = parts.add_parser("grants", help="who may read which table: SQL for a catalog, or with --roles a page for people")
    grants.add_argument("--catalog", default="appetence", help="name of the catalog")
    form = grants.add_mutually_exclusive_group()
    form.add_argument("--roles", action="store_true", help="what each role sees, as Markdown")
    form.add_argument("--terraform", action="store_true", help="infra/terraform/readers.tf")
    grants.set_defaults(act=_grants)


def _verify(args: argparse.Namespace) -> int:
    from appetence.pipeline.audit_trail import verify
    from appetence.pipeline.runner import opened

    with opened(load(args.env, args.overrides, args.conf), "audit", dt.date.max, is_quiet=True) as ctx:
        found = verify(ctx, args.expect)
    console.say(f"{found.links} links hold, and {found.anchors} runs vouch for them; the last hash is {found.last_hash}.")
    return 0


def _trace(args: argparse.Namespace) -> int:
    from appetence.pipeline.runner import opened
    from appetence.pipeline.trace import erased_selections, gaps, trace

    with opened(load(args.env, args.overrides, args.conf), "audit", dt.date.max, is_quiet=True) as ctx:
        if args.reference:
            console.say(json.dumps(trace(ctx, args.reference), indent=2, default=str))
            return 0
        rows, erased = gaps(ctx, args.export), erased_selections(ctx)
    console.say(console.table(rows))
    ended = sum(row["without_selection"] for row in rows)
    lost = sum(row["lines"] - row["traced"] for row in rows) - min(ended, erased)
    if ended:
        console.say(f"{min(ended, erased)} of the {ended} lines without a selection end at an erasure's certificate.")
    if lost and args.all:
        raise ContractError(f"{lost} exported lines do not lead all the way back: the columns say at which station; trace one by its reference.")
    return 0


def _register(args: argparse.Namespace) -> int:
    from appetence.pipeline.load_reference import required_law
    from appetence.privacy.register import register

    config = load(args.env, args.overrides, args.conf)
    console.say(register(config.members, config.recipients, required_law(config), parsed_date(args.as_of), config.privacy.processors))
    return 0


def _impact(args: argparse.Namespace) -> int:
    from appetence.pipeline.load_reference import required_law
    from appetence.privacy.impact import impact_summary

    config = load(args.env, args.overrides, args.conf)
    law, day = required_law(config), parsed_date(args.as_of)
    console.say(impact_summary(config.members, config.recipients, law, config.selection, config.propensity, day))
    return 0


def _grants(args: argparse.Namespace) -> int:
    from appetence.privacy.grants import as_sql, as_terraform, what_each_role_sees

    console.say(what_each_role_sees() if args.roles else as_terraform().rstrip() if args.terraform else as_sql(args.catalog))
    return 0
