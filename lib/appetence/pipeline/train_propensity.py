"""Trains the configured models on several cutoffs, judges each on a later one, and lets the gate decide.

Writes the model registry, `gold.model_card` and `gold.gains_tier`.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.features import Feature
from appetence.contracts.gold import GainsTier, ModelCard, Segment
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.reference import Instruction
from appetence.contracts.silver import PermissionEvent, Transaction
from appetence.errors import ModelError
from appetence.features import LABEL, LABEL_AMOUNT, build_labels, build_rates, month_starts, theme_of, with_label
from appetence.features.rates import BEGINS, PERSONS
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.modelling import (
    Base,
    Calendar,
    ModelPlan,
    base_of,
    calendar_of,
    dataset_of,
    eligible_persons,
    horizon,
    learnt_from,
    plan_of,
    readable_transactions,
)
from appetence.pipeline.scorable import unlearnable
from appetence.propensity import (
    AmountModel,
    Difference,
    Evidence,
    Judged,
    Propensity,
    Sample,
    Shift,
    Trained,
    Verdict,
    auc_difference,
    decide,
    fit,
    judge,
    score_shift,
)
from appetence.propensity.drift import Profile
from appetence.propensity.plots import all_plots, contributions_plot
from appetence.propensity.reasons import contributions, themes
from appetence.propensity.registry import Record, Registry, ScoredModel, Version, registered_name
from appetence.propensity.sampling import negative_rate, sample_negatives, sample_rows
from appetence.propensity.season import Window, season_of
from appetence.runtime.ahead import side_by_side
from appetence.version import __version__

CONTRIBUTION_ROWS = 2000
"""Rows of the later period that the picture of contributions is drawn from."""
KEYS = [str(Feature.cutoff), str(Feature.person_id)]
TRAINED_FROM = (Feature, Segment, Transaction, PersonLink, HouseholdLink, Instruction, PermissionEvent)


@dataclass(frozen=True)
class Past:
    """What a run is trained from, read once whatever the number of models. `windows`: how often each target was met, month by month."""

    transactions: DataFrame
    calendar: Calendar
    base: Base
    windows: Mapping[str, Sequence[Window]]


@dataclass(frozen=True)
class Attempt:
    """A fitted model, the later sample to judge it on, and how far its scores moved until then."""

    trained: Trained
    test: Sample
    shift: Shift


def run(ctx: Context) -> Counts:
    """Trains every model of `propensity.models`. A model that cannot be trained keeps its champion; without any champion the run fails."""
    registry = Registry(ctx.config.paths.mlflow)
    keys = ctx.config.propensity.models
    if not keys:
        return Counts(0, 0, details={"models": {}, "refused": {}})
    plans = {key: _planned(ctx, key) for key in keys}
    past = _past(ctx, [p for p in plans.values() if isinstance(p, ModelPlan)])
    # Spark makes the rows of one model while another is fitted.
    answers = dict(zip(keys, side_by_side(*(partial(_tried, ctx, registry, past, plans[key]) for key in keys), workers=2), strict=True))
    cards = [a for a in answers.values() if not isinstance(a, ModelError)]
    refused = {key: str(a) for key, a in answers.items() if isinstance(a, ModelError)}
    for key, why in refused.items():
        ctx.progress(f"{key}: not trained. {why}")
    rows = sum(c["card"][ModelCard.train_rows] + c["card"][ModelCard.test_rows] for c in cards)
    if refused and not any(registry.champion(registered_name(k)) for k in ctx.config.propensity.models):
        raise ModelError(next(iter(refused.values())))
    _write(ctx, cards)
    return Counts(
        rows,
        len(cards),
        len(refused),
        {
            "models": {c["card"][ModelCard.model_key]: c["card"][ModelCard.gate_reason] for c in cards}, "refused": refused,
            # A model trained on the same before has its decision already.
            "audit": [c["decision"] for c in cards if "decision" in c],
        },
    )  # fmt: skip


def _planned(ctx: Context, key: str) -> ModelPlan | ModelError:
    try:
        return plan_of(ctx, key)
    except ModelError as failed:
        return failed


def _past(ctx: Context, plans: Sequence[ModelPlan]) -> Past:
    """Cutoffs, the inputs at those, and the windows before. Dates are those of all members; what is learnt comes from those that let it be."""
    readable, refused = readable_transactions(ctx), unlearnable(ctx)
    calendar = calendar_of(ctx, readable)
    transactions = learnable_transactions(ctx, readable, refused)
    base, windows = side_by_side(lambda: base_of(ctx, calendar.labelled, refused=refused), lambda: _windows(ctx, plans, transactions, calendar))
    return Past(transactions, calendar, base, windows)


def learnable_transactions(ctx: Context, readable: DataFrame, refused: DataFrame) -> DataFrame:
    """Those of members that let the service be improved with their data, less those of persons who refused it to the member."""
    links = ctx.lake.read(PersonLink).select(PersonLink.record_id, PersonLink.person_id, PersonLink.member_id)
    closed = links.join(refused, on=[str(PersonLink.person_id), str(PersonLink.member_id)], how="left_semi").select(PersonLink.record_id)
    theirs = readable.where(F.col(Transaction.member_id).isin(sorted(learnt_from(ctx))))
    return theirs.join(closed, on=str(Transaction.record_id), how="left_anti")


def _windows(ctx: Context, plans: Sequence[ModelPlan], transactions: DataFrame, calendar: Calendar) -> dict[str, list[Window]]:
    """The windows of the past by model: at most some dozens each."""
    starts = month_starts(calendar.known_until, horizon(ctx))
    if not plans or not starts:
        return {p.key: [] for p in plans}
    names = {p.key: f"m{i}" for i, p in enumerate(plans)}
    rates = build_rates(
        transactions, ctx.lake.read(PersonLink), eligible_persons(ctx), {names[p.key]: p.targets for p in plans}, starts, horizon(ctx)
    )
    rows = sorted(rates.collect(), key=lambda r: r[BEGINS])
    return {key: [Window(r[BEGINS], int(r[PERSONS]), int(r[name])) for r in rows] for key, name in names.items()}


def _tried(ctx: Context, registry: Registry, past: Past, plan: ModelPlan | ModelError) -> dict[str, Any] | ModelError:
    """The card of one model, or why it has none."""
    if isinstance(plan, ModelError):
        return plan
    try:
        card = _model(ctx, registry, past, plan)
    except ModelError as failed:
        return failed
    ctx.progress(_told(card["card"]))
    return card


def _model(ctx: Context, registry: Registry, past: Past, plan: ModelPlan) -> dict[str, Any]:
    """The card of one model: of the version already trained on the same inputs, else of a new one."""
    staged = ctx.lake.stage(f"train_{plan.key}", labelled(ctx, plan, past))
    training_hash = hash_of(ctx, plan, past, staged)
    known = registry.found(registered_name(plan.key), training_hash)
    if known:
        return registry.card(known)
    return _registered(ctx, registry, plan, past.calendar, train(ctx, plan, past, staged), training_hash)


def labelled(ctx: Context, plan: ModelPlan, past: Past) -> DataFrame:
    """The dataset of all training cutoffs and the test cutoff, with labels."""
    cutoffs = past.calendar.labelled
    positives = build_labels(past.transactions, ctx.lake.read(PersonLink), plan.targets, cutoffs, horizon(ctx), ctx.as_of)
    return with_label(dataset_of(ctx, plan, past.base), positives)


def train(ctx: Context, plan: ModelPlan, past: Past, staged: DataFrame) -> Attempt:
    """The fitted model with what is needed to judge it."""
    calendar = past.calendar
    settings = ctx.config.propensity
    columns = [c for c in staged.columns if c not in (*KEYS, LABEL, LABEL_AMOUNT)]
    counts = {r[Feature.cutoff]: (int(r["n"]), int(r["p"])) for r in _counted(staged)}
    rows, positives = (sum(counts.get(c, (0, 0))[i] for c in calendar.fitting) for i in (0, 1))
    rate = negative_rate(rows, positives, settings.max_train_rows)
    fit_rows = _pandas(sample_negatives(_at(staged, list(calendar.fitting)), LABEL, KEYS, rate, settings.seed), rate)
    last = counts.get(calendar.calibration, (0, 0))
    calibration_rate = negative_rate(*last, settings.max_train_rows)
    calibration = _pandas(sample_negatives(_at(staged, [calendar.calibration]), LABEL, KEYS, calibration_rate, settings.seed), calibration_rate)
    share = min(1.0, settings.max_train_rows / max(counts.get(calendar.test, (1, 0))[0], 1))
    later = _pandas(sample_rows(_at(staged, [calendar.test]), KEYS, share, settings.seed + 1), 1.0)
    season = season_of(past.windows[plan.key], calendar.calibration)
    trained = fit(fit_rows, calibration, columns, seed=settings.seed, seconds=settings.search_seconds, season=season)
    model = replace(trained.propensity, season=season)
    amount = _amounts([fit_rows, calibration], model.columns, plan)
    shift = score_shift(trained.held_out, model.raw(model.matrix(later.frame)), trained.held_out_weights)
    return Attempt(replace(trained, propensity=model, amount=amount), later, shift)


def _amounts(samples: Sequence[Sample], columns: Sequence[str], plan: ModelPlan) -> AmountModel | None:
    """What the buyers of the training windows spent, told by columns that the model reads."""
    buyers = [s.ordered().frame.loc[lambda f: f[LABEL] > 0, [*columns, LABEL_AMOUNT]] for s in samples]
    rows = pd.concat(buyers, ignore_index=True)
    return AmountModel.fit(rows, rows[LABEL_AMOUNT].to_numpy(dtype=np.float64), plan.whose)


def hash_of(ctx: Context, plan: ModelPlan, past: Past, staged: DataFrame) -> str:
    """Hash of what a training depends on: the rows, whatever their order, the past, the settings, the scope and this version of the library."""
    content = staged.agg(F.sum(F.xxhash64(*sorted(staged.columns)).cast("decimal(38,0)")).alias("rows_hash"), F.count(F.lit(1)).alias("rows")).first()
    settings = ctx.config.propensity.model_dump(mode="json", exclude={"models"})
    whole = {
        "rows": str(content.asDict() if content else {}), "features": ctx.config.features.model_dump(mode="json"), "settings": settings,
        "key": plan.key, "groups": plan.scope.groups, "version": __version__,
        "calendar": [str(c) for c in past.calendar.labelled], "windows": [str(w) for w in past.windows[plan.key]],
    }  # fmt: skip
    return sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _registered(ctx: Context, registry: Registry, plan: ModelPlan, calendar: Calendar, attempt: Attempt, training_hash: str) -> dict[str, Any]:
    settings, trained, test = ctx.config.propensity, attempt.trained, attempt.test
    judged = judge(trained.propensity, test, seed=settings.seed, baselines=plan.baselines)
    name = registered_name(plan.key)
    current = registry.champion(name)
    rival = _champion_quality(ctx, registry, current, test)
    difference = auc_difference(judged.labels, judged.raw, rival.raw, settings.seed) if rival else None
    quality = rival.quality if rival else None
    evidence = Evidence(judged.quality, max(judged.baselines.values()), quality, current is not None, difference, attempt.shift)
    verdict = decide(evidence, settings)
    themes = {c: theme_of(c) for c in trained.propensity.columns}
    profile = Profile.of(test.frame, trained.propensity.columns, judged.probabilities)
    record = _record(ctx, plan, calendar, attempt, judged, evidence)
    version = registry.register(name, ScoredModel(trained.propensity, themes, settings.reasons, profile, trained.amount), record)
    card = _card(ctx, plan, calendar, trained, judged, version, verdict.is_let_through, verdict.reason)
    registry.conclude(version, training_hash=training_hash, is_champion=verdict.is_let_through, reason=verdict.reason, card=card)
    return {**card, "decision": _decision(plan.key, version, current, verdict, evidence)}


def _decision(key: str, version: Version, current: Version | None, verdict: Verdict, evidence: Evidence) -> dict[str, Any]:
    """The entry of the trail about one word of the gate."""
    figures = {"auc": evidence.challenger.auc, "score_shift": evidence.shift.index if evidence.shift else None}
    if evidence.champion and evidence.difference:
        figures |= {"champion_auc": evidence.champion.auc, "difference_low": evidence.difference.low, "difference_high": evidence.difference.high}
    details = {
        "version": version.version, "before": current.version if current else "none", "is_champion": verdict.is_let_through, "reason": verdict.reason,
        "figures": {name: round(value, 6) for name, value in figures.items() if value is not None and math.isfinite(value)},
    }  # fmt: skip
    return {"actor": "train_propensity", "action": "gate_decided", "object_id": key, "details": details}


def _champion_quality(ctx: Context, registry: Registry, current: Version | None, test: Sample) -> Judged | None:
    """The champion on the same later rows; None when it cannot be evaluated (the gate then refuses)."""
    if current is None:
        return None
    try:
        return judge(registry.load(current).propensity, test, seed=ctx.config.propensity.seed, baselines={})
    except ModelError as failed:
        ctx.progress(f"{current.name}: the champion cannot be evaluated. {failed}")
        return None


def _record(ctx: Context, plan: ModelPlan, calendar: Calendar, attempt: Attempt, judged: Judged, evidence: Evidence) -> Record:
    trained, model = attempt.trained, attempt.trained.propensity
    params = {
        "model_key": plan.key, "family": model.family, "columns": len(model.columns), "calibration": model.calibrator.kind,
        "negative_rate": round(model.negative_rate, 6), "seed": ctx.config.propensity.seed, "fit_cutoffs": ",".join(map(str, calendar.fitting)),
        "calibration_cutoff": str(calendar.calibration), "test_cutoff": str(calendar.test), "known_until": str(calendar.known_until),
        "season": "none" if model.season is None else ",".join(f"{m:+.3f}" for m in model.season.months),
        "horizon_days": horizon(ctx).length, "gap_days": horizon(ctx).gap,
        "members_read": len(plan.scope.read_members), "groups": ",".join(sorted(set(plan.scope.groups.values()))),
    }  # fmt: skip
    metrics = {**judged.quality.as_dict(), **{f"baseline_{k}_auc": v for k, v in judged.baselines.items()}}
    if evidence.shift:
        metrics["score_shift"] = evidence.shift.index
    if evidence.champion and evidence.difference:
        metrics["champion_auc"] = evidence.champion.auc
        metrics |= {f"auc_difference{k}": v for k, v in _interval(evidence.difference).items()}
    if trained.amount:
        metrics |= trained.amount.as_dict() | _value(trained.amount, judged, attempt.test.ordered().frame)
    versions = {f"table_version.{t.full_name()}": str(ctx.lake.version(t)) for t in TRAINED_FROM}
    tags = {**versions, "commit": commit() or "unknown", "as_of": str(ctx.as_of), "library_version": __version__}
    title = f"{plan.key} — later period from {calendar.test}"
    figures = all_plots(judged, title) | {"contributions.png": contributions_plot(_contributed(model, attempt.test), title)}
    return Record(params, metrics, tags, figures, {}, trained.validation)


def _contributed(model: Propensity, test: Sample) -> dict[str, np.ndarray]:
    """Theme -> what it adds to the log odds of some of the later rows."""
    rows = test.ordered().frame
    some = rows.iloc[:: max(1, len(rows) // CONTRIBUTION_ROWS)]
    groups = themes(model, {c: theme_of(c) for c in model.columns})
    added = contributions(model, model.matrix(some), groups)
    return {theme: added[:, place] for place, theme in enumerate(groups)}


def _value(amount: AmountModel, judged: Judged, later: pd.DataFrame) -> dict[str, float]:
    """What the later period was expected to bring, over what it brought."""
    spent = float(later[LABEL_AMOUNT].fillna(0).sum())
    return {"value_expected_over_spent": float((judged.probabilities * amount.predict(later)).sum() / spent)} if spent > 0 else {}


def _interval(difference: Difference) -> dict[str, float]:
    return {"": difference.value, "_low": difference.low, "_high": difference.high}


def commit() -> str | None:
    """Commit of the code, when known."""
    from appetence.pipeline.runner import commit as found

    return found()


def _card(
    ctx: Context, plan: ModelPlan, calendar: Calendar, trained: Trained, judged: Judged, version: Version, is_champion: bool, reason: str
) -> dict[str, Any]:
    quality = judged.quality
    card = {
        ModelCard.model_key: plan.key, ModelCard.model_version: version.version, ModelCard.trained_on: str(ctx.as_of),
        ModelCard.algorithm: f"{trained.propensity.family}+{trained.propensity.calibrator.kind}",
        ModelCard.train_cutoffs: [str(c) for c in calendar.training], ModelCard.test_cutoff: str(calendar.test),
        ModelCard.train_rows: trained.rows, ModelCard.test_rows: quality.rows, ModelCard.test_positives: quality.positives,
        ModelCard.auc: quality.auc, ModelCard.average_precision: quality.average_precision, ModelCard.brier: quality.brier,
        ModelCard.calibration_error: quality.calibration_error, ModelCard.top_decile_lift: quality.top_decile_lift,
        ModelCard.top_fifth_capture: quality.top_fifth_capture, ModelCard.baseline_auc: max(judged.baselines.values()),
        ModelCard.is_champion: is_champion, ModelCard.gate_reason: reason, ModelCard.mlflow_run_id: version.run_id,
    }  # fmt: skip
    return {
        "card": {str(k): _plain(v) for k, v in card.items()},
        "tiers": [{k: _plain(v) for k, v in asdict(t).items()} for t in judged.tiers],
    }


def _plain(value: Any) -> Any:
    return round(value, 9) if isinstance(value, float) else value


def _write(ctx: Context, cards: list[dict[str, Any]]) -> None:
    """Adds the cards and gains tables; the same again changes nothing."""
    if not cards:
        return
    card_rows = [
        {**c["card"], "trained_on": dt.date.fromisoformat(c["card"]["trained_on"]), "test_cutoff": dt.date.fromisoformat(c["card"]["test_cutoff"])}
        for c in cards
    ]
    ctx.lake.upsert_rows(ModelCard, card_rows)
    tiers = [_tier(c["card"], t) for c in cards for t in c["tiers"]]
    ctx.lake.upsert_rows(GainsTier, tiers)


def _tier(card: Mapping[str, Any], tier: Mapping[str, Any]) -> dict[str, Any]:
    return {"model_key": card["model_key"], "model_version": card["model_version"], **tier}


def _told(card: Mapping[str, Any]) -> str:
    return (
        f"{card['model_key']} v{card['model_version']}: AUC {card['auc']:.3f} (baseline {card['baseline_auc']:.3f}), "
        f"first decile x{card['top_decile_lift']:.1f}, calibration error {card['calibration_error']:.4f}; {card['gate_reason']}"
    )


def _counted(staged: DataFrame) -> list[Any]:
    return staged.groupBy(Feature.cutoff).agg(F.count(F.lit(1)).alias("n"), F.sum(LABEL).alias("p")).collect()


def _at(staged: DataFrame, cutoffs: list[dt.date]) -> DataFrame:
    return staged.where(F.col(Feature.cutoff).isin(cutoffs))


def _pandas(rows: DataFrame, rate: float) -> Sample:
    return Sample(rows.toPandas(), rate)
