"""What a model expects of its links without truth, held against planted truth."""

from __future__ import annotations

import numpy as np
import pytest

from appetence.contracts.settings import IdentitySettings
from appetence.identity import expected
from appetence.identity.blocking import RULES
from appetence.identity.weights import Model

SETTINGS = IdentitySettings()
EMAIL, MOBILE, BIRTH, NAMES, PLACE = (
    next(i for i, r in enumerate(RULES) if r.name == n) for n in ("email", "mobile", "birth_last", "names", "address")
)


class _Told(Model):
    """A model that says of each pattern the weight it is told."""

    def weights(self, patterns, contradiction="veto"):  # type: ignore[no-untyped-def]  # a stand-in of one method
        return np.array([WEIGHTS[p] for p in patterns]), np.zeros(len(patterns))


WEIGHTS: dict[int, float] = {}


def model(weights: dict[int, float]) -> Model:
    WEIGHTS.update(weights)
    return _Told((), (), np.ones(3) / 3)


def rows(*found: tuple[int, int, int]) -> list[dict[str, int]]:
    return [{"pattern": p, "rules": m, "n": n} for p, m, n in found]


@pytest.mark.parametrize("seed", range(5))
def test_intervals_hold_what_comes_true(seed: int) -> None:
    draw = np.random.default_rng(seed)
    weights = {i: float(w) for i, w in enumerate(draw.normal(0, 3, 200))}
    found = rows(*((i, 1, int(draw.integers(1, 40))) for i in weights))
    said = expected.estimates(found, model(weights), SETTINGS, RULES)
    inside = {"precision": 0, "recall": 0}
    for _ in range(200):
        true = np.array([draw.binomial(r["n"], 1 / (1 + 2 ** -weights[r["pattern"]])) for r in found])
        count, linked = np.array([r["n"] for r in found]), np.array([weights[r["pattern"]] > 0 for r in found])
        happened = {"precision": true[linked].sum() / count[linked].sum(), "recall": true[linked].sum() / true.sum()}
        for name, value in happened.items():
            low, high = said[f"{name}_interval"]
            inside[name] += low <= value <= high
    assert all(170 <= n <= 200 for n in inside.values()), inside
    assert 0 < said["precision_interval"][0] < said["precision"] < said["precision_interval"][1] <= 1


def test_pairs_that_no_key_brought_are_estimated() -> None:
    """True pairs share keys of five kinds independently: how many share none is known here, and told nearly."""
    draw, truth = np.random.default_rng(2), 40_000
    chances = {EMAIL: 0.3, MOBILE: 0.25, BIRTH: 0.4, NAMES: 0.5, PLACE: 0.45}
    masks = sum((draw.random(truth) < p).astype(int) << i for i, p in chances.items())
    seen = {int(m): int(n) for m, n in zip(*np.unique(masks, return_counts=True), strict=True) if m}
    said = expected.estimates(rows(*((1, m, n) for m, n in seen.items())), model({1: 40.0}), SETTINGS, RULES)
    share = sum(seen.values()) / truth
    assert said["pair_recall"] == pytest.approx(share, abs=0.02)
    assert said["pair_recall_interval"][0] <= said["pair_recall"] <= said["pair_recall_interval"][1]
    assert said["pair_recall_interval"][0] < share + 0.02


def test_keys_of_one_kind_catch_a_pair_once() -> None:
    """Two keys of the place say the same thing: a pair that shares both is not caught twice."""
    place = [i for i, r in enumerate(RULES) if r.settles[0] == "place"]
    both = sum(1 << i for i in place)
    once = expected.estimates(rows((1, both, 900), (1, both | 1 << EMAIL, 100)), model({1: 40.0}), SETTINGS, RULES)
    assert once["pair_recall"] < 0.3


def test_random_pairs_do_not_count_and_nothing_found_is_no_fault() -> None:
    assert expected.estimates(rows((1, 0, 5000)), model({1: 40.0}), SETTINGS, RULES)["precision"] == 0.0
    met = rows((1, 1, 50), (1, 0, 10**6))
    assert expected.estimates(met, model({1: 40.0}), SETTINGS, RULES)["precision"] == pytest.approx(1.0)


def test_how_far_another_model_decides_otherwise() -> None:
    found = rows((1, 1, 80), (2, 1, 15), (3, 1, 5), (4, 1, 1000), (1, 0, 10**6))

    class Other(_Told):
        def weights(self, patterns, contradiction="veto"):  # type: ignore[no-untyped-def]  # a stand-in of one method
            return np.array([{1: 5.0, 2: -1.0, 3: 2.0, 4: -9.0}[p] for p in patterns]), np.zeros(len(patterns))

    old = model({1: 6.0, 2: 1.0, 3: -2.0, 4: -8.0})
    assert expected.change(old, Other((), (), np.ones(3) / 3), found, SETTINGS) == {"links_before": 95.0, "links_now": 85.0, "links_changed": 0.2}
