"""A small co-operative for the privacy tests: seeded, with a canary and coordinates of its own for each person."""

from __future__ import annotations

import datetime as dt
import random
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pyspark.sql import SparkSession

from appetence.contracts.base import Table
from appetence.contracts.bronze import RawRecord, RawTransaction
from appetence.contracts.campaign import Campaign, Export, ExportLine, Selection
from appetence.contracts.gold import Score
from appetence.contracts.identity import Edge, HouseholdLink, MemberHousehold, Person, PersonLink
from appetence.contracts.reference import Commune, FirstName
from appetence.contracts.silver import PermissionEvent, Record, Transaction
from appetence.pipeline.context import Context
from appetence.pipeline.people import standardised
from appetence.runtime.config import Config, load
from appetence.runtime.logs import Log
from appetence.storage.lake import Lake

AS_OF = dt.date(2026, 10, 31)
MEMBERS = ("m01", "m02", "m03")
FIRST = ("MARIE", "PAUL", "JEANNE", "LUC", "CLAIRE", "HUGO")
LAST = ("LEFEVRE", "GARNIER", "MOREL", "BLANCHARD", "FONTAINE", "ROUSSEL", "CHEVALIER", "MASSON")


@dataclass
class Coop:
    """Who is in it: one entry per person, and its records."""

    persons: list[dict[str, Any]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)

    def canaries(self, numbers: Iterable[int]) -> list[str]:
        return [self.persons[n]["canary"] for n in numbers]

    def records_of(self, number: int) -> list[str]:
        return [r["record_id"] for r in self.records if r["number"] == number]


def street(home: int) -> str:
    """A street of its own for each home: namesakes in one street are taken for each other by the suppression list."""
    return "SAULES" + "".join("ABCDEFGHIK"[int(digit)] for digit in str(home))


def person(number: int, draw: random.Random) -> dict[str, Any]:
    """Two persons share each home; everybody has an e-mail of their own."""
    home = number // 2
    return {
        "number": number, "person_id": f"p{number:04d}", "household_id": f"h{home:04d}", "canary": f"canari{draw.getrandbits(64):016x}",
        "first_name": FIRST[number % len(FIRST)], "last_name": LAST[home % len(LAST)],
        "birth_date": f"19{50 + number % 40}-0{1 + number % 9}-15", "email": f"mail{draw.getrandbits(40):010x}@free.fr",
        "address_1": f"{home + 1} RUE {street(home)}", "postcode": "59000", "city": "LILLE",
    }  # fmt: skip


def context(
    spark: SparkSession, root: Path, conf: str, run_id: str, *, options: dict[str, str] | None = None, config: Config | None = None
) -> Context:
    """A context of the demonstration's configuration over a root of the test's own."""
    found = config or load("demo", [f"paths.root={root}"], conf)
    lake = Lake(spark, found.paths.lake, run_id, found.paths.scratch)
    log = Log.opened(run_id, "test", None, is_quiet=True)
    return Context(spark, lake, found, AS_OF, run_id, dt.datetime(2026, 10, 31, 3), log, options or {})


def people(count: int, seed: int = 22) -> Coop:
    """`count` persons with one to three records each, of different members."""
    draw, coop = random.Random(seed), Coop()
    for number in range(count):
        who = person(number, draw)
        coop.persons.append(who)
        for member in sorted(draw.sample(MEMBERS, 1 + number % 3)):
            coop.records.append({**who, "member_id": member, "record_id": f"r{number:04d}{member}"})
    return coop


