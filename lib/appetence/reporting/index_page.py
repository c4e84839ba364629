"""The first page: what ran, what the lake holds, whom it found, which models and campaigns there are, where to look next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appetence.contracts.campaign import Campaign
from appetence.contracts.gold import ModelCard
from appetence.contracts.privacy import Run
from appetence.reporting import clusters_page, numbers, quality_page, words
from appetence.reporting.officer_page import OFFICER_FILE
from appetence.reporting.parts import Cell, Fact, Link, Page, Section, Sheet, Words

Row = Mapping[str, Any]
LATEST_RUNS = 40


@dataclass(frozen=True)
class Overview:
    """What the index tells: rows of the ledger and of the tables, and counts of the identities."""

    environment: str
    source: str
    runs: Sequence[Row]
    tables: Sequence[Row]
    records: int
    persons: int
    households: int
    members: int
    cards: Sequence[Row]
    campaigns: Sequence[Row]
    campaign_labels: Mapping[str, str]
    has_quality: bool = False
    has_clusters: bool = False


def campaign_file(campaign_id: str) -> str:
    """File name of a campaign's page."""
    return f"campaign_{campaign_id}.html"


def model_file(model_key: str) -> str:
    """File name of a model's page.

    >>> model_file("house:r_m04")
    'model_house_r_m04.html'
    """
    return f"model_{model_key.replace(':', '_')}.html"


def build_index(found: Overview) -> Page:
    """The page `index.html`."""
    return Page(
        title="What the co-operative holds",
        subtitle=f"Environment {found.environment}: jobs, tables, persons, models and campaigns. For the operator; counts are exact.",
        facts=[
            Fact("Customer records", numbers.count(found.records), f"delivered by {numbers.count(found.members)} members"),
            Fact("Persons", numbers.count(found.persons), _share(found.records, found.persons, "records a person")),
            Fact("Households", numbers.count(found.households), _share(found.persons, found.households, "persons a household")),
            Fact("Models in use", numbers.count(sum(1 for c in found.cards if c[ModelCard.is_champion]))),
            Fact("Campaigns cut", numbers.count(len(found.campaigns))),
        ],
        sections=[
            Section("Campaigns", "Each page says in words what was asked, who was left at every step, and what came back.", [_campaigns(found)]),
            Section("Models", "How well each model foretold a later period, and what the gate decided.", [_models(found.cards)]),
            *_deliveries(found),
            *_clusters(found),
            Section(
                "Identities",
                "Which records are one person, how sure that is, and on what it rests.",
                [
                    Sheet(
                        ["Page", "Shows"],
                        [[Link("Identity audit", "identity.html"), "sizes, match weights, what each field proves, blocks, members"]],
                    )
                ],
            ),
            Section(
                "Rights and proof",
                "Requests of persons and their deadlines, erasures and what the scan found afterwards, retention, suppressions, audit.",
                [
                    Sheet(
                        ["Page", "Shows"], [[Link("Officer's page", OFFICER_FILE), "what waits, what is late, what was erased, and the proof of it"]]
                    )
                ],
            ),
            Section(
                "Jobs",
                "The latest run of each job and day. A failed run leaves its sentence here and the tables as they were.",
                [_runs(found.runs)],
            ),
            Section(
                "Tables",
                "Rows by table; what each column means stands in docs/tables.md and in the tables' own comments.",
                [_tables(found.tables)],
            ),
            Section("Where to look next", "", [_next(found.environment)]),
        ],
        source=found.source,
        home=None,
    )


def _share(many: int, few: int, unit: str) -> str:
    return f"{many / few:.2f} {unit}" if few else ""


def _deliveries(found: Overview) -> list[Section]:
    if not found.has_quality:
        return []
    sheet = Sheet(["Page", "Shows"], [[Link("Quality of deliveries", quality_page.FILE), "what can be used, what changed, what was refused"]])
    return [Section("Deliveries", "How good what each member delivers is, and what changed since the time before.", [sheet])]


