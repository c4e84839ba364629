"""The page of deliveries: newest deliveries only, what changed first, refused ones by reason, nobody's values."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape
from typing import Any

from appetence.contracts.bronze import Delivery
from appetence.contracts.silver import DeliveryQuality
from appetence.reporting.parts import render
from appetence.reporting.quality_page import QualityRows, build_quality

SEPTEMBER, OCTOBER = dt.datetime(2026, 9, 1), dt.datetime(2026, 10, 1)


def measure(delivery: str, at: dt.datetime, column: str, name: str, share: float, before: float | None = None, **more: Any) -> dict[str, Any]:
    return DeliveryQuality.row(
        delivery_id=delivery, member_id="m01", delivered_at=at, column=column, measure=name, counted=round(share * 1000), among=1000, share=share,
        share_before=before, drift=None if before is None else share - before, is_alert=before is not None and abs(share - before) >= 0.05, **more,
    )  # fmt: skip


def page() -> str:
    measures = [
        measure("d1", SEPTEMBER, "email", "valid", 0.91), measure("d2", OCTOBER, "email", "valid", 0.62, 0.91),
        measure("d2", OCTOBER, "email", "grade_A", 0.6, 0.6), measure("d2", OCTOBER, "name", "grade_A", 0.95, 0.94),
        measure("d2", OCTOBER, "email", "filled", 0.7, 0.71), measure("d2", OCTOBER, "line", "repeated_person", 0.013),
    ]  # fmt: skip
    deliveries = [
        Delivery.row(delivery_id="d2", member_id="m01", delivery_ref="oct-full", status="accepted", rows_accepted=1000, rows_rejected=3),
        Delivery.row(delivery_id="d3", member_id="m01", delivery_ref="bad", status="quarantined", reason_code="UNKNOWN_COLUMN"),
    ]
    return render(build_quality(QualityRows(measures, deliveries, {"m01": "Presse <d'Armor>"}, "Made by a test.")))


def test_the_newest_delivery_is_told_with_what_changed() -> None:
    said = " ".join(unescape(re.sub(r"<(style|svg).*?</\1>|<[^>]+>", " ", page(), flags=re.DOTALL)).split()).replace("\u202f", " ")
    assert "Email Valid 91.0 % 62.0 %" in said.replace("\u00a0", " ")
    assert "oct-full: 1 000 lines taken, 3 refused." in said.replace("\u00a0", " ")
    assert "bad Unknown column" in said
    assert "Presse <d'Armor>" in said and "<d'Armor>" not in page()


def test_without_alerts_it_says_so() -> None:
    calm = build_quality(QualityRows([measure("d1", SEPTEMBER, "email", "valid", 0.9)], [], {}, "x"))
    assert any("Nothing in the newest deliveries differs" in s.lead for s in calm.sections)
