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
from appetence.contracts.specs import CampaignSpec
from appetence.pipeline.load_reference import law_rule_rows
from appetence.selection.candidates import build_candidates
from appetence.selection.keycodes import decode
from appetence.selection.terms import Terms
from appetence.selection.waterfall import Result, decide
from tests.selection.coop import AS_OF, CALLED, Coop, Row, add_calls, add_facts, campaign, generate, law, sources, terms
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
SHOPS = (
    {"list_id": "maison", "sectors": ("equipement_maison",), "recency_days_max": 400}, {"list_id": "dormants", "recency_days_min": 300},
    {"list_id": "villes", "segments": ("jeunes_urbains",), "age_max": 50},
)  # fmt: skip
HOUSE_PHONE: dict[str, Any] = {
    "seed": 8, "product": "house", "client": "r_m04", "channels": ("phone",), "min_sources": 1, "lists": (*SHOPS, {"list_id": "tous"}),
}  # fmt: skip
MORE: dict[str, dict[str, Any]] = {
    "house_phone_before": {**HOUSE_PHONE, "drop_date": dt.date(2026, 8, 10)},
    "house_phone_after": {**HOUSE_PHONE, "drop_date": dt.date(2026, 8, 11)},
    "prospect_phone_called": {"seed": 11, "channels": ("phone",), "drop_date": dt.date(2026, 8, 10), "min_sources": 1, "cap_per_year": 40},
    "prospect_post_once_a_year": {"seed": 5, "merge_level": "address", "lists": SHOPS, "cap_per_year": 1, "min_sources": 1},
}
"""Cases with what `EXTRAS` adds to their co-operative: calls made before, and facts for the client's filters."""
EXTRAS: dict[str, Callable[[Coop, CampaignSpec], None]] = {
    "house_phone_before": add_facts, "house_phone_after": add_facts, "prospect_phone_called": add_calls, "prospect_post_once_a_year": add_facts,
}  # fmt: skip
SLOW = pytest.param("prospect_phone_called", marks=pytest.mark.slow)  # test_caps plants the same calls; this decides a whole co-operative
every_case = pytest.mark.parametrize("case", [*(c for c in (*CASES, *MORE) if c != "prospect_phone_called"), SLOW])


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


def spec_of(case: str, **said: Any) -> CampaignSpec:
    """The campaign of a case; `said` is said otherwise."""
    return campaign(**{**CASES, **MORE}[case], **said)


def coop_of(case: str) -> Coop:
    """The co-operative of a case."""
    spec = spec_of(case)
    coop = generate(spec.seed, 260, spec)
    if case in EXTRAS:
        EXTRAS[case](coop, spec)
    return coop


def decide_case(spark: SparkSession, conf: str, case: str) -> Decided:
    """The candidates of a case, by the code under test, with the oracle that knows its lists."""
    coop, said = coop_of(case), terms(conf, spec_of(case))
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
        decided_here = row["channel"], row["list_position"], row["reasons"], row["was_served"]
        plain = (*found.oracle.decide(person), found.oracle.was_served(person))
        if decided_here != plain:
            wrong.append((person, decided_here, plain))
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


def test_inv_05_who_may_be_called_of_a_house_before_and_from_11_august_2026(decided: Callable[[str], Decided]) -> None:
    """Until 10 August whoever was informed, is a customer, has a contract or consents; from the 11th a consent or a contract only."""
    before, after = decided("house_phone_before"), decided("house_phone_after")
    basis = {e["event_id"]: e["basis"] for e in before.coop.of("permission_event")}
    rests = {case: {p: basis[row["permission_event_id"]] for p, row in d.eligible.items()} for case, d in (("before", before), ("after", after))}
    assert set(rests["before"].values()) == {"consent", "contract", "own_customer", "information"}
    assert set(rests["after"].values()) == {"consent", "contract"}
    weak = {p for p, found in rests["before"].items() if found in ("own_customer", "information")}
    assert all("PERMISSION" in after.candidates[p]["reasons"] for p in weak), "the one day closes whom neither a consent nor a contract opens"
    strong = {p: found for p, found in rests["before"].items() if p not in weak and "CAP" not in after.candidates[p]["reasons"]}
    assert strong.items() <= rests["after"].items() and set(strong.values()) == {"consent", "contract"}
    named = {e["event_id"]: e["recipients"] for e in after.coop.of("permission_event")}
    consents = [row["permission_event_id"] for p, row in after.eligible.items() if rests["after"][p] == "consent"]
    assert any(not {*named[e]} & {*after.terms.named_as} for e in consents), "a consent given to the company itself need not name it"


@pytest.mark.slow  # decides a whole co-operative
def test_inv_14_four_calls_of_this_client_in_thirty_days_close_the_line(decided: Callable[[str], Decided]) -> None:
    found = decided("prospect_phone_called")
    told = list(CALLED)
    called = {link["person_id"]: told[i % len(told)] for i, link in enumerate(found.coop.of("household_link"))}
    capped = Counter(called[p] for p, row in found.candidates.items() if "CAP" in row["reasons"] and not _is_resting(found, p))
    assert capped == {"four": sum(called[p] == "four" and not _is_resting(found, p) for p in found.candidates)}, "all of these and no others"
    assert capped["four"] >= 20 and {called[p] for p in found.eligible} == set(told) - {"four"}
    alone = [p for p, row in found.candidates.items() if row["reasons"] == ["CAP"] and called[p] == "four"]
    assert alone, "somebody whom nothing else keeps out"


