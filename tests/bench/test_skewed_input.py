"""Spoilt input: values that thousands share make neither one person of strangers nor pairs without number."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from appetence.bench import identity, skewed
from appetence.bench.rough_records import population
from appetence.contracts.settings import IdentitySettings
from appetence.errors import ConfigError

MORE_PAIRS, LOST_F1 = 2.0, 0.06
"""What spoiling may cost: pairs compared beside those of the file as it was, and what F1 may lose."""


@pytest.fixture(scope="module")
def rough() -> pd.DataFrame:
    return population(1600, seed=7)


def test_what_is_asked_for_is_spoilt_and_nothing_else(rough: pd.DataFrame) -> None:
    spoilt = skewed.spoilt(rough, seed=3)
    assert spoilt.equals(skewed.spoilt(rough, seed=3)) and not spoilt.equals(skewed.spoilt(rough, seed=4))
    assert (spoilt["email"] == skewed.EMAIL).sum() == round(0.1 * len(rough)), "5,000 are more than a tenth of this file"
    assert (skewed.spoilt(rough, troubles=skewed.Troubles(email=40))["email"] == skewed.EMAIL).sum() == 40
    place = rough[["postcode", "city"]].value_counts().index[0]
    there, before = ((t["postcode"].eq(place[0]) & t["city"].eq(place[1])).fillna(False).sum() for t in (spoilt, rough))
    assert 0.03 < (there - before) / len(rough) <= 0.05
    assert spoilt["last_name"].isin(skewed.LAST_NAMES).sum() >= round(0.02 * len(rough))
    assert spoilt["birth_date"].isin(skewed.BIRTH_DATES).sum() >= round(0.05 * len(rough))
    untouched = ["member_id", "customer_ref", "address", "phone", "true_person", "true_household"]
    assert spoilt[untouched].equals(rough[untouched])


def test_a_file_of_few_columns_keeps_to_them(tmp_path: Path) -> None:
    few = pd.DataFrame({"member_id": "m", "customer_ref": range(100), "birth_date": dt.date(1980, 1, 2)})
    few.to_parquet(tmp_path / "few.parquet")
    spoilt = pd.read_parquet(skewed.spoil(tmp_path / "few.parquet", tmp_path / "new" / "spoilt.parquet"))
    assert list(spoilt.columns) == list(few.columns)
    assert spoilt["birth_date"].isin(skewed.BIRTH_DATES).sum() == 5
    with pytest.raises(ConfigError, match="is not there"):
        skewed.spoil(tmp_path / "nowhere.parquet", tmp_path / "spoilt.parquet")


@pytest.mark.spark
@pytest.mark.slow  # the whole method over 1,600 records, twice
def test_spoilt_records_make_no_large_cluster_and_few_more_pairs(spark: SparkSession, tmp_path: Path, rough: pd.DataFrame) -> None:
    rough.to_parquet(tmp_path / "rough.parquet")
    files = {"rough": tmp_path / "rough.parquet", "spoilt": skewed.spoil(tmp_path / "rough.parquet", tmp_path / "spoilt.parquet", seed=3)}
    settings = IdentitySettings(engine="driver", contradiction="auto")
    found: dict[str, dict[str, Any]] = {
        name: identity.run(spark, file, tmp_path / name, settings=settings, as_of=identity.AS_OF) for name, file in files.items()
    }
    before, after = found["rough"], found["spoilt"]
    largest = rough.groupby("true_person").size().max()
    assert after["largest_cluster"] <= max(before["largest_cluster"], largest) + 2
    assert after["pairs_compared"] <= MORE_PAIRS * before["pairs_compared"]
    assert after["person"]["f1"] >= before["person"]["f1"] - LOST_F1, (before["person"], after["person"])
