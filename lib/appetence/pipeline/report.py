"""The pages for people: reads the tables, makes small aggregates, writes one HTML file per subject."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts import REGISTRY
from appetence.contracts.bronze import Delivery, Reject
from appetence.contracts.campaign import Campaign, Decision, Export, ListOverlap, Matchback, Reach, Selection, Tier, Uplift, Waterfall
from appetence.contracts.gold import Cluster, Drift, GainsTier, ModelCard, Score, Segment, Stability
from appetence.contracts.identity import CandidateStatistic, Edge, HouseholdLink, IdentityEvent, MatchModel, Person, PersonLink
from appetence.contracts.privacy import Run
from appetence.contracts.silver import DeliveryQuality
from appetence.contracts.specs import LawRuleSpec
from appetence.identity.explain import level_in_words
from appetence.pipeline.context import Context
from appetence.pipeline.officer_report import officer_page
from appetence.reporting import aggregates, clusters_page, quality_page
from appetence.reporting.campaign_page import CampaignRows, build_campaign
from appetence.reporting.delivery_page import build_delivery
from appetence.reporting.identity_page import IdentityRows, build_identity
from appetence.reporting.index_page import Overview, build_index, campaign_file, latest_versions, model_file
from appetence.reporting.model_page import ModelRows, build_model
from appetence.reporting.officer_page import OFFICER_FILE
from appetence.reporting.parts import Page, render
from appetence.reporting.quality_page import build_quality
from appetence.reporting.quality_rows import QualityRows, delivery_file, with_pages
from appetence.runtime.ahead import side_by_side

Row = dict[str, Any]
INDEX = "index.html"
_DAYS_TOLD = 12
SCHEMAS = ("reference", "bronze", "silver", "identity", "gold", "privacy", "ops")


def write_pages(ctx: Context, truth: Mapping[str, Any] | None = None) -> Path:
    """Writes index, identity, officer, model and campaign pages into the environment's reports folder; returns the index.

    `truth` holds figures against a known truth (level -> measure -> value), where there is one. A table that is not there counts as empty.
    """
    folder = Path(ctx.config.paths.reports)
    folder.mkdir(parents=True, exist_ok=True)
    cards, campaigns = rows(ctx.lake.read_or_empty(ModelCard)), rows(ctx.lake.read_or_empty(Campaign))
    quality, found = _quality(ctx), _clusters(ctx)
    subjects = side_by_side(
        lambda: {**quality, **found},
        lambda: _campaigns(ctx, campaigns),
        lambda: _models(ctx, cards),
        lambda: {"identity.html": _identity(ctx, truth or {})},
        lambda: {OFFICER_FILE: officer_page(ctx, _source(ctx))},
        lambda: {INDEX: _index(ctx, cards, campaigns, has_quality=bool(quality), has_clusters=bool(found))},
    )
    # The index links to the others: it is written last.
    for pages in subjects:
        for name, page in pages.items():
            _write(folder / name, page)
    return folder / INDEX


def rows(frame: DataFrame) -> list[Row]:
    """The rows of a small frame."""
    return [r.asDict(recursive=True) for r in frame.collect()]


def _write(target: Path, page: Page) -> None:
    part = target.with_suffix(".part")
    part.write_text(render(page), encoding="utf-8")
    part.replace(target)


def _source(ctx: Context) -> str:
    return f"Made from the tables of the environment {ctx.config.environment} as of {ctx.as_of}, by the run {ctx.run_id}."


# -- the index -------------------------------------------------------------------------------------------------------------------


def _index(ctx: Context, cards: list[Row], campaigns: list[Row], *, has_quality: bool, has_clusters: bool) -> Page:
    persons = ctx.lake.read_or_empty(Person)
    links = ctx.lake.read_or_empty(PersonLink)
    counted = rows(links.agg(F.count(F.lit(1)).alias("records"), F.count_distinct(PersonLink.member_id).alias("members")))[0]
    found = rows(persons.agg(F.count(F.lit(1)).alias("persons"), F.count_distinct(Person.household_id).alias("households")))[0]
    return build_index(
        Overview(
            environment=ctx.config.environment,
            source=_source(ctx),
            runs=rows(ctx.lake.read_or_empty(Run)),
            tables=_tables(ctx),
            records=counted["records"],
            persons=found["persons"],
            households=found["households"],
            members=counted["members"],
            cards=cards,
            campaigns=campaigns,
            campaign_labels={k: v.label for k, v in ctx.config.campaigns.items()},
            has_quality=has_quality,
            has_clusters=has_clusters,
        )
    )


def _tables(ctx: Context) -> list[Row]:
    tables = sorted(REGISTRY.values(), key=lambda t: (SCHEMAS.index(t.schema), t.name))
    there = [t for t in tables if ctx.lake.exists(t)]
    return [{"name": t.full_name(), "rows": ctx.lake.row_count(t), "version": ctx.lake.version(t), "grain": t.grain()} for t in there]


# -- deliveries ------------------------------------------------------------------------------------------------------------------


def _quality(ctx: Context) -> dict[str, Page]:
    measures = rows(ctx.lake.read_or_empty(DeliveryQuality))
    if not measures:
        return {}
    labels = {k: m.label for k, m in ctx.config.members.items()}
    rejects = rows(aggregates.counted(ctx.lake.read_or_empty(Reject), Reject.delivery_id, Reject.block, Reject.column, Reject.code))
    found = QualityRows(measures, rows(ctx.lake.read_or_empty(Delivery)), labels, _source(ctx), rejects)
    return {quality_page.FILE: build_quality(found)} | {delivery_file(i): build_delivery(found, i) for i in with_pages(found)}


# -- clusters --------------------------------------------------------------------------------------------------------------------


def _clusters(ctx: Context) -> dict[str, Page]:
    found = rows(ctx.lake.read_or_empty(Cluster))
    days = sorted({c[Cluster.cutoff] for c in found})[-2:]
    if not days:
        return {}
    newest, former = ([c for c in found if c[Cluster.cutoff] == day] for day in (days[-1], days[0]))
    made = clusters_page.ClusterRows(newest, former if len(days) > 1 else [], _source(ctx))
    return {clusters_page.FILE: clusters_page.build_clusters(made)}


# -- campaigns -------------------------------------------------------------------------------------------------------------------


def _campaigns(ctx: Context, campaigns: list[Row]) -> dict[str, Page]:
    if not campaigns:
        return {}
    lake = ctx.lake
    steps, tiers, exports, results, overlaps, reach = (rows(lake.read_or_empty(t)) for t in (Waterfall, Tier, Export, Matchback, ListOverlap, Reach))
    uplifts = rows(lake.read_or_empty(Uplift))
    counts = rows(aggregates.selection_counts(lake.read_or_empty(Selection)))
    segments = lake.read_or_empty(Segment)
    newest = segments.agg(F.max(Segment.cutoff)).collect()[0][0]
    facets = (Segment.age_band, Segment.department)
    profiles = rows(aggregates.profile(lake.read_or_empty(Decision), segments.where(F.col(Segment.cutoff) == F.lit(newest)), facets))

    def own(table: list[Row], campaign_id: str) -> list[Row]:
        return [r for r in table if r[Campaign.campaign_id] == campaign_id]

    pages = {}
    for c in campaigns:
        name = c[Campaign.campaign_id]
        recipient = ctx.config.recipients.get(c[Campaign.client_id])
        made = CampaignRows(
            c, own(steps, name), own(tiers, name), own(counts, name), own(profiles, name), own(exports, name), own(results, name),
            ctx.config.campaigns.get(name), _rules(ctx, c), recipient.label if recipient else c[Campaign.client_id], _source(ctx),
            recipient is None or recipient.member_id is not None, own(overlaps, name), own(reach, name), next(iter(own(uplifts, name)), None),
        )  # fmt: skip
        pages[campaign_file(name)] = build_campaign(made)
    return pages


def _rules(ctx: Context, campaign: Row) -> list[LawRuleSpec]:
    """The rules of law in force on the drop date for the campaign's channels and purpose."""
    drop = campaign[Campaign.drop_date]
    return [
        r
        for r in (ctx.config.law.rules if ctx.config.law else ())
        if str(r.channel) in campaign[Campaign.channels]
        and str(r.purpose) == campaign[Campaign.purpose]
        and r.valid_from <= drop
        and (r.valid_to is None or drop <= r.valid_to)
    ]


