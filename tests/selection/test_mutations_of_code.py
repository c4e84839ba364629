"""Mutation check of the code: one function at a time is broken on purpose, and a property test must fail on what it then decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import Column, SparkSession, Window
from pyspark.sql import functions as F

from appetence.contracts.domain import Reason
from appetence.selection import candidates, caps, cells, permission, preselect, status, supply, suppression, waterfall
from tests.selection import test_decisions as properties
from tests.selection import test_recheck, test_supply
from tests.selection.test_decisions import Cut, Decided, cut_case, decide_case

pytestmark = [pytest.mark.spark, pytest.mark.slow]


def always(value: bool) -> Callable[..., Column]:
    return lambda *_: F.lit(value)


def no_rows(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *given: right(*given).limit(0)


def _any_instruction(right: Callable[..., Any]) -> Callable[..., Any]:
    """A supply is instructed when any member of the person is: one member's permission joins another's instruction."""
    person = Window.partitionBy("person_id", "channel")
    return lambda *given: right(*given).withColumn("is_instructed", F.max("is_instructed").over(person))


def _deaf(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda events, at: right(events.where("status = 'granted'"), at)


RULES: dict[str, tuple[str, Any, str, Callable[[Any], Any]]] = {
    # what is broken: (the case whose decisions must differ, module, function, what stands in its place)
    "minors": ("prospect_post", status, "is_minor", lambda _: always(False)),
    "limitation": ("prospect_post", status, "_holds_on", lambda _: always(False)),
    "suppression and the client's file": ("prospect_post", suppression, "wanted_hashes", no_rows),
    "proof": ("prospect_post", permission, "_has_proof", lambda _: always(True)),
    "opposition": ("prospect_post", permission, "fold_events", _deaf),
    "the recipient named": ("prospect_all_channels", permission, "is_named", lambda _: always(True)),
    "same member": ("prospect_phone_before", candidates, "build_supplies", _any_instruction),
    "deliverable": ("prospect_post", supply, "is_deliverable", lambda _: always(True)),
    "caps": ("prospect_post", caps, "capped_households", no_rows),
    "filters": ("prospect_post", preselect, "belongs", lambda _: always(True)),
    "customers": ("prospect_all_channels", candidates, "own_customers", no_rows),
    "the dead": ("prospect_post", candidates, "status", lambda right: lambda live, persons, frozen, dead, adults, terms: right(
        live, persons, frozen, dead.limit(0), adults, terms)),
    "identities too weak": ("prospect_post", candidates, "status", lambda right: lambda live, persons, *rest: right(
        live, persons.withColumn("confidence", F.lit(9.0)), *rest)),
    "the family of the listed": ("prospect_post", suppression, "listed_persons", lambda right: lambda live, *rest: right(
        live.withColumn("household_id", F.col("person_id")), *rest)),
    "another client's list": ("prospect_post", suppression, "wanted_hashes", lambda right: lambda listed, *rest: right(
        listed.withColumn("scope", F.lit("global")), *rest)),
    "external lists": ("prospect_post", suppression, "wanted_hashes", lambda right: lambda listed, outside, *rest: right(
        listed, outside.limit(0), *rest)),
    "instructions": ("prospect_phone_before", candidates, "build_supplies", lambda right: lambda *given: right(*given).withColumn(
        "is_instructed", F.lit(True))),
    "sources": ("prospect_post", candidates, "channel_rules", lambda right: lambda terms: {**right(terms), Reason.SOURCES: F.lit(False)}),
    "calls": ("prospect_phone_called", caps, "calls_made", no_rows),
    "another client's calls": ("prospect_phone_called", caps, "calls_made", lambda right: lambda pieces, terms, told=None: right(
        pieces.withColumn("client_id", F.lit(terms.spec.client)), terms, told)),
    "who was served": ("prospect_post", caps, "served", no_rows),
    "purchases of instructed members": ("prospect_post_once_a_year", preselect, "purchases", lambda right: lambda bought, live, members, terms: right(
        bought, live, bought.select("member_id"), terms)),
    "house: the client's own purchases": ("house_phone_after", preselect, "purchases", lambda right: lambda bought, live, members, terms: right(
        bought.withColumn("member_id", F.lit(terms.client.member_id)), live, members, terms)),
    "phone rule": ("prospect_phone_after", candidates, "permitted", lambda right: lambda events, rules, terms: right(
        events, rules.withColumns({"valid_from": F.to_date(F.lit("2018-05-25")), "valid_to": F.lit(None).cast("date")}), terms)),
}  # fmt: skip
CUTS: dict[str, tuple[Any, str, Callable[[Any], Any], Callable[[Cut, Any], None]]] = {
    "one piece per unit": (
        waterfall, "with_duplicates", lambda right: lambda *given: right(*given).withColumn("is_duplicate", F.lit(False)),
        properties.test_inv_14_one_piece_per_merge_unit_and_within_the_caps,
    ),
    "the best first": (
        waterfall, "with_ranks", lambda right: lambda *given: right(*given).withColumn("rank", F.col("units") + 1 - F.col("rank")),
        lambda cut, _: properties.test_inv_12_as_many_as_ordered_and_the_best(cut),
    ),
    "the quantity": (
        waterfall, "taken", lambda right: lambda *given: right(*given).withColumn("take", F.col("take") + 1),
        lambda cut, _: properties.test_inv_12_as_many_as_ordered_and_the_best(cut),
    ),
    "the hold-out": (
        waterfall, "with_cells", lambda right: lambda *given: right(*given).withColumn(cells.CELL, F.lit("mail")),
        lambda cut, _: properties.test_inv_13_cells_share_out_the_selection_and_codes_name_them(cut),
    ),
    "a hold-out of the best": (
        waterfall, "with_cells", lambda right: lambda *given: right(*given).withColumn(
            cells.CELL, F.when(F.col("rank") <= F.col("held"), "holdout").otherwise("mail")),
        lambda cut, _: properties.test_inv_13_cells_share_out_the_selection_and_codes_name_them(cut),
    ),
    "newly served": (
        waterfall, "SERVED", lambda _: "is_duplicate", properties.test_newly_served_are_those_whom_this_client_never_reached,
    ),
    "key codes": (
        waterfall, "key_code", lambda right: lambda name, cell, decile, list_id: right(name, cell, decile + 1, list_id),
        lambda cut, _: properties.test_inv_13_cells_share_out_the_selection_and_codes_name_them(cut),
    ),
    "one first reason": (
        waterfall, "build_decision",
        lambda right: lambda *given: right(*given).withColumn("first_reason", F.when(F.size("reasons") > 0, F.element_at("reasons", -1))),
        lambda cut, _: properties.test_inv_11_the_waterfall_adds_up(cut),
    ),
}  # fmt: skip


CONTRACTS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "the newest instruction alone holds": ("in_force", lambda _: lambda instructions, terms: instructions),
    "exclusion pairs": ("excluded_members", no_rows),
    "the pair in the other order": ("excluded_members", lambda right: lambda pairs, *rest: right(pairs.where("party_a = 'a_rival'"), *rest)),
}
RECHECKS: dict[str, tuple[Any, str, Callable[[Any], Any]]] = {
    "suppression": (suppression, "wanted_hashes", no_rows),
    "the limited": (status, "_holds_on", lambda _: always(False)),
    "opposition": (permission, "fold_events", _deaf),
}


@pytest.fixture(scope="module")
def sound(spark: SparkSession, conf_folder: str) -> Decided:
    """A case decided with every rule in force."""
    return decide_case(spark, conf_folder, "prospect_post")


@pytest.mark.parametrize("rule", RULES)
def test_a_broken_rule_fails_the_comparison_with_the_plain_rules(
    spark: SparkSession, conf_folder: str, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    case, module, name, instead = RULES[rule]
    monkeypatch.setattr(module, name, instead(getattr(module, name)))
    broken = decide_case(spark, conf_folder, case)
    with pytest.raises(AssertionError, match="differ, e.g."):
        properties.test_inv_01_to_07_and_14_decisions_equal_the_plain_rules(lambda _: broken, case)


@pytest.mark.parametrize("rule", CUTS)
def test_a_broken_cut_fails_its_property(spark: SparkSession, conf_folder: str, monkeypatch: pytest.MonkeyPatch, sound: Decided, rule: str) -> None:
    module, name, instead, property_test = CUTS[rule]
    quantity = len(sound.eligible) // 2
    property_test(cut_case(spark, conf_folder, "prospect_post", sound, quantity), lambda _: sound)
    monkeypatch.setattr(module, name, instead(getattr(module, name)))
    broken = cut_case(spark, conf_folder, "prospect_post", sound, quantity)
    with pytest.raises(AssertionError):
        property_test(broken, lambda _: sound)


@pytest.mark.parametrize("rule", CONTRACTS)
def test_a_broken_reading_of_contracts_fails_its_property(spark: SparkSession, conf_folder: str, monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    name, instead = CONTRACTS[rule]
    monkeypatch.setattr(supply, name, instead(getattr(supply, name)))
    with pytest.raises(AssertionError):
        test_supply.test_inv_04_06_only_members_whose_contract_covers_the_campaign_supply_it(spark, conf_folder)


@pytest.mark.parametrize("rule", RECHECKS)
def test_a_rule_not_asked_again_fails_the_property_of_the_export(
    spark: SparkSession, conf_folder: str, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    module, name, instead = RECHECKS[rule]
    right = test_recheck.still_lawful

    def asked_again(*given: Any) -> Any:
        monkeypatch.setattr(module, name, instead(getattr(module, name)))
        return right(*given)

    monkeypatch.setattr(test_recheck, "still_lawful", asked_again)
    with pytest.raises(AssertionError):
        test_recheck.test_inv_03_a_withdrawal_stops_what_is_cut_and_unsent(spark, conf_folder)


def test_an_export_that_does_not_ask_again_fails_its_property(spark: SparkSession, conf_folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_recheck, "still_lawful", lambda selection, s, terms: selection)
    with pytest.raises(AssertionError):
        test_recheck.test_inv_03_a_withdrawal_stops_what_is_cut_and_unsent(spark, conf_folder)
