"""The shipped reference tables hold what the library expects of them."""

from __future__ import annotations

import re

import pytest

from appetence.data import path, rows
from appetence.errors import AppetenceError


def test_unknown_table_is_named_in_the_error() -> None:
    with pytest.raises(AppetenceError, match="'nothing'"):
        path("nothing")


def test_communes_lead_to_a_current_commune() -> None:
    communes = rows("communes")
    current = {c["code"] for c in communes if c["status"] == "current"}
    merged = [c for c in communes if c["status"] != "current"]
    assert len(current) > 34_900
    assert len(merged) > 2_500
    assert all(c["successor"] in current for c in merged)
    assert sum(int(c["population"] or 0) for c in communes if c["status"] == "current") > 65_000_000
    assert all(re.fullmatch(r"[0-9]{5}", code) for c in communes for code in c["postcodes"].split("|") if code)


def test_coordinates_fall_in_their_department() -> None:
    """Paris, Lyon, Brest and Toulouse within ten kilometres; every metropolitan one inside France's box."""
    by_code = {c["code"]: c for c in rows("communes") if c["status"] == "current"}
    for code, latitude, longitude in [("75056", 48.86, 2.35), ("69123", 45.75, 4.85), ("29019", 48.39, -4.49), ("31555", 43.60, 1.44)]:
        assert abs(float(by_code[code]["latitude"]) - latitude) < 0.1
        assert abs(float(by_code[code]["longitude"]) - longitude) < 0.1
    placed = [c for c in by_code.values() if c["latitude"] and len(c["department"]) == 2]
    assert len(placed) > 13_000
    assert all(41 < float(c["latitude"]) < 51.2 and -5.3 < float(c["longitude"]) < 9.7 for c in placed)


def test_name_frequencies_are_sensible() -> None:
    surnames = rows("surnames")
    assert surnames[0]["surname"] == "MARTIN"
    assert 600_000 < sum(float(s["per_million"]) for s in surnames) < 1_000_000
    assert len({s["surname"] for s in surnames}) == len(surnames) > 20_000
    assert all(re.fullmatch(r"[A-Z]+( [A-Z]+)*", s["surname"]) for s in surnames)
    first = {(f["first_name"], f["gender"], f["decade"]): float(f["per_million"]) for f in rows("first_names")}
    assert len({key[:2] for key in first}) == 4_000
    assert first["KEVIN", "M", "1990"] > 10 * first["KEVIN", "M", "1970"]
    assert first["MARIE", "F", "1900"] > 10 * first["MARIE", "M", "1900"]


def test_typing_errors_point_to_known_domains() -> None:
    known = {row["domain"] for row in rows("email_domains")}
    assert all(row["domain"] in known and row["typo"] not in known for row in rows("email_typos"))
