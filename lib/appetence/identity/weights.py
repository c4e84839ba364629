"""Fellegi-Sunter weights in three classes: same person, same household, unrelated.

A family shares its surname, address and landline. In a model of two classes that passes for proof of a person; a third class takes it. The
classes are learnt by EM without labels on distinct agreement patterns, which are few beside the pairs:

- a level's probability among the unrelated comes from counted values (equal values) and from random pairs (everything else), less the pairs
  that the model takes for related; it is not learnt from candidates, which are anything but random;
- within a training block (the pairs one blocking key brings) the fields which that key settles are left out, and each block has its own
mix of
  the classes: EM over all candidates at once mistakes what the keys select for what persons share;
- the prior is the expected number of pairs of each class over all pairs there are, so that zero is where a pair is as likely as not one
person.

After Fellegi and Sunter (1969) and Winkler's EM; the third class, the training by blocks and the anchors are ours. Cost: independent of the
number of pairs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appetence.errors import ModelError
from appetence.identity.comparison import BIRTH, BITS, CONTRADICTION, EMAIL, FIRST, GENDER, LANDLINE, LAST, MOBILE, ORDER, PLACE, Field, unpack

Array = NDArray[np.float64]
PERSON, HOUSEHOLD, UNRELATED = 0, 1, 2
CLASSES = ("person", "household", "unrelated")
PRIOR = "prior"
# At least this share of the pairs that agree on a value is held to be chance: caps what one agreement alone can prove.
LEAST_CHANCE = 0.02
ANCHOR = 0.002
ROUNDS, STEPS = 4, 300
NEVER = -1000.0
# Where more of one person's own pairs contradict, birth dates are too unreliable to speak a veto.
VETO_SHARE = 0.03
# So many pairs must be proven one person by a coordinate of its own before they tell how often its birth dates err.
PROVEN = 200.0

# Where EM starts, and towards which it is held (by ANCHOR of the pairs): shares of the levels among one person's and one family's pairs.
_START: Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]] = {
    LAST.name: ({"exact": 0.88, "maiden": 0.03, "typo_rare": 0.04, "typo_known": 0.01, "part": 0.02, "two_typos": 0.008,
                 "similar": 0.004, "differ": 0.008},
                {"exact": 0.78, "maiden": 0.02, "typo_rare": 0.03, "typo_known": 0.01, "part": 0.02, "two_typos": 0.01,
                 "similar": 0.01, "differ": 0.12}),
    FIRST.name: ({"exact": 0.83, "variant": 0.03, "typo_rare": 0.04, "typo_known": 0.01, "initial": 0.05, "two_typos": 0.015,
                  "similar": 0.01, "initial_differs": 0.002, "differ": 0.013},
                 {"exact": 0.02, "variant": 0.01, "typo_rare": 0.002, "typo_known": 0.01, "initial": 0.01, "two_typos": 0.01,
                  "similar": 0.02, "initial_differs": 0.06, "differ": 0.858}),
    ORDER.name: ({"straight": 0.98, "crossed": 0.02}, {"straight": 0.98, "crossed": 0.02}),
    BIRTH.name: ({"exact": 0.90, "swapped": 0.015, "digit": 0.04, "part": 0.02, "two_digits": 0.015, "shifted": 0.003, "contradict": 0.007},
                 {"exact": 0.01, "swapped": 0.002, "digit": 0.01, "part": 0.02, "two_digits": 0.02, "shifted": 0.02, "contradict": 0.918}),
    PLACE.name: ({"same_flat": 0.1, "same": 0.6, "other_flat": 0.01, "near": 0.09, "same_way": 0.02, "postcode_other": 0.03,
                  "postcode_only": 0.05, "city": 0.02, "city_near": 0.005, "department": 0.025, "elsewhere": 0.05},
                 {"same_flat": 0.12, "same": 0.72, "other_flat": 0.005, "near": 0.08, "same_way": 0.015, "postcode_other": 0.02,
                  "postcode_only": 0.02, "city": 0.005, "city_near": 0.001, "department": 0.004, "elsewhere": 0.01}),
    EMAIL.name: ({"exact": 0.7, "local": 0.03, "local_named": 0.03, "typo": 0.05, "similar": 0.01, "differ": 0.18},
                 {"exact": 0.12, "local": 0.005, "local_named": 0.005, "typo": 0.01, "similar": 0.01, "differ": 0.85}),
    MOBILE.name: ({"exact": 0.75, "typo": 0.05, "differ": 0.2}, {"exact": 0.04, "typo": 0.005, "differ": 0.955}),
    LANDLINE.name: ({"exact": 0.8, "typo": 0.05, "differ": 0.15}, {"exact": 0.75, "typo": 0.05, "differ": 0.2}),
    GENDER.name: ({"same": 0.985, "differ": 0.015}, {"same": 0.45, "differ": 0.55}),
}  # fmt: skip
_EXTRA_START = ({"exact": 0.9, "typo": 0.06, "differ": 0.04}, {"exact": 0.1, "typo": 0.02, "differ": 0.88})
# What a family may share at most: without these bounds the household class drifts to persons with one wrong field.
_CEILING: Mapping[str, Mapping[str, float]] = {
    FIRST.name: {"exact": 0.04, "variant": 0.03, "typo_rare": 0.005, "typo_known": 0.03, "two_typos": 0.04, "similar": 0.06},
    ORDER.name: {"crossed": 0.05},
    BIRTH.name: {"exact": 0.03, "swapped": 0.01, "digit": 0.03},
}


@dataclass(frozen=True)
class Chance:
    """What is known of the unrelated before training: pairs in all, agreeing pairs counted by field and level, and a random sample.

    `total`: pairs of distinct signatures. `stated`: per field, pairs in which both sides state it. `agreeing`: per field and exact level,
    pairs that
    share a value. `sampled`: per field, counts by level number among random pairs (index 0: missing)."""

    total: float
    stated: Mapping[str, float]
    agreeing: Mapping[str, Mapping[str, float]]
    sampled: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Model:
    """Level probabilities per class and field, and the prior share of each class among all pairs."""

    fields: tuple[Field, ...]
    levels: tuple[Array, ...]  # per field: classes x (levels + 1); column 0, missing, is 1
    prior: Array

    @property
    def version(self) -> str:
        """A hash of the parameters: equal models have equal versions."""
        numbers = [f"{f.name}:" + ",".join(f"{x:.6e}" for x in p.ravel()) for f, p in zip(self.fields, self.levels, strict=True)]
        return hashlib.sha256("|".join([*numbers, *(f"{x:.6e}" for x in self.prior)]).encode()).hexdigest()[:16]

    def log_odds(self, patterns: Sequence[int]) -> tuple[Array, Array]:
        """Log2 odds per pattern: same person against the rest, and same person or household against unrelated."""
        scores = _log_likelihood(self.levels, _numbers(patterns, self.fields)) + np.log2(self.prior)[None, :]
        person = scores[:, PERSON] - np.logaddexp2(scores[:, HOUSEHOLD], scores[:, UNRELATED])
        home = np.logaddexp2(scores[:, PERSON], scores[:, HOUSEHOLD]) - scores[:, UNRELATED]
        return np.round(person, 4), np.round(home, 4)

    def weights(self, patterns: Sequence[int], contradiction: str = "veto") -> tuple[Array, Array]:
        """Like `log_odds`, but NEVER where birth dates contradict and `contradiction` (veto, weigh, auto) says so: no average outweighs
        that."""
        person, home = self.log_odds(patterns)
        return (np.where(self.contradicts(patterns), NEVER, person) if self.vetoes(contradiction) else person), home

    def vetoes(self, contradiction: str) -> bool:
        """Whether contradicting birth dates forbid a link: `auto` asks how often one person's own dates contradict."""
        index, levels = self.contradicting()
        return contradiction == "veto" or (contradiction == "auto" and bool(self.levels[index][PERSON, levels].sum() <= VETO_SHARE))

    def contradicts(self, patterns: Sequence[int]) -> NDArray[np.bool_]:
        """Whether the birth dates of a pattern cannot be one person's."""
        index, levels = self.contradicting()
        found: NDArray[np.bool_] = np.isin(_numbers(patterns, self.fields)[:, index], levels)
        return found

    def contradicting(self) -> tuple[int, list[int]]:
        """Which field speaks of contradiction, and the numbers of its levels that do."""
        index = [f.name for f in self.fields].index(CONTRADICTION[0].name)
        field = self.fields[index]
        return index, [field.number(level) for level in CONTRADICTION[1] if level in field.levels]

    def contributions(self, pattern: int) -> list[tuple[str, str, float]]:
        """Field, level and log2 ratio of same person against unrelated, for one pattern; missing fields left out."""
        numbers = unpack(pattern, self.fields)
        return [
            (f.name, f.levels[n - 1], float(np.log2(p[PERSON, n] / p[UNRELATED, n])))
            for f, p, n in zip(self.fields, self.levels, numbers, strict=True)
            if n
        ]


