"""What a run of resolve_identities leaves to the next, and whether the next may build on it.

The one row of identity.resolution_state goes before anything is written and comes back last: a run that is killed in between leaves none, and
the next one compares everything."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pyspark.sql import functions as F

from appetence import columns, identity
from appetence.contracts.identity import (
    BlockKey,
    ClericalDecision,
    CommonValue,
    Edge,
    HotKey,
    KinPair,
    PersonLink,
    ResolutionState,
    ResolvedRecord,
)  # fmt: skip
from appetence.identity import weights
from appetence.identity.frozen import Frozen
from appetence.identity.incremental import Before
from appetence.pipeline.context import Context
from appetence.runtime import packages

NOTHING_DECIDED = "0:0"
"""What `decided` says where there are no decisions."""
_ASKED = {"retrain", "full", "max_changed", "engine", "max_model_change"}


@dataclass(frozen=True)
class Held:
    """The state as the last run left it."""

    frozen_on: dt.date
    rules: int
    decided: str
    records: int
    changed: int

    def before(self, ctx: Context) -> Before:
        """The tables to build on."""
        read = ctx.lake.read_or_empty
        return Before(read(ResolvedRecord), read(BlockKey), read(Edge), read(KinPair), read(PersonLink), self.facts(ctx))

    def facts(self, ctx: Context) -> Frozen:
        """The frozen facts."""
        return Frozen(ctx.lake.read_or_empty(CommonValue), ctx.lake.read_or_empty(HotKey), self.rules)


def held(ctx: Context, model: weights.Model | None) -> Held | None:
    """The state to build on; None when there is none, or when code, configuration or model are not those it was made with."""
    if model is None or not ctx.lake.exists(ResolutionState):
        return None
    rows = ctx.lake.read(ResolutionState).collect()
    if len(rows) != 1 or rows[0][ResolutionState.made_with] != made_with(ctx, model):
        return None
    said = rows[0]
    return Held(
        said[ResolutionState.frozen_on], said[ResolutionState.rules], said[ResolutionState.decided], said[ResolutionState.records],
        said[ResolutionState.changed],
    )  # fmt: skip


def made_with(ctx: Context, model: weights.Model) -> str:
    """A fingerprint of code, configuration and model: all that the state depends on beside the data."""
    settings = ctx.config.identity.model_dump_json(exclude=_ASKED)
    members = sorted(m.member_id for m in ctx.config.members.values() if m.is_active)
    return packages.fingerprint([identity, columns], [settings, model.version, ctx.config.privacy.member_key_version, *members])


def decided(ctx: Context) -> str:
    """A fingerprint of the decisions made by hand."""
    columns_ = (ClericalDecision.record_a, ClericalDecision.record_b, ClericalDecision.is_same)
    found = ctx.lake.read_or_empty(ClericalDecision).agg(F.count(F.lit(1)), F.sum(F.xxhash64(*columns_).cast("decimal(20,0)"))).first()
    assert found is not None  # an aggregate without groups has one row
    return f"{found[0]}:{found[1] or 0}"


def forget(ctx: Context) -> None:
    """Before anything is written: what is left of a run that is killed is nothing to build on."""
    if ctx.lake.exists(ResolutionState):
        ctx.lake.sync(ResolutionState, ResolutionState.frame(ctx.spark))


def remember(ctx: Context, model: weights.Model, now: Held) -> None:
    """After everything is written."""
    row = ResolutionState.row(
        frozen_on=now.frozen_on, made_with=made_with(ctx, model), rules=now.rules, decided=now.decided, records=now.records, changed=now.changed
    )
    ctx.lake.sync(ResolutionState, ResolutionState.frame(ctx.spark, [row]))
