"""`appetence why-linked` names the records over which two hold together, and says where and why they were taken apart."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from appetence.contracts.identity import MatchModel, PersonLink
from appetence.identity import weights
from appetence.identity.comparison import FIELDS, Field
from appetence.identity.paths import Around, Tie
from appetence.identity.weights import UNRELATED, Model
from appetence.pipeline import resolve_identities
from appetence.pipeline.context import Context
from appetence.pipeline.explain import _Told, why_linked
from tests.pipeline.test_resolve_identities import Row, context, records

__all__ = ["context"]
# How often strangers agree; the last level is all that remain, what is not here one pair in a thousand.
STRANGERS: dict[str, dict[str, float]] = {
    "last_name": {f"exact_{i}": 0.005 for i in range(4)}, "first_name": {f"exact_{i}": 0.005 for i in range(4)}, "order": {"straight": 0.5},
    "birth_date": {"exact": 4e-5}, "gender": {"same": 0.5}, "place": {f"same_{i}": 1e-6 for i in range(3)},
    "email": {f"exact_{i}": 1e-7 for i in range(3)}, "mobile": {f"exact_{i}": 1e-5 for i in range(3)},
}  # fmt: skip
HERE: Row = {"address_key": "3 RUE PONT", "postcode": "35000", "department": "35", "city": "RENNES"}
THERE: Row = {"address_key": "9 RUE GUE", "postcode": "69003", "department": "69", "city": "LYON"}
ANNE: Row = {"first_name": "ANNE", "last_name": "BARO"}
PAUL: Row = {"first_name": "PAUL", "last_name": "ZUBIRI"}
LUCE: Row = {"first_name": "LUCE", "last_name": "ETCHART"}
A: Row = {**ANNE, "birth_date": dt.date(1960, 3, 4), "email": "bridge@example.fr"}
RECORDS: dict[str, Row] = {
    # Two that have the names in common and nothing else, and one that ties them.
    "a1": A, "a2": A,
    "b": {**ANNE, **THERE, "birth_date": dt.date(1960, 3, 4), "email": "bridge@example.fr", "mobile": "+33699000001"},
    "c": {**ANNE, **THERE, "mobile": "+33699000001"},
    # Father and son, and a record with the mailbox of the one and the telephone of the other.
    "father": {**PAUL, "birth_date": dt.date(1950, 2, 3), "email": "paul@example.fr"},
    "either": {**PAUL, "email": "paul@example.fr", "mobile": "+33699000002"},
    "son": {**PAUL, "birth_date": dt.date(1981, 11, 28), "mobile": "+33699000002"},
    # Two that much speaks against, and one that is a little like each.
    "g": {**LUCE, **HERE, "birth_date": dt.date(1971, 5, 6), "gender": "F", "email": "luce@example.fr"},
    "h": {**LUCE, "birth_date": dt.date(1971, 5, 6), "mobile": "+33699000003"},
    "i": {**LUCE, **THERE, "mobile": "+33699000003", "gender": "M", "email": "other@example.com"},
}  # fmt: skip


def planted(field: Field) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Persons and families as training takes them at its start, strangers as above."""
    out = weights._anchor(field)
    chance = [STRANGERS.get(field.name, {}).get(level, 1e-3) for level in field.levels]
    out[UNRELATED, 1:] = [*chance[:-1], 1.0 - sum(chance[:-1])]
    return out


MODEL = Model(FIELDS, tuple(planted(f) for f in FIELDS), np.array([5e-6, 5e-6, 1.0]))


def steps(lines: list[str]) -> list[tuple[str, str]]:
    """The two records of each step that is told."""
    return [(m[1], m[2]) for line in lines if (m := re.match(r" *\S+  (\w+) with (\w+)\b.*: ", line))]


def told(ctx: Context, x: str, y: str) -> list[str]:
    """What is said, of which no value of a record is part."""
    lines = why_linked(ctx, x, y)
    values = {str(v) for row in RECORDS.values() for v in row.values() if len(str(v)) >= 4}
    assert not [v for v in values if re.search(rf"\b{re.escape(v)}\b", "\n".join(lines))]
    return lines


