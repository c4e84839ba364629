"""No count from 1 to 10 is shown, and none follows from the others by subtraction."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from appetence.contracts.domain import Reason
from appetence.reporting import masking
from appetence.reporting.campaign_page import joined_steps
from appetence.reporting.campaign_results import Group
from tests.reporting.planted import DROPS, UNIVERSE, waterfall


def test_steps_that_drop_few_are_joined_with_the_next() -> None:
    steps = {s.label: s.dropped for s in joined_steps(waterfall())}
    assert steps["External list + permission"] == 7 + 3105
    assert steps["Contact cap + client's filters + duplicate"] == 4 + 0 + 520
    assert steps["Client's file"] == 0
    assert "Contact cap" not in steps


def test_a_small_last_step_is_joined_with_the_one_before() -> None:
    steps = joined_steps(waterfall({**DROPS, Reason.CELL: 3}))
    assert steps[-1].label == "Below the cut + held out"
    assert steps[-1].dropped == 1756 + 3


@pytest.mark.parametrize("seed", range(60))
def test_joined_waterfalls_add_up_and_hold_no_small_drop(seed: int) -> None:
    chance = random.Random(seed)
    drops = {r: chance.choice([0, 0, chance.randint(1, 10), chance.randint(11, 500)]) for r in Reason}
    if not any(n > 10 for n in drops.values()):
        drops[Reason.PERMISSION] = 100
    steps = joined_steps(waterfall(drops))
    assert sum(s.dropped for s in steps) == sum(drops.values())
    assert steps[-1].entered - steps[-1].dropped == UNIVERSE - sum(drops.values())
    for before, after in combinations([s.entered for s in steps] + [steps[-1].entered - steps[-1].dropped], 2):
        assert not 0 < before - after < 11, f"seed {seed}: the difference of two shown counts is small"


@pytest.mark.parametrize("seed", range(60))
def test_hidden_parts_of_a_known_total_cannot_be_told(seed: int) -> None:
    chance = random.Random(seed)
    values = [chance.choice([0, chance.randint(1, 10), chance.randint(11, 99)]) for _ in range(chance.randint(2, 8))]
    shown = masking.parts(values)
    hidden = [v for v, s in zip(values, shown, strict=True) if s is None]
    assert all(s is None or s == v for v, s in zip(values, shown, strict=True))
    assert not any(0 < v < 11 for v, s in zip(values, shown, strict=True) if s is not None)
    if hidden and any(s for s in shown):
        assert len(hidden) > 1 and sum(hidden) > 10, f"seed {seed}: {values} shown as {shown}"


def test_a_count_close_to_a_known_one_is_told_without_the_difference() -> None:
    assert "1496" not in masking.beside(1496, 1500).replace("\N{NARROW NO-BREAK SPACE}", "")
    assert masking.beside(1480, 1500).endswith("480")


def test_groups_joined_keep_their_sums_and_their_labels() -> None:
    groups = [Group(str(i), 100, n, 5.0) for i, n in enumerate((14, 9, 8, 5, 1), start=1)]
    joined = masking.joined(groups, lambda g: (g.units, g.responders), Group.with_next)
    assert [(g.label, g.units, g.responders, g.expected) for g in joined] == [("1", 100, 14, 5.0), ("2–5", 400, 23, 20.0)]
