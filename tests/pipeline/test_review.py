"""What a review or sample file may say, line by line, which decisions contradict others, and what comes of a sample."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from appetence.cli.main import main
from appetence.contracts.identity import ClericalDecision, Edge, MatchModel, PersonLink
from appetence.contracts.silver import Record
from appetence.errors import ConfigError
from appetence.identity import weights
from appetence.identity.comparison import FIELDS
from appetence.pipeline import review
from appetence.pipeline.context import Context
from appetence.pipeline.review import Held, Taken, parsed

HEADER = "record_a;record_b;weight;today;why;decision;decided_by;reason\n"
SAMPLE = HEADER.replace("reason", "reason;stratum;stratum_size")


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


def sample(*rows: str) -> bytes:
    return (SAMPLE + "\n".join(rows)).encode()


def test_a_sample_is_estimated_by_its_decisions_alone() -> None:
    found, refused = review.estimate_sample(
        "s.csv",
        sample(
            "a;b;1.2;one person;;same;dv;seen;2/2 link, 0 to 2;90",
            "c;d;1.2;;;DIFFERENT;;;2/2 link, 0 to 2;90",
            "e;f;1.2;;;;;;2/2 link, 0 to 2;90",
            "g;h;-1.2;;;same;;;1/2 no link, -2 to 0;30",
        ),
    )
    assert found and not refused
    assert found.precision and found.precision.value == pytest.approx(0.5)
    assert found.recall and found.recall.value == pytest.approx(45 / 75)
    assert [n[:15] for n in found.notes] == ["1 of 4 lines ha"]


def test_each_line_of_a_sample_that_cannot_be_right_is_a_sentence_and_no_figure_comes_of_the_rest() -> None:
    found, refused = review.estimate_sample(
        "s.csv",
        sample(
            "a;b;1;;;same;;;2/2 link, 0 to 2;2",
            "c;d;1;;;perhaps;;;2/2 link, 0 to 2;2",
            "b;a;1;;;same;;;2/2 link, 0 to 2;2",
            "c;c;1;;;same;;;2/2 link, 0 to 2;2",
            "c;d;1;;;same;;;02-févr link;2",
            "c;d;1;;;same;;;1/2 no link, -2 to 0;1 234",
            "c;d;1;;;same;;;2/2 link, 0 to 2;3",
            "c;d;1;;;same;;;1/3 no link, -2 to 0;9",
            "c;d;1;;;same;;;2/2 link, 0 to 2;2",
            "e;f;1;;;same;;;2/2 link, 0 to 2;2",
        ),
    )
    assert found is None
    places = ("decision", "record_b", "record_b", "stratum", "stratum_size", "s stratum, stratum_size", "s stratum, stratum_size")
    want = [f"s.csv, line {n}, column{'' if c[:2] == 's ' else ' '}{c}" for n, c in zip(range(3, 10), places, strict=True)]
    assert [s.split(":")[0] for s in refused] == [*want, "s.csv, line 11, column stratum_size"]
    assert all(s.endswith(".") and ("put" in s or "can be" in s or "one file" in s) for s in refused)


def test_a_file_that_is_no_sample_or_has_no_answer_is_refused_whole() -> None:
    with pytest.raises(
        ConfigError, match=r"r\.csv, line 1, lacks the column\(s\) stratum, stratum_size: start from a file of `appetence identity sample`"
    ):
        review.estimate_sample("r.csv", (HEADER + "a;b;1.2;;;same;dv;seen").encode())
    for rows in ((), ("a;b;1;;;;;;2/2 link, 0 to 2;2",)):
        with pytest.raises(ConfigError, match=r"s\.csv has no answer in column decision"):
            review.estimate_sample("s.csv", sample(*rows))


def test_the_command_prints_the_figures_writes_them_and_names_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answered, out = tmp_path / "s.csv", tmp_path / "s.json"
    answered.write_bytes(sample("a;b;1;;;same;;;2/2 link, 0 to 2;1", "c;d;-1;;;different;;;1/2 no link, -2 to 0;1"))
    assert main(["identity", "estimate", str(answered), "--json", str(out)]) == 0
    said = capsys.readouterr().out
    assert "precision of links: 100.00%, with 95 % confidence between 100.00% and 100.00%" in said
    assert "2/2 link, 0 to 2" in said and "recall among compared pairs above the review floor: 100.00%" in said
    figures = json.loads(out.read_text())
    assert figures["precision"] == {"value": 1.0, "low": 1.0, "high": 1.0} and [s["pairs"] for s in figures["strata"]] == [1, 1]
    answered.write_bytes(sample("a;b;1;;;maybe;;;2/2 link, 0 to 2;1"))
    assert main(["identity", "estimate", str(answered)]) == 2
    told = capsys.readouterr().err
    assert "s.csv, line 2, column decision: it can be same or different" in told and "1 lines of s.csv were refused" in told
    assert main(["identity", "estimate", str(tmp_path / "no.csv")]) == 2
    assert "no.csv is no file: give a sample file, as `appetence identity sample` writes it." in capsys.readouterr().err


def planted(ctx: Context) -> list[tuple[str, str, float]]:
    """170 compared pairs of four strata, one of them decided on; the pairs with their weights."""
    two = [(f"a{i:03d}", f"b{i:03d}", w) for i, w in enumerate([-3.0] * 40 + [-1.0] * 20 + [1.0] * 10 + [20.0] * 100)]
    edge = {"household_weight": 0.0, "pattern": "last_name=exact_3|mobile=differ", "rules": ["mobile"]}
    ctx.lake.upsert_rows(Edge, [Edge.row(**edge, record_a=a, record_b=b, weight=w, is_link=w > 0) for a, b, w in two])
    model = weights.Model(FIELDS, tuple(np.full((3, len(f.levels) + 1), 0.1) for f in FIELDS), np.array([1e-3, 1e-3, 1.0]))
    names = ("comparison", "level", "p_person", "p_household", "p_unrelated")
    levels = [dict(zip(names, row, strict=True)) for row in weights.to_rows(model)]
    ctx.lake.upsert_rows(MatchModel, [MatchModel.row(model_version="v", trained_on=ctx.as_of, is_current=True, **level) for level in levels])
    ends = [(r, a if w > 0 else r) for a, b, w in two for r in (a, b)]
    ctx.lake.upsert_rows(PersonLink, [PersonLink.row(record_id=r, member_id="m01", person_id=p, since=ctx.as_of) for r, p in ends])
    ctx.lake.upsert_rows(Record, [Record.row(record_id=r, member_id="m01", customer_ref=r) for r, _ in ends])
    first = {"record_a": "a060", "record_b": "b060", "is_same": True, "decided_by": "dv", "reason": "seen", "decided_on": ctx.as_of}
    ctx.lake.upsert_rows(ClericalDecision, [first])
    return two


@pytest.mark.spark
def test_a_sample_goes_out_comes_back_as_an_estimate_and_as_decisions(make_context: Callable[..., Context], tmp_path: Path) -> None:
    ctx, target = make_context(), tmp_path / "s.csv"
    with pytest.raises(ConfigError, match=r"identity\.edge is not there yet"):
        review.export_sample(ctx, target, size=20, seed=1)
    two = planted(ctx)
    assert review.export_review(ctx, tmp_path / "r.csv", limit=5, band=100.0) == 5
    near = list(csv.DictReader((tmp_path / "r.csv").open(encoding="utf-8"), delimiter=";"))
    assert list(near[0]) == [*review.GIVEN, *review.FILLED] and "a060" not in {r["record_a"] for r in near}

    assert review.export_sample(ctx, target, size=170, seed=1) == 170
    whole = list(csv.DictReader(target.open(encoding="utf-8"), delimiter=";"))
    assert list(whole[0]) == [*near[0], "stratum", "stratum_size"]
    assert {r["record_a"] for r in whole} == {a for a, _, _ in two}, "those decided on too: to leave them out would bias"
    assert next({c: r[c] for c in near[0]} for r in whole if r["record_a"] == near[0]["record_a"]) == near[0]
    assert {r["decision"] + r["decided_by"] + r["reason"] for r in whole} == {""}, "what was decided before is not shown"

    count = review.export_sample(ctx, target, size=24, seed=1)
    rows = list(csv.DictReader(target.open(encoding="utf-8"), delimiter=";"))
    assert count == len(rows) == 24
    sized = {(r["stratum"], r["stratum_size"]) for r in rows}
    want = (("1/4 no link, below -2", "40"), ("2/4 no link, -2 to 0", "20"), ("3/4 link, 0 to 2", "10"), ("4/4 link, above 16", "100"))
    assert sized == set(want)
    assert [r["stratum"] for r in rows[:4]] == [name for name, _ in want], "the first of each stratum come first"
    said = io.StringIO()
    writer = csv.DictWriter(said, list(rows[0]), delimiter=";", lineterminator="\n")
    writer.writeheader()
    for r in rows:
        writer.writerow({**r, "decision": "same" if float(r["weight"]) > 0 else "different", "decided_by": "mr", "reason": "file seen"})
    answered = said.getvalue().encode()
    found, refused = review.estimate_sample("s.csv", answered)
    assert found and found.precision and found.recall and not refused and not found.notes
    assert found.precision.value == found.recall.value == 1 and 0.5 < found.precision.low < 1
    taken = review.take_decisions(ctx, "s.csv", answered)
    assert len(taken.lines) == 24 and not taken.refused
    held = {r.record_a: r.is_same for r in ctx.lake.read(ClericalDecision).collect()}
    assert held == {"a060": True} | {r["record_a"]: float(r["weight"]) > 0 for r in rows}
