"""From histories to scores on a planted lake: enrich, snapshot, train, gate, score; again, and nothing changes."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from appetence.columns.coordinates import hashed_coordinates
from appetence.contracts.base import Table
from appetence.contracts.features import Feature
from appetence.contracts.gold import Drift, GainsTier, ModelCard, Score, Segment, Stability
from appetence.contracts.identity import HouseholdLink, Person, PersonLink
from appetence.contracts.privacy import Audit, Death, Limitation, ProfilingObjection, Suppression
from appetence.contracts.reference import Commune, FirstName, Instruction, Member, Recipient, SectorCrosswalk
from appetence.contracts.silver import PermissionEvent, Record, Transaction
from appetence.errors import ModelError
from appetence.pipeline import build_features, enrich_persons, modelling, score_persons, train_propensity
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.modelling import plan_of
from appetence.pipeline.rollback_model import rollback
from appetence.pipeline.watch_scores import beside_before
from appetence.propensity.registry import Registry, registered_name
from appetence.storage.lake import Lake

pytestmark = pytest.mark.spark

AS_OF = dt.date(2026, 10, 31)
SECTORS = {"m01": "equipement_personne", "m02": "equipement_maison", "m03": "automobile", "m04": "presse_edition"}
KEY = "house:r_m04"
PERSONS = 700
FIRST_RECEIVED = dt.date(2026, 10, 1)
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
    """The tables the modelling jobs read; person 0 is a minor, person 1 limited, and person 3 objects to profiling."""
    people = [(f"p{n:04d}", m) for n in range(PERSONS) for m in SECTORS]
    record = [
        {"record_id": f"{p}@{m}", "member_id": m, "is_deliverable": True, "first_delivered_on": AS_OF, "delivered_on": AS_OF} for p, m in people
    ]
    births = {n: dt.date(2012 if n == 0 else 1950 + n % 45, 5, 1) for n in range(PERSONS)}
    live = {"valid_from": dt.date(2024, 1, 1), "purposes": ["commercial"], "uses": ["prospect", "house", "improve"], "channels": ["post"]}
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
        ProfilingObjection: [{"record_id": "p0003@m01", "since": dt.date(2026, 10, 1)}],
        Transaction: [*(event(n, *e) for n, e in enumerate(planted_events())), LATE],
    }
    for table, values in rows.items():
        ctx.lake.insert_new(table, table.frame(ctx.spark, values))


def event(number: int, person: int, member: str, day: dt.date, cents: int) -> dict[str, object]:
    return {
        "transaction_id": f"t{number:06d}", "record_id": f"p{person:04d}@{member}", "member_id": member, "sector": SECTORS[member],
        "transaction_date": day, "amount_cents": cents, "quantity": 1, "kind": "order", "known_on": FIRST_RECEIVED,
    }  # fmt: skip


LATE = event(800_000, 5, "m02", dt.date(2026, 1, 15), 777_777) | {"known_on": AS_OF}
"""Of January, and delivered at the end of October."""


def test_from_histories_to_scores_and_again(make_context: Callable[..., Context]) -> None:
    ctx = make_context(overrides=OVERRIDES, as_of=AS_OF)
    fill(ctx)
    steps = (enrich_persons, build_features, train_propensity, score_persons)
    answers = {job: job.run(ctx) for job in steps}
    _the_decision_is_reported(answers[train_propensity])
    _a_late_row_is_not_known_before_it_came(ctx)
    _cards_are_honest(ctx)
    _scores_are_whole(ctx)
    _the_run_says_how_far_it_is_from_the_test(ctx)
    _registry_holds_what_it_must(ctx)
    versions = {t: ctx.lake.version(t) for t in (Segment, Feature, ModelCard, GainsTier, Score, Drift, Stability)}
    before = sorted(tuple(r) for r in ctx.lake.read(Score).select("person_id", "rank", "probability").collect())
    _only_what_an_improve_instruction_allows_is_learnt(ctx)
    _the_future_changes_nothing(ctx)
    for job in steps:
        job.run(ctx)
    assert {t: ctx.lake.version(t) for t in versions} == versions, "a second run with the same past changes nothing"
    assert sorted(tuple(r) for r in ctx.lake.read(Score).select("person_id", "rank", "probability").collect()) == before
    assert len(Registry(ctx.config.paths.mlflow)._versions(registered_name(KEY))) == 1, "a frozen model is not registered twice"
    _who_may_no_longer_be_scored_loses_every_score(ctx)
    _refusals(ctx)
    _a_model_can_be_taken_back(ctx)


def _the_decision_is_reported(counts: Counts) -> None:
    """For the trail: one entry for the model, with what the gate went by."""
    (entry,) = counts.details["audit"]
    assert (entry["action"], entry["object_id"], entry["details"]["version"], entry["details"]["before"]) == ("gate_decided", KEY, "1", "none")
    assert entry["details"]["is_champion"] and entry["details"]["reason"].startswith("let through")
    assert set(entry["details"]["figures"]) == {"auc", "score_shift"}
    json.dumps(entry)


def _a_late_row_is_not_known_before_it_came(ctx: Context) -> None:
    """Invariant 16: the past cutoffs, three of them after its day, do not know it; the scoring date does."""
    rows = ctx.lake.read(Feature).where("person_id = 'p0005' AND member_id = 'm02'").collect()
    held = {r.cutoff: r.largest_amount for r in rows}
    assert held.pop(AS_OF) == LATE["amount_cents"]
    assert held and max(held.values()) < 9000


def _cards_are_honest(ctx: Context) -> None:
    card = ctx.lake.read(ModelCard).first()
    assert card is not None
    assert (card.model_key, card.is_champion, card.test_cutoff) == (KEY, True, AS_OF - dt.timedelta(days=90))
    assert card.auc > 0.75
    assert card.test_positives == sum(r.positives for r in ctx.lake.read(GainsTier).collect())
    assert max(card.train_cutoffs) < str(card.test_cutoff)


def _scores_are_whole(ctx: Context) -> None:
    """Invariant 7 on the way: the minor, the limited and the objector are neither featured nor segmented nor scored."""
    scores = ctx.lake.read(Score)
    count = scores.count()
    ranks = sorted(r.rank for r in scores.collect())
    assert ranks == list(range(1, count + 1))
    assert count > 500
    for table in (Score, Feature, Segment):
        assert ctx.lake.read(table).where(F.col("person_id").isin("p0000", "p0001", "p0003")).count() == 0, table
    # Everybody buys for 500 to 9000 cents apiece, about the same all of them.
    told = scores.where("expected_amount_cents IS NOT NULL AND expected_amount_cents BETWEEN probability * 500 AND probability * 9000 * 90")
    assert told.count() == count
    best = scores.where(F.col("rank") <= 20).collect()
    assert all(r.reasons and r.decile == 1 and 0 < r.probability < 1 for r in best)
    assert any("chez vous" in reason for r in best for reason in r.reasons)


def _the_run_says_how_far_it_is_from_the_test(ctx: Context) -> None:
    run = ctx.lake.read(Stability).first()
    assert run is not None
    assert (run.model_key, run.persons) == (KEY, ctx.lake.read(Score).count())
    assert run.verdict in ("stable", "shifted", "drifted") and run.score_index >= 0
    assert run.previous_cutoff is None and run.newly_scored_share is None
    drift = {r.subject_column: r for r in ctx.lake.read(Drift).collect()}
    champion = Registry(ctx.config.paths.mlflow).champion(registered_name(KEY))
    assert champion is not None
    assert set(drift) == set(Registry(ctx.config.paths.mlflow).load(champion).propensity.columns)
    assert run.drifted_columns == sum(r.verdict == "drifted" for r in drift.values())
    # Nothing but time passed: what counts the last months stays, what counts all there ever was grows.
    assert drift["own_events_30d"].verdict == "stable"


def _registry_holds_what_it_must(ctx: Context) -> None:
    registry = Registry(ctx.config.paths.mlflow)
    champion = registry.champion(registered_name(KEY))
    assert champion is not None
    run = registry.client.get_run(champion.run_id)
    assert {"auc", "calibration_error", "baseline_recency_auc"} <= set(run.data.metrics)
    assert run.data.tags["table_version.gold.feature"] == "0" or run.data.tags["table_version.gold.feature"].isdigit()
    assert {f.path for f in registry.client.list_artifacts(champion.run_id, "plots")} == {
        "plots/gains.png", "plots/calibration.png", "plots/scores.png", "plots/contributions.png",
    }  # fmt: skip
    tried = registry.client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{champion.run_id}'")
    assert len(tried) > 1 and all({"auc", "log_loss"} <= set(t.data.metrics) and t.info.status == "FINISHED" for t in tried)
    assert len({t.data.params["learner"] for t in tried}) == len(tried), "each learner that was tried has a run of its own"
    root = Path(ctx.config.paths.mlflow.removeprefix("sqlite:///")).parent
    everything = b"".join(f.read_bytes() for f in root.rglob("*") if f.is_file())
    assert b"p0002" not in everything and b"MARIE" not in everything, "no personal data in the registry"


def _learnt(ctx: Context) -> set[tuple[object, ...]]:
    """The rows a model of the member m04 would be trained on."""
    plan = plan_of(ctx, KEY)
    past = train_propensity._past(ctx, [plan])
    rows = train_propensity.labelled(ctx, plan, past)
    return {tuple(r) for r in rows.select(*sorted(rows.columns)).collect()}


def _only_what_an_improve_instruction_allows_is_learnt(ctx: Context) -> None:
    """A member that does not grant it, or a person that refused it to a member, has no part in what a model is trained on."""
    config = ctx.config.model_copy(update={"paths": ctx.config.paths.model_copy(update={"lake": f"{ctx.config.paths.root}/other_lake"})})
    other = replace(ctx, config=config, lake=Lake(ctx.spark, config.paths.lake, "other", config.paths.scratch))
    read = (Member, Recipient, SectorCrosswalk, Instruction, Record, PersonLink, Person, HouseholdLink, Limitation, Transaction, Feature, Segment)
    for table in read:
        other.lake.insert_new(table, ctx.lake.read(table))
    whole, uses = _learnt(other), ["prospect", "house"]
    granting = other.lake.read(Instruction)
    other.lake.upsert(Instruction, granting.where("member_id = 'm02'").withColumn("uses", F.array(*map(F.lit, uses))))
    no = {"channel": "post", "use": "improve", "purpose": "commercial", "basis": "information", "status": "opposed", "collected_at": ctx.started_at}
    other.lake.insert_rows(PermissionEvent, [PermissionEvent.row(event_id="i", record_id="p0030@m01", member_id="m01", **no)])
    without = _learnt(other)
    assert without and without != whole
    with pytest.MonkeyPatch.context() as broken:
        for module in (modelling, train_propensity):
            broken.setattr(module, "learnt_from", lambda _: frozenset(SECTORS))
        broken.setattr(train_propensity, "unlearnable", lambda c: PersonLink.frame(c.spark).select("person_id", "member_id"))
        assert _learnt(other) == whole, "it is the instruction and the refusal that make the difference"
    # The same as if their data had never been there.
    gone = F.col("record_id").endswith("@m02") | (F.col("record_id") == "p0030@m01")
    ids = other.lake.read(Transaction).where(gone).select("record_id").distinct()
    other.lake.delete(Transaction, ids, "record_id")
    left = other.lake.read(Feature).where("NOT (member_id = 'm02' OR (member_id = 'm01' AND person_id = 'p0030'))")
    other.lake.sync(Feature, left)
    assert _learnt(other) == without
    refused = granting.where("member_id = 'm04'").withColumn("uses", F.array(*map(F.lit, uses)))
    other.lake.upsert(Instruction, refused)
    with pytest.raises(ModelError, match="m04 has no live instruction for improve"):
        plan_of(other, KEY)
    other.lake.close()


def _the_future_changes_nothing(ctx: Context) -> None:
    """Invariant 16 for models and scores: events after the as-of date are neither learnt nor scored."""
    later = [event(900_000 + n, n, "m04", AS_OF + dt.timedelta(days=1 + n % 9), 100) for n in range(100)]
    ctx.lake.insert_new(Transaction, Transaction.frame(ctx.spark, later))


def _who_may_no_longer_be_scored_loses_every_score(ctx: Context) -> None:
    """One reason each, all of them since the last scoring; the scores of an older cutoff go with those of today."""
    dead, limited, objects, listed, by_client, opposed, elsewhere = people = [f"p{n:04d}" for n in range(10, 17)]
    kept, older = "p0020", AS_OF - dt.timedelta(days=30)
    other = "prospect:r_other"
    stored = ctx.lake.read(Score).where(F.col("person_id").isin(*people, kept))
    assert stored.count() == 8
    ctx.lake.insert_new(Score, stored.withColumn("cutoff", F.lit(older)))
    ctx.lake.insert_new(Score, stored.withColumns({"cutoff": F.lit(older), "model_key": F.lit(other)}))
    since = dt.date(2026, 10, 30)
    ctx.lake.insert_rows(Death, [Death.row(person_id=dead, certainty="probable", rule="near")])
    ctx.lake.insert_rows(Limitation, [Limitation.row(record_id=f"{limited}@m02", request_id="r", since=since)])
    ctx.lake.insert_rows(ProfilingObjection, [ProfilingObjection.row(record_id=f"{objects}@m02", since=since)])
    no = {"channel": "post", "use": "house", "purpose": "commercial", "basis": "information", "status": "opposed", "collected_at": ctx.started_at}
    said = ((opposed, "m04"), (elsewhere, "m01"))  # a house model is for the client's own customers: only its own voice counts
    events = [PermissionEvent.row(event_id=p, record_id=f"{p}@{m}", member_id=m, **no) for p, m in said]
    ctx.lake.insert_rows(PermissionEvent, events)
    _list(ctx, {f"{listed}@m01": "global", f"{by_client}@m01": "r_m04", f"{elsewhere}@m01": "r_other"})
    counts = score_persons.run(replace(ctx, run_id="later"))
    left = {(r.person_id, r.model_key, r.cutoff) for r in ctx.lake.read(Score).where(F.col("person_id").isin(*people, kept)).collect()}
    everywhere = {(KEY, AS_OF), (KEY, older), (other, older)}
    assert left == {(p, *x) for p in (kept, elsewhere) for x in everywhere} | {(p, other, older) for p in (by_client, opposed)}
    assert counts.details["withdrawn"] == 4 * 3 + 2 * 2
    ranks = sorted(r.rank for r in ctx.lake.read(Score).where(F.col("cutoff") == F.lit(AS_OF)).collect())
    assert ranks == list(range(1, len(ranks) + 1)), "those who are left are ranked anew"


def _list(ctx: Context, scopes: dict[str, str]) -> None:
    """Puts the e-mails of these records on the suppression list."""
    key = Path(ctx.config.paths.secrets) / "pepper.key"
    key.parent.mkdir(parents=True, exist_ok=True)
    key.write_text("ab" * 32, encoding="ascii")
    key.chmod(0o600)
    mail = F.concat(F.replace("record_id", F.lit("@"), F.lit(".")), F.lit("@free.fr"))
    ctx.lake.upsert(Record, ctx.lake.read(Record).where(F.col("record_id").isin(list(scopes))).withColumn("email", mail))
    keyed = hashed_coordinates(ctx.lake.read(Record), ctx.pads(ctx.secret(ctx.config.privacy.pepper_ref)), "record_id").collect()
    version = ctx.config.privacy.pepper_version
    rows = [{"scope": scopes[r.record_id], "kind": r.kind, "key_hash": r.key_hash, "pepper_version": version, "added_on": AS_OF} for r in keyed]
    ctx.lake.insert_rows(Suppression, [Suppression.row(source="person", **row) for row in rows])


def _refusals(ctx: Context) -> None:
    for key, says in (("house:r_nobody", "does not exist"), ("enrich:r_m04", "must start with prospect")):
        with pytest.raises(ModelError, match=says):
            plan_of(ctx, key)


def _a_model_can_be_taken_back(ctx: Context) -> None:
    """The second version goes, the first comes back, and a repeated training does not undo it; then none is left."""
    with pytest.raises(ModelError, match="No version of house:r_m04 before 1 passed the gate"):
        rollback(ctx, KEY, "wrong label")
    settings = ctx.config.propensity.model_copy(update={"reasons": 2})
    second = replace(ctx, config=ctx.config.model_copy(update={"propensity": settings}))
    (entry,) = train_propensity.run(second).details["audit"]
    assert (entry["details"]["version"], entry["details"]["before"]) == ("2", "1")
    figures = entry["details"]["figures"]
    assert -0.01 < figures["difference_low"] <= 0 <= figures["difference_high"] < 0.01, "nearly the same model: a few persons are gone"
    registry, name = Registry(ctx.config.paths.mlflow), registered_name(KEY)
    assert _champion(registry, name) == "2"
    assert "version 1 is in use" in rollback(second, KEY, "complaints about the list")
    assert train_propensity.run(second).details["audit"] == [], "nothing was decided again"
    assert _champion(registry, name) == "1"
    cards = {r.model_version: r for r in ctx.lake.read(ModelCard).collect()}
    assert (cards["1"].is_champion, cards["2"].is_champion) == (True, False)
    assert cards["2"].gate_reason == "taken out of use: complaints about the list"
    with pytest.raises(ModelError, match="no version 7"):
        rollback(ctx, KEY, "typing", to="7")
    rollback(ctx, KEY, "no model at all", to="none")
    with pytest.raises(ModelError, match="no champion"):
        rollback(ctx, KEY, "again")
    rolled = [r for r in ctx.lake.read(Audit).orderBy("sequence").collect() if r.action == "rolled_back"]
    assert [json.loads(r.details)["to"] for r in rolled] == ["1", "none"]


def _champion(registry: Registry, name: str) -> str | None:
    found = registry.champion(name)
    return found.version if found else None


def test_the_scoring_before_is_held_beside_the_new_one(make_context: Callable[..., Context]) -> None:
    ctx = make_context(as_of=AS_OF)
    old, older = AS_OF - dt.timedelta(days=30), AS_OF - dt.timedelta(days=60)

    def scored(cutoff: dt.date, person: int, decile: int) -> dict[str, object]:
        return {
            "model_key": KEY, "cutoff": cutoff, "person_id": f"p{person}", "model_version": "1", "raw_score": 0.1, "probability": 0.1 * person,
            "rank": 1, "decile": decile, "reasons": ["x"],
        }  # fmt: skip

    # Then: 1 and 2 are best, 3 and 4 are not. Now: 1 and 5 are best, 5 and 6 are new, 4 is gone. The older run is not looked at.
    told = [
        (old, 1, 1),
        (old, 2, 1),
        (old, 3, 9),
        (old, 4, 9),
        (older, 6, 1),
        (AS_OF, 1, 1),
        (AS_OF, 5, 1),
        (AS_OF, 2, 5),
        (AS_OF, 3, 9),
        (AS_OF, 6, 9),
    ]
    frame = Score.frame(ctx.spark, [scored(*t) for t in told])
    row = beside_before(frame, ctx).first()
    assert row is not None
    assert (row.persons, row.previous_cutoff, row.newly_scored_share) == (5, old, 0.4)
    assert (row.first_decile_kept_share, row.first_decile_new_share) == (0.5, 0.5)
    assert row.mean_probability == pytest.approx(0.34)
