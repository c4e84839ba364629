"""What campaigns brought: orders and gifts of their window matched back, and the mailed compared with the hold-out.

The orders of a client that is no member are not in the pool. It may hand back a file, `<requests>/responses/<campaign_id>.csv`: UTF-8, a
header, `key_code;responded_on;amount` (2026-12-03, 49.90), one line per order that quoted a key code. A code names a group of people and
no person, so such a campaign gets rates by cell and tenth and no row of gold.response; its hold-out is not observed.

Once the window of a campaign with a hold-out is over, gold.uplift says whether its pieces moved some people more than others.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from appetence.contracts.campaign import Campaign, Matchback, Response, Selection, Uplift
from appetence.contracts.domain import Use
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.silver import Transaction
from appetence.contracts.specs import CampaignSpec
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.measure_uplift import measured_uplift
from appetence.pipeline.select_campaign import campaign_terms, is_closed
from appetence.selection import matchback
from appetence.selection.terms import Terms

TOLD = f"{Selection.key_code} string, {matchback.TOLD_ON} string, {matchback.TOLD_AMOUNT} string"


def run(ctx: Context) -> Counts:
    """Measures every campaign that was cut and has dropped (or the one of the option `campaign`); LawError when its file was changed since."""
    rows_in = rows_out = rejected = 0
    measured: list[str] = []
    for terms in _dropped(ctx):
        name = terms.spec.campaign_id
        selection = ctx.lake.read(Selection).where(F.col(Selection.campaign_id) == name)
        if terms.client.member_id is not None:
            read, written, wrong = _match(ctx, selection, terms)
        elif (told := _response_file(ctx, name)).exists():
            read, written, wrong = _count_back(ctx, selection, told, terms)
        else:
            ctx.progress(f"{name}: its client {terms.spec.client} is no member and has handed back no responses ({told} is not there)")
            continue
        rows_in, rows_out, rejected = rows_in + read, rows_out + written, rejected + wrong
        measured.append(name)
    return Counts(rows_in, rows_out, rejected, details={"campaigns": measured})


def _dropped(ctx: Context) -> list[Terms]:
    """The terms of the campaigns in gold.campaign whose window has opened; one whose file is gone stays as it was measured.

    An enrichment contacts nobody and has no response."""
    asked = ctx.options.get("campaign")
    cut = ctx.lake.read_or_empty(Campaign).where(F.col(Campaign.drop_date) < F.lit(ctx.as_of)).select(Campaign.campaign_id)
    names = sorted(row[0] for row in cut.collect() if asked in (None, row[0]))
    for name in names:
        if name not in ctx.config.campaigns:
            ctx.progress(f"{name}: campaigns/{name}.yaml is gone, kept as it was measured")
    known = [campaign_terms(ctx, ctx.config.campaigns[name]) for name in names if name in ctx.config.campaigns]
    return [terms for terms in known if not terms.is_enrich and is_closed(ctx, terms)]


def _others(ctx: Context, terms: Terms) -> list[Terms]:
    """The further campaigns of the same member that dropped while the window was open: an order may be theirs, also where their file is gone
    meanwhile. What they said is read from gold.campaign, and from their file only where that does not hold it yet."""
    last = terms.drop_date + dt.timedelta(days=terms.spec.response_window_days)
    cut = ctx.lake.read_or_empty(Campaign).where(F.col(Campaign.drop_date).between(F.lit(terms.drop_date), F.lit(last)))
    rows = sorted(cut.where(F.col(Campaign.campaign_id) != terms.spec.campaign_id).collect(), key=lambda row: str(row[Campaign.campaign_id]))
    found = []
    for row in rows:
        name, client, spec = row[Campaign.campaign_id], ctx.config.recipients.get(row[Campaign.client_id]), _frozen(ctx, row)
        if spec is None:
            ctx.progress(f"{name}: campaigns/{name}.yaml is gone, and what it said was not kept: it takes no order")
        elif client is not None and client.member_id == terms.client.member_id and spec.product != Use.ENRICH:
            found.append(replace(terms, spec=spec, client=client))  # its rules are not asked: its pieces have left
    return found


def _frozen(ctx: Context, row: Row) -> CampaignSpec | None:
    """What a campaign of the table said when it was cut; of one cut before that was kept, what its file says, if there is one."""
    kept = row[Campaign.specification]
    return CampaignSpec.model_validate_json(kept) if kept else ctx.config.campaigns.get(row[Campaign.campaign_id])


def _match(ctx: Context, selection: DataFrame, terms: Terms) -> tuple[int, int, int]:
    """By person, from the client's own orders. Merge units looked at, responses written, none rejected."""
    lake, scope = ctx.lake, _scope(terms)
    orders = lake.read_or_empty(Transaction)
    links, households = lake.read(PersonLink), lake.read_or_empty(HouseholdLink)
    others = [(other, lake.read(Selection).where(F.col(Selection.campaign_id) == other.spec.campaign_id)) for other in _others(ctx, terms)]
    read = (selection, orders, links, households, terms)
    staged = lake.stage("responses", matchback.responses(*read, matchback.later_drops(others, links, households, terms)))
    every = lake.stage("all_responses", matchback.responses(*read, is_allocated=False))
    written = lake.sync(Response, staged, scope, is_staged=True).rows
    lake.sync(Matchback, matchback.measure(selection, staged, every), scope)
    if (found := measured_uplift(selection, every, orders, links, terms)) is not None:
        lake.sync(Uplift, Uplift.frame(ctx.spark, [found]), scope)
    return selection.count(), written, 0


def _count_back(ctx: Context, selection: DataFrame, path: Path, terms: Terms) -> tuple[int, int, int]:
    """By key code, from the client's response file. Lines read, lines that counted, lines that did not."""
    lines = ctx.spark.read.schema(TOLD).csv(str(path), sep=";", header=True)
    told = ctx.lake.stage("told_back", matchback.told_back(lines, selection, terms))
    ctx.lake.sync(Matchback, matchback.measure_told(selection, told), _scope(terms))
    read, counted = lines.count(), told.count()
    if read > counted:
        ctx.progress(f"{terms.spec.campaign_id}: {read - counted} of {read} lines handed back quote no code of it, or a day or amount that cannot be")
    return read, counted, read - counted


def _response_file(ctx: Context, campaign_id: str) -> Path:
    return Path(ctx.config.paths.requests) / "responses" / f"{campaign_id}.csv"


def _scope(terms: Terms) -> str:
    return f"campaign_id = '{terms.spec.campaign_id}'"