def train(
    patterns: Sequence[int],
    rules: Sequence[int],
    counts: Sequence[float],
    settled: Sequence[Sequence[str]],
    chance: Chance,
    fields: Sequence[Field],
) -> Model:
    """Learns a Model from candidate patterns: parallel sequences of packed pattern, rule mask and number of pairs.

    `settled`: for each rule number, the fields its key settles. ModelError when there is nothing to learn from."""
    if not len(patterns) or chance.total <= 0:
        raise ModelError("There are no candidate pairs to learn match weights from: deliver more records, or check the blocking keys.")
    # One order whatever the engine's: sums of floating numbers depend on it.
    order = np.lexsort((np.asarray(rules), np.asarray(patterns)))
    numbers = _numbers(np.asarray(patterns)[order].tolist(), fields)
    masks, weight = np.asarray(rules, dtype=np.int64)[order], np.asarray(counts, dtype=np.float64)[order]
    levels = [_start(f, chance) for f in fields]
    prior = np.array([len(weight) / chance.total, len(weight) / chance.total, 1.0])
    blocks = [_block((masks >> i) & 1 == 1, [f.name not in names for f in fields], numbers, weight) for i, names in enumerate(settled)]
    mixes = [np.array([0.4, 0.2, 0.4]) for _ in blocks]
    for _ in range(ROUNDS):
        levels, mixes = _train_by_blocks(levels, mixes, blocks, fields)
        levels = _with_proven_dates(levels, numbers, weight, fields)
        prior, related = _expected(levels, prior, numbers, weight, chance.total)
        levels = [_with_chance(f, p, chance, _tally(numbers[:, i], related, p.shape[1])) for i, (f, p) in enumerate(zip(fields, levels, strict=True))]
    prior, _ = _expected(levels, prior, numbers, weight, chance.total)
    return Model(tuple(fields), tuple(levels), prior)


