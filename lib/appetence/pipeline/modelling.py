"""What the modelling jobs share: who may be featured, whose data one model may read, and at which dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.base import Table
from appetence.contracts.domain import Purpose, Use
from appetence.contracts.features import Feature
from appetence.contracts.gold import Segment
from appetence.contracts.identity import HouseholdLink, Person, PersonLink
from appetence.contracts.privacy import Death, Limitation, ProfilingObjection
from appetence.contracts.reference import Exclusion, Instruction, Member, Recipient, SectorCrosswalk
from appetence.contracts.silver import Record, Transaction
from appetence.errors import ModelError
from appetence.features import Arrival, Horizon, Scope, arrival_of, build_dataset, build_reach, training_cutoffs
from appetence.features import eligibility as e
from appetence.features.catalogue import OWN, TOTAL
from appetence.pipeline.context import Context
from appetence.runtime.ahead import side_by_side

Row = dict[str, Any]


@dataclass(frozen=True)
class ModelPlan:
    """One model to train and score: its key, whose buying it predicts, for whom, and what it may read.

    It reads members that let the service be improved with their data, in training and in scoring alike: scores stand on what was learnt from.
    `voices`: members on whose word a campaign by this model could rest, whether anything is learnt from them or not."""

    key: str
    product: Use
    targets: frozenset[str]
    scope: Scope
    recipient_id: str
    purpose: Purpose
    voices: frozenset[str]

    @property
    def parties(self) -> frozenset[str]:
        """What an entry of the suppression list may name to mean the client: the recipient, or the member it is."""
        return frozenset({self.recipient_id}) | self.scope.client_members

    @property
    def whose(self) -> str:
        """Prefix of the columns that tell the history nearest to what is predicted."""
        return OWN if self.scope.is_house else TOTAL

    @property
    def baselines(self) -> dict[str, str]:
        """The simple rankings a model is held beside."""
        whose = self.whose
        return {"recency": f"-{whose}_recency_days", "frequency": f"{whose}_events_total", "frequency_365d": f"{whose}_events_365d"}


def horizon(ctx: Context) -> Horizon:
    """Label window and history of this environment."""
    s = ctx.config.features
    return Horizon(gap=s.gap_days, length=s.horizon_days, history=s.history_days)


@dataclass(frozen=True)
class Calendar:
    """The cutoffs of a run, the transactions they were read from, and the day up to which every member's are known: no label window goes past it."""

    transactions: int
    known_until: dt.date
    fitting: tuple[dt.date, ...]
    calibration: dt.date
    test: dt.date
    arrivals: Mapping[str, Arrival] = field(default_factory=dict)
    """How each member delivers: what a cutoff of the past could know."""

    @property
    def training(self) -> list[dt.date]:
        """The cutoffs trained on, the one for calibration last."""
        return [*self.fitting, self.calibration]

    @property
    def labelled(self) -> list[dt.date]:
        """The cutoffs whose labels are known."""
        return [*self.training, self.test]


def calendar_of(ctx: Context, transactions: DataFrame) -> Calendar:
    """The calendar that these readable transactions allow: labels end where the deliveries of the slowest member end."""
    s = ctx.config.features
    by_member = transactions.groupBy(Transaction.member_id).agg(
        F.max(Transaction.transaction_date).alias("last"), F.count(F.lit(1)).alias("n"),
        F.min(Transaction.known_on).alias("first_received"), F.max(Transaction.known_on).alias("last_received"),
    )  # fmt: skip
    members = by_member.collect()  # grows with members, not with persons
    until = known_until([row["last"] for row in members], ctx.as_of, s.silent_days)
    training, test = training_cutoffs(until, horizon(ctx), count=s.train_cutoffs, step=s.step_days, grid=s.grid_days)
    arrivals = {r[Transaction.member_id]: arrival_of(r["first_received"], r["last_received"], r["last"], ctx.as_of, s.silent_days) for r in members}
    return Calendar(sum(row["n"] for row in members), until, tuple(training[:-1]), training[-1], test, arrivals)


