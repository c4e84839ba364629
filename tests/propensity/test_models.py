"""What a model says is true: planted parameters recovered, probabilities calibrated, nothing found where there is nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from appetence.errors import ModelError
from appetence.propensity import Propensity, Sample, fit, judge
from appetence.propensity.calibration import correct_prior, expit, fit_calibrator, lines_of, logit, steady_level
from appetence.propensity.metrics import calibration_error, deciles_of, evaluate, gains
from appetence.propensity.models import Logistic
from appetence.propensity.reasons import contributions, reasons, themes
from appetence.propensity.season import Season

COLUMNS = ["recent", "often", "noise"]
SEED = 20261031


def planted(rows: int, cutoff: int, seed: int, base: float = -3.0) -> pd.DataFrame:
    """Rows whose true probability is known (`truth`): recent counts for it, often against it, noise for nothing."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(draw.gamma(1.0, 3.0, size=(rows, 3)), columns=COLUMNS)
    frame["truth"] = expit((base + 1.1 * np.log1p(frame.recent) - 0.8 * np.log1p(frame.often)).to_numpy())
    frame["label"] = (draw.random(rows) < frame.truth).astype(int)
    return frame.assign(cutoff=cutoff, person_id=[f"p{n:06d}" for n in range(rows)])


@pytest.fixture(scope="module")
def trained() -> Propensity:
    """Fitted on planted rows with three tenths of the negatives."""
    train = pd.concat([planted(12_000, 1, 1), planted(12_000, 2, 2)])
    kept = train[(train.label == 1) | (np.random.default_rng(3).random(len(train)) < 0.3)]
    return fit(Sample(kept, 0.3), Sample(planted(12_000, 3, 4)), COLUMNS, seed=SEED, families=("logistic", "boosted_small")).propensity


def test_planted_coefficients_are_recovered() -> None:
    frame = planted(60_000, 1, 8)
    model = Logistic.fit(frame[COLUMNS].to_numpy(), frame.label.to_numpy(dtype=float))
    slopes = model.weights / model.scales
    assert slopes == pytest.approx([1.1, -0.8, 0.0], abs=0.06)


def test_probabilities_are_true_after_sampling_negatives(trained: Propensity) -> None:
    later = planted(40_000, 4, 6)
    made = trained.predict(later).probability.to_numpy()
    assert made.mean() == pytest.approx(later.truth.mean(), rel=0.06)
    assert calibration_error(later.label.to_numpy(dtype=float), made) < 0.01
    assert roc_auc_score(later.label, made) > roc_auc_score(later.label, later.truth) - 0.01


def test_the_prior_correction_undoes_the_sampling_exactly() -> None:
    truth = np.array([0.01, 0.2, 0.7])
    for rate in (0.05, 0.5, 1.0):
        sampled = truth / (truth + (1 - truth) * rate)
        assert correct_prior(sampled, rate) == pytest.approx(truth, abs=1e-9)
    with pytest.raises(ModelError, match=r"\(0, 1\]"):
        correct_prior(truth, 0.0)


def test_calibration_recovers_a_planted_distortion() -> None:
    truth = np.random.default_rng(8).beta(1, 12, size=60_000)
    labels = (np.random.default_rng(9).random(60_000) < truth).astype(float)
    distorted = expit(0.5 * logit(truth) + 1.0)
    assert calibration_error(labels, distorted) > 0.1
    few = slice(0, 20_000)
    for chosen, kind in ((few, "platt"), (slice(None), "isotonic")):
        calibrator = fit_calibrator(distorted[chosen], labels[chosen])
        assert (calibrator.kind == kind) == (kind == "platt" or labels.sum() >= 5000)
        assert calibration_error(labels, calibrator(distorted)) < 0.006


def test_scores_against_the_labels_give_the_base_rate_instead_of_a_reversed_model() -> None:
    labels = (np.random.default_rng(10).random(4000) < 0.1).astype(float)
    calibrator = fit_calibrator(np.where(labels > 0, 0.1, 0.4), labels)
    assert calibrator(np.array([0.1, 0.9])) == pytest.approx([labels.mean()] * 2)