def around(ties: dict[tuple[str, str], float], clusters: str = "aaa", *, is_one_component: bool = True) -> Around:
    """x and z with y between; pairs that weigh less than nothing are doubtful."""
    found = {two: Tie(w, "last_name=exact_3|mobile=exact_2", w > 0) for two, w in ties.items()}
    return Around(("x", "z"), {r: ord(c) for r, c in zip("xyz", clusters, strict=True)}, found, is_one_component, True)


@pytest.mark.parametrize(
    ("between", "said", "way"),
    [
        pytest.param(None, "other records of this person tie them together.", [], id="a record that was not compared"),
        pytest.param(around({("x", "y"): 3.0, ("y", "z"): 2.0}), "other records do", [("x", "y"), ("y", "z")], id="links"),
        pytest.param(
            around({("x", "y"): 3.0, ("y", "z"): -2.0}), "groups of records, compared as wholes, do", [("x", "y"), ("y", "z")], id="a second look"
        ),
        pytest.param(around({("x", "y"): 3.0, ("y", "z"): 2.0}, "aab"), "decisions made by hand", [], id="decided, in one component"),
        pytest.param(around({}, "aab", is_one_component=False), "decisions made by hand", [], id="decided, in two components"),
        pytest.param(around({("x", "y"): 3.0}), "no way over compared pairs is left", [], id="erased since"),
    ],
)
def test_why_they_are_one_person(between: Around | None, said: str, way: list[tuple[str, str]]) -> None:
    lines = _Told(MODEL, ("x", "z"), between, False, "veto").together()
    assert lines[0].startswith("The pair alone would not link them") and said in lines[0] and steps(lines) == way
    doubtful = [line for line in lines if "(doubtful)" in line]
    assert [line.split(":")[0].strip() for line in doubtful] == (["-2.0  y with z (doubtful)"] if "wholes" in said else [])
    assert all("surname: equal, rare" in line and "mobile: equal, of few" in line for line in lines[1:])


@pytest.mark.spark
def test_the_way_over_other_records_is_named_and_so_is_where_it_was_cut(context: Callable[..., Context]) -> None:
    ctx = context("run-1")
    shared = {"model_version": MODEL.version, "trained_on": ctx.as_of, "is_current": True}
    names = ("comparison", "level", "p_person", "p_household", "p_unrelated")
    ctx.lake.upsert_rows(MatchModel, [{**shared, **dict(zip(names, row, strict=True))} for row in weights.to_rows(MODEL)])
    rest = {"member_id": "m01", "delivered_on": dt.date(2026, 1, 5), "is_deliverable": True}
    records(ctx, [{**rest, **row, "record_id": r, "customer_ref": r} for r, row in RECORDS.items()])
    resolve_identities.run(ctx)
    person = {r.record_id: r.person_id for r in ctx.lake.read(PersonLink).collect()}
    assert person["a1"] == person["a2"] == person["b"] == person["c"]

    chain = told(ctx, "a2", "c")
    assert "one person today" in chain[0]
    assert any(line.startswith("The pair alone would not link them: other records do; the strongest way, over 2 steps:") for line in chain)
    assert steps(chain) == [("a2", "a1"), ("a1", "b"), ("b", "c")], "the equal record first"
    assert "a2 with a1: equal in every compared attribute" in chain[-3]
    assert "e-mail: equal" in chain[-2] and "mobile: equal" in chain[-1]

    assert person["father"] != person["son"] and person["either"] in (person["father"], person["son"])
    family = told(ctx, "father", "son")
    assert steps(family) == [("father", "either"), ("either", "son")]
    (cut,) = [line for line in family if line.startswith("Other records chain them, over 2 steps, but they were taken apart")]
    assert "the birth dates of 1 contradict, which no average outweighs" in cut
    assert sum("(taken apart here)" in line for line in family) == 1

    apart = told(ctx, "g", "i")
    assert person["g"] != person["i"] and steps(apart) == [("g", "h"), ("h", "i")]
    (said,) = [m for line in apart if (m := re.search(r"the (\d) pair\(s\) between the . and . distinct records .* weigh (\S+) on average", line))]
    assert said[1] == "2" and float(said[2]) < 0
