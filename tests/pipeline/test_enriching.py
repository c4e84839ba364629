"""An enrichment gives the client its own references back with what other members granted, and nothing else of anybody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from appetence.contracts.domain import Channel
from appetence.contracts.specs import RecipientSpec
from appetence.errors import LawError
from appetence.pipeline import export_selection
from appetence.pipeline.context import Context
from appetence.pipeline.load_reference import law_rule_rows
from appetence.selection import caps
from appetence.selection.candidates import build_candidates
from appetence.selection.recheck import still_lawful
from appetence.selection.waterfall import decide
from tests.selection.coop import AS_OF, PEPPER, Coop, campaign, law, recipients, sources, terms

ASKED = ("age_band", "household_size", "sector_affinity")
PLAIN = {
    "client": "r_m04", "product": "enrich", "router": "r_m04", "quantity": None, "cells": (), "holdout_share": 0, "seeds": 0,
    "merge_level": "person", "lists": ({"list_id": "fichier"},), "attributes": ASKED,
}  # fmt: skip
DELIVERED = dt.date(2026, 9, 1)
BORN = {"m01": dt.date(1955, 5, 5), "m02": dt.date(1999, 9, 9), "m04": None}
HELD = {  # person: member -> (reference, whether it permits the enrichment)
    "p1": {"m04": ("C-1", True), "m01": ("X-1", True), "m02": ("Y-1", True)},
    "p2": {"m04": ("C-2", True), "m02": ("Y-2", True)},
    "p3": {"m04": ("C-3", True), "m01": ("X-3", False)},
    "p4": {"m04": ("C-4", False), "m01": ("X-4", True)},
    "p5": {"m01": ("X-5", True)},
    "p6": {"m04": ("C-6", True), "m01": ("X-6", True)},
    "p7": {"m02": ("Y-7", True)},
}
HOME = {"p1": "h1", "p7": "h1", "p6": "h6", "p5": "h6"}


def coop() -> Coop:
    """m04 is the client; m01 grants what is asked, m02 grants less; three more members like m01 feed its sector."""
    made = Coop()
    for member in ("m01", "m02", "m04", "m05", "m06"):
        sector = "automobile" if member in ("m01", "m05", "m06") else "services"
        made.add("member", member_id=member, sector=sector, is_active=True, programmes=["alliance"])
        made.add(
            "instruction", instruction_id=f"i_{member}", member_id=member, signed_on=dt.date(2026, 1, 1), valid_from=dt.date(2026, 1, 1),
            purposes=["commercial"], uses=["enrich"], channels=["post"], retention_months=36, adults_only=True,
            recipient_sectors_allowed=["voyages"] if member == "m04" else [], recipient_sectors_refused=[],
            enrich_attributes=list(ASKED) if member in ("m01", "m05", "m06") else ["age_band"] if member == "m02" else None,
            notice_covers_charity_electronic=False,
        )  # fmt: skip
    for person, held in HELD.items():
        everybody = {**held, **({m: (f"{m}-6", True) for m in ("m05", "m06")} if person == "p6" else {})}
        home = HOME.get(person, f"h_{person}")
        made.add("household_link", person_id=person, household_id=home, address_id=None, household_size=4)
        made.add("person", person_id=person, household_id=home, birth_date=dt.date(1999, 9, 9))
        for member, (reference, permits) in everybody.items():
            _record(made, person, member, reference, permits)
    _record(made, "p6", "m04", "C-6-BIS", True)
    for name, product in (("plus", "enrich"), ("lettre", "house")):
        days = {"drop_date": dt.date(2026, 11, 10), "cutoff": AS_OF, "cut_on": dt.date(2026, 10, 1)}
        made.add("campaign", campaign_id=name, product=product, client_id="r_m04", **days)
        made.add("selection", campaign_id=name, channel="post", person_id="p1", household_id="h1", cell="mail")
    return made


def _record(made: Coop, person: str, member: str, reference: str, permits: bool) -> None:
    record = f"r_{person}_{reference}"
    made.add("person_link", record_id=record, member_id=member, person_id=person)
    made.add(
        "record", record_id=record, member_id=member, customer_ref=reference, first_delivered_on=DELIVERED, delivered_on=DELIVERED,
        last_name=f"NOM{person}", birth_date=BORN.get(member), is_deliverable=False, is_company=False, name_grade="A", address_lines=[],
    )  # fmt: skip
    made.add(
        "transaction", transaction_id=record, record_id=record, member_id=member, sector="services", kind="order",
        transaction_date=dt.date(2026, 5, 5), amount_cents=1000,
    )  # fmt: skip
    made.add(
        "permission_event", event_id=f"e_{record}", record_id=record, member_id=member, channel="post", use="enrich", purpose="commercial",
        basis="information", status="granted" if permits else "opposed", wording_version="v1", collection_point="web",
        collected_at=dt.datetime(2026, 1, 20, 9), recipients=[],
    )  # fmt: skip


@pytest.mark.spark
@pytest.mark.slow  # selects, asks again and exports
def test_the_client_gets_its_own_references_and_granted_attributes_only(
    spark: SparkSession, make_context: Callable[..., Context], conf_folder: str
) -> None:
    ctx, said = make_context(), terms(conf_folder, campaign(**PLAIN))
    s = sources(spark, coop(), law_rule_rows(law(conf_folder)))
    found = decide(build_candidates(s, said), said, ctx.pads(PEPPER), F.lit(AS_OF), ctx.lake.stage)
    why = {r["person_id"]: r["first_reason"] for r in found.decision.collect()}
    assert why == {"p1": None, "p2": "INSTRUCTION", "p3": "PERMISSION", "p4": "PERMISSION", "p6": None}, "p5 and p7 are not of the client's base"
    cut = ctx.lake.stage("cut", found.selection)
    assert {r["cell"] for r in cut.collect()} == {"mail"}, "nothing is cut, nobody is set apart"
    kept = still_lawful(cut, s, said)
    layout, lines, traps = export_selection._lines(ctx, said, s, kept, str(Channel.POST), recipients()["r_m04"])
    rows = sorted(tuple(r) for r in lines.collect())
    assert (layout.columns, lines.columns, traps) == (("customer_ref", *ASKED), ["customer_ref", *ASKED], [])
    # m02 grants less: neither its younger birth date nor p7, whom it alone knows, has a part in p1. p5 lives with p6 and is granted. Three
    # members feed the sector.
    assert rows == [("C-1", "65-74", "1", "automobile"), ("C-6", "65-74", "2", "automobile"), ("C-6-BIS", "65-74", "2", "automobile")]

    # A word since the cut stops the line at the export, on either side.
    later = coop()
    for record, member in (("r_p1_C-1", "m04"), ("r_p6_X-6", "m01")):
        later.add(
            "permission_event", event_id=f"z_{record}", record_id=record, member_id=member, channel="post", use="enrich", purpose="commercial",
            basis="information", status="opposed", collected_at=dt.datetime(2026, 10, 30, 9), recipients=[],
        )  # fmt: skip
    now = sources(spark, later, law_rule_rows(law(conf_folder)))
    rested = {r["person_id"]: r["member_id"] for r in cut.collect()}
    left = {r["person_id"] for r in still_lawful(cut, now, said).collect()}
    assert left == ({"p6"} if rested["p6"] != "m01" else set())
    pieces = caps.earlier_pieces(s.selection, s.campaign, s.household_link, said, AS_OF).collect()
    assert {r["campaign_id"] for r in pieces} == {"lettre"}, "an enrichment is no piece"


def test_only_the_client_itself_receives_an_enrichment(conf_folder: str) -> None:
    with pytest.raises(LawError) as refused:
        terms(conf_folder, campaign(**{**PLAIN, "router": "routeur"}))
    assert str(refused.value).endswith("router 'routeur' is not the client; an enrichment goes to the client alone: write router: r_m04.")
    with pytest.raises(LawError, match="is not the client"):
        terms(conf_folder, campaign(**{**PLAIN, "router": "r_m05"}))
    assert isinstance(recipients()["r_m04"], RecipientSpec)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no attribute": ({"attributes": ()}, "attributes: an enrichment says what it adds"),
    "one twice": ({"attributes": ("segment", "segment")}, "each once"),
    "an order": ({"quantity": 10}, "quantity: an enrichment cuts nothing"),
    "a cell": ({"cells": ({"cell": "bb", "share": 0.2},)}, "cells: an enrichment cuts nothing"),
    "a hold-out": ({"holdout_share": 0.1}, "holdout_share: an enrichment goes line by line through the client's own file; set holdout_share: 0"),
    "traps": ({"seeds": 3}, "set seeds: 0"),
    "families": ({"merge_level": "family"}, "set merge_level: person"),
    "a filter": ({"lists": ({"list_id": "aa", "segments": ("Familles des villes",)},)}, "keep one list without filters"),
    "attributes of prospects": ({"product": "prospect", "client": "r_vad"}, "only an enrichment hands attributes over"),
    "an unknown one": ({"attributes": ("religion",)}, "'sector_affinity'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_an_enrichment_may_not_ask(fault: str) -> None:
    change, says = FAULTS[fault]
    with pytest.raises(ValueError, match=".*") as refused:
        campaign(**{**PLAIN, **change})
    assert says in str(refused.value)