def test_the_slope_of_several_windows_is_found_whatever_their_levels() -> None:
    draw = np.random.default_rng(11)
    windows = draw.integers(0, 3, 30_000)
    margins = draw.normal(0, 1.5, 30_000)
    labels = (draw.random(30_000) < expit(1.3 * margins + np.array([-2.0, 0.0, 0.7])[windows])).astype(float)
    slope, levels = lines_of(margins, labels, windows)
    assert slope == pytest.approx(1.3, abs=0.06)
    assert levels == pytest.approx([-2.0, 0.0, 0.7], abs=0.08)
    assert lines_of(-margins, labels, windows)[0] < 0


def test_a_level_leans_on_earlier_windows_only_where_its_own_buyers_are_few() -> None:
    levels = np.array([0.2, 0.1, 0.0])
    few, many = np.array([50.0] * 3), np.array([500_000.0] * 3)
    assert steady_level(levels, few, few) == pytest.approx(0.1, abs=0.01)
    assert steady_level(levels, many, many) == pytest.approx(0.0, abs=0.01)
    assert steady_level(levels, few, few, drift=1.0) == pytest.approx(0.0, abs=0.01), "years of windows say that levels move"


def test_a_level_follows_a_drift_that_chance_does_not_explain() -> None:
    levels, thousand = np.array([0.0, -0.3, -0.6]), np.array([1000.0] * 3)
    assert steady_level(levels, thousand, 20 * thousand) == pytest.approx(-0.6, abs=0.02)


@pytest.mark.parametrize("seconds", [0.0, 0.001])
def test_probabilities_are_nearer_to_the_truth_for_all_windows(seconds: float) -> None:
    """Windows of few buyers: one alone does not tell how high and how far apart the scores of its persons are. Windows drawn as differently sampled
    are not joined, and the last is calibrated on alone."""
    later = planted(20_000, 9, 90, -1.5)
    errors = {"all": 0.0, "last": 0.0}
    for seed in range(4):
        windows = [planted(400, n, 20 * seed + n, -1.5) for n in range(5)]
        for name, rate in (("all", 1.0), ("last", 0.999)):
            model = fit(
                Sample(pd.concat(windows[:4]), rate), Sample(windows[4]), COLUMNS, seed=seed, seconds=seconds, families=("logistic",)
            ).propensity
            assert model.calibrator.kind == "platt"
            errors[name] += float(np.abs(model.predict(later).probability - later.truth).mean())
    assert errors["all"] < 0.9 * errors["last"], errors


def test_the_season_of_each_window_is_taken_off_before_their_levels_are_joined() -> None:
    """Windows of half a year ago met three times as often; the season says so, and the model is true at the season of the last."""
    season = Season(tuple(0.0 if month < 6 else 1.1 for month in range(12)))
    days = {n: pd.Timestamp("2025-02-10") + pd.Timedelta(days=182 * n) for n in range(5)}
    windows = [planted(2_000, n, 40 + n, -1.5 + 1.1 * (n % 2)).assign(cutoff=days[n]) for n in range(5)]
    model = fit(Sample(pd.concat(windows[:4])), Sample(windows[4]), COLUMNS, seed=SEED, families=("logistic",), season=season).propensity
    later = planted(20_000, 9, 90, -1.5)
    assert model.predict(later).probability.mean() == pytest.approx(later.truth.mean(), rel=0.05)


def test_permuted_labels_teach_nothing() -> None:
    draw = np.random.default_rng(11)
    parts = [f.assign(label=draw.permutation(f.label)) for f in (planted(8000, 1, 12), planted(8000, 2, 13), planted(20_000, 3, 14))]
    model = fit(Sample(parts[0]), Sample(parts[1]), COLUMNS, seed=SEED).propensity
    judged = judge(model, Sample(parts[2]), seed=SEED, baselines={"noise": "noise"})
    assert abs(judged.quality.auc - 0.5) < 0.025
    assert judged.quality.calibration_error < 0.01


