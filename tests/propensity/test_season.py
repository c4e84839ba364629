"""The season is found where there is one, is nought where there is none, and moves probabilities the right way."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from appetence.propensity.calibration import Calibrator, expit
from appetence.propensity.models import Logistic, Propensity
from appetence.propensity.season import DAY_OF_YEAR, Season, Window, day_of_year, season_of
from appetence.propensity.training import Sample, judge

WAVES = np.array([0.0, 0, 0, -0.1, -0.1, -0.2, -0.1, 0.0, 0.2, 0.4, 0.4, 0.2])
MAY, NOVEMBER = dt.date(2026, 5, 1), dt.date(2026, 11, 1)


def windows(waves: np.ndarray, persons: int, months: int = 33, growth: float = 0.0, seed: int = 3) -> list[Window]:
    draw = np.random.default_rng(seed)
    made = []
    for i in range(months):
        begins = dt.date(2023 + (10 + i) // 12, (10 + i) % 12 + 1, 1)
        rate = float(expit(np.array([-1.7 + waves[begins.month - 1] + growth * i / 12]))[0])
        made.append(Window(begins, persons, int(draw.binomial(persons, rate))))
    return made


def shift(season: Season, day: dt.date) -> float:
    return float(season.shift(np.array([day_of_year(day)]))[0])


def test_a_season_is_found_beside_growth() -> None:
    season = season_of(windows(WAVES, 20_000, growth=0.2), MAY)
    assert season is not None
    assert shift(season, MAY) == pytest.approx(0, abs=1e-9)
    assert shift(season, NOVEMBER) == pytest.approx(0.5, abs=0.06)
    assert shift(season, dt.date(2026, 10, 16)) == pytest.approx(0.5, abs=0.06), "between two months lies a line"


def test_chance_is_no_season() -> None:
    found = [season_of(windows(WAVES * 0, 600, seed=seed), MAY) for seed in range(40)]
    sizes = [abs(shift(s, NOVEMBER)) for s in found if s is not None]
    raw = 1 / np.sqrt(600 * 0.155 * 0.845 * 2.75 / 2)
    assert len(sizes) == 40
    assert float(np.mean(sizes)) < raw / 3, "most of what chance makes is taken off again"


def test_less_than_two_years_tell_no_season() -> None:
    assert season_of(windows(WAVES, 20_000, months=23), MAY) is None
    assert season_of([Window(w.begins, w.persons, 0) for w in windows(WAVES, 100)], MAY) is None


def test_december_and_january_meet() -> None:
    season = Season(tuple(float(m) for m in range(12)))
    assert season.shift(np.array([1.0, 366.0]))[0] == 0
    assert 0 < season.shift(np.array([350.0]))[0] < 11, "half way back from December to January"


def test_a_model_asked_for_another_season_moves_its_level_and_keeps_its_order() -> None:
    values = np.random.default_rng(1).normal(size=(300, 1))
    labels = (values[:, 0] > 0.5).astype(float)
    season = season_of(windows(WAVES, 20_000), MAY)
    model = Propensity("logistic", ("x",), Logistic.fit(values, labels), 1.0, Calibrator("platt", (1.0, 0.0)), (0.0,), season)
    frame = pd.DataFrame({"x": values[:, 0]})
    plain = model.predict(frame)["probability"].to_numpy()
    same = model.predict(frame.assign(**{DAY_OF_YEAR: day_of_year(MAY)}))["probability"].to_numpy()
    later = model.predict(frame.assign(**{DAY_OF_YEAR: day_of_year(NOVEMBER)}))["probability"].to_numpy()
    assert np.allclose(plain, same, atol=1e-8)
    assert (later > plain).all()
    assert (np.argsort(later, kind="stable") == np.argsort(plain, kind="stable")).all()
    judged = judge(model, Sample(frame.assign(cutoff=NOVEMBER, label=labels, person_id=[f"{i:03d}" for i in range(300)])), seed=1, baselines={})
    assert np.allclose(judged.probabilities, later, atol=1e-8), "a model is judged in the season of the period it is judged on"