def known_until(last_days: Iterable[dt.date], as_of: dt.date, silent_days: int) -> dt.date:
    """The earliest of the members' last days: later ones are not in yet for everybody, and would be labels of no.

    A member silent for more than `silent_days` is not waited for; ModelError when all of them are, for then nothing tells what happened since.

    >>> known_until([dt.date(2026, 10, 30), dt.date(2026, 10, 19), dt.date(2026, 5, 1)], dt.date(2026, 10, 31), 62)
    datetime.date(2026, 10, 19)
    """
    days = list(last_days)
    heard = [day for day in days if (as_of - day).days <= silent_days]
    if days and not heard:
        raise ModelError(
            f"No transaction is newer than {max(days)}, {(as_of - max(days)).days} days before {as_of}: what happened since is not known and would "
            "count as nobody buying; take in newer deliveries, choose an earlier as-of date, or raise features.silent_days."
        )
    return min(heard, default=as_of)


def at_cutoffs(cutoffs: Sequence[dt.date]) -> str:
    """The rows of these cutoffs, as a condition."""
    days = ", ".join(f"DATE'{c}'" for c in cutoffs)
    return f"{Feature.cutoff} IN ({days})"


def rows_of(ctx: Context, table: type[Table]) -> list[Row]:
    """A small reference table as rows on the driver: it grows with members, not with persons."""
    return ctx.lake.small_rows(table)


def eligible_persons(ctx: Context) -> DataFrame:
    """Persons that may be featured at the as-of date, with the first cutoff at which they may; `scorable` says who of them may be scored."""
    frozen = e.frozen_records(ctx.lake.read_or_empty(Limitation), ctx.as_of)
    closed = frozen.unionByName(e.objecting_records(ctx.lake.read_or_empty(ProfilingObjection)))
    adults_only = e.adults_only_members(rows_of(ctx, Instruction), ctx.as_of)
    deaths = ctx.lake.read_or_empty(Death)
    return e.eligible_persons(ctx.lake.read(Person), ctx.lake.read(PersonLink), closed, deaths, adults_only, ctx.as_of)


def learnt_from(ctx: Context) -> frozenset[str]:
    """Active members with a live instruction to improve the service with their data: nothing is learnt from any other."""
    return e.serving_members(rows_of(ctx, Instruction), rows_of(ctx, Member), ctx.as_of, (Use.IMPROVE,))


def readable_transactions(ctx: Context) -> DataFrame:
    """Transactions known at the as-of date, of members with a live instruction for models, without frozen records."""
    serving = e.serving_members(rows_of(ctx, Instruction), rows_of(ctx, Member), ctx.as_of, (Use.PROSPECT, Use.HOUSE))
    if not serving:
        raise ModelError(
            "No active member has a live instruction for prospect or house: no transaction may be read; check the members' instructions."
        )
    known = ctx.lake.read(Transaction).where(
        (F.col(Transaction.known_on) <= F.lit(ctx.as_of))
        & (F.col(Transaction.transaction_date) <= F.lit(ctx.as_of))
        & F.col(Transaction.member_id).isin(sorted(serving))
    )
    frozen = e.frozen_records(ctx.lake.read_or_empty(Limitation), ctx.as_of)
    return known.join(frozen, on=str(Transaction.record_id), how="left_anti")


