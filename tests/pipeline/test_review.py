"""What a review file may say, line by line, and which decisions contradict others."""

from __future__ import annotations

import pytest

from appetence.errors import ConfigError
from appetence.pipeline.review import Held, Taken, parsed

HEADER = "record_a;record_b;weight;today;why;decision;decided_by;reason\n"


def lines(*rows: str) -> tuple[list[tuple[tuple[str, str], bool]], Taken]:
    taken = Taken()
    found = [(line.two, line.is_same) for line in parsed("r.csv", (HEADER + "\n".join(rows)).encode(), taken)]
    return found, taken


def test_good_lines_go_in_and_each_bad_one_is_a_sentence_with_its_place() -> None:
    found, taken = lines(
        "b;a;1.2;;;same;dv;same handwriting",
        "c;d;1.2;;;;;",
        "c;d;1.2;;;perhaps;dv;unsure",
        "c;d;1.2;;;different;;unsure",
        "c;c;1.2;;;different;dv;unsure",
        "c;d;1.2;;;different;dv;wrote to jean@free.fr",
        "c;d;1.2;;;different;dv;called 06 11 22 33 44",
        "e;f;0.1;;;Different;dv;two dates of birth",
    )
    assert found == [(("a", "b"), True), (("e", "f"), False)]
    assert taken.undecided == 1
    places = [s.split(":")[0] for s in taken.refused]
    columns = ("decision", "decided_by is empty", "record_b", "reason", "reason")
    assert places == [f"r.csv, line {n}, column {c}" for n, c in zip(range(4, 9), columns, strict=True)]
    assert not any("free.fr" in s or "06 11" in s for s in taken.refused)


def test_a_file_that_is_no_review_file_is_refused_whole() -> None:
    with pytest.raises(ConfigError, match=r"r\.csv, line 1, lacks the column\(s\) decided_by, reason"):
        list(parsed("r.csv", b"record_a;record_b;decision\na;b;same\n", Taken()))
    with pytest.raises(ConfigError, match="not UTF-8"):
        list(parsed("r.csv", (HEADER + "a;b;;;;same;dv;déjà vu").encode("latin-1"), Taken()))


def test_the_newest_decision_on_a_pair_wins_and_contradictions_through_others_are_seen() -> None:
    held = Held({("a", "b"): True, ("b", "c"): True, ("x", "y"): False, ("w", "y"): True})
    assert held.would_contradict(("a", "c"), False), "a, b and c were decided to be one"
    assert not held.would_contradict(("a", "b"), False), "the pair's own earlier decision does not count"
    assert held.would_contradict(("w", "x"), True), "w is y, and y is not x"
    assert not held.would_contradict(("a", "x"), True)
    held.decide(("a", "b"), False)
    assert held.would_contradict(("a", "c"), True) and not held.would_contradict(("a", "c"), False)
    held.decide(("x", "y"), True)
    assert not held.would_contradict(("w", "x"), True)
