"""`appetence bench identity`: standardise, resolve and group any parquet file of records, and say how right and how fast that was."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.bench.measuring import peak_memory, write
from appetence.columns import hashing
from appetence.contracts.bronze import RawRecord
from appetence.contracts.settings import IdentitySettings
from appetence.contracts.silver import Record
from appetence.errors import ConfigError
from appetence.identity import comparison, households, metrics, resolve, signatures
from appetence.pipeline import load_reference
from appetence.records import names, standardise
from appetence.runtime import clock, console
from appetence.runtime.config import Config
from appetence.runtime.session import build_session
from appetence.storage.lake import Lake

# No date enters the comparison: the pivot of two-digit years is all that it decides.
AS_OF = dt.date(2026, 10, 31)
REQUIRED = ("member_id", "customer_ref")
# The columns of a benchmark file and the raw columns they fill; all are optional but those of REQUIRED.
COLUMNS: Mapping[str, str] = {
    "civility": RawRecord.civility,
    "first_name": RawRecord.first_name,
    "last_name": RawRecord.last_name,
    "birth_date": RawRecord.birth_date,
    "address": RawRecord.address_1,
    "postcode": RawRecord.postcode,
    "city": RawRecord.city,
    "country": RawRecord.country,
    "email": RawRecord.email,
    "phone": RawRecord.phone,
}
SMALL = 200_000
"""Records up to which the JVM compiles lightly, unless `--set spark.jit=full`."""
EXTRA, TRUE_PERSON, TRUE_HOUSEHOLD, MEMBER = "x_", "true_person", "true_household", "member"
# All that finding persons and households reads of silver.record: nothing else is made.
READ = tuple(dict.fromkeys((*signatures.READ, *households.READ)))
UNSAID = ("facts", "by_member", "by_segment")
"""Keys that are written and not said."""
STAGES = ("standardise", "block", "compare", "weigh", "connect", "repair", "households")


@dataclass
class Stopwatch:
    """Seconds by stage; a stage ends where the next begins."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    _stage: str | None = None
    _since: float = 0.0

    def mark(self, stage: str | None) -> None:
        """Ends the running stage and begins this one (None: none)."""
        now = clock.seconds()
        if self._stage is not None:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now

    def as_json(self) -> dict[str, float]:
        """The seconds and their total, rounded."""
        return {k: round(v, 2) for k, v in {**self.seconds, "total": sum(self.seconds.values())}.items()}


def bench_identity(config: Config, records: Path, target: Path, engine: str, held_back: float | None = None, *, is_skewed: bool = False) -> int:
    """The command: measures `records`, writes `target`, says the figures. Starting the session is not counted. `held_back`: see
    `incremental`. `is_skewed`: a spoilt copy is measured too (see `skewed`), its figures stand under `skewed`."""
    scratch = Path(config.paths.scratch) / "bench"
    spark = build_session(config.spark, scratch)
    settings = config.identity.model_copy(update={"engine": engine, "contradiction": "auto"})
    if held_back is None:
        answer = run(spark, records, scratch, settings=settings, as_of=AS_OF)
    else:
        from appetence.bench import incremental

        answer = incremental.run(spark, config, records, scratch, settings, held_back)
    if is_skewed:
        answer["skewed"] = _skewed(spark, records, scratch, settings)
    write(answer, target)
    console.say(json.dumps(_said(answer)))
    return 0


def _said(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _said(v) if k == "skewed" else v for k, v in answer.items() if k not in UNSAID}


def _skewed(spark: SparkSession, records: Path, scratch: Path, settings: IdentitySettings) -> dict[str, Any]:
    """The figures of a spoilt copy, which is removed again."""
    from appetence.bench import skewed

    spoilt = skewed.spoil(records, scratch / "spoilt" / "records.parquet")
    try:
        return run(spark, spoilt, spoilt.parent, settings=settings, as_of=AS_OF)
    finally:
        spoilt.unlink()


