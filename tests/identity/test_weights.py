"""EM recovers planted parameters; three classes keep families apart; the model survives its table."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from appetence.errors import ModelError
from appetence.identity.comparison import Field
from appetence.identity.weights import HOUSEHOLD, PERSON, Chance, Model, from_rows, to_rows, train

FIELDS = (
    Field("last_name", ("exact", "typo_rare", "differ"), ("exact",)),
    Field("first_name", ("exact", "initial", "differ"), ("exact",)),
    Field("birth_date", ("exact", "digit", "contradict"), ("exact",)),
    Field("place", ("same", "near", "elsewhere"), ("same",)),
    Field("email", ("exact", "differ"), ("exact",)),
)
PERSONS, FAMILY, TOTAL = 30_000.0, 20_000.0, 4e9
SHARE_EMAIL = 0.4  # of pairs in which both sides state it
P = {
    "last_name": (0.90, 0.06, 0.04),
    "first_name": (0.82, 0.10, 0.08),
    "birth_date": (0.91, 0.07, 0.02),
    "place": (0.72, 0.12, 0.16),
    "email": (0.85, 0.15),
}
H = {
    "last_name": (0.80, 0.04, 0.16),
    "first_name": (0.02, 0.03, 0.95),
    "birth_date": (0.01, 0.02, 0.97),
    "place": (0.85, 0.10, 0.05),
    "email": (0.15, 0.85),
}
U = {
    "last_name": (2e-3, 1e-4, 0.9979),
    "first_name": (6e-3, 2e-2, 0.974),
    "birth_date": (5e-5, 2e-3, 0.99795),
    "place": (5e-6, 1e-4, 0.999895),
    "email": (1e-8, 1.0),
}
# The keys: e-mail; birth date with surname; place.
SETTLED = (("email",), ("birth_date", "last_name"), ("place",))


def planted() -> tuple[list[int], list[int], list[float], Chance]:
    """Every pattern that some key brings, with the number of pairs expected of it; nothing is drawn."""
    names = [f.name for f in FIELDS]
    patterns, rules, counts = [], [], []
    for numbers in itertools.product((1, 2, 3), (1, 2, 3), (1, 2, 3), (1, 2, 3), (0, 1, 2)):
        n = 0.0
        for size, levels in ((PERSONS, P), (FAMILY, H), (TOTAL, U)):
            share = np.prod([levels[f][k - 1] for f, k in zip(names[:4], numbers[:4], strict=True)])
            email = 1 - SHARE_EMAIL if numbers[4] == 0 else SHARE_EMAIL * levels["email"][numbers[4] - 1]
            n += size * share * email
        mask = (numbers[4] == 1) | (numbers[2] == 1 and numbers[0] == 1) << 1 | (numbers[3] == 1) << 2
        if mask:
            patterns.append(sum(k << (5 * i) for i, k in enumerate(numbers)))
            rules.append(mask)
            counts.append(n)
    agreeing = {f.name: {f.exact[0]: PERSONS * P[f.name][0] + FAMILY * H[f.name][0] + TOTAL * U[f.name][0]} for f in FIELDS}
    agreeing["email"] = {"exact": SHARE_EMAIL * agreeing["email"]["exact"]}
    stated = dict.fromkeys(names, TOTAL) | {"email": TOTAL * SHARE_EMAIL}
    sampled = {f.name: [0.0, *(4e5 * u for u in U[f.name])] for f in FIELDS}
    return patterns, rules, counts, Chance(TOTAL, stated, agreeing, sampled)


@pytest.fixture(scope="module")
def model() -> Model:
    patterns, rules, counts, chance = planted()
    return train(patterns, rules, counts, SETTLED, chance, FIELDS)


def number(**levels: str) -> int:
    return sum(f.number(levels[f.name]) << (5 * i) for i, f in enumerate(FIELDS) if f.name in levels)


@pytest.mark.parametrize(("row", "planted_levels"), [(PERSON, P), (HOUSEHOLD, H)])
def test_planted_levels_are_recovered(model: Model, row: int, planted_levels: dict[str, tuple[float, ...]]) -> None:
    for field, learnt in zip(FIELDS, model.levels, strict=True):
        assert learnt[row, 1:] == pytest.approx(planted_levels[field.name], abs=0.035), field.name


def test_planted_priors_are_recovered(model: Model) -> None:
    # What no key brings cannot be counted: a little less than planted.
    assert model.prior[PERSON] * TOTAL == pytest.approx(PERSONS, rel=0.06)
    assert model.prior[HOUSEHOLD] * TOTAL == pytest.approx(FAMILY, rel=0.2)


def test_what_a_family_shares_is_no_proof_of_a_person(model: Model) -> None:
    """Two classes would link these: surname and address agree, and nothing of the first name or the date is known."""
    family = number(last_name="exact", place="same", first_name="differ")
    person, home = model.weights([family])
    assert person[0] < 0 < home[0]
    two_classes = np.log2(
        model.levels[0][PERSON, 1] / model.levels[0][2, 1] * model.levels[3][PERSON, 1] / model.levels[3][2, 1] * model.prior[PERSON]
    )
    assert two_classes > 0


def test_zero_is_where_one_person_is_as_likely_as_not(model: Model) -> None:
    patterns, _, counts, _ = planted()
    weights, _ = model.log_odds(patterns)
    names = [f.name for f in FIELDS]
    right = linked = 0.0
    for pattern, n, w in zip(patterns, counts, weights, strict=True):
        if w > 0:
            numbers = [(pattern >> (5 * i)) & 31 for i in range(5)]
            share = np.prod([P[f][k - 1] for f, k in zip(names[:4], numbers[:4], strict=True)])
            share *= 1 - SHARE_EMAIL if numbers[4] == 0 else SHARE_EMAIL * P["email"][numbers[4] - 1]
            right, linked = right + PERSONS * share, linked + n
    assert right / linked > 0.97
    assert right / PERSONS > 0.93


def test_inv_19_contradicting_birth_dates_are_never_a_link(model: Model) -> None:
    best = number(last_name="exact", first_name="exact", birth_date="contradict", place="same", email="exact")
    assert model.weights([best])[0][0] < -900


def test_namesakes_at_one_address_do_not_teach_that_dates_err() -> None:
    """Father and son of one name: all agrees but the dates. What shares an e-mail says how often one person's dates contradict."""
    patterns, rules, counts, chance = planted()
    namesakes = number(last_name="exact", first_name="exact", birth_date="contradict", place="same")
    learnt = train([*patterns, namesakes], [*rules, 4], [*counts, 4000.0], SETTLED, chance, FIELDS)
    birth = FIELDS[2]
    assert learnt.levels[2][PERSON, birth.number("contradict")] == pytest.approx(P["birth_date"][2], abs=0.006)
    assert learnt.vetoes("auto")


