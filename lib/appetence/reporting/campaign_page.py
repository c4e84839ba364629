"""The page of one campaign: what was asked, who was left at every step, what it should bring, and after the window what it brought.

A client or a member may read it: no count from 1 to 10 is shown, and none follows from two others (`reporting.masking`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appetence.contracts.campaign import Campaign, Export, Tier, Waterfall
from appetence.contracts.domain import SMALL_COUNT, Reason
from appetence.contracts.specs import CampaignSpec, CatchmentSpec, LawRuleSpec
from appetence.reporting import charts, masking, numbers, words
from appetence.reporting.aggregates import N
from appetence.reporting.campaign_profile import profile_sections
from appetence.reporting.campaign_reach import overlap_sections, reach_sections
from appetence.reporting.campaign_results import result_sections
from appetence.reporting.parts import Fact, Page, Part, Picture, Section, Sheet, Words

Row = Mapping[str, Any]


@dataclass(frozen=True)
class CampaignRows:
    """The rows one campaign's page is made from. `counts` and `profile` are aggregates (`reporting.aggregates`)."""

    campaign: Row
    waterfall: Sequence[Row]
    tiers: Sequence[Row]
    counts: Sequence[Row]
    profile: Sequence[Row]
    exports: Sequence[Row]
    matchback: Sequence[Row]
    spec: CampaignSpec | None
    rules: Sequence[LawRuleSpec]
    client_label: str
    source: str
    is_member_client: bool = True
    overlaps: Sequence[Row] = ()
    reach: Sequence[Row] = ()
    uplift: Row | None = None


def build_campaign(found: CampaignRows) -> Page:
    """The page `campaign_<id>.html`."""
    c = found.campaign
    selected, held_out = int(c[Campaign.selected]), int(c[Campaign.held_out])
    steps = joined_steps(found.waterfall)
    universe = steps[0].entered if steps else 0
    pays = _break_even(found.tiers)
    return Page(
        title=found.spec.label if found.spec else c[Campaign.campaign_id],
        subtitle=f"Campaign {c[Campaign.campaign_id]} for {found.client_label}, by {_channels(c)}, {numbers.day(c[Campaign.drop_date])}.",
        facts=[
            Fact("Contacted", masking.shown(selected), _ordered(c)),
            Fact("Held out", masking.shown(held_out), "drawn at random, not contacted"),
            Fact("Candidates", masking.shown(universe), "persons with a live record"),
            Fact(
                "Pays down to",
                f"tenth {pays} of 10" if pays else numbers.NOTHING,
                f"{numbers.euros(c[Campaign.cost_per_piece_cents], 2)} a piece, {numbers.euros(c[Campaign.margin_cents], 2)} a response",
            ),
        ],
        sections=[
            Section("What was asked", "", [Words(specification(found), is_list=True)]),
            Section(
                "Who was left at every step",
                "Each step drops persons for one reason; a person counts at the first that applies.",
                waterfall_parts(steps, selected),
            ),
            *_tiers(found),
            *_gains(found),
            *_reach(found),
            *overlap_sections(found.overlaps, [x.list_id for x in found.spec.lists] if found.spec else ()),
            *reach_sections(found.reach, c[Campaign.channels], eligible_of(found.waterfall)),
            *profile_sections(found.profile, found.campaign),
            *_exports(found),
            *result_sections(c, found.matchback, found.is_member_client, found.uplift),
            Section(
                "Small counts",
                f"Counts from 1 to {SMALL_COUNT - 1} are not shown. Smaller steps, cells and tenths are shown with a neighbour, so that "
                "what is shown still adds up and no small count follows from two others.",
            ),
        ],
        source=found.source,
    )


def eligible_of(waterfall: Sequence[Row]) -> int:
    """Candidates that no reason of their own speaks against: those the step before deduplication leaves."""
    return next((int(s[Waterfall.entered]) for s in waterfall if s[Waterfall.code] == Reason.DEDUPLICATE), 0)


def _channels(c: Row) -> str:
    return words.listed((words.channel(x) for x in c[Campaign.channels]), "or")


def _ordered(c: Row) -> str:
    ordered = c[Campaign.ordered]
    return f"{numbers.count(ordered)} ordered" if ordered else "down to break-even"


