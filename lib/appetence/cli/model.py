"""`appetence model`: the versions of the models, and the way back to an earlier one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from appetence.cli.arguments import add_environment_arguments
from appetence.contracts.gold import ModelCard
from appetence.pipeline.runner import opened
from appetence.runtime import console
from appetence.runtime.clock import utc_now
from appetence.runtime.config import load
from appetence.runtime.lock import held


def add_to(commands: Any) -> None:
    """The `model` command and its parts."""
    command = commands.add_parser("model", help="list the models' versions, or put an earlier one back in use")
    parts = command.add_subparsers(dest="model", required=True, metavar="WHAT")
    listed = parts.add_parser("list", help="each version, how it did, whether it is in use and why")
    add_environment_arguments(listed)
    listed.set_defaults(act=_list)
    back = parts.add_parser("rollback", help="take the version in use out of use; the decision is recorded")
    back.add_argument("key", metavar="KEY", help="model key, e.g. house:r_m04")
    back.add_argument("--to", default=None, metavar="VERSION", help="version to use (default: the one before that passed the gate); none: no version")
    back.add_argument("--reason", required=True, metavar="TEXT", help="why, for the trail; no personal data")
    add_environment_arguments(back)
    back.set_defaults(act=_rollback)


def _rollback(args: argparse.Namespace) -> int:
    from appetence.pipeline.rollback_model import rollback

    config = load(args.env, args.overrides, args.conf)
    with held(Path(config.paths.locks), "lake"), opened(config, "rollback_model", utc_now().date(), is_quiet=True) as ctx:
        console.say(rollback(ctx, args.key, args.reason, args.to))
    return 0


def _list(args: argparse.Namespace) -> int:
    config = load(args.env, args.overrides, args.conf)
    with opened(config, "model_list", utc_now().date(), is_quiet=True) as ctx:
        cards = ctx.lake.read_or_empty(ModelCard).orderBy(ModelCard.model_key, ModelCard.model_version).collect()
    shown = (ModelCard.model_key, ModelCard.model_version, ModelCard.trained_on, ModelCard.auc, ModelCard.is_champion, ModelCard.gate_reason)
    console.say(console.table([{str(c): row[c] for c in shown} for row in cards]) if cards else "No model was trained yet.")
    return 0