def _is_resting(found: Decided, person: str) -> bool:
    """Whether another piece to the household is too near, by the generator's own campaigns."""
    home = found.oracle.home[person]
    near = [s for s, c in found.oracle.pieces if s["campaign_id"] == "proche" and s["channel"] == "phone"]
    return any(found.oracle.home[s["person_id"]] == home for s in near)


def test_inv_14_a_cap_of_one_a_year_leaves_no_household_a_second_letter(decided: Callable[[str], Decided]) -> None:
    found = decided("prospect_post_once_a_year")
    reached = {found.oracle.home[s["person_id"]] for s, _ in found.oracle.pieces if s["channel"] == "post"}
    capped = {p for p, row in found.candidates.items() if "CAP" in row["reasons"]}
    assert capped == {p for p in found.candidates if found.oracle.home[p] in reached}
    rested = {found.oracle.home[s["person_id"]] for s, c in found.oracle.pieces if s["channel"] == "post" and c["campaign_id"] == "ancien"}
    assert any(found.candidates[p]["reasons"] == ["CAP"] and found.oracle.home[p] in rested for p in capped), "the year's cap alone drops somebody"


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
    """One selection of a case, as rows."""

    case: str
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


@pytest.fixture(scope="module", params=["half", "all", "address"])
def cut(request: pytest.FixtureRequest, spark: SparkSession, conf_folder: str, decided: Callable[[str], Decided]) -> Cut:
    """A selection that orders half of what there is, one that orders more than there is, and one of a piece per address."""
    case = {"half": "prospect_post", "all": "prospect_all_channels", "address": "prospect_post_once_a_year"}[request.param]
    found = decided(case)
    return cut_case(spark, conf_folder, case, found, 500 if request.param == "all" else len(found.eligible) // 2)


def cut_case(spark: SparkSession, conf: str, case: str, found: Decided, quantity: int | None) -> Cut:
    """The selection of a case's candidates, by the code under test; no quantity: down to break-even."""
    said = terms(conf, spec_of(case, quantity=quantity))

    def stage(name: str, frame: DataFrame) -> DataFrame:
        return spark.createDataFrame(frame.collect(), frame.schema)

    inner, outer = pads(b"references of the tests")
    keyed = spark.createDataFrame([(bytearray(inner), bytearray(outer))], "inner_pad binary, outer_pad binary")
    made: Result = decide(found.frame, said, keyed, F.lit(AS_OF), stage)
    written = made.decision, made.selection, made.waterfall
    return Cut(case, said, found.candidates, *(_rows(f) for f in written), campaign=_rows(made.campaign)[0])


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
    for decile, units in Counter(s["decile"] for s in cut.selection).items():
        held = sum(s["cell"] == "holdout" for s in cut.selection if s["decile"] == decile)
        assert abs(held - units * counts["holdout"] / len(cut.selection)) < 1, "set apart equally deep in every tenth"


def test_without_a_quantity_the_cut_is_where_a_piece_no_longer_pays(spark: SparkSession, conf_folder: str, decided: Callable[[str], Decided]) -> None:
    made = cut_case(spark, conf_folder, "prospect_post", decided("prospect_post"), None)
    pays = {u["person_id"] for u in made.units if (made.candidates[u["person_id"]]["probability"] or 0) * 20 >= 0.6}
    assert {s["person_id"] for s in made.selection} == pays and 5 < len(pays) < len(made.units)
    assert made.campaign["ordered"] is None and made.campaign["selected"] + made.campaign["held_out"] == len(pays)
    held = int(len(pays) * 0.2 / 1.2 + 0.5)
    assert made.campaign["planned_holdout"] == made.campaign["held_out"] == held > 0, "the hold-out is taken of those, in the proportion planned"


def test_newly_served_are_those_whom_this_client_never_reached(cut: Cut, decided: Callable[[str], Decided]) -> None:
    served = decided(cut.case).oracle.was_served
    assert {s["person_id"]: s["is_newly_served"] for s in cut.selection} == {s["person_id"]: not served(s["person_id"]) for s in cut.selection}
    assert {served(p) for p in cut.candidates} == {True, False}, "the co-operative has some of both"
    if cut.case == "prospect_all_channels":
        assert {s["is_newly_served"] for s in cut.selection} == {True, False}, "a selection of all the eligible too"


def test_inv_14_one_piece_per_merge_unit_and_within_the_caps(cut: Cut, decided: Callable[[str], Decided]) -> None:
    level, oracle = cut.terms.spec.merge_level, decided(cut.case).oracle
    unit = oracle.unit
    assert len({unit(s["person_id"]) for s in cut.selection}) == len(cut.selection)
    assert {u["person_id"]: unit(u["person_id"]) for u in cut.selection} == {s["person_id"]: s["merge_unit"] for s in cut.selection}
    twins = [d["person_id"] for d in cut.decision if d["first_reason"] == "DEDUPLICATE"]
    assert bool(twins) == (level != "person")  # a campaign by family or address meets several persons
    taken = {unit(u["person_id"]): u["person_id"] for u in cut.units}

    def goes_first(person: str) -> tuple[int, float]:
        return cut.candidates[person]["list_position"], -cut.candidates[person]["probability"]

    assert all(goes_first(taken[unit(p)]) <= goes_first(p) for p in twins), "of a unit the first list's is kept, then the better"
    neighbours = [p for p in twins if oracle.home[p] != oracle.home[taken[unit(p)]]]
    assert bool(neighbours) == (level == "address"), "one letter for two families at one address"
    assert not any(oracle.is_capped(s["person_id"], s["channel"]) for s in cut.selection)
