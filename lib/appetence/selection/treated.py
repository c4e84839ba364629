"""What an experiment with a hold-out is read from: each selected unit, whether it was contacted, whether it responded, and what was known before."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.columns.hashing import stable_order
from appetence.contracts.campaign import Response, Selection
from appetence.contracts.domain import TransactionKind
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Transaction
from appetence.selection.cells import HOLDOUT
from appetence.selection.pool import PERSON
from appetence.selection.terms import Terms

CONTACTED, RESPONDED = "is_contacted", "has_responded"
LAST, ORDERS, SPENT = "days_since_last", "orders_365d", "amount_365d"
KNOWN = (str(Selection.probability), str(Selection.decile), str(Selection.source_count), LAST, ORDERS, SPENT)
"""What was known of a unit before the draw: how the campaign saw it, and its history with the client up to the campaign's cutoff."""

YEAR = 365


def build_treated(selection: DataFrame, responses: DataFrame, orders: DataFrame, links: DataFrame, terms: Terms, most: int) -> DataFrame:
    """`person_id`, `is_contacted`, `has_responded` (0 or 1) and `KNOWN` of up to `most` units, drawn by a stable hash; null: not known.

    The history is the client's own and no other member's: a campaign is measured with what its client delivered."""
    drawn = selection.orderBy(stable_order(F.col(PERSON), seed=f"{terms.spec.campaign_id}:{terms.spec.seed}:uplift"), PERSON).limit(most)
    units = drawn.select(
        PERSON, (Selection.cell.col != HOLDOUT).cast("int").alias(CONTACTED),
        *(F.col(c) for c in (Selection.probability, Selection.decile, Selection.source_count)),
    )  # fmt: skip
    answered = responses.select(Response.person_id, F.lit(1).alias(RESPONDED)).distinct()
    joined = units.join(answered, on=PERSON, how="left").join(_history(orders, links, terms), on=PERSON, how="left")
    return joined.select(PERSON, CONTACTED, F.coalesce(RESPONDED, F.lit(0)).alias(RESPONDED), *(F.col(c).cast("double") for c in KNOWN))


def _history(orders: DataFrame, links: DataFrame, terms: Terms) -> DataFrame:
    """Person: days since the last order or gift with the client, and how many for how much in the year before the cutoff."""
    cutoff, day = F.lit(terms.cutoff), Transaction.transaction_date.col
    own = orders.where((Transaction.member_id.col == F.lit(terms.client.member_id)) & (day <= cutoff))
    bought = own.where((Transaction.kind.col != str(TransactionKind.REFUND)) & (Transaction.amount_cents.col >= 0))
    lately = day > F.date_sub(cutoff, YEAR)
    named = bought.join(links.select(PersonLink.record_id, PersonLink.person_id), on=str(Transaction.record_id), how="inner")
    return named.groupBy(PersonLink.person_id).agg(
        F.datediff(cutoff, F.max(day)).alias(LAST), F.count(F.when(lately, 1)).alias(ORDERS),
        F.coalesce(F.sum(F.when(lately, Transaction.amount_cents.col)), F.lit(0)).alias(SPENT),
    )  # fmt: skip
