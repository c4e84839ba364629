"""What a match model says of its own links without any truth, and how far another model would decide otherwise.

All is reckoned from agreement patterns and how many pairs have each, which are few beside the pairs. Each pair is one person with
the probability that its weight states. So precision and recall among compared pairs are sums of probabilities, and their intervals say how far chance
alone may lead away from them while the model is right; a model that is wrong is found by a review of a sample, not here.

What blocking has not brought together cannot be counted, but the keys that pairs share tell of it, as marked animals tell of those never caught
(Chao 1987, Biometrics 43): where many true pairs share keys of one kind only, many share none. Kinds of keys that go together hide some of it, so
the recall of pairs is an upper bound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appetence.contracts.settings import IdentitySettings
from appetence.identity.blocking import Rule
from appetence.identity.frames import Pair
from appetence.identity.weights import Model

_SURE = 1.96
Array = NDArray[np.float64]


def estimates(found: Sequence[Any], model: Model, settings: IdentitySettings, rules: Sequence[Rule]) -> dict[str, Any]:
    """`precision` and `recall` of the links among compared pairs, `pair_recall` (the share of true pairs that any key brought, at most), and of each
    the 95 % interval. `found`: rows of pattern, rules (the mask of shared keys; 0 are random pairs, which do not count) and n."""
    met = [r for r in found if r[Pair.rules]]
    count, chance, linked = _counted(met, model, settings)
    right, lost = float((count * chance)[linked].sum()), float((count * chance)[~linked].sum())
    luck = count * chance * (1 - chance)
    of_right, of_lost = float(luck[linked].sum()), float(luck[~linked].sum())
    links, true = max(float(count[linked].sum()), 1.0), max(right + lost, 1e-9)
    # The share of what is found in all that is true: both vary, and apart.
    spread = math.sqrt(lost**2 * of_right + right**2 * of_lost) / true**2
    caught, (least, most) = _caught(count * chance, [r[Pair.rules] for r in met], rules)
    return {
        "precision": round(right / links, 4), "precision_interval": _around(right / links, math.sqrt(of_right) / links),
        "recall": round(right / true, 4), "recall_interval": _around(right / true, spread),
        "pair_recall": round(caught, 4), "pair_recall_interval": [round(least, 4), round(most, 4)],
    }  # fmt: skip


def change(old: Model, new: Model, found: Sequence[Any], settings: IdentitySettings) -> Mapping[str, float]:
    """What another model would do to the links of the pairs in `found`: `links_before`, `links_now`, and `links_changed`, the share of the pairs that
    either links and the other does not."""
    met = [r for r in found if r[Pair.rules]]
    count, _, before = _counted(met, old, settings)
    _, _, now = _counted(met, new, settings)
    either = float(count[before | now].sum())
    return {
        "links_before": float(count[before].sum()), "links_now": float(count[now].sum()),
        "links_changed": round(float(count[before != now].sum()) / max(either, 1.0), 4),
    }  # fmt: skip


def _counted(met: Sequence[Any], model: Model, settings: IdentitySettings) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Of each row: its pairs, the probability that they are one person, whether they are links."""
    person, _ = model.weights([r[Pair.pattern] for r in met], settings.contradiction)
    return np.array([r["n"] for r in met], dtype=float), 1.0 / (1.0 + np.exp2(-np.clip(person, -60, 60))), person > settings.link_weight


def _around(share: float, spread: float) -> list[float]:
    return [round(max(share - _SURE * spread, 0.0), 4), round(min(share + _SURE * spread, 1.0), 4)]


def _caught(true: Array, masks: Sequence[int], rules: Sequence[Rule]) -> tuple[float, tuple[float, float]]:
    """The share of true pairs that share a key of some kind, and its interval. `true`: the expected true pairs of each row. Keys that settle the same
    field first are one kind."""
    kinds = sorted({r.settles[0] for r in rules})
    kind_of = [kinds.index(r.settles[0]) for r in rules]
    times = np.array([len({kind_of[i] for i in range(len(rules)) if mask >> i & 1}) for mask in masks])
    once, twice, all_caught = float(true[times == 1].sum()), float(true[times == 2].sum()), float(true.sum())
    missed = (len(kinds) - 1) / len(kinds) * once * max(once - 1, 0.0) / (2 * (twice + 1))
    if missed <= 0 or all_caught <= 0:
        return 1.0, (1.0, 1.0)
    ratio = once / max(twice, 1.0)
    variance = max(twice, 1.0) * (ratio**4 / 4 + ratio**3 + ratio**2 / 2)
    factor = math.exp(_SURE * math.sqrt(math.log1p(variance / missed**2)))
    least, most = (all_caught / (all_caught + m) for m in (missed * factor, missed / factor))
    return all_caught / (all_caught + missed), (least, most)
