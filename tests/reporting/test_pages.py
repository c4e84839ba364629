"""What the pages say, and that each is one file that needs nothing else."""

from __future__ import annotations

import datetime as dt
import json
import re
from functools import cache
from html.parser import HTMLParser

import pytest

from appetence.contracts.privacy import Run
from appetence.reporting import numbers
from appetence.reporting.campaign_page import build_campaign, gains_picture
from appetence.reporting.delivery_page import build_delivery
from appetence.reporting.identity_page import build_identity, in_words, level_weights
from appetence.reporting.index_page import build_index
from appetence.reporting.model_page import build_model
from appetence.reporting.officer_page import Trail, build_officer
from appetence.reporting.parts import render
from appetence.reporting.quality_page import build_quality
from appetence.runtime.config import load
from tests.reporting import planted

PAGES = {
    "index": lambda: build_index(planted.overview()),
    "campaign": lambda: build_campaign(planted.campaign_rows()),
    "identity": lambda: build_identity(planted.identity_rows()),
    "model": lambda: build_model(planted.model_rows()),
    "officer": lambda: build_officer(planted.officer_rows()),
    "deliveries": lambda: build_quality(planted.quality_rows()),
    "delivery": lambda: build_delivery(planted.quality_rows(), "m01n7"),
}


class Reader(HTMLParser):
    """Collects what a page refers to, its ids, its text, and tags left open."""

    VOID = {"meta", "link", "br", "img", "path", "use", "rect", "polyline", "circle"}

    def __init__(self) -> None:
        super().__init__()
        self.refers: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.refers += [v or "" for k, v in attrs if k in ("src", "href", "xlink:href", "action", "data")]
        self.ids += [v or "" for k, v in attrs if k == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data)


@cache
def rendered(name: str) -> str:
    """A page from the planted rows as they are."""
    return render(PAGES[name]())


def read(html: str) -> Reader:
    """A page as a reader sees it."""
    reader = Reader()
    reader.feed(html)
    return reader


def text(html: str) -> str:
    """The words of a page, thin spaces and minus signs as plain ones."""
    return " ".join(" ".join(read(html).words).split()).replace(numbers.THIN, " ").replace(numbers.MINUS, "-")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_one_well_formed_file_that_asks_nothing_of_anybody(name: str) -> None:
    html = rendered(name)
    found = read(html)
    assert found.open == []
    assert "script" not in found.tags and "iframe" not in found.tags
    assert len(found.ids) == len(set(found.ids)), "an id stands twice"
    for target in found.refers:
        assert target.startswith("#") or target == "data:," or re.fullmatch(r"[a-z0-9_]+\.html", target), target
    assert not re.search(r"url\((?!#)|@import|https?://(?!www\.w3\.org)", html)


@pytest.mark.parametrize("name", PAGES)
def test_the_same_rows_make_the_same_page(name: str) -> None:
    assert render(PAGES[name]()) == rendered(name)


def test_every_plot_has_words_for_those_who_do_not_see_it() -> None:
    html = rendered("campaign")
    labels = re.findall(r'<svg role="img" aria-label="([^"]*)"', html)
    assert len(labels) == html.count("<svg") and all(len(label) > 20 for label in labels)


def test_what_is_written_by_people_is_escaped() -> None:
    html = render(build_campaign(planted.campaign_rows(client_label="<b>Client & Cie</b>")))
    assert "&lt;b&gt;Client &amp; Cie&lt;/b&gt;" in html


def test_the_campaign_page_adds_up_and_hides_small_counts() -> None:
    said = text(rendered("campaign"))
    for shown in ("11 000", "10 457", "3 112", "1 500", "External list + permission"):
        assert shown in said, shown
    assert "10 450" not in said, "what is left after the seven dropped by the external list"
    assert "1 496" not in said and "1 500, less fewer than 11" in said, "four fell out at export"
    assert "1 344" not in said and "1 644" not in said, "six were served before"


def test_the_campaign_page_says_in_words_what_was_asked(conf_folder: str) -> None:
    config = load("demo", [], conf_folder)
    rules = [r for r in config.law.rules if r.rule_id == "post_commercial"] if config.law else []
    said = text(render(build_campaign(planted.campaign_rows(spec=config.campaigns["noel_vad"], rules=rules))))
    assert "Catalogue de Noël" in said
    assert "informed and not opposed or consent" in said and "Robinson list applies" in said
    assert "At least 2 supplying members a person." in said
    assert "acheteurs recents (last purchase within 365 days)" in said
    assert "Pays down to tenth 6 of 10" in said


