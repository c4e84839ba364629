"""The bench command on tables of any kind."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from appetence.bench.propensity import _read, measure, told
from appetence.errors import ModelError


def table(rows: int, seed: int) -> pd.DataFrame:
    """Numbers, texts, dates and booleans that all say something."""
    draw = np.random.default_rng(seed)
    city = draw.choice(["Lyon", "Lille", None, "Brest"], rows)
    visits, is_member = draw.poisson(3, rows).astype(float), draw.random(rows) < 0.5
    day = pd.Timestamp("2025-01-01") + pd.to_timedelta(draw.integers(0, 300, rows), unit="D")
    odds = -3 + 0.4 * visits + 1.5 * (city == "Lyon") + is_member - (day.dayofyear > 150) * 1.0
    visits[draw.random(rows) < 0.1] = np.nan
    label = (draw.random(rows) < 1 / (1 + np.exp(-odds))).astype(int)
    return pd.DataFrame({"who": [f"c{n}" for n in range(rows)], "visits": visits, "city": city, "is_member": is_member, "day": day, "y": label})


def test_a_mixed_table_is_fitted_and_scored() -> None:
    made, figures = measure(table(4000, 1), table(3000, 2), "y", "who", 7, 1.0)
    assert list(made.columns) == ["id", "probability", "rank", "decile"]
    assert sorted(made["rank"]) == list(range(1, 3001))
    assert list(made.sort_values("rank").decile) == sorted(made.decile)
    assert figures["auc"] > 0.755
    assert figures["calibration_error"] < 0.03


def test_the_later_labels_change_figures_and_no_score() -> None:
    earlier, later = table(2000, 3), table(1000, 4)
    first, _ = measure(earlier, later, "y", "who", 7, 0.1)
    second, _ = measure(earlier, later.assign(y=later.y.sample(frac=1, random_state=1).to_numpy()), "y", "who", 7, 0.1)
    pd.testing.assert_frame_equal(first, second)


def test_a_cutoff_column_makes_the_last_cutoff_calibrate() -> None:
    earlier = pd.concat([table(1500, n).assign(cutoff=f"2025-0{n}-01") for n in (1, 2, 3)])
    made, figures = measure(earlier, table(1000, 5).assign(cutoff="2025-06-01"), "y", None, 7, 0.1)
    assert figures["auc"] > 0.74
    assert list(made.id) == list(range(1000))


def test_a_wrong_file_or_label_is_said_in_one_sentence(tmp_path) -> None:  # type: ignore[no-untyped-def]  # a pytest fixture
    with pytest.raises(ModelError, match="There is no file"):
        _read(tmp_path / "none.parquet", "y", None)
    (tmp_path / "text.parquet").write_text("not parquet")
    with pytest.raises(ModelError, match="not a parquet table"):
        _read(tmp_path / "text.parquet", "y", None)
    table(10, 1).assign(y=2).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ModelError, match="0 and 1 only"):
        _read(tmp_path / "a.parquet", "y", None)
    with pytest.raises(ModelError, match="no column 'z'"):
        _read(tmp_path / "a.parquet", "z", None)
    with pytest.raises(ModelError, match="same label"):
        measure(table(100, 1).assign(y=0), table(100, 2), "y", None, 1)
    with pytest.raises(ModelError, match="lacks the columns"):
        measure(table(400, 1), table(100, 2).drop(columns=["visits"]), "y", "who", 1, 0.1)


def test_later_labels_may_be_absent_unknown_or_all_the_same(tmp_path) -> None:  # type: ignore[no-untyped-def]  # a pytest fixture
    earlier, later = table(600, 5), table(200, 6)
    whole, _ = measure(earlier, later, "y", "who", 7, 0.1)
    later.drop(columns="y").to_parquet(tmp_path / "b.parquet")
    scored, figures = measure(earlier, _read(tmp_path / "b.parquet", "y", "who", is_later=True), "y", "who", 7, 0.1)
    pd.testing.assert_frame_equal(scored, whole)
    assert "auc" not in figures
    assert told(figures).startswith("The later table has no column 'y': scored, not evaluated.")
    _, figures = measure(earlier, later.assign(y=0.0), "y", "who", 7, 0.1)
    assert figures["auc"] is None
    assert figures["calibration_error"] > 0.05
    assert "same label" in told(figures)
    _, figures = measure(earlier, later.assign(y=later.y.where(later.index < 150)), "y", "who", 7, 0.1)
    assert figures["positives"] == later.y[:150].sum()
    with pytest.raises(ModelError, match="no row"):
        measure(earlier, later.iloc[:0], "y", "who", 7, 0.1)
    earlier.assign(y=earlier.y.where(earlier.index > 4)).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ModelError, match="5 rows have no label"):
        _read(tmp_path / "a.parquet", "y", "who")
    earlier.assign(y=np.where(earlier.y > 0, "Oui", "non")).to_parquet(tmp_path / "a.parquet")
    assert (_read(tmp_path / "a.parquet", "y", "who").y == earlier.y).all()
    with pytest.raises(ModelError, match="no column 'nobody'"):
        _read(tmp_path / "a.parquet", "y", "nobody", is_later=True)
