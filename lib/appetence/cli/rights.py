"""`appetence rights`: the desk where persons' requests are taken, followed, decided, carried out and certified."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from appetence.cli.arguments import add_environment_arguments, parsed_date
from appetence.errors import PartlyDoneError, RightsError
from appetence.runtime import console
from appetence.runtime.config import load

STDIN = "-"
_COLUMNS = ["request", "right", "through", "received", "due", "days left", "state", "controllers to answer", "reason"]


def add_to(commands: Any) -> None:
    """The `rights` command and its parts."""
    desk = commands.add_parser("rights", help="take, list, show, decide, carry out and certify requests of persons")
    parts = desk.add_subparsers(dest="rights", required=True, metavar="WHAT")
    opened = _part(parts, "open", "take requests from YAML files (`-`: one from standard input; a folder: all in it)", _open)
    opened.add_argument("files", nargs="+", metavar="FILE", help="one request each; personal data go in the file, never on the command line")
    listed = _part(parts, "list", "the register, nearest deadline first", _list)
    listed.add_argument("--state", choices=("open", "parked", "refused", "executed"), help="only these")
    listed.add_argument("--overdue", action="store_true", help="fail when a request is past its deadline (for a monitor)")
    listed.add_argument("--json", action="store_true", help="as JSON")
    _of_one(parts, "show", "everything noted of one request", "shown")
    _decide_arguments(_part(parts, "decide", "note a decision of the officer or of a member", _decide))
    executed = _part(parts, "execute", "carry out what waits now instead of tonight", _execute)
    executed.add_argument("requests", nargs="*", metavar="ID", help="only these (default: all that wait)")
    executed.add_argument("--dry-run", action="store_true", help="judge and count, change nothing")
    replayed = _part(parts, "replay", "purge tables that were put back of all that was erased since, and take up what was refused", _replay)
    replayed.add_argument(
        "--accept-loss", action="store_true", help="go on although a table that remembers erasures or suppressions was put back for good"
    )
    _of_one(parts, "certify", "the proof that a request was carried out, as JSON", "certificate")


def _part(parts: Any, name: str, text: str, act: Any) -> argparse.ArgumentParser:
    part: argparse.ArgumentParser = parts.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".")
    part.add_argument("--as-of", required=True, metavar="DATE", help="the day of the desk, yyyy-MM-dd")
    add_environment_arguments(part)
    part.set_defaults(act=act)
    return part


def _of_one(parts: Any, name: str, text: str, asked: str) -> None:
    """A part that prints what the desk's function `asked` says of one request, as JSON."""
    part = _part(parts, name, text, partial(_print, asked))
    part.add_argument("request", metavar="ID")


def _decide_arguments(part: argparse.ArgumentParser) -> None:
    part.add_argument("request", metavar="ID")
    who = part.add_mutually_exclusive_group(required=True)
    who.add_argument("--officer", metavar="NAME", help="the officer who decides")
    who.add_argument("--member", metavar="ID", help="the member that decides for its own data")
    who.add_argument("--client", metavar="ID", help="the client that says its part is done")
    what = part.add_mutually_exclusive_group(required=True)
    for decision, text in {
        "confirm": "officer: the doubt about who asks is settled",
        "extend": "officer: two months more, told to the person with the reason",
        "refuse": "officer: the whole request; member: its own data stay",
        "lift": "officer: the limitation ends, told to the person with the reason",
        "accept": "member: its own data go",
        "done": "member or client: its own part is done, as corrected at source",
        "handed-over": "officer: the person has the copy asked for; an erasure that waited for it may follow",
    }.items():
        what.add_argument(f"--{decision}", dest="decision", action="store_const", const=decision, help=text)
    part.add_argument("--reason", metavar="TEXT", help="why, without names or addresses; required for refuse, extend and lift")


