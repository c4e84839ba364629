"""The second made population: repeatable, eventful, spoiled as asked; and how right identity resolution is on it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from appetence.bench import identity
from appetence.bench.rough_records import population
from appetence.contracts.settings import IdentitySettings

COLUMNS = {"member_id", "customer_ref", "civility", "first_name", "last_name", "birth_date", "address", "postcode", "city", "email", "phone"}


@pytest.fixture(scope="module")
def rough() -> pd.DataFrame:
    return population(3000, seed=5)


def test_the_same_seed_gives_the_same_records_and_another_gives_others(rough: pd.DataFrame) -> None:
    assert population(3000, seed=5).equals(rough)
    assert not population(3000, seed=6).equals(rough)
    assert 2400 < len(rough) < 3600
    assert set(rough.columns) == COLUMNS | {"true_person", "true_household"}
    assert not rough["customer_ref"].duplicated().any()


def test_one_person_is_told_in_several_ways(rough: pd.DataFrame) -> None:
    """Every kind of trouble the generator is there for does occur."""
    folded = rough.assign(last=rough["last_name"].str.upper(), first=rough["first_name"].str.upper())
    persons = folded.groupby("true_person")
    several = persons.size() > 1
    assert 0.1 < (persons["last"].nunique()[several] > 1).mean() < 0.6
    assert (persons["postcode"].nunique()[several] > 1).mean() > 0.08
    assert 0.3 < rough["birth_date"].isna().mean() < 0.7
    assert (rough["birth_date"] == "19000101").any()
    assert rough["phone"].isin(["0000000000"]).any()
    shared = rough.dropna(subset=["email"]).groupby("email")["true_person"].nunique()
    assert (shared > 1).any()
    same_name = folded.groupby(["first", "last"])["true_person"].nunique()
    assert (same_name > 1).any()
    assert rough.groupby("true_household")["true_person"].nunique().max() >= 4


def test_without_roughness_names_are_as_they_are() -> None:
    """What differs then is life: marriages, moves, second names, the channels' own ways of writing."""
    clean = population(1500, seed=5, roughness=0.0)
    assert not clean["first_name"].str.contains(r"[0-9]").any()
    assert not clean["birth_date"].isin(["19000101"]).any()
    dates = clean.dropna(subset=["birth_date"]).assign(
        digits=lambda t: t["birth_date"].str.replace(r"\D", "", regex=True).map(lambda d: "".join(sorted(d)))
    )
    assert (dates.groupby("true_person")["digits"].nunique() == 1).all()


def test_few_records_are_known_by_the_footers_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rough: pd.DataFrame) -> None:
    one, folder = tmp_path / "one.parquet", tmp_path / "two"
    folder.mkdir()
    rough.to_parquet(one)
    for part in ("a", "b"):
        rough.to_parquet(folder / f"{part}.parquet")
    monkeypatch.setattr(identity, "SMALL", len(rough))
    assert identity.is_small(one) and not identity.is_small(folder)
    (tmp_path / "text.parquet").write_text("no parquet")
    assert not identity.is_small(tmp_path / "text.parquet") and not identity.is_small(tmp_path / "nowhere.parquet")


@pytest.mark.spark
@pytest.mark.slow
def test_identity_resolution_holds_on_noise_it_was_not_made_for(spark: SparkSession, tmp_path: Path, rough: pd.DataFrame) -> None:
    file = tmp_path / "rough.parquet"
    rough.to_parquet(file)
    settings = IdentitySettings(engine="driver", contradiction="auto")
    answer = identity.run(spark, file, tmp_path / "scratch", settings=settings, as_of=identity.AS_OF)
    assert answer["person"]["f1"] >= 0.96
    assert answer["household"]["f1"] >= 0.88
