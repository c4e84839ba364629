"""The stability index against its formula by hand, its noise against a simulation, and the words it is told in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from appetence.propensity.drift import Bins, Profile, bin_counts, indices, noise, stability_index, verdict


def test_the_index_is_its_formula_and_nothing_for_the_same_shares() -> None:
    then, now = (0.5, 0.3, 0.2), np.array([200.0, 300.0, 500.0])
    by_hand = sum((a - e) * np.log(a / e) for e, a in zip(then, (0.2, 0.3, 0.5), strict=True))
    assert stability_index(then, now) == pytest.approx(by_hand)
    assert stability_index(then, np.array([50.0, 30.0, 20.0])) == pytest.approx(0.0, abs=1e-12)
    assert stability_index((1.0, 0.0), np.array([0.0, 100.0])) > 5
    assert stability_index(then, np.zeros(3)) == 0


def test_chance_gives_the_index_that_noise_says() -> None:
    draw = np.random.default_rng(3)
    found = []
    for _ in range(300):
        then = Bins.of(draw.normal(size=1500))
        found.append(stability_index(then.shares, bin_counts(draw.normal(size=900), then.edges)))
    said = noise(then.shares, 900, 1500)
    assert np.mean(found) == pytest.approx(said, rel=0.12)
    assert verdict(float(np.max(found)), said) == "stable"


def test_a_shift_a_gap_and_a_spike_are_seen() -> None:
    draw = np.random.default_rng(4)
    early = pd.DataFrame({"same": draw.normal(size=4000), "moved": draw.normal(size=4000), "gone": draw.normal(size=4000), "flat": 1.0})
    later = pd.DataFrame({"same": draw.normal(size=3000), "moved": draw.normal(1, size=3000), "gone": np.nan, "flat": 1.0})
    profile = Profile.of(early, list(early), draw.random(4000))
    assert profile.columns["same"].shares[-1] == 0
    assert len(profile.columns["same"].edges) == 9
    counted = [(c, n, int(v)) for c in early for n, v in enumerate(bin_counts(later[c].to_numpy(), profile.columns[c].edges))]
    found = {c: verdict(index) for c, (index, rows) in indices(counted, profile.columns).items() if rows == 3000}
    assert found == {"same": "stable", "moved": "drifted", "gone": "drifted", "flat": "stable"}
    assert not {c: v for c, v in vars(profile).items() if isinstance(v, pd.DataFrame | np.ndarray)}, "a profile holds shares, no rows"
