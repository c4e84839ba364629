"""The card of one model: how well it foretold a later period, whether its probabilities hold, what drives it, and what the gate decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appetence.contracts.gold import Drift, GainsTier, ModelCard, Stability
from appetence.reporting import charts, numbers, words
from appetence.reporting.aggregates import BIN, EVERYBODY, N, probability_edges
from appetence.reporting.parts import Fact, Page, Part, Picture, Section, Sheet, Words

Row = Mapping[str, Any]
MOST_REASONS, MOST_COLUMNS = 12, 10


@dataclass(frozen=True)
class ModelRows:
    """What the card tells of the version `card`. `bins`, `reasons` and `scored` are aggregates of the newest scores; they may be empty."""

    card: Row
    versions: Sequence[Row]
    tiers: Sequence[Row]
    bins: Sequence[Row]
    reasons: Sequence[Row]
    scored: Row | None
    client_label: str
    source: str
    is_gift: bool = False
    stability: Row | None = None
    drift: Sequence[Row] = ()


def build_model(found: ModelRows) -> Page:
    """The page `model_<key>.html`."""
    card, what = found.card, "givers" if found.is_gift else "buyers"
    product = words.product(card[ModelCard.model_key].split(":")[0])
    return Page(
        title=f"Model {card[ModelCard.model_key]}",
        subtitle=f"{product}, for {found.client_label}. Version {card[ModelCard.model_version]}. For the operator; counts are exact.",
        facts=[
            Fact("AUC", numbers.decimal(card[ModelCard.auc]), f"recency or frequency alone: {numbers.decimal(card[ModelCard.baseline_auc])}"),
            Fact("Lift of the best tenth", numbers.decimal(card[ModelCard.top_decile_lift], 1), "times the average rate"),
            Fact("Found in the best fifth", numbers.percent(card[ModelCard.top_fifth_capture], 0), f"of all {what}"),
            Fact("Calibration error", numbers.percent(card[ModelCard.calibration_error], 2), "mean gap between said and seen"),
            Fact("Gate", "passed" if card[ModelCard.is_champion] else "not in use", card[ModelCard.gate_reason]),
        ],
        sections=[
            Section("For campaign teams", "", [Words(in_words(found, what), is_list=True)]),
            *_gains(found, what),
            *_calibration(found, what),
            *_scores(found),
            *_stability(found),
            *_reasons(found),
            Section("How it was made", "", [_made(card)]),
            *_versions(found.versions),
        ],
        source=found.source,
    )


def in_words(found: ModelRows, what: str) -> list[str]:
    """What a campaign team takes from the card, in sentences."""
    card = found.card
    tiers = sorted(found.tiers, key=lambda t: t[GainsTier.decile])
    said = []
    if tiers:
        first, last = tiers[0], tiers[-1]
        said.append(
            f"Contact the best tenth and you reach {numbers.percent(first[GainsTier.cumulative_capture], 0)} of the {what}; "
            f"at random you would reach 10{numbers.THIN}%."
        )
        said.append(
            f"In the test, {_of_hundred(first[GainsTier.rate])} of the best tenth did {'give' if found.is_gift else 'buy'}, "
            f"and {_of_hundred(last[GainsTier.rate])} of the last."
        )
        half = next((t for t in tiers if t[GainsTier.cumulative_capture] >= 0.5), last)
        said.append(f"Half of the {what} are among the first {10 * half[GainsTier.decile]}{numbers.THIN}% of the list.")
    error = card[ModelCard.calibration_error]
    if error is not None:
        said.append(
            f"The probabilities can be added up: tenth by tenth, expected and real {what} differ by {numbers.percent(error, 2)} "
            "of the persons on average. They foretell who will act, not what a campaign adds: for that there is the hold-out."
        )
    gain = (card[ModelCard.auc] or 0) - (card[ModelCard.baseline_auc] or 0)
    if card[ModelCard.auc] is not None and card[ModelCard.baseline_auc] is not None:
        verdict = "worse" if gain > 0.005 else "as well" if gain > -0.005 else "better"
        said.append(
            f"Ranking by the last purchase or by how often somebody buys does {verdict}: {numbers.decimal(card[ModelCard.baseline_auc])} "
            f"against {numbers.decimal(card[ModelCard.auc])} (1 is perfect, 0.5 is chance)."
        )
    said.append("No rank makes a contact lawful: permissions, suppression and instructions are applied by the selection, after the score.")
    return said


def _of_hundred(rate: float) -> str:
    return f"{numbers.decimal(100 * rate, 1)} in a hundred"


def gains_picture(tiers: Sequence[Row], what: str = "buyers") -> Picture:
    """The cumulative gains curve of GainsTier rows with 95 % intervals."""
    rows = sorted(tiers, key=lambda t: t[GainsTier.decile])
    everybody, positives = sum(t[GainsTier.persons] for t in rows), sum(t[GainsTier.positives] for t in rows)
    depth, measures, persons, hits = [], [], 0, 0
    for t in rows:
        persons, hits = persons + t[GainsTier.persons], hits + t[GainsTier.positives]
        depth.append(persons / everybody if everybody else 0.0)
        measures.append(charts.Measure(str(t[GainsTier.decile]), hits / positives if positives else 0.0, *numbers.wilson(hits, positives)))
    return Picture(
        f"Share of {what} reached by how deep the list is used",
        lambda narrow: charts.gains(depth, measures, what=what, narrow=narrow),
        f"The best tenth holds {numbers.percent(measures[0].value if measures else None, 0)} of the {what}.",
        "The band is the 95 % interval of each share.",
    )


def _gains(found: ModelRows, what: str) -> list[Section]:
    if not found.tiers:
        return []
    rows = [
        [
            str(t[GainsTier.decile]), numbers.count(t[GainsTier.persons]), numbers.count(t[GainsTier.positives]),
            numbers.percent(t[GainsTier.mean_probability], 2), numbers.percent(t[GainsTier.rate], 2), numbers.decimal(t[GainsTier.lift], 2),
            f"{numbers.decimal(t[GainsTier.lift_low], 2)} to {numbers.decimal(t[GainsTier.lift_high], 2)}",
            numbers.percent(t[GainsTier.cumulative_capture], 1),
        ]
        for t in sorted(found.tiers, key=lambda t: t[GainsTier.decile])
    ]  # fmt: skip
    columns = ["Tenth", "Persons", what.capitalize(), "Predicted", "Observed", "Lift", "90 % interval", "Reached"]
    lead = "Everybody of the test period, best first. A steep start is a good model; the dashed line is no model."
    return [Section("Gains", lead, [gains_picture(found.tiers, what), Sheet(columns, rows, tuple(range(8)), asides=(1, 2, 6))])]


def calibration_picture(tiers: Sequence[Row]) -> Picture:
    """Mean prediction against observed rate of GainsTier rows, with 95 % Wilson intervals."""
    measures = [
        charts.Measure(
            str(t[GainsTier.decile]),
            t[GainsTier.rate],
            *numbers.wilson(t[GainsTier.positives], t[GainsTier.persons]),
            t[GainsTier.mean_probability],
        )
        for t in sorted(tiers, key=lambda t: t[GainsTier.decile])
    ]
    inside = sum(1 for m in measures if m.low <= (m.expected or 0.0) <= m.high)
    return Picture(
        "Predicted against observed",
        lambda narrow: charts.calibration(measures, narrow=narrow),
        f"In {inside} of {len(measures)} tenths the prediction lies within the interval of what was observed.",
    )


def _calibration(found: ModelRows, what: str) -> list[Section]:
    if not found.tiers:
        return []
    picture = calibration_picture(found.tiers)
    return [Section("Do the probabilities hold?", f"{picture.says} Points above the line are tenths with more {what} than foretold.", [picture])]


def score_picture(bins: Sequence[Row]) -> Picture:
    """Persons by calibrated probability, from `aggregates.probability_bins`."""
    edges = probability_edges()
    by = {r[BIN]: float(r[N]) for r in bins}
    values = [by.get(i, 0.0) for i in range(len(edges) - 1)]
    first, last = min(by), max(by)
    return Picture(
        "Persons by probability",
        lambda narrow: charts.histogram(
            edges[first : last + 2],
            [("persons", values[first : last + 1])],
            label="calibrated probability (log scale)",
            unit="persons",
            is_log=True,
            narrow=narrow,
        ),
        f"Most persons lie near {numbers.percent(edges[max(by, key=lambda b: by[b])], 2)}.",
    )


def _scores(found: ModelRows) -> list[Section]:
    if not found.bins or found.scored is None:
        return []
    s = found.scored
    lead = f"{numbers.count(s[N])} persons, on the history up to {numbers.day(s['cutoff'])}; mean probability {numbers.percent(s['mean'], 2)}."
    return [Section("Scores of today", lead, [score_picture(found.bins)])]


def _stability(found: ModelRows) -> list[Section]:
    """How far the newest scoring is from the test period and from the scoring before."""
    s = found.stability
    if s is None:
        return []
    parts: list[Part] = [Words(stability_in_words(s), is_list=True)]
    moved = sorted((d for d in found.drift if d[Drift.verdict] != "stable"), key=lambda d: -d[Drift.stability_index])[:MOST_COLUMNS]
    if moved:
        rows = [[d[Drift.subject_column], numbers.decimal(d[Drift.stability_index], 2), d[Drift.verdict]] for d in moved]
        parts.append(Sheet(["Input", "Stability index", ""], rows, (1,)))
    lead = "Above 0.1 the people scored differ from those of the test; above 0.25 train again before a large mailing."
    return [Section("Is it still the same base?", lead, parts)]


def stability_in_words(s: Row) -> list[str]:
    """What gold.stability says of one scoring run, in sentences."""
    said = [f"Mean probability {numbers.percent(s[Stability.mean_probability], 2)}"]
    if s[Stability.score_index] is None:
        said[0] += "; this model was stored before its test period was kept: train again to watch it."
    else:
        tested = numbers.percent(s[Stability.tested_mean_probability], 2)
        said[0] += (
            f", {tested} in the test period; stability index of the scores {numbers.decimal(s[Stability.score_index], 2)}: {s[Stability.verdict]}."
        )
        said.append(f"{numbers.count(s[Stability.drifted_columns])} inputs have drifted.")
    if s[Stability.previous_cutoff] is not None:
        said.append(
            f"Since {numbers.day(s[Stability.previous_cutoff])}: {numbers.percent(s[Stability.newly_scored_share], 1)} of the persons are new, "
            f"{numbers.percent(s[Stability.first_decile_kept_share], 0)} of the best tenth are in it again, "
            f"{numbers.percent(s[Stability.first_decile_new_share], 0)} of today's best tenth were not in it."
        )
    return said


def reason_picture(reasons: Sequence[Row], first_decile: int, everybody: int) -> Picture:
    """The most frequent leading reasons of the first tenth, beside everybody."""
    rows = sorted(reasons, key=lambda r: (-r["first_decile"], r["reason"]))[:MOST_REASONS]
    labels = [r["reason"] for r in rows]
    tops: list[float | None] = [r["first_decile"] / max(first_decile, 1) for r in rows]
    alls: list[float | None] = [r[EVERYBODY] / max(everybody, 1) for r in rows]
    return Picture(
        "What drives the score",
        lambda narrow: charts.bars(
            labels,
            [("best tenth", tops), ("everybody", alls)],
            unit="share of persons with this reason",
            is_share=True,
            narrow=narrow,
        ),
        "Share of the best tenth, and of everybody, for whom each reason is among the leading ones.",
    )


def _reasons(found: ModelRows) -> list[Section]:
    if not found.reasons or found.scored is None:
        return []
    lead = "Each person has a few leading reasons, told as the campaign teams write them. A sector fed by few members is never named alone."
    return [Section("Reasons", lead, [reason_picture(found.reasons, found.scored["first_decile"], found.scored[N])])]


def _made(card: Row) -> Part:
    rows = [
        ["Kind of model", words.readable(card[ModelCard.algorithm])],
        ["Learnt on the histories up to", words.listed(card[ModelCard.train_cutoffs])],
        ["Rows learnt from", numbers.count(card[ModelCard.train_rows])],
        ["Tested on the period after", str(card[ModelCard.test_cutoff])],
        ["Rows tested on", f"{numbers.count(card[ModelCard.test_rows])}, {numbers.count(card[ModelCard.test_positives])} positive"],
        ["Average precision", numbers.decimal(card[ModelCard.average_precision])],
        ["Brier score", numbers.decimal(card[ModelCard.brier], 4)],
        ["MLflow run", card[ModelCard.mlflow_run_id]],
    ]
    return Sheet(["", ""], rows)


def _versions(versions: Sequence[Row]) -> list[Section]:
    rows = [
        [
            v[ModelCard.model_version],
            str(v[ModelCard.trained_on]),
            "in use" if v[ModelCard.is_champion] else "not in use",
            numbers.decimal(v[ModelCard.auc]),
            v[ModelCard.gate_reason],
        ]
        for v in versions
    ]
    return [
        Section(
            "What the gate decided",
            "A challenger replaces the model in use only when it passes every test on the same later period.",
            [Sheet(["Version", "Trained on", "State", "AUC", "Reason"], rows, (3,))],
        )
    ]