def test_the_campaign_page_shows_what_the_ranking_should_bring_against_random() -> None:
    said = text(rendered("campaign"))
    assert "What the ranking should bring The best tenth holds 21 % of the expected responses; at random it would hold 10 %." in said
    assert "Down to tenth 6, the last that earns its cost, it is 81 %." in said
    axes = gains_picture(list(reversed(planted.tiers()))).draw(False).axes[0]
    curve, chance = (next(x for x in axes.lines if (x.get_marker() == "o") is is_curve) for is_curve in (True, False))
    depth, reached = ([float(v) for v in values] for values in (curve.get_xdata(), curve.get_ydata()))
    assert depth == pytest.approx([n / 10 for n in range(11)]) and (depth[-1], reached[-1]) == pytest.approx((1, 1))
    assert reached == pytest.approx([(1 - 0.82**n) / (1 - 0.82**10) for n in range(11)]), "each tenth expects 82 % of the one before"
    assert [float(v) for v in chance.get_xdata()] == [float(v) for v in chance.get_ydata()] == [0, 1]


def test_gains_are_shown_of_a_model_only_and_of_no_small_tenth() -> None:
    nothing = [{**t, "expected_responses": 0.0} for t in planted.tiers()]
    small = [{**t, "quantity": 7} if t["tier"] == 10 else t for t in planted.tiers()]
    loss = [{**t, "is_above_break_even": False} for t in planted.tiers()]

    def lead(**rows: object) -> str | None:
        found = build_campaign(planted.campaign_rows(**rows)).sections
        return next((s.lead for s in found if s.title == "What the ranking should bring"), None)

    for rows in ({"campaign": planted.campaign(model_key=None)}, {"tiers": nothing}, {"tiers": small}, {"tiers": []}):
        assert lead(**rows) is None, rows
    assert "earns its cost" in str(lead()) and str(lead(tiers=loss)).endswith(f"at random it would hold 10{numbers.THIN}%.")


def test_results_tell_the_increment_with_its_interval() -> None:
    said = text(rendered("campaign"))
    assert "Against the hold-out the increment lies between +0.20 points and +2.00 points: the campaign caused responses." in said
    assert "Predicted against actual by tenth" in said


def test_a_third_partys_hold_out_is_said_not_to_be_observed() -> None:
    """Its orders never enter the pool: what it counted by key code is told, and no effect is claimed."""
    told = [{**m, **dict.fromkeys(f"incremental_{x}" for x in ("rate", "low", "high", "amount_cents"))} for m in planted.matchback()]
    told = [m for m in told if m["group_value"] != "holdout"]
    said = text(render(build_campaign(planted.campaign_rows(matchback=told, is_member_client=False))))
    assert "orders never enter the pool" in said and "The hold-out is not observed" in said and "client's own count, by key code" in said
    assert "No hold-out was set apart" not in said and "increment lies" not in said and "Rate the campaign added" not in said
    assert "contacted 1 500 60 4.00 %" in said, "the hold-out is no difference to hide: it is not among what the client counts"
    assert "Response by tenth" in said and "Predicted" not in said, "the model foresees purchases in the trade, not this client's orders"
    before = text(render(build_campaign(planted.campaign_rows(matchback=[], is_member_client=False))))
    assert "Nothing is measured yet. The client is no member" in before and "The hold-out is not observed" not in before


def test_no_increment_is_shown_when_it_would_give_a_small_count_away() -> None:
    rows = planted.matchback()
    for row in rows:
        if row["group_value"] == "holdout":
            row["responders"] = 6
    said = text(render(build_campaign(planted.campaign_rows(matchback=rows))))
    assert "+1.10 points" not in said and "+0.20 points" not in said
    assert "too few responded in one of the groups" in said


def test_tenths_with_few_responders_are_taken_together() -> None:
    said = text(rendered("campaign"))
    assert "3–4 300 17" in said
    assert re.search(r"\b10 150 1\b", said) is None


def test_before_the_window_nothing_is_said_of_results() -> None:
    said = text(render(build_campaign(planted.campaign_rows(matchback=[]))))
    assert "Nothing is measured yet" in said


def test_the_truth_is_told_only_where_there_is_one() -> None:
    assert "F1 of persons" in text(rendered("identity"))
    assert "F1" not in text(render(build_identity(planted.identity_rows(truth={}))))


def test_match_weights_are_the_log_odds_of_the_model_and_the_prior_is_no_field() -> None:
    levels = level_weights(planted.match_model())
    assert {name for name, *_ in levels} == {"last name", "first name", "birth date"}
    first = next(w for name, level, w, _ in levels if (name, level) == ("first name", "exact 3"))
    assert first == pytest.approx(11.551, abs=1e-3)  # log2(0.6 / 0.0002)


def test_what_a_family_shares_is_called_proof_of_a_home() -> None:
    assert in_words(12.8, 12.7) == "strong proof of one home, not of which person"
    assert in_words(-19.9, -0.1) == "speaks strongly against one person"
    assert in_words(0.2, 0.1) == "says little"


def test_the_model_page_speaks_to_campaign_teams() -> None:
    said = text(rendered("model"))
    assert "Contact the best tenth and you reach 34 % of the buyers; at random you would reach 10 %." in said
    assert "Half of the buyers are among the first 20 % of the list." in said
    assert "does worse: 0.683 against 0.742" in said
    assert "givers" in text(render(build_model(planted.model_rows(is_gift=True))))