def plan_of(ctx: Context, key: str) -> ModelPlan:
    """What a model key like `prospect:r_vad` stands for today; ModelError when it cannot be."""
    product, recipient = _parsed(ctx, key)
    members = rows_of(ctx, Member)
    sectors = {m[Member.member_id]: m[Member.sector] for m in members}
    client = frozenset({recipient[Recipient.member_id]} if recipient[Recipient.member_id] else ())
    if product == Use.HOUSE and not client:
        raise ModelError(f"The model {key} cannot be: {recipient[Recipient.recipient_id]} is no member and has no house history; use prospect.")
    instructions = rows_of(ctx, Instruction)
    covering = e.covering_members(instructions, members, ctx.as_of, use=product, recipient_sector=recipient[Recipient.sector])
    rivals = e.competitors(rows_of(ctx, Exclusion), {recipient[Recipient.recipient_id], *client})
    own = client & e.serving_members(instructions, members, ctx.as_of, (product,))
    learnt = learnt_from(ctx)
    for use, granting in ((product, own), (Use.IMPROVE, own & learnt)):
        if client and not granting:
            raise ModelError(f"The model {key} cannot be: {', '.join(client)} has no live instruction for {use}; its buying may not be read.")
    supplying = (covering - rivals) | own
    allowed = supplying & learnt
    targets = own or _targets(ctx, recipient[Recipient.sector], sectors) & allowed
    if not targets:
        raise ModelError(f"The model {key} has nothing to predict: no readable member sells in the sector {recipient[Recipient.sector]}.")
    scope = Scope(product, client, allowed, sectors, ctx.config.propensity.min_sector_members)
    purpose = e.purpose_of(recipient[Recipient.sector])
    voices = own if scope.is_house else supplying - client
    return ModelPlan(key, product, frozenset(targets), scope, recipient[Recipient.recipient_id], purpose, voices)


@dataclass(frozen=True)
class Base:
    """What all models of a run read: features at their cutoffs of persons that may be scored today, and how each can be reached."""

    features: DataFrame
    reach: DataFrame


def base_of(ctx: Context, cutoffs: Sequence[dt.date], persons: DataFrame | None = None, refused: DataFrame | None = None) -> Base:
    """Made once a run, whatever the number of models. `persons`: only these (person_id); else all that may be featured. `refused`: persons
    with a member (person_id, member_id) whose history there is left out."""
    frozen = e.frozen_records(ctx.lake.read_or_empty(Limitation), ctx.as_of)
    records = ctx.lake.read(Record).join(frozen, on=str(Record.record_id), how="left_anti")
    eligible = eligible_persons(ctx).drop(e.FEATURED_FROM) if persons is None else persons
    features = ctx.lake.read(Feature).where(at_cutoffs(cutoffs)).join(eligible, on=str(Feature.person_id), how="left_semi")
    if refused is not None:
        features = features.join(refused, on=[str(Feature.person_id), str(Feature.member_id)], how="left_anti")
    return Base(*side_by_side(
        lambda: ctx.lake.stage("base_features", features), lambda: ctx.lake.stage("base_reach", build_reach(records, ctx.lake.read(PersonLink)))
    ))  # fmt: skip


def dataset_of(ctx: Context, plan: ModelPlan, base: Base) -> DataFrame:
    """The inputs of one model."""
    segments = ctx.lake.read(Segment).where(F.col(Segment.cutoff) == F.lit(ctx.as_of))
    return build_dataset(base.features, segments, ctx.lake.read(HouseholdLink), base.reach, plan.scope)


def _parsed(ctx: Context, key: str) -> tuple[Use, Row]:
    product, _, recipient_id = key.partition(":")
    if product not in (Use.PROSPECT, Use.HOUSE):
        raise ModelError(f"The model key {key!r} must start with prospect: or house:, then the recipient's id; correct propensity.models.")
    found = [r for r in rows_of(ctx, Recipient) if r[Recipient.recipient_id] == recipient_id]
    if not found:
        raise ModelError(f"The model key {key!r} names a recipient that does not exist; add conf/recipients/{recipient_id}.yaml or correct the key.")
    return Use(product), found[0]


def _targets(ctx: Context, recipient_sector: str, sectors: dict[str, str]) -> frozenset[str]:
    """Members whose trade is the recipient's, by the crosswalk."""
    trades = {r[SectorCrosswalk.member_sector] for r in rows_of(ctx, SectorCrosswalk) if r[SectorCrosswalk.recipient_sector] == recipient_sector}
    return frozenset(m for m, sector in sectors.items() if sector in trades)
