"""The page of the socio-demographic clusters: how many persons each holds, what they are like, and how they were found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from appetence.contracts.gold import Cluster
from appetence.reporting import charts, masking, numbers
from appetence.reporting.parts import Fact, Page, Picture, Section, Sheet, Words

Row = Mapping[str, Any]
FILE = "clusters.html"


@dataclass(frozen=True)
class ClusterRows:
    """What the page tells: gold.cluster of the newest day, and of the one before."""

    clusters: Sequence[Row]
    former: Sequence[Row]
    source: str


def build_clusters(found: ClusterRows) -> Page:
    """The page of :data:`FILE`."""
    ordered = sorted(found.clusters, key=lambda c: (-c[Cluster.persons], c[Cluster.cluster_id]))
    whole = sum(c[Cluster.persons] for c in ordered)
    return Page(
        title="Socio-demographic clusters",
        subtitle="Persons who are alike by age, household, kind of place and the incomes of their commune.",
        facts=[
            Fact("Clusters", numbers.count(len(ordered))),
            Fact("Persons in one", masking.shown(whole), "all of whom age or place is known"),
            Fact("Largest", numbers.percent(ordered[0][Cluster.persons] / whole) if whole else numbers.NOTHING, "of them"),
        ],
        sections=[
            Section("How many are where", "Persons by cluster, the largest first.", [_picture(ordered)]),
            Section("What they are like", "Means of the persons in each cluster; what is not known of a person does not enter.", [_profile(ordered)]),
            Section("What became of the former ones", "", [_changes(ordered, found.former)]),
            Section("How they are found", "", [_method()]),
        ],
        source=found.source,
    )


def _picture(clusters: Sequence[Row]) -> Picture:
    labels, sizes = [c[Cluster.label] for c in clusters], [c[Cluster.persons] for c in clusters]

    def draw(narrow: bool) -> Figure:
        return charts.bars(labels, [("Persons", [None if masking.is_small(n) else float(n) for n in sizes])], unit="persons", narrow=narrow)

    return Picture("Persons by cluster", draw, "; ".join(f"{label}: {masking.shown(n)}" for label, n in zip(labels, sizes, strict=True)))


def _profile(clusters: Sequence[Row]) -> Sheet:
    rows = [
        [
            c[Cluster.label], c[Cluster.cluster_id], masking.shown(c[Cluster.persons]), numbers.count(c[Cluster.age]),
            numbers.decimal(c[Cluster.household_size], 1), numbers.percent(c[Cluster.family_share], 0), numbers.decimal(c[Cluster.size_rank], 1),
            numbers.count(c[Cluster.median_income_eur]), numbers.percent(c[Cluster.poverty_rate], 0),
        ]
        for c in clusters
    ]  # fmt: skip
    columns = ["Cluster", "Id", "Persons", "Age", "Persons at home", "Families", "Size of commune", "Income, € a year", "Poverty"]
    note = (
        "Size of commune: 1 rural to 6 metropolis. Income (median) and poverty are those of the communes, where the operator supplies INSEE's file. "
        "Ages include those a first name tells."
    )
    return Sheet(columns, rows, numbers=tuple(range(2, len(columns))), note=note, asides=(1, 4, 6, 8))


def _changes(clusters: Sequence[Row], former: Sequence[Row]) -> Sheet | Words:
    if not former:
        return Words(["There is no earlier day to compare with."])
    before = {c[Cluster.cluster_id]: c for c in former}
    rows = [
        [c[Cluster.cluster_id], before[c[Cluster.cluster_id]][Cluster.label], c[Cluster.label], _grown(before[c[Cluster.cluster_id]], c)]
        if c[Cluster.cluster_id] in before
        else [c[Cluster.cluster_id], numbers.NOTHING, c[Cluster.label], numbers.NOTHING]
        for c in sorted(clusters, key=lambda c: c[Cluster.cluster_id])
    ]
    gone = sorted(set(before) - {c[Cluster.cluster_id] for c in clusters})
    rows += [[i, before[i][Cluster.label], numbers.NOTHING, numbers.NOTHING] for i in gone]
    day = former[0][Cluster.cutoff]
    return Sheet(["Id", f"On {day}", "Now", "Persons, change"], rows, numbers=(3,), note="An id stays with the nearest cluster of the day before.")


def _grown(before: Row, now: Row) -> str:
    return numbers.percent(now[Cluster.persons] / before[Cluster.persons] - 1) if before[Cluster.persons] else numbers.NOTHING


def _method() -> Words:
    return Words(
        [
            "k-means on standardised inputs: age, persons and children at home, size of the commune, its median income and its poverty rate.",
            "Origin, religion, health and purchases are no inputs.",
            "The clusters of the day before hold until a clearly better division is found; a name changes only when its cluster has moved.",
            "Names follow from the means by rule. No cluster has fewer than eleven persons.",
            "gold.segment holds each person's cluster beside the segment made by rule, which campaigns filter by.",
        ],
        is_list=True,
    )
