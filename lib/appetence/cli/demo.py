"""`appetence demo`: makes the demonstration co-operative, runs the whole chain on it, and says what came out."""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
from pathlib import Path
from typing import Any

from pyspark.sql import functions as F

from appetence.cli.arguments import add_environment_arguments
from appetence.cli.chain import run_chain, told_at_the_end
from appetence.contracts.campaign import Campaign, Matchback, Uplift, Waterfall
from appetence.contracts.gold import GainsTier, ModelCard
from appetence.errors import ConfigError
from appetence.pipeline.context import Context
from appetence.pipeline.runner import Outcome, opened, run_job
from appetence.pipeline.steps import CHAIN
from appetence.runtime import console
from appetence.runtime.ahead import side_by_side
from appetence.runtime.clock import seconds
from appetence.runtime.config import Config, load

AS_OF = dt.date(2026, 10, 31)
RESULTS_ON = dt.date(2027, 2, 15)
SHOWN = 3
SMALL = 100_000
_UP_TO_SELECTION = (*CHAIN[: CHAIN.index("select_campaign")], "import_suppressions", "handle_rights", "select_campaign")
_UP_TO_IDENTITY = ("receive_deliveries", "standardise_records", "resolve_identities")


def add_to(commands: Any) -> None:
    """The `demo` command."""
    command = commands.add_parser("demo", help="make the demonstration co-operative and run the whole chain on it")
    command.add_argument("--records", type=int, default=20_000, help="customer records to make, over 12 members (default: 20000)")
    command.add_argument("--seed", type=int, default=1, help="seed of the co-operative")
    command.add_argument("--keep", action="store_true", help="run the chain again on what is there instead of starting anew")
    add_environment_arguments(command)
    command.set_defaults(act=_demo, env="demo")


def _demo(args: argparse.Namespace) -> int:
    from appetence.pipeline.make_demo import evaluate_identity
    from appetence.pipeline.report import write_pages

    quick = ["spark.jit=quick", "spark.shuffle_partitions=2"] if args.records <= SMALL else []
    config = load(args.env, [*quick, *args.overrides], args.conf)
    started = seconds()
    outcomes = [] if args.keep else _made(config, args.records, args.seed)
    made = seconds() - started
    outcomes += run_chain(config, AS_OF, jobs=_UP_TO_SELECTION[len(outcomes) :])
    # Who was selected responds, whatever the files are called: the responses are made while the files are.
    exported, _ = side_by_side(lambda: run_chain(config, AS_OF, jobs=("export_selection",)), lambda: 0 if args.keep else _responses(config))
    outcomes += exported + run_chain(config, RESULTS_ON, jobs=_UP_TO_IDENTITY)
    with opened(config, "report", RESULTS_ON) as ctx:
        measured, found, retention = side_by_side(
            lambda: run_chain(config, RESULTS_ON, jobs=("measure_response", "issue_statements")),
            lambda: evaluate_identity(ctx),
            lambda: run_job(config, "enforce_retention", RESULTS_ON, dry_run=True, spark=ctx.spark, has_lake=True),
        )
        outcomes += [*measured, retention]
        page, _ = side_by_side(lambda: write_pages(ctx, truth=found), lambda: summarise(ctx, outcomes, found))
    console.say(f"\nMade in {made:.0f} s, run in {seconds() - started - made:.0f} s.")
    _point(config, page)
    told_at_the_end(outcomes)
    return 0


def _start_anew(config: Config) -> None:
    root = Path(config.paths.root)
    if root.exists():
        if not (root / "truth").exists() and any(root.iterdir()):
            raise ConfigError(f"{root} holds something else than a demonstration: remove it, or --set paths.root=ELSEWHERE.")
        shutil.rmtree(root)
    # First of all, so that a demonstration stopped early is known as one.
    Path(config.paths.truth).mkdir(parents=True)


def _made(config: Config, records: int, seed: int) -> list[Outcome]:
    """Makes the demonstration. The reference tables come from configuration and shipped data: they are loaded meanwhile."""
    from appetence.pipeline.make_demo import make_demo

    _start_anew(config)
    console.complain(f"[demo] making a co-operative of {records} records, and loading the reference tables")
    with opened(config, "make_demo", AS_OF) as ctx:
        _, loaded = side_by_side(lambda: make_demo(ctx, records, seed), lambda: run_job(config, CHAIN[0], AS_OF, spark=ctx.spark))
    return [loaded]


def _responses(config: Config) -> int:
    """Time passes: responses come back as deliveries. Lines of these."""
    from appetence.pipeline.make_demo import deliver_responses

    with opened(config, "make_demo", RESULTS_ON) as ctx:
        return deliver_responses(ctx).rows_out


def summarise(ctx: Context, outcomes: list[Outcome], found: dict[str, Any]) -> None:
    """What came out, for people; `found`: the figures against the truth."""
    from appetence.pipeline.make_demo import evaluate_suppressions

    console.say("\nJOBS")
    console.say(
        console.table(
            [
                {"job": o.job, "rows in": o.counts.rows_in, "rows out": o.counts.rows_out, "rejected": o.counts.rows_rejected,
                 "changed": sum(o.writes.values()), "seconds": f"{o.seconds:.1f}"}
                for o in outcomes
            ]
        )
    )  # fmt: skip
    console.say("\nPERSONS AND HOUSEHOLDS AGAINST THE TRUTH")
    console.say(console.table(_flat(found)))
    console.say("\nTHE SUPPRESSION LIST AGAINST THE TRUTH")
    console.say(console.table([evaluate_suppressions(ctx)]))
    _models(ctx)
    _attained(ctx)
    _waterfalls(ctx)
    _measured(ctx)
    _moved(ctx)
    _truly_added(ctx)