def prepare(ctx: Context) -> Path:
    """Keys and the reference rows that standardising reads; gives the folder of requests."""
    keys = Path(ctx.config.paths.secrets)
    keys.mkdir(parents=True, exist_ok=True)
    pepper = keys / "pepper.key"
    if not pepper.exists():
        pepper.write_text(secrets.token_hex(32), encoding="ascii")
        pepper.chmod(0o600)
    lille = Commune.row(commune_code="59350", postcode="59000", label="Lille", label_key="LILLE", department="59", region="32", current_code="59350")
    put(ctx, Commune, [lille])
    put(ctx, FirstName, [FirstName.row(first_name=f, gender="F", decade=1960, per_million=9_000.0) for f in FIRST])
    folder = Path(ctx.config.paths.requests)
    for name in ("suppressions", "external", "rights"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return folder


def put(ctx: Context, table: type[Table], rows: list[dict[str, Any]]) -> None:
    """Rows as they are: the quickest way into a fresh table."""
    ctx.lake.append(table, rows)


def raw_rows(coop: Coop) -> list[dict[str, Any]]:
    """The customer lines of one delivery per member."""
    at = dt.datetime(2026, 10, 1, 3, tzinfo=dt.UTC)
    names = ("record_id", "member_id", "first_name", "last_name", "birth_date", "address_1", "postcode", "city", "email")
    return [
        RawRecord.row(
            delivery_id=f"d-{r['member_id']}", line_number=n, delivered_at=at, received_on=at.date(), customer_ref=f"C{n:06d}",
            interests=f"jardin|{r['canary']}", **{k: r[k] for k in names},
        )
        for n, r in enumerate(coop.records, start=2)
    ]  # fmt: skip


def fill(ctx: Context, coop: Coop) -> None:
    """The lake as a chain would leave it: lines, records, events, links, scores, one exported campaign."""
    day = dt.date(2026, 9, 1)
    put(ctx, RawRecord, raw_rows(coop))
    ctx.lake.insert_new(Record, standardised(ctx, ctx.lake.read(RawRecord)))
    rows = coop.records
    put(ctx, RawTransaction, [
        RawTransaction.row(delivery_id=f"d-{r['member_id']}", line_number=n, member_id=r["member_id"], record_id=r["record_id"],
                           customer_ref=f"C{n:06d}", transaction_ref=f"T{n}", transaction_date="01/09/2026", amount="12,50",
                           delivered_at=dt.datetime(2026, 10, 1, 3, tzinfo=dt.UTC), category=r["canary"])
        for n, r in enumerate(rows, start=2)
    ])  # fmt: skip
    put(ctx, Transaction, [
        Transaction.row(transaction_id=f"t{r['record_id']}", record_id=r["record_id"], member_id=r["member_id"], transaction_date=day,
                        amount_cents=1250, quantity=1, kind="order", category=r["canary"])
        for r in rows
    ])  # fmt: skip
    put(ctx, PermissionEvent, [
        PermissionEvent.row(event_id=f"e{r['record_id']}", record_id=r["record_id"], member_id=r["member_id"], channel="post",
                            use="prospect", purpose="commercial", basis="information", status="granted", wording_version="v1",
                            collected_at=dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC), collection_point=r["canary"])
        for r in rows
    ])  # fmt: skip
    put(
        ctx,
        PersonLink,
        [PersonLink.row(record_id=r["record_id"], member_id=r["member_id"], person_id=r["person_id"], since=day) for r in rows],
    )
    everybody = coop.persons
    put(ctx, HouseholdLink, [HouseholdLink.row(person_id=p["person_id"], household_id=p["household_id"], since=day) for p in everybody])
    put(ctx, Person, [
        Person.row(person_id=p["person_id"], household_id=p["household_id"], first_name=p["first_name"], last_name=p["canary"])
        for p in everybody
    ])  # fmt: skip
    homes = sorted({p["household_id"] for p in everybody})
    put(
        ctx,
        MemberHousehold,
        [MemberHousehold.row(member_id="m01", household_id=h, member_household_id=f"x{h[1:]}", key_version="1") for h in homes],
    )
    pairs = [(a["record_id"], b["record_id"]) for a, b in zip(rows, rows[1:], strict=False)]
    put(ctx, Edge, [Edge.row(record_a=a, record_b=b, rules=["email"]) for a, b in pairs])
    put(ctx, Score, [
        Score.row(model_key="prospect:r_vad", cutoff=day, person_id=p["person_id"], reasons=[p["canary"]], decile=1, rank=1)
        for p in everybody
    ])  # fmt: skip
    _campaign(ctx, coop)


def _campaign(ctx: Context, coop: Coop) -> None:
    """The first thirty persons were selected and exported for r_vad through routeur_postal; the campaign has no file any more."""
    put(ctx, Campaign, [Campaign.row(campaign_id="noel_ancien", client_id="r_vad", drop_date=dt.date(2026, 10, 1))])
    chosen = coop.persons[:30]
    put(ctx, Selection, [
        Selection.row(campaign_id="noel_ancien", channel="post", person_id=p["person_id"], household_id=p["household_id"],
                      record_id=coop.records_of(p["number"])[0], reference=f"REF{p['number']:06d}", merge_unit="u")
        for p in chosen
    ])  # fmt: skip
    put(ctx, Export, [Export.row(export_id="x1", campaign_id="noel_ancien", channel="post", recipient_id="routeur_postal",
                                 file_name="routeur_postal/noel_vad_post.parquet.pgp", destroy_by=dt.date(2027, 1, 1))])  # fmt: skip
    put(ctx, ExportLine, [
        ExportLine.row(export_id="x1", reference=f"REF{p['number']:06d}", campaign_id="noel_ancien", person_id=p["person_id"]) for p in chosen
    ])  # fmt: skip


def request(coop: Coop, number: int, right: str, **more: Any) -> str:
    """The text of one request file of one person."""
    who = coop.persons[number]
    person = {k: who[k] for k in ("last_name", "first_name", "birth_date", "address_1", "postcode", "city", "email")}
    person["birth_date"] = dt.date.fromisoformat(person["birth_date"])
    said = {
        "right": right, "received_through": "operator", "received_on": dt.date(2026, 10, 20), "evidence": "signed letter",
        "person": {k: v for k, v in {**person, **more.pop("person", {})}.items() if v is not None}, **more,
    }  # fmt: skip
    return yaml.safe_dump(said, sort_keys=False)
