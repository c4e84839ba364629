"""A generated mini co-operative: few members, small persons, every rule within reach of chance. One seed, one co-operative."""

from __future__ import annotations

import datetime as dt
import hmac
import random
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import yaml
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_type

from appetence.columns.coordinates import coordinates, hashed_coordinates
from appetence.columns.hashing import pads
from appetence.contracts.base import Table
from appetence.contracts.campaign import Campaign, CampaignFile, Selection
from appetence.contracts.gold import Score, Segment
from appetence.contracts.identity import HouseholdLink, Person, PersonLink
from appetence.contracts.privacy import Death, ExternalList, Limitation, Suppression
from appetence.contracts.reference import Exclusion, Instruction, LawRule, Member, Recipient
from appetence.contracts.settings import SelectionSettings
from appetence.contracts.silver import PermissionEvent, Record, Transaction
from appetence.contracts.specs import CampaignSpec, LawSpec, PgpSpec, RecipientSpec
from appetence.selection.candidates import Sources
from appetence.selection.terms import Terms, terms_of

AS_OF = dt.date(2026, 10, 31)
PEPPER = b"pepper of the tests"
CHANNELS = ("post", "email", "phone", "sms")
MEMBERS = ("m01", "m02", "m03", "m04", "m05")
Row = dict[str, Any]