def _numbers(patterns: Sequence[int], fields: Sequence[Field]) -> NDArray[np.int64]:
    packed = np.asarray(patterns, dtype=np.int64).reshape(-1)
    return np.stack([(packed >> (5 * i)) & 31 for i in range(len(fields))], axis=1) if len(packed) else np.zeros((0, len(fields)), np.int64)


def _log_likelihood(levels: Sequence[Array], numbers: NDArray[np.int64]) -> Array:
    total = np.zeros((len(CLASSES), len(numbers)))
    for i, p in enumerate(levels):
        total += np.log2(p).take(numbers[:, i], axis=1)
    return total.T


def _posterior(scores: Array) -> Array:
    shifted = np.exp2(scores - scores.max(axis=1, keepdims=True))
    out: Array = shifted / shifted.sum(axis=1, keepdims=True)
    return out


def _tally(numbers: NDArray[np.int64], weight: Array, size: int) -> Array:
    return np.bincount(numbers, weights=weight, minlength=size)[:size].astype(np.float64)


@dataclass(frozen=True)
class _Block:
    """The distinct agreement patterns of the pairs that one key brings, over the fields which the key does not settle: level numbers by field,
    and how many pairs."""

    numbers: Mapping[int, NDArray[np.int64]]
    weight: Array


def _block(rows: NDArray[np.bool_], free: Sequence[bool], numbers: NDArray[np.int64], weight: Array) -> _Block:
    """Patterns that differ in settled fields, or in the other keys they share, are one line: there are far fewer lines."""
    packed = np.zeros(int(rows.sum()), dtype=np.int64)
    for i, is_free in enumerate(free):
        packed |= (numbers[rows, i] if is_free else 0) << (BITS * i)
    distinct, line = np.unique(packed, return_inverse=True)
    levels = {i: (distinct >> (BITS * i)) & ((1 << BITS) - 1) for i, is_free in enumerate(free) if is_free}
    return _Block(levels, np.bincount(line, weights=weight[rows], minlength=len(distinct)).astype(np.float64))


