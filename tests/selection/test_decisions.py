"""Whole decision tables of generated co-operatives against the plain reading of the rules, then what must hold of every selection."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.columns.hashing import pads
from appetence.pipeline.load_reference import law_rule_rows
from appetence.selection.candidates import build_candidates
from appetence.selection.keycodes import decode
from appetence.selection.terms import Terms
from appetence.selection.waterfall import Result, decide
from tests.selection.coop import AS_OF, Coop, Row, campaign, generate, law, sources, terms
from tests.selection.oracle import Oracle

pytestmark = pytest.mark.spark

CASES: dict[str, dict[str, Any]] = {
    "prospect_post": {"seed": 5},
    "prospect_all_channels": {"seed": 14, "channels": ("email", "sms", "post"), "client": "r_m04", "merge_level": "person"},
    "prospect_phone_before": {"seed": 11, "channels": ("phone",), "drop_date": dt.date(2026, 8, 10), "min_sources": 1},
    "prospect_phone_after": {"seed": 5, "channels": ("phone",), "drop_date": dt.date(2026, 8, 11), "min_sources": 1},
    "house_email_post": {"seed": 5, "product": "house", "client": "r_m04", "channels": ("email", "post"), "min_sources": 1},
    "house_by_amount": {
        "seed": 5,
        "product": "house",
        "client": "r_m04",
        "channels": ("email", "post"),
        "min_sources": 1,
        "ranking": "expected_amount",
    },
    "charity_email": {"seed": 14, "client": "r_m05", "purpose": "caritative", "channels": ("email", "phone"), "min_sources": 1},
}
every_case = pytest.mark.parametrize("case", CASES)


@dataclass
class Decided:
    """One case: what was generated, what was decided, and the oracle that knows the rules."""

    coop: Coop
    terms: Terms
    oracle: Oracle
    candidates: dict[str, Row]
    frame: DataFrame

    @property
    def eligible(self) -> dict[str, Row]:
        return {person: row for person, row in self.candidates.items() if not row["reasons"]}


def decide_case(spark: SparkSession, conf: str, case: str) -> Decided:
    """The candidates of a case, by the code under test, with the oracle that knows its lists."""
    spec = campaign(**CASES[case])
    coop, said = generate(spec.seed, 260, spec), terms(conf, spec)
    found = build_candidates(sources(spark, coop, law_rule_rows(law(conf))), said)
    rows = found.collect()
    stored = spark.createDataFrame(rows, found.schema)
    return Decided(coop, said, Oracle(coop, said), {r["person_id"]: r.asDict() for r in rows}, stored)


@pytest.fixture(scope="module")
def decided(spark: SparkSession, conf_folder: str) -> Callable[[str], Decided]:
    """The decision table of a case, computed once for all tests of this module."""
    known: dict[str, Decided] = {}

    def of(case: str) -> Decided:
        if case not in known:
            known[case] = decide_case(spark, conf_folder, case)
        return known[case]

    return of


@every_case
def test_inv_01_to_07_and_14_decisions_equal_the_plain_rules(decided: Callable[[str], Decided], case: str) -> None:
    """Every candidate's channel, list and reasons are those that a slow reading of the rules finds."""
    found = decided(case)
    seed = found.terms.spec.seed
    assert sorted(found.candidates) == found.oracle.universe()
    wrong = []
    for person, row in found.candidates.items():
        channel, position, reasons = found.oracle.decide(person)
        if (row["channel"], row["list_position"], row["reasons"]) != (channel, position, reasons):
            wrong.append((person, (row["channel"], row["list_position"], row["reasons"]), (channel, position, reasons)))
    assert not wrong, f"seed {seed}: {len(wrong)} differ, e.g. {wrong[:3]}"
    codes = Counter(code for row in found.candidates.values() for code in row["reasons"])
    assert len(found.eligible) >= 5, codes
    for code in ("STATUS", "SUPPRESSED", "PERMISSION", "INSTRUCTION", "DELIVERABLE", "CAP"):
        assert codes[code] > 0, f"seed {seed}: no candidate is dropped by {code}: the comparison would not see that rule break"