def test_the_model_page_says_whether_the_base_is_still_the_same() -> None:
    said = text(rendered("model"))
    assert "stability index of the scores 0.06: stable." in said
    assert "total_events_90d" in said and "0.31" in said and "has_post" not in said
    assert "Since 30 September 2026" in said and "of today's best tenth were not in it" in said
    unknown = text(render(build_model(planted.model_rows(stability=planted.stability(score_index=None, previous_cutoff=None), drift=[]))))
    assert "train again to watch it" in unknown and "Since" not in unknown
    assert "Is it still the same base?" not in text(render(build_model(planted.model_rows(stability=None, drift=[]))))


def test_an_unscored_model_has_its_card_all_the_same() -> None:
    said = text(render(build_model(planted.model_rows(bins=[], reasons=[], scored=None))))
    assert "Scores of today" not in said and "What the gate decided" in said


def test_the_index_links_every_page_and_tells_failures() -> None:
    html = render(build_index(planted.overview()))
    assert {"campaign_noel_vad.html", "model_prospect_r_vad.html", "identity.html"} <= set(read(html).refers)
    assert "failed: The router's key has expired: import the new one." in text(html)


def test_an_empty_lake_still_makes_an_index() -> None:
    empty = planted.overview(runs=[], tables=[], cards=[], campaigns=[], records=0, persons=0, households=0, members=0)
    assert "No campaign has been cut yet." in text(render(build_index(empty)))


def test_few_that_left_since_the_cut_are_not_told_by_a_difference() -> None:
    counts, results = planted.selection_counts(), planted.matchback()
    counts[0]["n"], counts[3]["n"] = 1341, 450
    for row in results:
        row["units"] -= 3 if row["group_value"] in ("all", "mail") else 0
    said = text(render(build_campaign(planted.campaign_rows(counts=counts, matchback=results, campaign=planted.campaign(held_out=450)))))
    assert "1 497" not in said and "1 347" not in said and "1 341" not in said
    assert "contacted not shown 60 4.0 %" in said


def test_a_small_cell_hides_another_whose_count_would_tell_it() -> None:
    rows = planted.matchback()
    mail = next(r for r in rows if (r["group_kind"], r["group_value"]) == ("cell", "mail"))
    mail.update(units=1350, responders=53)
    rows.append({**mail, "group_value": "couverture_b", "units": 150, "responders": 7})
    said = text(render(build_campaign(planted.campaign_rows(matchback=rows, campaign=planted.campaign(held_out=450)))))
    assert "contacted 1 350 not shown" in said and "couverture b 150 not shown" in said
    assert "held out 450 13" in said


def test_the_officers_page_tells_what_is_late_what_waits_and_what_was_proven() -> None:
    page = build_officer(planted.officer_rows())
    facts = {f.label: (f.value, f.note) for f in page.facts}
    assert facts["Requests waiting"] == ("2", "1 due within 7 days") and facts["Past their deadline"] == ("1", "answer them now")
    assert facts["Traces left"][0] == "0" and facts["Audit trail"] == ("whole", "17 links")
    text = rendered("officer")
    assert "late by 16" in text and "member m05: refuse" in text and "nothing left" in text and "counted only" in text
    assert text.index("late by 16") < text.index("held by somebody under another name"), "the nearest deadline stands first"
    # Nothing of three tables repeats a finding: a certificate's scan is counted once.
    left = [{**c, "scan_findings": 2} for c in planted.officer_rows().certificates]
    broken = build_officer(
        planted.officer_rows(certificates=left, trail=Trail(17, "a" * 64, 0, "Link 4 was altered: its content does not give its hash."))
    )
    told = {f.label: f.value for f in broken.facts}
    assert told["Traces left"] == "2" and told["Audit trail"] == "broken" and "Link 4 was altered" in render(broken)


def test_the_officers_page_shows_what_a_dry_run_of_retention_counted_and_nothing_in_back_quotes() -> None:
    ran = Run.row(job="enforce_retention", as_of=dt.date(2027, 2, 15), status="succeeded", is_dry_run=True, started_at=dt.datetime(2027, 2, 15, 7),
                  details=json.dumps({"expired": {"m05": 87, "m06": 12}}))  # fmt: skip
    text = render(build_officer(planted.officer_rows(retention=(), runs=[ran])))
    assert "Escapades du Ponant" in text and "87" in text and "counted only" in text and "Retention has not run yet" not in text
    assert "`" not in text.split("</style>")[-1]
    # A run that erased after it says more.
    kept = [{**planted.officer_rows().retention[0], "as_of": dt.date(2027, 3, 1)}]
    assert "m06" not in render(build_officer(planted.officer_rows(retention=kept, runs=[ran])))


def test_an_empty_desk_still_makes_the_officers_page() -> None:
    nothing = dict.fromkeys(("requests", "tasks", "decisions", "certificates", "retention", "suppressions", "runs"), ())
    text = render(build_officer(planted.officer_rows(**nothing, deaths={}, trail=Trail(0, "0" * 64, 0))))
    for says in ("No request has been received", "Nobody has anything left to do", "Nothing has been erased yet", "Retention has not run yet"):
        assert says in text
