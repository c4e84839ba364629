"""Chance without randomness: frequencies are exact, and nothing depends on partitions."""

from __future__ import annotations

import math

import pytest

from appetence.synthetic.draw import alias_table


@pytest.mark.parametrize("weights", [[1.0], [3.0, 1.0], [5.0, 0.1, 2.0, 0.0, 9.0], [float(1 / k) for k in range(1, 500)]])
def test_the_alias_table_gives_back_the_weights(weights: list[float]) -> None:
    cut, alias = alias_table(weights)
    share = [c / len(weights) for c in cut]
    for slot, other in enumerate(alias):
        share[other] += (1.0 - cut[slot]) / len(weights)
    total = math.fsum(weights)
    assert share == pytest.approx([w / total for w in weights], abs=1e-12)
