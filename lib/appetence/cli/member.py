"""`appetence member check`: what a member's mapping would make of a sample file."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from appetence.cli.arguments import add_environment_arguments, parsed_date
from appetence.contracts.specs import MemberSpec
from appetence.errors import ConfigError
from appetence.exchange import checking
from appetence.exchange.checking import SampleReport
from appetence.runtime import console
from appetence.runtime.clock import utc_now
from appetence.runtime.config import Config, load, read_model


def add_to(commands: Any) -> None:
    """The `member` command."""
    member = commands.add_parser("member", help="what concerns one member's files")
    verbs = member.add_subparsers(dest="verb", required=True, metavar="VERB")
    check = verbs.add_parser("check", help="say, column by column, what a mapping would make of a sample, before anything is loaded")
    check.add_argument("file", metavar="FILE", help="the mapping: a member id, or a path such as conf/members/m05.yaml")
    check.add_argument("sample", metavar="SAMPLE", help="a file as the member would deliver it, in the clear")
    check.add_argument("--block", choices=("customers", "transactions", "permissions"), help="which block it is; default: by the file's name")
    check.add_argument("--as-of", metavar="DATE", help="the day dates are read on (default: today)")
    check.add_argument("--layout-only", action="store_true", help="look at the file only: no Spark, no grades")
    add_environment_arguments(check)
    check.set_defaults(act=_check)


def _check(args: argparse.Namespace) -> int:
    config = load(args.env, args.overrides, args.conf)
    sample, member = Path(args.sample), _member(config, args.file)
    if not sample.is_file():
        raise ConfigError(f"There is no sample {sample}; give the path of a file as the member would deliver it.")
    block = checking.block_of(member, sample, args.block)
    with tempfile.TemporaryDirectory(prefix="appetence-sample-") as folder:
        report = checking.examine(sample, member, block, Path(folder), config.exchange.max_reject_share)
        for line in layout_lines(report, member.member_id):
            console.say(line)
        if not args.layout_only and checking.accepted_rows(report):
            _say_grades(report, config, args)
    console.say()
    console.say(f"It would be refused: {report.refusal}" if report.refusal else f"It would be taken: {checking.accepted_rows(report)} lines.")
    return 0 if report.is_fine else 1


def _member(config: Config, given: str) -> MemberSpec:
    path = Path(given) if given.endswith((".yaml", ".yml")) else Path(config.paths.members) / f"{given}.yaml"
    if not path.is_file():
        raise ConfigError(f"There is no mapping {path}; give a member id of {config.paths.members} or the path of a YAML file.")
    return read_model(path, MemberSpec)


def layout_lines(report: SampleReport, member_id: str) -> list[str]:
    """What is known without standardising: how it is written, column by column, the lines refused. No value stands in it."""
    lines = [f"{report.block} of {member_id}"]
    if report.writing is not None:
        packed = f", packed with {report.writing.packed}" if report.writing.packed else ""
        parted = f", fields parted by {report.writing.delimiter!r}" if report.writing.delimiter else ""
        lines.append(f"written in {report.writing.encoding}{parted}, lines end with {report.writing.line_ends}{packed}")
    lines += [f"! {w}" for w in report.warnings]
    if report.columns:
        rows: list[dict[str, object]] = [
            {
                "column": c.source[:40],
                "becomes": c.ours or f"({c.fate})",
                "filled": c.filled,
                "looks like": "  ".join(f"{s} x{n}" for s, n in c.shapes),
            }
            for c in report.columns
        ]
        lines += ["", console.table(rows)]
    lines += [f"! the column {n!r} of the mapping is not in the file" for n in report.missing]
    staged = report.staged
    if staged is not None:
        lines += ["", f"{staged.read} lines read, {staged.accepted} usable, {staged.rejected} refused"]
        lines += [f"  line {f.line_number}: {f.sentence} ({f.value_shape or 'empty'})" for f in staged.examples[:10]]
    return lines


def _say_grades(report: SampleReport, config: Config, args: argparse.Namespace) -> None:
    """Standardises the usable lines in a session of its own; a cluster is not needed for a sample."""
    from appetence.pipeline.check_member import measured
    from appetence.runtime.session import build_session

    as_of = parsed_date(args.as_of) if args.as_of else utc_now().date()
    assert report.staged is not None
    session = build_session(config.spark, Path(config.paths.scratch))
    rows = measured(session, report.staged.accepted_path, report.block, as_of, config.paths.first_names)
    console.say()
    if not rows:
        console.say("every line can be read")
        return
    wide: dict[str, dict[str, object]] = {}
    measures = sorted({str(r["measure"]) for r in rows})
    for row in rows:
        wide.setdefault(str(row["column"]), dict.fromkeys(["column", *measures], "-"))
        wide[str(row["column"])] |= {"column": row["column"], str(row["measure"]): f"{float(row['share']):.1%}"}
    console.say(console.table(list(wide.values()), ["column", *measures]))
