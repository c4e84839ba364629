"""`appetence bench erasure`: what erasing 1, 100 and 10,000 persons in one run costs, beside so many records.

The lake is made up: two members' records of each person, transactions, permissions, links, features and scores, as the chain would leave them.
Each erasure is the real one, closing scan included, on the lake the one before it left. One rewrite per table and column of ids is the promise:
`commits` says how many each table took.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from appetence.bench.measuring import cores, write
from appetence.bench.standardisation import AS_OF, made_up_lines
from appetence.contracts.base import REGISTRY, Field, Table
from appetence.contracts.bronze import RawRecord, RawTransaction
from appetence.contracts.features import Feature
from appetence.contracts.gold import Score
from appetence.contracts.identity import HouseholdLink, Person, PersonLink
from appetence.contracts.silver import Permission, PermissionEvent, Record, Transaction
from appetence.errors import ConfigError
from appetence.pipeline.context import Context
from appetence.pipeline.erasing import erase
from appetence.pipeline.runner import opened
from appetence.privacy.destruction import write_private
from appetence.privacy.erasure import Cause
from appetence.runtime import clock, console
from appetence.runtime.config import Config

FOLDER = "bench-erasure"
"""Name of the environment's root, which goes with all that is in it when the measurement ends."""
PER_RECORD = 4
"""Transactions of a record."""
_PERSON, _AT = "person", "id"


def bench_erasure(config: Config, records: int, persons: Sequence[int], target: Path) -> int:
    """The command: makes a lake of `records` records under the environment's root, erases, writes `target`, says the figures."""
    _refuse_others(config)
    try:
        write_private(Path(config.paths.secrets), "pepper.key", "0" * 64)  # hashes of made-up persons only
        with opened(config, "bench", AS_OF, is_quiet=True) as ctx:
            answer = run(ctx, records, persons)
    finally:
        shutil.rmtree(config.paths.root, ignore_errors=True)
    write(answer, target)
    console.say(json.dumps(answer))
    return 0


def _refuse_others(config: Config) -> None:
    """ConfigError unless everything this run writes, erases and removes lies in a folder that is the bench's own."""
    paths, root = config.paths, Path(config.paths.root).resolve()
    # An erasure clears the scratch space, so that has to lie in it too.
    used = (
        paths.lake, paths.scratch, paths.secrets, paths.inbox, paths.outbox, paths.quarantine, paths.reports, paths.requests, paths.state,
        paths.truth,
    )  # fmt: skip
    strange = [p for p in (*used, paths.mlflow.removeprefix("sqlite:///")) if "://" in p or not Path(p).resolve().is_relative_to(root)]
    if root.name != FOLDER or strange:
        raise ConfigError(
            f"The bench erases and removes a lake of its own, and this environment keeps {strange[0] if strange else root} elsewhere: "
            "run it with --env local, and set no single path."
        )


def run(ctx: Context, records: int, persons: Sequence[int]) -> dict[str, Any]:
    """Seconds, rows, commits by table and findings of each erasure; making the lake is timed apart."""
    begun = clock.seconds()
    fill(ctx, records)
    answer: dict[str, Any] = {
        "records": records, "cores": cores(ctx.spark), "fill_seconds": round(clock.seconds() - begun, 1),
        "lake_bytes": sum(f.stat().st_size for f in Path(ctx.config.paths.lake).rglob("*.parquet")), "erasures": [],
    }  # fmt: skip
    first = 0
    for number, count in enumerate(persons):
        answer["erasures"].append(_erased(ctx, first, count, f"bench-{number}"))
        first += count
    return answer


def _erased(ctx: Context, first: int, count: int, name: str) -> dict[str, Any]:
    """Erases persons number `first` to `first + count`, each with all records."""
    at = F.substring(PersonLink.person_id, 2, 12).cast("long")
    doomed = ctx.lake.read(PersonLink).where((at >= first) & (at < first + count)).select(PersonLink.record_id)
    tables = [t for t in REGISTRY.values() if t.schema not in ("privacy", "ops") and ctx.lake.exists(t)]
    before = {t.full_name(): ctx.lake.version(t) or 0 for t in tables}
    begun = clock.seconds()
    done = erase(ctx, doomed, Cause.REQUEST, [name])
    spent = clock.seconds() - begun
    commits = {t.full_name(): (ctx.lake.version(t) or 0) - before[t.full_name()] for t in tables}
    return {
        "persons": count, "seconds": round(spent, 1), "rows": sum(done.rows.values()), "findings": done.findings,
        "commits": {name: n for name, n in sorted(commits.items()) if n}, "most_commits_of_a_table": max(commits.values()),
    }  # fmt: skip