@every_case
def test_inv_01_no_coordinate_of_the_list_is_eligible(decided: Callable[[str], Decided], case: str) -> None:
    found = decided(case)
    scopes = {"global", found.terms.client.recipient_id, found.terms.client.member_id}
    listed = {e["coordinate"] for e in found.coop.of("suppression") if e["scope"] in scopes and "coordinate" in e}
    own = {p: {c for r in found.oracle.records[p] for c in found.oracle.coordinates.get(r["record_id"], ())} for p in found.eligible}
    assert listed
    assert {p for p, coordinates in own.items() if coordinates & listed} == set()


@every_case
def test_inv_02_03_each_eligible_rests_on_a_grant_that_nothing_later_refused(decided: Callable[[str], Decided], case: str) -> None:
    found, spec = decided(case), decided(case).terms.spec
    events = {e["event_id"]: e for e in found.coop.of("permission_event")}
    for person, row in found.eligible.items():
        grant = events[row["permission_event_id"]]
        said = (row["channel"], str(spec.product), str(spec.purpose))
        assert (grant["channel"], grant["use"], grant["purpose"]) == said
        assert (found.oracle.person_of[grant["record_id"]], grant["member_id"], grant["status"]) == (person, row["member_id"], "granted")
        assert grant["wording_version"] and grant["collection_point"] and grant["collected_at"].date() <= spec.drop_date
        voice = [e for e in found.oracle.events[person, row["member_id"]] if (e["channel"], e["use"], e["purpose"]) == said]
        refused = [e["collected_at"] for e in voice if e["status"] != "granted" and e["collected_at"].date() <= spec.drop_date]
        assert not refused or max(refused) < grant["collected_at"]


@every_case
def test_inv_04_06_each_supply_is_instructed_and_sources_suffice(decided: Callable[[str], Decided], case: str) -> None:
    found = decided(case)
    for person, row in found.eligible.items():
        instruction = found.oracle.instruction(row["member_id"])
        assert instruction is not None and instruction["instruction_id"] == row["instruction_id"]
        assert found.oracle.instructs(row["member_id"], row["channel"]) and not found.oracle.is_excluded(row["member_id"])
        members = {r["member_id"] for r in found.oracle.supplies(person)}
        both = {m for m in members if found.oracle.permission(person, m, row["channel"]) and found.oracle.instructs(m, row["channel"])}
        assert row["source_count"] == len(both) >= found.terms.spec.min_sources
        if found.terms.is_prospect:
            assert any(m != found.terms.client.member_id and not found.oracle.is_excluded(m) for m in both)


def test_inv_05_from_11_august_2026_only_consent_opens_the_telephone(decided: Callable[[str], Decided]) -> None:
    bases = {}
    for case in ("prospect_phone_before", "prospect_phone_after"):
        events = {e["event_id"]: e["basis"] for e in decided(case).coop.of("permission_event")}
        bases[case] = {events[row["permission_event_id"]] for row in decided(case).eligible.values()}
    assert bases["prospect_phone_after"] == {"consent"}
    assert bases["prospect_phone_before"] - {"consent"}


@every_case
def test_inv_07_nobody_young_frozen_or_dead_is_eligible(decided: Callable[[str], Decided], case: str) -> None:
    found = decided(case)
    dead = {d["person_id"] for d in found.coop.of("death")}
    for person in found.eligible:
        born = [r["birth_date"] for r in found.oracle.records[person] if r["birth_date"]]
        assert all((AS_OF.year - b.year) - ((AS_OF.month, AS_OF.day) < (b.month, b.day)) >= 18 for b in born)
        assert person not in dead and not found.oracle.status(person)


def _eligible(spark: SparkSession, conf_folder: str, coop: Coop) -> dict[str, Row]:
    said = terms(conf_folder, campaign(seed=5))
    found = build_candidates(sources(spark, coop, law_rule_rows(law(conf_folder))), said).where(F.size("reasons") == 0)
    return {r["person_id"]: r.asDict() for r in found.collect()}


