"""Uplift: a planted effect is found where it is, none is found where there is none, and what was not drawn at random is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from appetence.errors import ModelError
from appetence.propensity.calibration import expit
from appetence.propensity.uplift import Finding, fit_uplift

COLUMNS = ["often", "recent", "noise"]


def campaign(rows: int, seed: int, *, same: float = 0.0, differs: float = 0.0, held: float = 0.3) -> pd.DataFrame:
    """A mailing of which a share was held out; `same` is added to everybody's chance, `differs` times 1 where `recent` is high."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(draw.normal(size=(rows, 3)), columns=COLUMNS)
    base = expit((-2.2 + 0.9 * frame.often).to_numpy())
    effect = same + differs * (frame.recent > 0.5).to_numpy()
    mailed = (draw.random(rows) >= held).astype(int)
    return frame.assign(mailed=mailed, bought=(draw.random(rows) < np.clip(base + effect * mailed, 0, 1)).astype(int), effect=effect)


def found(frame: pd.DataFrame, seed: int = 1):  # type: ignore[no-untyped-def]  # Uplift, used below
    return fit_uplift(frame, COLUMNS, "mailed", "bought", seed=seed)


def test_without_an_effect_none_is_found_nineteen_times_in_twenty() -> None:
    told = [found(campaign(1500, seed)).finding for seed in range(120)]
    wrong = sum(f != Finding.NO_EFFECT for f in told)
    # 6 are expected of 120; 13 or more would come up once in two hundred.
    assert wrong <= 12, f"{wrong} of 120 campaigns without effect were said to have one"
    nothing = found(campaign(3000, 1))
    assert (nothing.predict(campaign(50, 2)) == 0).all()
    assert nothing.told().startswith("No effect was shown")


def test_an_effect_that_is_the_same_for_all_is_measured_and_not_dressed_up() -> None:
    answers = [found(campaign(12_000, seed, same=0.03)) for seed in range(8)]
    assert sum(a.finding == Finding.SAME_FOR_ALL for a in answers) >= 7
    assert np.mean([a.effect for a in answers]) == pytest.approx(0.03, abs=0.005)
    assert sum(a.low <= 0.03 <= a.high for a in answers) >= 6
    same = next(a for a in answers if a.finding == Finding.SAME_FOR_ALL)
    assert len(set(same.predict(campaign(50, 9)))) == 1
    assert "more for some was not shown" in same.told()


def test_an_effect_that_differs_is_found_where_it_is() -> None:
    answer = found(campaign(30_000, 3, differs=0.12))
    assert answer.finding == Finding.DIFFERS
    later = campaign(5000, 4, differs=0.12)
    predicted = answer.predict(later)
    assert np.corrcoef(predicted, later.effect)[0, 1] > 0.7
    assert predicted.mean() == pytest.approx(later.effect.mean(), abs=0.012)
    assert answer.fifths[0] > answer.fifths[-1] + 0.05
    assert 0 < answer.slope <= 1
    assert "moves most" in answer.told()
    with pytest.raises(ModelError, match="lacks the columns often"):
        answer.predict(later.drop(columns="often"))


def test_who_buys_anyway_is_not_taken_for_who_is_moved() -> None:
    """`often` foretells buying and no effect: a response model would rank by it, the effect must not."""
    answer = found(campaign(30_000, 5, differs=0.12))
    weights = dict(zip(COLUMNS, np.abs(answer.model.weights), strict=True))
    assert weights["recent"] > 3 * max(weights["often"], weights["noise"])


def test_what_cannot_be_measured_is_refused() -> None:
    good = campaign(3000, 6)
    chosen = good.assign(mailed=(good.often + np.random.default_rng(7).normal(size=3000) > 0).astype(int))
    for frame, says in (
        (chosen, "not drawn at random"),
        (good.assign(mailed=1), "Only 0 persons were held out"),
        (good.assign(bought=0), "Only 0 persons responded"),
        (good.assign(bought=np.nan), "as 0 and 1"),
        (good.assign(often=0.0, recent=0.0, noise=np.nan), "constant or missing"),
    ):
        with pytest.raises(ModelError, match=says):
            found(frame)
