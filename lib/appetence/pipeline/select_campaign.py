"""Who is contacted in each campaign and why not the others: candidates, one piece per merge unit, the cut, cells, what explains them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from difflib import get_close_matches
from functools import partial, reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.columns.coordinates import KEY_HASH, hashed_coordinates
from appetence.contracts.base import Table
from appetence.contracts.campaign import Campaign, CampaignFile, Decision, Feedback, ListOverlap, Reach, Selection, Tier, Waterfall
from appetence.contracts.gold import Score, Segment
from appetence.contracts.identity import HouseholdLink, Person, PersonLink
from appetence.contracts.privacy import Death, ExternalList, Limitation, Suppression
from appetence.contracts.reference import Exclusion, Instruction, LawRule, Member, Recipient
from appetence.contracts.silver import PermissionEvent, Record, Transaction
from appetence.contracts.specs import CampaignSpec
from appetence.errors import ConfigError, LawError, ModelError, PartlyDoneError
from appetence.pipeline.catchments import near_postcodes
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.load_reference import required_law
from appetence.runtime.ahead import InTurn, ahead
from appetence.selection.candidates import Ground, Sources, build_candidates, build_ground
from appetence.selection.feedback import calls_told, without_dead_coordinates
from appetence.selection.terms import Terms, terms_of
from appetence.selection.waterfall import Result, decide

LISTS: tuple[type[Table], ...] = (Suppression, ExternalList, CampaignFile, Feedback)
"""Tables with hashes of coordinates that a selection asks for."""
MOST_BROADCAST = 8_000_000
"""Hashes that every task may hold in memory; of more, both sides are shuffled."""
_SHORT = "_short"


def run(ctx: Context) -> Counts:
    """Cuts every campaign of the environment (or the one of the option `campaign`); one that has dropped stays as it was cut.

    A campaign that may not run (no rule of law, a client without a safeguard, a model that has no scores) stops alone: PartlyDoneError once
    the others are cut."""
    details: dict[str, dict[str, int]] = {}
    sources = read_sources(ctx)
    sound, refused = lawful_campaigns(ctx)
    ordered = in_cut_order(ctx, sound)
    closed, due, changed = _parted(ctx, ordered)
    refused += changed
    for terms in closed:
        ctx.progress(f"{terms.spec.campaign_id}: dropped on {terms.drop_date}, kept as it was cut")

    def write(terms: Terms, result: Result) -> None:
        found = details[terms.spec.campaign_id] = write_result(ctx, result, terms)
        ctx.progress(f"{terms.spec.campaign_id}: {found['mailed']} mailed and {found['held_out']} held out of {found['candidates']}")

    cut: list[Result] = []
    lacked: list[ConfigError | ModelError] = []
    with closing(ahead(due, lambda campaign: _prepared(ctx, sources, *campaign))) as coming, InTurn() as writing:
        for (terms, _), ready in coming:
            try:
                ground = ready()
            except (ConfigError, ModelError) as lacking:
                ctx.progress(f"{terms.spec.campaign_id}: not cut, {lacking}")
                lacked.append(lacking)
                continue
            ctx.progress(f"{terms.spec.campaign_id}: looking at candidates")
            cut.append(_cut(ctx, terms, *ground, cut))
            writing.next(partial(write, terms, cut[-1]))
    done = Counts(sum(d["candidates"] for d in details.values()), sum(d["mailed"] + d["held_out"] for d in details.values()), details=details)
    if lacked and not cut and not closed:
        raise lacked[0]
    refused += map(str, lacked)
    if refused:
        why = "; ".join(said.rstrip(".") for said in refused)
        raise PartlyDoneError(f"Not cut, while the other campaigns were: {why}.", done)
    return done


def _parted(ctx: Context, ordered: list[tuple[Terms, dt.date]]) -> tuple[list[Terms], list[tuple[Terms, dt.date]], list[str]]:
    """The campaigns that have dropped, those to be cut, and a sentence for each whose file changed since its pieces left; the error itself when
    there is no other campaign."""
    closed: list[Terms] = []
    due: list[tuple[Terms, dt.date]] = []
    changed: list[str] = []
    for terms, cut_on in ordered:
        try:
            if is_closed(ctx, terms):
                closed.append(terms)
            else:
                due.append((terms, cut_on))
        except LawError as stopped:
            if len(ordered) == 1:
                raise
            ctx.progress(f"{terms.spec.campaign_id}: not cut, {stopped}")
            changed.append(str(stopped))
    return closed, due, changed


def chosen_campaigns(ctx: Context) -> list[CampaignSpec]:
    """The campaigns of this environment, or the one the option `campaign` names; ConfigError when a file is missing."""
    asked = ctx.options.get("campaign")
    names = (asked,) if asked else ctx.config.selection.campaigns
    for name in names:
        if name not in ctx.config.campaigns:
            known = ", ".join(sorted(ctx.config.campaigns)) or "none"
            raise ConfigError(f"There is no campaign {name!r}: {ctx.config.paths.campaigns}/{name}.yaml is missing; known campaigns are {known}.")
    return [ctx.config.campaigns[name] for name in names]


def lawful_campaigns(ctx: Context) -> tuple[list[Terms], list[str]]:
    """The terms of the chosen campaigns that may run, and a sentence for each other one. The error itself when none may run."""
    sound: list[Terms] = []
    errors: list[ConfigError | LawError] = []
    for spec in chosen_campaigns(ctx):
        try:
            sound.append(campaign_terms(ctx, spec))
        except (ConfigError, LawError) as stopped:
            ctx.progress(f"{spec.campaign_id}: not cut, {stopped}")
            errors.append(stopped)
    if errors and not sound:
        raise errors[0]
    return sound, [str(stopped) for stopped in errors]


def campaign_terms(ctx: Context, spec: CampaignSpec) -> Terms:
    """The checked terms of a campaign on this run's day."""
    return terms_of(spec, required_law(ctx.config), ctx.config.recipients, ctx.config.selection, ctx.as_of)