def _by_what(c: Row, spec: CampaignSpec | None) -> str:
    if not c[Campaign.model_key]:
        return spec.ranking if spec else "a formula"
    amount = "the amount expected by " if spec and spec.ranking == "expected_amount" else ""
    return f"{amount}the model {c[Campaign.model_key]}"


def specification(found: CampaignRows) -> list[str]:
    """What the campaign asks, in sentences."""
    c, spec = found.campaign, found.spec
    said = [
        f"{words.product(c[Campaign.product])}.",
        f"Purpose: {words.purpose(c[Campaign.purpose])}; programme {words.readable(c[Campaign.programme])}; channel {_channels(c)}.",
        f"Ranked by {_by_what(c, spec)}, on the history up to {numbers.day(c[Campaign.cutoff])}.",
        f"{_ordered(c).capitalize()}, and {numbers.count(c[Campaign.planned_holdout])} more planned to be held out.",
        *(_rule(r) for r in found.rules),
    ]  # fmt: skip
    return [*said, *_spec_lines(spec)] if spec else said


def _rule(rule: LawRuleSpec) -> str:
    bases = words.listed((words.basis(b) for b in rule.bases), "or")
    house = f"; for the client's own base also {words.listed((words.basis(b) for b in rule.house_bases), 'or')}" if rule.house_bases else ""
    named = " that names the recipient" if rule.names_recipient else ""
    lists = f"; the {words.listed(x.capitalize() for x in rule.external_lists)} list applies" if rule.external_lists else ""
    return f"Rule for {words.channel(rule.channel)} on the drop date: {bases}{named}{house}{lists} ({rule.source})."


def _spec_lines(spec: CampaignSpec) -> list[str]:
    one_each = {"person": "person", "family": "family at an address", "address": "address"}[spec.merge_level]
    lines = [
        f"At least {spec.min_sources} supplying members a person." if spec.min_sources > 1 else "The client's own record is enough.",
        f"One piece per {one_each}; at most {spec.cap_per_year} a household and channel in 12 months, {spec.rest_days} days apart.",
        f"{'Lists' if len(spec.lists) > 1 else 'List'}, in order of priority: {'; '.join(_list(x) for x in spec.lists)}.",
    ]
    if spec.cells:
        lines.append(f"Test cells above the cut: {words.listed(f'{words.cell(x.cell)} ({numbers.percent(x.share, 0)})' for x in spec.cells)}.")
    lines.append(f"{spec.seeds} trap addresses are added after all counts; responses count for {spec.response_window_days} days.")
    return lines


def _list(spec: Any) -> str:
    asks = [
        *([f"departments {', '.join(spec.departments)}"] if spec.departments else []),
        *([f"{len(spec.postcodes)} postcodes"] if spec.postcodes else []),
        *([_catchment(spec.catchment)] if spec.catchment else []),
        *([f"from {spec.age_min} years"] if spec.age_min else []),
        *([f"up to {spec.age_max} years"] if spec.age_max else []),
        *([f"segments {', '.join(spec.segments)}"] if spec.segments else []),
        *([f"buyers in {', '.join(words.readable(s) for s in spec.sectors)}"] if spec.sectors else []),
        *([f"last purchase within {spec.recency_days_max} days"] if spec.recency_days_max else []),
        *([f"no purchase for {spec.recency_days_min} days"] if spec.recency_days_min else []),
    ]
    return f"{words.readable(spec.list_id)} ({', '.join(asks) or 'everybody eligible'})"


def _catchment(near: CatchmentSpec) -> str:
    return f"within {near.km:g} km of {words.listed((words.readable(s.store) for s in near.stores), 'or')}"


# -- the waterfall ---------------------------------------------------------------------------------------------------------------


def joined_steps(waterfall: Sequence[Row]) -> list[charts.Step]:
    """Waterfall rows as steps, those that drop fewer than 11 joined with the next (the last ones with the one before)."""
    rows = sorted(waterfall, key=lambda r: r[Waterfall.step])
    made = [charts.Step(words.step(r[Waterfall.code])[0], int(r[Waterfall.entered]), int(r[Waterfall.dropped])) for r in rows]
    return made[:1] + masking.joined(
        made[1:], lambda s: (s.dropped,), lambda a, b: charts.Step(f"{a.label} + {_lower(b.label)}", a.entered, a.dropped + b.dropped)
    )