def run(spark: SparkSession, records: Path, scratch: Path, *, settings: IdentitySettings, as_of: dt.date) -> dict[str, Any]:
    """Measures identity resolution on a parquet file; the answer is what `--json` writes. The truth columns are read after everything
    else."""
    given = read(spark, records)
    lake = Lake(spark, str(scratch / "lake"), "bench", str(scratch))
    watch = Stopwatch()
    try:
        watch.mark("standardise")
        clean = lake.stage("records", standardised(given, as_of, lake.stage).select(*READ))
        found = resolve.resolve(clean, settings, as_of, lake.stage, model=lambda fields: None, mark=watch.mark, extras=_extras(given))
        watch.mark("households")
        owners = found.clusters.select("record_id", F.col("cluster").cast("string").alias(households.PERSON))
        homes = households.build_households(clean, owners, found.kin, households.Limits(settings.household_max_size, settings.engine), lake.stage)
        grouped = lake.stage("households", owners.join(homes, on=households.PERSON, how="inner"))
        watch.mark(None)
        answer = {
            "records": found.facts["records"],
            "pairs_compared": found.facts["pairs_compared"],
            "largest_cluster": largest(found.clusters),
            **scores(given, found.clusters, grouped, clean),
        }
        answer |= {"estimated": dict(found.estimated), "seconds": watch.as_json(), "peak_memory_gb": peak_memory()}
        return {**answer, "components_engine": found.facts["components_engine"], "facts": dict(found.facts)}
    finally:
        lake.close()


def is_small(records: Path) -> bool:
    """Whether the footers of a parquet file, or of a folder of them, tell of so few records that compiling costs more than running. False where
    there is none to read: `read` says what is wrong."""
    files = [records] if records.is_file() else sorted(records.glob("*.parquet"))
    try:
        return bool(files) and sum(pq.read_metadata(f).num_rows for f in files) <= SMALL
    except (OSError, pa.ArrowInvalid):
        return False


# -- the file -----------------------------------------------------------------------------------------------------------------


def read(spark: SparkSession, records: Path) -> DataFrame:
    """The file, with the id of each record; ConfigError when it is not there, lacks a column or has more categories than are compared."""
    if not records.exists():
        raise ConfigError(f"The records file {records} is not there: give --records the path of a parquet file.")
    given = spark.read.parquet(str(records))
    lacking = [c for c in REQUIRED if c not in given.columns]
    if lacking:
        raise ConfigError(f"{records} lacks the column(s) {', '.join(lacking)}: each record needs a member_id and a customer_ref.")
    _check_extras(records, given.columns)
    return given.withColumn("_record_id", hashing.record_id(F.col("member_id"), F.col("customer_ref")))


def _check_extras(records: Path, columns: Sequence[str]) -> None:
    found = sorted(c for c in columns if c.startswith(EXTRA))
    if len(found) > comparison.MAX_EXTRAS:
        raise ConfigError(
            f"{records} has {len(found)} further categories ({', '.join(found)}), and {comparison.MAX_EXTRAS} at most are compared:"
            f" take the {EXTRA} off the names of the others."
        )


def _extras(given: DataFrame) -> list[str]:
    return sorted(c.removeprefix(EXTRA) for c in given.columns if c.startswith(EXTRA))


def raw_records(given: DataFrame, as_of: dt.date) -> DataFrame:
    """A benchmark file as raw customer lines of one delivery."""

    def value(name: str) -> Column:
        return F.col(name).cast("string") if name in given.columns else F.lit(None).cast("string")

    filled = {raw: value(column) for column, raw in COLUMNS.items()}
    day = F.lit(dt.datetime(as_of.year, as_of.month, as_of.day))
    filled |= {
        RawRecord.delivery_id: F.lit("bench"), RawRecord.line_number: F.lit(2), RawRecord.member_id: F.col("member_id").cast("string"),
        RawRecord.record_id: F.col("_record_id"), RawRecord.delivered_at: day, RawRecord.received_on: F.lit(as_of),
        RawRecord.customer_ref: F.col("customer_ref").cast("string"),
    }  # fmt: skip
    columns = [filled.get(str(f), F.lit(None).cast(f.dtype)).alias(f) for f in RawRecord.content()]
    return RawRecord.shape(given.select(*columns))


