"""On the demonstration's own people: the hold-out's interval holds what the pieces truly added, and matching orders back credits far more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest
from pyspark.sql import functions as F

from appetence.contracts.bronze import RawTransaction as Raw
from appetence.contracts.campaign import Matchback, Selection
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.silver import Transaction
from appetence.pipeline.context import Context
from appetence.pipeline.demo_responses import evaluate
from appetence.selection import matchback
from appetence.synthetic import purchases, responses, world_frames
from tests.selection.coop import campaign, terms

DROP, DAYS, THROUGH = dt.date(2026, 6, 15), 60, dt.date(2026, 9, 30)


@pytest.mark.spark
def test_the_hold_out_holds_the_truth_and_matching_back_over_credits(make_context: Callable[..., Context], conf_folder: str) -> None:
    ctx = make_context()
    spark, stage = ctx.spark, ctx.lake.stage
    made = world_frames.build(spark, 9_000, 3, stage)
    relations = stage("clients", made.relations.where((F.col("member_id") == "m04") & (F.col("joined_on") < F.lit(DROP))))
    own = {"client": "r_m04", "product": "house", "min_sources": 1, "merge_level": "person"}
    said = campaign(campaign_id="essai", drop_date=DROP, response_window_days=DAYS, **own)
    asked = terms(conf_folder, said, THROUGH)
    person = F.col("person").cast("string")
    held = F.pmod(F.xxhash64("person"), F.lit(3)) == 0
    code = F.when(~held, "ESSAI.MAIL.D01.TOUS").alias(Selection.key_code)
    numbers = F.lit(1).alias(Selection.decile), F.lit(1).cast("bigint").alias(Selection.rank), F.lit(0.1).alias(Selection.probability)
    pieces = relations.select(
        person.alias(Selection.person_id), F.concat(F.lit("r"), person).alias(Selection.record_id), F.lit("essai").alias(Selection.campaign_id),
        F.when(held, "holdout").otherwise("mail").alias(Selection.cell), code, *numbers, "person",
    )  # fmt: skip
    chosen = stage("chosen", pieces)
    found = stage("truth", responses.chances(chosen.select("campaign_id", "person", "cell", "key_code"), relations, made.draw, DROP, DAYS))
    orders = stage("orders", responses.client_orders(relations, responses.extra_orders(found, relations), made.draw, purchases.goods(spark), THROUGH))
    bought = orders.select(
        F.col(Raw.transaction_ref).alias(Transaction.transaction_id), F.concat(F.lit("r"), person).alias(Transaction.record_id),
        F.lit("m04").alias(Transaction.member_id), Raw.kind, F.col(Raw.transaction_date).cast("date").alias(Transaction.transaction_date),
        F.col(Raw.amount).cast("bigint").alias(Transaction.amount_cents), F.lit(None).cast("string").alias(Transaction.key_code),
    )  # fmt: skip
    links = chosen.select(PersonLink.record_id, PersonLink.person_id)
    answers = stage("answers", matchback.responses(chosen, bought, links, HouseholdLink.frame(spark), asked))
    ctx.lake.sync(Matchback, matchback.measure(chosen, answers, answers))
    truth = f"{ctx.config.paths.truth}/campaign_truth.parquet"
    found.write.parquet(truth)

    (figures,) = evaluate(ctx).values()
    sums = found.where("cell <> 'holdout'").agg(F.avg(F.col("is_extra").cast("double")).alias("drawn"), F.avg("p_uplift").alias("chance")).first()
    assert sums is not None and sums["drawn"] == pytest.approx(sums["chance"], abs=0.03), "the truth is what was drawn from"
    assert figures["low"] <= figures["true_increment"] <= figures["high"], figures
    assert figures["matched_back"] > figures["high"] and figures["matched_back"] > 2 * figures["true_increment"], figures
    # A truth that is another one is not held: the comparison can fail.
    found.withColumn("p_uplift", F.lit(0.9)).write.mode("overwrite").parquet(truth)
    (wrong,) = evaluate(ctx).values()
    assert not wrong["low"] <= wrong["true_increment"] <= wrong["high"]
    assert evaluate(replace(ctx, config=ctx.config.model_copy(update={"paths": ctx.config.paths.model_copy(update={"truth": "nowhere"})}))) == {}