def test_order_of_the_counts_does_not_matter(model: Model) -> None:
    patterns, rules, counts, chance = planted()
    turned = train(patterns[::-1], rules[::-1], counts[::-1], SETTLED, chance, FIELDS)
    assert turned.version == model.version


def test_model_survives_its_rows(model: Model) -> None:
    again = from_rows(to_rows(model), FIELDS)
    assert again.version == model.version
    assert np.array_equal(again.weights([number(last_name="exact")])[0], model.weights([number(last_name="exact")])[0])


def test_model_of_other_fields_is_refused(model: Model) -> None:
    with pytest.raises(ModelError, match="identity.retrain=true"):
        from_rows(to_rows(model), FIELDS[:3])


def test_nothing_to_learn_from_is_said() -> None:
    with pytest.raises(ModelError, match="no candidate pairs"):
        train([], [], [], SETTLED, Chance(10.0, {}, {}, {}), FIELDS)


def test_a_rare_name_proves_more_than_a_common_one() -> None:
    """Half of all persons bear common names, half rare ones; strangers agree on a rare one twenty times less often."""
    last = Field("last_name", ("exact_0", "exact_1", "typo_rare", "differ"), ("exact_0", "exact_1"))
    share = {"person": (0.5, 0.5), "unrelated": (20 / 21, 1 / 21)}
    patterns, rules, counts, chance = planted()
    split: list[tuple[int, int, float]] = []
    for pattern, mask, n in zip(patterns, rules, counts, strict=True):
        level, rest = pattern & 31, pattern >> 5 << 5
        if level > 1:
            split.append((rest | level + 1, mask, n))
            continue
        numbers = [(pattern >> (5 * i)) & 31 for i in range(5)]
        names = [f.name for f in FIELDS]
        email = 1 - SHARE_EMAIL if numbers[4] == 0 else SHARE_EMAIL * U["email"][numbers[4] - 1]
        strangers = TOTAL * float(np.prod([U[f][k - 1] for f, k in zip(names[:4], numbers[:4], strict=True)])) * email
        for i in range(2):
            split.append((rest | i + 1, mask, (n - strangers) * share["person"][i] + strangers * share["unrelated"][i]))
    related = PERSONS * P["last_name"][0] + FAMILY * H["last_name"][0]
    agreeing = {f"exact_{i}": related * share["person"][i] + TOTAL * U["last_name"][0] * share["unrelated"][i] for i in range(2)}
    sampled = {**chance.sampled, "last_name": [0.0, *(4e5 * U["last_name"][0] * s for s in share["unrelated"]), 40.0, 399_160.0]}
    known = Chance(chance.total, chance.stated, {**chance.agreeing, "last_name": agreeing}, sampled)
    model = train([s[0] for s in split], [s[1] for s in split], [s[2] for s in split], SETTLED, known, (last, *FIELDS[1:]))
    common, rare = (model.contributions(i + 1)[0][2] for i in range(2))
    assert rare - common == pytest.approx(np.log2(20), abs=0.3)