@dataclass
class Coop:
    """The rows of every table a selection reads, as dictionaries by table."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    texts: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    def add(self, table: str, **row: Any) -> None:
        self.rows.setdefault(table, []).append(row)

    def of(self, table: str) -> list[Row]:
        return self.rows.get(table, [])


def law(conf: str) -> LawSpec:
    """The shipped law."""
    with open(f"{conf}/law.yaml", encoding="utf-8") as handle:
        return LawSpec.model_validate(yaml.safe_load(handle))


def recipients() -> dict[str, RecipientSpec]:
    pgp = PgpSpec(fingerprints=("A" * 40,))
    made = [
        RecipientSpec(recipient_id="r_vad", label="VAD", sector="vente_a_distance", pgp=pgp),
        RecipientSpec(recipient_id="r_m04", label="Presse", sector="presse_edition", member_id="m04", pgp=pgp),
        RecipientSpec(recipient_id="r_m05", label="Dons", sector="caritatif", member_id="m05", pgp=pgp),
        RecipientSpec(recipient_id="routeur", label="Routeur", role="router", layouts=CHANNELS, pgp=pgp),
    ]
    return {r.recipient_id: r for r in made}


def campaign(**said: Any) -> CampaignSpec:
    """A campaign; what is not said is a plain postal prospect campaign."""
    plain: Row = {
        "campaign_id": "essai", "label": "Essai", "client": "r_vad", "product": "prospect", "purpose": "commercial", "programme": "alliance",
        "channels": ("post",), "drop_date": dt.date(2026, 11, 17), "quantity": 20, "cost_per_piece_eur": 0.6, "margin_per_response_eur": 20.0,
        "lists": ({"list_id": "jeunes", "age_max": 50}, {"list_id": "tous"}), "router": "routeur", "merge_level": "family", "min_sources": 2,
        "cells": ({"cell": "test_b", "share": 0.2},), "holdout_share": 0.2,
    }  # fmt: skip
    return CampaignSpec.model_validate({**plain, **said})


def terms(conf: str, spec: CampaignSpec, as_of: dt.date = AS_OF) -> Terms:
    return terms_of(spec, law(conf), recipients(), SelectionSettings(), as_of)


def generate(seed: int, persons: int, spec: CampaignSpec) -> Coop:
    """A co-operative in which most persons nearly pass, and each rule drops some."""
    r, coop = random.Random(seed), Coop()
    _contracts(r, coop, spec)
    households = [f"h{i:03d}" for i in range(max(1, persons * 2 // 3))]
    for i in range(persons):
        _person(r, coop, spec, f"p{i:04d}", r.choice(households))
    _earlier(r, coop, spec)
    return coop


def _contracts(r: random.Random, coop: Coop, spec: CampaignSpec) -> None:
    for m in MEMBERS:
        coop.add("member", member_id=m, sector="services", is_active=m != "m03" or r.random() < 0.8, programmes=["alliance"])
        for k in range(r.choice([1, 1, 2])):
            coop.add(
                "instruction", instruction_id=f"i_{m}_{k}", member_id=m, signed_on=dt.date(2026, 1, 1 + k), valid_from=dt.date(2026, 1, 1 + k),
                valid_to=r.choice([None, None, dt.date(2027, 1, 1), dt.date(2026, 9, 1)]) if k == 0 else None,
                purposes=["commercial", "caritative"] if r.random() < 0.95 else ["caritative"],
                uses=["prospect", "house"] if r.random() < 0.92 else ["house"],
                channels=[c for c in CHANNELS if r.random() < 0.93],
                recipient_sectors_allowed=r.choice([[], [], [], ["vente_a_distance", "presse_edition", "caritatif"], ["voyages"]]),
                recipient_sectors_refused=r.choice([[], [], [], [], [], ["vente_a_distance"]]),
                adults_only=r.random() < 0.3, notice_covers_charity_electronic=r.random() < 0.6, retention_months=36,
            )  # fmt: skip
    for pair in r.sample([("m01", "r_vad"), ("m02", "r_m04"), ("m02", "m04"), ("m01", "m05")], r.choice([0, 1, 1])):
        coop.add("exclusion", party_a=pair[0], party_b=pair[1])


def contracts() -> tuple[Coop, set[str]]:
    """Members each of which departs from a plain contract in one point, and those of them that may supply a postal prospect campaign for
    r_vad: what five members of a generated co-operative cannot show, one by one."""
    coop, good = Coop(), {"m_plain", "m_sector_allowed", "m_newer_wider", "m_rival_of_another", "m_last_day"}
    plain: Row = {
        "signed_on": dt.date(2026, 1, 1), "valid_from": dt.date(2026, 1, 1), "valid_to": None, "purposes": ["commercial"], "uses": ["prospect"],
        "channels": ["post"], "recipient_sectors_allowed": [], "recipient_sectors_refused": [], "adults_only": False,
        "notice_covers_charity_electronic": False, "retention_months": 36,
    }  # fmt: skip
    newer = {"signed_on": dt.date(2026, 3, 1), "valid_from": dt.date(2026, 3, 1)}
    said: dict[str, list[Row]] = {
        "m_plain": [{}], "m_none": [], "m_expired": [{"valid_to": dt.date(2026, 11, 16)}], "m_last_day": [{"valid_to": dt.date(2026, 11, 17)}],
        "m_not_yet": [{"valid_from": dt.date(2026, 11, 18)}], "m_unsigned": [{"signed_on": dt.date(2026, 11, 18)}],
        "m_use": [{"uses": ["house", "enrich"]}], "m_purpose": [{"purposes": ["caritative"]}], "m_channel": [{"channels": ["email"]}],
        "m_sector_other": [{"recipient_sectors_allowed": ["voyages"]}], "m_sector_allowed": [{"recipient_sectors_allowed": ["vente_a_distance"]}],
        "m_sector_refused": [{"recipient_sectors_refused": ["vente_a_distance"]}], "m_left": [{}], "m_programme": [{}],
        "m_newer_narrower": [{}, {**newer, "channels": ["email"]}], "m_newer_wider": [{"channels": ["email"]}, newer],
        "a_rival": [{}], "z_rival": [{}], "m_rival_of_another": [{}],
    }  # fmt: skip
    for name, instructions in said.items():
        programmes = ["conex_plus"] if name == "m_programme" else ["alliance"]
        coop.add("member", member_id=name, sector="services", is_active=name != "m_left", programmes=programmes)
        for k, change in enumerate(instructions):
            coop.add("instruction", instruction_id=f"i_{name}_{k}", member_id=name, **{**plain, **change})
    for pair in (("a_rival", "r_vad"), ("r_vad", "z_rival"), ("m_rival_of_another", "r_m04")):
        coop.add("exclusion", party_a=pair[0], party_b=pair[1])
    return coop, good


def _person(r: random.Random, coop: Coop, spec: CampaignSpec, person: str, household: str) -> None:
    coop.add("household_link", person_id=person, household_id=household, address_id=r.choice([None, "a" + household[1:-1]]))
    coop.add(
        "person", person_id=person, household_id=household, confidence=r.choice([None, 3.0, 8.0] * 8 + [-1.0]), department="59", postcode="59000"
    )
    born = dt.date(1950, 1, 1) + dt.timedelta(days=r.randrange(20000))
    born = r.choice([born] * 12 + [None, dt.date(2008, 11, 10), dt.date(2009, 5, 5)])
    for member in r.sample(MEMBERS, r.choice([1, 2, 3, 3, 4, 4])):
        for _ in range(r.choice([1, 1, 1, 2])):
            _record(r, coop, spec, person, household, member, born)
    if r.random() < 0.9:
        chance, number = round(r.choice([r.random() * 0.1, 0.04]), 9), int(person[1:])
        # One in seven without an amount, so that a campaign ranked by amount has somebody to leave out.
        cents = None if number % 7 == 0 else round(chance * (1000 + number * 37 % 9000))
        coop.add("score", model_key="k", cutoff=AS_OF, person_id=person, probability=chance, expected_amount_cents=cents)
    if r.random() < 0.03:
        coop.add("death", person_id=person, certainty=r.choice(["probable", "certain"]))


def _record(r: random.Random, coop: Coop, spec: CampaignSpec, person: str, household: str, member: str, born: dt.date | None) -> None:
    n = len(coop.of("record"))
    record = f"r{n:05d}"
    number = person[1:]
    coop.add("person_link", record_id=record, member_id=member, person_id=person)
    coop.add(
        "record", record_id=record, member_id=member, customer_ref=f"c{n}", delivered_on=dt.date(2026, 9, r.randrange(1, 29)),
        first_delivered_on=dt.date(2026, 9, 1) if r.random() < 0.97 else dt.date(2026, 11, 5), is_company=r.random() < 0.02,
        name_grade=r.choice("AAAABCD"), last_name=f"NOM{household[1:]}", first_name=f"P{number}", birth_date=r.choice([born, born, None]),
        birth_date_grade="A", address_lines=["X", "1 RUE A", "59000 LILLE"], address_key=f"{int(household[1:])} RUE A", postcode="59000",
        department="59", way_number=household[1:], way_name=f"RUE A{household[1:]}", address_grade=r.choice("AAB"), is_deliverable=r.random() < 0.9,
        email=r.choice([f"e{number}@x.fr", None]), email_grade=r.choice("AABC"), mobile=r.choice([f"+336{number}0000", None]),
        mobile_grade=r.choice("AABD"), landline=r.choice([f"+331{number}0000", None]), landline_grade=r.choice("AAC"),
    )  # fmt: skip
    for channel in CHANNELS:
        for _ in range(r.choice([0, 1, 1, 1, 2, 3])):
            _event(r, coop, spec, record, member, channel)
    if r.random() < 0.8:
        coop.add(
            "transaction", transaction_id=f"t{n}", record_id=record, member_id=member, sector="services", kind=r.choice(["order", "refund"]),
            transaction_date=dt.date(2026, 11, 10) - dt.timedelta(days=r.randrange(700)), amount_cents=r.randrange(-2000, 9000),
        )  # fmt: skip
    if r.random() < 0.015:
        coop.add("limitation", record_id=record, request_id="q", since=dt.date(2026, 10, 1), until=r.choice([None, dt.date(2026, 10, 20)]))
    for table, key, share in (("suppression", "scope", 0.02), ("external_list", "list_name", 0.03), ("campaign_file", "kind", 0.02)):
        if r.random() < share:
            values = {"scope": ["global", "r_vad", "r_m04", "r_m05", "m04"], "list_name": ["robinson", "bloctel"], "kind": ["customers"]}
            coop.add(table, record_id=record, pick=r.random(), **{key: r.choice(values[key])})


def _event(r: random.Random, coop: Coop, spec: CampaignSpec, record: str, member: str, channel: str) -> None:
    n = len(coop.of("permission_event"))
    coop.add(
        "permission_event", event_id=f"e{n:06d}", record_id=record, member_id=member, channel=channel,
        use=r.choice([str(spec.product)] * 5 + ["house", "prospect"]), purpose=r.choice([str(spec.purpose)] * 6 + ["commercial", "caritative"]),
        basis=r.choice(["consent", "consent", "information", "information", "own_customer", "contract"]),
        status=r.choice(["granted"] * 9 + ["opposed", "withdrawn"]), wording_version=r.choice(["v1"] * 9 + [None]),
        collection_point=r.choice(["web"] * 9 + ["", None]), collected_at=dt.datetime(2026, r.choice([1, 5, 5, 11]), 20, r.choice([8, 9])),
        recipients=r.choice([["r_vad"], ["r_m04"], ["partenaires_v2"], ["partenaires_v1"], [], ["r_m05", "r_vad"]]),
    )  # fmt: skip


def _earlier(r: random.Random, coop: Coop, spec: CampaignSpec) -> None:
    drop = spec.drop_date
    others = [
        ("ancien", drop - dt.timedelta(days=40), "r_vad"),
        ("proche", drop - dt.timedelta(days=5), "r_m04"),
        ("futur", drop + dt.timedelta(days=3), "r_vad"),
    ]
    for name, day, client in others:
        # `futur` was cut on the same day and drops later: it counts us, we do not count it.
        coop.add("campaign", campaign_id=name, drop_date=day, client_id=client, cutoff=AS_OF, cut_on=AS_OF)
    coop.add("campaign", campaign_id=spec.campaign_id, drop_date=drop, client_id=spec.client, cutoff=AS_OF, cut_on=AS_OF)
    for link in coop.of("household_link"):
        for name in ["ancien", "proche", "futur", spec.campaign_id]:
            if r.random() < 0.08:
                coop.add(
                    "selection", campaign_id=name, channel=r.choice(CHANNELS), person_id=link["person_id"], household_id="gone",
                    cell=r.choice(["mail", "mail", "holdout"]),
                )  # fmt: skip


def add_calls(coop: Coop, spec: CampaignSpec) -> None:
    """Call campaigns of this client and of another, all outside the rest between two pieces: each person is called as one line of CALLED says."""
    for client, name in ((spec.client, "notre"), ("r_m05", "autre")):
        for days in CALL_DAYS:
            day = spec.drop_date - dt.timedelta(days=days)
            coop.add("campaign", campaign_id=f"{name}_{days}", drop_date=day, client_id=client, cutoff=AS_OF, cut_on=AS_OF)
    for i, link in enumerate(coop.of("household_link")):
        for name, days, channel, cell in CALLED[list(CALLED)[i % len(CALLED)]]:
            person = link["person_id"]
            coop.add("selection", campaign_id=f"{name}_{days}", channel=channel, person_id=person, household_id="gone", cell=cell)


CALL_DAYS = (14, 19, 24, 29, 30)
"""Days from a call to the drop date; attempts count over 30 days, so the last is not among them."""
CALLED: dict[str, list[tuple[str, int, str, str]]] = {
    "four": [("notre", d, "phone", "mail") for d in (14, 19, 24, 29)],
    "three and an old one": [("notre", d, "phone", "mail") for d in (14, 19, 24, 30)],
    "three and one held out": [("notre", d, "phone", "holdout" if d == 19 else "mail") for d in (14, 19, 24, 29)],
    "three and a letter": [("notre", d, "post" if d == 29 else "phone", "mail") for d in (14, 19, 24, 29)],
    "four of another client": [("autre", d, "phone", "mail") for d in (14, 19, 24, 29)],
    "never": [],
}
"""Who was called how: (client, days before the drop, channel, cell)."""


def add_facts(coop: Coop, spec: CampaignSpec) -> None:
    """What the client's filters read: purchases of several sectors, many on the edges of lists; a segment of most persons, an age of some."""
    r, last = random.Random(f"{spec.seed}:facts"), min(AS_OF, spec.drop_date)
    for bought in coop.of("transaction"):
        bought["sector"] = r.choice(["equipement_maison", "automobile", "services", "services"])
        if r.random() < 0.4:
            bought["transaction_date"] = last - dt.timedelta(days=r.choice([-1, 0, 299, 300, 301, 399, 400, 401]))
    for link in coop.of("household_link"):
        if r.random() < 0.8:
            segment, age = r.choice(["jeunes_urbains", "retraites_ruraux", "familles"]), r.choice([None, 30, 70])
            coop.add("segment", cutoff=AS_OF, person_id=link["person_id"], segment=segment, age=age)