def test_the_same_rows_in_another_order_give_the_same_model(trained: Propensity) -> None:
    early, last, later = planted(3000, 1, 15), planted(3000, 2, 16), planted(500, 3, 17)
    made = [
        fit(Sample(e), Sample(c), COLUMNS, seed=SEED).propensity.predict(later)
        for e, c in ((early, last), (early.sample(frac=1, random_state=1), last.sample(frac=1, random_state=2)))
    ]
    pd.testing.assert_frame_equal(*made)
    alone = pd.concat([trained.predict(later.iloc[[n]]) for n in range(20)])
    pd.testing.assert_frame_equal(alone, trained.predict(later.iloc[:20]), check_exact=True)


def one_sided(value: int) -> pd.DataFrame:
    return planted(500, 1, 18).assign(label=value)


@pytest.mark.parametrize(
    ("train", "columns", "says"),
    [
        (one_sided(0), COLUMNS, "same label"),
        (one_sided(1), COLUMNS, "same label"),
        (planted(60, 1, 19), COLUMNS, "positives in the training period"),
        (planted(3000, 1, 20).assign(recent=1.0, often=2.0, noise=np.nan), COLUMNS, "constant or missing"),
        (planted(0, 1, 21), COLUMNS, "no row"),
    ],
)
def test_degenerate_tables_are_refused_in_one_sentence(train: pd.DataFrame, columns: list[str], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        fit(Sample(train), Sample(planted(3000, 2, 22)), columns, seed=SEED)


def test_a_constant_or_missing_column_beside_others_is_left_out() -> None:
    early, last = (planted(3000, n, 23 + n).assign(flat=1.0, never=np.nan) for n in (1, 2))
    model = fit(Sample(early), Sample(last), [*COLUMNS, "flat", "never"], seed=SEED).propensity
    assert set(model.columns) == set(COLUMNS)
    with pytest.raises(ModelError, match="lacks 1 columns the model reads \\(often\\)"):
        model.predict(planted(5, 3, 24).drop(columns="often"))


def test_gains_add_up_and_intervals_hold_the_lift(trained: Propensity) -> None:
    later = planted(20_000, 4, 25)
    judged = judge(trained, Sample(later), seed=SEED, baselines={"recent": "recent", "often": "-often"})
    assert sum(t.positives for t in judged.tiers) == later.label.sum()
    assert judged.tiers[-1].cumulative_capture == 1.0
    assert all(t.lift_low <= t.lift <= t.lift_high for t in judged.tiers)
    assert judged.tiers[0].lift == pytest.approx(judged.quality.top_decile_lift)
    assert max(judged.baselines.values()) < judged.quality.auc
    labels = later.label.to_numpy(dtype=float)
    again = gains(labels, judged.probabilities, judged.probabilities, SEED)
    assert again == gains(labels, judged.probabilities, judged.probabilities, SEED)


def test_deciles_are_equal_parts_and_ties_follow_the_row_order() -> None:
    assert list(np.bincount(deciles_of(np.arange(100.0)))[1:]) == [10] * 10
    assert list(deciles_of(np.zeros(10))) == list(range(1, 11))
    with pytest.raises(ModelError, match="same label"):
        evaluate(np.zeros(5), np.zeros(5))


def test_reasons_name_what_raises_the_score(trained: Propensity) -> None:
    theme_of = {"recent": "presse_edition", "often": "montant", "noise": "age"}
    people = pd.DataFrame({"recent": [60.0, 0.0, 2.0], "often": [2.0, 0.0, 30.0], "noise": [2.0, 2.0, 2.0]})
    values = trained.matrix(people)
    told = reasons(trained, values, theme_of, 2)
    assert told[0][0] == "achats en presse et édition"
    assert told[1][0] == "petits montants"
    assert told[2] == ["profil dans la moyenne"]
    added = contributions(trained, values, themes(trained, theme_of))
    assert added[0].max() > 0.5 > abs(added[0][0])
