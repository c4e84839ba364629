"""What `appetence why` says: whether one person may be contacted in one campaign, and every reason. Nothing is printed but ids and codes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.columns.coordinates import hashed_coordinates
from appetence.contracts.campaign import Campaign, Decision, Export, ExportLine, Selection
from appetence.contracts.domain import Reason
from appetence.contracts.gold import Score
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.reference import Instruction, Member
from appetence.contracts.silver import PermissionEvent, Record
from appetence.errors import ConfigError
from appetence.pipeline.context import Context
from appetence.pipeline.select_campaign import campaign_terms, chosen_campaigns, for_campaign, in_cut_order, read_sources
from appetence.reporting import words
from appetence.runtime.ahead import side_by_side
from appetence.selection import why
from appetence.selection.candidates import CANDIDATE_REASONS, Sources
from appetence.selection.status import STANDINGS
from appetence.selection.supply import excluded_members, in_force
from appetence.selection.terms import Terms

PERSON, HOUSEHOLD, CHANNEL = str(PersonLink.person_id), str(HouseholdLink.household_id), str(Selection.channel)
STANDING_WORDS = dict(
    zip(
        STANDINGS,
        (
            "limited at the person's request",
            "deceased, probably or certainly",
            "under 18 at the cutoff or the drop date, or of unknown age with no member that sells to adults only",
            "records held together too weakly to be called one person",
            "a company, not a person",
        ),
        strict=True,
    )
)
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """What was read of one person: its rows on each channel, supplies, list entries, pieces, what was said, and the contracts."""

    channels: Sequence[Row]
    supplies: Sequence[Row]
    hits: Sequence[Row]
    pieces: Sequence[Row]
    events: Sequence[Row]
    instructions: Mapping[str, Row]
    members: Mapping[str, Row]
    competitors: frozenset[str]


def why_contacted(ctx: Context, person: str) -> list[str]:
    """Lines for people, of the campaign that the option `campaign` names. ConfigError when no such person is known."""
    terms, cut_on = in_cut_order(ctx, [campaign_terms(ctx, chosen_campaigns(ctx)[0])])[0]
    # Before a model has scored anybody, a campaign ranked by it is looked at as if nobody needed a score.
    asked = terms if _has_scores(ctx, terms) else replace(terms, spec=terms.spec.model_copy(update={"ranking": "recency"}))
    sources = of_household(ctx, asked, cut_on, person)
    found = looked_up(sources, asked, person)
    heading = (
        f"{person} in {terms.spec.campaign_id}: {terms.spec.product}, {terms.spec.purpose}, for {terms.spec.client}, "
        f"by {words.listed((words.channel(c) for c in terms.channels), 'or')}, on {terms.drop_date}; what is known on {terms.known_on}."
    )
    return [heading, *in_words(found, terms), *_since(ctx, terms, person)]


def _has_scores(ctx: Context, terms: Terms) -> bool:
    known = (F.col(Score.model_key) == terms.model_key) & (F.col(Score.cutoff) <= F.lit(terms.cutoff))
    return terms.model_key is not None and not ctx.lake.read_or_empty(Score).where(known).isEmpty()


def of_household(ctx: Context, terms: Terms, cut_on: dt.date, person: str) -> Sources:
    """The sources of a selection, cut down to one person and those it lives with: all that a rule about it can read."""
    links, homes = ctx.lake.read(PersonLink), ctx.lake.read(HouseholdLink)
    if not links.where(F.col(PERSON) == person).limit(1).count():
        raise ConfigError("There is no such person today: take a person_id from identity.person_link (after a merge, the id that stayed).")
    household = [r[0] for r in homes.where(F.col(PERSON) == person).select(HOUSEHOLD).collect()]
    mates = {person, *(r[0] for r in homes.where(F.col(HOUSEHOLD).isin(household)).select(PERSON).collect())}
    records = [r[0] for r in links.where(F.col(PERSON).isin(list(mates))).select(PersonLink.record_id).collect()]
    mine = ctx.lake.read(Record).where(F.col(Record.record_id).isin(records))
    hashes = hashed_coordinates(mine, ctx.pepper_pads(), str(Record.record_id)).distinct()
    whole = for_campaign(ctx, read_sources(ctx, hashes), terms, cut_on)

    def theirs(frame: DataFrame, column: str = PERSON) -> DataFrame:
        return frame.where(F.col(column).isin(list(mates) if column == PERSON else records))

    by_record: dict[str, Any] = {
        name: theirs(getattr(whole, name), str(Record.record_id)) for name in ("record", "permission_event", "transaction", "limitation")
    }
    by_person: dict[str, Any] = {
        name: theirs(getattr(whole, name)) for name in ("person_link", "household_link", "person", "score", "segment", "death")
    }
    by_record["record"] = ctx.lake.stage("household", by_record["record"])
    sent = whole.selection.where(F.col(PERSON).isin(list(mates)) | F.col(HOUSEHOLD).isin(household))
    return replace(whole, **by_record, **by_person, selection=sent)


def looked_up(s: Sources, terms: Terms, person: str) -> Found:
    """What a household's sources say of one person: a few rows of each."""
    me = F.col(PERSON) == person
    voices = s.permission_event.join(s.person_link.where(me).select(Record.record_id), on=Record.record_id, how="left_semi")
    told = [str(f) for f in PermissionEvent.content() if f not in (PermissionEvent.delivery_id, PermissionEvent.line_number)]
    rivals = excluded_members(s.exclusion, s.recipient, terms)
    frames = (
        why.examined(s, terms).where(me), why.supplies(s, terms).where(me), why.hits(s, terms), why.pieces(s, terms),
        voices.select(*told), in_force(s.instruction, terms), s.member, rivals,
    )  # fmt: skip
    channels, supplies, hits, pieces, events, instructions, members, competitors = side_by_side(*(partial(_rows, f) for f in frames))
    return Found(
        channels, supplies, hits, pieces, events,
        instructions={r[Instruction.member_id]: r for r in instructions},
        members={r[Member.member_id]: r for r in members},
        competitors=frozenset(r[Record.member_id] for r in competitors),
    )  # fmt: skip


