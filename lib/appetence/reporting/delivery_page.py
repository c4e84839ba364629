"""One delivery: what it fills, how good it is, what stands in it twice, what could not be read, and how all that moves from the member's
delivery to delivery. For the operator."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from appetence.contracts.bronze import LINE_FAULTS, Delivery, Reject
from appetence.contracts.silver import DeliveryQuality
from appetence.reporting import charts, numbers
from appetence.reporting.parts import Cell, Fact, Page, Part, Picture, Section, Sheet, Words
from appetence.reporting.quality_rows import FIELDS, FILE, GRADES, History, QualityRows, Row, history, said
from appetence.reporting.trends import Point, Trend, trends

_OF_LINES = (
    ("refused", "Refused lines", "stored nowhere: columns missing, too long, or none of the agreed number"),
    ("unread", "Lines with a value that cannot be read", "taken, and told to the member"),
    ("repeated_customer", "Customer number twice", "lines beyond the first of their customer"),
    ("repeated_person", "Same person twice", "lines whose name and address another line has too"),
)


def build_delivery(found: QualityRows, delivery_id: str) -> Page:
    """The page of one measured delivery, :func:`quality_rows.delivery_file`."""
    past = history(found, delivery_id)
    about, alerts = past.about, [r for r in past.own.values() if r[DeliveryQuality.is_alert]]
    facts = [
        Fact("Lines taken", numbers.count(about.get(Delivery.rows_accepted)), f"of {numbers.count(about.get(Delivery.rows_read))} read"),
        Fact("Lines refused", numbers.count(about.get(Delivery.rows_rejected))),
        Fact("Values not read", numbers.count(about.get(Delivery.values_unread)), "told to the member at receipt"),
        Fact("Changes to look at", numbers.count(len(alerts)), "of five points or more" if past.before else "its first delivery measured"),
    ]
    return Page(
        title=f"{past.label}: {about.get(Delivery.delivery_ref, 'delivery')}",
        subtitle=f"A delivery of {past.days[-1]:%d/%m/%Y}{_mode(about)}, beside the {_earlier(past)} the member made before.",
        facts=facts,
        sections=[_changed(past, alerts), _complete(past), _valid(past), _twice(past), _not_used(found, delivery_id)],
        source=found.source,
        home=FILE,
        kicker="Deliveries",
    )


def _mode(about: Row) -> str:
    return f" ({about[Delivery.mode]})" if about.get(Delivery.mode) else ""


def _earlier(past: History) -> str:
    many = len(past.days) - 1
    return "one" if many == 1 else f"{many}" if many else "none"


def _changed(past: History, alerts: Sequence[Row]) -> Section:
    if not past.before:
        return Section("What changed", "It is the first delivery of the member that was measured: there is nothing to compare it with.", [])
    series = [(said(f), past.points(f, "valid")) for f in FIELDS]
    shown = [(name, points) for name, points in series if any(points)]
    parts: list[Part] = []
    if shown:

        def draw(narrow: bool) -> Figure:
            return trends(past.days, shown, unit="valid among those given", narrow=narrow)

        says = "; ".join(f"{name}: {numbers.percent(_last(points))}" for name, points in shown)
        parts.append(Picture("What can be used, delivery by delivery", draw, says, "A ring: five points or more from the delivery before."))
    if not alerts:
        return Section("What changed", "Nothing differs by five points or more from the member's delivery before.", parts)
    ordered = sorted(alerts, key=lambda r: (-abs(r[DeliveryQuality.drift]), r[DeliveryQuality.column], r[DeliveryQuality.measure]))
    sheet = Sheet(["Field", "Measure", "Before", "Now", "Change"], [_moved(r) for r in ordered], numbers=(2, 3, 4), asides=(2,))
    return Section("What changed", "Shares that moved by five points or more since the delivery before; the largest first.", [sheet, *parts])


def _moved(row: Row) -> list[Cell]:
    before, now, drift = (row[c] for c in (DeliveryQuality.share_before, DeliveryQuality.share, DeliveryQuality.drift))
    return [said(row[DeliveryQuality.column]), said(row[DeliveryQuality.measure]), *map(numbers.percent, (before, now)), numbers.points(drift, 1)]


def _last(points: Sequence[Point | None]) -> float | None:
    return next((p.share for p in reversed(points) if p is not None), None)


def _trend_row(past: History, column: str, measure: str, label: str) -> list[Cell]:
    """Label, share now and before, and the line over the member's deliveries."""
    row = past.own[column, measure]
    points = [p for p in past.points(column, measure) if p is not None]
    share, before = row[DeliveryQuality.share], row[DeliveryQuality.share_before]
    alerts = sum(p.is_alert for p in points)
    says = f"{label} over {len(points)} deliveries: {numbers.percent(points[0].share)} to {numbers.percent(points[-1].share)}, {alerts} to look at"
    return [label, numbers.percent(share), numbers.percent(before), Trend(points, says)]


