"""The quality of deliveries: what each member's newest one fills, how good it is, and what changed since the one before. For the operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from appetence.contracts.bronze import Delivery
from appetence.contracts.silver import DeliveryQuality
from appetence.reporting import charts, numbers, words
from appetence.reporting.parts import Fact, Page, Part, Picture, Section, Sheet, Words

Row = Mapping[str, Any]
FILE = "deliveries.html"
FIELDS = ("name", "birth_date", "address", "email", "mobile", "landline")
_GRADES = (("grade_A", "A as it should be"), ("grade_B", "B repaired"), ("grade_C", "C doubtful"), ("grade_D", "D unusable"))


@dataclass(frozen=True)
class QualityRows:
    """What the page tells: gold.delivery_quality and bronze.delivery rows, and the members' labels."""

    measures: Sequence[Row]
    deliveries: Sequence[Row]
    labels: Mapping[str, str]
    source: str


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
        sections=[_overview(found, newest), _drift(found, alerts), *_quarantine(found, quarantined), *_members(found, newest)],
        source=found.source,
    )


def _said(code: str) -> str:
    return words.readable(code.lower()).capitalize()


def _newest(found: QualityRows) -> dict[str, str]:
    """The newest measured delivery of each member."""
    ordered = sorted(found.measures, key=lambda r: (r[DeliveryQuality.delivered_at], r[DeliveryQuality.delivery_id]))
    last = {r[DeliveryQuality.member_id]: r[DeliveryQuality.delivery_id] for r in ordered}
    return dict(sorted(last.items()))


def _label(found: QualityRows, member_id: str) -> str:
    return found.labels.get(member_id, member_id)


def _shares(found: QualityRows, delivery_id: str, measure: str) -> dict[str, float]:
    return {
        r[DeliveryQuality.column]: r[DeliveryQuality.share]
        for r in found.measures
        if r[DeliveryQuality.delivery_id] == delivery_id and r[DeliveryQuality.measure] == measure
    }


def _overview(found: QualityRows, newest: Mapping[str, str]) -> Section:
    rows = []
    for member_id, delivery_id in newest.items():
        valid = _shares(found, delivery_id, "valid")
        repeated = _shares(found, delivery_id, "repeated_person").get("line")
        cells = [numbers.percent(valid[f]) if f in valid else "" for f in FIELDS]
        rows.append([_label(found, member_id), *cells, numbers.percent(repeated) if repeated is not None else ""])
    columns = ["Member", *(_said(f) for f in FIELDS), "Same person twice"]
    note = "Share of grades A and B among the values given. Same person twice: lines whose name and address another line of the file has too."
    sheet = Sheet(columns, rows, numbers=tuple(range(1, len(columns))), note=note, asides=(2, 6))
    return Section("What can be used", "Each member's newest delivery, field by field.", [sheet])


def _drift(found: QualityRows, alerts: Sequence[Row]) -> Section:
    if not alerts:
        return Section("What changed", "Nothing in the newest deliveries differs by five points or more from the one before.", [])
    rows = [
        [
            _label(found, r[DeliveryQuality.member_id]), _said(r[DeliveryQuality.column]), _said(r[DeliveryQuality.measure]),
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
        [str(d[Delivery.received_on]), _label(found, d[Delivery.member_id]), d[Delivery.delivery_ref], _said(d[Delivery.reason_code] or "")]
        for d in sorted(quarantined, key=lambda d: (d[Delivery.received_on], d[Delivery.delivery_id]), reverse=True)
    ]
    return [Section("Refused whole", "Newest first; each member got the reason.", [Sheet(["Received", "Member", "Delivery", "Reason"], rows)])]


def _members(found: QualityRows, newest: Mapping[str, str]) -> list[Section]:
    return [
        Section(_label(found, m), _lead(found, delivery_id), [*_pictures(found, m, delivery_id), _filled(found, delivery_id)])
        for m, delivery_id in newest.items()
    ]


def _lead(found: QualityRows, delivery_id: str) -> str:
    about = next((d for d in found.deliveries if d[Delivery.delivery_id] == delivery_id), None)
    if about is None:
        return "Its newest delivery."
    taken, refused = numbers.count(about[Delivery.rows_accepted]), numbers.count(about[Delivery.rows_rejected])
    return f"{about[Delivery.delivery_ref]}: {taken} lines taken, {refused} refused."


def _pictures(found: QualityRows, member_id: str, delivery_id: str) -> list[Part]:
    by_grade = {grade: _shares(found, delivery_id, grade) for grade, _ in _GRADES}
    shown = [f for f in FIELDS if any(f in shares for shares in by_grade.values())]
    if not shown:
        return [Words(["None of its lines counts: later lines of the same customers overtook them."])]
    # A grade that no value has gets no bar.
    series = [(label, [by_grade[grade].get(f) or None for f in shown]) for grade, label in _GRADES]

    def draw(narrow: bool) -> Figure:
        return charts.bars([_said(f) for f in shown], series, unit="share of the values given", is_share=True, narrow=narrow)

    says = "; ".join(f"{_said(f)}: {numbers.percent(by_grade['grade_A'].get(f, 0.0))} grade A" for f in shown)
    return [Picture(f"Grades of {_label(found, member_id)}", draw, says)]


def _filled(found: QualityRows, delivery_id: str) -> Sheet:
    own = [r for r in found.measures if r[DeliveryQuality.delivery_id] == delivery_id and r[DeliveryQuality.measure] == "filled"]
    rows = [
        [_said(r[DeliveryQuality.column]), numbers.percent(r[DeliveryQuality.share]),
         numbers.percent(r[DeliveryQuality.share_before]) if r[DeliveryQuality.share_before] is not None else ""]
        for r in sorted(own, key=lambda r: r[DeliveryQuality.column]) if r[DeliveryQuality.counted]
    ]  # fmt: skip
    return Sheet(["Column", "Filled", "In the delivery before"], rows, numbers=(1, 2), note="Columns the member never fills are left out.")