TABLES = {
    "record": Record, "person_link": PersonLink, "household_link": HouseholdLink, "person": Person, "permission_event": PermissionEvent,
    "transaction": Transaction, "score": Score, "segment": Segment, "instruction": Instruction, "member": Member, "exclusion": Exclusion,
    "limitation": Limitation, "death": Death, "campaign": Campaign, "selection": Selection,
}  # fmt: skip


def hash_of(kind: str, coordinate: str) -> str:
    return hmac.new(PEPPER, f"{kind}|{coordinate}".encode(), "sha256").hexdigest()


def sources(spark: SparkSession, coop: Coop, law_rows: list[Row]) -> Sources:
    """The co-operative as the frames a selection reads; the lists hold hashes made by Python's own HMAC."""
    frames: dict[str, DataFrame] = {name: local(spark, table, coop.of(name)) for name, table in TABLES.items()}
    frames["law_rule"] = local(spark, LawRule, law_rows)
    clients = [s for s in recipients().values() if s.role == "client"]
    named = [{"recipient_id": s.recipient_id, "sector": str(s.sector), "member_id": s.member_id} for s in clients]
    frames["recipient"] = local(spark, Recipient, named)
    listed = list_entries(coop, coordinate_texts(frames["record"]))
    frames["suppression"] = local(spark, Suppression, listed["suppression"])
    frames["external_list"] = local(spark, ExternalList, listed["external_list"])
    frames["campaign_file"] = local(spark, CampaignFile, listed["campaign_file"])
    inner, outer = pads(PEPPER)
    pads_frame = spark.createDataFrame([(bytearray(inner), bytearray(outer))], "inner_pad binary, outer_pad binary")
    hashes = hashed_coordinates(frames["record"], pads_frame, "record_id").distinct()
    return Sources(**frames, hashes=hashes, cut_on=AS_OF)


