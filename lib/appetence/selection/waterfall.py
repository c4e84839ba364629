"""From candidates to a selection: one piece per merge unit, ranks, the cut, cells; then the tables that explain it."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.columns.hashing import hmac_sha256
from appetence.contracts.campaign import Campaign, Decision, ListOverlap, Reach, Selection, Tier, Waterfall
from appetence.contracts.domain import Reason
from appetence.selection.candidates import FITS, OPEN, REASONS, SERVED, Stage
from appetence.selection.cells import CELL, HOLDOUT, taken, with_cells
from appetence.selection.keycodes import key_code
from appetence.selection.pool import PERSON
from appetence.selection.ranking import DECILE, POSITION, PRIORITY, PROBABILITY, RANK, with_duplicates, with_ranks
from appetence.selection.supply import CHANNEL
from appetence.selection.terms import Terms

UNIVERSE = "UNIVERSE"


@dataclass(frozen=True)
class Result:
    """What a selection makes, each frame in the shape of its contract."""

    campaign: DataFrame
    decision: DataFrame
    selection: DataFrame
    waterfall: DataFrame
    tier: DataFrame
    overlap: DataFrame
    reach: DataFrame


def decide(candidates: DataFrame, terms: Terms, reference_pads: DataFrame, cut_on: Column, stage: Stage) -> Result:
    """Ranks the eligible, cuts, draws the cells and explains. `candidates` are read several times: hand in stored rows.

    `stage(name, frame)` stores an intermediate frame and gives it back; `reference_pads` are the pads of the key of printed references.
    """
    eligible = stage("eligible", with_duplicates(candidates.where(F.size(REASONS) == 0), terms))
    units = stage("units", taken(with_ranks(eligible.where(~F.col("is_duplicate")), terms), terms))
    chosen = stage("chosen", with_cells(units, terms))
    decision = stage("decision", build_decision(candidates, eligible, units, chosen, terms))
    selection = build_selection(chosen, reference_pads, terms)
    return Result(
        campaign=build_campaign(chosen, terms, cut_on),
        decision=decision,
        selection=selection,
        waterfall=build_waterfall(decision, terms),
        tier=build_tiers(units, terms),
        overlap=build_overlap(eligible, chosen, terms),
        reach=build_reach(eligible, chosen, terms),
    )


def _list_id(terms: Terms) -> Column:
    return F.element_at(F.array(*(F.lit(spec.list_id) for spec in terms.spec.lists)), F.col(POSITION))


def build_decision(candidates: DataFrame, eligible: DataFrame, units: DataFrame, chosen: DataFrame, terms: Terms) -> DataFrame:
    """`gold.decision`: every candidate with its first reason and all of them."""
    cells = chosen.select(PERSON, CELL)
    late = eligible.select(PERSON, "is_duplicate").join(units.select(PERSON, RANK), on=PERSON, how="left").join(cells, on=PERSON, how="left")
    final = (
        F.when(F.col("is_duplicate"), str(Reason.DEDUPLICATE))
        .when(F.col(CELL).isNull(), str(Reason.BELOW_CUT))
        .when(F.col(CELL) == HOLDOUT, str(Reason.CELL))
    )
    late = late.select(PERSON, RANK, final.alias("_final"), F.col(CELL).isNotNull().alias("_selected"))
    reasons = F.when(F.col("_final").isNotNull(), F.array("_final")).otherwise(F.col(REASONS))
    rows = candidates.join(late, on=PERSON, how="left").withColumn(REASONS, reasons)
    return Decision.shape(
        rows.withColumns(
            {
                Decision.campaign_id: F.lit(terms.spec.campaign_id),
                Decision.list_id: _list_id(terms),
                Decision.is_selected: F.coalesce("_selected", F.lit(False)),
                Decision.first_reason: F.get(F.col(REASONS), F.lit(0)),
            }
        )
    )


def build_selection(chosen: DataFrame, reference_pads: DataFrame, terms: Terms) -> DataFrame:
    """`gold.selection`: every unit above the cut, with the supply it rests on, its key code and its opaque reference."""
    keyed = chosen.crossJoin(F.broadcast(reference_pads))
    message = F.concat_ws("|", F.lit("reference"), F.lit(terms.spec.campaign_id), F.col(PERSON))
    reference = F.upper(F.substring(hmac_sha256(message, F.col("inner_pad"), F.col("outer_pad")), 1, 16))
    listed = keyed.withColumns({Selection.list_id: _list_id(terms), Selection.campaign_id: F.lit(terms.spec.campaign_id)})
    code = key_code(terms.spec.campaign_id, F.col(CELL), F.col(DECILE), F.col(Selection.list_id))
    return Selection.shape(
        listed.withColumns(
            {
                Selection.key_code: F.when(F.col(CELL) != HOLDOUT, code),
                Selection.reference: reference,
                Selection.is_newly_served: ~F.col(SERVED),
            }
        )
    )


def build_waterfall(decision: DataFrame, terms: Terms) -> DataFrame:
    """`gold.waterfall`: step 0 lets the universe in, each further step drops those whose first reason it is."""
    codes = [UNIVERSE, *(str(r) for r in Reason)]
    steps = F.explode(F.array(*(F.struct(F.lit(i).alias("step"), F.lit(code).alias("code")) for i, code in enumerate(codes))))
    total = decision.agg(F.count(F.lit(1)).alias("_universe")).select("_universe", steps.alias("_step")).select("_universe", "_step.*")
    drops = (
        decision.where(F.col(Decision.first_reason).isNotNull())
        .groupBy(F.col(Decision.first_reason).alias("code"))
        .agg(F.count(F.lit(1)).alias("_dropped"))
    )
    counted = total.join(drops, on="code", how="left").withColumn(Waterfall.dropped, F.coalesce("_dropped", F.lit(0)).cast("bigint"))
    so_far = Window.orderBy("step").rowsBetween(Window.unboundedPreceding, 0)
    left = F.col("_universe") - F.sum(Waterfall.dropped).over(so_far)
    return Waterfall.shape(
        counted.withColumn(Waterfall.remaining, left)
        .withColumn(Waterfall.entered, F.col(Waterfall.remaining) + F.col(Waterfall.dropped))
        .withColumn(Waterfall.campaign_id, F.lit(terms.spec.campaign_id))
    )


def build_tiers(units: DataFrame, terms: Terms) -> DataFrame:
    """`gold.tier`: what each tenth of the eligible is worth, from the best down."""
    # Rounded before they are added up, so that the sum does not depend on the order of the rows.
    expected = F.round(F.sum(F.coalesce(F.col(PROBABILITY), F.lit(0.0)).cast("decimal(20,9)")).cast("double"), 6)
    amount = F.sum(F.floor(PRIORITY)) if terms.is_by_amount else F.lit(None)  # cents, with the probability behind the point
    tenths = units.groupBy(F.col(DECILE).alias(Tier.tier)).agg(
        F.count(F.lit(1)).alias(Tier.quantity), expected.alias(Tier.expected_responses), amount.cast("bigint").alias(Tier.expected_amount_cents)
    )  # fmt: skip
    margin = F.round(F.col(Tier.expected_responses) * terms.margin_cents - F.col(Tier.quantity) * terms.cost_cents).cast("bigint")
    down = Window.orderBy(Tier.tier).rowsBetween(Window.unboundedPreceding, 0)
    valued = tenths.withColumn(Tier.expected_margin_cents, margin)
    return Tier.shape(
        valued.withColumns(
            {
                Tier.campaign_id: F.lit(terms.spec.campaign_id),
                Tier.cumulative_quantity: F.sum(Tier.quantity).over(down),
                Tier.cumulative_margin_cents: F.sum(Tier.expected_margin_cents).over(down),
                Tier.is_above_break_even: F.col(Tier.expected_margin_cents) >= 0,
            }
        )
    )


def build_overlap(eligible: DataFrame, chosen: DataFrame, terms: Terms) -> DataFrame:
    """`gold.list_overlap`: for each pair of lists who fits both, and how many of them the campaign reaches; a list with itself: who fits it."""
    taken = eligible.join(chosen.where(F.col(CELL) != HOLDOUT).select(PERSON, F.lit(1).alias("_piece")), on=PERSON, how="left")
    pairs = F.flatten(F.transform(FITS, lambda one: F.transform(FITS, lambda other: F.struct(one.alias("one"), other.alias("other")))))
    counted = taken.select(F.explode(pairs).alias("_pair"), "_piece").groupBy("_pair.one", "_pair.other").agg(
        F.count(F.lit(1)).alias(ListOverlap.eligible), F.count("_piece").alias(ListOverlap.selected)
    )  # fmt: skip
    names = F.array(*(F.lit(spec.list_id) for spec in terms.spec.lists))
    return ListOverlap.shape(
        counted.withColumns(
            {
                ListOverlap.campaign_id: F.lit(terms.spec.campaign_id),
                ListOverlap.list_id: F.element_at(names, F.col("one")),
                ListOverlap.other_list_id: F.element_at(names, F.col("other")),
            }
        )
    )


def build_reach(eligible: DataFrame, chosen: DataFrame, terms: Terms) -> DataFrame:
    """`gold.reach`: for each channel whom it could reach, whom it alone could, and whom it does."""
    pieces = chosen.where(F.col(CELL) != HOLDOUT).select(PERSON, F.col(CHANNEL).alias("_by"))
    reached = eligible.select(PERSON, F.explode(OPEN).alias(CHANNEL), F.size(OPEN).alias("_ways")).join(pieces, on=PERSON, how="left")
    counted = reached.groupBy(CHANNEL).agg(
        F.count(F.lit(1)).alias(Reach.eligible),
        F.count(F.when(F.col("_ways") == 1, 1)).alias(Reach.only_by_it),
        F.count(F.when(F.col("_by") == F.col(CHANNEL), 1)).alias(Reach.selected),
    )
    return Reach.shape(counted.withColumn(Reach.campaign_id, F.lit(terms.spec.campaign_id)))


def build_campaign(chosen: DataFrame, terms: Terms, cut_on: Column) -> DataFrame:
    """`gold.campaign`: one row, the frozen specification and what came of it."""
    spec = terms.spec
    held = F.count(F.when(F.col(CELL) == HOLDOUT, 1))
    counts = chosen.agg(held.alias(Campaign.held_out), (F.count(F.lit(1)) - held).alias(Campaign.selected))
    planned = F.col(Campaign.held_out) if terms.planned_holdout is None else F.lit(terms.planned_holdout).cast("bigint")
    said = {
        Campaign.campaign_id: spec.campaign_id, Campaign.spec_hash: terms.spec_hash, Campaign.product: str(spec.product),
        Campaign.client_id: spec.client, Campaign.purpose: str(spec.purpose), Campaign.programme: str(spec.programme),
        Campaign.drop_date: terms.drop_date, Campaign.cutoff: terms.cutoff, Campaign.specification: terms.frozen,
    }  # fmt: skip
    return Campaign.shape(
        counts.withColumns({name: F.lit(value) for name, value in said.items()}).withColumns(
            {
                Campaign.channels: F.array(*(F.lit(c) for c in terms.channels)),
                Campaign.model_key: F.lit(terms.model_key).cast("string"),
                Campaign.ordered: F.lit(spec.quantity).cast("bigint"),
                Campaign.planned_holdout: planned,
                Campaign.cost_per_piece_cents: F.lit(terms.cost_cents).cast("bigint"),
                Campaign.margin_cents: F.lit(terms.margin_cents).cast("bigint"),
                Campaign.cut_on: cut_on,
            }
        )
    )
