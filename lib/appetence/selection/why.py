"""Why a person may or may not be contacted: every rule on every channel, and what stands behind each.

`examined` is for one person what `candidates` is for all: the same rules, kept apart instead of reduced to one best channel. Nothing here
gives a coordinate, a name, a date of birth or an amount away: only ids, codes and the day of a campaign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns.coordinates import KEY_HASH, KIND
from appetence.contracts.campaign import Campaign, CampaignFile
from appetence.contracts.domain import Basis, PermissionStatus, Reason
from appetence.contracts.privacy import ExternalList, Suppression
from appetence.contracts.silver import PermissionEvent, Record
from appetence.selection import caps, preselect, suppression
from appetence.selection.candidates import CHANNEL_REASONS, Sources, build_ground, channel_rules, own_customers, with_facts
from appetence.selection.permission import STRENGTH, permitted
from appetence.selection.pool import HOUSEHOLD, PERSON, live_records
from appetence.selection.status import STANDINGS, standing
from appetence.selection.supply import CHANNEL, adults_only_members, build_supplies, instructed
from appetence.selection.terms import Terms

FILTERS, CUSTOMER, SOURCES_LEFT = "filters", "is_customer", "source_count"
E = PermissionEvent
Row = Mapping[str, Any]


def examined(s: Sources, terms: Terms) -> DataFrame:
    """One row per candidate and channel: each reason a candidate can have by itself as true or false, the standings behind STATUS,
    `is_customer`, `source_count`, and `filters`: for each list the filters it fails (none: it fits)."""
    ground = build_ground(s, terms)
    near = ground.live.join(ground.grid.select(HOUSEHOLD).distinct(), on=HOUSEHOLD, how="left_semi")
    pieces = caps.earlier_pieces(s.selection, s.campaign, s.household_link, terms, s.cut_on)
    by_channel = ground.grid.join(ground.listed, on=PERSON, how="left")
    by_channel = by_channel.join(caps.capped_households(pieces, terms), on=[HOUSEHOLD, CHANNEL], how="left")
    by_channel = by_channel.join(caps.calls_made(pieces, terms, s.calls), on=PERSON, how="left")
    marked = by_channel.withColumns({str(reason): rule for reason, rule in channel_rules(terms).items()})
    facts = standing(near, s.person, s.limitation, s.death, adults_only_members(s.instruction, terms), terms)
    full = with_facts(marked.join(facts, on=PERSON, how="left"), s, ground.live, ground.allowed, terms)
    customers = own_customers(near, terms)
    placed = full.join(customers, on=customers.columns[0], how="left")
    placed = placed.withColumn(FILTERS, _failed(terms)).withColumn(SOURCES_LEFT, F.coalesce(F.col(SOURCES_LEFT), F.lit(0)))
    fits = F.exists(FILTERS, lambda one: F.size(one["fails"]) == 0)
    flags = {
        Reason.STATUS: F.greatest(*(F.coalesce(F.col(name), F.lit(True)) for name in STANDINGS)),
        Reason.SUPPRESSED: _yes(suppression.SUPPRESSED),
        Reason.CLIENT_FILE: _yes(suppression.CLIENT_FILE) | _yes(CUSTOMER),
        Reason.PRESELECT: ~fits,
        **{reason: F.col(reason) for reason in CHANNEL_REASONS},
    }
    marks = [flag.alias(str(reason)) for reason, flag in flags.items()]
    return placed.select(PERSON, CHANNEL, *marks, *STANDINGS, _yes(CUSTOMER).alias(CUSTOMER), SOURCES_LEFT, FILTERS)


def _yes(name: str) -> Column:
    return F.coalesce(F.col(name), F.lit(False))


def _failed(terms: Terms) -> Column:
    lists = []
    for spec in terms.spec.lists:
        checks = preselect.filters(spec, terms)
        fails = [F.when(~F.coalesce(check, F.lit(False)), F.lit(name)) for name, check in checks.items()]
        none = F.array().cast("array<string>")
        lists.append(F.struct(F.lit(spec.list_id).alias("list_id"), (F.array_compact(F.array(*fails)) if fails else none).alias("fails")))
    return F.array(*lists)


def supplies(s: Sources, terms: Terms) -> DataFrame:
    """One row per channel and record of a member that may supply a person: is it permitted, instructed, deliverable, and by what."""
    live = live_records(s.record, s.person_link, s.household_link, terms)
    voices = s.permission_event.join(s.person_link.select(Record.record_id, PERSON), on=Record.record_id, how="inner")
    allowed = instructed(s.instruction, s.member, s.exclusion, s.recipient, terms)
    return build_supplies(live, permitted(voices, s.law_rule, terms), allowed, terms).drop("order")


def hits(s: Sources, terms: Terms) -> DataFrame:
    """What was found on a list, coordinate by coordinate: person_id, list, entry (scope, list and version, or kind of file) and kind."""
    owners = s.hashes.join(s.person_link.select(Record.record_id, PERSON), on=Record.record_id, how="inner")
    scopes = [suppression.GLOBAL, terms.client.recipient_id, terms.party]
    listed = s.suppression.where(Suppression.scope.col.isin(scopes)).select(
        KEY_HASH, F.lit(str(Reason.SUPPRESSED)).alias("list"), F.concat_ws(", entered by ", Suppression.scope, Suppression.source).alias("entry")
    )
    outside = s.external_list.select(
        KEY_HASH, F.lit(str(Reason.EXTERNAL_LIST)).alias("list"), F.concat_ws(" ", ExternalList.list_name, ExternalList.version).alias("entry")
    )
    files = s.campaign_file.where(CampaignFile.campaign_id.col == terms.spec.campaign_id).select(
        CampaignFile.coordinate_hash.col.alias(KEY_HASH), F.lit(str(Reason.CLIENT_FILE)).alias("list"), CampaignFile.kind.col.alias("entry")
    )
    found = owners.join(listed.unionByName(outside).unionByName(files), on=KEY_HASH, how="inner")
    return found.select(PERSON, "list", "entry", KIND).distinct()


def pieces(s: Sources, terms: Terms) -> DataFrame:
    """The pieces that count for the caps: household_id, channel, campaign_id, drop_date."""
    sent = caps.earlier_pieces(s.selection, s.campaign, s.household_link, terms, s.cut_on)
    return sent.select(HOUSEHOLD, CHANNEL, Campaign.campaign_id, Campaign.drop_date).distinct()


# -- one member's word and instruction, in words ---------------------------------------------------------------------------------


def permission_in_words(events: Sequence[Row], member: str, channel: str, terms: Terms) -> tuple[bool, str]:
    """Whether what a person told a member permits the campaign by this channel, and why. `events` are those of one person."""
    rule = next(r for c, r in terms.rules.items() if str(c) == channel)
    asked = (member, channel, str(terms.spec.product), str(terms.spec.purpose))
    said = [
        e for e in events
        if (e[E.member_id], e[E.channel], e[E.use], e[E.purpose]) == asked and e[E.collected_at].date() <= terms.drop_date
    ]  # fmt: skip
    if not said:
        return False, "no word for this channel, use and purpose, and unknown is no"
    granted = [e for e in said if e[E.status] == PermissionStatus.GRANTED]
    if not granted:
        return False, "only opposition or withdrawal"
    proven = [e for e in granted if (e[E.wording_version] or "").strip() and (e[E.collection_point] or "").strip()]
    if not proven:
        return False, "granted without wording version or collection point, which does not count"
    refused = max((e[E.collected_at] for e in said if e[E.status] != PermissionStatus.GRANTED), default=None)
    holding = [e for e in proven if refused is None or e[E.collected_at] > refused]
    if not holding:
        return False, "granted, and opposed or withdrawn since"
    enough = {str(b) for b in (*rule.bases, *(rule.house_bases if terms.is_house else ()))}
    lawful = [e for e in holding if e[E.basis] in enough]
    if not lawful:
        return False, f"granted on {_either(sorted({e[E.basis] for e in holding}))}, while {rule.rule_id} asks for {_either(sorted(enough))}"
    newest = [max((e for e in lawful if e[E.basis] == b), key=lambda e: e[E.collected_at]) for b in {e[E.basis] for e in lawful}]
    named = [e for e in newest if _names(e, terms) or not rule.names_recipient]
    if not named:
        return False, f"consent that names neither {terms.client.recipient_id} nor a list that holds it"
    best = min(named, key=lambda e: [str(b) for b in STRENGTH].index(e[E.basis]))
    return True, f"{best[E.basis]}, which {rule.rule_id} accepts"


def _names(event: Row, terms: Terms) -> bool:
    own = not terms.is_prospect and event[E.member_id] == terms.client.member_id
    return event[E.basis] != Basis.CONSENT or own or bool(set(event[E.recipients] or ()) & set(terms.named_as))


def instruction_in_words(instruction: Row | None, member: Row | None, is_competitor: bool, channel: str, terms: Terms) -> tuple[bool, str]:
    """Whether a member's instruction in force covers the campaign by this channel, and why not."""
    if member is None or not member["is_active"]:
        return False, "the member takes no part any more"
    if str(terms.spec.programme) not in member["programmes"]:
        return False, f"the member is not in the programme {terms.spec.programme}"
    if instruction is None:
        return False, "no instruction is in force on the drop date"
    name, sector = instruction["instruction_id"], str(terms.client.sector)
    allowed, refused = instruction["recipient_sectors_allowed"] or (), instruction["recipient_sectors_refused"] or ()
    own = terms.is_house or (terms.is_enrich and instruction["member_id"] == terms.client.member_id)
    lacking = sorted({str(a) for a in terms.spec.attributes} - set(instruction.get("enrich_attributes") or ()))
    rule = next(r for c, r in terms.rules.items() if str(c) == channel)
    asks = (
        (is_competitor, "is set aside: the member and the client are competitors (exclusion pair)"),
        (str(terms.spec.purpose) not in instruction["purposes"], f"does not cover the purpose {terms.spec.purpose}"),
        (str(terms.spec.product) not in instruction["uses"], f"does not cover the use {terms.spec.product}"),
        (channel not in instruction["channels"], f"does not cover the channel {channel}"),
        (not own and bool(allowed) and sector not in allowed, f"does not allow the sector {sector}"),
        (not own and sector in refused, f"refuses the sector {sector}"),
        (not own and bool(lacking), f"does not grant {_either(lacking)}"),
        (rule.needs_notice and not instruction["notice_covers_charity_electronic"], "has no notice that announces it"),
    )
    fault = next((words for is_so, words in asks if is_so), None)
    return fault is None, f"{name} {fault or 'covers it'}"


def _either(codes: Sequence[str]) -> str:
    return " or ".join(codes)
