"""Mutation check: each rule is broken on purpose, and the property tests must see it.

Two ways. The quick one breaks the plain reading of the rules (`oracle`), on the very co-operatives of `test_decisions`: a decision must
change, so that code broken in the same way would differ from the oracle there. The slow one breaks the code itself, function by function,
and runs the property tests on it.
"""

from __future__ import annotations

import datetime as dt
import pickle
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from appetence.contracts.domain import Basis, Purpose, Use
from appetence.selection.terms import Terms
from tests.selection import oracle as rules
from tests.selection.coop import CHANNELS, Coop, campaign, contracts, list_entries, terms
from tests.selection.oracle import Oracle
from tests.selection.test_decisions import CASES, MORE, coop_of, spec_of

Break = Callable[[Coop, Oracle, pytest.MonkeyPatch], None]
EVERY = (*CASES, *MORE)


def plain_texts(coop: Coop) -> dict[str, set[tuple[str, str]]]:
    """The coordinates of each record in a simple form: who shares one with whom is what counts."""
    texts = {}
    for r in coop.of("record"):
        home = f"{r['postcode']}|{r['address_key']}"
        found = {("postal", f"{r['last_name']}|{r['first_name']}|{home}"), ("postal_household", f"{r['last_name']}|{home}")}
        found |= {(kind, r[name]) for kind, name in (("email", "email"), ("phone", "mobile"), ("phone", "landline")) if r[name]}
        texts[r["record_id"]] = found
    return texts


def every_row(table: str, **values: Any) -> Break:
    """Every row of a table says this instead: the rule that reads it is not asked any more."""

    def act(coop: Coop, o: Oracle, patch: pytest.MonkeyPatch) -> None:
        for row in coop.of(table):
            row.update(values)

    return act


def without(table: str, keeps: Callable[[dict[str, Any]], bool] = lambda row: False) -> Break:
    """The rows of a table that are not kept are not read."""

    def act(coop: Coop, o: Oracle, patch: pytest.MonkeyPatch) -> None:
        coop.rows[table] = [row for row in coop.of(table) if keeps(row)]

    return act


def method(name: str, make: Callable[[Any], Any]) -> Break:
    """A method of the oracle answers otherwise; `make` gets the right one."""
    return lambda coop, o, patch: setattr(o, name, make(getattr(o, name)))


def spec(**values: Any) -> Break:
    """The campaign is read as if it said this."""

    def act(coop: Coop, o: Oracle, patch: pytest.MonkeyPatch) -> None:
        o.spec = o.spec.model_copy(update=values)

    return act


def lists(**values: Any) -> Break:
    """Every list is read as if it said this."""

    def act(coop: Coop, o: Oracle, patch: pytest.MonkeyPatch) -> None:
        o.spec = o.spec.model_copy(update={"lists": tuple(wanted.model_copy(update=values) for wanted in o.spec.lists)})

    return act


def _bought_in_time(coop: Coop, o: Oracle, patch: pytest.MonkeyPatch) -> None:
    for bought in coop.of("transaction"):
        bought["transaction_date"] = min(bought["transaction_date"], o.terms.cutoff)


def law_rule(**values: Any) -> Break:
    """The law is read as if it said this."""

    def act(coop: Coop, o: Oracle, patch: pytest.MonkeyPatch) -> None:
        rule = o.rule
        o.rule = lambda channel: rule(channel).model_copy(update=values)  # type: ignore[method-assign]  # broken on purpose

    return act


def said_for_all(name: str, values: Any) -> Break:
    """A word said of one channel, use or purpose counts for the others."""

    def act(coop: Coop, o: Oracle, patch: pytest.MonkeyPatch) -> None:
        for events in o.events.values():
            events[:] = [{**e, name: str(v)} for e in events for v in values]

    return act


