"""What was cut and not sent is asked again: a word, a list entry or a freeze since the cut stops exactly the pieces it concerns."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from appetence.contracts.campaign import Selection
from appetence.pipeline.load_reference import law_rule_rows
from appetence.selection.candidates import build_candidates
from appetence.selection.recheck import still_lawful
from tests.selection.coop import campaign, generate, law, local, sources, terms

pytestmark = pytest.mark.spark


def test_inv_03_a_withdrawal_stops_what_is_cut_and_unsent(spark: SparkSession, conf_folder: str) -> None:
    spec = campaign(seed=5)
    coop, said, rules = generate(5, 260, spec), terms(conf_folder, spec), law_rule_rows(law(conf_folder))
    found = build_candidates(sources(spark, coop, rules), said).where(F.size("reasons") == 0).collect()
    names = ("person_id", "household_id", "record_id", "member_id", "channel")
    cut = local(spark, Selection, [{**{n: row[n] for n in names}, "campaign_id": "essai", "cell": "mail"} for row in found])
    withdrawn, suppressed, frozen, elsewhere = found[0], found[1], found[2], found[3]
    voice = {"use": "prospect", "purpose": "commercial", "basis": "information", "status": "opposed", "wording_version": None,
             "collection_point": None, "collected_at": dt.datetime(2026, 11, 1, 9), "recipients": []}  # fmt: skip
    coop.add("permission_event", event_id="z1", record_id=withdrawn["record_id"], member_id=withdrawn["member_id"], channel="post", **voice)
    coop.add("permission_event", event_id="z2", record_id=elsewhere["record_id"], member_id=elsewhere["member_id"], channel="email", **voice)
    coop.add("suppression", record_id=suppressed["record_id"], pick=0.999, scope="global")
    coop.add("limitation", record_id=frozen["record_id"], request_id="new", since=dt.date(2026, 10, 31), until=None)
    kept = {row["person_id"] for row in still_lawful(cut, sources(spark, coop, rules), said).collect()}
    reached = coop.of("suppression")[-1]["coordinate"]
    home = {x["person_id"]: x["household_id"] for x in coop.of("household_link")}
    mates = {p for p, h in home.items() if h == home[suppressed["person_id"]]} if reached[0] == "postal_household" else set()
    gone = {row["person_id"] for row in (withdrawn, suppressed, frozen)} | mates
    assert kept == {row["person_id"] for row in found} - gone
    assert elsewhere["person_id"] in kept, "an opposition by e-mail does not stop a letter"


def test_a_refusal_told_since_the_cut_stops_the_call(spark: SparkSession, conf_folder: str) -> None:
    spec = campaign(seed=5, channels=("phone",), drop_date=dt.date(2026, 11, 17), min_sources=1)
    coop, said, rules = generate(5, 260, spec), terms(conf_folder, spec), law_rule_rows(law(conf_folder))
    asked = sources(spark, coop, rules)
    found = build_candidates(asked, said).where(F.size("reasons") == 0).collect()
    assert len(found) > 2
    names = ("person_id", "household_id", "record_id", "member_id", "channel")
    cut = local(spark, Selection, [{**{n: row[n] for n in names}, "campaign_id": "essai", "cell": "mail"} for row in found])
    people, client, day = [row["person_id"] for row in found], said.spec.client, dt.date(2026, 11, 10)
    # Of one who refused, one called by another client, and one called once.
    told = [(people[0], "before", client, day, True), (people[1], "before", "somebody", day, True), (people[2], "before", client, day, False)]
    calls = spark.createDataFrame(told, "person_id string, campaign_id string, client_id string, on date, is_refusal boolean")
    kept = {row["person_id"] for row in still_lawful(cut, dataclasses.replace(asked, calls=calls), said).collect()}
    assert kept == set(people[1:])
