"""Trains the configured models on several cutoffs, judges each on a later one, and lets the gate decide.

Writes the model registry, `gold.model_card` and `gold.gains_tier`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.features import Feature
from appetence.contracts.gold import GainsTier, ModelCard, Segment
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.silver import Transaction
from appetence.errors import ModelError
from appetence.features import LABEL, build_labels, theme_of, with_label
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.modelling import Base, ModelPlan, base_of, dataset_of, horizon, modelling_cutoffs, plan_of, readable_transactions
from appetence.propensity import Judged, Sample, Trained, decide, fit, judge
from appetence.propensity.drift import Profile
from appetence.propensity.plots import all_plots
from appetence.propensity.registry import Record, Registry, ScoredModel, Version, registered_name
from appetence.propensity.sampling import negative_rate, sample_negatives, sample_rows
from appetence.runtime.ahead import side_by_side
from appetence.version import __version__

KEYS = [str(Feature.cutoff), str(Feature.person_id)]
TRAINED_FROM = (Feature, Segment, Transaction, PersonLink, HouseholdLink)


def run(ctx: Context) -> Counts:
    """Trains every model of `propensity.models`. A model that cannot be trained keeps its champion; without any champion the run fails."""
    registry = Registry(ctx.config.paths.mlflow)
    keys = ctx.config.propensity.models
    if not keys:
        return Counts(0, 0, details={"models": {}, "refused": {}})
    early, test = modelling_cutoffs(ctx)
    base = base_of(ctx, [*early, test])
    # Spark makes the rows of one model while another is fitted.
    answers = dict(zip(keys, side_by_side(*(partial(_tried, ctx, registry, base, key) for key in keys), workers=2), strict=True))
    cards = [a for a in answers.values() if not isinstance(a, ModelError)]
    refused = {key: str(a) for key, a in answers.items() if isinstance(a, ModelError)}
    rows = sum(c["card"][ModelCard.train_rows] + c["card"][ModelCard.test_rows] for c in cards)
    if refused and not any(registry.champion(registered_name(k)) for k in ctx.config.propensity.models):
        raise ModelError(next(iter(refused.values())))
    _write(ctx, cards)
    return Counts(
        rows,
        len(cards),
        len(refused),
        {"models": {c["card"][ModelCard.model_key]: c["card"][ModelCard.gate_reason] for c in cards}, "refused": refused},
    )


def _tried(ctx: Context, registry: Registry, base: Base, key: str) -> dict[str, Any] | ModelError:
    """The card of one model, or why it has none."""
    try:
        card = _model(ctx, registry, base, plan_of(ctx, key))
    except ModelError as failed:
        ctx.progress(f"{key}: not trained. {failed}")
        return failed
    ctx.progress(_told(card["card"]))
    return card


def _model(ctx: Context, registry: Registry, base: Base, plan: ModelPlan) -> dict[str, Any]:
    """The card of one model: of the version already trained on the same inputs, else of a new one."""
    staged = ctx.lake.stage(f"train_{plan.key}", labelled(ctx, plan, base))
    training_hash = hash_of(ctx, plan, staged)
    known = registry.found(registered_name(plan.key), training_hash)
    if known:
        return registry.card(known)
    trained, test = train(ctx, plan, staged)
    return _registered(ctx, registry, plan, trained, test, training_hash)


def labelled(ctx: Context, plan: ModelPlan, base: Base) -> DataFrame:
    """The dataset of all training cutoffs and the test cutoff, with labels."""
    early, test = modelling_cutoffs(ctx)
    cutoffs = [*early, test]
    positives = build_labels(readable_transactions(ctx), ctx.lake.read(PersonLink), plan.targets, cutoffs, horizon(ctx), ctx.as_of)
    return with_label(dataset_of(ctx, plan, base), positives)


def train(ctx: Context, plan: ModelPlan, staged: DataFrame) -> tuple[Trained, Sample]:
    """The fitted model and the later sample to judge it on."""
    early, test = modelling_cutoffs(ctx)
    settings = ctx.config.propensity
    columns = [c for c in staged.columns if c not in (*KEYS, LABEL)]
    counts = {r[Feature.cutoff]: (int(r["n"]), int(r["p"])) for r in _counted(staged)}
    fitting = early[:-1]
    rows, positives = (sum(counts.get(c, (0, 0))[i] for c in fitting) for i in (0, 1))
    rate = negative_rate(rows, positives, settings.max_train_rows)
    fit_rows = _pandas(sample_negatives(_at(staged, fitting), LABEL, KEYS, rate, settings.seed), rate)
    last = counts.get(early[-1], (0, 0))
    calibration_rate = negative_rate(*last, settings.max_train_rows)
    calibration = _pandas(sample_negatives(_at(staged, early[-1:]), LABEL, KEYS, calibration_rate, settings.seed), calibration_rate)
    share = min(1.0, settings.max_train_rows / max(counts.get(test, (1, 0))[0], 1))
    later = _pandas(sample_rows(_at(staged, [test]), KEYS, share, settings.seed + 1), 1.0)
    return fit(fit_rows, calibration, columns, seed=settings.seed, seconds=settings.search_seconds), later


def hash_of(ctx: Context, plan: ModelPlan, staged: DataFrame) -> str:
    """Hash of what a training depends on: the rows, whatever their order, the settings, the scope and this version of the library."""
    content = staged.agg(F.sum(F.xxhash64(*sorted(staged.columns)).cast("decimal(38,0)")).alias("rows_hash"), F.count(F.lit(1)).alias("rows")).first()
    settings = ctx.config.propensity.model_dump(mode="json", exclude={"models"})
    whole = {
        "rows": str(content.asDict() if content else {}), "features": ctx.config.features.model_dump(mode="json"), "settings": settings,
        "key": plan.key, "groups": plan.scope.groups, "version": __version__,
    }  # fmt: skip
    return sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _registered(ctx: Context, registry: Registry, plan: ModelPlan, trained: Trained, test: Sample, training_hash: str) -> dict[str, Any]:
    settings = ctx.config.propensity
    judged = judge(trained.propensity, test, seed=settings.seed, baselines=plan.baselines)
    name = registered_name(plan.key)
    current = registry.champion(name)
    rival = _champion_quality(ctx, registry, current, test)
    verdict = decide(
        judged.quality,
        max(judged.baselines.values()),
        rival.quality if rival else None,
        has_champion=current is not None,
        settings=settings,
    )
    themes = {c: theme_of(c) for c in trained.propensity.columns}
    profile = Profile.of(test.frame, trained.propensity.columns, judged.probabilities)
    record = _record(ctx, plan, trained, judged, rival)
    version = registry.register(name, ScoredModel(trained.propensity, themes, settings.reasons, profile), record)
    card = _card(ctx, plan, trained, judged, version, verdict.is_let_through, verdict.reason)
    registry.conclude(version, training_hash=training_hash, is_champion=verdict.is_let_through, reason=verdict.reason, card=card)
    return card


def _champion_quality(ctx: Context, registry: Registry, current: Version | None, test: Sample) -> Judged | None:
    """The champion on the same later rows; None when it cannot be evaluated (the gate then refuses)."""
    if current is None:
        return None
    try:
        return judge(registry.load(current).propensity, test, seed=ctx.config.propensity.seed, baselines={})
    except ModelError as failed:
        ctx.progress(f"{current.name}: the champion cannot be evaluated. {failed}")
        return None


def _record(ctx: Context, plan: ModelPlan, trained: Trained, judged: Judged, rival: Judged | None) -> Record:
    early, test = modelling_cutoffs(ctx)
    model = trained.propensity
    params = {
        "model_key": plan.key, "family": model.family, "columns": len(model.columns), "calibration": model.calibrator.kind,
        "negative_rate": round(model.negative_rate, 6), "seed": ctx.config.propensity.seed, "fit_cutoffs": ",".join(map(str, early[:-1])),
        "calibration_cutoff": str(early[-1]), "test_cutoff": str(test), "horizon_days": horizon(ctx).length, "gap_days": horizon(ctx).gap,
        "members_read": len(plan.scope.read_members), "groups": ",".join(sorted(set(plan.scope.groups.values()))),
    }  # fmt: skip
    metrics = {**judged.quality.as_dict(), **{f"baseline_{k}_auc": v for k, v in judged.baselines.items()}}
    metrics |= {f"validation_{f}_{m}": v for f, values in trained.validation.items() for m, v in values.items()}
    if rival:
        metrics["champion_auc"] = rival.quality.auc
    versions = {f"table_version.{t.full_name()}": str(ctx.lake.version(t)) for t in TRAINED_FROM}
    tags = {**versions, "commit": commit() or "unknown", "as_of": str(ctx.as_of), "library_version": __version__}
    return Record(params, metrics, tags, all_plots(judged, f"{plan.key} — later period from {test}"), {})


def commit() -> str | None:
    """Commit of the code, when known."""
    from appetence.pipeline.runner import commit as found

    return found()


def _card(ctx: Context, plan: ModelPlan, trained: Trained, judged: Judged, version: Version, is_champion: bool, reason: str) -> dict[str, Any]:
    early, test = modelling_cutoffs(ctx)
    quality = judged.quality
    card = {
        ModelCard.model_key: plan.key, ModelCard.model_version: version.version, ModelCard.trained_on: str(ctx.as_of),
        ModelCard.algorithm: f"{trained.propensity.family}+{trained.propensity.calibrator.kind}",
        ModelCard.train_cutoffs: [str(c) for c in early], ModelCard.test_cutoff: str(test),
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
    card_rows = [{**c["card"], "trained_on": _day(c["card"]["trained_on"]), "test_cutoff": _day(c["card"]["test_cutoff"])} for c in cards]
    ctx.lake.upsert(ModelCard, ModelCard.frame(ctx.spark, card_rows))
    tiers = [_tier(c["card"], t) for c in cards for t in c["tiers"]]
    ctx.lake.upsert(GainsTier, GainsTier.frame(ctx.spark, tiers))


def _tier(card: Mapping[str, Any], tier: Mapping[str, Any]) -> dict[str, Any]:
    return {"model_key": card["model_key"], "model_version": card["model_version"], **tier}


def _day(text: str) -> Any:
    from datetime import date

    return date.fromisoformat(text)


def _told(card: Mapping[str, Any]) -> str:
    return (
        f"{card['model_key']} v{card['model_version']}: AUC {card['auc']:.3f} (baseline {card['baseline_auc']:.3f}), "
        f"first decile x{card['top_decile_lift']:.1f}, calibration error {card['calibration_error']:.4f}; {card['gate_reason']}"
    )


def _counted(staged: DataFrame) -> list[Any]:
    return staged.groupBy(Feature.cutoff).agg(F.count(F.lit(1)).alias("n"), F.sum(LABEL).alias("p")).collect()


def _at(staged: DataFrame, cutoffs: list[Any]) -> DataFrame:
    return staged.where(F.col(Feature.cutoff).isin(cutoffs))


def _pandas(rows: DataFrame, rate: float) -> Sample:
    return Sample(rows.toPandas(), rate)