def _sheet(rows: list[list[Cell]], what: str, note: str = "") -> Sheet:
    return Sheet([what, "Now", "Before", "Over the deliveries"], rows, numbers=(1, 2), note=note, asides=(2,))


def _complete(past: History) -> Section:
    columns = sorted({c for c, m in past.measured() if m == "filled"})
    own = [c for c in columns if (c, "filled") in past.own]
    used = [c for c in own if past.own[c, "filled"][DeliveryQuality.counted] or any(p and p.share for p in past.points(c, "filled"))]
    if not used:
        return Section("What is filled", "The delivery holds no customer lines.", [])
    values = [past.own[c, "filled"][DeliveryQuality.share] for c in used]

    def draw(narrow: bool) -> Figure:
        return charts.bars([said(c) for c in used], [("", values)], unit="share of the customer lines", is_share=True, narrow=narrow)

    says = "; ".join(f"{said(c)}: {numbers.percent(v)}" for c, v in zip(used, values, strict=True))
    rows = [_trend_row(past, c, "filled", said(c)) for c in used]
    parts: list[Part] = [Picture("Filled", draw, says), _sheet(rows, "Column", "Columns the member never fills are left out.")]
    return Section("What is filled", "Customer lines in which a column holds something.", parts)


def _valid(past: History) -> Section:
    shown = [f for f in FIELDS if (f, "valid") in past.own]
    if not shown:
        return Section("What can be used", "None of its lines counts: later lines of the same customers overtook them.", [])
    shares = {g: [past.share(f, g) or 0.0 for f in shown] for g, _ in GRADES}

    def draw(narrow: bool) -> Figure:
        series = [(label, shares[grade]) for grade, label in GRADES]
        return charts.bars([said(f) for f in shown], series, unit="share of the values given", is_share=True, narrow=narrow)

    says = "; ".join(f"{said(f)}: {numbers.percent(past.share(f, 'grade_A'))} grade A" for f in shown)
    rows = [_trend_row(past, f, "valid", said(f)) for f in shown]
    note = "Valid: grade A or B, among the values given."
    return Section("What can be used", "How good the values are, field by field.", [Picture("Grades", draw, says), _sheet(rows, "Field", note)])


def _twice(past: History) -> Section:
    rows = [_trend_row(past, "line", measure, label) for measure, label, _ in _OF_LINES if ("line", measure) in past.own]
    if not rows:
        return Section("Lines", "Nothing was measured of its lines.", [])
    notes = [f"{label}: {what}." for measure, label, what in _OF_LINES if ("line", measure) in past.own]
    return Section("Lines, and what stands in the file twice", "Shares of the lines.", [_sheet(rows, "Lines"), Words(notes, is_list=True)])


def _not_used(found: QualityRows, delivery_id: str) -> Section:
    own = [r for r in found.rejects if r[Reject.delivery_id] == delivery_id]
    if not own:
        return Section("What could not be used", "Every line was taken and every value can be read.", [])
    rows = [
        [said(r[Reject.column]), said(r[Reject.code]), numbers.count(r["n"]), said(r[Reject.block]),
         "line refused" if r[Reject.code] in LINE_FAULTS else "value not read"]
        for r in sorted(own, key=lambda r: (-r["n"], r[Reject.block], r[Reject.column], r[Reject.code]))
    ]  # fmt: skip
    sheet = Sheet(["Column", "Reason", "Lines", "File", "Which means"], rows, numbers=(2,), asides=(3, 4))
    return Section("What could not be used", "The member got the lines, by number and shape, in its report.", [sheet])
