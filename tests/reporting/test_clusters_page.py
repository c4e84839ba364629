"""The page of clusters: means in words, what became of the former ones, no small count, and a link to it only where it is."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape

from appetence.contracts.gold import Cluster
from appetence.reporting.clusters_page import FILE, ClusterRows, build_clusters
from appetence.reporting.index_page import build_index
from appetence.reporting.parts import render
from tests.reporting import planted

BEFORE, NOW = dt.date(2026, 9, 30), dt.date(2026, 10, 31)


def row(day: dt.date, cluster_id: str, label: str, persons: int, age: float | None = 40.0) -> dict[str, object]:
    return Cluster.row(
        cutoff=day, cluster_id=cluster_id, label=label, persons=persons, age=age, household_size=2.4, family_share=0.31, size_rank=3.2,
        median_income_eur=23_456.0, poverty_rate=0.142,
    )  # fmt: skip


def said(page: str) -> str:
    text = re.sub(r"<(style|svg).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(text).split()).replace("\u202f", " ").replace("\u00a0", " ")


def test_the_page_tells_means_and_what_became_of_the_former_ones() -> None:
    former = [row(BEFORE, "c01", "Familles des villes", 1000), row(BEFORE, "c02", "Retraités <ruraux>", 50)]
    newest = [row(NOW, "c01", "Familles des villes", 1100), row(NOW, "c03", "Actifs à deux", 4, None)]
    told = said(render(build_clusters(ClusterRows(newest, former, "Made by a test."))))
    assert "Familles des villes c01 1 100 40 2.4 31 % 3.2 23 456 14 %" in told
    assert "c01 Familles des villes Familles des villes 10.0 %" in told
    assert "c02 Retraités <ruraux>" in told and "Actifs à deux c03 fewer than 11" in told
    assert "no earlier day" in said(render(build_clusters(ClusterRows(newest, [], "x"))))


def test_the_index_leads_there_only_when_there_are_clusters() -> None:
    assert FILE in render(build_index(planted.overview(has_clusters=True)))
    assert FILE not in render(build_index(planted.overview()))