# -- models ----------------------------------------------------------------------------------------------------------------------


def _models(ctx: Context, cards: list[Row]) -> dict[str, Page]:
    if not cards:
        return {}
    tiers, scores = rows(ctx.lake.read_or_empty(GainsTier)), ctx.lake.read_or_empty(Score)
    bins, reasons, scored = (rows(f) for f in (aggregates.probability_bins(scores), aggregates.leading_reasons(scores), aggregates.scored(scores)))
    stabilities, drifts = rows(ctx.lake.read_or_empty(Stability)), rows(ctx.lake.read_or_empty(Drift))
    pages = {}
    for card in latest_versions(cards):
        key = card[ModelCard.model_key]
        mine = [s for s in scored if s[Score.model_key] == key]
        newest = max(mine, key=lambda s: s[Score.cutoff]) if mine else None

        def own(table: list[Row], key: str = key, newest: Row | None = newest) -> list[Row]:
            return [r for r in table if newest and r[Score.model_key] == key and r[Score.cutoff] == newest[Score.cutoff]]

        recipient = ctx.config.recipients.get(key.partition(":")[2])
        made = ModelRows(
            card=card,
            versions=[c for c in cards if c[ModelCard.model_key] == key],
            tiers=[t for t in tiers if (t[GainsTier.model_key], t[GainsTier.model_version]) == (key, card[ModelCard.model_version])],
            bins=own(bins),
            reasons=own(reasons),
            scored=newest,
            client_label=recipient.label if recipient else key,
            source=_source(ctx),
            stability=next(iter(own(stabilities)), None),
            drift=own(drifts),
            is_gift=recipient is not None and str(recipient.sector) == "caritatif",
        )
        pages[model_file(key)] = build_model(made)
    return pages