def in_cut_order(ctx: Context, all_terms: list[Terms]) -> list[tuple[Terms, dt.date]]:
    """The campaigns in the order in which they are cut, with the day of their first cut: an unchanged one keeps its day and its turn."""
    stored = {row[Campaign.campaign_id]: row for row in ctx.lake.read_or_empty(Campaign).collect()}
    dated = []
    for terms in all_terms:
        row = stored.get(terms.spec.campaign_id)
        is_same = row is not None and row[Campaign.spec_hash] == terms.spec_hash
        dated.append((terms, (row[Campaign.cut_on] or ctx.as_of) if row is not None and is_same else ctx.as_of))
    return sorted(dated, key=lambda pair: (pair[1], pair[0].drop_date, pair[0].spec.campaign_id))


def is_closed(ctx: Context, terms: Terms) -> bool:
    """Whether a campaign has been cut before and its pieces have left; a specification changed since is a LawError."""
    stored = ctx.lake.read_or_empty(Campaign).where(F.col(Campaign.campaign_id) == terms.spec.campaign_id).first()
    if stored is None:
        return False
    left_on = min(stored[Campaign.drop_date], terms.drop_date)  # a date put off afterwards calls no piece back
    if left_on >= ctx.as_of:
        return False
    if stored[Campaign.spec_hash] != terms.spec_hash:
        raise LawError(
            f"campaigns/{terms.spec.campaign_id}.yaml was changed after its pieces left on {left_on}; restore the file, "
            "or give the new campaign its own campaign_id."
        )
    return True


def _prepared(ctx: Context, sources: Sources, terms: Terms, cut_on: dt.date) -> tuple[Sources, Ground]:
    """What can be made ready while the campaign before is still being cut."""
    own = for_campaign(ctx, sources, terms, cut_on)
    return own, build_ground(own, terms, ctx.lake.stage)


def _cut(ctx: Context, terms: Terms, sources: Sources, ground: Ground, before: Sequence[Result]) -> Result:
    """One campaign decided. `before`: the campaigns this run has cut; their rows may still be on their way to the tables."""
    campaigns = [ctx.lake.read_or_empty(Campaign), *(r.campaign for r in before)]
    selections = [ctx.lake.read_or_empty(Selection), *(r.selection for r in before)]
    now = replace(sources, campaign=_newest_of(campaigns, Campaign), selection=_newest_of(selections, Selection))
    candidates = ctx.lake.stage("candidates", build_candidates(now, terms, ground))
    reference = ctx.pads(ctx.secret(ctx.config.privacy.reference_key_ref))
    return stored(ctx, decide(candidates, terms, reference, F.lit(sources.cut_on), ctx.lake.stage))


def stored(ctx: Context, result: Result) -> Result:
    """A selection with what is read several times in scratch, as `write_result` takes it."""
    return replace(
        result, campaign=ctx.lake.stage("campaign", result.campaign), selection=ctx.lake.stage("selection", Selection.shape(result.selection))
    )


