"""Histories that tell little: refunds only, amounts of zero. From snapshot to model, refused in a sentence or sane."""

from __future__ import annotations

import datetime as dt
import random

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from appetence.contracts.domain import Use
from appetence.errors import ModelError
from appetence.features import LABEL, LABEL_AMOUNT, Scope, build_dataset, build_features, build_labels, build_reach, with_label
from appetence.propensity import AmountModel, Sample, fit, judge
from tests.features import planted as p

pytestmark = pytest.mark.spark

D = dt.date
CUTOFFS = [D(2025, 1, 31), D(2025, 5, 31), D(2025, 9, 30)]
PERSONS = [f"p{n:03d}" for n in range(400)]
SCOPE = Scope(Use.HOUSE, frozenset({"m1"}), frozenset({"m1", "m2"}), {m: p.SECTORS[m] for m in ("m1", "m2")}, 1)
LAST = D(2025, 12, 31)


def rows(spark: SparkSession, events: list[p.Event]) -> DataFrame:
    """The dataset of a house model with labels, at three cutoffs."""
    bought, links = p.transactions(spark, events), p.links(spark, PERSONS, ("m1", "m2"))
    features = build_features(bought, links, p.eligible(spark, PERSONS), CUTOFFS, p.HORIZON)
    reach = build_reach(p.records(spark, PERSONS, ("m1", "m2")), links)
    made = build_dataset(features, p.segments(spark, PERSONS, LAST), p.households(spark, PERSONS), reach, SCOPE)
    return with_label(made, build_labels(bought, links, {"m1"}, CUTOFFS, p.HORIZON, LAST))


def test_refunds_only_are_no_history_and_amounts_of_zero_are_one(spark: SparkSession) -> None:
    draw = random.Random(3)
    gaps = {person: draw.choice((15, 200)) for person in PERSONS}
    events: list[p.Event] = []
    for person, gap in gaps.items():
        day = D(2023, 6, 1) + dt.timedelta(days=draw.randrange(gap))
        while day <= LAST:
            events.append((person, "m1", day, 0))
            day += dt.timedelta(days=1 + int(draw.expovariate(1 / gap)))
    refunds = rows(spark, [(person, "m1", day, -500) for person, _, day, _ in events[::7]]).toPandas()
    assert len(refunds) == 0
    with pytest.raises(ModelError, match="There is no row"):
        fit(Sample(refunds), Sample(refunds), ["own_events_total"], seed=1)

    made = rows(spark, events).toPandas()
    columns = [c for c in made.columns if c not in ("cutoff", "person_id", LABEL, LABEL_AMOUNT)]
    assert set(made.own_mean_amount) == {0.0} and made.own_refund_share.max() == 0.0
    early, middle, late = (made[made.cutoff == c] for c in CUTOFFS)
    trained = fit(Sample(early), Sample(middle), columns, seed=1)
    assert not [c for c in trained.propensity.columns if "amount" in c], "columns that say nothing are not learnt from"
    judged = judge(trained.propensity, Sample(late), seed=1, baselines={"recency": "-own_recency_days"})
    assert judged.quality.auc > 0.7 and np.isfinite(judged.probabilities).all()
    assert abs(judged.probabilities.mean() - judged.labels.mean()) < 0.1
    buyers = middle[middle[LABEL] > 0]
    assert len(buyers) > 100 and AmountModel.fit(buyers, buyers[LABEL_AMOUNT].to_numpy(float), "own") is None, "no amount is told, rather than zero"