def standardised(given: DataFrame, as_of: dt.date, stage: resolve.Stage) -> DataFrame:
    """silver.record rows of a benchmark file, its further categories in `extra`. The reference tables are stored first, as the jobs find them:
    Spark's optimiser would work out rows that the driver holds by itself, one by one, wherever they are read."""
    spark = given.sparkSession
    communes = stage("communes", load_reference.build_communes(spark))
    frequencies = stage("frequencies", names.name_frequencies(load_reference.build_first_names(spark), names.surnames(spark)))
    lines = raw_records(given, as_of)
    # Finding the newest of a record's lines moves all of them; where each has one only, there is nothing to find.
    each = given.agg(F.count(F.lit(1)) == F.count_distinct(F.xxhash64("member_id", "customer_ref"))).first()
    if each is not None and each[0]:
        lines = lines.withColumn(Record.first_delivered_on, F.to_date(RawRecord.delivered_at))
    else:
        lines = standardise.newest_records(lines)
    clean = standardise.standardised(lines, communes, frequencies)
    extras = _extras(given)
    if not extras:
        return clean
    stated = [F.when(F.col(EXTRA + n).isNotNull(), F.concat(F.lit(f"{n}="), F.col(EXTRA + n).cast("string"))) for n in extras]
    table = given.select(F.col("_record_id").alias(Record.record_id), F.array_compact(F.array(*stated)).alias("_extra"))
    return Record.shape(clean.join(table, on=Record.record_id, how="left").withColumn(Record.extra, F.col("_extra")))


def largest(clusters: DataFrame) -> int:
    """Records of the largest person."""
    found = clusters.groupBy("cluster").count().agg(F.max("count")).first()
    return int(found[0]) if found is not None and found[0] else 0


def scores(given: DataFrame, clusters: DataFrame, grouped: DataFrame, clean: DataFrame | None = None) -> dict[str, Any]:
    """Agreement with the truth columns, where the file has them: of persons also by member and, where their clean records are given, by segment."""
    answer: dict[str, Any] = {}
    if TRUE_PERSON in given.columns:
        truth = given.select(F.col("_record_id").alias("record_id"), F.col(TRUE_PERSON).alias("truth"))
        answer["person"] = metrics.agreement(clusters, truth).as_json()
        found = metrics.agreement_by(clusters, truth, _parts(given, clean))
        told = {way: {part: figures.as_json() for part, figures in parts.items()} for way, parts in found.items()}
        answer |= {"by_member": told.pop(MEMBER, {}), "by_segment": told}
    if TRUE_HOUSEHOLD in given.columns:
        truth = given.select(F.col("_record_id").alias("record_id"), F.col(TRUE_HOUSEHOLD).alias("truth"))
        homes = grouped.select("record_id", F.col(households.HOUSEHOLD).alias("cluster"))
        answer["household"] = metrics.agreement(homes, truth).as_json()
    return answer


def _parts(given: DataFrame, clean: DataFrame | None) -> DataFrame:
    """record_id, its member and its segments: of what the file states, as it was understood."""
    members = given.select(F.col("_record_id").alias("record_id"), F.col("member_id").alias(MEMBER))
    if clean is None:
        return members
    segments = {way: column for way, (stated, column) in _segments().items() if stated in given.columns}
    return members.join(clean.select(Record.record_id, *(c.alias(way) for way, c in segments.items())), on="record_id", how="left")


def _segments() -> dict[str, tuple[str, Column]]:
    """The ways of dividing records, the file's column each needs, and the value: a code of two signs, the first year of a decade, M or F."""
    year = F.year(Record.birth_date)
    return {
        "department": ("postcode", F.substring(F.coalesce(F.col(Record.department), F.col(Record.postcode)), 1, 2)),
        "birth_decade": ("birth_date", year - year % 10),
        "gender": ("civility", F.col(Record.gender)),
    }