# -- identities ------------------------------------------------------------------------------------------------------------------


def _identity(ctx: Context, truth: Mapping[str, Any]) -> Page:
    lake, settings = ctx.lake, ctx.config.identity
    persons, links, households = lake.read_or_empty(Person), lake.read_or_empty(PersonLink), lake.read_or_empty(HouseholdLink)
    statistics = lake.read_or_empty(CandidateStatistic)
    newest = statistics.agg(F.max(CandidateStatistic.as_of)).collect()[0][0]
    homes = households.groupBy(HouseholdLink.household_id).agg(F.count(F.lit(1)).cast("int").alias(HouseholdLink.household_size))
    person_sizes, home_sizes = (
        rows(aggregates.sizes(persons, Person.record_count)),
        rows(aggregates.sizes(homes, HouseholdLink.household_size)),
    )
    return build_identity(
        IdentityRows(
            records=links.count(),
            persons=sum(r[aggregates.N] for r in person_sizes),
            households=sum(r[aggregates.N] for r in home_sizes),
            person_sizes=person_sizes,
            household_sizes=home_sizes,
            edges=rows(aggregates.edge_weights(lake.read_or_empty(Edge))),
            candidates=rows(statistics.where(F.col(CandidateStatistic.as_of) == F.lit(newest))),
            model=rows(lake.read_or_empty(MatchModel).where(MatchModel.is_current)),
            members=rows(aggregates.member_links(links, persons)),
            member_labels={k: m.label for k, m in ctx.config.members.items()},
            events=rows(aggregates.counted(lake.read_or_empty(IdentityEvent), IdentityEvent.as_of, IdentityEvent.kind)),
            link_weight=settings.link_weight,
            review_weight=settings.review_weight,
            source=_source(ctx),
            truth=truth,
            level_words=level_in_words,
            expected=_expected(ctx),
        )
    )


def _expected(ctx: Context) -> list[dict[str, Any]]:
    """What the last runs that compared everything expected of their links, the newest first."""
    ran = ctx.lake.read_or_empty(Run).where((F.col(Run.job) == "resolve_identities") & (F.col(Run.status) == "succeeded") & ~F.col(Run.is_dry_run))
    told = ran.where(F.col(Run.details).contains('"expected_precision"')).orderBy(F.desc(Run.started_at)).select(Run.as_of, Run.details)
    return [{"as_of": row[Run.as_of], **json.loads(row[Run.details])} for row in told.limit(_DAYS_TOLD).collect()]
