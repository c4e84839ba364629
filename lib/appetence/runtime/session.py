"""The only place that builds a Spark session."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.functions import builtin

from appetence.contracts.settings import SparkSettings
from appetence.errors import EnvironmentError_

# Small data on few cores: each of these was worth seconds per job. Delta lists its log with fifty tasks unless told otherwise; PySpark asks for the
# line of code that each part of an expression was written on. Rows of ids take some eight times the memory of their files: where the two were taken
# for equal, ten tables of 170 to 340 MB were sent to every task at once, and a selection from five million ran out of memory.
LOCAL_CONF = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.retentionDurationCheck.enabled": "false",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "true",
    "spark.sql.adaptive.coalescePartitions.minPartitionSize": "256k",
    "spark.shuffle.sort.bypassMergeThreshold": "8",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.sources.fileCompressionFactor": "8.0",
    "spark.sql.debug.maxToStringFields": "20",
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.sql.dataFrameQueryContext.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.log.level": "ERROR",
}


_QUICK = " -XX:TieredStopAtLevel=1 -XX:+UseParallelGC -XX:InitialRAMPercentage=12.5 -XX:MetaspaceSize=512m"
"""For runs of minutes: code is compiled once and lightly, and the heap (never beyond its limit) and the space for classes need not grow by
collecting: 16 s of pauses in the first 215 s of the demonstration became 12. A larger young generation, and a larger cache of generated code (its
keys are whole source texts), were a little quicker and ran out of memory in long sessions."""
_OPTIMISER = "org.apache.spark.sql.catalyst.optimizer."
_UNNEEDED = (
    f"{_OPTIMISER}PruneFilters", f"{_OPTIMISER}OptimizeOneRowRelationSubquery", f"{_OPTIMISER}MergeScalarSubqueries",
    "org.apache.spark.sql.delta.metric.OptimizeConditionalIncrementMetric",
)  # fmt: skip
"""Rules of the optimiser that such runs do without: of the 212 s in which the demonstration's queries are planned they took 34, and changed next to
nothing. On large data the first of them is worth its time: it drops what a condition that is always false would read."""
# A chain compiles far more generated code than the default cache holds; once it is full the JVM silently stops compiling. And it leaves methods
# of more than 8000 bytes to its interpreter, which generated code often passes: comparing pairs of records took more than three times as long.
_JAVA_OPTIONS = "-Duser.timezone=UTC -Dderby.system.home={scratch} -XX:ReservedCodeCacheSize=768m -XX:-DontCompileHugeMethods"
_PARTITIONS, _PIECE_NUMBER = "spark.sql.shuffle.partitions", "spark.sql.adaptive.coalescePartitions.initialPartitionNum"
_PIECES = 16
"""A shuffle is cut into so many pieces for each partition that small data are to have, and Spark puts these together again, to that number where a
partition then holds 64 MB at most: large data get more partitions, small ones as few as before."""
_LOCAL_FILES = "hadoop-bare-naked-local-fs"
"""The jar whose file system sets the permissions of local files itself; Hadoop's own starts a `chmod` for each file that is made, which was a
seventh of the time of jobs over small tables."""


def jar_files(settings: SparkSettings) -> list[Path]:
    """The cached files of the configured coordinates; a missing one is said with its remedy."""
    cache = Path(settings.jar_cache)
    files = [cache / f"{artifact}-{version}.jar" for _, artifact, version in (c.split(":") for c in settings.jars)]
    lacking = [f.name for f in files if not f.is_file()]
    if lacking:
        raise EnvironmentError_(f"The Spark jars {', '.join(lacking)} are not in {cache}: run `make setup` once to fetch them.")
    return files


def _local_files(files: list[Path]) -> dict[str, str]:
    """What makes Spark use it, where it is among the jars: Spark asks for its file system before it adds what is in `spark.jars`."""
    found = next((f for f in files if f.name.startswith(_LOCAL_FILES)), None)
    if found is None:
        return {}
    return {"spark.driver.extraClassPath": str(found), "spark.hadoop.fs.file.impl": "com.globalmentor.apache.hadoop.fs.BareLocalFileSystem"}


def with_spatial_sql(spark: SparkSession) -> SparkSession:
    """The session with the functions of spatial SQL (Apache Sedona), which are registered once somebody asks for them.

    A cluster that has them brings them; EnvironmentError_ where they are not to be had."""
    if spark.catalog.functionExists("ST_DistanceSphere"):
        return spark
    try:
        spark._jvm.org.apache.sedona.spark.SedonaContext.create(spark._jsparkSession)  # type: ignore[union-attr]  # a session has its JVM
    except Exception as failed:
        raise EnvironmentError_(
            "A campaign asks for a catchment, and this session has no spatial SQL: add org.apache.sedona:sedona-spark-shaded to spark.jars, "
            "or install it on the cluster."
        ) from failed
    return spark


def _remember_functions() -> None:
    """PySpark asks the JVM anew for every function that an expression calls, and the JVM then looks through all jars for a class of that name: of
    7,000 calls that build one long expression 4,000 are functions, of some eighty names."""
    found = getattr(builtin, "_get_jvm_function", None)
    if found is not None and not hasattr(found, "cache_info"):
        builtin._get_jvm_function = cache(found)


def build_session(settings: SparkSettings, scratch: Path, name: str = "appetence") -> SparkSession:
    """A session for this environment; on a cluster (no master configured) the one that is there."""
    builder = SparkSession.builder.appName(name)
    if settings.master is None:
        for key, value in settings.conf.items():
            builder = builder.config(key, value)
        return builder.getOrCreate()
    scratch.mkdir(parents=True, exist_ok=True)
    # Python workers must be this interpreter, with this library, and not whatever `python3` is on the path.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYARROW_IGNORE_TIMEZONE", "1")
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    jars = jar_files(settings)
    conf = {
        **LOCAL_CONF,
        **_local_files(jars),
        "spark.driver.memory": settings.driver_memory,
        "spark.driver.extraJavaOptions": _JAVA_OPTIONS + (_QUICK if settings.jit == "quick" else ""),
        **({"spark.sql.optimizer.excludedRules": ",".join(_UNNEEDED)} if settings.jit == "quick" else {}),
        _PARTITIONS: str(settings.shuffle_partitions),
        **({} if _PARTITIONS in settings.conf else {_PIECE_NUMBER: str(_PIECES * settings.shuffle_partitions)}),
        "spark.default.parallelism": str(settings.shuffle_partitions),
        "spark.jars": ",".join(str(f) for f in jars),
        "spark.local.dir": str(scratch / "spark"),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        **settings.conf,
    }
    builder = builder.master(settings.master)
    for key, value in conf.items():
        builder = builder.config(key, value.replace("{scratch}", str(scratch)))
    try:
        session = builder.getOrCreate()
    except Exception as failed:
        raise EnvironmentError_(
            f"Spark did not start ({type(failed).__name__}: {str(failed).splitlines()[0][:200]}): it needs Java 17 or 21; "
            "run `appetence doctor` to see what this machine lacks."
        ) from failed
    _remember_functions()
    session.sparkContext.setCheckpointDir(str(scratch / "checkpoints"))
    return session
