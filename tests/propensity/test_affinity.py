"""Affinity: a planted pattern is found, and told also of who never bought the item."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from appetence.errors import ModelError
from appetence.propensity.affinity import latent_affinity


def test_who_buys_like_the_buyers_stands_above_who_does_not() -> None:
    draw = np.random.default_rng(1)
    taste = draw.random(600) < 0.5
    rates = np.where(taste[:, None], [4.0] * 6 + [0.5] * 6, [0.5] * 6 + [4.0] * 6)
    bought = pd.DataFrame(draw.poisson(rates), columns=[f"i{n}" for n in range(12)], index=[f"p{n}" for n in range(600)])
    hidden = bought.assign(i0=bought.i0.where(np.arange(600) % 2 == 0, 0))
    told = latent_affinity(hidden, rank=1).i0.to_numpy()
    never = np.arange(600) % 2 == 1
    assert told[never & taste].mean() > told[never & ~taste].mean() + 0.3
    assert list(latent_affinity(hidden).index) == list(bought.index)


def test_with_every_pattern_the_table_comes_back() -> None:
    table = pd.DataFrame(np.random.default_rng(2).poisson(2.0, (40, 5)))
    assert latent_affinity(table, rank=5).to_numpy() == pytest.approx(np.log1p(table.to_numpy()))
    with pytest.raises(ModelError, match="empty or has gaps"):
        latent_affinity(table.where(table > 0))
