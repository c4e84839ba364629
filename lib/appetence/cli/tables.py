"""`appetence tables`: the data dictionary, the dictionary of model inputs, or what each table of an environment holds."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from appetence.cli.arguments import add_environment_arguments
from appetence.contracts import REGISTRY, Table
from appetence.errors import ConfigError
from appetence.runtime import console
from appetence.runtime.config import load
from appetence.runtime.session import build_session
from appetence.storage.lake import Lake

SCHEMAS = ("reference", "bronze", "silver", "identity", "gold", "privacy", "ops")


def add_to(commands: Any) -> None:
    """The `tables` command."""
    command = commands.add_parser("tables", help="print the data dictionary, or with --rows what each table of an environment holds")
    command.add_argument("table", nargs="?", help="one table, e.g. gold.score (default: all)")
    command.add_argument("--rows", action="store_true", help="name, path, rows and version of each table of the environment")
    command.add_argument("--json", action="store_true", help="as JSON")
    command.add_argument("--markdown", action="store_true", help="the dictionary as a Markdown page")
    command.add_argument("--features", action="store_true", help="the dictionary of the models' inputs as a Markdown page")
    add_environment_arguments(command)
    command.set_defaults(act=_tables)


def ordered() -> list[type[Table]]:
    """All contracts, schema by schema."""
    return sorted(REGISTRY.values(), key=lambda t: (SCHEMAS.index(t.schema), t.name))


def _tables(args: argparse.Namespace) -> int:
    if args.features:
        from appetence.features import catalogue

        console.say(catalogue.dictionary())
        return 0
    chosen = [t for t in ordered() if args.table in (None, t.full_name())]
    if not chosen:
        raise ConfigError(f"There is no table {args.table!r}; `appetence tables` lists them all.")
    if args.rows:
        rows = held(load(args.env, args.overrides, args.conf), chosen)
        console.say(json.dumps(rows, indent=2) if args.json else console.table(rows))
    elif args.json:
        console.say(json.dumps([described(t) for t in chosen], indent=2, ensure_ascii=False))
    else:
        console.say(dictionary(chosen))
    return 0


def held(config: Any, chosen: list[type[Table]]) -> list[dict[str, Any]]:
    """One row per table that exists in the environment: name, path, rows, version."""
    spark = build_session(config.spark, Path(config.paths.scratch))
    lake = Lake(spark, config.paths.lake, "tables", config.paths.scratch)
    return [{"name": t.full_name(), "path": lake.path(t), "rows": lake.row_count(t), "version": lake.version(t)} for t in chosen if lake.exists(t)]


def described(table: type[Table]) -> dict[str, Any]:
    """A contract as plain data."""
    return {
        "name": table.full_name(),
        "grain": table.grain(),
        "owner": table.owner,
        "written_by": table.writer_job(),
        "key": [str(k) for k in table.key],
        "partition_by": [str(p) for p in table.partition_by],
        "subject": table.subject,
        "checks": dict(table.checks),
        "columns": [
            {"name": str(f), "type": f.dtype.simpleString(), "required": not f.nullable, "personal": f.personal, "comment": f.comment}
            for f in table.fields()
        ],
    }


def dictionary(chosen: list[type[Table]]) -> str:
    """The data dictionary as Markdown."""
    lines = ["# Tables", "", "Generated from the contracts by `appetence tables --markdown`; not typed by hand.", ""]
    for table in chosen:
        lines += [f"## {table.full_name()}", "", table.grain(), ""]
        key = ", ".join(f"`{k}`" for k in table.key)
        facts = [f"Key: {key}", f"written by `{table.writer_job()}`"]
        facts += [f"partitioned by {', '.join(f'`{p}`' for p in table.partition_by)}"] if table.partition_by else []
        facts += [f"kept after an erasure ({table.keeps_after_erasure})"] if table.keeps_after_erasure else []
        lines += ["; ".join(facts) + ".", "", "| column | type | | personal | what it holds |", "|---|---|---|---|---|"]
        lines += [
            f"| `{f}` | {f.dtype.simpleString()} | {'required' if not f.nullable else ''} | {f.personal or ''} | {f.comment} |"
            for f in table.fields()
        ]
        lines.append("")
    return "\n".join(lines)