def _rows(frame: DataFrame) -> list[dict[str, Any]]:
    return [r.asDict(recursive=True) for r in frame.collect()]


# -- in words --------------------------------------------------------------------------------------------------------------------


def in_words(found: Found, terms: Terms) -> list[str]:
    """The verdict, the reasons on each channel, and what stands behind each rule, whether it speaks against the person or not."""
    if not found.channels:
        return [f"No candidate: {'it has no live record' if terms.is_prospect else f'{terms.client.member_id} holds no live record of it'}."]
    order = list(terms.channels)
    rows = sorted(found.channels, key=lambda r: order.index(r[CHANNEL]))
    against = {r[CHANNEL]: [str(c) for c in CANDIDATE_REASONS if r[c]] for r in rows}
    free = [c for c in order if c in against and not against[c]]
    if free:
        lines = [f"It may be contacted by {words.channel(free[0])}: no rule speaks against it."]
    else:
        best = max(order, key=lambda c: (list(Reason).index(Reason(against[c][0])), -order.index(c)))
        lines = [f"It may not be contacted. First reason: {_reason(against[best][0])}."]
    for channel in order:
        lines.append(f"By {words.channel(channel)}: {', '.join(against[channel]) or 'nothing against it'}.")
        lines += [f"  {line}" for line in _supply_lines(found, terms, channel)]
    return [*lines, *_person_lines(found, terms, rows[0])]


def _reason(code: str) -> str:
    return f"{code} ({words.step(code)[1]})"


