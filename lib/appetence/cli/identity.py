"""`appetence identity`: doubtful pairs out for review, decisions in that bind later runs; a sample out, and what its answers say of all links."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from appetence.cli.arguments import add_environment_arguments
from appetence.errors import ConfigError
from appetence.pipeline.runner import holding, opened
from appetence.runtime import console
from appetence.runtime.clock import utc_now
from appetence.runtime.config import load


def add_to(commands: Any) -> None:
    """The `identity` command and its parts."""
    command = commands.add_parser("identity", help="hand out pairs of records for review, take decisions in, estimate how right links are")
    parts = command.add_subparsers(dest="identity", required=True, metavar="WHAT")
    review = parts.add_parser("review", help="write the pairs nearest to the threshold as CSV, with their weights in words; no personal data")
    review.add_argument("--out", required=True, metavar="FILE", help="CSV to write")
    review.add_argument("--limit", type=int, default=200, metavar="N", help="pairs at most (default: 200)")
    review.add_argument("--band", type=float, default=4.0, metavar="W", help="how far from the threshold, in doublings of the odds (default: 4)")
    add_environment_arguments(review)
    review.set_defaults(act=_review)
    decide = parts.add_parser("decide", help="take the decisions of a review file in: same or different; later runs obey")
    decide.add_argument("file", metavar="FILE", help="a review file with decision, decided_by and reason filled in")
    add_environment_arguments(decide)
    decide.set_defaults(act=_decide)
    sample = parts.add_parser("sample", help="write a stratified sample of all compared pairs, to answer and to estimate from; no personal data")
    sample.add_argument("out", metavar="OUT.csv", help="CSV to write: as review, with stratum and stratum_size")
    sample.add_argument("--size", type=int, default=300, metavar="N", help="pairs to draw, of all strata together (default: 300)")
    sample.add_argument("--seed", type=int, default=1, metavar="S", help="another seed draws other pairs; the same draws the same (default: 1)")
    add_environment_arguments(sample)
    sample.set_defaults(act=_sample)
    estimate = parts.add_parser("estimate", help="precision of links and recall among compared pairs, by a sample's answers; needs no environment")
    estimate.add_argument("file", metavar="ANSWERED.csv", help="a sample with decision filled in: same or different")
    estimate.add_argument("--json", metavar="FILE", help="also write the figures there")
    estimate.set_defaults(act=_estimate)


def _review(args: argparse.Namespace) -> int:
    from appetence.pipeline.review import export_review

    config = load(args.env, args.overrides, args.conf)
    with opened(config, "identity_review", utc_now().date(), is_quiet=True) as ctx:
        count = export_review(ctx, Path(args.out), limit=args.limit, band=args.band)
    console.say(f"{args.out}: {count} pairs; fill in decision (same, different), decided_by and reason, then `appetence identity decide {args.out}`.")
    return 0


def _decide(args: argparse.Namespace) -> int:
    from appetence.pipeline.review import take_decisions

    path = Path(args.file)
    if not path.is_file():
        raise ConfigError(f"{args.file} is no file: give a review file, as `appetence identity review` writes it.")
    config = load(args.env, args.overrides, args.conf)
    with holding(config), opened(config, "identity_decide", utc_now().date(), is_quiet=True) as ctx:
        taken = take_decisions(ctx, path.name, path.read_bytes())
    for sentence in taken.refused:
        console.complain(sentence)
    console.say(f"{len(taken.lines)} decisions taken in, {taken.undecided} lines undecided; the next run of resolve_identities obeys.")
    if taken.refused:
        raise ConfigError(f"{len(taken.refused)} lines of {path.name} were refused, for the reasons above: correct them and hand the file in again.")
    return 0


def _sample(args: argparse.Namespace) -> int:
    from appetence.pipeline.review import export_sample

    config = load(args.env, args.overrides, args.conf)
    with opened(config, "identity_sample", utc_now().date(), is_quiet=True) as ctx:
        count = export_sample(ctx, Path(args.out), size=args.size, seed=args.seed)
    console.say(f"{args.out}: {count} pairs; fill in decision (same, different) from the top, then `appetence identity estimate {args.out}`.")
    return 0


def _estimate(args: argparse.Namespace) -> int:
    from appetence.pipeline.review import estimate_sample

    path = Path(args.file)
    if not path.is_file():
        raise ConfigError(f"{args.file} is no file: give a sample file, as `appetence identity sample` writes it.")
    found, refused = estimate_sample(path.name, path.read_bytes())
    for sentence in refused:
        console.complain(sentence)
    if found is None:
        raise ConfigError(f"{len(refused)} lines of {path.name} were refused, for the reasons above: correct them and estimate again.")
    console.say(console.table(found.rows()))
    for name, figure in (("precision of links", found.precision), ("recall among compared pairs above the review floor", found.recall)):
        if figure:
            console.say(f"{name}: {figure.value:.2%}, with 95 % confidence between {figure.low:.2%} and {figure.high:.2%}")
    for sentence in found.notes:
        console.say(sentence)
    if args.json:
        Path(args.json).write_text(json.dumps(found.as_json(), indent=2) + "\n", encoding="utf-8")
    return 0
