"""From histories to scores on a planted lake: enrich, snapshot, train, gate, score; again, and nothing changes."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from appetence.contracts.base import Table
from appetence.contracts.features import Feature
from appetence.contracts.gold import GainsTier, ModelCard, Score, Segment
from appetence.contracts.identity import HouseholdLink, Person, PersonLink
from appetence.contracts.privacy import Limitation
from appetence.contracts.reference import Commune, FirstName, Instruction, Member, Recipient, SectorCrosswalk
from appetence.contracts.silver import Record, Transaction
from appetence.errors import ModelError
from appetence.pipeline import build_features, enrich_persons, score_persons, train_propensity
from appetence.pipeline.context import Context
from appetence.pipeline.modelling import plan_of
from appetence.propensity.registry import Registry, registered_name

pytestmark = pytest.mark.spark

AS_OF = dt.date(2026, 10, 31)
SECTORS = {"m01": "equipement_personne", "m02": "equipement_maison", "m03": "automobile", "m04": "presse_edition"}
KEY = "house:r_m04"
PERSONS = 700
OVERRIDES = (f"propensity.models=[{KEY}]", "propensity.min_positives=30", "propensity.max_calibration_error=0.2")


def planted_events() -> list[tuple[int, str, dt.date, int]]:
    """Each person buys at a rate of its own: whoever bought often lately will buy again."""
    draw = random.Random(5)
    events = []
    for person in range(PERSONS):
        for member in SECTORS:
            gap = draw.choice((15, 60, 300, 900)) if member == "m04" else draw.choice((100, 800))
            day = dt.date(2023, 11, 1) + dt.timedelta(days=draw.randrange(gap))
            while day <= AS_OF:
                events.append((person, member, day, draw.randrange(500, 9000)))
                day += dt.timedelta(days=1 + int(draw.expovariate(1 / gap)))
    return events


def fill(ctx: Context) -> None:
    """The tables the modelling jobs read; person 0 is a minor and person 1 limited."""
    people = [(f"p{n:04d}", m) for n in range(PERSONS) for m in SECTORS]
    record = [
        {"record_id": f"{p}@{m}", "member_id": m, "is_deliverable": True, "first_delivered_on": AS_OF, "delivered_on": AS_OF} for p, m in people
    ]
    births = {n: dt.date(2012 if n == 0 else 1950 + n % 45, 5, 1) for n in range(PERSONS)}
    live = {"valid_from": dt.date(2024, 1, 1), "purposes": ["commercial"], "uses": ["prospect", "house"], "channels": ["post"]}
    rows: dict[type[Table], list[dict[str, object]]] = {
        Member: [{"member_id": m, "sector": s, "is_active": True} for m, s in SECTORS.items()],
        Recipient: [{"recipient_id": "r_m04", "sector": "presse_edition", "member_id": "m04"}],
        SectorCrosswalk: [{"member_sector": "presse_edition", "recipient_sector": "presse_edition"}],
        Instruction: [{"instruction_id": f"i{m}", "member_id": m, **live} for m in SECTORS],
        Commune: [{"commune_code": "01001", "population": 860, "current_code": "01001", "department": "01", "region": "84"}],
        FirstName: [{"first_name": "MARIE", "gender": "F", "decade": 1950, "per_million": 100.0}],
        Record: record,
        PersonLink: [{"record_id": f"{p}@{m}", "member_id": m, "person_id": p} for p, m in people],
        Person: [
            {"person_id": f"p{n:04d}", "household_id": f"h{n:04d}", "birth_date": b, "first_name": "MARIE", "commune_code": "01001"}
            for n, b in births.items()
        ],
        HouseholdLink: [{"person_id": f"p{n:04d}", "household_id": f"h{n:04d}", "household_size": 1} for n in births],
        Limitation: [{"record_id": "p0001@m04", "request_id": "q", "since": dt.date(2026, 10, 1)}],
        Transaction: [event(n, *e) for n, e in enumerate(planted_events())],
    }
    for table, values in rows.items():
        ctx.lake.insert_new(table, table.frame(ctx.spark, values))


def event(number: int, person: int, member: str, day: dt.date, cents: int) -> dict[str, object]:
    return {
        "transaction_id": f"t{number:06d}", "record_id": f"p{person:04d}@{member}", "member_id": member, "sector": SECTORS[member],
        "transaction_date": day, "amount_cents": cents, "quantity": 1, "kind": "order", "known_on": AS_OF,
    }  # fmt: skip


def test_from_histories_to_scores_and_again(make_context: Callable[..., Context]) -> None:
    ctx = make_context(overrides=OVERRIDES, as_of=AS_OF)
    fill(ctx)
    steps = (enrich_persons, build_features, train_propensity, score_persons)
    for job in steps:
        job.run(ctx)
    _cards_are_honest(ctx)
    _scores_are_whole(ctx)
    _registry_holds_what_it_must(ctx)
    versions = {t: ctx.lake.version(t) for t in (Segment, Feature, ModelCard, GainsTier, Score)}
    before = sorted(tuple(r) for r in ctx.lake.read(Score).select("person_id", "rank", "probability").collect())
    _the_future_changes_nothing(ctx)
    for job in steps:
        job.run(ctx)
    assert {t: ctx.lake.version(t) for t in versions} == versions, "a second run with the same past changes nothing"
    assert sorted(tuple(r) for r in ctx.lake.read(Score).select("person_id", "rank", "probability").collect()) == before
    assert len(Registry(ctx.config.paths.mlflow)._versions(registered_name(KEY))) == 1, "a frozen model is not registered twice"
    _refusals(ctx)


def _cards_are_honest(ctx: Context) -> None:
    card = ctx.lake.read(ModelCard).first()
    assert card is not None
    assert (card.model_key, card.is_champion, card.test_cutoff) == (KEY, True, AS_OF - dt.timedelta(days=90))
    assert card.auc > 0.75
    assert card.test_positives == sum(r.positives for r in ctx.lake.read(GainsTier).collect())
    assert max(card.train_cutoffs) < str(card.test_cutoff)


def _scores_are_whole(ctx: Context) -> None:
    """Invariant 7 on the way: the minor and the limited are neither featured nor segmented nor scored."""
    scores = ctx.lake.read(Score)
    count = scores.count()
    ranks = sorted(r.rank for r in scores.collect())
    assert ranks == list(range(1, count + 1))
    assert count > 500
    for table in (Score, Feature, Segment):
        assert ctx.lake.read(table).where(F.col("person_id").isin("p0000", "p0001")).count() == 0, table
    best = scores.where(F.col("rank") <= 20).collect()
    assert all(r.reasons and r.decile == 1 and 0 < r.probability < 1 for r in best)
    assert any("chez vous" in reason for r in best for reason in r.reasons)


def _registry_holds_what_it_must(ctx: Context) -> None:
    registry = Registry(ctx.config.paths.mlflow)
    champion = registry.champion(registered_name(KEY))
    assert champion is not None
    run = registry.client.get_run(champion.run_id)
    assert {"auc", "calibration_error", "baseline_recency_auc"} <= set(run.data.metrics)
    assert run.data.tags["table_version.gold.feature"] == "0" or run.data.tags["table_version.gold.feature"].isdigit()
    assert {f.path for f in registry.client.list_artifacts(champion.run_id, "plots")} == {
        "plots/gains.png", "plots/calibration.png", "plots/scores.png",
    }  # fmt: skip
    root = Path(ctx.config.paths.mlflow.removeprefix("sqlite:///")).parent
    everything = b"".join(f.read_bytes() for f in root.rglob("*") if f.is_file())
    assert b"p0002" not in everything and b"MARIE" not in everything, "no personal data in the registry"


def _the_future_changes_nothing(ctx: Context) -> None:
    """Invariant 16 for models and scores: events after the as-of date are neither learnt nor scored."""
    later = [event(900_000 + n, n, "m04", AS_OF + dt.timedelta(days=1 + n % 9), 100) for n in range(100)]
    ctx.lake.insert_new(Transaction, Transaction.frame(ctx.spark, later))


def _refusals(ctx: Context) -> None:
    for key, says in (("house:r_nobody", "does not exist"), ("enrich:r_m04", "must start with prospect")):
        with pytest.raises(ModelError, match=says):
            plan_of(ctx, key)
