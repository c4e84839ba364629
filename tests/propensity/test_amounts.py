"""What a buyer spends: planted amounts recovered, bounded, shrunk towards the group where there is little history."""

from __future__ import annotations

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from appetence.propensity import AmountModel
from appetence.propensity.amounts import LEAST_BUYERS
from appetence.propensity.calibration import Calibrator
from appetence.propensity.models import Logistic, Propensity
from appetence.propensity.registry import AMOUNT, RESULT_TYPE, ScoredModel, signature_of

SEED = 41


def buyers(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Each has a level of its own (`truth`: its mean amount); the history is a noisy look at it, and nobody's every tenth row."""
    draw = np.random.default_rng(seed)
    level = np.exp(draw.normal(np.log(4000), 0.6, size=rows))
    counts = draw.integers(1, 30, size=rows).astype(float)
    noise = draw.normal(0, 0.5, size=(rows, 2))
    seen = level * np.exp(noise[:, 0] / np.sqrt(counts))
    spent = level * np.exp(noise[:, 1])
    new = np.arange(rows) % 10 == 0
    frame = pd.DataFrame({
        "own_mean_amount": np.where(new, np.nan, seen), "own_events_total": np.where(new, 0.0, counts), "own_events_365d": np.where(new, 0.0, 2.0),
        "truth": level * np.exp(0.125),
    })  # fmt: skip
    return frame, spent.round()


def test_planted_amounts_are_recovered_and_bounded() -> None:
    model = AmountModel.fit(*buyers(8000, SEED), "own")
    assert model is not None
    later, spent = buyers(8000, SEED + 1)
    told = model.predict(later)
    known = later.own_events_total > 0
    assert told.sum() == pytest.approx(spent.sum(), rel=0.05), "on the whole, what is told is what is spent"
    assert np.corrcoef(np.log(told[known]), np.log(later.truth[known]))[0, 1] > 0.9
    mean = np.full(len(told), spent.mean())
    assert np.abs(told - later.truth)[known].mean() < 0.5 * np.abs(mean - later.truth)[known].mean()
    group = np.unique(told[~known].round(6))
    assert len(group) == 1 and group[0] == pytest.approx(spent[~known].mean(), rel=0.12), "no history: the mean of the group"
    wild = pd.DataFrame({"own_mean_amount": [1e12, 0.01], "own_events_total": [500.0, 500.0], "own_events_365d": [400.0, 0.0]})
    assert list(model.predict(wild)) == [model.high, model.low]
    assert spent.min() < model.low < model.high < spent.max()


def test_little_history_says_little() -> None:
    model = AmountModel.fit(*buyers(8000, SEED), "own")
    assert model is not None and model.strength > 0
    once, often = model.predict(pd.DataFrame({"own_mean_amount": [20_000.0] * 2, "own_events_total": [1.0, 25.0], "own_events_365d": [2.0, 2.0]}))
    nothing = model.predict(pd.DataFrame({"own_mean_amount": [np.nan], "own_events_total": [0.0], "own_events_365d": [2.0]}))[0]
    assert 0 < nothing < once < often < 20_000 * np.exp(0.125) * 1.1


def test_histories_that_say_nothing_count_as_none() -> None:
    """More refunded than spent, only free orders, a column the model does not read."""
    model = AmountModel.fit(*buyers(3000, SEED), "own")
    assert model is not None
    odd = pd.DataFrame({"own_mean_amount": [-500.0, 0.0, np.nan], "own_events_total": [3.0, 3.0, 0.0], "own_events_365d": [0.0, 0.0, 0.0]})
    told = model.predict(odd)
    assert told[0] == told[1] == told[2] == model.predict(pd.DataFrame(index=range(1)))[0]


def test_too_few_who_spent_give_no_model() -> None:
    frame, spent = buyers(LEAST_BUYERS * 4, SEED)
    assert AmountModel.fit(frame, np.zeros(len(frame)), "own") is None
    assert AmountModel.fit(frame, np.where(np.arange(len(frame)) < LEAST_BUYERS - 1, spent, 0.0), "own") is None
    assert AmountModel.fit(frame[["own_events_365d"]], spent, "own") is not None, "without amounts of their own all are the group"


def test_a_model_stored_without_amounts_still_predicts() -> None:
    propensity = _propensity()
    frame, spent = buyers(500, SEED)
    stored = ScoredModel(propensity, {}, 1, None, AmountModel.fit(frame, spent, "own"))
    told = stored.predict(None, frame)
    assert list(told.columns) == [c.split()[0] for c in RESULT_TYPE.split(", ")] == [c.name for c in signature_of(propensity).outputs]
    assert (told[AMOUNT] > 0).all()
    del stored.__dict__["amount"]  # as it was pickled before there were amounts
    again = cloudpickle.loads(cloudpickle.dumps(stored)).predict(None, frame)
    assert again[AMOUNT].isna().all()
    pd.testing.assert_frame_equal(again.drop(columns=AMOUNT), told.drop(columns=AMOUNT))


def _propensity() -> Propensity:
    columns = ("own_mean_amount", "own_events_total", "own_events_365d")
    frame, _ = buyers(500, SEED)
    values = frame[list(columns)].to_numpy()
    model = Logistic.fit(values, (np.arange(500) % 3 == 0).astype(float))
    return Propensity("logistic", columns, model, 1.0, Calibrator("platt", (1.0, 0.0)), (4000.0, 3.0, 1.0))
