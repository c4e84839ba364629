"""After the window: responses with intervals, the increment over the hold-out, predicted against actual by decile. Small counts joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appetence.contracts.campaign import NOT_MEASURED, Campaign, Matchback, Uplift
from appetence.reporting import charts, masking, numbers, words
from appetence.reporting.parts import Part, Picture, Section, Sheet, Words

Row = Mapping[str, Any]

FIFTHS = 5


@dataclass(frozen=True)
class Group:
    """Merge units of one or more neighbouring groups, how many responded, and how many the model expected."""

    label: str
    units: int
    responders: int
    expected: float | None

    def with_next(self, other: Group) -> Group:
        """Both as one."""
        first, last = self.label.split(numbers.DASH)[0], other.label.split(numbers.DASH)[-1]
        both = None if self.expected is None or other.expected is None else self.expected + other.expected
        return Group(f"{first}{numbers.DASH}{last}", self.units + other.units, self.responders + other.responders, both)

    def measure(self) -> charts.Measure:
        """The response rate with its 95 % Wilson interval."""
        low, high = numbers.wilson(self.responders, self.units)
        return charts.Measure(
            self.label,
            self.responders / max(self.units, 1),
            low,
            high,
            None if self.expected is None else self.expected / max(self.units, 1),
        )


OUTSIDE = (
    "The client is no member of the co-operative: its orders never enter the pool, and nobody's purchases are matched here. "
    "Only what the client counts itself, order by order with the key code that was quoted, can be told."
)
UNSEEN = (
    "The hold-out is not observed: people who were not contacted have no key code to quote, and their orders at this client are not seen here. "
    "So nobody can say how many of those who responded would have ordered anyway; the rates below are no effect of the campaign."
)


def result_sections(campaign: Row, matchback: Sequence[Row], is_member: bool = True, uplift: Row | None = None) -> list[Section]:
    """The sections on what came back; one sentence while the window is open. `is_member`: the client's own orders are in the pool. `uplift`: the
    campaign's row of `gold.uplift`."""
    total = next((m for m in matchback if m[Matchback.group_kind] == "total"), None)
    if total is None:
        yet = "Nothing is measured yet: responses count from the drop date to the end of the window."
        return [Section("What came back", yet if is_member else f"Nothing is measured yet. {OUTSIDE}")]
    cells = [m for m in matchback if m[Matchback.group_kind] == "cell"]
    effect: list[Part] = _increment(total, cells) if is_member else _unseen(campaign)
    counted = "" if is_member else " This is the client's own count, by key code."
    parts = [*effect, *_cells(cells, is_near(campaign, cells, is_member))]
    moved = _moved(uplift, total, cells) if uplift else []
    return [Section("What came back", f"{_verdict(total, cells)}{counted}", parts), *moved, *_deciles(campaign, matchback, is_member)]


