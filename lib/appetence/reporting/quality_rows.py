"""What the pages of deliveries are made from, and one delivery beside those its member made before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appetence.contracts.bronze import Delivery
from appetence.contracts.silver import DeliveryQuality
from appetence.reporting import words
from appetence.reporting.trends import Point

Row = Mapping[str, Any]
FILE = "deliveries.html"
FIELDS = ("name", "birth_date", "address", "email", "mobile", "landline")
GRADES = (("grade_A", "A as it should be"), ("grade_B", "B repaired"), ("grade_C", "C doubtful"), ("grade_D", "D unusable"))
LONGEST = 24
"""Deliveries that a trend shows at most."""
PAGES = 12
"""Newest deliveries of a member that have a page."""


@dataclass(frozen=True)
class QualityRows:
    """What the pages tell: gold.delivery_quality and bronze.delivery rows, the members' labels, and by delivery, block, column and code how many
    rows bronze.reject has (`n`)."""

    measures: Sequence[Row]
    deliveries: Sequence[Row]
    labels: Mapping[str, str]
    source: str
    rejects: Sequence[Row] = ()


@dataclass(frozen=True)
class History:
    """One delivery: `about` its bronze.delivery row, `own` its measures by column and measure, and `days` and `measures` of the member's
    deliveries up to it, itself last."""

    label: str
    about: Row
    days: Sequence[dt.date]
    measures: Sequence[Mapping[tuple[str, str], Row]]

    @property
    def own(self) -> Mapping[tuple[str, str], Row]:
        """Its measures."""
        return self.measures[-1]

    @property
    def before(self) -> Mapping[tuple[str, str], Row] | None:
        """Those of the delivery before."""
        return self.measures[-2] if len(self.measures) > 1 else None

    def measured(self) -> set[tuple[str, str]]:
        """Every column and measure that one of the deliveries has."""
        return {key for of_one in self.measures for key in of_one}

    def share(self, column: str, measure: str) -> float | None:
        """A share of this delivery."""
        row = self.own.get((column, measure))
        return None if row is None else row[DeliveryQuality.share]

    def points(self, column: str, measure: str) -> list[Point | None]:
        """A share over the deliveries; None where one has none."""
        found = [of_one.get((column, measure)) for of_one in self.measures]
        return [None if r is None else Point(r[DeliveryQuality.share], bool(r[DeliveryQuality.is_alert])) for r in found]


def said(code: str) -> str:
    """A column, measure or code as a person reads it.

    >>> said("birth_date"), said("grade_D")
    ('Birth date', 'Grade D')
    """
    if code.startswith("grade_"):
        return f"Grade {code[-1]}"
    return words.readable(code.lower()).capitalize()


def delivery_file(delivery_id: str) -> str:
    """The page of one delivery."""
    return f"delivery_{delivery_id[:16]}.html"


def in_order(found: QualityRows) -> dict[str, list[str]]:
    """The measured deliveries of each member, oldest first."""
    ordered = sorted({(r[DeliveryQuality.delivered_at], r[DeliveryQuality.delivery_id], r[DeliveryQuality.member_id]) for r in found.measures})
    made: dict[str, list[str]] = {}
    for _, delivery_id, member_id in ordered:
        made.setdefault(member_id, []).append(delivery_id)
    return dict(sorted(made.items()))


def with_pages(found: QualityRows) -> list[str]:
    """The deliveries that have a page: the newest of each member."""
    return [delivery_id for made in in_order(found).values() for delivery_id in made[-PAGES:]]


def history(found: QualityRows, delivery_id: str) -> History:
    """One measured delivery beside those before it."""
    member_id, made = next((m, ids) for m, ids in in_order(found).items() if delivery_id in ids)
    upto = made[: made.index(delivery_id) + 1][-LONGEST:]
    by_delivery: dict[str, dict[tuple[str, str], Row]] = {i: {} for i in upto}
    days: dict[str, dt.date] = {}
    for row in (r for r in found.measures if r[DeliveryQuality.delivery_id] in by_delivery):
        by_delivery[row[DeliveryQuality.delivery_id]][row[DeliveryQuality.column], row[DeliveryQuality.measure]] = row
        days[row[DeliveryQuality.delivery_id]] = row[DeliveryQuality.delivered_at].date()
    about = next((d for d in found.deliveries if d[Delivery.delivery_id] == delivery_id), {})
    return History(found.labels.get(member_id, member_id), about, [days[i] for i in upto], [by_delivery[i] for i in upto])
