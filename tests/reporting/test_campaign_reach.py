"""How lists overlap and what channels reach, as shares so coarse that no small count follows."""

from __future__ import annotations

from collections import defaultdict

import pytest

from appetence.contracts.campaign import ListOverlap, Reach
from appetence.reporting.campaign_page import build_campaign
from appetence.reporting.campaign_reach import NOT_SHOWN, overlap_sections, reach_sections, share
from appetence.reporting.parts import render
from tests.reporting import planted


@pytest.mark.parametrize("whole", [11, 23, 100, 250, 1499, 1500, 9000])
def test_inv_10_a_share_stands_for_eleven_persons_at_least(whole: int) -> None:
    told = defaultdict(list)
    for part in range(whole + 1):
        told[share(part, whole)].append(part)
    shown = sorted(parts for words, parts in told.items() if words != NOT_SHOWN)
    # At both ends the counts that are not shown cut a step short.
    assert all(len(parts) >= 11 for parts in shown[2:-2])
    small = [n for n in (*range(1, 11), *range(max(whole - 10, 1), whole)) if n < whole]
    assert all(share(n, whole) == NOT_SHOWN for n in small)


def _overlaps() -> list[planted.Row]:
    counts = {("recents", "recents"): 900, ("recents", "autres"): 900, ("autres", "autres"): 3000, ("autres", "recents"): 900}
    return [ListOverlap.row(campaign_id="noel_vad", list_id=a, other_list_id=b, eligible=n, selected=n // 2) for (a, b), n in counts.items()]


def _reach() -> list[planted.Row]:
    made = (("post", 3000, 2000, 1500), ("email", 1005, 5, 120))
    return [Reach.row(campaign_id="noel_vad", channel=c, eligible=n, only_by_it=alone, selected=s) for c, n, alone, s in made]


def test_the_page_tells_overlap_and_reach_where_there_are_several() -> None:
    (lists,) = overlap_sections(_overlaps(), ("recents", "autres"))
    assert lists.parts[0].rows == [["recents", "all", "100 %"], ["autres", "30 %", "all"]]  # type: ignore[union-attr]  # a sheet
    assert overlap_sections(_overlaps()[:1], ("recents",)) == []
    (reach,) = reach_sections(_reach(), ("post", "email"), 3005)
    assert reach.parts[0].rows[1][1:] == ["33 %", NOT_SHOWN, "12 %"]  # type: ignore[union-attr]  # a sheet
    assert reach_sections(_reach()[:1], ("post",), 3000) == []
    found = planted.campaign_rows(overlaps=_overlaps(), reach=_reach(), campaign={**planted.campaign(), "channels": ["post", "email"]})
    page = render(build_campaign(found))
    assert "How the lists overlap" in page and "What each channel reaches" in page
    assert "How the lists overlap" not in render(build_campaign(planted.campaign_rows()))


def test_a_formula_expects_nothing_and_the_page_draws_no_margin_from_it() -> None:
    ranked = render(build_campaign(planted.campaign_rows()))
    nothing = [{**t, "expected_responses": 0.0, "expected_margin_cents": -9248, "is_above_break_even": False} for t in planted.tiers()]
    by_formula = render(build_campaign(planted.campaign_rows(tiers=nothing)))
    assert "Expected margin by depth" in ranked and "Expected margin by depth" not in by_formula
