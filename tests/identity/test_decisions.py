"""Decisions made by hand bind: *different* also through third records, *same* whatever the weights."""

from __future__ import annotations

import itertools

from appetence.identity.decisions import Member, _settled, _touched, cut
from appetence.identity.weights import NEVER


def members(*ids: str, cluster: int = 1) -> list[Member]:
    return [Member(r, ord(r), cluster, 9.0) for r in ids]


def weights(ids: str, default: float, **said: float) -> dict[tuple[int, int], float]:
    out = {(ord(a), ord(b)): default for a, b in itertools.combinations(sorted(ids), 2)}
    return out | {(ord(k[0]), ord(k[1])): w for k, w in said.items()}


def test_different_holds_through_third_records_and_those_go_where_they_fit_best() -> None:
    pieces = cut(members("a", "b", "c"), [], [("a", "c")], weights("abc", 20.0, ab=30.0))
    assert sorted(pieces) == [["a", "b"], ["c"]]
    pieces = cut(members("a", "b", "c", "d"), [], [("a", "d")], weights("abcd", 5.0, ab=30.0, cd=12.0))
    assert sorted(pieces) == [["a", "b"], ["c", "d"]], "the two halves would join at 5 if nobody had decided"


def test_records_decided_the_same_start_as_one_and_outweigh_the_models_veto() -> None:
    said = weights("abcd", 4.0, ab=NEVER, ac=25.0, bd=-3.0, ad=-3.0)
    pieces = cut(members("a", "b", "c", "d"), [("a", "b")], [("a", "d")], said)
    assert sorted(pieces) == [["a", "b", "c"], ["d"]]


def test_a_veto_of_the_model_still_holds_between_others() -> None:
    pieces = cut(members("a", "b", "c"), [], [("b", "c")], weights("abc", 40.0, ab=NEVER))
    assert sorted(pieces) == [["a", "c"], ["b"]]


def test_equal_records_stay_together_but_for_the_one_that_was_decided_on() -> None:
    twins = [Member(r, 7, 1, None) for r in ("a", "b", "c", "d")]
    assert sorted(cut(twins, [], [("a", "d")], {})) == [["a", "b", "c"], ["d"]]


def test_only_clusters_that_are_not_as_decided_are_touched() -> None:
    assert _touched([("a", "b", True, 1, 1), ("a", "c", False, 1, 2)]) == {}
    assert set(_touched([("a", "b", True, 1, 2), ("c", "d", False, 3, 4)])) == {1, 2}
    assert set(_touched([("a", "b", False, 1, 1), ("b", "c", True, 1, 2), ("x", "y", True, 8, 8)])) == {1, 2}
    # Two that are apart today would come together by what joins their clusters: both are touched.
    assert set(_touched([("a", "b", True, 1, 2), ("c", "d", False, 1, 2)])) == {1, 2}


def test_clusters_are_joined_whole_unless_that_joins_what_was_kept_apart() -> None:
    held = members("a", "c") + members("b", "d", cluster=2)
    group = {1: 1, 2: 1}

    def pieces(different: list[tuple[str, str]]) -> list[list[str]]:
        rows = _settled(held, group, ([("a", "b")], different), lambda twos: weights("abcd", -20.0, ac=30.0, bd=6.0))
        clusters = {c for _, c, _ in rows}
        assert len(rows) == 4
        return sorted(sorted(r for r, c, _ in rows if c == cluster) for cluster in clusters)

    assert pieces([]) == [["a", "b", "c", "d"]]
    assert pieces([("c", "d")]) == [["a", "b", "c"], ["d"]], "c ties more strongly to the two, d has to leave"


def test_erasure_of_either_record_reaches_a_decision() -> None:
    from appetence.contracts.identity import ClericalDecision
    from appetence.privacy.erasure import Subject, targets_of

    assert {(t.column, t.subject) for t in targets_of(ClericalDecision)} == {("record_a", Subject.RECORD), ("record_b", Subject.RECORD)}