def _clusters(found: Overview) -> list[Section]:
    if not found.has_clusters:
        return []
    sheet = Sheet(["Page", "Shows"], [[Link("Socio-demographic clusters", clusters_page.FILE), "who is alike, how many, and what became of them"]])
    return [Section("Persons", "Groups of persons who are alike by age, household and place.", [sheet])]


def _campaigns(found: Overview) -> Sheet:
    rows: list[list[Cell]] = [
        [
            Link(found.campaign_labels.get(c[Campaign.campaign_id], c[Campaign.campaign_id]), campaign_file(c[Campaign.campaign_id])),
            words.product(c[Campaign.product]).split(":")[0],
            words.listed(words.channel(x) for x in c[Campaign.channels]),
            c[Campaign.client_id],
            str(c[Campaign.drop_date]),
            numbers.count(c[Campaign.selected]),
            numbers.count(c[Campaign.held_out]),
        ]
        for c in sorted(found.campaigns, key=lambda c: (c[Campaign.drop_date], c[Campaign.campaign_id]))
    ]
    return Sheet(
        ["Campaign", "Product", "Channel", "Client", "Drop date", "Contacted", "Held out"],
        rows,
        (5, 6),
        "" if rows else "No campaign has been cut yet.",
    )


def _models(cards: Sequence[Row]) -> Sheet:
    rows: list[list[Cell]] = [
        [
            Link(c[ModelCard.model_key], model_file(c[ModelCard.model_key])),
            c[ModelCard.model_version],
            "in use" if c[ModelCard.is_champion] else "not in use",
            str(c[ModelCard.test_cutoff]),
            numbers.decimal(c[ModelCard.auc]),
            numbers.decimal(c[ModelCard.baseline_auc]),
            numbers.decimal(c[ModelCard.top_decile_lift], 1),
        ]
        for c in latest_versions(cards)
    ]
    note = "AUC: how often a buyer is ranked above a non-buyer (0.5 is chance). Lift: buyers in the best tenth, against the average."
    return Sheet(["Model", "Version", "State", "Tested after", "AUC", "Recency or frequency alone", "Lift of the best tenth"], rows, (4, 5, 6), note)


def latest_versions(cards: Sequence[Row]) -> list[Row]:
    """One card per model key: the champion, else the newest version."""
    best: dict[str, Row] = {}
    for card in sorted(cards, key=lambda c: (c[ModelCard.is_champion], _version(c[ModelCard.model_version]))):
        best[card[ModelCard.model_key]] = card
    return [best[k] for k in sorted(best)]


def _version(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdigit() else (0, text)


def _runs(runs: Sequence[Row]) -> Sheet:
    latest = sorted(runs, key=lambda r: r[Run.started_at])[-LATEST_RUNS:]
    rows = [
        [
            r[Run.job],
            str(r[Run.as_of]),
            r[Run.status] if not r[Run.error] else f"{r[Run.status]}: {r[Run.error]}",
            numbers.count(r[Run.rows_in]),
            numbers.count(r[Run.rows_out]),
            numbers.count(r[Run.rows_rejected]),
            numbers.duration(r[Run.seconds]),
            _changed(r),
        ]
        for r in latest
    ]
    return Sheet(["Job", "As of", "State", "Rows in", "Rows out", "Rejected", "Time", "Tables written"], rows, (3, 4, 5, 6))


def _changed(run: Row) -> str:
    written = json.loads(run[Run.table_versions] or "{}")
    return ", ".join(sorted(written)) or numbers.NOTHING


def _tables(tables: Sequence[Row]) -> Sheet:
    rows = [[t["name"], numbers.count(t["rows"]), str(t["version"]), t["grain"]] for t in tables]
    return Sheet(["Table", "Rows", "Version", "One row is"], rows, (1, 2))


def _next(environment: str) -> Words:
    return Words(
        [
            f"appetence tables --env {environment} --rows lists these tables with their paths.",
            "notebooks/01_tour_of_the_lake.py walks through them from a delivery to a selected person.",
            "notebooks/02_identity_audit.py and notebooks/03_model_readout.py go further than the pages here.",
            f"appetence why-linked A B --env {environment} says why two records are, or are not, one person.",
        ],
        is_list=True,
    )
