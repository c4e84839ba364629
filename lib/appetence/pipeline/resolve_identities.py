"""Records become persons and households under lasting ids, and each member gets ids of its own for those it supplies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.base import Table
from appetence.contracts.identity import (
    CandidateStatistic,
    ClericalDecision,
    Edge,
    HouseholdLink,
    IdentityEvent,
    MatchModel,
    MemberHousehold,
    MemberPerson,
    Person,
    PersonLink,
)  # fmt: skip
from appetence.contracts.privacy import Limitation
from appetence.contracts.silver import Record
from appetence.identity import golden, households, member_ids, persistent, resolve, weights
from appetence.identity.comparison import Field
from appetence.pipeline.context import Context, Counts
from appetence.runtime.ahead import side_by_side


def run(ctx: Context) -> Counts:
    """Reads silver.record, writes every table of the identity schema; the same records again change nothing."""
    lake = ctx.lake
    records, before = lake.read(Record), lake.read_or_empty(PersonLink)
    frozen = _frozen(ctx)
    free = records.join(frozen, on=Record.record_id, how="left_anti")
    found = _resolved(ctx, free)
    clusters = _clusters(free, found)
    ever = lake.read_or_empty(IdentityEvent).select(IdentityEvent.to_person_id).unionByName(
        before.select(F.col(PersonLink.person_id).alias(IdentityEvent.to_person_id))
    )  # fmt: skip
    yesterday = before.join(frozen, on=PersonLink.record_id, how="left_anti")
    owned = persistent.assign(clusters, yesterday, ever, ctx.as_of, item=PersonLink.record_id, group=PersonLink.person_id, prefix="p")
    links = lake.stage("links", persistent.build_person_links(owned, records, before, frozen, ctx.as_of))
    ctx.progress("persons have their ids; grouping households")
    # All is made before anything is written; what needs no household is made beside the households.
    (homes, persons), beside = side_by_side(
        lambda: _housed(ctx, free, links, clusters, found), lambda: _beside_households(ctx, links, before, found)
    )  # fmt: skip
    details = _written(ctx, links, homes, persons, beside)
    if found is not None and found.is_new_model:
        lake.upsert(MatchModel, _model_rows(ctx, found.model))
    facts = dict(found.facts) if found else {}
    return Counts(rows_in=int(facts.get("records", 0)), rows_out=details["persons"], details={**facts, **details})


def _housed(
    ctx: Context, free: DataFrame, links: DataFrame, clusters: DataFrame, found: resolve.Resolution | None
) -> tuple[DataFrame, DataFrame]:  # fmt: skip
    """HouseholdLink and Person rows."""
    homes = ctx.lake.stage("homes", _homes(ctx, free, links, found))
    confidence = clusters.select(Record.record_id, Person.confidence)
    return homes, ctx.lake.stage("persons", golden.build_persons(free, links, homes, confidence))


def _beside_households(ctx: Context, links: DataFrame, before: DataFrame, found: resolve.Resolution | None) -> list[tuple[type[Table], DataFrame]]:
    """Rows of the tables that know persons only."""
    made: list[tuple[type[Table], DataFrame]] = [
        (IdentityEvent, persistent.build_events(links, before, ctx.as_of)),
        (MemberPerson, member_ids.build_member_persons(links, ctx.member_pads(), ctx.config.privacy.member_key_version)),
        *([(Edge, found.edges), (CandidateStatistic, found.statistics)] if found is not None else []),
    ]  # fmt: skip
    return [(table, ctx.lake.stage(table.name, frame)) for table, frame in made]


def _frozen(ctx: Context) -> DataFrame:
    """record_id of records under limitation today: they keep their link and are compared with nothing."""
    limits, today = ctx.lake.read_or_empty(Limitation), F.lit(ctx.as_of)
    open_ = F.col(Limitation.until).isNull() | (F.col(Limitation.until) >= today)
    return limits.where((F.col(Limitation.since) <= today) & open_).select(Limitation.record_id).distinct()


def _resolved(ctx: Context, free: DataFrame) -> resolve.Resolution | None:
    """The clusters of the records that say something; None when there is none (deliveries of transactions only)."""
    named = free.where(~F.col(Record.is_bare))
    if named.isEmpty():
        return None
    found = resolve.resolve(
        named,
        ctx.config.identity,
        ctx.as_of,
        ctx.lake.stage,
        model=lambda fields: _current_model(ctx, fields),
        mark=lambda name: ctx.progress(f"identity: {name}"),
        decided=ctx.lake.read(ClericalDecision) if ctx.lake.exists(ClericalDecision) else None,
    )
    if found.facts["records_by_decision"]:
        ctx.progress(f"decisions made by hand joined or cut clusters of {found.facts['records_by_decision']} records")
    if found.facts["large_components"]:
        ctx.log.line("large_components", count=found.facts["large_components"], limit=ctx.config.identity.max_component)
        ctx.progress(f"ALARM: {found.facts['large_components']} group(s) of linked records were past identity.max_component and were taken apart")
    return found


def _current_model(ctx: Context, fields: Sequence[Field]) -> weights.Model | None:
    """The frozen model, unless there is none or `identity.retrain` asks for a new one."""
    if ctx.config.identity.retrain or not ctx.lake.exists(MatchModel):
        return None
    columns = (MatchModel.comparison, MatchModel.level, MatchModel.p_person, MatchModel.p_household, MatchModel.p_unrelated)
    rows = ctx.lake.read(MatchModel).where(F.col(MatchModel.is_current)).select(*columns).collect()
    return weights.from_rows([tuple(r) for r in rows], fields) if rows else None


def _clusters(free: DataFrame, found: resolve.Resolution | None) -> DataFrame:
    """record_id, cluster, confidence of every free record; a bare one stands alone."""
    alone = free if found is None else free.where(F.col(Record.is_bare))
    bare = alone.select(Record.record_id, F.xxhash64(Record.record_id).alias("cluster"), F.lit(None).cast("double").alias("confidence"))
    return bare if found is None else found.clusters.unionByName(bare)


def _homes(ctx: Context, free: DataFrame, links: DataFrame, found: resolve.Resolution | None) -> DataFrame:
    """HouseholdLink rows under lasting ids."""
    owners = links.select(PersonLink.record_id, F.col(PersonLink.person_id).alias(households.PERSON))
    kin = found.kin if found else owners.select(F.col(PersonLink.record_id).alias("record_a"), F.col(PersonLink.record_id).alias("record_b")).limit(0)
    settings = ctx.config.identity
    made = ctx.lake.stage("households", households.build_households(free, owners, kin, settings.household_max_size, settings.engine, ctx.lake.stage))
    before = ctx.lake.read_or_empty(HouseholdLink)
    clusters = made.select(F.col(households.PERSON).alias(HouseholdLink.person_id), F.col(households.HOUSEHOLD).alias("cluster"))
    known = before.select(HouseholdLink.person_id, HouseholdLink.household_id, HouseholdLink.since)
    named = persistent.assign(
        clusters, known, before.select(HouseholdLink.household_id), ctx.as_of,
        item=HouseholdLink.person_id, group=HouseholdLink.household_id, prefix="h",
    )  # fmt: skip
    sized = made.withColumnRenamed(households.PERSON, HouseholdLink.person_id)
    rows = named.join(sized, on=HouseholdLink.person_id, how="inner")
    same = F.col("old") == F.col(HouseholdLink.household_id)
    return HouseholdLink.shape(rows.withColumn(HouseholdLink.since, F.when(same, F.col(HouseholdLink.since)).otherwise(F.lit(ctx.as_of))))


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
        "events": changes[IdentityEvent].inserted,
    }  # fmt: skip


def _model_rows(ctx: Context, model: weights.Model) -> DataFrame:
    """The new model as the current one; the one before it is kept, no longer current."""
    shared = {str(MatchModel.model_version): model.version, str(MatchModel.trained_on): ctx.as_of, str(MatchModel.is_current): True}
    names = (MatchModel.comparison, MatchModel.level, MatchModel.p_person, MatchModel.p_household, MatchModel.p_unrelated)
    rows = [{**shared, **dict(zip(map(str, names), values, strict=True))} for values in weights.to_rows(model)]
    new = MatchModel.frame(ctx.spark, rows)
    old = ctx.lake.read_or_empty(MatchModel).where(F.col(MatchModel.is_current) & (F.col(MatchModel.model_version) != model.version))
    return new.unionByName(old.withColumn(MatchModel.is_current, F.lit(False)))