def all_events(change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Break:
    """Each permission event is read otherwise, or not at all."""

    def act(coop: Coop, o: Oracle, patch: pytest.MonkeyPatch) -> None:
        for events in o.events.values():
            events[:] = [said for e in events if (said := change(dict(e)))]

    return act


def function(name: str, value: Any) -> Break:
    return lambda coop, o, patch: patch.setattr(rules, name, value)


def _one_way(coop: Coop, o: Oracle, patch: pytest.MonkeyPatch) -> None:
    parties = {o.terms.client.recipient_id, o.terms.client.member_id}
    o.is_excluded = lambda m: any(e["party_a"] in parties and e["party_b"] in {m, f"r_{m}"} for e in coop.of("exclusion"))  # type: ignore[method-assign]  # broken on purpose


def _no_list_of(table: str) -> Break:
    return method("is_listed", lambda right: lambda person, name, **wanted: name != table and right(person, name, **wanted))


def _person_alone(coop: Coop, o: Oracle, patch: pytest.MonkeyPatch) -> None:
    o.residents = {home: [] for home in o.residents}  # type: ignore[assignment]  # broken on purpose


def _own_is_no_customer(coop: Coop, o: Oracle, patch: pytest.MonkeyPatch) -> None:
    right = o.decide

    def decide(person: str) -> tuple[str, int, list[str]]:
        channel, position, found = right(person)
        return channel, position, [x for x in found if x != "CLIENT_FILE" or o.is_listed(person, "campaign_file")]

    o.decide = decide  # type: ignore[method-assign]  # broken on purpose


def _own_supply_is_enough(coop: Coop, o: Oracle, patch: pytest.MonkeyPatch) -> None:
    o.terms = Terms(o.spec, o.terms.client.model_copy(update={"member_id": None}), o.terms.rules, o.terms.law, o.terms.settings, o.terms.known_on)


FIRST = dt.datetime(2026, 1, 1)
BROKEN: dict[str, Break] = {
    "status is not asked": method("status", lambda right: lambda person: False),
    "the limited are taken": without("limitation"),
    "the dead are taken": without("death"),
    "minors are taken": function("_years", lambda day, born: 40),
    "an unknown age is taken": every_row("instruction", adults_only=True),
    "an unknown age is never taken": every_row("instruction", adults_only=False),
    "a weak identity is taken": every_row("person", confidence=None),
    "the suppression list is not asked": without("suppression"),
    "the global list is not asked": without("suppression", lambda row: row["scope"] != "global"),
    "the client's own list is not asked": without("suppression", lambda row: row["scope"] == "global"),
    "another client's list is obeyed": every_row("suppression", scope="global"),
    "a family on the list does not reach its household": _person_alone,
    "external lists are not asked": without("external_list"),
    "every external list is asked": law_rule(external_lists=("robinson", "bloctel")),
    "a refusal is not heard": all_events(lambda e: e if e["status"] == "granted" else None),
    "an opposition loses a tie": all_events(
        lambda e: {**e, "collected_at": e["collected_at"] - dt.timedelta(minutes=1)} if e["status"] != "granted" else e
    ),
    "a refusal is never lifted": all_events(lambda e: {**e, "collected_at": min(e["collected_at"], FIRST)} if e["status"] == "granted" else e),
    "a grant needs no proof": all_events(lambda e: {**e, "wording_version": "v1", "collection_point": "web"}),
    "what is said after the drop counts": all_events(lambda e: {**e, "collected_at": min(e["collected_at"], dt.datetime(2026, 8, 1))}),
    "every basis suffices": law_rule(bases=tuple(Basis)),
    "only consent suffices": law_rule(bases=(Basis.CONSENT,), house_bases=()),
    "own customers are asked as prospects are": law_rule(house_bases=()),
    "a consent need not name the recipient": law_rule(names_recipient=False),
    "the notice is not asked": law_rule(needs_notice=False),
    "another channel's word counts": said_for_all("channel", CHANNELS),
    "another use's word counts": said_for_all("use", Use),
    "another purpose's word counts": said_for_all("purpose", Purpose),
    "an instruction past its day counts": every_row("instruction", valid_to=None),
    "the older instruction counts": method(
        "instruction",
        lambda right: lambda m: None if right(m) is None else min(
            (i for i in right.__self__.coop.of("instruction") if i["member_id"] == m), key=lambda i: i["valid_from"]),
    ),
    "instructions are not asked": method("instructs", lambda right: lambda member, channel: True),
    "the instruction's channels are not read": every_row("instruction", channels=list(CHANNELS)),
    "the instruction's uses are not read": every_row("instruction", uses=["prospect", "house"]),
    "the instruction's purposes are not read": every_row("instruction", purposes=["commercial", "caritative"]),
    "allowed sectors are not read": every_row("instruction", recipient_sectors_allowed=[]),
    "refused sectors are not read": every_row("instruction", recipient_sectors_refused=[]),
    "a member that left is taken": every_row("member", is_active=True),
    "one member's permission joins another's instruction": method(
        "instructs", lambda right: lambda member, channel: any(right(m["member_id"], channel) for m in right.__self__.coop.of("member"))
    ),
    "exclusion pairs are not asked": without("exclusion"),
    "an exclusion pair works one way": _one_way,
    "another programme's member is taken": every_row("member", programmes=["alliance"]),
    "an instruction not yet signed counts": every_row("instruction", signed_on=dt.date(2026, 1, 1)),
    "an instruction counts before its first day": every_row("instruction", valid_from=dt.date(2026, 1, 1)),
    "one source is enough": spec(min_sources=1),
    "one source more is asked": spec(min_sources=3),
    "the client's own supply is a source": _own_supply_is_enough,
    "the client's file is not asked": without("campaign_file"),
    "the client's customers are taken": _own_is_no_customer,
    "any coordinate is good enough": function("_usable", lambda record, channel: True),
    "a company's letter box is good enough": every_row("record", is_company=False),
    "caps are not asked": method("is_capped", lambda right: lambda person, channel: False),
    "the rest between two pieces is not kept": spec(rest_days=0),
    "a held-out piece counts for the cap": every_row("selection", cell="mail"),
    "a household may be reached once more a year": spec(cap_per_year=2),
    "calls are not counted": method("calls", lambda right: lambda person: 0),
    "one call more is allowed": function("CALLS", 5),
    "one call less is allowed": function("CALLS", 3),
    "calls count for a day longer": function("CALL_DAYS", 31),
    "another client's calls count": every_row("campaign", client_id="r_vad"),
    "own customers may be called without a contract": law_rule(house_bases=(Basis.OWN_CUSTOMER, Basis.CONTRACT)),
    "a contract opens no call": law_rule(house_bases=(Basis.OWN_CUSTOMER,)),
    "purchases of whoever delivers are read": method("contributes", lambda right: lambda member: True),
    "no purchases are read": method("contributes", lambda right: lambda member: False),
    "a refund is a purchase": every_row("transaction", kind="order"),
    "what is bought after the day counts": _bought_in_time,
    "recency is a day less": lists(recency_days_max=399),
    "recency is a day more": lists(recency_days_max=401),
    "dormant a day early": lists(recency_days_min=299),
    "dormant a day late": lists(recency_days_min=301),
    "lists are offered whatever was bought": lists(sectors=()),
    "lists are offered to whom bought long ago": lists(recency_days_max=None),
    "lists for the dormant are offered to the active": lists(recency_days_min=None),
    "lists are offered to every segment": lists(segments=()),
    "an inferred age is not read": every_row("segment", age=None),
    "the client's filters are not asked": method("list_position", lambda right: lambda person, best: 1),
}  # fmt: skip


CONTRACTS = {fault for fault in BROKEN if "instruction" in fault and "joins" not in fault} | {
    "allowed sectors are not read", "refused sectors are not read", "a member that left is taken", "another programme's member is taken",
    "exclusion pairs are not asked", "an exclusion pair works one way",
}  # fmt: skip
"""What five members cannot show one by one is shown by planted contracts; all else must change a decision."""


@cache
def stored(case: str) -> bytes:
    """The co-operative of a case, its lists made: each break gets a copy of its own."""
    coop = coop_of(case)
    list_entries(coop, plain_texts(coop))
    return pickle.dumps(coop)


def decisions(conf: str, case: str, broken: Break | None) -> dict[str, tuple[str, int, list[str]]]:
    """What the plain rules decide of one case, whole or with one rule broken."""
    coop, found = pickle.loads(stored(case)), terms(conf, spec_of(case))
    mind = Oracle(coop, found)
    people = mind.universe()
    with pytest.MonkeyPatch.context() as patch:
        if broken:
            broken(coop, mind, patch)
        return {person: mind.decide(person) for person in people}


@pytest.fixture(scope="module")
def whole(conf_folder: str) -> Callable[[str], Any]:
    """Every case with every rule in force, decided once."""
    known: dict[str, Any] = {}

    def of(case: str) -> Any:
        if case not in known:
            known[case] = decisions(conf_folder, case, None)
        return known[case]

    return of


def supplying(conf: str, broken: Break | None) -> set[str]:
    """The members that the planted contracts let supply a campaign, whole or with one rule broken."""
    coop, _ = contracts()
    mind = Oracle(coop, terms(conf, campaign()))
    with pytest.MonkeyPatch.context() as patch:
        if broken:
            broken(coop, mind, patch)
        return {m["member_id"] for m in coop.of("member") if mind.instructs(m["member_id"], "post")}


@pytest.mark.parametrize("fault", BROKEN)
def test_inv_01_to_07_and_14_no_rule_can_break_unseen(conf_folder: str, whole: Callable[[str], Any], fault: str) -> None:
    if fault in CONTRACTS:
        assert supplying(conf_folder, BROKEN[fault]) != supplying(conf_folder, None), f"the planted contracts do not tell that {fault}"
        return
    seen = any(decisions(conf_folder, case, BROKEN[fault]) != whole(case) for case in EVERY)
    assert seen, f"no decision of {', '.join(EVERY)} tells that {fault}"


def test_inv_14_calls_alone_close_the_line(conf_folder: str, whole: Callable[[str], Any]) -> None:
    """A client that has called four times in thirty days: with the count taken out, one reason less and nothing else changes."""
    open_ = decisions(conf_folder, "prospect_phone_called", BROKEN["calls are not counted"])
    changed = {p: (before[2], open_[p][2]) for p, before in whole("prospect_phone_called").items() if before != open_[p]}
    assert changed and all([x for x in before if x != "CAP"] == after for before, after in changed.values())


def test_inv_04_the_plain_rules_read_the_planted_contracts(conf_folder: str) -> None:
    assert supplying(conf_folder, None) == contracts()[1]
