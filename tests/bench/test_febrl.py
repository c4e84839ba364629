"""Febrl's file as the member would send it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from appetence.bench import febrl
from appetence.errors import ConfigError

TEXT = """rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, date_of_birth, soc_sec_id
rec-223-org, , waller, 6, tullaroop street, willaroo, st james, 4011, wa, 19081209, 6988048
rec-223-dup-1, john, waler, , tullaroop street, , st james, 4011, wa, , 6988048
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    target = tmp_path / "dataset3.csv"
    target.write_text(TEXT, encoding="utf-8")
    return target


def test_number_and_street_stand_in_one_field(file: Path) -> None:
    first, second = febrl.rows(file)
    assert first["street"] == "6 tullaroop street" and second["street"] == "tullaroop street"
    assert first["given_name"] == "" and second["given_name"] == "john"


def test_bench_file_holds_the_truth_and_the_number_only_when_asked(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(febrl, "dataset", lambda: file)
    plain = pd.read_parquet(febrl.as_parquet(tmp_path / "plain.parquet", with_number=False))
    assert plain["true_person"].tolist() == ["223", "223"]
    assert plain["birth_date"].tolist() == ["19081209", None]
    assert "x_number" not in plain.columns
    assert "x_number" in pd.read_parquet(febrl.as_parquet(tmp_path / "number.parquet", with_number=True)).columns


def test_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="make real"):
        febrl.dataset()