def fill(ctx: Context, records: int) -> None:
    """The tables of `records` records, two to a person, two persons to a household."""
    lines = ctx.lake.stage("bench_lines", _lines(ctx.spark, records))
    person, home = _numbered("p", F.col(_PERSON)), _numbered("h", F.floor(F.col(_PERSON) / 2))
    told = lines.withColumns({"person_id": person, "household_id": home})
    bought = told.withColumn("n", F.explode(F.sequence(F.lit(1), F.lit(PER_RECORD))))
    bought = bought.withColumn(RawTransaction.line_number, F.col(_AT) * PER_RECORD + F.col("n"))
    persons = told.where(F.pmod(F.col(_AT), F.lit(2)) == 0)
    stamp, day = F.lit(dt.datetime(2026, 10, 1)), F.lit(dt.date(2026, 9, 1))
    said = {"channel": F.lit("post"), "use": F.lit("prospect"), "purpose": F.lit("commercial"), "basis": F.lit("information")}
    trade = {"transaction_ref": F.concat_ws("-", "customer_ref", "n"), "category": F.lit("jardin"), "amount": F.lit("12,50")}
    made: dict[type[Table], DataFrame] = {
        RawRecord: told,
        RawTransaction: bought.withColumns({**trade, "transaction_date": F.lit("01/09/2026")}),
        Record: told.withColumn("delivered_on", day).withColumn("first_delivered_on", day),
        Transaction: bought.withColumns({"transaction_id": F.concat_ws("-", "record_id", "n"), "transaction_date": day, "amount_cents": F.lit(1250),
                                         "quantity": F.lit(1), "kind": F.lit("order")}),
        PermissionEvent: told.withColumns({**said, "event_id": F.concat(F.lit("e"), "record_id"), "status": F.lit("granted"), "collected_at": stamp,
                                           "recipients": F.array().cast("array<string>")}),
        Permission: told.withColumns({**said, "is_granted": F.lit(True)}),
        PersonLink: told.withColumn("since", day), HouseholdLink: persons.withColumn("since", day), Person: persons,
        Score: persons.withColumns({"model_key": F.lit("prospect:bench"), "cutoff": day, "decile": F.lit(1), "rank": F.col(_AT)}),
        Feature: persons.withColumn("cutoff", day),
    }  # fmt: skip
    ctx.lake.together(*(_write(ctx, table, rows) for table, rows in made.items()))


def _write(ctx: Context, table: type[Table], rows: DataFrame) -> Any:
    """An act that stores what the rows say of the table's columns; what they do not say is null, or empty where something must stand."""
    columns = [_filled(f, rows) for f in table.content()]
    return lambda: ctx.lake.insert_new(table, rows.select(*columns))


def _filled(field: Field, rows: DataFrame) -> Column:
    kind = field.dtype.simpleString()
    said = rows.schema[str(field)].dataType if str(field) in rows.columns else None
    if said is not None and (said == field.dtype or (isinstance(said, T.NumericType) and isinstance(field.dtype, T.NumericType))):
        return F.col(field).cast(kind).alias(field)
    empty = {"string": F.lit("x"), "boolean": F.lit(False), "date": F.lit(AS_OF), "timestamp": F.lit(dt.datetime(2026, 10, 1))}
    empty["array<string>"] = F.array().cast("array<string>")
    return (F.lit(None) if field.nullable else empty.get(kind, F.lit(0))).cast(kind).alias(field)


def _lines(spark: SparkSession, records: int) -> DataFrame:
    """Customer lines of two members; an e-mail of its own for every person, so that the closing scan has something to look for."""
    at = F.col(RawRecord.customer_ref).cast("long")
    numbered = made_up_lines(spark, records).withColumn(_AT, at).withColumn(_PERSON, F.floor(at / 2))
    mail = F.concat(F.lit("mail"), F.substring(F.sha2(F.col(_PERSON).cast("string"), 256), 1, 16), F.lit("@free.fr"))
    return numbered.withColumns(
        {str(RawRecord.email): mail, str(RawRecord.member_id): F.concat(F.lit("m0"), (F.pmod(at, F.lit(2)) + 1).cast("string"))}
    )


def _numbered(letter: str, number: Column) -> Column:
    return F.concat(F.lit(letter), F.lpad(number.cast("string"), 12, "0"))