def _flat(found: dict[str, Any]) -> list[dict[str, Any]]:
    """{'person': {...}, 'household': {...}} as rows; single numbers as rows of their own."""
    rows = [{"level": name, **values} for name, values in found.items() if isinstance(values, dict)]
    return rows or [{"measure": k, "value": v} for k, v in found.items()]


def _models(ctx: Context) -> None:
    cards = ctx.lake.read_or_empty(ModelCard).where(F.col(ModelCard.is_champion)).orderBy(ModelCard.model_key, ModelCard.model_version).collect()
    for card in cards:
        console.say(
            f"\nMODEL {card.model_key} version {card.model_version}, tested on the period after {card.test_cutoff}: AUC {card.auc:.3f} "
            f"(recency or frequency alone {card.baseline_auc or 0:.3f}), calibration error {card.calibration_error or 0:.4f}"
        )
        tiers = ctx.lake.read(GainsTier).where(
            (F.col(GainsTier.model_key) == card.model_key) & (F.col(GainsTier.model_version) == card.model_version)
        )
        console.say(
            console.table(
                [
                    {"decile": t.decile, "persons": t.persons, "buyers": t.positives, "predicted": t.mean_probability, "observed": t.rate,
                     "lift": t.lift, "captured": t.cumulative_capture}
                    for t in tiers.orderBy(GainsTier.decile).collect()
                ]
            )
        )  # fmt: skip


def _attained(ctx: Context) -> None:
    from appetence.pipeline.demo_scores import evaluate_scores

    found = evaluate_scores(ctx)
    if found:
        console.say("\nSCORES AGAINST THE TRUE PROBABILITY OF AN ORDER IN THE 90 DAYS AFTER THE SCORING DATE")
    for key, f in found.items():
        trend = f"changes by {f.trend:+.4f} a tenth (z {f.trend_z:+.1f})" if f.has_trend else f"does not change with the tenth (z {f.trend_z:+.1f})"
        console.say(
            f"{key}: the best tenth has {f.lift:.2f} times the mean chance, a ranking by the truth {f.best_lift:.2f}: {100 * f.share:.0f} % of what "
            f"can be attained; calibration error {f.calibration_error:.4f}, and the error {trend}"
        )


def _waterfalls(ctx: Context) -> None:
    campaigns = ctx.lake.read_or_empty(Campaign).orderBy(Campaign.drop_date, Campaign.campaign_id).collect()
    for campaign in campaigns[-SHOWN:]:
        console.say(
            f"\nCAMPAIGN {campaign.campaign_id}: {campaign.product}, {', '.join(campaign.channels)}, for {campaign.client_id}, "
            f"drop {campaign.drop_date}: {campaign.selected} mailed, {campaign.held_out} held out"
        )
        steps = ctx.lake.read(Waterfall).where(F.col(Waterfall.campaign_id) == campaign.campaign_id).orderBy(Waterfall.step)
        console.say(
            console.table(
                [{"step": s.step, "code": s.code, "entered": s.entered, "dropped": s.dropped, "left": s.remaining} for s in steps.collect()]
            )
        )


def _measured(ctx: Context) -> None:
    totals = ctx.lake.read_or_empty(Matchback).where(F.col(Matchback.group_kind) == "total").orderBy(Matchback.campaign_id).collect()
    if totals:
        console.say("\nRESPONSES")
        console.say(
            console.table(
                [
                    {"campaign": t.campaign_id, "mailed": t.units, "responders": t.responders, "rate": t.rate, "incremental": t.incremental_rate,
                     "low": t.incremental_low, "high": t.incremental_high}
                    for t in totals
                ]
            )
        )  # fmt: skip


def _moved(ctx: Context) -> None:
    for row in ctx.lake.read_or_empty(Uplift).orderBy(Uplift.campaign_id).collect():
        console.say(f"{row[Uplift.campaign_id]}: {row[Uplift.answer]}")


def _truly_added(ctx: Context) -> None:
    from appetence.pipeline.demo_responses import evaluate

    found = evaluate(ctx)
    if found:
        console.say("\nWHAT THE PIECES ADDED, AGAINST THE TRUTH")
    for name, f in found.items():
        holds = "holds" if f["low"] <= f["true_increment"] <= f["high"] else "MISSES"
        console.say(
            f"{name}: the hold-out's interval {f['low']:.4f} to {f['high']:.4f} {holds} the true increment {f['true_increment']:.4f}; "
            f"matching orders back credits {f['matched_back']:.4f}, {f['matched_back'] / f['true_increment']:.1f} times as much"
        )


def _point(config: Config, page: Path) -> None:
    console.say(f"\nThe report page: {page}")
    console.say(f"The tables:      {config.paths.lake}   (appetence tables --env demo --rows)")
    console.say(f"The exports:     {config.paths.outbox}   (encrypted for their recipients)")
    console.say(f"The models:      {config.paths.mlflow}   (mlflow ui --backend-store-uri {config.paths.mlflow})")
    console.say("Next: open the report page, then notebooks/01_tour_of_the_lake.py; run one job again with")
    console.say(f"      .venv/bin/appetence run select_campaign --env demo --as-of {AS_OF} --option campaign=noel_vad")