def local(spark: SparkSession, table: type[Table], rows: list[Row]) -> DataFrame:
    """Rows of a contract as a local relation: its size is known, so small tables are broadcast as they would be from files."""
    filled = [table.row(**row) for row in rows]
    arrow = pa.table({str(f): pa.array([row[str(f)] for row in filled], to_arrow_type(f.dtype, timestamp_utc=True)) for f in table.content()})
    return spark.createDataFrame(arrow, T.StructType(table.struct().fields[:-1]))


def coordinate_texts(records: DataFrame) -> dict[str, set[tuple[str, str]]]:
    """The (kind, text) pairs of each record, as the lists see them."""
    texts: dict[str, set[tuple[str, str]]] = {}
    for row in coordinates(records, "record_id").collect():
        texts.setdefault(row["record_id"], set()).add((row["kind"], row["coordinate"]))
    return texts


def list_entries(coop: Coop, texts: dict[str, set[tuple[str, str]]]) -> dict[str, list[Row]]:
    """Rows of the lists: for each planted entry, the hash of one coordinate of its record (which one is noted in the entry)."""
    coop.texts = texts
    made: dict[str, list[Row]] = {"suppression": [], "external_list": [], "campaign_file": []}
    for table, rows in made.items():
        for entry in coop.of(table):
            options = sorted(texts[entry["record_id"]])
            if table == "external_list":
                options = [o for o in options if o[0] == ("postal" if entry["list_name"] == "robinson" else "phone")]
            if not options:
                continue
            kind, text = options[int(entry["pick"] * len(options))]
            entry["coordinate"] = (kind, text)
            rows.append(_list_row(table, entry, kind, hash_of(kind, text)))
    return {table: list({tuple(sorted(row.items(), key=str)): row for row in listed}.values()) for table, listed in made.items()}


def _list_row(table: str, entry: Row, kind: str, hashed: str) -> Row:
    if table == "suppression":
        return {"scope": entry["scope"], "kind": kind, "key_hash": hashed}
    if table == "external_list":
        return {"list_name": entry["list_name"], "version": "2026-09", "kind": kind, "key_hash": hashed}
    return {"campaign_id": "essai", "kind": "customers", "coordinate_hash": hashed, "destroy_by": dt.date(2027, 1, 1)}
