"""Responses matched back to a campaign, and what they say: rates with intervals, and the effect above the hold-out.

Match-back credits a campaign with every order of somebody mailed, whether the piece caused it or not; the hold-out tells the difference.
Intervals: E. B. Wilson (1927) for a rate; R. G. Newcombe (1998), method 10, for a difference of two.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.campaign import Matchback, Response, Selection
from appetence.contracts.domain import TransactionKind
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Record, Transaction
from appetence.selection.cells import HOLDOUT
from appetence.selection.keycodes import folded
from appetence.selection.terms import Terms

S, T, M = Selection, Transaction, Matchback
PERSON = str(PersonLink.person_id)
Z = 1.959963984540054
"""Normal quantile of 95 %."""


def responses(selection: DataFrame, transactions: DataFrame, links: DataFrame, terms: Terms) -> DataFrame:
    """`gold.response`: orders and gifts at the client, from the drop date to the end of the window, of each person selected.

    A person is found through the record the campaign used, so that a merge since then does not lose it."""
    now = links.select(Record.record_id, PERSON)
    chosen = selection.withColumnRenamed(PERSON, "_person").join(now, on=S.record_id, how="left")
    chosen = chosen.select(S.campaign_id, F.coalesce(PERSON, "_person").alias("_now"), F.col("_person").alias(PERSON), S.cell, S.key_code)
    first, last = F.lit(terms.drop_date), F.date_add(F.lit(terms.drop_date), terms.spec.response_window_days)
    bought = transactions.where(
        (T.member_id.col == F.lit(terms.client.member_id)) & T.transaction_date.col.between(first, last) & (T.kind.col != str(TransactionKind.REFUND))
    ).join(now.withColumnRenamed(PERSON, "_now"), on=T.record_id, how="inner")
    quoted = bought.select("_now", T.transaction_date, T.amount_cents, folded(T.key_code.col).alias("_quoted"))
    matched = chosen.join(quoted, on="_now", how="inner")
    by_code = F.max(F.coalesce(F.col("_quoted") == S.key_code.col, F.lit(False)))
    return Response.shape(
        matched.groupBy(S.campaign_id, PERSON, S.cell).agg(
            F.when(by_code, "key_code").otherwise("person").alias(Response.matched_by),
            F.min(T.transaction_date).alias(Response.responded_on),
            F.count(F.lit(1)).cast("int").alias(Response.responses),
            F.sum(T.amount_cents).alias(Response.amount_cents),
        )
    )


def wilson(responders: Column, units: Column) -> tuple[Column, Column]:
    """Lower and upper end of the 95 % interval of a rate."""
    rate, z2 = responders / units, Z * Z
    centre, spread = rate + z2 / (2 * units), Z * F.sqrt(rate * (1 - rate) / units + z2 / (4 * units * units))
    below, above = (centre - spread) / (1 + z2 / units), (centre + spread) / (1 + z2 / units)
    return F.greatest(below, F.lit(0.0)), F.least(above, F.lit(1.0))


def measure(selection: DataFrame, found: DataFrame) -> DataFrame:
    """`gold.matchback`: each cell, each tenth of the mailed and their total, with the effect above the hold-out on the total row."""
    answered = found.select(Response.campaign_id, Response.person_id, Response.amount_cents)
    units = selection.join(answered, on=[S.campaign_id, PERSON], how="left")
    groups = [F.struct(F.lit("cell").alias("group_kind"), S.cell.col.alias("group_value"))]
    mailed = S.cell.col != HOLDOUT
    groups += [
        F.when(mailed, F.struct(F.lit("decile").alias("group_kind"), S.decile.col.cast("string").alias("group_value"))),
        F.when(mailed, F.struct(F.lit("total").alias("group_kind"), F.lit("mailed").alias("group_value"))),
    ]
    listed = units.withColumn("_group", F.explode(F.array_compact(F.array(*groups))))
    counted = listed.groupBy(S.campaign_id, "_group.group_kind", "_group.group_value").agg(
        F.count(F.lit(1)).alias(M.units),
        F.count(Response.amount_cents).alias(M.responders),
        F.round(F.avg(F.col(S.probability).cast("decimal(20,9)")).cast("double"), 9).alias(M.predicted_rate),
        F.coalesce(F.sum(Response.amount_cents), F.lit(0)).alias(M.amount_cents),
    )
    low, high = wilson(M.responders.col, M.units.col)
    rated = counted.withColumns({M.rate: M.responders.col / M.units.col, M.rate_low: low, M.rate_high: high})
    return M.shape(_with_effect(rated))


def _with_effect(rated: DataFrame) -> DataFrame:
    held = rated.where((M.group_kind.col == "cell") & (M.group_value.col == HOLDOUT)).select(
        M.campaign_id,
        M.rate.col.alias("_rate"), M.rate_low.col.alias("_low"), M.rate_high.col.alias("_high"),
        M.amount_cents.col.alias("_amount"), M.units.col.alias("_units"),
    )  # fmt: skip
    joined = rated.join(held, on=M.campaign_id, how="left")
    gain = M.rate.col - F.col("_rate")
    down = F.sqrt(F.pow(M.rate.col - M.rate_low.col, 2) + F.pow(F.col("_high") - F.col("_rate"), 2))
    up = F.sqrt(F.pow(M.rate_high.col - M.rate.col, 2) + F.pow(F.col("_rate") - F.col("_low"), 2))
    euros = M.amount_cents.col - F.round(F.col("_amount") * M.units.col / F.col("_units")).cast("bigint")
    effect = {M.incremental_rate: gain, M.incremental_low: gain - down, M.incremental_high: gain + up, M.incremental_amount_cents: euros}
    return joined.withColumns({name: F.when(M.group_kind.col == "total", value) for name, value in effect.items()})