def _lower(label: str) -> str:
    return label[:1].lower() + label[1:]


def waterfall_parts(steps: Sequence[charts.Step], selected: int) -> list[Part]:
    """The waterfall as a picture and as a table."""
    if not steps or masking.is_small(selected):
        return [Words(["Too few persons are left to show the steps."])]
    meanings = dict(words.STEPS.values())
    rows = [
        [
            s.label,
            "; ".join(meanings.get(n, meanings.get(n.capitalize(), "")) for n in s.label.split(" + ")),
            *(numbers.count(n) for n in (s.entered, s.dropped, s.entered - s.dropped)),
        ]
        for s in steps
    ]
    last = steps[-1].entered - steps[-1].dropped
    picture = Picture(
        "From all candidates to those contacted",
        lambda narrow: charts.waterfall(steps, ("Contacted", last), narrow=narrow),
        f"Of {numbers.count(steps[0].entered)} candidates {numbers.count(last)} are contacted; the table below has every step.",
    )
    return [picture, Sheet(["Step", "Drops", "Before", "Dropped", "Left"], rows, (2, 3, 4), asides=(1,))]


# -- what it should bring --------------------------------------------------------------------------------------------------------


def _break_even(tiers: Sequence[Row]) -> int:
    return max([int(t[Tier.tier]) for t in tiers if t[Tier.is_above_break_even]], default=0)


def _tiers(found: CampaignRows) -> list[Section]:
    tiers = sorted(found.tiers, key=lambda t: t[Tier.tier])
    if not tiers or any(masking.is_small(t[Tier.quantity]) for t in tiers):
        return []
    if not any(t[Tier.expected_responses] for t in tiers):  # ranked by a formula, which expects nothing of anybody
        return []
    pays, by_amount = _break_even(tiers), any(t[Tier.expected_amount_cents] is not None for t in tiers)
    taken = float(found.campaign[Campaign.selected] + found.campaign[Campaign.held_out])
    depth = next((float(t[Tier.cumulative_quantity]) for t in reversed(tiers) if t[Tier.is_above_break_even]), None)
    rows = [
        [
            str(t[Tier.tier]), numbers.count(t[Tier.quantity]), numbers.decimal(t[Tier.expected_responses], 1),
            numbers.percent(t[Tier.expected_responses] / t[Tier.quantity] if t[Tier.quantity] else None, 2),
            numbers.euros(t[Tier.expected_margin_cents]), numbers.count(t[Tier.cumulative_quantity]),
            numbers.euros(t[Tier.cumulative_margin_cents]),
            "yes" if t[Tier.is_above_break_even] else "no", *([numbers.euros(t[Tier.expected_amount_cents])] if by_amount else []),
        ]
        for t in tiers
    ]  # fmt: skip
    picture = Picture(
        "Expected margin by depth",
        lambda narrow: charts.money(
            [float(t[Tier.cumulative_quantity]) for t in tiers],
            [float(t[Tier.cumulative_margin_cents]) for t in tiers],
            break_even=depth,
            taken=taken,
            narrow=narrow,
        ),
        f"Expected margin less cost, added up from the best tenth to the last; the last tenth that earns its cost is tenth {pays}.",
        "Margin of the expected responses less the cost of all pieces, before any is sent.",
    )
    lead = (
        f"The eligible are cut into tenths, best first. Down to tenth {pays} a tenth earns more than it costs."
        if pays
        else "No tenth is expected to earn its cost."
    )
    columns = ["Tenth", "Merge units", "Expected responses", "Expected rate", "Margin less cost", "Units so far", "Margin so far", "Pays"]
    if by_amount:
        columns.append("Expected spending")
    numeric = (0, 1, 2, 3, 4, 5, 6, 8) if by_amount else (0, 1, 2, 3, 4, 5, 6)
    return [Section("What going deeper should bring", lead, [picture, Sheet(columns, rows, numeric, asides=(1, 2, 5))])]