def _train_by_blocks(levels: list[Array], mixes: list[Array], blocks: Sequence[_Block], fields: Sequence[Field]) -> tuple[list[Array], list[Array]]:
    """EM of the person and household levels and of each block's mix; the unrelated levels stay as they are."""
    anchors = [p.copy() for p in (_anchor(f) for f in fields)]
    for _ in range(STEPS):
        sums = [np.zeros_like(p) for p in levels]
        logs = [np.log2(p) for p in levels]
        for b, block in enumerate(blocks):
            if not len(block.weight):
                continue
            posterior = _expectation(block, logs, np.log2(np.maximum(mixes[b], 1e-9)))
            mixes[b] = posterior.sum(axis=1) / block.weight.sum()
            for i, number in block.numbers.items():
                for c in (PERSON, HOUSEHOLD):
                    sums[i][c] += _tally(number, posterior[c], sums[i].shape[1])
        new = [_maximised(f, p, s, a) for f, p, s, a in zip(fields, levels, sums, anchors, strict=True)]
        moved = max(float(np.abs(n - p).max()) for n, p in zip(new, levels, strict=True))
        levels = new
        if moved < 1e-5:
            break
    return levels, mixes


def _expectation(block: _Block, logs: Sequence[Array], mix: Array) -> Array:
    """Classes x lines: the expected pairs of each class."""
    scores = np.repeat(mix[:, None], len(block.weight), axis=1)
    for i, number in block.numbers.items():
        scores += logs[i].take(number, axis=1)
    scores -= scores.max(axis=0)
    np.exp2(scores, out=scores)
    scores *= block.weight / scores.sum(axis=0)
    return scores


def _maximised(field: Field, levels: Array, sums: Array, anchor: Array) -> Array:
    out = levels.copy()
    for c in (PERSON, HOUSEHOLD):
        seen = sums[c, 1:]
        strength = max(20.0, ANCHOR * seen.sum())
        share = (seen + strength * _spread(field, anchor[c, 1:], seen)) / (seen.sum() + strength)
        if c == HOUSEHOLD:
            share = _bounded(field, share)
        out[c, 1:] = share
    return out


def _spread(field: Field, anchor: Array, seen: Array) -> Array:
    """The anchor of the exact levels shared out as they were seen: how common values are is not known beforehand."""
    exact = [field.number(level) - 1 for level in field.exact]
    if not exact:
        return anchor
    out = anchor.copy()
    mass = anchor[exact].sum()
    observed = seen[exact] + 1e-3 * seen[exact].sum() + 1e-9
    out[exact] = mass * observed / observed.sum()
    return out


def _bounded(field: Field, share: Array) -> Array:
    ceilings = _CEILING.get(field.name)
    if not ceilings:
        return share
    out = share.copy()
    for level, ceiling in ceilings.items():
        index = [i for i, name in enumerate(field.levels) if name == level or (level == "exact" and name in field.exact)]
        total = out[index].sum()
        if total > ceiling:
            out[index] *= ceiling / total
    rest = [i for i, name in enumerate(field.levels) if name not in ceilings][-1]
    out[rest] += 1.0 - out.sum()
    return out


def _with_proven_dates(levels: list[Array], numbers: NDArray[np.int64], weight: Array, fields: Sequence[Field]) -> list[Array]:
    """One person's birth levels as pairs show them that share an e-mail or a mobile and the first name, where there are enough.

    Father and son of one name at one address look like one person whose dates contradict, and teach that a person's dates often do; they
    rarely share those."""
    at = {f.name: i for i, f in enumerate(fields)}
    if BIRTH.name not in at or FIRST.name not in at:
        return levels
    proven = np.zeros(len(weight), dtype=bool)
    for name in (EMAIL.name, MOBILE.name):
        if name in at:
            proven |= np.isin(numbers[:, at[name]], [fields[at[name]].number(level) for level in fields[at[name]].exact])
    first, birth = fields[at[FIRST.name]], fields[at[BIRTH.name]]
    agreeing = [first.number(level) for level in first.levels if level in (*first.exact, "variant", "typo_rare")]
    proven &= np.isin(numbers[:, at[FIRST.name]], agreeing) & (numbers[:, at[BIRTH.name]] > 0)
    seen = _tally(numbers[proven, at[BIRTH.name]], weight[proven], len(birth.levels) + 1)[1:]
    if seen.sum() < PROVEN:
        return levels
    out = list(levels)
    learnt = levels[at[BIRTH.name]].copy()
    anchor = _anchor(birth)[PERSON, 1:]
    learnt[PERSON, 1:] = (seen + 20.0 * anchor) / (seen.sum() + 20.0)
    out[at[BIRTH.name]] = learnt
    return out