def test_inv_06_an_exclusion_pair_works_both_ways(spark: SparkSession, conf_folder: str) -> None:
    coop = generate(5, 120, campaign(seed=5))
    found = {}
    for pair in ((), ("m02", "r_vad"), ("r_vad", "m02")):
        coop.rows["exclusion"] = [{"party_a": pair[0], "party_b": pair[1]}] if pair else []
        found[pair] = _eligible(spark, conf_folder, coop)
    assert any(row["member_id"] == "m02" for row in found[()].values())
    assert found["m02", "r_vad"] == found["r_vad", "m02"] != found[()]
    assert not any(row["member_id"] == "m02" for row in found["m02", "r_vad"].values())


def test_inv_26_a_grant_without_wording_or_collection_point_does_not_count(spark: SparkSession, conf_folder: str) -> None:
    coop = generate(5, 120, campaign(seed=5))
    before = _eligible(spark, conf_folder, coop)
    owner = {link["record_id"]: link["person_id"] for link in coop.of("person_link")}
    faults = dict(zip(sorted(before), ({"wording_version": None}, {"wording_version": " "}, {"collection_point": None}), strict=False))
    for event in coop.of("permission_event"):
        event.update(faults.get(owner[event["record_id"]], {}))
    assert len(faults) == 3 and not set(faults) & set(_eligible(spark, conf_folder, coop))


# -- from candidates to a selection ---------------------------------------------------------------------------------------------


@dataclass
class Cut:
    """One selection, as rows."""

    terms: Terms
    candidates: dict[str, Row]
    decision: list[Row]
    selection: list[Row]
    waterfall: list[Row]
    campaign: Row

    @property
    def units(self) -> list[Row]:
        """The ranked merge units."""
        return sorted((d for d in self.decision if d["rank"] is not None), key=lambda d: d["rank"])


def _rows(frame: DataFrame) -> list[Row]:
    return [r.asDict() for r in frame.collect()]


