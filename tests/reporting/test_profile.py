"""Who is selected: the map, the client's own file beside it, and no small count, neither of a department nor by a region."""

from __future__ import annotations

import random
from typing import Any

import pytest

from appetence.reporting import france
from appetence.reporting.campaign_profile import _map, _places, _shares, profile_sections
from tests.reporting import planted

Row = dict[str, Any]


def departments(seed: int, middle: float) -> list[Row]:
    """Selected persons in every department, about e^middle in each."""
    r = random.Random(seed)
    made = []
    for code in sorted(france.regions()):
        n = int(r.lognormvariate(middle, 0.8))
        made.append({"campaign_id": "noel_vad", "facet": "department", "value": code, "everybody": 7 * n, "selected": n, "client": 2 * n})
    return made


def counts(rows: list[Row]) -> dict[str, dict[str, int]]:
    return {r["value"]: {s: r[s] for s in ("selected", "everybody", "client")} for r in rows}


def test_every_department_of_europe_has_a_shape_on_its_place() -> None:
    shapes = france.shapes()
    assert set(shapes) == {d for d in france.regions() if len(d) == 2}

    def middle(code: str) -> tuple[float, float]:
        points = [p for loop in shapes[code] for p in loop]
        return sum(x for x, _ in points) / len(points) / france.SQUEEZE, sum(y for _, y in points) / len(points)

    for code, longitude, latitude in (
        ("59", 3.2, 50.4),
        ("29", -4.1, 48.3),
        ("06", 7.1, 43.9),
        ("2A", 9.0, 41.9),
        ("67", 7.6, 48.6),
        ("64", -0.8, 43.3),
    ):
        x, y = middle(code)
        assert abs(x - longitude) < 0.45 and abs(y - latitude) < 0.35, (code, x, y)
    areas = {code: sum(_area(loop) for loop in loops) for code, loops in shapes.items()}
    km2 = sum(areas.values()) * 111.2**2
    assert 500_000 < km2 < 620_000, f"European France has about 551 500 km2, the map {km2:,.0f}"


def _area(loop: list[tuple[float, float]]) -> float:
    """Signed: holes, walked the other way round, count against."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(loop, loop[1:] + loop[:1], strict=True)) / 2


@pytest.mark.parametrize("seed", range(12))
def test_inv_10_places_are_departments_or_regions_and_hide_what_is_small(seed: int) -> None:
    for middle, expected in ((4.5, "department"), (1.8, "region")):
        rows = departments(seed, middle)
        names, places = _places(counts(rows))
        assert names == expected
        shares = _shares(places, "selected")
        whole = sum(c["selected"] for c in places.values())
        assert whole == sum(r["selected"] for r in rows)
        for name, share in shares.items():
            assert share is None or share == 0 or share * whole >= 11, f"{name} tells a small count"
        hidden = [c["selected"] for name, c in places.items() if shares[name] is None]
        assert not hidden or sum(hidden) >= 11
        picture = _map(counts(rows), names, places)
        assert names in picture.title and picture.says.startswith("Map of the share")
        if names == "region":
            drawn = {d: shares[name] for d in france.regions() if (name := _name(d)) in shares}
            assert len(set(drawn.values())) <= len(places), "a department is drawn with its region's share and no other"


def _name(department: str) -> str:
    from appetence.reporting.campaign_profile import _region

    return _region(department)


def test_the_clients_own_file_stands_beside_those_selected_where_it_is_known() -> None:
    rows = departments(3, 4.5)
    known = profile_sections(rows, planted.campaign())[0]
    assert "the client's own file" in known.lead and any("client's own file" in getattr(p, "says", "") for p in known.parts)
    unknown = profile_sections([{**r, "client": 0} for r in rows], planted.campaign())[0]
    assert "client's own file" not in unknown.lead and not any("client's own file" in getattr(p, "says", "") for p in unknown.parts)
    house = profile_sections(rows, planted.campaign(product="house"))[0]
    assert "client's own file" not in house.lead, "a house campaign looks at nothing but the client's own file"
