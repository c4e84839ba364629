"""A local session writes through the file system that starts no process for each file; a short one plans without rules that there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


def test_local_files_are_made_without_a_process_for_each(spark: SparkSession, tmp_path: Path) -> None:
    jvm: Any = spark._jvm
    target = jvm.org.apache.hadoop.fs.Path(f"file://{tmp_path}/table")
    files = target.getFileSystem(spark._jsc.hadoopConfiguration())
    assert files.getClass().getSimpleName() == "BareLocalFileSystem"
    spark.range(3).write.parquet(str(tmp_path / "table"))
    assert spark.read.parquet(str(tmp_path / "table")).count() == 3


def test_short_sessions_plan_without_the_rules_left_out(spark: SparkSession) -> None:
    """A name that is none would be left out without a word."""
    left_out = set(str(spark.conf.get("spark.sql.optimizer.excludedRules")).split(","))
    optimiser: Any = spark._jsparkSession.sessionState().optimizer()
    assert left_out and left_out <= _rules(optimiser.defaultBatches()) and not left_out & _rules(optimiser.batches())


def _rules(batches: Any) -> set[str]:
    """Names of the rules in batches of the optimiser."""
    of_batch = [batches.apply(n).rules() for n in range(batches.length())]
    return {rules.apply(n).ruleName() for rules in of_batch for n in range(rules.length())}
