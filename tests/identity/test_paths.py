"""The strongest way between two records: against every simple way there is, and on planted cases. The picture of a component draws all of it."""

from __future__ import annotations

import random
from itertools import pairwise, permutations

import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from appetence.identity.paths import Around, Link, Tie, strongest_path
from appetence.reporting import charts
from appetence.reporting.canvas import BLUE, GREEN


@pytest.mark.parametrize(
    ("links", "way"),
    [
        pytest.param([("a", "b", 4.0), ("b", "c", 3.0), ("c", "z", 5.0)], "abcz", id="a chain"),
        pytest.param([("a", "z", 1.0), ("a", "b", 9.0), ("b", "z", 2.0)], "abz", id="two ways, the longer one stronger"),
        pytest.param([("a", "b", 9.0), ("b", "z", 2.0), ("a", "c", 3.0), ("c", "z", 2.5)], "acz", id="the weakest link counts, not the sum"),
        pytest.param([("a", "b", 2.0), ("b", "c", 9.0), ("c", "z", 9.0), ("a", "d", 3.0), ("d", "z", 2.0)], "adz", id="a tie: fewest steps"),
        pytest.param([("a", "c", 2.0), ("c", "z", 2.0), ("a", "b", 2.0), ("b", "z", 8.0)], "abz", id="a tie: lowest ids"),
        pytest.param([(x, y, 2.0) for x, y in ("ab", "by", "yz", "ac", "cx", "xz")], "abyz", id="a tie: lowest ids seen from the lower end"),
        # By strength and length at once a search would keep the wide beginning a-b-c and miss the short one.
        pytest.param([("a", "b", 9.0), ("b", "c", 9.0), ("a", "c", 3.0), ("c", "z", 2.0)], "acz", id="a narrow beginning before a narrower end"),
        pytest.param([("a", "b", 4.0), ("c", "z", 4.0)], "", id="no way"),
        pytest.param([("b", "c", 4.0)], "", id="ends that nothing holds"),
        pytest.param([], "", id="no links"),
    ],
)
def test_planted_ways(links: list[Link], way: str) -> None:
    assert strongest_path(links, "a", "z") == list(way)
    assert strongest_path(links[::-1], "z", "a") == list(way)[::-1]


def test_the_way_is_the_best_of_all_simple_ways() -> None:
    seed = 12
    draw = random.Random(seed)
    for case in range(150):
        names = "abcdef"
        weight = {(x, y): float(draw.randrange(-2, 4)) for x in names for y in names if x < y and draw.random() < 0.45}
        inner = [w for n in range(5) for w in permutations("bcde", n)]
        ways = [["a", *w, "f"] for w in inner if all((min(t), max(t)) in weight for t in pairwise(["a", *w, "f"]))]
        best = min(ways, key=lambda w: (-min(weight[min(t), max(t)] for t in pairwise(w)), len(w), w), default=[])
        assert strongest_path([(x, y, w) for (x, y), w in weight.items()], "a", "f") == best, f"seed {seed}, case {case}"


def test_a_way_keeps_to_links_and_to_the_clusters_of_the_two_unless_told() -> None:
    weighed = {("a", "b"): (8.0, True), ("b", "z"): (-1.0, False), ("a", "x"): (5.0, True), ("x", "z"): (5.0, True)}
    ties = {two: Tie(w, "", is_link) for two, (w, is_link) in weighed.items()}
    between = Around(("a", "z"), {"a": 1, "b": 1, "z": 1, "x": 2}, ties, True, True)
    assert between.way(with_doubtful=False, is_inside=True) == []
    assert between.way(with_doubtful=True, is_inside=True) == ["a", "b", "z"]
    assert between.way(with_doubtful=False, is_inside=False) == ["a", "x", "z"]
    assert between.is_one_cluster and between.cluster("z") == ["a", "b", "z"] and between.tie("z", "b") == ties["b", "z"]


def drawn(figure: Figure) -> tuple[list[PathCollection], LineCollection]:
    """The dots, one collection a cluster, and the lines."""
    found = figure.axes[0].collections
    (lines,) = [c for c in found if isinstance(c, LineCollection)]
    return [c for c in found if isinstance(c, PathCollection)], lines


@pytest.mark.parametrize("narrow", [False, True])
def test_the_picture_of_a_component_draws_each_node_and_link(narrow: bool) -> None:
    links = [(0, 1, 4.0), (1, 2, 8.0), (2, 3, 2.0), (3, 4, 6.0)]
    dots, lines = drawn(charts.component([7, 7, 7, 9, 9], links, narrow=narrow))
    assert [(len(d.get_offsets()), to_hex(d.get_facecolor()[0])) for d in dots] == [(3, BLUE), (2, GREEN)]
    spots = {tuple(map(float, p.round(6))) for d in dots for p in d.get_offsets()}
    ends = [{tuple(map(float, p.round(6))) for p in s} for s in lines.get_segments()]
    assert len(spots) == 5 and len(ends) == len(links) and set.union(*ends) == spots
    widths = list(lines.get_linewidths())
    assert sorted(range(4), key=lambda i: widths[i]) == sorted(range(4), key=lambda i: links[i][2])
    dashed = [bool(pattern) for _, pattern in lines.get_linestyles()]
    assert dashed == [False, False, True, False], "the link that was cut"


def test_many_groups_share_the_last_colour_and_no_record_draws_nothing() -> None:
    dots, _ = drawn(charts.component(list(range(9)), []))
    assert len(dots) == 9 and len({to_hex(d.get_facecolor()[0]) for d in dots}) == 5
    dots, lines = drawn(charts.component([], []))
    assert not dots and not lines.get_segments()
