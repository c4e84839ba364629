"""The night when little is new: new and changed records find their persons, and only the tables' rows they touch are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.base import Table
from appetence.contracts.identity import (
    BlockKey,
    ClericalDecision,
    Edge,
    HouseholdLink,
    IdentityEvent,
    KinPair,
    MemberHousehold,
    MemberPerson,
    Person,
    PersonLink,
    ResolvedRecord,
)  # fmt: skip
from appetence.contracts.silver import Record
from appetence.identity import golden, households, incremental, member_ids, persistent, weights
from appetence.identity.neighbours import Town
from appetence.pipeline import resolution_state
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.resolution_state import Held
from appetence.runtime.ahead import side_by_side
from appetence.storage.change import Change

_READ = tuple(dict.fromkeys((*households.READ, *golden.READ)))
"""What grouping households and describing persons reads of silver.record."""
Rows = list[tuple[type[Table], DataFrame, DataFrame]]
"""A table, its new rows, and the keys within which they are all there is."""


def run(ctx: Context, held: Held, model: weights.Model, free: DataFrame, frozen: DataFrame) -> Counts | None:
    """Compares what changed, and writes what follows from it; None when everything has to be compared: too much
    changed, links are left of records that went while they were limited, or the blocks have outgrown their division."""
    lake = ctx.lake
    before, said = held.before(ctx), resolution_state.decided(ctx)
    has_lost = lake.row_count(ResolvedRecord) < held.records
    moved = lake.stage("moved", incremental.differences(free, before.resolved))
    count = moved.count()
    if held.changed + count > ctx.config.identity.max_changed * max(held.records, 1) or _is_adrift(ctx, before, free, frozen):
        return None
    if not count and not has_lost and said == held.decided:
        return _counts(ctx, {"pairs_compared": 0, "records_changed": 0, "events": 0})
    ctx.progress(f"identity: {count} new, changed or departed records; all others stay as they are")
    lost = lake.stage("bereaved", incremental.bereaved(before.resolved)) if has_lost else None
    # None only where no decision holds and none held when the last run ended.
    decided = None if said == held.decided == resolution_state.NOTHING_DECIDED else lake.read_or_empty(ClericalDecision)
    found = incremental.Night(before, free, moved, model, ctx.config.identity, lake.stage, decided, lost).run()
    if found is None:
        ctx.progress("identity: too many pairs for the blocks as they were divided; everything is compared anew")
        return None
    tell(ctx, found.facts)
    written = _Night(ctx, before, found, free, frozen, has_lost).write()
    now = replace(held, decided=said, records=lake.row_count(ResolvedRecord), changed=held.changed + count)
    resolution_state.remember(ctx, model, now)
    return _counts(ctx, {**found.facts, "events": written})


def tell(ctx: Context, facts: Mapping[str, Any]) -> None:
    """Says what a run found that somebody should look at, before anything is written."""
    if facts["records_by_decision"]:
        ctx.progress(f"decisions made by hand joined or cut clusters of {facts['records_by_decision']} records")
    if facts["large_components"]:
        ctx.log.line("large_components", count=facts["large_components"], limit=ctx.config.identity.max_component)
        ctx.progress(f"ALARM: {facts['large_components']} group(s) of linked records were past identity.max_component and were taken apart")


def _is_adrift(ctx: Context, before: incremental.Before, free: DataFrame, frozen: DataFrame) -> bool:
    """Whether links of records are left that are neither compared, nor limited, nor to be compared tonight: records that went while they
    were limited."""
    kept = before.links.join(frozen, on=PersonLink.record_id, how="left_semi").count()
    if ctx.lake.row_count(PersonLink) == ctx.lake.row_count(ResolvedRecord) + kept:
        return False
    known = before.resolved.select(Record.record_id).unionByName(frozen.select(Record.record_id)).unionByName(free.select(Record.record_id))
    return not before.links.join(known, on=PersonLink.record_id, how="left_anti").isEmpty()


def _counts(ctx: Context, facts: dict[str, int]) -> Counts:
    lake = ctx.lake
    sizes = {"links": lake.row_count(PersonLink), "persons": lake.row_count(Person)}
    homes = lake.read(HouseholdLink).agg(F.count_distinct(HouseholdLink.household_id)).first()
    details = {**facts, **sizes, "households": int(homes[0]) if homes else 0, "is_incremental": True}
    return Counts(rows_in=lake.row_count(ResolvedRecord), rows_out=sizes["persons"], details=details)


@dataclass
class _Night:
    """The tables' rows that one incremental run touches."""

    ctx: Context
    before: incremental.Before
    found: incremental.Update
    free: DataFrame
    frozen: DataFrame
    has_lost: bool

    def write(self) -> int:
        """Makes all rows and writes them; how many events. Keys and edges are written while persons and households are made, which do not read
        them; should that fail, nothing is known of the last run any more, and the next compares everything."""
        lake = self.ctx.lake
        resolution_state.forget(self.ctx)
        _, (rows, events) = side_by_side(lambda: lake.together(*self._syncs(self._of_keys())), self._made)
        return lake.together(*self._syncs(rows), partial(lake.insert_new, IdentityEvent, events, is_staged=True))[-1].inserted

    def _made(self) -> tuple[Rows, DataFrame]:
        rows = [*self._of_records(), *self._of_persons(), *self._of_homes()]
        return rows, self.ctx.lake.stage(IdentityEvent.name, persistent.build_events(self._links, self._was, self.ctx.as_of))

    def _syncs(self, rows: Rows) -> list[Callable[[], Change]]:
        # After an erasure the keys are everybody's; on other nights few enough to be sent to the rows.
        few = (lambda keys: keys) if self.has_lost else F.broadcast
        return [partial(self.ctx.lake.sync, t, frame, is_staged=True, within=few(keys)) for t, frame, keys in rows]

    # -- records --------------------------------------------------------------------------------------------------------------

    def _of_keys(self) -> Rows:
        found = self.found
        return [
            (BlockKey, found.keys, found.keys.select(BlockKey.record_id).unionByName(found.renewed)),
            (Edge, found.edges, _keys(Edge, found.edges, self._ending(self.before.edges))),
        ]

    def _of_records(self) -> Rows:
        found = self.found
        return [
            (ResolvedRecord, found.resolved, found.resolved.select(Record.record_id).unionByName(found.gone)),
            (KinPair, self._kin, _keys(KinPair, self._kin, self._ending(self.before.kin))),
        ]

    @cached_property
    def _kin(self) -> DataFrame:
        return self.ctx.lake.stage("kin", self.found.kin)

    def _ending(self, pairs: DataFrame) -> DataFrame:
        """The pairs of records whose pairs were made again."""
        ids, found = self.found.renewed.distinct(), pairs.select("record_a", "record_b")
        for side in ("record_a", "record_b"):
            found = found.join(F.broadcast(ids.select(F.col(Record.record_id).alias(side), F.lit(True).alias(f"_{side}"))), on=side, how="left")
        return found.where(F.col("_record_a").isNotNull() | F.col("_record_b").isNotNull()).select("record_a", "record_b")

    # -- persons --------------------------------------------------------------------------------------------------------------

    @cached_property
    def _was(self) -> DataFrame:
        """The links of every person concerned, as they were."""
        ids = self.found.clusters.select(Record.record_id).unionByName(self.found.moved.select(Record.record_id)).distinct()
        persons = self.before.links.join(F.broadcast(ids), on=PersonLink.record_id, how="left_semi").select(PersonLink.person_id).distinct()
        return self.ctx.lake.stage("links_before", self.before.links.join(F.broadcast(persons), on=PersonLink.person_id, how="left_semi"))

    @cached_property
    def _links(self) -> DataFrame:
        """The links of every person concerned, as they are."""
        lake, as_of = self.ctx.lake, self.ctx.as_of
        ever = lake.read_or_empty(IdentityEvent).select(IdentityEvent.to_person_id).unionByName(
            self.before.links.select(F.col(PersonLink.person_id).alias(IdentityEvent.to_person_id))
        )  # fmt: skip
        yesterday = self._was.join(self.frozen, on=PersonLink.record_id, how="left_anti")
        owned = persistent.assign(
            self.found.clusters, yesterday, ever, as_of, item=PersonLink.record_id, group=PersonLink.person_id, prefix="p", are_few=True,
        )  # fmt: skip
        rows = self._rows(self.found.clusters)
        return lake.stage("links", persistent.build_person_links(owned, rows, self._was, self.frozen, as_of))

    def _rows(self, ids: DataFrame) -> DataFrame:
        return self.free.join(F.broadcast(ids.select(Record.record_id)), on=Record.record_id, how="left_semi")

    @cached_property
    def _persons(self) -> DataFrame:
        both = self._links.select(PersonLink.person_id).unionByName(self._was.select(PersonLink.person_id))
        return self.ctx.lake.stage("persons_concerned", both.distinct())

    def _of_persons(self) -> Rows:
        lake, version = self.ctx.lake, self.ctx.config.privacy.member_key_version
        # After an erasure nothing says of which members' persons a record is gone.
        links = self._town.links if self.has_lost else self._links
        rows = lake.stage("member_persons", member_ids.build_member_persons(links, self.ctx.member_pads(), version))
        old = lake.read_or_empty(MemberPerson)
        if not self.has_lost:
            old = old.join(F.broadcast(self._persons), on=MemberPerson.person_id, how="left_semi")
        return [
            (PersonLink, self._links, _keys(PersonLink, self._links, self._was)),
            (MemberPerson, rows, _keys(MemberPerson, rows, old)),
        ]

    # -- households -----------------------------------------------------------------------------------------------------------

    @cached_property
    def _town(self) -> Town:
        found, before, lake = self.found, self.before, self.ctx.lake
        mine = self._links.select(PersonLink.record_id).unionByName(self._was.select(PersonLink.record_id)).distinct()
        links = before.links.join(F.broadcast(mine), on=PersonLink.record_id, how="left_anti").unionByName(self._links)
        kin = before.kin
        for side in ("record_a", "record_b"):
            kin = kin.join(F.broadcast(found.renewed.toDF(side)), on=side, how="left_anti")
        kin = kin.unionByName(self._kin)
        said = self._resolved.select(ResolvedRecord.record_id, ResolvedRecord.place, ResolvedRecord.line)
        return Town(links.select(PersonLink.record_id, PersonLink.member_id, PersonLink.person_id), said, kin, lake.read_or_empty(HouseholdLink))

    @cached_property
    def _resolved(self) -> DataFrame:
        off = self.found.resolved.select(Record.record_id).unionByName(self.found.moved.select(Record.record_id)).distinct()
        stays = self.before.resolved.join(F.broadcast(off), on=Record.record_id, how="left_anti")
        return stays.unionByName(self.found.resolved)

    @cached_property
    def _affected(self) -> DataFrame:
        """person_id of all whose household is made again: everybody's, when records were erased whose address is known no more."""
        town, lake = self._town, self.ctx.lake
        if self.has_lost:
            every = town.links.select(PersonLink.person_id).unionByName(town.homes.select(HouseholdLink.person_id))
            return lake.stage("affected", every.distinct())
        was = self.before.resolved.join(F.broadcast(self._was.select(Record.record_id)), on=Record.record_id, how="left_semi")
        return lake.stage("affected", town.affected(self._persons, self._links.select(PersonLink.record_id), was, lake.stage))

    def _of_homes(self) -> Rows:
        ctx, lake, town = self.ctx, self.ctx.lake, self._town
        around = lake.stage("around", town.around(self._affected, lake.stage))
        owners = lake.stage("owners", town.links.join(F.broadcast(around), on=PersonLink.person_id, how="left_semi"))
        settings = ctx.config.identity
        limits = households.Limits(settings.household_max_size, "driver" if settings.engine == "driver" else "auto", self._affected)
        persons = owners.select(PersonLink.record_id, F.col(PersonLink.person_id).alias(households.PERSON))
        rows = lake.stage("rows_around", self._rows(owners).select(*_READ))
        made = lake.stage("households", households.build_households(rows, persons, self._kin_of(owners), limits, lake.stage))
        old = lake.stage("homes_before", town.homes.join(F.broadcast(self._affected), on=HouseholdLink.person_id, how="left_semi"))
        homes = lake.stage("homes", named_homes(ctx, made, old, are_few=True))
        mine = owners.join(F.broadcast(self._affected), on=PersonLink.person_id, how="left_semi")
        best = lake.stage("best", golden.build_persons(rows, mine, homes, self._confidence(mine)))
        members = member_ids.build_member_households(mine, homes, ctx.member_pads(), ctx.config.privacy.member_key_version)
        members = lake.stage("member_homes", members)
        ids = homes.select(HouseholdLink.household_id).unionByName(old.select(HouseholdLink.household_id)).distinct()
        theirs = lake.read_or_empty(MemberHousehold)
        if not self.has_lost:
            theirs = theirs.join(F.broadcast(ids), on=MemberHousehold.household_id, how="left_semi")
        return [
            (HouseholdLink, homes, _keys(HouseholdLink, homes, old)),
            (Person, best, _keys(Person, homes, self._affected)),
            (MemberHousehold, members, _keys(MemberHousehold, members, theirs)),
        ]

    def _kin_of(self, owners: DataFrame) -> DataFrame:
        """The pairs of one family of which both records are among these."""
        pairs = self._town.kin
        for side in (KinPair.record_a, KinPair.record_b):
            pairs = pairs.join(F.broadcast(owners.select(F.col(PersonLink.record_id).alias(side))), on=side, how="left_semi")
        return self.ctx.lake.stage("kin_around", pairs)

    def _confidence(self, mine: DataFrame) -> DataFrame:
        """record_id, confidence of the records in `mine`, decisions obeyed."""
        settled = self.found.clusters.select(Record.record_id, Person.confidence)
        ids, known = mine.select(Record.record_id), self._resolved.select(Record.record_id, Person.confidence)
        rest = known.join(F.broadcast(ids), on=Record.record_id, how="left_semi")
        return rest.join(F.broadcast(settled.select(Record.record_id)), on=Record.record_id, how="left_anti").unionByName(settled)


