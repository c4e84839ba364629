"""A lake of twenty-four persons and one campaign, written without jobs: every table that pages and notebooks read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from appetence.contracts import Table
from appetence.contracts.bronze import Delivery, Reject
from appetence.contracts.campaign import Campaign, Decision, Export, Matchback, Selection, Tier, Waterfall
from appetence.contracts.gold import GainsTier, ModelCard, Score, Segment
from appetence.contracts.identity import CandidateStatistic, Edge, HouseholdLink, IdentityEvent, MatchModel, Person, PersonLink
from appetence.contracts.privacy import Run
from appetence.contracts.silver import Permission, Record, Transaction
from appetence.storage.lake import Lake
from tests.reporting import planted

CANARY = "CANARI7F"
PERSONS = 24
AS_OF = dt.date(2026, 10, 31)
Row = dict[str, Any]


def person(number: int) -> str:
    """The id of a person, which no page may show."""
    return f"p{CANARY}{number:03}"


def write(lake: Lake) -> None:
    """Writes every table."""
    for table, rows in {**identities(), **sources(), **campaigns(), **models()}.items():
        frame = table.frame(lake.spark, [{"run_id": "planted", **r} for r in rows], content_only=False)
        frame.coalesce(1).write.format("delta").save(lake.path(table))


def records() -> Iterable[tuple[str, str, str]]:
    """Record id, member, person: every person has one record at m01, every second one another at m02."""
    for n in range(PERSONS):
        yield f"r{CANARY}{n:03}a", "m01", person(n)
        if n % 2 == 0:
            yield f"r{CANARY}{n:03}b", "m02", person(n)


def sources() -> dict[type[Table], list[Row]]:
    """What was delivered and standardised."""
    grades = {f"{c}_grade": "A" for c in ("name", "address", "mobile", "landline", "birth_date")}
    return {
        Delivery: [{"delivery_id": "d1", "member_id": "m01", "status": "accepted", "rows_read": 25,
                     "rows_accepted": 24, "rows_rejected": 1}],
        Reject: [{"delivery_id": "d1", "member_id": "m01", "block": "customers", "line_number": 7, "column": "email", "code": "bad_email"}],
        Record: [
            {"record_id": r, "member_id": m, "last_name": CANARY, "email": f"{CANARY}@example.org", "email_grade": "E", **grades}
            for r, m, _ in records()
        ],
        Transaction: [
            {"transaction_id": f"t{i}", "transaction_date": dt.date(2026, 1 + i % 9, 5), "amount_cents": 2500, "kind": "order"}
            for i in range(40)
        ],
        Permission: [
            {"record_id": r, "member_id": m, "channel": "post", "use": "prospect", "purpose": "commercial", "is_granted": True,
             "basis": "information"}
            for r, m, _ in records()
        ],
    }  # fmt: skip


def identities() -> dict[type[Table], list[Row]]:
    """Who is whom: pairs of persons share a household."""
    rows = list(records())
    pairs = [(a, b) for (a, _, p), (b, _, q) in zip(rows, rows[1:], strict=False) if p == q]
    return {
        PersonLink: [{"record_id": r, "member_id": m, "person_id": p, "since": AS_OF} for r, m, p in rows],
        Person: [
            {"person_id": person(n), "household_id": f"h{CANARY}{n // 2}", "first_name": CANARY, "last_name": CANARY, "department": "59",
             "record_count": 2 - n % 2, "member_count": 2 - n % 2, "confidence": None if n % 2 else 12.0 + n}
            for n in range(PERSONS)
        ],
        HouseholdLink: [{"person_id": person(n), "household_id": f"h{CANARY}{n // 2}", "household_size": 2} for n in range(PERSONS)],
        Edge: [{"record_a": a, "record_b": b, "weight": 12.0 + i, "is_link": True} for i, (a, b) in enumerate(pairs)]
        + [{"record_a": rows[0][0], "record_b": rows[3][0], "weight": -3.5, "is_link": False}],
        MatchModel: planted.match_model(),
        CandidateStatistic: [{"as_of": AS_OF, "rule": "email", "blocks": 12, "pairs": 13, "largest_block": 3, "largest_share": 0.2}],
        IdentityEvent: [
            {"event_id": f"e{r}", "as_of": AS_OF, "kind": "created", "record_id": r, "to_person_id": p} for r, _, p in rows
        ],
    }  # fmt: skip


def campaigns() -> dict[type[Table], list[Row]]:
    """One campaign that takes twelve of the twenty-four."""
    chosen = [
        {"campaign_id": "noel_vad", "channel": "post", "person_id": person(n), "household_id": f"h{CANARY}{n // 2}",
         "merge_unit": person(n),
         "list_id": "autres", "record_id": f"r{CANARY}{n:03}a", "member_id": "m01", "cell": "mail", "reference": f"REF{CANARY}",
         "rank": n + 1, "decile": 1, "is_newly_served": True}
        for n in range(12)
    ]  # fmt: skip
    return {
        Campaign: [planted.campaign()],
        Waterfall: planted.waterfall(),
        Tier: planted.tiers(),
        Selection: chosen,
        Decision: [
            {"campaign_id": "noel_vad", "person_id": person(n), "channel": "post", "list_id": "autres", "is_selected": n < 12,
             "first_reason": None if n < 12 else "PERMISSION", "reasons": [] if n < 12 else ["PERMISSION"]}
            for n in range(PERSONS)
        ],
        Export: planted.exports(),
        Matchback: planted.matchback(),
        Run: [
            {"run_id": "score", "job": "score_persons", "as_of": AS_OF, "status": "succeeded", "table_versions": '{"gold.score": 0}',
             "started_at": dt.datetime(2026, 10, 31, 4), "seconds": 3.0}
        ],
    }  # fmt: skip


def models() -> dict[type[Table], list[Row]]:
    """One champion, its test, and today's scores."""
    return {
        ModelCard: [planted.card()],
        GainsTier: planted.gains(),
        Score: [
            {"model_key": "prospect:r_vad", "cutoff": AS_OF, "person_id": person(n), "model_version": "2", "probability": 0.2 / (n + 1),
             "rank": n + 1, "decile": 1 + n * 10 // PERSONS, "reasons": ["commandes fréquentes"] if n < 3 else ["profil dans la moyenne"]}
            for n in range(PERSONS)
        ],
        Segment: [
            {"cutoff": AS_OF, "person_id": person(n), "age_band": ("35-49", "50-64")[n % 2], "department": "59", "household_size": 2,
             "segment": "villes"}
            for n in range(PERSONS)
        ],
    }  # fmt: skip
