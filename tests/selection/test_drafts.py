"""Counts told to those who may not see persons: none is small, and none follows from others, of this dry run or of earlier ones."""

from __future__ import annotations

import datetime as dt
import random
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.campaign import CountShown
from appetence.contracts.domain import Reason
from appetence.errors import ConfigError, LawError
from appetence.pipeline.draft_counts import _check_asker, _checked_day, in_words
from appetence.pipeline.load_reference import law_rule_rows
from appetence.runtime.config import load
from appetence.selection import drafts
from appetence.selection.candidates import build_candidates
from tests.selection.coop import campaign, generate, law, sources, terms
from tests.selection.oracle import Oracle

STEP = 20


@pytest.mark.parametrize("seed", range(40))
def test_inv_10_no_told_count_is_small_and_no_difference_of_two_is(seed: int) -> None:
    """Successive dry runs whose filters move a few persons at a time: the attack by subtraction."""
    r, before, answers = random.Random(seed), [], []
    count = r.randrange(0, 400)
    for _ in range(30):
        count = max(0, count + r.choice([-1, 1, 2, -3, 8, -10, 11, 40, -35, 0]))
        answer = drafts.told([("pieces", count)], before, STEP)[0]
        before.append(answer.counted)
        answers.append((count, answer))
    said = [a.shown for _, a in answers if a.shown is not None]
    assert all(n >= 11 and n % STEP == 0 for n in said)
    for (true_a, a), (true_b, b) in combinations(answers, 2):
        if a.shown is not None and b.shown is not None:
            assert a.shown == b.shown or abs(a.shown - b.shown) >= 11
        if 0 < abs(true_a - true_b) < 11 and a.counted == true_a and a.shown is not None and b.shown is not None:
            # b is told as an answer given before, about a count that stands: it says nothing that was not said.
            assert b.counted in [x.counted for _, x in answers[: answers.index((true_b, b))]] or answers.index((true_b, b)) < answers.index(
                (true_a, a)
            )
    for true, answer in answers:
        assert (answer.shown is None) == (true < 11)
        if answer.shown is not None:
            assert abs(answer.counted - true) < 11 and abs(answer.shown - true) <= STEP + 10


def test_inv_10_a_filter_that_moves_fewer_than_eleven_changes_no_answer() -> None:
    first = drafts.told([("pieces", 1209)], [], STEP)[0]
    for moved in range(-10, 11):
        assert drafts.told([("pieces", 1209 + moved)], [first.counted], STEP)[0].shown == first.shown
    assert drafts.told([("pieces", 1209 + 31)], [first.counted], STEP)[0].shown != first.shown


@pytest.mark.parametrize("broken", ["no mask", "no memory", "no rounding"])
def test_inv_10_a_measure_left_out_is_seen(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """Masking, answering as before and rounding: each of them is needed."""
    right = drafts.told
    if broken == "no mask":
        monkeypatch.setattr(drafts, "SMALL_COUNT", 1)
    else:
        step = 1 if broken == "no rounding" else STEP
        monkeypatch.setattr(drafts, "told", lambda asked, before, _: right(asked, [] if broken == "no memory" else before, step))
    with pytest.raises(AssertionError):
        for seed in range(40):
            test_inv_10_no_told_count_is_small_and_no_difference_of_two_is(seed)
        test_inv_10_a_filter_that_moves_fewer_than_eleven_changes_no_answer()


def test_a_member_sees_its_own_campaigns_only(conf_folder: str) -> None:
    class Here:
        config = load("demo", [], conf_folder)

    house = terms(conf_folder, campaign(client="r_m04", product="house", min_sources=1))
    _check_asker(Here, house, "m04")  # type: ignore[arg-type]  # only the configuration is read
    _check_asker(Here, house, "agent")  # type: ignore[arg-type]  # as above
    with pytest.raises(LawError, match="m02 sees the counts of its own campaigns only, and the client of this draft is r_m04"):
        _check_asker(Here, house, "m02")  # type: ignore[arg-type]  # as above
    with pytest.raises(LawError, match="own campaigns only"):
        _check_asker(Here, terms(conf_folder, campaign()), "m04")  # type: ignore[arg-type]  # as above
    with pytest.raises(ConfigError, match="neither agent nor a member"):
        _check_asker(Here, house, "boss")  # type: ignore[arg-type]  # as above


def test_another_as_of_date_gives_no_further_counts() -> None:
    """The day is the clock's: what was asked today counts, whatever day's knowledge was asked for."""
    today = dt.date(2026, 11, 2)
    rows = [(1, today), (1, today), (2, today), (3, today - dt.timedelta(days=1))]
    asked = [CountShown.row(asker="agent", turn=turn, asked_on=day, figure=str(n)) for n, (turn, day) in enumerate(rows)]

    def ask(most: int, as_of: dt.date) -> dt.date:
        config = SimpleNamespace(selection=SimpleNamespace(counts_per_day=most))
        here: Any = SimpleNamespace(config=config, as_of=as_of, started_at=dt.datetime(2026, 11, 2, 9))
        return _checked_day(here, asked, "agent")

    assert ask(3, today) == ask(3, dt.date(2026, 12, 24)) == today
    for as_of in (today, dt.date(2026, 12, 24)):
        with pytest.raises(LawError, match="agent has asked for 2 counts on 2026-11-02"):
            ask(2, as_of)


@pytest.mark.spark
def test_a_draft_is_counted_as_it_would_be_cut(spark: SparkSession, conf_folder: str) -> None:
    spec = campaign(seed=14, channels=("email", "post"), min_sources=1)
    coop, said = generate(14, 150, spec), terms(conf_folder, spec)
    candidates = build_candidates(sources(spark, coop, law_rule_rows(law(conf_folder))), said)
    found = {row["figure"]: row["n"] for row in drafts.counted(candidates, said).collect()}
    oracle = Oracle(coop, said)
    decided = {p: oracle.decide(p) for p in oracle.universe()}
    free = {p: d for p, d in decided.items() if not d[2]}
    figures = dict(drafts.figures(found, said))
    assert figures["candidates"] == len(decided) and figures["PRESELECT"] == len(free) > 0
    assert figures["STATUS"] == len(decided) - sum(d[2][:1] == ["STATUS"] for d in decided.values())
    assert figures["pieces"] == len({oracle.home[p] for p in free}) == sum(n for f, n in figures.items() if f.startswith("list:"))
    assert figures["pieces"] == sum(n for f, n in figures.items() if f.startswith("channel:"))
    told = drafts.told(list(figures.items()), [], STEP)
    lines = in_words(told, said, STEP)
    assert len(lines) == 1 + len(told) + (told[-5].shown is not None and 1) and not any(p in " ".join(lines) for p in decided)
    assert [t.figure for t in told][1:11] == [str(r) for r in list(Reason)[:10]]