def _expected(levels: Sequence[Array], prior: Array, numbers: NDArray[np.int64], weight: Array, total: float) -> tuple[Array, Array]:
    """The prior that reproduces itself over all pairs, and the number of related pairs expected per pattern."""
    likelihood = _log_likelihood(levels, numbers)
    for _ in range(30):
        posterior = _posterior(likelihood + np.log2(prior)[None, :]) * weight[:, None]
        related = np.maximum(posterior[:, :UNRELATED].sum(axis=0) / total, 0.5 / total)
        prior = np.array([related[0], related[1], max(1.0 - related.sum(), 1e-6)])
    return prior, posterior[:, :UNRELATED].sum(axis=1)


# -- the unrelated, and where EM starts ---------------------------------------------------------------------------------------


def _anchor(field: Field) -> Array:
    """Classes x levels of the start values; an exact share is spread over the classes of its value."""
    out = np.ones((len(CLASSES), len(field.levels) + 1))
    for c, shares in zip((PERSON, HOUSEHOLD), _START.get(field.name, _EXTRA_START), strict=True):
        for level, share in shares.items():
            names = [n for n in field.levels if n == level] or list(field.exact)
            for name in names:
                out[c, field.number(name)] = share / len(names)
        out[c, 1:] /= out[c, 1:].sum()
    return out


def _start(field: Field, chance: Chance) -> Array:
    return _with_chance(field, _anchor(field), chance, np.zeros(len(field.levels) + 1))


def _with_chance(field: Field, levels: Array, chance: Chance, related: Array) -> Array:
    """Sets the unrelated row: equal values as counted less the related pairs among them, the rest as sampled."""
    sampled = np.asarray(chance.sampled.get(field.name, [0.0] * (len(field.levels) + 1)), dtype=float)[1:]
    seen = sampled.sum()
    share = (sampled + 0.5) / (seen + 0.5 * len(sampled)) if seen > 0 else np.full(len(sampled), 1.0 / len(sampled))
    stated = chance.stated.get(field.name, 0.0)
    if stated > 0:
        for level in field.exact:
            n = field.number(level)
            agreeing = chance.agreeing.get(field.name, {}).get(level, 0.0)
            share[n - 1] = (max(agreeing - related[n], LEAST_CHANCE * agreeing) + 0.5) / stated
    out = levels.copy()
    out[UNRELATED, 1:] = share / share.sum() if field.name != ORDER.name else 1.0 / len(share)
    return out


# -- to and from rows ---------------------------------------------------------------------------------------------------------


def to_rows(model: Model) -> list[tuple[str, str, float, float, float]]:
    """(comparison, level, p_person, p_household, p_unrelated) of every level, and one row of the prior."""
    rows = [(PRIOR, PRIOR, model.prior)]
    for f, p in zip(model.fields, model.levels, strict=True):
        rows += [(f.name, level, p[:, i + 1]) for i, level in enumerate(f.levels)]
    return [(name, level, float(p[PERSON]), float(p[HOUSEHOLD]), float(p[UNRELATED])) for name, level, p in rows]


def from_rows(rows: Sequence[tuple[str, str, float, float, float]], fields: Sequence[Field]) -> Model:
    """The model that `to_rows` described; ModelError when it knows other fields or levels than `fields`."""
    known = {(r[0], r[1]): np.array(r[2:], dtype=float) for r in rows}
    wanted = {(f.name, level) for f in fields for level in f.levels} | {(PRIOR, PRIOR)}
    if set(known) != wanted:
        raise ModelError(
            "The match model in identity.match_model compares other fields or levels than this version: run with --set identity.retrain=true."
        )
    levels = []
    for f in fields:
        p = np.ones((len(CLASSES), len(f.levels) + 1))
        for i, level in enumerate(f.levels):
            p[:, i + 1] = known[f.name, level]
        levels.append(p)
    return Model(tuple(fields), tuple(levels), known[PRIOR, PRIOR])