def gains_picture(tiers: Sequence[Row]) -> Picture:
    """The cumulative share of the expected responses of gold.tier rows, best first, with the interval of as many responses."""
    rows = sorted(tiers, key=lambda t: t[Tier.tier])
    everybody, expected = sum(t[Tier.quantity] for t in rows), sum(t[Tier.expected_responses] for t in rows)
    depth, measures, reached = [], [], 0.0
    for t in rows:
        reached += t[Tier.expected_responses]
        depth.append(t[Tier.cumulative_quantity] / everybody)
        measures.append(charts.Measure(str(t[Tier.tier]), reached / expected, *numbers.wilson(reached, expected)))
    return Picture(
        "Share of the expected responses by how deep the list is used",
        lambda narrow: charts.gains(depth, measures, what="expected responses", narrow=narrow),
        f"The best tenth holds {numbers.percent(measures[0].value, 0)} of the expected responses; at random it would hold "
        f"{numbers.percent(depth[0], 0)}.",
        "The band is the 95 % interval of each share, for chance alone, if the model is right.",
    )


def _gains(found: CampaignRows) -> list[Section]:
    """What the ranking is worth; nothing where a formula ranks, or where tenths are small."""
    if not found.campaign[Campaign.model_key] or not _tiers(found):
        return []
    picture, pays = gains_picture(found.tiers), _break_even(found.tiers)
    within = sum(t[Tier.expected_responses] for t in found.tiers if t[Tier.tier] <= pays) / sum(t[Tier.expected_responses] for t in found.tiers)
    paying = f" Down to tenth {pays}, the last that earns its cost, it is {numbers.percent(within, 0)}." if pays else ""
    return [Section("What the ranking should bring", f"{picture.says}{paying}", [picture])]


# -- who they are ----------------------------------------------------------------------------------------------------------------


def _added(rows: Sequence[Row], key: str) -> dict[str, int]:
    added: dict[str, int] = {}
    for r in rows:
        added[r[key]] = added.get(r[key], 0) + int(r[N])
    return dict(sorted(added.items(), key=lambda item: (-item[1], str(item[0]))))


def as_cut(values: list[int], total: int) -> list[int]:
    """Parts of a selection from which fewer than 11 have left since: they are counted with the largest part, or a difference would tell them.

    >>> as_cut([1300, 147, 150], 1600)
    [1303, 147, 150]
    """
    gone = total - sum(values)
    return [n + (gone if i == 0 and masking.is_small(gone) else 0) for i, n in enumerate(values)]


def _reach(found: CampaignRows) -> list[Section]:
    if not found.counts:
        return []
    sheets: list[Part] = []
    for key, title, say in (
        ("channel", "Channel", words.channel),
        ("list_id", "List", words.readable),
        ("cell", "Cell", words.cell),
        ("is_newly_served", "Served before", lambda new: "new to this client" if new else "selected for this client before"),
    ):
        added = _added(found.counts, key)
        values = masking.parts(as_cut(list(added.values()), int(found.campaign[Campaign.selected] + found.campaign[Campaign.held_out])))
        rows = [[say(name), masking.part_shown(v)] for name, v in zip(added, values, strict=True)]
        sheets.append(Sheet([title, "Merge units"], rows, (1,)))
    return [
        Section(
            "Reach, lists and cells",
            "Units selected, contacted and held out together, by what they were reached through and set apart for.",
            sheets,
        )
    ]


def _exports(found: CampaignRows) -> list[Section]:
    if not found.exports:
        return []
    mailed = _added([r for r in found.counts if r["cell"] != words.HOLDOUT], "channel")
    mailed = dict(zip(mailed, as_cut(list(mailed.values()), int(found.campaign[Campaign.selected])), strict=True))
    rows = [
        [
            e[Export.file_name], words.channel(e[Export.channel]), e[Export.layout], e[Export.recipient_id],
            masking.beside(int(e[Export.rows] - e[Export.seeds]), mailed.get(e[Export.channel], 0)),
            str(e[Export.seeds]), str(e[Export.destroy_by]), str(e[Export.destroyed_on] or numbers.NOTHING),
        ]
        for e in found.exports
    ]  # fmt: skip
    lead = "Each file is encrypted for its recipient and signed; suppression and permission are checked once more when it is written."
    columns = ["File", "Channel", "Layout", "For", "Persons", "Trap addresses", "Destroy by", "Destroyed on"]
    return [Section("Files handed over", lead, [Sheet(columns, rows, (4, 5))])]