def _supply_lines(found: Found, terms: Terms, channel: str) -> list[str]:
    lines = []
    theirs = [r for r in found.supplies if r[CHANNEL] == channel]
    for member in sorted({r[Record.member_id] for r in theirs}):
        mine = [r for r in theirs if r[Record.member_id] == member]
        _, said = why.permission_in_words(found.events, member, channel, terms)
        _, told = why.instruction_in_words(
            found.instructions.get(member), found.members.get(member), member in found.competitors, channel, terms
        )  # fmt: skip
        event = next((r["permission_event_id"] for r in mine if r["permission_event_id"]), None)
        usable = "usable" if any(r["is_deliverable"] for r in mine) else "not good enough"
        both = any(r["is_permitted"] and r["is_instructed"] for r in mine)
        lines.append(
            f"{member}: {'counts as a supply' if both else 'does not count'}; permission {'holds' if event else 'does not hold'}: {said}"
            f"{f' (event {event})' if event else ''}; instruction: {told}; coordinate {usable}."
        )
    left = next(r[why.SOURCES_LEFT] for r in found.channels if r[CHANNEL] == channel)
    needed = f", {terms.spec.min_sources} needed, one of them not the client's" if terms.is_prospect else ""
    return [*(lines or ["no member may supply it."]), f"supplies that count: {left}{needed}."]


def _person_lines(found: Found, terms: Terms, row: Row) -> list[str]:
    bad = [STANDING_WORDS[name] for name in STANDINGS if row[name] is None or row[name]]
    lists = {code: sorted({f"{h['entry']} ({h['kind']})" for h in found.hits if h["list"] == code}) for code in map(str, Reason)}
    rest = f"at most {terms.spec.cap_per_year} in 12 months by each channel, {terms.spec.rest_days} days apart"
    sent = sorted({f"{p[Campaign.campaign_id]} by {words.channel(p[CHANNEL])} on {p[Campaign.drop_date]}" for p in found.pieces})
    customer = ["it, or somebody of its household, is the client's customer"] if row[why.CUSTOMER] else []
    filters = [f"{x['list_id']}: {'fits' if not x['fails'] else 'fails ' + ', '.join(x['fails'])}" for x in row[why.FILTERS]]
    return [
        f"Status: {'; '.join(bad) or 'nothing against it'}.",
        f"Suppression list: {'; '.join(lists[Reason.SUPPRESSED]) or 'no coordinate of the household is on it'}.",
        f"External lists: {'; '.join(lists[Reason.EXTERNAL_LIST]) or 'on none'}.",
        *([f"Client's file: {'; '.join([*customer, *lists[Reason.CLIENT_FILE]]) or 'not in it'}."] if terms.is_prospect else []),
        f"Earlier pieces to the household: {'; '.join(sent) or 'none'} ({rest}).",
        f"Client's filters, list by list: {'; '.join(filters)}.",
    ]


def _since(ctx: Context, terms: Terms, person: str) -> list[str]:
    """What became of the person when the campaign was cut and handed over."""
    mine = (F.col(Campaign.campaign_id) == terms.spec.campaign_id) & (F.col(PERSON) == person)
    decided = ctx.lake.read_or_empty(Decision).where(mine).first()
    if decided is None:
        return ["The campaign is not cut yet, or this person was no candidate when it was: rank and cell are not known."]
    if decided[Decision.first_reason] not in (None, str(Reason.CELL)):
        return [f"When it was cut: left out, {_reason(decided[Decision.first_reason])}; all: {', '.join(decided[Decision.reasons])}."]
    if decided[Decision.first_reason] is not None:
        return [f"When it was cut: chosen and held out, {_reason(decided[Decision.first_reason])}."]
    lines = ctx.lake.read_or_empty(ExportLine).where(mine).select(ExportLine.export_id).distinct()
    files = ctx.lake.read_or_empty(Export).join(lines, on=Export.export_id, how="left_semi").collect()
    sent = [f"{f[Export.file_name]} for {f[Export.recipient_id]} on {f[Export.exported_on]}" for f in files]
    return [f"When it was cut: chosen to be contacted; handed over in {words.listed(sorted(sent))}." if sent else
            "When it was cut: chosen to be contacted; in no file yet, and asked again before one leaves."]  # fmt: skip
