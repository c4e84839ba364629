"""Any table: what is planted is found, what is not is not, copies judge nobody, and what cannot be learnt is refused in one sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from appetence.errors import ModelError
from appetence.propensity.calibration import expit, fit_strict_calibrator, logit
from appetence.propensity.learners import RECIPES, Smooth, affordable, fit_recipe, lengths_of
from appetence.propensity.metrics import calibration_error
from appetence.propensity.tables import Encoder, binary_labels
from appetence.propensity.tabular import TableModel, _drawn, _folds, _groups, fit_table

SEED, QUICK = 7, 0.5


def planted(rows: int, seed: int, base: float = -1.5) -> pd.DataFrame:
    """A curve, a step of two columns together, a text of thirty values and noise; `truth` is the true probability."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({c: draw.normal(size=rows) for c in ("curve", "left", "right", "noise")})
    town = draw.integers(0, 30, rows)
    effect = np.random.default_rng(1).normal(0, 1, 30)
    odds = base + 1.2 * np.abs(frame.curve) + 1.5 * ((frame.left > 0) & (frame.right > 0)) + effect[town]
    frame = frame.assign(town=[f"v{t}" for t in town], truth=expit(odds.to_numpy()))
    return frame.assign(y=(draw.random(rows) < frame.truth).astype(int))


def fitted(frame: pd.DataFrame, **how: object) -> TableModel:
    return fit_table(frame.drop(columns="truth"), "y", seed=SEED, **{"seconds": QUICK, **how})  # type: ignore[arg-type]  # names are the function's


def test_what_is_planted_is_found_and_the_probabilities_hold() -> None:
    later = planted(20_000, 2)
    model = fitted(planted(4000, 1), seconds=1.5)
    p = model.predict(later).probability
    assert roc_auc_score(later.y, p) > roc_auc_score(later.y, later.truth) - 0.02
    assert calibration_error(later.y.to_numpy(dtype=float), p.to_numpy()) < 0.025
    assert sum(v["weight"] for v in model.validation.values()) == pytest.approx(1, abs=1e-3)
    shuffled = fitted(planted(4000, 1).sample(frac=1, random_state=3), seconds=0.1)
    same = fitted(planted(4000, 1), seconds=0.1)
    assert roc_auc_score(later.y, shuffled.raw(later)) == pytest.approx(roc_auc_score(later.y, same.raw(later)), abs=0.005)


def test_permuted_labels_teach_nothing() -> None:
    draw = np.random.default_rng(5)
    early, later = (f.assign(y=draw.permutation(f.y)) for f in (planted(3000, 3), planted(12_000, 4)))
    p = fitted(early).predict(later).probability
    assert abs(roc_auc_score(later.y, p) - 0.5) < 0.02
    assert calibration_error(later.y.to_numpy(dtype=float), p.to_numpy()) < 0.025


def test_a_large_rare_table_is_searched_on_a_sample_and_keeps_its_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appetence.propensity.tabular.SEARCH_ROWS", 3000)
    early, later = planted(30_000, 6, base=-5.5), planted(30_000, 7, base=-5.5)
    drawn, shift = _drawn(early.y.to_numpy(dtype=float), SEED)
    assert len(drawn) == pytest.approx(3000, rel=0.1)
    assert early.y[drawn].sum() == early.y.sum()
    assert shift == pytest.approx(np.log((3000 - early.y.sum()) / (30_000 - early.y.sum())), abs=0.1)
    p = fitted(early).predict(later).probability
    assert p.mean() == pytest.approx(later.truth.mean(), rel=0.12)


def test_the_last_cutoff_judges_and_the_model_is_fitted_on_all() -> None:
    frames = [planted(1500, n).assign(cutoff=f"2026-0{n}-01") for n in (1, 2, 3)]
    # Before the last cutoff a column gives the label away; afterwards it says nothing: only time tells.
    frames = [f.assign(leak=f.y if n < 2 else np.random.default_rng(9).permutation(f.y)) for n, f in enumerate(frames)]
    model = fitted(pd.concat(frames))
    later = planted(6000, 8).assign(leak=lambda f: np.random.default_rng(10).permutation(f.y))
    assert model.rows == 4500
    # Folds of random rows would promise what one third of clean rows promises: nearly everything.
    assert max(v["auc"] for v in model.validation.values()) < 0.97
    assert set(model.predict(later).columns) == {"raw_score", "probability"}


