"""`appetence real`: the ordinary jobs on data that nobody here made."""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
from pathlib import Path
from typing import Any

from appetence.cli.arguments import add_environment_arguments
from appetence.cli.chain import run_chain
from appetence.pipeline.runner import opened
from appetence.runtime import console
from appetence.runtime.config import Config, load

RECORDS = ("load_reference", "receive_deliveries", "standardise_records", "resolve_identities")
PURCHASES = (*RECORDS, "enrich_persons", "build_features", "train_propensity", "score_persons")
FEBRL_AS_OF = dt.date(2026, 10, 31)
PARTS = ("febrl", "cdnow", "journey")


def add_to(commands: Any) -> None:
    """The `real` command."""
    command = commands.add_parser("real", help="run the chain jobs on public data: Febrl 3, CDNOW, Complete Journey")
    command.add_argument("--only", choices=PARTS, action="append", help="one data set; may be repeated (default: all three)")
    add_environment_arguments(command)
    command.set_defaults(act=_real, env="real")


def _real(args: argparse.Namespace) -> int:
    for part in args.only or PARTS:
        _PART[part](args)
    console.say("\nEach figure is on records or periods that no training saw; figures of simple rankings stand beside them.")
    return 0


def _fresh(args: argparse.Namespace, part: str, overrides: tuple[str, ...] = ()) -> Config:
    base = load(args.env, args.overrides, args.conf)
    root = Path(base.paths.root) / part
    shutil.rmtree(root, ignore_errors=True)
    return load(args.env, [*args.overrides, *overrides, f"paths.root={root}"], args.conf)


def _febrl(args: argparse.Namespace) -> None:
    from appetence.bench import febrl

    config = _fresh(args, "febrl", ("spark.jit=quick",))
    with opened(config, "deliver", FEBRL_AS_OF) as ctx:
        febrl.deliver(ctx)
    run_chain(config, FEBRL_AS_OF, jobs=RECORDS)
    with opened(config, "measure", FEBRL_AS_OF, is_quiet=True) as ctx:
        console.say("\nFEBRL 3: persons found against the truth (pairs)")
        console.say(console.table([{k: v for k, v in febrl.measure(ctx).items() if not isinstance(v, dict)}]))


def _purchases(args: argparse.Namespace, part: str) -> None:
    from appetence.bench import real_purchases as real

    data = {"cdnow": real.CDNOW, "journey": real.JOURNEY}[part]
    rows = {"cdnow": real.cdnow_rows, "journey": real.journey_rows}[part]
    config = _fresh(args, part, data.overrides)
    with opened(config, "deliver", data.as_of) as ctx:
        ctx.progress(f"delivering {part}")
        real.deliver(ctx, data, rows(data.path()))
    run_chain(config, data.as_of, jobs=PURCHASES)
    with opened(config, "measure", data.as_of, is_quiet=True) as ctx:
        console.say(f"\n{part.upper()}: who buys again, on a period after training")
        console.say(console.table(real.judged(ctx)))
        if part == "cdnow":
            from appetence.bench.repeat_buying import holdout_task

            console.say("\nCDNOW: purchases of the 2,357 published customers in the 39 weeks after 1997-09-30")
            console.say(console.table(holdout_task(ctx, data.path().with_name("CDNOW_sample.txt"))))
        if part == "journey":
            console.say("\nCOMPLETE JOURNEY: who buys a category, mean over 30 categories")
            console.say(console.table(real.category_task(ctx)))


_PART = {"febrl": _febrl, "cdnow": lambda a: _purchases(a, "cdnow"), "journey": lambda a: _purchases(a, "journey")}
