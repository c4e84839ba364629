"""The estimates are right on average and their intervals cover, on planted populations; the draw is the same wherever it is made."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from appetence.contracts.identity import Edge
from appetence.errors import ConfigError
from appetence.identity.sampling import (
    BOUNDS,
    Answer,
    Cell,
    Estimate,
    Figure,
    Label,
    Stratum,
    allocated,
    drawn,
    estimated,
    label_of,
    sizes,
    strata_of,
    tallied,
)

SEED, DRAWS = 20261129, 2000
PLANTED = {
    "a co-operative": ((30_000, 900), (8_000, 1_600), (3_000, 1_500), (4_000, 3_200), (12_000, 11_400), (40_000, 39_600), (90_000, 89_900)),
    "a small one": ((300, 9), (80, 16), (30, 15), (40, 32), (120, 114), (400, 396), (60, 60)),
}
"""Pairs of each stratum, and how many are one person; the first two hold no links."""


def strata(planted: tuple[tuple[int, int], ...]) -> tuple[Stratum, ...]:
    return tuple(Stratum(i if i < 2 else i + len(BOUNDS), Label(i + 1, len(planted), i >= 2), n) for i, (n, _) in enumerate(planted))


def cell(number: int, is_link: bool, pairs: int, answered: int, same: int, of: int = 2) -> Cell:
    return Cell(f"{number}/{of} {'link' if is_link else 'no link'}, 0 to 2", is_link, pairs, answered, answered, same)


def shares(estimate: Estimate) -> tuple[Figure, Figure]:
    assert estimate.precision and estimate.recall
    return estimate.precision, estimate.recall


@pytest.mark.parametrize("name", PLANTED)
def test_the_average_of_many_samples_is_the_truth_and_the_interval_covers_it(name: str) -> None:
    planted = PLANTED[name]
    held = strata(planted)
    quotas = allocated(held, 300)
    right, missed = sum(k for _, k in planted[2:]), sum(k for _, k in planted[:2])
    truth = (right / sum(n for n, _ in planted[2:]), right / (right + missed))
    draw = np.random.default_rng(SEED)
    answers = np.array([draw.hypergeometric(k, n - k, quotas[s], DRAWS) for s, (n, k) in zip(held, planted, strict=True)])
    found = [
        shares(estimated([Cell(s.name, s.label.is_link, s.size, quotas[s], quotas[s], int(y)) for s, y in zip(held, column, strict=True)]))
        for column in answers.T
    ]
    for i, true in enumerate(truth):
        values = np.array([f[i].value for f in found])
        error = 4 * values.std() / sqrt(DRAWS)
        assert abs(values.mean() - true) < error + (0.0005 if i else 0), f"seed {SEED}: a ratio's bias is of the order of its variance, no more"
        covered = np.mean([f[i].low - 1e-9 <= true <= f[i].high + 1e-9 for f in found])
        assert 0.93 <= covered <= 0.98, f"seed {SEED}: {name} covers in {covered:.3f}"
        assert all(0 <= f[i].low <= f[i].value <= f[i].high <= 1 for f in found)


def test_many_mixed_answers_have_the_textbook_s_stratified_variance() -> None:
    cells = [cell(1, False, 9_000, 2_000, 700, 3), cell(2, True, 8_000, 3_000, 1_800, 3), cell(3, True, 20_000, 4_000, 3_400, 3)]
    precision, recall = shares(estimated(cells))
    variance = {c.stratum: c.pairs**2 * (1 - c.answered / c.pairs) * c.share * (1 - c.share) / (c.answered - 1) for c in cells}
    links = variance[cells[1].stratum] + variance[cells[2].stratum]
    assert (precision.high - precision.low) / (2 * 1.96 * sqrt(links) / 28_000) == pytest.approx(1, abs=0.01)
    right, missed = 8_000 * 0.6 + 20_000 * 0.85, 9_000 * 0.35
    linearised = sqrt(missed**2 * links + right**2 * variance[cells[0].stratum]) / (right + missed) ** 2
    assert precision.value == pytest.approx(right / 28_000) and recall.value == pytest.approx(right / (right + missed))
    assert (recall.high - recall.low) / (2 * 1.96 * linearised) == pytest.approx(1, abs=0.01)


def test_strata_answered_all_alike_keep_a_width_and_strata_answered_whole_have_none() -> None:
    precision, recall = shares(estimated([cell(1, False, 5_000, 30, 0), cell(2, True, 5_000, 50, 50)]))
    assert precision.value == recall.value == precision.high == recall.high == 1
    assert precision.low == pytest.approx(0.951, abs=0.002), "Jeffreys' limit of 50 of 50, as Brown, Cai and DasGupta have it"
    assert 0.90 < recall.low < 0.94
    whole = estimated([cell(1, False, 40, 40, 4), cell(2, True, 60, 60, 54)])
    for figure, value in zip(shares(whole), (0.9, 54 / 58), strict=True):
        assert (figure.low, figure.value, figure.high) == pytest.approx((value, value, value))
    nearly = shares(estimated([cell(1, False, 40, 40, 4), cell(2, True, 60, 59, 54)]))[0]
    assert nearly.low >= 54 / 60 - 1e-9 and nearly.high <= 55 / 60 + 1e-9, "one pair is open"


def test_what_was_not_answered_is_left_out_and_said() -> None:
    answers = [Answer("3/4 link, 2 to 4", 70, None), Answer("2/4 link, 0 to 2", 90, True), Answer("1/4 no link, -2 to 0", 50, False)]
    answers += [Answer("2/4 link, 0 to 2", 90, True), Answer("2/4 link, 0 to 2", 90, False), Answer("2/4 link, 0 to 2", 90, None)]
    found = estimated(tallied(answers))
    assert [(c.pairs, c.drawn, c.answered, c.same) for c in found.cells] == [(50, 1, 1, 0), (90, 4, 3, 2), (70, 1, 0, 0)]
    assert found.precision and found.precision.value == pytest.approx(2 / 3)
    assert found.recall and found.recall.value == 1
    assert [n.split(":")[0] for n in found.notes] == [
        "Stratum 3/4 link, 2 to 4 has no answer",
        "Stratum 4/4 has no line",
        "1 of 5 lines have no answer",
    ]
    assert found.rows()[2] == {"stratum": "3/4 link, 2 to 4", "pairs": 70, "drawn": 1, "answered": 0, "same": 0, "share": None}


def test_without_answers_of_a_kind_nothing_is_said_of_it() -> None:
    links_only = estimated([cell(2, True, 90, 4, 3)])
    assert links_only.precision and links_only.recall is None, "stratum 1 of 2 has no line, so that nothing says what was missed"
    assert estimated([cell(1, True, 90, 4, 3, of=1)]).recall, "all pairs are links, and no stratum is lacking"
    open_ = estimated([replace(cell(1, False, 90, 0, 0), drawn=4), cell(2, True, 90, 4, 3)])
    assert open_.precision and open_.recall is None
    missed_only = estimated([cell(1, False, 90, 4, 3), replace(cell(2, True, 90, 0, 0), drawn=4)])
    assert missed_only.precision is None and missed_only.recall is None and len(missed_only.notes) == 3
    assert estimated([cell(1, False, 90, 4, 0), cell(2, True, 90, 4, 0)]).recall is None, "no pair is one person"


def test_quotas_add_up_and_a_larger_sample_holds_the_smaller_one() -> None:
    held = strata(PLANTED["a small one"])
    before = allocated(held, 14)
    assert set(before.values()) == {2}
    for size in range(15, 1_031, 55):
        now = allocated(held, size)
        assert sum(now.values()) == size and all(before[s] <= now[s] <= s.size for s in held)
        before = now
    assert allocated(held, 10_000) == {s: s.size for s in held}
    root = allocated(strata(PLANTED["a co-operative"]), 3_000)
    assert [round(n / sqrt(s.size), 1) for s, n in root.items()] == [round(3_000 / sum(sqrt(s.size) for s in root), 1)] * 7
    with pytest.raises(ConfigError, match="13 pairs is too small for 7 strata: ask for 14 or more"):
        allocated(held, 13)


def test_names_of_strata_say_what_they_are() -> None:
    held = [Stratum(slot, Label(slot + 1, 14, slot > 6), 1) for slot in range(14)]
    assert [s.name for s in held[:3]] == ["1/14 no link, below -2", "2/14 no link, -2 to 0", "3/14 no link, 0 to 2"]
    assert [s.name for s in held[-2:]] == ["13/14 link, 8 to 16", "14/14 link, above 16"]
    assert [label_of(s.name) for s in held] == [s.label for s in held]
    assert [label_of(n) for n in ("", "0/2 link, 0 to 2", "3/2 link, 0 to 2", "1/2 lien, 0 to 2", "mars-07 link")] == [None] * 5


@pytest.mark.spark
def test_the_draw_is_the_same_whatever_the_partitions_and_each_pair_stands_for_its_share(spark: SparkSession) -> None:
    weights = [-3.5] * 60 + [-2.0] * 5 + [-1.0] * 30 + [2.0] * 20 + [2.1] * 3 + [9.0] * 80 + [30.0] * 200
    rows = [{"record_a": f"{i:04d}a", "record_b": f"{i:04d}b", "weight": w, "is_link": w > 0} for i, w in enumerate(weights)]
    edges = Edge.frame(spark, [{**r, "household_weight": 0.0, "pattern": "", "rules": []} for r in rows])
    held = strata_of(sizes(edges).collect())
    assert [(s.name, s.size) for s in held] == [
        ("1/6 no link, below -2", 65), ("2/6 no link, -2 to 0", 30), ("3/6 link, 0 to 2", 20), ("4/6 link, 2 to 4", 3), ("5/6 link, 8 to 16", 80),
        ("6/6 link, above 16", 200),
    ]  # fmt: skip
    quotas = allocated(held, 40)
    names = ("stratum", "stratum_size", "sampling_weight", "sample_rank", "record_a")
    first = {tuple(r) for r in drawn(edges, quotas, 7).select(*names).collect()}
    again = drawn(edges.repartition(5, "weight").orderBy(F.desc("record_a")), quotas, 7)
    assert {tuple(r) for r in again.select(*names).collect()} == first

    # The reference: the lowest hashes of each stratum, sorted by hand.
    hashed = {r[0]: r[1] for r in edges.select("record_a", F.xxhash64("record_a", "record_b", F.lit(7).cast("bigint"))).collect()}
    for s, n in quotas.items():
        own = [r["record_a"] for r in rows if (r["weight"] in (-3.5, -2.0) if s.slot == 0 else True)]
        mine = sorted((r for r in first if r[0] == s.name), key=lambda r: r[3])
        assert [r[3] for r in mine] == list(range(1, n + 1)) and {r[1:3] for r in mine} == {(s.size, s.size / n)}
        assert [hashed[r[4]] for r in mine] == sorted(hashed[r[4]] for r in mine)
        if s.slot == 0:
            assert [r[4] for r in mine] == sorted(own, key=lambda a: hashed[a])[:n]
    assert sum(r[2] for r in first) == pytest.approx(len(weights)), "the weights add up to the population"
    other = {tuple(r)[4] for r in drawn(edges, quotas, 8).select(*names).collect()}
    assert len(other) == 40 and other != {r[4] for r in first}
    assert set(drawn(edges, quotas, 7).columns) == {*edges.columns, *names[:4]}
