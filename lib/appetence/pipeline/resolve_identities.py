"""Records become persons and households under lasting ids, and each member gets ids of its own for those it supplies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.base import Table
from appetence.contracts.identity import (
    BlockKey,
    CandidateStatistic,
    ClericalDecision,
    CommonValue,
    Edge,
    HotKey,
    HouseholdLink,
    IdentityEvent,
    KinPair,
    MatchModel,
    MemberHousehold,
    MemberPerson,
    Person,
    PersonLink,
    ResolvedRecord,
)  # fmt: skip
from appetence.contracts.privacy import Limitation
from appetence.contracts.silver import Record
from appetence.identity import comparison, golden, households, member_ids, persistent, resolve, weights
from appetence.identity import frozen as frozen_facts
from appetence.identity.comparison import Field
from appetence.identity.frozen import Settled
from appetence.pipeline import resolution_state, resolve_changes
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.resolution_state import Held
from appetence.runtime.ahead import side_by_side


def run(ctx: Context) -> Counts:
    """Reads silver.record, writes every table of the identity schema; the same records again change nothing.

    Only new and changed records are compared, unless `identity.full` asks for all, nothing is known of an earlier run, what it was made with
    has changed, or too much is new."""
    frozen = _frozen(ctx)
    free = ctx.lake.read(Record).join(frozen, on=Record.record_id, how="left_anti")
    model = None if ctx.config.identity.retrain else _current_model(ctx, comparison.all_fields())
    held = resolution_state.held(ctx, model)
    if held is not None and model is not None and not ctx.config.identity.full:
        done = resolve_changes.run(ctx, held, model, free, frozen)
        if done is not None:
            return done
        held = None
    return _whole(ctx, model, held, free, frozen)


def _whole(ctx: Context, model: weights.Model | None, held: Held | None, free: DataFrame, frozen: DataFrame) -> Counts:
    """Everything is compared: under the frozen facts of `held`, or under facts counted anew."""
    lake = ctx.lake
    records, before = lake.read(Record), lake.read_or_empty(PersonLink)
    found = _resolved(ctx, free, model, held)
    clusters = _clusters(free, found)
    ever = lake.read_or_empty(IdentityEvent).select(IdentityEvent.to_person_id).unionByName(
        before.select(F.col(PersonLink.person_id).alias(IdentityEvent.to_person_id))
    )  # fmt: skip
    yesterday = before.join(frozen, on=PersonLink.record_id, how="left_anti")
    owned = persistent.assign(clusters, yesterday, ever, ctx.as_of, item=PersonLink.record_id, group=PersonLink.person_id, prefix="p")
    links = lake.stage("links", persistent.build_person_links(owned, records, before, frozen, ctx.as_of))
    ctx.progress("persons have their ids; grouping households")
    kin = lake.stage("kin", KinPair.shape(found.kin)) if found else KinPair.frame(ctx.spark)
    # All is made before anything is written; what needs no household is made beside the households.
    (homes, persons), beside = side_by_side(
        lambda: _housed(ctx, free, links, clusters, kin), lambda: _beside_households(ctx, links, before, found, free)
    )  # fmt: skip
    resolution_state.forget(ctx)
    details = _written(ctx, links, homes, persons, [*beside, *([(KinPair, kin)] if found else [])])
    if found is not None:
        if found.is_new_model:
            lake.upsert(MatchModel, _model_rows(ctx, found.model))
            _tracked(ctx, found)
        since, changed = (held.frozen_on, held.changed) if held else (ctx.as_of, 0)
        now = Held(since, found.frozen.rules, resolution_state.decided(ctx), details["resolved"], changed)
        resolution_state.remember(ctx, found.model, now)
    facts = {**found.facts, **{f"expected_{name}": value for name, value in found.estimated.items()}} if found else {}
    return Counts(rows_in=int(facts.get("records", 0)), rows_out=details["persons"], details={**facts, **details})


def _housed(ctx: Context, free: DataFrame, links: DataFrame, clusters: DataFrame, kin: DataFrame) -> tuple[DataFrame, DataFrame]:
    """HouseholdLink and Person rows."""
    settings, stage = ctx.config.identity, ctx.lake.stage
    owners = links.select(PersonLink.record_id, F.col(PersonLink.person_id).alias(households.PERSON))
    limits = households.Limits(settings.household_max_size, settings.engine)
    made = stage("households", households.build_households(free, owners, kin, limits, stage))
    homes = stage("homes", resolve_changes.named_homes(ctx, made, ctx.lake.read_or_empty(HouseholdLink)))
    confidence = clusters.select(Record.record_id, Person.confidence)
    return homes, stage("persons", golden.build_persons(free, links, homes, confidence))


def _beside_households(
    ctx: Context, links: DataFrame, before: DataFrame, found: resolve.Resolution | None, free: DataFrame
) -> list[tuple[type[Table], DataFrame]]:
    """Rows of the tables that know persons only."""
    made: list[tuple[type[Table], DataFrame]] = [
        (IdentityEvent, persistent.build_events(links, before, ctx.as_of)),
        (MemberPerson, member_ids.build_member_persons(links, ctx.member_pads(), ctx.config.privacy.member_key_version)),
    ]  # fmt: skip
    if found is not None:
        alone = frozen_facts.alone(free.where(Record.is_bare))
        made += [
            (Edge, found.edges), (CandidateStatistic, found.statistics), (BlockKey, found.keys),
            (ResolvedRecord, frozen_facts.resolved_records(found.resolved.unionByName(alone), free)),
            (CommonValue, found.frozen.common), (HotKey, found.frozen.hot),
        ]  # fmt: skip
    return [(table, ctx.lake.stage(table.name, frame)) for table, frame in made]


def _frozen(ctx: Context) -> DataFrame:
    """record_id of records under limitation today: they keep their link and are compared with nothing."""
    limits, today = ctx.lake.read_or_empty(Limitation), F.lit(ctx.as_of)
    open_ = F.col(Limitation.until).isNull() | (F.col(Limitation.until) >= today)
    return limits.where((F.col(Limitation.since) <= today) & open_).select(Limitation.record_id).distinct()


def _resolved(ctx: Context, free: DataFrame, model: weights.Model | None, held: Held | None) -> resolve.Resolution | None:
    """The clusters of the records that say something; None when there is none (deliveries of transactions only)."""
    named = free.where(~F.col(Record.is_bare))
    if named.isEmpty():
        return None
    found = resolve.resolve(
        named,
        ctx.config.identity,
        ctx.as_of,
        ctx.lake.stage,
        model=lambda fields: model,
        mark=lambda name: ctx.progress(f"identity: {name}"),
        settled=Settled(
            ctx.lake.read(ClericalDecision) if ctx.lake.exists(ClericalDecision) else None,
            held.facts(ctx) if held else None,
            _current_model(ctx, comparison.all_fields()) if model is None else None,
        ),
    )
    resolve_changes.tell(ctx, found.facts)
    if model is None and not found.is_new_model:
        ctx.progress(
            f"the model learnt anew would decide {found.facts['links_changed']:.1%} of the links otherwise, more than "
            f"identity.max_model_change={ctx.config.identity.max_model_change:g}: the one before stays; raise the limit to take the new one"
        )
    return found


def _current_model(ctx: Context, fields: Sequence[Field]) -> weights.Model | None:
    """The model that holds; None when there is none."""
    if not ctx.lake.exists(MatchModel):
        return None
    columns = (MatchModel.comparison, MatchModel.level, MatchModel.p_person, MatchModel.p_household, MatchModel.p_unrelated)
    rows = ctx.lake.read(MatchModel).where(F.col(MatchModel.is_current)).select(*columns).collect()
    return weights.from_rows([tuple(r) for r in rows], fields) if rows else None


def _clusters(free: DataFrame, found: resolve.Resolution | None) -> DataFrame:
    """record_id, cluster, confidence of every free record; a bare one stands alone."""
    alone = free if found is None else free.where(F.col(Record.is_bare))
    bare = alone.select(Record.record_id, F.xxhash64(Record.record_id).alias("cluster"), F.lit(None).cast("double").alias("confidence"))
    return bare if found is None else found.clusters.unionByName(bare)


def _written(ctx: Context, links: DataFrame, homes: DataFrame, persons: DataFrame, beside: list[tuple[type[Table], DataFrame]]) -> dict[str, int]:
    lake = ctx.lake
    households = member_ids.build_member_households(links, homes, ctx.member_pads(), ctx.config.privacy.member_key_version)
    rows = [(PersonLink, links), (HouseholdLink, homes), (Person, persons), (MemberHousehold, households), *beside]
    scopes: dict[type[Table], str] = {CandidateStatistic: f"as_of = DATE'{ctx.as_of.isoformat()}'"}
    writes = [
        partial(lake.insert_new, table, frame, is_staged=True)
        if table is IdentityEvent
        else partial(lake.sync, table, frame, scopes.get(table), is_staged=table is not MemberHousehold)
        for table, frame in rows
    ]  # fmt: skip
    changes = dict(zip((table for table, _ in rows), lake.together(*writes), strict=True))
    sizes = persons.agg(F.count(F.lit(1)).alias("persons"), F.count_distinct(Person.household_id).alias("households")).first()
    assert sizes is not None  # an aggregate without groups has one row
    return {
        "links": changes[PersonLink].rows, "persons": int(sizes["persons"]), "households": int(sizes["households"]),
        "events": changes[IdentityEvent].inserted, "resolved": changes[ResolvedRecord].rows if ResolvedRecord in changes else 0,
    }  # fmt: skip


def _tracked(ctx: Context, found: resolve.Resolution) -> None:
    """The new model as a run in MLflow, beside the table."""
    from appetence.propensity.registry import Registry  # MLflow takes seconds to load, and few runs learn a model

    told = {name: value for name, value in found.estimated.items() if isinstance(value, float)}
    told |= {name: float(found.facts[name]) for name in ("signatures", "pairs_compared", "prior_person", "prior_household")}
    Registry(ctx.config.paths.mlflow).keep_match_model(found.model.version, weights.to_rows(found.model), told)


def _model_rows(ctx: Context, model: weights.Model) -> DataFrame:
    """The new model as the current one; the one before it is kept, no longer current."""
    shared = {str(MatchModel.model_version): model.version, str(MatchModel.trained_on): ctx.as_of, str(MatchModel.is_current): True}
    names = (MatchModel.comparison, MatchModel.level, MatchModel.p_person, MatchModel.p_household, MatchModel.p_unrelated)
    rows = [{**shared, **dict(zip(map(str, names), values, strict=True))} for values in weights.to_rows(model)]
    new = MatchModel.frame(ctx.spark, rows)
    old = ctx.lake.read_or_empty(MatchModel).where(F.col(MatchModel.is_current) & (F.col(MatchModel.model_version) != model.version))
    return new.unionByName(old.withColumn(MatchModel.is_current, F.lit(False)))