@pytest.fixture(scope="module", params=["half", "all"])
def cut(request: pytest.FixtureRequest, spark: SparkSession, conf_folder: str, decided: Callable[[str], Decided]) -> Cut:
    """A selection that orders half of what there is, and one that orders more than there is."""
    case = {"half": "prospect_post", "all": "prospect_all_channels"}[request.param]
    found = decided(case)
    return cut_case(spark, conf_folder, case, found, len(found.eligible) // 2 if request.param == "half" else 500)


def cut_case(spark: SparkSession, conf: str, case: str, found: Decided, quantity: int) -> Cut:
    """The selection of a case's candidates, by the code under test."""
    said = terms(conf, campaign(**CASES[case], quantity=quantity))

    def stage(name: str, frame: DataFrame) -> DataFrame:
        return spark.createDataFrame(frame.collect(), frame.schema)

    inner, outer = pads(b"references of the tests")
    keyed = spark.createDataFrame([(bytearray(inner), bytearray(outer))], "inner_pad binary, outer_pad binary")
    made: Result = decide(found.frame, said, keyed, F.lit(AS_OF), stage)
    written = made.decision, made.selection, made.waterfall
    return Cut(said, found.candidates, *(_rows(f) for f in written), campaign=_rows(made.campaign)[0])


def test_inv_11_the_waterfall_adds_up(cut: Cut) -> None:
    steps = sorted(cut.waterfall, key=lambda s: s["step"])
    assert sorted(d["person_id"] for d in cut.decision) == sorted(cut.candidates)
    assert steps[0]["code"] == "UNIVERSE" and steps[0]["entered"] == len(cut.candidates) and steps[0]["dropped"] == 0
    for before, step in zip(steps, steps[1:], strict=False):
        assert step["entered"] == before["remaining"] and step["entered"] - step["dropped"] == step["remaining"]
    first = Counter(d["first_reason"] for d in cut.decision)
    assert {s["code"]: s["dropped"] for s in steps if s["dropped"]} == {code: n for code, n in first.items() if code}
    assert steps[-1]["remaining"] == first[None] == cut.campaign["selected"]
    assert all((d["first_reason"] is None and d["reasons"] == []) or d["first_reason"] == d["reasons"][0] for d in cut.decision)


def test_inv_12_as_many_as_ordered_and_the_best(cut: Cut) -> None:
    units, ordered, planned = cut.units, cut.terms.spec.quantity or 0, cut.terms.planned_holdout or 0
    assert cut.campaign["selected"] + cut.campaign["held_out"] == len(cut.selection) == min(ordered + planned, len(units))
    assert [u["rank"] for u in units] == list(range(1, len(units) + 1))
    inside = {s["person_id"] for s in cut.selection}
    assert [u["person_id"] in inside for u in units] == [n < len(inside) for n in range(len(units))]
    scores = [cut.candidates[u["person_id"]]["probability"] for u in units]
    assert scores == sorted(scores, key=lambda p: -1.0 if p is None else p, reverse=True)
    below = {d["person_id"] for d in cut.decision if d["first_reason"] == "BELOW_CUT"}
    assert below == {u["person_id"] for u in units} - inside


def test_a_campaign_that_asks_for_value_takes_those_expected_to_spend_most(
    spark: SparkSession, conf_folder: str, decided: Callable[[str], Decided]
) -> None:
    found = decided("house_by_amount")
    made = cut_case(spark, conf_folder, "house_by_amount", found, len(found.eligible) // 2)
    told = {s["person_id"]: (s["expected_amount_cents"], s["probability"]) for s in found.coop.of("score")}
    ranked = [told[u["person_id"]] for u in made.units]
    assert ranked == sorted(ranked, reverse=True), "by expected cents, within a cent by probability"
    assert [p for _, p in ranked] != sorted((p for _, p in ranked), reverse=True), "another order than that of the probability"
    assert made.campaign["model_key"] == "house:r_m04" and len(made.selection) < len(made.units)
    unknown = {p for p, (cents, _) in told.items() if cents is None}
    assert unknown & set(found.candidates) and not unknown & set(found.eligible), "whose amount is not known is on no list"


def test_inv_13_cells_share_out_the_selection_and_codes_name_them(cut: Cut) -> None:
    counts = Counter(s["cell"] for s in cut.selection)
    mailed = sum(n for cell, n in counts.items() if cell != "holdout")
    assert set(counts) <= {"mail", "test_b", "holdout"}
    assert counts["holdout"] == cut.campaign["held_out"] and mailed == cut.campaign["selected"]
    assert counts["holdout"] == pytest.approx(len(cut.selection) * 0.2 / 1.2, abs=1) and counts["test_b"] == pytest.approx(mailed * 0.2, abs=1)
    assert {d["person_id"] for d in cut.decision if d["first_reason"] == "CELL"} == {s["person_id"] for s in cut.selection if s["cell"] == "holdout"}
    for row in cut.selection:
        if row["cell"] == "holdout":
            assert row["key_code"] is None
        else:
            code = decode(row["key_code"])
            assert (code.campaign_id, code.cell, code.decile, code.list_id) == ("essai", row["cell"], row["decile"], row["list_id"])
    assert len({s["reference"] for s in cut.selection}) == len(cut.selection)


def test_inv_14_one_piece_per_merge_unit_and_within_the_caps(cut: Cut, decided: Callable[[str], Decided]) -> None:
    level = cut.terms.spec.merge_level
    unit = {"person": "person_id", "family": "household_id"}[level]
    assert len({s[unit] for s in cut.selection}) == len(cut.selection)
    twins = [d for d in cut.decision if d["first_reason"] == "DEDUPLICATE"]
    assert bool(twins) == (level == "family")  # a family campaign of this co-operative meets families
    taken = {cut.candidates[u["person_id"]][unit] for u in cut.units}
    assert all(cut.candidates[d["person_id"]][unit] in taken for d in twins)
    oracle = decided("prospect_post" if level == "family" else "prospect_all_channels").oracle
    assert not any(oracle.is_capped(s["person_id"], s["channel"]) for s in cut.selection)