def _moved(uplift: Row, total: Row, cells: Sequence[Row]) -> list[Section]:
    """Whether the pieces moved some more than others; nothing where the increment itself is not shown, or nothing could be measured."""
    if uplift[Uplift.finding] == NOT_MEASURED or not _may_show(total, cells):
        return []
    held = sum(int(m[Matchback.responders]) for m in cells if m[Matchback.group_value] == words.HOLDOUT)
    note = "Learnt from who was contacted and who was set apart at random, each judged by what was learnt from others."
    if uplift[Uplift.best_fifth] is None:
        return [Section("Whom it moved", uplift[Uplift.answer], [Words([note])])]
    # A fifth of the hold-out answers for each figure: with few responders there the two are not told apart.
    if masking.is_small(held // FIFTHS):
        return [Section("Whom it moved", "It moved some more than others; by how much is not shown: too few responded.", [Words([note])])]
    rows = [
        ["The fifth moved most", numbers.points(uplift[Uplift.best_fifth])], ["The fifth moved least", numbers.points(uplift[Uplift.last_fifth])],
    ]  # fmt: skip
    return [Section("Whom it moved", uplift[Uplift.answer], [Sheet(["", "Added to the rate"], rows, (1,), note)])]


def _unseen(campaign: Row) -> list[Part]:
    return [Words([OUTSIDE, UNSEEN] if campaign[Campaign.held_out] else [OUTSIDE])]


def is_near(campaign: Row, cells: Sequence[Row], is_member: bool = True) -> bool:
    """Fewer than 11 have left since the cut: the difference to the counts above may not be told, nor follow from a rate."""
    cut = int(campaign[Campaign.selected]) + (int(campaign[Campaign.held_out]) if is_member else 0)
    return masking.is_small(abs(cut - sum(int(m[Matchback.units]) for m in cells)))


def _verdict(total: Row, cells: Sequence[Row]) -> str:
    rate = f"{numbers.percent(total[Matchback.rate], 2)} of those contacted responded in the window"
    low, high = total[Matchback.incremental_low], total[Matchback.incremental_high]
    if low is None or high is None or not _may_show(total, cells):
        return f"{rate if not masking.is_small(total[Matchback.responders]) else 'Fewer than 11 of those contacted responded in the window'}."
    effect = (
        "the campaign caused responses"
        if low > 0
        else "the campaign cost responses"
        if high < 0
        else "an effect is not proven: the interval holds zero"
    )
    return f"{rate}. Against the hold-out the increment lies between {numbers.points(low)} and {numbers.points(high)}: {effect}."


def _may_show(total: Row, cells: Sequence[Row]) -> bool:
    """The increment gives the hold-out's responders away: it is shown only when they, and the contacted ones, are not few."""
    counts = [m[Matchback.responders] for m in (total, *cells)]
    return bool(cells) and not any(masking.is_small(n) for n in counts)


def _increment(total: Row, cells: Sequence[Row]) -> list[Part]:
    if total[Matchback.incremental_rate] is None:
        return [Words(["No hold-out was set apart: what would have come in without the campaign is not known."])]
    if not _may_show(total, cells):
        return [Words(["The increment over the hold-out is not shown: too few responded in one of the groups it compares."])]
    found = charts.Measure(
        "increment", total[Matchback.incremental_rate], total[Matchback.incremental_low] or 0.0, total[Matchback.incremental_high] or 0.0
    )
    rows = [
        ["Response rate of those contacted", numbers.percent(total[Matchback.rate], 2)],
        ["Rate the campaign added", numbers.points(found.value)],
        ["95 % interval of the added rate", f"{numbers.points(found.low)} to {numbers.points(found.high)}"],
        ["Responses the campaign added", numbers.decimal(found.value * total[Matchback.units], 0)],
        ["Turnover matched to the campaign", numbers.euros(total[Matchback.amount_cents])],
        ["Turnover above what the hold-out predicts", numbers.euros(total[Matchback.incremental_amount_cents])],
    ]
    note = (
        "Matching orders back credits the campaign with those who would have bought anyway; "
        "only the comparison with the hold-out tells what it caused."
    )
    return [Sheet(["", "Measured"], rows, (1,), note)]


def _cells(cells: Sequence[Row], near: bool) -> list[Part]:
    """Cell by cell; the responders of those contacted are parts of a known total."""
    mailed = [m for m in cells if m[Matchback.group_value] != words.HOLDOUT]
    told = dict(zip((m[Matchback.group_value] for m in mailed), masking.parts([int(m[Matchback.responders]) for m in mailed]), strict=True))
    told |= {m[Matchback.group_value]: m[Matchback.responders] for m in cells if m not in mailed and not masking.is_small(m[Matchback.responders])}
    shown = [m for m in cells if told.get(m[Matchback.group_value]) is not None and not masking.is_small(m[Matchback.units])]
    digits = 1 if near else 2
    rows = []
    for m in cells:
        units = "not shown" if near else masking.shown(m[Matchback.units])
        figures = ["not shown"] * 3
        if m in shown:
            figures = [
                numbers.count(m[Matchback.responders]),
                numbers.percent(m[Matchback.rate], digits),
                numbers.between(m[Matchback.rate_low], m[Matchback.rate_high], digits),
            ]
        rows.append([words.cell(m[Matchback.group_value]), units, *figures])
    parts: list[Part] = []
    if len(shown) > 1:
        groups = [
            charts.Measure(words.cell(m[Matchback.group_value]), m[Matchback.rate], m[Matchback.rate_low], m[Matchback.rate_high]) for m in shown
        ]
        parts.append(
            Picture(
                "Response rate by cell",
                lambda narrow: charts.rates(groups, label="cell", narrow=narrow),
                "Response rate of each cell with its 95 % interval.",
            )
        )
    return [*parts, Sheet(["Cell", "Merge units", "Responded", "Rate", "95 % interval"], rows, (1, 2, 3, 4))] if rows else parts


def _deciles(campaign: Row, matchback: Sequence[Row], is_member: bool) -> list[Section]:
    rows = sorted((m for m in matchback if m[Matchback.group_kind] == "decile"), key=lambda m: int(m[Matchback.group_value]))
    groups = masking.joined(
        (
            Group(
                m[Matchback.group_value],
                int(m[Matchback.units]),
                int(m[Matchback.responders]),
                None if m[Matchback.predicted_rate] is None or not is_member else m[Matchback.predicted_rate] * m[Matchback.units],
            )
            for m in rows
        ),
        lambda g: (g.units, g.responders),
        Group.with_next,
    )
    if not groups or masking.is_small(groups[0].responders):
        return []
    measured = [g.measure() for g in groups]
    near = is_near(campaign, [m for m in matchback if m[Matchback.group_kind] == "cell"], is_member)
    digits = 1 if near else 2
    table = [
        [
            g.label,
            "not shown" if near else numbers.count(g.units),
            numbers.count(g.responders),
            numbers.percent(m.value, digits),
            numbers.between(m.low, m.high, digits),
            numbers.percent(m.expected, 2),
        ]
        for g, m in zip(groups, measured, strict=True)
    ]
    has_model = campaign[Campaign.model_key] is not None and any(m.expected is not None for m in measured)
    title = "Predicted against actual by tenth" if has_model else "Response by tenth"
    lead = "Tenths of the eligible, 1 is best; those with few responses are taken together."
    if not is_member:
        lead += (
            " The model foresees purchases in the client's trade at members: it puts the tenths in order, and has no rate for this client's orders."
        )
    picture = Picture(
        title,
        lambda narrow: charts.rates(measured, label="tenth of the eligible, best first", narrow=narrow),
        f"Response rate by tenth with 95 % intervals{', beside the mean predicted probability' if has_model else ''}.",
    )
    columns = ["Tenth", "Merge units", "Responded", "Actual", "95 % interval", *(["Predicted"] if has_model else [])]
    return [Section(title, lead, [picture, Sheet(columns, [row[: len(columns)] for row in table], tuple(range(1, len(columns))))])]
