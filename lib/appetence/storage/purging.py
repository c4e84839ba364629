"""Tables purged and judged through Delta itself: where the lake is no local folder, or a log holds what `files` does not read.

A cluster must let a vacuum keep nothing, which Delta refuses unless told (`retentionDurationCheck`): conf/azure.yaml says so for the session, and
it is said again here for the one act. Where deletion vectors are on, a vacuum alone keeps the files they mark, with all that was deleted from
them: those are rewritten first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from delta.tables import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from appetence.storage.standing import RESTORE, Standing

AGE_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"
_VECTORS, _FEATURE = "delta.enableDeletionVectors", "deletionVectors"


@contextmanager
def keeping_nothing(spark: SparkSession) -> Iterator[None]:
    """While this lasts a vacuum may remove files of today."""
    before = spark.conf.get(AGE_CHECK, "")
    spark.conf.set(AGE_CHECK, "false")
    try:
        yield
    finally:
        spark.conf.set(AGE_CHECK, before) if before else spark.conf.unset(AGE_CHECK)


def vacuum(spark: SparkSession, table: DeltaTable, identifier: str) -> None:
    """Removes every file the current version does not need, and from those it needs every row that is only marked as deleted."""
    told = table.detail().select("properties", "tableFeatures").first()
    if told and (told["properties"].get(_VECTORS) == "true" or _FEATURE in (told["tableFeatures"] or ())):
        spark.sql(f"REORG TABLE {identifier} APPLY (PURGE)")
    table.vacuum(0)


def standing_of(table: DeltaTable) -> Standing | None:
    """The table's newest commit, as its history says."""
    row = table.history(1).select("version", "timestamp").first()
    return Standing(int(row["version"]), str(row["timestamp"])) if row else None


def went_back(table: DeltaTable, seen: Standing) -> bool:
    """Whether the table's history does not simply go on from what was seen."""
    since = table.history().where(F.col("version") >= seen.version).select("version", "timestamp", "operation").collect()
    known = {int(r["version"]): r for r in since}
    if not known or (seen.version in known and str(known[seen.version]["timestamp"]) != seen.commit):
        return True
    return any(r["operation"] == RESTORE for version, r in known.items() if version > seen.version)


def put_forward(table: DeltaTable, version: int) -> bool:
    """Brings a table back to a version that its own history still holds; False when that is no longer to be had."""
    try:
        table.restoreToVersion(version)
    except Exception:  # Delta says it in many ways: files or log entries of that version are gone
        return False
    return True
