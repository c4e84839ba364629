"""A campaign that may not run is refused with one sentence naming file, field and remedy."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from appetence.contracts.domain import Channel
from appetence.contracts.settings import SelectionSettings
from appetence.contracts.specs import LawRuleSpec, PgpSpec, RecipientSpec
from appetence.errors import AppetenceError, ConfigError, LawError
from appetence.selection.terms import terms_of
from tests.selection.coop import AS_OF, campaign, law, recipients, terms

FAULTS: dict[str, tuple[dict[str, Any], type[AppetenceError], tuple[str, ...]]] = {
    "studies": ({"purpose": "etude"}, LawError, ("purpose etude by post", "law.yaml", "data-protection officer")),
    "unknown client": ({"client": "r_inconnu"}, ConfigError, ("client is 'r_inconnu'", "r_vad")),
    "router as client": ({"client": "routeur"}, ConfigError, ("client is 'routeur'",)),
    "house of a third party": ({"product": "house", "min_sources": 1}, ConfigError, ("product is house", "product: prospect")),
    "charity for a shop": ({"purpose": "caritative"}, LawError, ("purpose caritative", "purpose: commercial")),
    "unknown router": ({"router": "personne"}, ConfigError, ("router 'personne'", "routeur")),
    "prospects to the client": ({"router": "r_vad"}, LawError, ("router 'r_vad'", "technical router")),
    "formula without quantity": ({"ranking": "recency", "quantity": None}, ConfigError, ("quantity is missing",)),
    "before the law": ({"drop_date": dt.date(2018, 1, 1)}, LawError, ("2018-01-01",)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_campaign_that_may_not_run_is_refused_in_one_sentence(conf_folder: str, fault: str) -> None:
    said, kind, words = FAULTS[fault]
    with pytest.raises(kind) as refused:
        terms(conf_folder, campaign(**said))
    sentence = str(refused.value)
    assert sentence.startswith("campaigns/essai.yaml: ") and "\n" not in sentence
    for word in words:
        assert word in sentence


def test_a_router_must_carry_the_channel(conf_folder: str) -> None:
    parties = {**recipients(), "routeur": RecipientSpec(recipient_id="routeur", label="R", role="router", layouts=("post",), pgp=_pgp())}
    with pytest.raises(ConfigError, match="does not carry email"):
        terms_of(campaign(channels=("post", "email")), law(conf_folder), parties, SelectionSettings(), AS_OF)


def test_each_channel_may_have_a_router_of_its_own(conf_folder: str) -> None:
    each = (("by_post", "post"), ("by_mail", "email"))
    both = {**recipients(), **{n: RecipientSpec(recipient_id=n, label=n, role="router", layouts=(c,), pgp=_pgp()) for n, c in each}}
    asked = {"channels": ("post", "email"), "router": "by_post"}
    found = terms_of(campaign(**asked, routers={"email": "by_mail"}), law(conf_folder), both, SelectionSettings(), AS_OF)
    assert [found.spec.router_of(c) for c in found.channels] == ["by_post", "by_mail"]
    with pytest.raises(ConfigError, match="router 'by_post' does not carry email; name one that does under routers: {email: ...}"):
        terms_of(campaign(**asked), law(conf_folder), both, SelectionSettings(), AS_OF)
    with pytest.raises(LawError, match="router 'r_vad' is a client"):
        terms_of(campaign(**asked, routers={"email": "r_vad"}), law(conf_folder), both, SelectionSettings(), AS_OF)
    with pytest.raises(ConfigError, match="router 'nobody' is unknown"):
        terms_of(campaign(**asked, routers={"email": "nobody"}), law(conf_folder), both, SelectionSettings(), AS_OF)


def test_a_client_outside_the_eea_needs_a_safeguard(conf_folder: str) -> None:
    far = RecipientSpec(recipient_id="r_vad", label="V", sector="vente_a_distance", country="US", pgp=_pgp())
    with pytest.raises(LawError, match="name the safeguard"):
        terms_of(campaign(), law(conf_folder), {**recipients(), "r_vad": far}, SelectionSettings(), AS_OF)
    safe = far.model_copy(update={"safeguard": "standard contractual clauses"})
    assert terms_of(campaign(), law(conf_folder), {**recipients(), "r_vad": safe}, SelectionSettings(), AS_OF).client.country == "US"


def test_inv_05_the_phone_rule_changes_on_11_august_2026(conf_folder: str) -> None:
    before = terms(conf_folder, campaign(channels=("phone",), drop_date=dt.date(2026, 8, 10))).rules[Channel.PHONE]
    after = terms(conf_folder, campaign(channels=("phone",), drop_date=dt.date(2026, 8, 11))).rules[Channel.PHONE]
    assert set(before.bases) == {"information", "consent"} and before.external_lists == ("bloctel",) and not before.names_recipient
    assert set(before.house_bases) == {"own_customer", "contract"}, "a call to one's own customers needs no contract until then"
    assert set(after.bases) == {"consent"} and after.names_recipient and set(after.house_bases) == {"contract"} and not after.external_lists


@pytest.mark.parametrize("purpose", ["commercial", "caritative"])
def test_inv_05_charities_call_by_the_rule_of_shops_on_both_sides_of_the_day(conf_folder: str, purpose: str) -> None:
    def ruled(day: dt.date, **said: Any) -> LawRuleSpec:
        return terms(conf_folder, campaign(client="r_m05", purpose=purpose, channels=("phone",), drop_date=day, **said)).rules[Channel.PHONE]

    before, after = ruled(dt.date(2026, 8, 10)), ruled(dt.date(2026, 8, 11))
    assert (before.rule_id, after.rule_id) == (f"phone_{purpose}_until_2026_08_10", f"phone_{purpose}_from_2026_08_11")
    house = ruled(dt.date(2026, 8, 11), product="house", min_sources=1)
    assert house == after and (set(house.bases), set(house.house_bases)) == ({"consent"}, {"contract"}), "one rule, read by product"


def test_the_hold_out_is_planned_on_top_of_a_quantity_and_not_of_a_break_even(conf_folder: str) -> None:
    by_margin = terms(conf_folder, campaign(quantity=None, cost_per_piece_eur=0.6, margin_per_response_eur=20.0))
    assert (by_margin.planned_holdout, by_margin.cost_cents, by_margin.margin_cents) == (None, 60, 2000)
    assert terms(conf_folder, campaign(quantity=25, holdout_share=0.1)).planned_holdout == 3, "half a person is a person"


def test_the_shipped_draft_for_studies_asks_what_commercial_asks(conf_folder: str) -> None:
    shipped = law(conf_folder)
    for draft in shipped.drafts:
        day = dt.date(2027, 1, 1)
        rule = next(
            r for r in shipped.rules
            if (r.channel, r.purpose) == (draft.channel, "commercial") and r.valid_from <= day and (r.valid_to is None or r.valid_to >= day)
        )  # fmt: skip
        assert (draft.bases, draft.house_bases, draft.names_recipient) == (rule.bases, rule.house_bases, rule.names_recipient)


def test_the_hash_follows_the_specification(conf_folder: str) -> None:
    one = terms(conf_folder, campaign())
    assert one.spec_hash == terms(conf_folder, campaign(), dt.date(2026, 11, 2)).spec_hash != terms(conf_folder, campaign(seed=2)).spec_hash


def _pgp() -> PgpSpec:
    return PgpSpec(fingerprints=("A" * 40,))
