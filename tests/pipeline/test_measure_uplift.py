"""What pieces add: planted differences come out of the job's own rows, nothing where there is none, and nothing before the window is over."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from appetence.contracts.campaign import Response, Selection, Uplift
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Transaction
from appetence.pipeline.measure_uplift import measured_uplift
from appetence.selection.treated import build_treated
from tests.selection.coop import campaign, local, terms

pytestmark = pytest.mark.spark

DROP = dt.date(2026, 6, 15)
OVER = dt.date(2026, 10, 31)


def said(conf: str, as_of: dt.date = OVER) -> Any:
    plain = {"client": "r_m04", "product": "house", "min_sources": 1, "drop_date": DROP, "response_window_days": 60}
    return terms(conf, campaign(**plain), as_of)


def experiment(spark: SparkSession, units: int, seed: int, effect: float) -> dict[str, Any]:
    """A mailing with three in ten set apart at random, of customers of whom half ordered a month ago; those alone are moved, by `effect`."""
    draw = np.random.default_rng(seed)
    recent, held = draw.random(units) < 0.5, draw.random(units) < 0.3
    responded = draw.random(units) < 0.08 + effect * (recent & ~held)
    people = [f"p{n:05d}" for n in range(units)]
    chance = draw.random(units) * 0.2
    # Rows made in one piece: thousands of rows through a contract's checks take longer than the test.
    selection = pd.DataFrame({
        "campaign_id": "essai", "person_id": people, "cell": np.where(held, "holdout", "mail"), "probability": chance, "decile": 1, "source_count": 1,
    })  # fmt: skip
    before = [DROP - dt.timedelta(days=30 if r else 200) for r in recent]
    orders = pd.DataFrame({
        "record_id": people, "member_id": "m04", "transaction_date": before, "amount_cents": 1000, "kind": "order",
    })  # fmt: skip
    links = pd.DataFrame({"record_id": people, "person_id": people})
    answers = pd.DataFrame({"person_id": [p for p, r in zip(people, responded, strict=True) if r]})
    frames = {"selection": selection, "responses": answers, "orders": orders, "links": links}
    return {name: spark.createDataFrame(frame) for name, frame in frames.items()}


def test_a_planted_difference_is_found_and_told(spark: SparkSession, conf_folder: str) -> None:
    row = measured_uplift(**experiment(spark, 6000, 3, 0.2), terms=said(conf_folder))
    assert row is not None and row["finding"] == "differs" and row["p_differs"] < 0.025
    # Three standard errors of a fifth: some 840 contacted and 360 set apart.
    assert row["best_fifth"] == pytest.approx(0.2, abs=0.06) and row["last_fifth"] == pytest.approx(0.0, abs=0.06)
    assert row["effect_low"] < 0.1 < row["effect_high"]
    assert row["contacted"] + row["held_out"] == 6000 and "moves most" in row["answer"]
    assert [tuple(r) for r in Uplift.frame(spark, [row]).select("campaign_id", "finding").collect()] == [("essai", "differs")]


def test_without_an_effect_the_answer_is_that_none_was_shown(spark: SparkSession, conf_folder: str) -> None:
    row = measured_uplift(**experiment(spark, 6000, 2, 0.0), terms=said(conf_folder))
    assert row is not None and row["finding"] == "no_effect" and row["answer"].startswith("No effect was shown")
    assert row["effect_low"] < 0 < row["effect_high"] and row["best_fifth"] is None and row["last_fifth"] is None


def test_an_open_window_a_campaign_for_all_and_too_few_are_not_measured(spark: SparkSession, conf_folder: str) -> None:
    frames = experiment(spark, 400, 3, 0.0)
    last = DROP + dt.timedelta(days=60)
    assert measured_uplift(**frames, terms=said(conf_folder, last)) is None, "orders of the last day may still come"
    everybody = {**frames, "selection": frames["selection"].where("cell <> 'holdout'")}
    assert measured_uplift(**everybody, terms=said(conf_folder)) is None
    few = {**frames, "selection": frames["selection"].where("cell <> 'holdout' OR person_id < 'p00100'")}
    row = measured_uplift(**few, terms=said(conf_folder, last + dt.timedelta(days=1)))
    assert row is not None and row["finding"] == "not_measured" and "held out" in row["answer"] and "effect" not in row


def test_only_the_client_s_history_before_the_cutoff_is_read(spark: SparkSession, conf_folder: str) -> None:
    pieces = [
        Selection.row(campaign_id="essai", person_id=p, cell=c, probability=0.1, decile=2, source_count=3)
        for p, c in (("a", "mail"), ("b", "holdout"))
    ]

    def order(day: dt.date, cents: int = 1000, **changed: Any) -> dict[str, Any]:
        return Transaction.row(**{"record_id": "ra", "member_id": "m04", "kind": "order", "transaction_date": day, "amount_cents": cents, **changed})

    orders = [
        order(DROP - dt.timedelta(days=10)), order(DROP - dt.timedelta(days=300), 500), order(DROP - dt.timedelta(days=400), 9000),
        order(DROP + dt.timedelta(days=1)), order(DROP - dt.timedelta(days=2), member_id="m02"),
        order(DROP - dt.timedelta(days=1), -700, kind="refund"),
    ]  # fmt: skip
    links = [PersonLink.row(record_id="ra", person_id="a"), PersonLink.row(record_id="rb", person_id="b")]
    answers = local(spark, Response, [Response.row(campaign_id="essai", person_id="b")])
    made = build_treated(
        local(spark, Selection, pieces), answers, local(spark, Transaction, orders), local(spark, PersonLink, links), said(conf_folder), 9
    )
    rows = {r["person_id"]: tuple(r)[1:] for r in made.collect()}
    assert rows == {"a": (1, 0, 0.1, 2.0, 3.0, 10.0, 2.0, 1500.0), "b": (0, 1, 0.1, 2.0, 3.0, None, None, None)}
