"""Clusters: planted kinds of people are found and named, a later run keeps ids and names, and no cluster is small."""

from __future__ import annotations

import numpy as np
import pytest

from appetence.enrichment.clusters import INPUTS, Cluster, find_clusters

NAN = float("nan")
KINDS = {
    "Retraités des campagnes": (75.0, 2.0, 0.0, 1.0, 22_000.0, 0.12),
    "Familles des villes": (40.0, 4.0, 1.0, 4.0, 24_000.0, 0.10),
    "Jeunes adultes seuls des grandes villes": (25.0, 1.0, 0.0, 6.0, 26_000.0, 0.20),
    "Actifs confirmés à deux des villes": (60.0, 2.0, 0.0, 3.0, 23_000.0, 0.10),
}


def people(seed: int, *, with_incomes: bool = False, shift: float = 0.0, each: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Cells around the planted kinds, each cell one to five persons; `shift` years are added to every age."""
    draw = np.random.default_rng(seed)
    spread = np.array([3.0, 0.2, 0.0, 0.3, 800.0, 0.01])
    cells = np.concatenate([np.array(kind) + draw.normal(size=(each, len(INPUTS))) * spread for kind in KINDS.values()])
    cells[:, 0] += shift
    if not with_incomes:
        cells[:, 4:] = NAN
    return cells, draw.integers(1, 6, len(cells)).astype(float)


def test_planted_kinds_are_found_and_named_by_rule() -> None:
    cells, persons = people(1)
    found, owners = find_clusters(cells, persons, count=4)
    assert {c.label for c in found} == set(KINDS) and [c.cluster_id for c in sorted(found, key=lambda c: c.centre[3])][0] == "c01"
    for i, name in enumerate(KINDS):
        mine = {found[o].label for o in owners[300 * i : 300 * (i + 1)]}
        assert mine == {name}
    assert sum(c.persons for c in found) == persons.sum() and all(c.centre[4] is None for c in found)


def test_the_same_cells_in_any_order_give_the_same_clusters() -> None:
    cells, persons = people(2, with_incomes=True)
    order = np.lexsort(cells.T)
    one, owners = find_clusters(cells[order], persons[order])
    again, same = find_clusters(cells[order], persons[order])
    assert one == again and owners == same and len({c.label for c in one}) == len(one) == 8


def test_a_later_run_keeps_ids_and_names_and_gives_new_ones_to_what_is_new() -> None:
    first, _ = find_clusters(*people(3), count=4)
    later, _ = find_clusters(*people(4, shift=0.5), former=first, count=4)
    assert {c.cluster_id: c.label for c in later} == {c.cluster_id: c.label for c in first}
    # Whatever order the former ones are listed in, and with names given by somebody: the match is by place.
    named = [Cluster(c.cluster_id, f"nom {c.cluster_id}", c.persons, c.centre) for c in reversed(first)]
    kept, _ = find_clusters(*people(5), former=named, count=4)
    assert {c.cluster_id: (c.label, round((c.centre[0] or 0) / 15)) for c in kept} == {
        c.cluster_id: (f"nom {c.cluster_id}", round((c.centre[0] or 0) / 15)) for c in first
    }
    for former in (first, first[::-1], first[2:] + first[:2]):
        five, _ = find_clusters(*people(6), former=former, count=5)
        labels = {c.cluster_id: c.label for c in five}
        assert labels.pop("c05") and labels == {c.cluster_id: c.label for c in first}


def test_where_nothing_divides_people_the_former_division_holds() -> None:
    def crowd(seed: int) -> tuple[np.ndarray, np.ndarray]:
        draw = np.random.default_rng(seed)
        cells = draw.uniform(size=(2000, len(INPUTS))) * (60, 4, 1, 5, 10_000, 0.2) + (20, 1, 0, 1, 18_000, 0.05)
        return cells, np.ones(len(cells))

    first, _ = find_clusters(*crowd(1))
    spread = crowd(1)[0].std(axis=0)
    before = {c.cluster_id: np.array(c.centre, dtype=float) for c in first}
    for seed in (2, 3, 4):
        later, _ = find_clusters(*crowd(seed), former=first)
        moves = [np.linalg.norm((np.array(c.centre, dtype=float) - before[c.cluster_id]) / spread) for c in later]
        assert len(later) == 8 and max(moves) < 0.5, (seed, moves)


def test_a_cluster_that_moved_keeps_its_id_and_is_named_anew() -> None:
    first, _ = find_clusters(*people(3), count=4)
    youngest = min(first, key=lambda c: c.centre[0] or 0)
    cells, persons = people(4)
    cells[600:900, 0] += 15
    later, _ = find_clusters(cells, persons, former=first, count=4)
    moved = next(c for c in later if c.cluster_id == youngest.cluster_id)
    assert (youngest.label, moved.label) == ("Jeunes adultes seuls des grandes villes", "Actifs seuls des grandes villes")


def test_incomes_of_the_area_enter_the_name_when_they_are_supplied() -> None:
    found, _ = find_clusters(*people(1, with_incomes=True), count=4)
    assert {c.label for c in found} == {
        "Retraités des campagnes, communes modestes", "Familles des villes", "Actifs confirmés à deux des villes",
        "Jeunes adultes seuls des grandes villes, communes aisées",
    }  # fmt: skip


@pytest.mark.parametrize(("persons", "expected"), [([4.0, 6.0], 0), ([4.0, 7.0], 1), ([400.0, 10.0], 1), ([400.0, 11.0], 2)])
def test_no_cluster_has_fewer_than_eleven_persons(persons: list[float], expected: int) -> None:
    cells = np.array([[30.0, 1.0, 0.0, 6.0, NAN, NAN], [80.0, 2.0, 0.0, 1.0, NAN, NAN]])
    found, owners = find_clusters(cells, np.array(persons))
    assert len(found) == expected and all(c.persons >= 11 for c in found)
    assert owners == ([-1, -1] if not expected else [0, 0] if expected == 1 else owners) and (expected != 2 or len(set(owners)) == 2)


def test_nothing_about_origin_religion_health_or_purchases_is_an_input() -> None:
    assert INPUTS == ("age", "household_size", "family_share", "size_rank", "median_income_eur", "poverty_rate")
    assert find_clusters(np.empty((0, len(INPUTS))), np.empty(0)) == ([], [])
