"""A study in one call: from plain purchases to a table with features and a label, for notebooks and for data that are not in the lake.

The same snapshot builder as the jobs' is used, with every purchase as one member's: what is measured here is what the jobs measure.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.domain import TransactionKind
from appetence.contracts.features import Feature
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Transaction
from appetence.features.eligibility import FEATURED_FROM
from appetence.features.labels import LABEL, LABEL_AMOUNT, build_labels, with_label
from appetence.features.snapshot import Horizon, build_features

ONE = "one"
PURCHASES = (Feature.person_id, Transaction.transaction_date, Transaction.amount_cents, Transaction.category)


def build_study(purchases: DataFrame, cutoffs: Sequence[dt.date], horizon: Horizon, *, known_until: dt.date) -> DataFrame:
    """One row per cutoff and person who bought by then: `cutoff`, `person_id`, what was bought so far, `label` (buys in the label window).

    `purchases` has `person_id`, `transaction_date`, `amount_cents` (below zero: a refund) and perhaps `category`; `known_until` is the last day
    it covers. ModelError when cutoffs repeat or a label window ends after that day.
    """
    category = F.col(Transaction.category) if str(Transaction.category) in purchases.columns else F.lit(None).cast("string")
    bought = purchases.select(
        Feature.person_id, F.col(Feature.person_id).alias(Transaction.record_id), Transaction.transaction_date, Transaction.amount_cents,
        category.alias(Transaction.category), F.lit(ONE).alias(Transaction.member_id), F.lit(ONE).alias(Transaction.sector),
        F.lit(str(TransactionKind.ORDER)).alias(Transaction.kind),
    )  # fmt: skip
    # Equal purchases of a day are told apart by nothing that matters: any stable id will do.
    events = bought.withColumn(Transaction.transaction_id, F.sha2(F.to_json(F.struct(*(str(c) for c in PURCHASES))), 256))
    links = bought.select(Transaction.record_id, F.col(Feature.person_id).alias(PersonLink.person_id)).distinct()
    everybody = links.select(PersonLink.person_id).withColumn(FEATURED_FROM, F.lit(min(cutoffs)))
    events = events.drop(Feature.person_id)
    features = build_features(events, links, everybody, cutoffs, horizon)
    positives = build_labels(events, links, [ONE], cutoffs, horizon, known_until).drop(LABEL_AMOUNT)
    day = F.col(Feature.cutoff)
    derived = {
        "recency_days": F.datediff(day, Feature.last_on),
        "tenure_days": F.datediff(day, Feature.first_on),
        "mean_gap_days": F.datediff(Feature.last_on, Feature.first_on) / F.nullif(F.col(Feature.days_total) - 1, F.lit(0)),
    }
    told = with_label(features, positives).withColumns(derived)
    return told.drop(Feature.member_id, Feature.sector, Feature.first_on, Feature.last_on).withColumn(LABEL, F.col(LABEL).cast("int"))