def named_homes(ctx: Context, made: DataFrame, before: DataFrame, *, are_few: bool = False) -> DataFrame:
    """HouseholdLink rows of `build_households`' groups under lasting ids; `before`: the rows of the same persons, and of those who are gone."""
    clusters = made.select(F.col(households.PERSON).alias(HouseholdLink.person_id), F.col(households.HOUSEHOLD).alias("cluster"))
    known = before.select(HouseholdLink.person_id, HouseholdLink.household_id, HouseholdLink.since)
    ever = ctx.lake.read_or_empty(HouseholdLink).select(HouseholdLink.household_id)
    named = persistent.assign(
        clusters, known, ever, ctx.as_of, item=HouseholdLink.person_id, group=HouseholdLink.household_id, prefix="h",
        are_few=are_few,
    )  # fmt: skip
    sized = made.withColumnRenamed(households.PERSON, HouseholdLink.person_id)
    rows = named.join(sized, on=HouseholdLink.person_id, how="inner")
    same = F.col("old") == F.col(HouseholdLink.household_id)
    return HouseholdLink.shape(rows.withColumn(HouseholdLink.since, F.when(same, F.col(HouseholdLink.since)).otherwise(F.lit(ctx.as_of))))


def _keys(table: type[Table], *frames: DataFrame) -> DataFrame:
    """The table's keys in any of these frames."""
    keys: Sequence[str] = [str(k) for k in table.key]
    found = frames[0].select(*keys)
    for frame in frames[1:]:
        found = found.unionByName(frame.select(*keys))
    return found