def _newest_of(frames: Sequence[DataFrame], table: type[Table]) -> DataFrame:
    """Rows of the stored table and of campaigns cut since, whose stored rows no longer count."""
    stored, *since = (frame.select(*(F.col(str(f)) for f in table.content())) for frame in frames)
    if not since:
        return stored
    new = reduce(DataFrame.unionByName, since)
    return stored.join(F.broadcast(new.select(Campaign.campaign_id).distinct()), on=Campaign.campaign_id, how="left_anti").unionByName(new)


def write_result(ctx: Context, result: Result, terms: Terms) -> dict[str, int]:
    """Writes the tables of one campaign; stored rows that no longer hold go. The campaign row is last: it says that all is there.

    Decisions, selection and campaign row are what `stage` gave back."""
    scope = f"campaign_id = '{terms.spec.campaign_id}'"
    tables = (
        (Decision, result.decision), (Selection, result.selection), (Waterfall, result.waterfall), (Tier, result.tier),
        (ListOverlap, result.overlap), (Reach, result.reach),
    )  # fmt: skip
    decisions, *_ = ctx.lake.together(
        *(partial(ctx.lake.sync, table, rows, scope, is_staged=table in (Decision, Selection)) for table, rows in tables)
    )
    ctx.lake.sync(Campaign, result.campaign, scope, is_staged=True)
    row = result.campaign.first()
    assert row is not None
    return {"candidates": decisions.rows, "mailed": int(row[Campaign.selected]), "held_out": int(row[Campaign.held_out])}


def keyed_coordinates(ctx: Context) -> DataFrame:
    """record_id, kind, key_hash of the records' coordinates that stand on some list, under each pepper in use: made once a run, whatever the
    number of campaigns. Of all the others nothing is kept: they are hashed, looked up and forgotten."""
    listed = listed_hashes({table: ctx.lake.read_or_empty(table) for table in LISTS})
    keyed = hashed_coordinates(ctx.lake.read(Record), ctx.pepper_pads(), str(Record.record_id))
    return ctx.lake.stage("coordinates", hits_of(keyed, listed).distinct())


def listed_hashes(tables: Mapping[type[Table], DataFrame]) -> DataFrame:
    """One column, the hash as a long, of every coordinate on a list. `tables`: those of LISTS that there are."""
    columns = {
        Suppression: F.col(Suppression.key_hash), ExternalList: F.col(ExternalList.key_hash), CampaignFile: F.col(CampaignFile.coordinate_hash),
        Feedback: F.explode(F.col(Feedback.coordinate_hashes)),
    }  # fmt: skip
    every = [tables[table].select(hash_.alias(KEY_HASH)) for table, hash_ in columns.items() if table in tables]
    return reduce(DataFrame.unionByName, every).select(F.xxhash64(KEY_HASH).alias(_SHORT)).distinct()


def hits_of(keyed: DataFrame, listed: DataFrame) -> DataFrame:
    """The keyed coordinates whose hash is among `listed`, by its short form: whoever joins them compares the whole one.

    Lists of millions fit into the memory of every task as longs; the pool is then hashed in one pass and never shuffled."""
    few = listed.limit(MOST_BROADCAST + 1).count() <= MOST_BROADCAST
    short = keyed.withColumn(_SHORT, F.xxhash64(KEY_HASH))
    return short.join(F.broadcast(listed) if few else listed, on=_SHORT, how="left_semi").drop(_SHORT)


def read_sources(ctx: Context, hashes: DataFrame | None = None) -> Sources:
    """The tables that every selection of a run reads, each opened once; `for_campaign` adds what is a campaign's own.

    `hashes`: keyed coordinates; those of all records (`keyed_coordinates`) when none are given.
    What privacy keeps may be empty; identities, permissions and reference tables must be there."""
    lake = ctx.lake
    told = lake.read(Feedback) if lake.exists(Feedback) else None
    hashes = keyed_coordinates(ctx) if hashes is None else hashes
    return Sources(
        record=_reachable(ctx, told, hashes), person_link=lake.read(PersonLink), household_link=lake.read(HouseholdLink), person=lake.read(Person),
        permission_event=lake.read(PermissionEvent), transaction=lake.read_or_empty(Transaction), score=Score.frame(ctx.spark),
        segment=lake.read_or_empty(Segment), instruction=lake.read(Instruction), member=lake.read(Member), exclusion=lake.read(Exclusion),
        recipient=lake.read(Recipient), law_rule=lake.read(LawRule), suppression=current_suppressions(ctx),
        external_list=lake.read_or_empty(ExternalList), campaign_file=lake.read_or_empty(CampaignFile),
        limitation=lake.read_or_empty(Limitation), death=lake.read_or_empty(Death), campaign=lake.read_or_empty(Campaign),
        selection=lake.read_or_empty(Selection), hashes=hashes, cut_on=ctx.as_of,
        calls=None if told is None else calls_told(told, lake.read(PersonLink)),
    )  # fmt: skip


