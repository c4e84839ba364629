"""The quality of deliveries: how good each member's newest one is, what changed since the one before, and the way to each delivery's own page.
For the operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from appetence.contracts.bronze import Delivery
from appetence.contracts.silver import DeliveryQuality
from appetence.reporting import numbers
from appetence.reporting.parts import Cell, Fact, Link, Page, Section, Sheet
from appetence.reporting.quality_rows import FIELDS, FILE, QualityRows, Row, delivery_file, in_order, said, with_pages

__all__ = ["FILE", "build_quality"]


def build_quality(found: QualityRows) -> Page:
    """The page of :data:`FILE`."""
    newest = _newest(found)
    alerts = [r for r in found.measures if r[DeliveryQuality.is_alert] and r[DeliveryQuality.delivery_id] in newest.values()]
    quarantined = [d for d in found.deliveries if d[Delivery.status] == "quarantined"]
    return Page(
        title="Quality of deliveries",
        subtitle="What each member's newest delivery fills, how much of it can be used, and what changed since the one before.",
        facts=[
            Fact("Deliveries measured", numbers.count(len({r[DeliveryQuality.delivery_id] for r in found.measures}))),
            Fact("Members", numbers.count(len(newest))),
            Fact("Quarantined", numbers.count(len(quarantined)), "whole deliveries, each with its report to the member"),
            Fact("Changes to look at", numbers.count(len(alerts)), "in the newest deliveries"),
        ],
        sections=[_overview(found, newest), _drift(found, alerts), *_quarantine(found, quarantined), _each(found)],
        source=found.source,
    )


def _newest(found: QualityRows) -> dict[str, str]:
    """The newest measured delivery of each member that holds customers, else its newest."""
    with_customers = {r[DeliveryQuality.delivery_id] for r in found.measures if r[DeliveryQuality.column] != "line"}
    return {m: next((i for i in reversed(made) if i in with_customers), made[-1]) for m, made in in_order(found).items()}


def _label(found: QualityRows, member_id: str) -> str:
    return found.labels.get(member_id, member_id)


def _shares(found: QualityRows, delivery_id: str, measure: str) -> dict[str, float]:
    return {
        r[DeliveryQuality.column]: r[DeliveryQuality.share]
        for r in found.measures
        if r[DeliveryQuality.delivery_id] == delivery_id and r[DeliveryQuality.measure] == measure
    }


def _overview(found: QualityRows, newest: Mapping[str, str]) -> Section:
    rows: list[list[Cell]] = []
    for member_id, delivery_id in newest.items():
        valid = _shares(found, delivery_id, "valid")
        repeated = _shares(found, delivery_id, "repeated_person").get("line")
        cells = [numbers.percent(valid[f]) if f in valid else "" for f in FIELDS]
        rows.append([Link(_label(found, member_id), delivery_file(delivery_id)), *cells, numbers.percent(repeated) if repeated is not None else ""])
    columns = ["Member", *(said(f) for f in FIELDS), "Same person twice"]
    note = "Share of grades A and B among the values given. Same person twice: lines whose name and address another line of the file has too."
    sheet = Sheet(columns, rows, numbers=tuple(range(1, len(columns))), note=note, asides=(2, 6))
    return Section("What can be used", "Each member's newest delivery, field by field.", [sheet])


def _drift(found: QualityRows, alerts: Sequence[Row]) -> Section:
    if not alerts:
        return Section("What changed", "Nothing in the newest deliveries differs by five points or more from the one before.", [])
    rows = [
        [
            _label(found, r[DeliveryQuality.member_id]), said(r[DeliveryQuality.column]), said(r[DeliveryQuality.measure]),
            numbers.percent(r[DeliveryQuality.share_before]), numbers.percent(r[DeliveryQuality.share]),
        ]
        for r in sorted(alerts, key=lambda r: (-abs(r[DeliveryQuality.drift]), r[DeliveryQuality.member_id], r[DeliveryQuality.column]))
    ]  # fmt: skip
    sheet = Sheet(["Member", "Field", "Measure", "Before", "Now"], rows, numbers=(3, 4))
    return Section("What changed", "Shares that moved by five points or more since the member's delivery before; the largest first.", [sheet])


def _quarantine(found: QualityRows, quarantined: Sequence[Row]) -> list[Section]:
    if not quarantined:
        return []
    rows = [
        [str(d[Delivery.received_on]), _label(found, d[Delivery.member_id]), d[Delivery.delivery_ref], said(d[Delivery.reason_code] or "")]
        for d in sorted(quarantined, key=lambda d: (d[Delivery.received_on], d[Delivery.delivery_id]), reverse=True)
    ]
    return [Section("Refused whole", "Newest first; each member got the reason.", [Sheet(["Received", "Member", "Delivery", "Reason"], rows)])]


def _each(found: QualityRows) -> Section:
    """Every delivery that has a page, newest first."""
    about = {d[Delivery.delivery_id]: d for d in found.deliveries}
    alerts = Counter(r[DeliveryQuality.delivery_id] for r in found.measures if r[DeliveryQuality.is_alert])
    when = {r[DeliveryQuality.delivery_id]: (r[DeliveryQuality.delivered_at], r[DeliveryQuality.member_id]) for r in found.measures}
    rows: list[list[Cell]] = []
    for delivery_id in sorted(with_pages(found), key=lambda i: (when[i], i), reverse=True):
        row, (at, member_id) = about.get(delivery_id, {}), when[delivery_id]
        counts = [numbers.count(row.get(c)) for c in (Delivery.rows_accepted, Delivery.rows_rejected, Delivery.values_unread)]
        link = Link(str(row.get(Delivery.delivery_ref) or delivery_id[:16]), delivery_file(delivery_id))
        rows.append([link, _label(found, member_id), str(at.date()), *counts, numbers.count(alerts[delivery_id])])
    columns = ["Delivery", "Member", "Made on", "Lines taken", "Refused", "Values not read", "To look at"]
    sheet = Sheet(columns, rows, numbers=(3, 4, 5, 6), asides=(2, 4))
    return Section("Each delivery", "Newest first; each has a page with its grades, its duplicates and its trends.", [sheet])
