"""`appetence bench suppression`: how surely a person on the suppression list is found again under a noisy line, and how many others are.

The lines go the way of the lake: the list as a file of suppressions, everybody else as delivered records, hashed under a key made for the
measurement. A variant is found when a coordinate of it meets one of its own person's entry. An other is a person in whose home nobody is
listed; whoever of them is met by name and address is one too many. Whom an e-mail address or a line meets does share it: counted apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.bench import noisy_lines as noisy
from appetence.bench.identity import AS_OF
from appetence.bench.measuring import write
from appetence.bench.noisy_lines import Told
from appetence.columns.coordinates import KEY_HASH, KIND, Kind, hashed_coordinates
from appetence.columns.hashing import pads
from appetence.contracts.bronze import RawRecord
from appetence.contracts.local import local_frame
from appetence.contracts.silver import Record
from appetence.pipeline.load_reference import build_communes, build_first_names
from appetence.privacy.suppressions import build_list_hashes
from appetence.records import names, standardise
from appetence.records.names import surnames
from appetence.runtime import clock, console
from appetence.runtime.config import Config
from appetence.runtime.session import build_session
from appetence.storage.lake import Lake

SHARE = 0.01
"""Share of the persons that are listed."""
_KEY = b"suppression bench"
_TOLD = ("person", "home", "role", "shape", "kind")


def bench_suppression(config: Config, records: int, target: Path) -> int:
    """The command: measures about `records` persons, writes `target`, says the figures."""
    scratch = Path(config.paths.scratch) / "bench"
    answer = run(build_session(config.spark, scratch), records, scratch)
    write(answer, target)
    console.say(json.dumps({k: v for k, v in answer.items() if k != "by_kind"}))
    return 0


def run(spark: SparkSession, records: int, scratch: Path, share: float = SHARE, seed: int = 1) -> dict[str, Any]:
    """Recall over all variants of each shape, by kind of error, and the share of others that are met, by kind of key. Nothing is kept."""
    lake = Lake(spark, str(scratch / "lake"), "bench", str(scratch))
    try:
        begun = clock.seconds()
        told = lake.stage("told", _frame(spark, noisy.population(records, share, seed)))
        keyed = lake.stage("keyed", _keyed(spark, told))
        answer = {**_counts(told), **_recall(told, keyed), **_false_positives(told, keyed)}
        return {**answer, "seconds": round(clock.seconds() - begun, 1)}
    finally:
        lake.close()


def _frame(spark: SparkSession, lines: Iterable[Told]) -> DataFrame:
    """bronze.raw_record rows with `person`, `home`, `role`, `shape` and `kind`."""
    rows = list(lines)
    columns: dict[str, list[str | None]] = {name: [getattr(r, name) for r in rows] for name in _TOLD}
    for name in (*noisy.NAMES_AND_ADDRESS, noisy.EMAIL, noisy.PHONE):
        columns[name] = [r.line[name] or None for r in rows]
    made = spark.createDataFrame(pa.table({**columns, str(RawRecord.line_number): pa.array(range(len(rows)), pa.int32())}))
    line = F.col(RawRecord.line_number).cast("string")
    filled = {
        str(RawRecord.delivery_id): F.lit("bench"), str(RawRecord.member_id): F.lit("bench"), str(RawRecord.record_id): line,
        str(RawRecord.customer_ref): line, str(RawRecord.received_on): F.lit(AS_OF), str(RawRecord.delivered_at): F.lit(AS_OF).cast("timestamp"),
    }  # fmt: skip
    rest = {str(f): F.lit(None).cast(f.dtype) for f in RawRecord.fields() if str(f) not in {*made.columns, *filled}}
    return made.withColumns({**filled, **rest})


def _keyed(spark: SparkSession, told: DataFrame) -> DataFrame:
    """record_id, kind, key_hash: of the listed as an import makes them, of all others as a selection does."""
    inner, outer = pads(_KEY)
    key = local_frame(spark, [(inner, outer)], "inner_pad binary, outer_pad binary")
    frequencies = names.name_frequencies(build_first_names(spark), surnames(spark))
    raw = RawRecord.shape(told)
    clean = standardise.build_records(raw, build_communes(spark), frequencies)
    is_listed = told.where(F.col("role") == noisy.LISTED).select(Record.record_id)
    clean_listed, raw_listed = (f.join(is_listed, on=Record.record_id, how="left_semi") for f in (clean, raw))
    listed = build_list_hashes(clean_listed, raw_listed, key)
    others = hashed_coordinates(clean.join(is_listed, on=Record.record_id, how="left_anti"), key, str(Record.record_id))
    return listed.select(Record.record_id, KIND, KEY_HASH).unionByName(others).distinct()


def _met(told: DataFrame, keyed: DataFrame, role: str) -> DataFrame:
    """Lines of a role with the listed lines they meet: record_id, person, kind of key, `listed`."""
    whose = told.select(Record.record_id, "person", "role")
    one = keyed.join(whose, on=Record.record_id, how="inner")
    listed = one.where(F.col("role") == noisy.LISTED).select(KIND, KEY_HASH, F.col("person").alias("listed"))
    theirs = one.where(F.col("role") == role).select(Record.record_id, "person", KIND, KEY_HASH)
    return theirs.join(listed, on=[KIND, KEY_HASH], how="inner").select(Record.record_id, "person", KIND, "listed").distinct()


def _counts(told: DataFrame) -> dict[str, Any]:
    counts = {row["role"]: row["count"] for row in told.groupBy("role").count().collect()}
    return {"listed": counts[noisy.LISTED], "variants": counts.get(noisy.VARIANT, 0), "others": counts.get(noisy.OTHER, 0)}


def _recall(told: DataFrame, keyed: DataFrame) -> dict[str, Any]:
    met = _met(told, keyed, noisy.VARIANT).where(F.col("person") == F.col("listed")).select(Record.record_id).distinct()
    variants = told.where(F.col("role") == noisy.VARIANT).select(Record.record_id, "shape", F.col("kind").alias("error"))
    found = variants.join(met.withColumn("_met", F.lit(1)), on=Record.record_id, how="left")
    rows = found.groupBy("shape", "error").agg(F.count(F.lit(1)).alias("n"), F.count("_met").alias("met")).orderBy("shape", "error").collect()
    shapes = sorted({r["shape"] for r in rows})
    sums = {s: (sum(r["met"] for r in rows if r["shape"] == s), sum(r["n"] for r in rows if r["shape"] == s)) for s in shapes}
    return {
        "recall": {s: round(met / n, 5) for s, (met, n) in sums.items()},
        "by_kind": {s: {r["error"]: {"variants": r["n"], "recall": round(r["met"] / r["n"], 5)} for r in rows if r["shape"] == s} for s in shapes},
    }


def _false_positives(told: DataFrame, keyed: DataFrame) -> dict[str, Any]:
    met = _met(told, keyed, noisy.OTHER)
    others = told.where(F.col("role") == noisy.OTHER).count()
    by_key = {row[KIND]: row["n"] for row in met.groupBy(KIND).agg(F.countDistinct(Record.record_id).alias("n")).collect()}
    wrong = met.where(~F.col(KIND).isin(str(Kind.EMAIL), str(Kind.PHONE))).select(Record.record_id).distinct().count()
    return {"false_positives": wrong, "false_positive_rate": round(wrong / max(others, 1), 7), "others_met_by_key": dict(sorted(by_key.items()))}