def for_campaign(ctx: Context, sources: Sources, terms: Terms, cut_on: dt.date) -> Sources:
    """The sources of one campaign, with the scores, segments and places it ranks and filters by."""
    return replace(
        sources, score=_scores(ctx, terms), segment=_segments(sources.segment, terms), near_postcodes=near_postcodes(ctx, terms), cut_on=cut_on
    )  # fmt: skip


def _reachable(ctx: Context, told: DataFrame | None, hashes: DataFrame) -> DataFrame:
    """The records; a coordinate that is known to reach nobody is not good enough any more."""
    records = ctx.lake.read(Record)
    if told is None:
        return records
    return without_dead_coordinates(records, told, hashes, ctx.lake.read(PersonLink), ctx.pepper_pads())


def current_suppressions(ctx: Context) -> DataFrame:
    """The suppression list; a hash made with a pepper that is not there could never match, so finding one stops the run."""
    listed = ctx.lake.read_or_empty(Suppression)
    other = listed.where(~F.col(Suppression.pepper_version).isin(list(ctx.peppers()))).first()
    if other is not None:
        raise ConfigError(
            f"privacy.suppression holds hashes of pepper version {other[Suppression.pepper_version]!r}, which is neither privacy.pepper_version "
            "nor one of privacy.former_peppers: name that version and where its pepper is kept in privacy.former_peppers."
        )
    return listed


def _scores(ctx: Context, terms: Terms) -> DataFrame:
    """The newest scores of the campaign's model up to its cutoff; no rows for a formula. ModelError when there are none, or none with the amounts
    it ranks by."""
    if terms.model_key is None:
        return Score.frame(ctx.spark)
    scores = ctx.lake.read(Score).where((F.col(Score.model_key) == terms.model_key) & (F.col(Score.cutoff) <= F.lit(terms.cutoff)))
    newest = scores.agg(F.max(Score.cutoff)).first()
    if newest is None or newest[0] is None:
        raise ModelError(
            f"campaigns/{terms.spec.campaign_id}.yaml ranks by model, but there are no scores of {terms.model_key} up to {terms.cutoff}: "
            "run train_propensity and score_persons, or set ranking: recency."
        )
    found = scores.where(F.col(Score.cutoff) == F.lit(newest[0]))
    if terms.is_by_amount and found.where(F.col(Score.expected_amount_cents).isNotNull()).isEmpty():
        raise ModelError(
            f"campaigns/{terms.spec.campaign_id}.yaml ranks by expected_amount, but the scores of {terms.model_key} know no amounts: too few buyers "
            "to learn them from, or a model of before; set ranking: model."
        )
    return found


def _segments(segments: DataFrame, terms: Terms) -> DataFrame:
    """The newest segments up to the run date (a past campaign reads what is known now: its own day's were not kept)."""
    segments = segments.where(F.col(Segment.cutoff) <= F.lit(terms.known_on))
    newest = segments.agg(F.max(Segment.cutoff)).first()
    if newest is None or newest[0] is None:
        return segments
    current = segments.where(F.col(Segment.cutoff) == F.lit(newest[0]))
    _check_segments(current, terms)
    return current


def _check_segments(segments: DataFrame, terms: Terms) -> None:
    """ConfigError when the campaign names a segment that nobody is in: most likely it is written otherwise."""
    excluded = terms.spec.exclude.segments if terms.spec.exclude else ()
    asked = sorted({*excluded, *(name for spec in terms.spec.lists for name in spec.segments)})
    if not asked:
        return
    known = sorted(r[0] for r in segments.select(Segment.segment).distinct().collect())  # grows with names, not with persons
    for name in asked:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}."
            raise ConfigError(f"campaigns/{terms.spec.campaign_id}.yaml: segments: nobody is in {name!r}; {hint}")
