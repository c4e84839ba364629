"""Who is selected, where they live and how old they are, beside all candidates and beside the client's own file. Small counts are left out.

Places are departments where enough of them can be shown, else regions: never both, for the difference of a region and the departments
shown in it would tell those that are not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from appetence.contracts.campaign import Campaign
from appetence.contracts.domain import Use
from appetence.reporting import charts, france, masking, numbers
from appetence.reporting.aggregates import CLIENT, EVERYBODY, SELECTED
from appetence.reporting.parts import Part, Picture, Section

Row = Mapping[str, Any]
Counts = dict[str, dict[str, int]]
TOP = 12
ENOUGH = 0.7
"""Share of the selected that must live in places that can be shown, for these to be departments."""
SERIES = {SELECTED: "selected", EVERYBODY: "all candidates", CLIENT: "client's own file"}
REGIONS = {
    "01": "Guadeloupe", "02": "Martinique", "03": "Guyane", "04": "La Réunion", "06": "Mayotte", "11": "Île-de-France",
    "24": "Centre-Val de Loire", "27": "Bourgogne-Franche-Comté", "28": "Normandie", "32": "Hauts-de-France", "44": "Grand Est",
    "52": "Pays de la Loire", "53": "Bretagne", "75": "Nouvelle-Aquitaine", "76": "Occitanie", "84": "Auvergne-Rhône-Alpes",
    "93": "Provence-Alpes-Côte d'Azur", "94": "Corse",
}  # fmt: skip


def profile_sections(profile: Sequence[Row], campaign: Row) -> list[Section]:
    """The section, where there is anything to show."""
    parts: list[Part] = []
    has_client = campaign[Campaign.product] == str(Use.PROSPECT)
    ages = _counts(profile, "age_band", has_client)
    if ages:
        parts.append(_bars("Age", sorted(ages), ages))
    departments = _counts(profile, "department", has_client)
    if departments:
        names, places = _places(departments)
        parts += [_map(departments, names, places), _bars(f"{names.capitalize()}s", _largest(places), places)]
    beside = "all candidates and the client's own file, as far as it is known here" if _has_client(ages or departments) else "all candidates"
    return [Section("Who they are", f"Those selected beside {beside}, as shares of each.", parts)] if parts else []


def _counts(profile: Sequence[Row], facet: str, has_client: bool) -> Counts:
    """value -> series -> count."""
    return {
        str(r["value"]): {SELECTED: int(r[SELECTED]), EVERYBODY: int(r[EVERYBODY]), CLIENT: int(r.get(CLIENT, 0)) if has_client else 0}
        for r in profile
        if r["facet"] == facet
    }


def _has_client(counts: Counts) -> bool:
    return sum(c[CLIENT] for c in counts.values()) >= 100


def _places(departments: Counts) -> tuple[str, Counts]:
    """Departments, or the regions they add up to where too many departments are too small."""
    visible = _visible(departments, SELECTED)
    whole = sum(c[SELECTED] for c in departments.values())
    if sum(v for v in visible.values() if v is not None) >= ENOUGH * whole:
        return "department", departments
    added: Counts = defaultdict(lambda: dict.fromkeys(SERIES, 0))
    for department, counts in departments.items():
        name = _region(department)
        for series, n in counts.items():
            added[name][series] += n
    return "region", dict(added)


def _region(department: str) -> str:
    return REGIONS.get(france.regions().get(department, ""), department)


def _visible(counts: Counts, series: str) -> dict[str, int | None]:
    """The counts of one series, None where one is left out."""
    return dict(zip(counts, masking.parts([c[series] for c in counts.values()]), strict=True))


def _shares(counts: Counts, series: str) -> dict[str, float | None]:
    whole = sum(c[series] for c in counts.values())
    return {name: None if n is None or not whole else n / whole for name, n in _visible(counts, series).items()}


def _largest(counts: Counts) -> list[str]:
    """The places where most of the selected live. They are chosen by what is shown, so that the choice tells nothing."""
    visible = _visible(counts, SELECTED)
    return sorted((name for name in counts if visible[name]), key=lambda name: (-(visible[name] or 0), name))[:TOP]


def _map(departments: Counts, names: str, places: Counts) -> Picture:
    shares = _shares(places, SELECTED)
    values = {d: shares[d if names == "department" else _region(d)] for d in departments}
    best = _largest(places)[:3]
    told = ", ".join(f"{name} {numbers.percent(shares[name])}" for name in best)
    return Picture(
        f"Where those selected live, by {names}",
        lambda narrow: charts.country(values, label="share of the selected", narrow=narrow),
        f"Map of the share of those selected in each {names}; the largest: {told or 'none that can be shown'}.",
        "Shapes are drawn from the centres of communes, true to about ten kilometres; places overseas are not drawn.",
    )


def _bars(title: str, labels: Sequence[str], counts: Counts) -> Picture:
    series = [s for s in SERIES if s != CLIENT or _has_client(counts)]
    shares = {s: _shares(counts, s) for s in series}
    return Picture(
        title,
        lambda narrow: charts.bars(labels, [(SERIES[s], [shares[s][x] for x in labels]) for s in series], unit="share", is_share=True, narrow=narrow),
        f"{title} of those selected beside {' and '.join(SERIES[s] for s in series[1:])}.",
    )
