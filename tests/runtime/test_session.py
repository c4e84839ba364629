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


def test_the_rules_left_out_of_short_sessions_are_rules_of_this_spark(spark: SparkSession) -> None:
    """A name that is none would be left out without a word."""
    jvm: Any = spark._jvm
    named = str(spark.conf.get("spark.sql.optimizer.excludedRules")).split(",")
    assert len(named) == 4
    for name in named:
        assert jvm.org.apache.spark.util.SparkClassUtils.classForName(name, True, True) is not None
