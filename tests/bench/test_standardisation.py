"""The bench of standardisation: sound lines, clean records, and no Python among the operators."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from appetence.bench.standardisation import made_up_lines, run

pytestmark = pytest.mark.spark


def test_a_small_bench(spark: SparkSession, tmp_path: Path) -> None:
    answer = run(spark, 300, tmp_path, runs=1)
    assert answer["records"] == 300 and answer["cores"] == 2 and answer["python_operators"] == 0 and answer["records_a_second"] > 0
    lines = made_up_lines(spark, 300)
    assert lines.where("last_name IS NOT NULL AND address_1 IS NOT NULL AND city IS NOT NULL").count() == 300
    assert lines.orderBy("customer_ref").collect() == made_up_lines(spark, 300).repartition(3).orderBy("customer_ref").collect()