@contextmanager
def _desk(args: argparse.Namespace, *, is_writing: bool = False, options: dict[str, str] | None = None) -> Iterator[Any]:
    from appetence.pipeline import audit_trail, table_state
    from appetence.pipeline.runner import opened
    from appetence.runtime.lock import held

    config = load(args.env, args.overrides, args.conf)
    day = parsed_date(args.as_of)
    if not is_writing:
        with opened(config, "rights_desk", day, is_quiet=True) as ctx:
            yield ctx
        return
    with held(Path(config.paths.locks), "lake"), opened(config, "rights_desk", day, options=options, is_quiet=True, is_setting_right=True) as ctx:
        try:
            entries = table_state.before_reading(ctx)
            if entries:
                audit_trail.record(ctx, entries)
            yield ctx
            table_state.note(ctx)
        finally:
            table_state.ended(ctx)


def _open(args: argparse.Namespace) -> int:
    from appetence.pipeline.rights_desk import open_requests

    files = list(_contents(args.files))
    with _desk(args, is_writing=True) as ctx:
        taken = open_requests(ctx, files)
    for one in taken:
        console.say(f"{one.file}: request {one.request_id}, due {one.due_on}") if one.request_id else console.complain(str(one.refusal))
    refused = [t for t in taken if t.refusal]
    if refused:
        raise RightsError(f"{len(refused)} of {len(taken)} requests were not taken, for the reasons above: correct them and hand them in again.")
    return 0


def _contents(names: list[str]) -> Iterator[tuple[str, bytes]]:
    for name in names:
        path = Path(name)
        if name == STDIN:
            yield "standard input", sys.stdin.buffer.read()
        elif path.is_dir():
            yield from ((f.name, f.read_bytes()) for f in sorted(path.glob("*.yaml")))
        elif path.is_file():
            yield path.name, path.read_bytes()
        else:
            raise RightsError(f"{path.name} is no file: give YAML files, a folder of them, or - for standard input.")


def _list(args: argparse.Namespace) -> int:
    from appetence.pipeline.rights_desk import listed, overdue

    with _desk(args) as ctx:
        rows = listed(ctx, args.state)
        late = overdue(ctx)
    console.say(json.dumps(rows, indent=2, default=str) if args.json else console.table(rows, _COLUMNS) if rows else "No request.")
    if late:
        says = f"{len(late)} requests are past their deadline, first {late[0]}: answer them now."
        if args.overdue:
            raise RightsError(says)
        console.complain(says)
    return 0


def _print(asked: str, args: argparse.Namespace) -> int:
    from appetence.pipeline import rights_desk

    with _desk(args) as ctx:
        found = getattr(rights_desk, asked)(ctx, args.request)
    console.say(json.dumps(found, indent=2, default=str, ensure_ascii=False))
    return 0


def _decide(args: argparse.Namespace) -> int:
    from appetence.pipeline.rights_desk import decide
    from appetence.privacy.decisions import Decision

    decider = f"officer:{args.officer}" if args.officer else f"member:{args.member}" if args.member else f"client:{args.client}"
    with _desk(args, is_writing=True) as ctx:
        decide(ctx, args.request, decider, Decision(args.decision), args.reason)
    of_now = "" if args.decision in (Decision.HANDED_OVER, Decision.DONE, Decision.LIFT) else f" (now: appetence rights execute {args.request})"
    console.say(f"{args.request}: {decider} decided {args.decision}; the next run acts on it{of_now}.")
    return 0


def _replay(args: argparse.Namespace) -> int:
    from appetence.pipeline import rights_replay

    with _desk(args, is_writing=True, options={rights_replay.ACCEPT: "yes"} if args.accept_loss else {}) as ctx:
        done = rights_replay.replay_everywhere(ctx)
    console.say(f"Purged again: {done['rows']} rows in {len(done['tables'])} tables looked at; {done['refusals']} refusals taken up.")
    return 0


def _execute(args: argparse.Namespace) -> int:
    from appetence.cli.jobs import sentence
    from appetence.pipeline.runner import run_job

    config = load(args.env, args.overrides, args.conf)
    options = {"requests": ",".join(args.requests)} if args.requests else {}
    try:
        outcome = run_job(config, "handle_rights", parsed_date(args.as_of), options=options, dry_run=args.dry_run)
    except PartlyDoneError as late:
        for reason in late.done.details["reasons"]:
            console.complain(reason)
        raise
    console.say(sentence(outcome, is_dry_run=args.dry_run))
    for reason in outcome.counts.details["reasons"]:
        console.complain(reason)
    return 0
