"""The shapes of the departments, drawn from the centres of communes: each cell of a grid belongs to the department of the nearest commune.

No outline is shipped, and none is needed to see where people live: the shapes are right to about ten kilometres.
"""

from __future__ import annotations

import math
from collections import defaultdict
from functools import cache

from appetence import data

CELL = 0.12
"""Degrees of latitude of a cell; its width is as many kilometres at the latitude of 46.5°."""
FARTHEST_KM = 14.0
"""A cell farther than this from every commune is sea or abroad."""
SQUEEZE = math.cos(math.radians(46.5))
"""Kilometres of a degree of longitude, to one of latitude, in the middle of the country."""
_KM = 111.2
Loop = list[tuple[float, float]]
Cell = tuple[int, int]


@cache
def regions() -> dict[str, str]:
    """Department code -> region code."""
    return {row["department"]: row["region"] for row in data.rows("communes") if row["status"] == "current" and row["region"]}


@cache
def shapes() -> dict[str, list[Loop]]:
    """Department code -> closed outlines (x, y), x eastward, both in degrees of latitude; European France, the smallest last."""
    owners = _owners()
    cells: dict[str, set[Cell]] = defaultdict(set)
    for cell, department in owners.items():
        cells[department].add(cell)
    made = {department: _outlines(found) for department, found in cells.items()}
    # The smallest departments, around Paris, are nobody's nearest: a small square at their place stands for them.
    for department, (x, y) in _places().items():
        if department not in made:
            half = 0.45 * CELL
            made[department] = [[(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]]
    return dict(sorted(made.items(), key=lambda item: (len(cells.get(item[0], ())) == 0, item[0])))


def _centres() -> list[tuple[str, float, float]]:
    """Department, x and y (degrees of latitude) of the communes of European France whose centre is known."""
    return [
        (row["department"], float(row["longitude"]) * SQUEEZE, float(row["latitude"]))
        for row in data.rows("communes")
        if row["status"] == "current" and row["latitude"] and len(row["department"]) == 2
    ]


def _places() -> dict[str, tuple[float, float]]:
    """The middle of each department's communes."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for department, x, y in _centres():
        found[department].append((x, y))
    return {d: (sum(x for x, _ in at) / len(at), sum(y for _, y in at) / len(at)) for d, at in found.items()}


def _owners() -> dict[Cell, str]:
    """Which department each cell belongs to."""
    bins: dict[Cell, list[tuple[float, float, str]]] = defaultdict(list)
    for department, east, north in _centres():
        x, y = east / CELL, north / CELL
        bins[math.floor(x), math.floor(y)].append((x, y, department))
    reach = FARTHEST_KM / _KM / CELL
    steps = range(-math.ceil(reach), math.ceil(reach) + 1)
    owners = {}
    for cell in {(i + a, j + b) for i, j in bins for a in steps for b in steps}:
        x, y = cell[0] + 0.5, cell[1] + 0.5
        near = [(math.hypot(px - x, py - y), d) for a in steps for b in steps for px, py, d in bins.get((cell[0] + a, cell[1] + b), ())]
        closest = min(near, default=(math.inf, ""))
        if closest[0] <= reach:
            owners[cell] = closest[1]
    for _ in range(4):
        owners = _smoothed(owners)
    return owners


def _smoothed(owners: dict[Cell, str]) -> dict[Cell, str]:
    """Without holes in the land and without single cells inside another department: six of the eight around a cell decide."""
    around = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
    made = dict(owners)
    for i, j in {(i + a, j + b) for i, j in owners for a, b in around}:
        near = [owners[i + a, j + b] for a, b in around if (i + a, j + b) in owners]
        usual = max(sorted(set(near)), key=near.count)
        if near.count(usual) >= 6 or (len(near) >= 5 and (i, j) not in owners):
            made[i, j] = usual
    return made


def _outlines(cells: set[Cell]) -> list[Loop]:
    """The edges of a set of cells, walked round with the inside on the left, corners only."""
    ways: dict[Cell, list[Cell]] = defaultdict(list)
    for i, j in sorted(cells):
        for outside, start, end in (
            ((i, j - 1), (i, j), (i + 1, j)), ((i + 1, j), (i + 1, j), (i + 1, j + 1)),
            ((i, j + 1), (i + 1, j + 1), (i, j + 1)), ((i - 1, j), (i, j + 1), (i, j)),
        ):  # fmt: skip
            if outside not in cells:
                ways[start].append(end)
    loops = []
    while ways:
        start = min(ways)
        loop, here = [start], _next(ways, start)
        while here != start:
            loop.append(here)
            here = _next(ways, here)
        corners = [p for n, p in enumerate(loop) if not _is_straight(loop[n - 1], p, loop[(n + 1) % len(loop)])]
        loops.append([(x * CELL, y * CELL) for x, y in corners])
    return loops


def _next(ways: dict[Cell, list[Cell]], here: Cell) -> Cell:
    end = ways[here].pop()
    if not ways[here]:
        del ways[here]
    return end


def _is_straight(a: Cell, b: Cell, c: Cell) -> bool:
    return (a[0] == b[0] == c[0]) or (a[1] == b[1] == c[1])
