"""The frequency tables the demonstration draws from, built once a session out of the shipped reference data."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import SparkSession

from appetence import data
from appetence.synthetic.draw import Lookup, lookup
from appetence.synthetic.vocabulary import way_weights, words

TOWN = 20_000
"""Inhabitants from which a commune has large buildings."""

_OVERSEAS = {"971": "0590", "972": "0596", "973": "0594", "974": "0262", "976": "0269"}
_ZONES = {
    "01": "75 77 78 91 92 93 94 95",
    "02": "14 18 22 27 28 29 35 36 37 41 44 45 49 50 53 56 61 72 76 85",
    "03": "02 08 10 21 25 39 51 52 54 55 57 58 59 60 62 67 68 70 71 80 88 89 90",
    "04": "01 03 04 05 06 07 11 13 15 26 30 34 38 42 43 48 63 66 69 73 74 83 84 2A 2B",
}


def zone(department: str) -> str:
    """How landline numbers of a department begin.

    >>> zone("35"), zone("974"), zone("33")
    ('02', '0262', '05')
    """
    if department in _OVERSEAS:
        return _OVERSEAS[department]
    return next((z for z, members in _ZONES.items() if department in members.split()), "05")


@dataclass(frozen=True)
class Tables:
    """What is drawn by frequency: structs `surname`, `first_name`, `commune`, `way`, `domain`."""

    surnames: Lookup
    first_names: Lookup
    communes: Lookup
    ways: Lookup
    domains: Lookup


def tables(spark: SparkSession) -> Tables:
    """All frequency tables."""
    return Tables(_surnames(spark), _first_names(spark), _communes(spark), _ways(spark), _domains(spark))


def _surnames(spark: SparkSession) -> Lookup:
    rows = data.rows("surnames")
    weights = [float(r["per_million"]) for r in rows]
    return lookup(spark, {"name": [r["spelling"] for r in rows], "per_million": weights}, weights)


def _first_names(spark: SparkSession) -> Lookup:
    rows = sorted(data.rows("first_names"), key=lambda r: (r["gender"], r["decade"]))
    return lookup(
        spark,
        {"name": [r["spelling"] for r in rows]},
        [float(r["per_million"]) for r in rows],
        [f"{r['gender']}{r['decade']}" for r in rows],
    )


def _communes(spark: SparkSession) -> Lookup:
    """Commune and postcode pairs weighted by population: everywhere (`all`), and where large buildings stand (`town`)."""
    rows = data.rows("communes")
    cities = {r["successor"]: r["name"] for r in rows if r["status"] == "arrondissement"}
    names = {r["code"]: r["name"] for r in rows if r["code"] in cities}
    places = []
    for r in rows:
        if not r["population"] or r["status"] not in ("current", "arrondissement") or r["code"] in cities or r["department"] not in _served(r):
            continue
        codes = [p for p in r["postcodes"].split("|") if p]
        name = names.get(r["successor"], r["name"]) if r["status"] == "arrondissement" else r["name"]
        for postcode in codes:
            weight = float(r["population"]) / len(codes)
            places.append((r["code"], name, postcode, r["department"], int(r["population"]), weight))
    both = [("all", p) for p in places] + [("town", p) for p in places if p[4] >= TOWN]
    chosen = [p for _, p in both]
    return lookup(
        spark,
        {
            "code": [p[0] for p in chosen],
            "city": [p[1] for p in chosen],
            "postcode": [p[2] for p in chosen],
            "department": [p[3] for p in chosen],
            "zone": [zone(p[3]) for p in chosen],
            "population": [p[4] for p in chosen],
        },
        [p[5] for p in chosen],
        [group for group, _ in both],
    )


def _served(row: dict[str, str]) -> tuple[str, ...]:
    """Overseas collectivities have another address system and are left out."""
    department = row["department"]
    return (department,) if len(department) == 2 or department in _OVERSEAS else ()


def _ways(spark: SparkSession) -> Lookup:
    return lookup(spark, {"name": words("way")}, way_weights())


def _domains(spark: SparkSession) -> Lookup:
    rows = data.rows("email_domains")
    typos: dict[str, list[str]] = {}
    for r in data.rows("email_typos"):
        typos.setdefault(r["domain"], []).append(r["typo"])
    return lookup(
        spark,
        {"name": [r["domain"] for r in rows], "typo": [typos.get(r["domain"], [r["domain"].replace(".", "")])[0] for r in rows]},
        [float(r["per_mille"]) for r in rows],
    )
