"""`appetence member check`: what a member's mapping would make of a sample file."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from appetence.cli.arguments import add_environment_arguments, parsed_date
from appetence.contracts.specs import BlockSpec, MemberSpec
from appetence.errors import ConfigError
from appetence.exchange import checking
from appetence.exchange.checking import SampleReport
from appetence.exchange.reading import Fault, Unread, too_much_unread
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
            own = member.max_unread_share
            _say_grades(report, config, args, member.blocks[block], config.exchange.max_unread_share if own is None else own)
    console.say()
    if report.refusal:
        console.say(f"It would be refused: {report.refusal}")
        console.say(f"Whatever is to be changed in the mapping stands under `blocks: {block}:` of {_path(config, args.file)}.")
    else:
        looked = " Whether their values can be read was not looked at: leave out --layout-only." if args.layout_only else ""
        console.say(f"It would be taken: {checking.accepted_rows(report)} lines.{looked}")
    return 0 if report.is_fine else 1


def _member(config: Config, given: str) -> MemberSpec:
    path = _path(config, given)
    if not path.is_file():
        raise ConfigError(f"There is no mapping {path}; give a member id of {config.paths.members} or the path of a YAML file.")
    return read_model(path, MemberSpec)


def _path(config: Config, given: str) -> Path:
    return Path(given) if given.endswith((".yaml", ".yml")) else Path(config.paths.members) / f"{given}.yaml"


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
        lines += _refused_lines(staged.examples)
    return lines


def _refused_lines(faults: list[Fault]) -> list[str]:
    """Each reason once, with its first lines and the shape of the first."""
    reasons: dict[str, list[Fault]] = {}
    for fault in faults:
        reasons.setdefault(fault.sentence, []).append(fault)
    return [
        f"  {_places([f.line_number for f in same])}: {sentence} (the first looks like {same[0].value_shape or 'nothing'})"
        for sentence, same in list(reasons.items())[:10]
    ]


def _places(lines: list[int]) -> str:
    """The first lines by number.

    >>> _places([2]), _places([2, 4, 6, 8, 9])
    ('line 2', 'lines 2, 4, 6 and 2 more')
    """
    if len(lines) == 1:
        return f"line {lines[0]}"
    more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
    return f"lines {', '.join(map(str, lines[:3]))}{more}"


def _say_grades(report: SampleReport, config: Config, args: argparse.Namespace, spec: BlockSpec, gate: float) -> None:
    """Standardises the usable lines in a session of its own; a cluster is not needed for a sample. Notes a refusal where too much cannot be read."""
    from appetence.pipeline.check_member import measured, not_read
    from appetence.runtime.session import build_session

    as_of = parsed_date(args.as_of) if args.as_of else utc_now().date()
    assert report.staged is not None
    session = build_session(config.spark, Path(config.paths.scratch))
    report.staged.unread = not_read(session, report.staged, as_of, spec)
    for line in unread_lines(report.staged.unread, spec):
        console.say(line)
    sentence = too_much_unread([report.staged], {report.block: spec}, gate, config.exchange.min_judged_values)
    if report.refusal is None and sentence:
        report.refusal = f"TOO_MANY_UNREAD: {sentence}"
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


def unread_lines(found: Sequence[Unread], spec: BlockSpec) -> list[str]:
    """What cannot be read, by the member's own columns, as its report would have it."""
    return [
        f"! {u.count} of the {u.among} values of {spec.source_of(u.column)} cannot be read: {u.sentence} "
        f"The first, {_places([line for line, _ in u.examples])}, looks like {(u.examples[0][1] if u.examples else None) or 'nothing'}."
        for u in found
    ]
