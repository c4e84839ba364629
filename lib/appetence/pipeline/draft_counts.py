"""Dry-run counts of a draft campaign for those who may not see persons, and what a member may see of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pyspark.sql import Row
from pyspark.sql import functions as F

from appetence.contracts.campaign import Campaign, CountShown, Statement
from appetence.contracts.specs import CampaignSpec
from appetence.errors import ConfigError, LawError
from appetence.pipeline.context import Context
from appetence.pipeline.select_campaign import campaign_terms, for_campaign, read_sources
from appetence.reporting import masking, words
from appetence.reporting.numbers import count
from appetence.runtime.config import read_model
from appetence.selection import drafts
from appetence.selection.candidates import build_candidates
from appetence.selection.terms import Terms

AGENT = "agent"


def count_draft(ctx: Context, draft: Path, asker: str) -> list[str]:
    """Lines for people: who would be left at each step. ConfigError for a draft that may not run, LawError when it is not the asker's."""
    terms = _terms(ctx, draft)
    _check_asker(ctx, terms, asker)
    earlier = ctx.lake.read_or_empty(CountShown).where(F.col(CountShown.asker) == asker).collect()
    today = _checked_day(ctx, earlier, asker)
    sources = for_campaign(ctx, read_sources(ctx), terms, ctx.as_of)
    candidates = ctx.lake.stage("draft", build_candidates(sources, terms))
    found = {row["figure"]: int(row["n"]) for row in drafts.counted(candidates, terms).collect()}
    step = ctx.config.selection.count_step
    told = drafts.told(drafts.figures(found, terms), [row[CountShown.counted] for row in earlier], step)
    turn = max((int(row[CountShown.turn]) for row in earlier), default=0) + 1
    common = {"asker": asker, "asked_on": today, "turn": turn, "campaign_id": terms.spec.campaign_id, "spec_hash": terms.spec_hash}
    rows = [{**common, "figure": t.figure, "counted": t.counted, "shown": t.shown} for t in told]
    ctx.lake.append(CountShown, rows)
    return in_words(told, terms, step)


def _checked_day(ctx: Context, earlier: Sequence[Row], asker: str) -> dt.date:
    """The day of the clock, by which dry runs are counted: another as-of date gives no further ones. LawError when all of the day are used."""
    today = ctx.started_at.date()
    asked = {row[CountShown.turn] for row in earlier if row[CountShown.asked_on] == today}
    if len(asked) >= ctx.config.selection.counts_per_day:
        raise LawError(f"{asker} has asked for {len(asked)} counts on {today}, which is all there are for one day: go on tomorrow.")
    return today


def _terms(ctx: Context, draft: Path) -> Terms:
    """The checked terms of a draft. No scores are read: there need not be any yet, and whom the model would not score is counted too."""
    terms = campaign_terms(ctx, read_model(draft, CampaignSpec))
    return replace(terms, spec=terms.spec.model_copy(update={"ranking": "recency"}))


def _check_asker(ctx: Context, terms: Terms, asker: str) -> None:
    if asker == AGENT:
        return
    if asker not in ctx.config.members:
        raise ConfigError(f"--for {asker!r} is neither agent nor a member; write agent, or one of {', '.join(sorted(ctx.config.members))}.")
    if terms.client.member_id != asker:
        raise LawError(f"{asker} sees the counts of its own campaigns only, and the client of this draft is {terms.spec.client}.")


def in_words(told: list[drafts.Told], terms: Terms, step: int) -> list[str]:
    """The answers as lines."""
    lines = [f"{terms.spec.campaign_id}, a draft: counts to the nearest {step}, none under 11; no person is shown and nothing is cut."]
    lines += [f"{_label(t.figure):<46}{masking.MASKED if t.shown is None else f'about {count(t.shown)}'}" for t in told]
    pieces = next(t.shown for t in told if t.figure == drafts.PIECES)
    if terms.spec.quantity is not None and pieces is not None:
        wanted = terms.spec.quantity + (terms.planned_holdout or 0)
        enough = "enough" if pieces >= wanted else "not enough"
        lines.append(f"That is {enough} for the {count(terms.spec.quantity)} ordered and the {count(wanted - terms.spec.quantity)} held out.")
    return lines


def _label(figure: str) -> str:
    if figure == drafts.CANDIDATES:
        return "Candidates"
    if figure == drafts.PIECES:
        return "Pieces (one per merge unit)"
    if figure.startswith(drafts.BY_CHANNEL):
        return f"  by {words.channel(figure.removeprefix(drafts.BY_CHANNEL))}"
    if figure.startswith(drafts.BY_LIST):
        return f"  from the list {words.readable(figure.removeprefix(drafts.BY_LIST))}"
    return f"Left after: {words.step(figure)[0].lower()}"


def own_counts(ctx: Context, member: str) -> list[str]:
    """What a member sees without a draft: its statement, as it was issued with small counts masked, and its campaigns."""
    if member not in ctx.config.members:
        raise ConfigError(f"--for {member!r} is no member; write one of {', '.join(sorted(ctx.config.members))}, or give --campaign a draft.")
    clients = [r for r, spec in ctx.config.recipients.items() if spec.member_id == member]
    lines = [f"{member}: counts under 11 are not shown."]
    statement = ctx.lake.read_or_empty(Statement).where(F.col(Statement.member_id) == member)
    for row in statement.orderBy(Statement.month, Statement.measure, Statement.programme, Statement.recipient_sector).collect():
        where = f"{row[Statement.programme]}, {row[Statement.recipient_sector]}"
        value = masking.MASKED if row[Statement.is_masked] else count(row[Statement.value])
        lines.append(f"{row[Statement.month]}  {words.readable(row[Statement.measure])} ({where}): {value}")
    campaigns = ctx.lake.read_or_empty(Campaign).where(F.col(Campaign.client_id).isin(clients))
    for row in campaigns.orderBy(Campaign.drop_date, Campaign.campaign_id).collect():
        figures = f"{masking.shown(row[Campaign.selected])} contacted, {masking.shown(row[Campaign.held_out])} held out"
        lines.append(f"{row[Campaign.campaign_id]}, {row[Campaign.drop_date]}: {figures}")
    return lines
