"""`appetence bench`: what this project measures of itself, beside its peers."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appetence.cli.arguments import add_environment_arguments
from appetence.errors import ConfigError
from appetence.runtime.config import load


def add_to(commands: Any) -> None:
    """The `bench` command and its parts."""
    command = commands.add_parser("bench", help="measure a part of the suite, on a table of your own or on made-up ones, as JSON")
    parts = command.add_subparsers(dest="bench", required=True, metavar="WHAT")
    identity = parts.add_parser("identity", help="standardise, resolve and evaluate a parquet file of records")
    identity.add_argument(
        "--records", required=True, help="parquet with member_id, customer_ref, names, birth_date, address, postcode, city, email, phone"
    )
    identity.add_argument("--engine", choices=("graphframes", "driver"), default="graphframes", help="who solves connected components")
    further = identity.add_mutually_exclusive_group()
    further.add_argument("--hold-back", type=float, default=None, help="share of the records that arrives on each of two later nights, e.g. 0.01")
    further.add_argument("--skewed", action="store_true", help="then measure a spoilt copy: one place and one e-mail of many, placeholders")
    _finished(identity, _identity)
    standardise = parts.add_parser("standardise", help="standardise made-up records of all usual spellings, and say how fast")
    standardise.add_argument("--records", type=int, default=1_000_000, help="how many (default: 1000000)")
    _finished(standardise, _standardise)
    _add_selection(parts)
    exchange = parts.add_parser("exchange", help="encrypt and receive a made-up file, and say what memory that takes")
    exchange.add_argument("--bytes", type=float, default=2e9, help="size of the file, e.g. 2e9 (the default)")
    _finished(exchange, _exchange)
    erasure = parts.add_parser("erasure", help="erase 1, 100 and 10,000 persons, each in one run, beside made-up records, and say what that costs")
    erasure.add_argument("--records", type=int, default=1_000_000, help="how many (default: 1000000)")
    erasure.add_argument("--persons", default="1,100,10000", help="persons of each run, in order (default: 1,100,10000)")
    _finished(erasure, _erasure)
    propensity = parts.add_parser("propensity", help="fit on one parquet table, evaluate on a later one")
    propensity.add_argument("--train", required=True)
    propensity.add_argument("--test", required=True)
    propensity.add_argument("--label", required=True, help="0/1 column")
    propensity.add_argument("--id", default=None, help="column that names a row (default: its position)")
    propensity.add_argument("--scores", required=True, help="parquet written: id, probability, rank, decile")
    _finished(propensity, _propensity)
    _add_features(parts)


def _finished(part: argparse.ArgumentParser, act: Callable[[argparse.Namespace], int]) -> None:
    """What every part has."""
    part.add_argument("--json", required=True, help="where the figures are written")
    add_environment_arguments(part)
    part.set_defaults(act=act)


def _numbers(text: str, option: str, example: str) -> list[int]:
    """Numbers from 1 with commas between them; ConfigError for anything else."""
    try:
        found = [int(float(word)) for word in text.split(",")]
    except (ValueError, OverflowError):
        found = []
    if not found or min(found) < 1:
        raise ConfigError(f"{option} takes numbers from 1 with commas between them, like {example}.")
    return found


def _add_features(parts: Any) -> None:
    """The bench of snapshots and scores."""
    features = parts.add_parser("features", help="take snapshots of made-up purchases and score everybody, and say how that grows")
    features.add_argument("--persons", type=float, default=1e6, help="how many (default: 1e6)")
    features.add_argument("--transactions", default="1e6,5e6,20e6", help="how many, run after run (default: 1e6,5e6,20e6)")
    _finished(features, _features)


def _add_selection(parts: Any) -> None:
    """The benches of lists and selections."""
    suppression = parts.add_parser("suppression", help="look for listed people under noisy lines, and say how many are found and how many others")
    suppression.add_argument("--records", type=int, default=200_000, help="how many persons (default: 200000)")
    _finished(suppression, _suppression)
    selection = parts.add_parser("selection", help="select a tenth of made-up candidates by every rule, and say what a million costs")
    selection.add_argument("--candidates", type=float, default=1e6, help="how many persons, e.g. 5e6 (default: 1e6)")
    _finished(selection, _selection)


def _identity(args: argparse.Namespace) -> int:
    from appetence.bench.identity import bench_identity, is_small

    quick = ["spark.jit=quick"] if is_small(Path(args.records)) else []
    config = load(args.env, [*quick, *args.overrides], args.conf)
    return bench_identity(config, Path(args.records), Path(args.json), args.engine, args.hold_back, is_skewed=args.skewed)


def _standardise(args: argparse.Namespace) -> int:
    from appetence.bench.standardisation import bench_standardisation

    return bench_standardisation(load(args.env, args.overrides, args.conf), args.records, Path(args.json))


def _suppression(args: argparse.Namespace) -> int:
    from appetence.bench.suppression import bench_suppression

    return bench_suppression(load(args.env, args.overrides, args.conf), args.records, Path(args.json))


def _selection(args: argparse.Namespace) -> int:
    from appetence.bench.selection import bench_selection

    return bench_selection(load(args.env, args.overrides, args.conf), int(args.candidates), Path(args.json))


def _features(args: argparse.Namespace) -> int:
    from appetence.bench.features import bench_features

    transactions = _numbers(args.transactions, "--transactions", "1e6,20e6")
    if args.persons < 1:
        raise ConfigError("--persons takes a number from 1.")
    return bench_features(load(args.env, args.overrides, args.conf), int(args.persons), transactions, Path(args.json))


def _exchange(args: argparse.Namespace) -> int:
    from appetence.bench.exchange import bench_exchange

    return bench_exchange(load(args.env, args.overrides, args.conf), int(args.bytes), Path(args.json))


def _erasure(args: argparse.Namespace) -> int:
    from appetence.bench.erasure import FOLDER, bench_erasure

    persons = _numbers(args.persons, "--persons", "1,100,10000")
    if sum(persons) * 2 > args.records:
        raise ConfigError("--persons takes numbers that add up to no more than half of --records.")
    root = Path(load(args.env, args.overrides, args.conf).paths.scratch) / FOLDER
    own = [f"paths.root={root}", 'paths.lake="{root}/lake"', 'paths.scratch="{root}/scratch"', 'privacy.pepper_ref="file:{secrets}/pepper.key"']
    return bench_erasure(load(args.env, [*args.overrides, *own], args.conf), args.records, persons, Path(args.json))


def _propensity(args: argparse.Namespace) -> int:
    from appetence.bench.propensity import bench_propensity

    return bench_propensity(
        load(args.env, args.overrides, args.conf),
        Path(args.train),
        Path(args.test),
        args.label,
        args.id,
        Path(args.json),
        Path(args.scores),
    )
