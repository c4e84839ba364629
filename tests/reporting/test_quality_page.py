"""The pages of deliveries: what changed first, refused ones by reason, a page for each with its trends, nobody's values."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape
from typing import Any

from appetence.contracts.bronze import Delivery
from appetence.contracts.silver import DeliveryQuality
from appetence.reporting.delivery_page import build_delivery
from appetence.reporting.parts import render
from appetence.reporting.quality_page import build_quality
from appetence.reporting.quality_rows import QualityRows, delivery_file, history, with_pages
from appetence.reporting.trends import Point, Trend
from tests.reporting import planted

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
    assert f'<a href="{delivery_file("d2")}">oct-full</a>' in page() and "1 000 3" in said.replace("\u00a0", " ")
    assert "bad Unknown column" in said
    assert "Presse <d'Armor>" in said and "<d'Armor>" not in page()


def test_without_alerts_it_says_so() -> None:
    calm = build_quality(QualityRows([measure("d1", SEPTEMBER, "email", "valid", 0.9)], [], {}, "x"))
    assert any("Nothing in the newest deliveries differs" in s.lead for s in calm.sections)


def words(html: str) -> str:
    plain = " ".join(unescape(re.sub(r"<(style|svg).*?</\1>|<[^>]+>", " ", html, flags=re.DOTALL)).split())
    return plain.replace("\u202f", " ").replace("\u2212", "-")


def test_each_delivery_has_a_page_with_what_changed_its_trends_and_its_duplicates() -> None:
    found = planted.quality_rows()
    assert with_pages(found) == [*(f"m01n{n}" for n in range(1, 8)), "m02n7"]
    html = render(build_delivery(found, "m01n7"))
    said = words(html)
    assert "Presse d'Armor: mensuel-7" in said and "beside the 6 the member made before" in said
    changed = said[said.index("What changed") : said.index("What is filled")]
    assert re.search(r"Birth date Valid 90.0 % 65.0 % -25.0 points", changed) and "Email" not in changed.split("Change ")[1].split("What can")[0]
    assert "Same person twice 1.3 %" in said and "Customer number twice 0.7 % 0.6 %" in said and "Refused lines 0.4 %" in said
    assert "Birth date Bad date 31 Customers value not read" in said and "Line Field count 8 Customers line refused" in said
    rings = re.findall(r'aria-label="Email over 7 deliveries: [^"]*, (\d) to look at">(.*?)</svg>', html, re.DOTALL)
    assert [(n, drawing.count('r="4"')) for n, drawing in rings if n != "0"] == [("2", 2)], "the month the e-mails broke, and the one they came back"


def test_a_page_knows_only_what_was_delivered_before_it() -> None:
    found = planted.quality_rows()
    assert history(found, "m01n4").points("email", "valid")[-1] == Point(0.91) and len(history(found, "m01n4").days) == 4
    first = words(render(build_delivery(found, "m02n7")))
    assert "the first delivery of the member that was measured" in first and "Every line was taken" in first


def test_a_trend_is_drawn_to_scale_and_noise_stays_flat() -> None:
    def heights(*shares: float) -> list[float]:
        drawn = re.search(r'points="([^"]*)"', Trend([Point(s) for s in shares], "x").svg)
        assert drawn
        return [float(place.split(",")[1]) for place in drawn[1].split()]

    assert heights(0.2, 0.9, 0.2) == [23.0, 5.0, 23.0]
    calm = heights(0.500, 0.501, 0.500)
    assert max(calm) - min(calm) < 1.0
    assert heights(0.5) == [14.0]
