"""The bench of a night when little is new: two such nights, and both agree with comparing everything."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from appetence.bench import incremental
from appetence.bench.rough_records import population
from appetence.contracts.settings import IdentitySettings
from appetence.runtime.config import load


@pytest.mark.slow
def test_both_nights_compare_what_is_new_and_agree_with_comparing_everything(spark: SparkSession, tmp_path: Path, conf_folder: str) -> None:
    population(1200, seed=9).to_parquet(tmp_path / "records.parquet")
    settings = IdentitySettings(engine="driver")
    found = incremental.run(spark, load("local", conf=conf_folder), tmp_path / "records.parquet", tmp_path, settings, 0.02)
    night = found["incremental"]
    assert night["is_incremental"]
    assert night["is_equal"]
    assert 10 < night["records_changed"] < 50
    assert 0 < night["pairs_compared"] < night["pairs_compared_full"] / 4
    assert min(night[k] for k in ("seconds", "cold_seconds", "quiet_seconds", "full_seconds")) > 0
    assert found["person"]["f1"] > 0.9
