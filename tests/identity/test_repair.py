"""Components are cut where their pairs do not hold together."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from appetence.identity import repair
from appetence.identity.repair import cut_all
from appetence.identity.weights import NEVER

Pairs = dict[tuple[int, int], float]


def clusters(weights: Pairs) -> set[frozenset[int]]:
    pairs = sorted(weights)
    frame = pd.DataFrame({"a": [p[0] for p in pairs], "b": [p[1] for p in pairs], "component": 1, "weight": [weights[p] for p in pairs]})
    return {frozenset(group) for group in cut_all(frame).groupby("cluster")["node"].agg(list)}


def whole(nodes: list[int], default: float, **said: float) -> Pairs:
    """All pairs of the nodes; `said` names exceptions as n1_2=weight."""
    out = dict.fromkeys(itertools.combinations(nodes, 2), default)
    return out | {(int(k[1:].split("_")[0]), int(k.split("_")[1])): w for k, w in said.items()}


def by_definition(weights: Pairs) -> set[frozenset[int]]:
    """Average linkage in its plainest form: join the two groups with the highest average while it is above zero."""
    groups = [frozenset({n}) for n in sorted({n for p in weights for n in p})]

    def average(x: frozenset[int], y: frozenset[int]) -> float:
        return float(np.mean([weights[min(i, j), max(i, j)] for i in x for j in y]))

    while len(groups) > 1:
        x, y = max(itertools.combinations(groups, 2), key=lambda p: average(*p))
        if average(x, y) <= 0:
            break
        groups = [g for g in groups if g not in (x, y)] + [x | y]
    return set(groups)


def test_a_chain_of_two_persons_is_cut_at_its_weak_link() -> None:
    weights = whole([1, 2, 3, 4], -20.0, n1_2=15.0, n3_4=12.0, n2_3=3.0)
    assert clusters(weights) == {frozenset({1, 2}), frozenset({3, 4})}


def test_records_that_share_little_stay_with_the_one_they_both_match() -> None:
    assert clusters(whole([1, 2, 3], -3.0, n1_2=15.0, n1_3=14.0)) == {frozenset({1, 2, 3})}


def test_inv_19_no_average_outweighs_contradicting_birth_dates() -> None:
    together = whole(list(range(1, 9)), 60.0, n1_8=NEVER)
    found = clusters(together)
    assert not any({1, 8} <= group for group in found)
    assert len(found) == 2


@pytest.mark.parametrize("seed", range(12))
def test_equals_average_linkage_by_definition(seed: int) -> None:
    draw = np.random.default_rng(seed)
    nodes = [int(n) for n in draw.choice(1000, size=int(draw.integers(3, 9)), replace=False)]
    weights = {(min(x, y), max(x, y)): float(draw.normal(0, 10)) for x, y in itertools.combinations(nodes, 2)}
    assert clusters(weights) == by_definition(weights), f"seed {seed}"


def test_cluster_is_named_by_its_lowest_node_and_confidence_is_its_loosest_join() -> None:
    frame = pd.DataFrame({"a": [10, 10, 20, 5], "b": [20, 30, 30, 6], "component": [1, 1, 1, 2], "weight": [9.0, 3.0, 5.0, -2.0]})
    rows = cut_all(frame).set_index("node")
    assert rows.loc[[10, 20, 30], "cluster"].tolist() == [10, 10, 10]
    assert rows.loc[10, "confidence"] == pytest.approx(4.0)
    assert rows.loc[[5, 6], "cluster"].tolist() == [5, 6]
    assert np.isnan(rows.loc[5, "confidence"])


def test_many_components_at_once_are_cut_like_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    draw, pairs = np.random.default_rng(3), []
    for component in range(60):
        nodes = sorted(int(n) for n in draw.choice(10**9, size=int(draw.integers(3, 8)), replace=False))
        # Whole numbers: of equal weights the pair of the lowest nodes is joined first, whatever else is cut beside it.
        pairs += [(a, b, component, float(draw.integers(-9, 12))) for a, b in itertools.combinations(nodes, 2)]
    frame = pd.DataFrame(pairs, columns=["a", "b", "component", "weight"])
    alone = pd.concat([cut_all(part) for _, part in frame.groupby("component")]).sort_values("node", ignore_index=True)
    monkeypatch.setattr(repair, "_CELLS", 100)  # portions of a few components each
    together = cut_all(frame.sample(frac=1, random_state=1)).sort_values("node", ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)


def test_a_component_that_two_batches_share_is_cut_as_one() -> None:
    frame = pd.DataFrame(
        {"a": [1, 1, 2, 7, 7, 8], "b": [2, 3, 3, 8, 9, 9], "component": [1] * 3 + [7] * 3, "weight": [9.0, 3.0, 5.0, 8.0, -9.0, -9.0]}
    )
    whole = cut_all(frame).sort_values("node", ignore_index=True)
    for place in range(1, len(frame)):
        pieces = list(repair._cut_batches([frame[:place], frame[place:]]))
        pd.testing.assert_frame_equal(pd.concat(pieces).sort_values("node", ignore_index=True), whole)
