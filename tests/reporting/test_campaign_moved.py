"""The campaign page on whom the pieces moved: the finding as it is, and no figure that few responders would give away."""

from __future__ import annotations

from typing import Any

from appetence.contracts.campaign import Matchback, Uplift
from appetence.reporting.campaign_page import build_campaign
from appetence.reporting.parts import render
from tests.reporting import planted
from tests.reporting.test_pages import text


def page(uplift: dict[str, Any] | None, held_responders: int = 13) -> str:
    """The text of the page of a campaign whose hold-out had so many responders."""
    rows = [{**m, Matchback.responders: held_responders} if m[Matchback.group_value] == "holdout" else m for m in planted.matchback()]
    return text(render(build_campaign(planted.campaign_rows(matchback=rows, uplift=uplift))))


def told(finding: str, **said: Any) -> dict[str, Any]:
    return Uplift.row(campaign_id="noel_vad", finding=finding, contacted=1500, held_out=450, columns_read=["probability"], **said)


DIFFERS = told("differs", answer="Contacting adds +1.10 in a hundred; most +4.20, least -0.30.", best_fifth=0.042, last_fifth=-0.003)


def test_each_finding_is_told_in_its_own_words() -> None:
    nothing = page(told("no_effect", answer="No effect was shown: +0.10 in a hundred."))
    assert "Whom it moved" in nothing and "No effect was shown" in nothing and "moved most" not in nothing
    differs = page(DIFFERS, held_responders=60)
    assert "Contacting adds +1.10" in differs and "The fifth moved most" in differs


def test_few_responders_give_no_fifth_away() -> None:
    few = page(DIFFERS, held_responders=54)
    assert "Whom it moved" in few and "not shown" in few and "4.20" not in few and "The fifth moved most" not in few
    hidden = page(told("same_for_all", answer="Contacting adds +1.10 in a hundred."), held_responders=10)
    assert "Whom it moved" not in hidden and "+1.10" not in hidden, "the increment is not shown, nor what it follows from"


def test_what_was_not_measured_has_no_section() -> None:
    assert "Whom it moved" not in page(None)
    assert "Whom it moved" not in page(told("not_measured", answer="Only 9 persons responded."))