def test_copies_stay_in_one_fold_and_folds_have_both_classes() -> None:
    frame = pd.concat([planted(400, 11)] * 5, ignore_index=True).drop(columns="truth")
    groups = _groups(frame, None, [c for c in frame if c != "y"], SEED)
    folds = _folds(groups, frame.y.to_numpy(dtype=float), 5)
    table = pd.DataFrame({"row": np.tile(np.arange(400), 5), "fold": folds})
    assert (table.groupby("row").fold.nunique() == 1).all()
    assert frame.y.groupby(folds).mean().between(0.5 * frame.y.mean(), 1.5 * frame.y.mean()).all()
    named = _groups(frame.assign(who=np.arange(len(frame)) // 2), "who", [], SEED)
    assert (named[::2] == named[1::2]).all()
    # Copies that judged their originals would choose the longest trees and trust them: probabilities near 0 and 1.
    later = planted(8000, 12)
    p = fit_table(frame, "y", seed=SEED, seconds=QUICK).predict(later).probability
    assert calibration_error(later.y.to_numpy(dtype=float), p.to_numpy()) < 0.05


def refused() -> dict[str, tuple[pd.DataFrame, str]]:
    good = planted(300, 13).drop(columns="truth")
    return {
        "no positives": (good.assign(y=0), "same label"),
        "only positives": (good.assign(y=1), "same label"),
        "too few": (good.assign(y=[1] * 4 + [0] * 296), "Only 4 of 300"),
        "no row": (good.iloc[:0], "no row"),
        "no feature": (good[["y"]], "no column but the label"),
        "constant": (pd.DataFrame({"a": 1.0, "b": "x", "y": good.y}), "constant or missing"),
        "missing": (pd.DataFrame({"a": np.nan, "b": None, "y": good.y}), "constant or missing"),
        "nested": (good.assign(list=[[1, 2]] * 300), "lists or records"),
    }


@pytest.mark.parametrize("case", list(refused()))
def test_what_cannot_be_learnt_is_refused_in_one_sentence(case: str) -> None:
    frame, says = refused()[case]
    with pytest.raises(ModelError, match=says) as caught:
        fit_table(frame, "y", seed=SEED, seconds=QUICK)
    assert str(caught.value).count("\n") == 0


def test_odd_columns_do_no_harm() -> None:
    frame, later = planted(800, 14), planted(4000, 15)
    for f in (frame, later):
        n = np.arange(len(f))
        f["flat"], f["never"], f["huge"] = 1.0, np.nan, np.where(n % 7 == 0, np.inf, f.noise * 1e12)
        f["name"] = [f"person {i} of {len(f)}" for i in n]
        f["bytes"], f["spent"] = [b"a", b"b"] * (len(f) // 2), pd.to_timedelta(n % 9, unit="h")
        f["flag"], f["kind"] = pd.array([True, None] * (len(f) // 2), dtype="boolean"), pd.Categorical(["x", "y"] * (len(f) // 2))
    model = fitted(frame)
    assert roc_auc_score(later.y, model.raw(later)) > 0.72
    assert "name (rate)" not in model.propensity.columns
    assert np.isfinite(model.predict(later.assign(huge=-np.inf, town="nowhere", curve=np.nan)).probability).all()


def test_columns_are_read_as_what_they_are() -> None:
    frame = pd.DataFrame(
        {
            "number": ["12,5", " 3 ", None, "7"] * 10, "day": ["2025-03-01", "2025-03-02", None, "2026-01-01"] * 10,
            "post": ["01", "02", "75", "69"] * 10, "code": ["1", "2", "3", "3"] * 10, "word": ["Lyon ", "lyon", "Brest", None] * 10,
            "moment": pd.to_datetime(["2025-01-01", None] * 20, utc=True),
        }
    )  # fmt: skip
    encoder, made = Encoder.fit(frame, list(frame.columns), pd.Series([0, 1] * 20), SEED)
    assert encoder.numbers == ("number", "code")
    assert encoder.dates == ("day", "moment")
    assert encoder.texts == ("post", "code", "word")
    assert made["number"].head(4).tolist() == pytest.approx([12.5, 3, np.nan, 7], nan_ok=True)
    assert made["day"].iloc[1] - made["day"].iloc[0] == 1
    assert made["day (day of year)"].iloc[0] == 60
    assert made["word = lyon"].sum() == 20
    for changed, says in (
        (frame.drop(columns="day"), "lacks the columns day"),
        (frame.assign(number="many"), "'number' holds numbers"),
        (frame.assign(moment=3), "'moment' holds dates"),
    ):
        with pytest.raises(ModelError, match=says):
            encoder.transform(changed)


def test_labels_in_words_are_read_and_others_refused_without_naming_them() -> None:
    assert binary_labels(pd.Series(["Oui", "non", None]), "t").tolist()[:2] == [1.0, 0.0]
    assert binary_labels(pd.Series([True, False]), "t").tolist() == [1.0, 0.0]
    assert binary_labels(pd.Series([1.0, 0.0, np.nan]), "t").isna().sum() == 1
    with pytest.raises(ModelError, match="0 and 1 only") as caught:
        binary_labels(pd.Series(["Dupont", "Martin"], name="who"), "t")
    assert "Dupont" not in str(caught.value)


def test_a_budget_buys_recipes_in_order_and_the_first_is_always_bought() -> None:
    assert [r.name for r in affordable(10**7, 100, 6, 1)] == [RECIPES[0].name]
    assert len(affordable(20_000, 20, 6, 600)) == len(RECIPES)
    some = affordable(20_000, 20, 6, 8)
    assert some == list(RECIPES)[: len(some)]


def test_hinges_follow_a_curve_a_line_cannot_and_few_values_get_a_knot_each() -> None:
    frame = planted(6000, 16)
    values, labels = frame[["curve"]].round(0).to_numpy(), frame.y.to_numpy(dtype=float)
    hinges = next(r for r in RECIPES if r.kind == "hinges")
    model = fit_recipe(hinges, values, labels, SEED)
    assert isinstance(model, Smooth)
    assert model.knots is not None
    assert len(model.knots[0]) == len(np.unique(values)) - 2
    low, middle, high = model.margin(np.array([[-2.0], [0.0], [2.0]]))
    assert min(low, high) > middle + 0.3
    boosted = next(r for r in RECIPES if r.kind == "boosted")
    assert lengths_of(boosted)[-1] == boosted.settings["rounds"]


def test_a_calibration_without_steps_keeps_every_difference_of_scores() -> None:
    truth = np.random.default_rng(17).beta(1, 6, 20_000)
    labels = (np.random.default_rng(18).random(20_000) < truth).astype(float)
    bent = fit_strict_calibrator(truth**2, labels)
    assert bent.kind == "beta"
    assert calibration_error(labels, bent(truth**2)) < 0.01
    assert fit_strict_calibrator(expit(0.5 * logit(truth) + 1), labels).kind == "platt"
    assert len(np.unique(bent(truth**2)[truth > 0.001])) == (truth > 0.001).sum()
