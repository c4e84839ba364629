"""Responses matched back to a campaign, and what they say: rates with intervals, and the effect above the hold-out.

Match-back credits a campaign with every order of somebody mailed, whether the piece caused it or not; the hold-out tells the difference.
The window opens the day after the drop date, as the window that models learn from opens the day after their cutoff. An order counts for one
campaign: the one whose key code it quotes, else the last that reached the person before it (setting `selection.allocation`). The effect above
the hold-out counts every order of both sides, whichever campaign has it: nobody held out can quote a code, so the comparison would lean.
Intervals: E. B. Wilson (1927) for a rate; R. G. Newcombe (1998), method 10, for a difference of two; B. L. Welch (1938), in its normal form,
for a difference of mean amounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.campaign import Matchback, Response, Selection
from appetence.contracts.domain import TransactionKind
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Record, Transaction
from appetence.selection.cells import HOLDOUT
from appetence.selection.keycodes import FORM, folded
from appetence.selection.pool import ADDRESS, HOUSEHOLD
from appetence.selection.terms import Terms

S, T, M = Selection, Transaction, Matchback
PERSON = str(PersonLink.person_id)
TOLD_ON, TOLD_AMOUNT = "responded_on", "amount"
Z = 1.959963984540054
"""Normal quantile of 95 %."""
_DIGITS = 9
_SUM, _SQUARES = "_probability", "_squares"
_EFFECT = [
    str(f) for f in (
        M.incremental_rate, M.incremental_low, M.incremental_high, M.incremental_amount_cents, M.incremental_amount_low_cents,
        M.incremental_amount_high_cents,
    )
]  # fmt: skip
_FINEST = [str(S.campaign_id), str(S.cell), str(S.decile)]


def in_window(day: Column, terms: Terms) -> Column:
    """Whether a day lies in the campaign's window, as far as it is known: after the drop date, and not after this run's day."""
    first = F.lit(terms.drop_date)
    last = F.least(F.date_add(first, terms.spec.response_window_days), F.lit(terms.known_on))
    return (day > first) & (day <= last)


def reached(selection: DataFrame, links: DataFrame, households: DataFrame, terms: Terms) -> DataFrame:
    """Who answers for which piece: one row per person of today (`_now`) with the selection's person_id, cell and key_code.

    A selected person is found through the record the campaign used, so that a merge since then does not lose it. Where a piece was meant
    for a family or an address, everybody there answers for it; somebody reached twice counts for the own piece, then for the better rank.
    """
    now = links.select(Record.record_id, F.col(PERSON).alias("_linked"))
    chosen = selection.join(now, on=S.record_id, how="left").withColumn("_now", F.coalesce("_linked", PERSON))
    found = chosen.select("_now", PERSON, S.cell, S.key_code, S.rank, F.lit(0).alias("_distance"))
    if terms.spec.merge_level != "person":
        unit = F.col(HOUSEHOLD) if terms.spec.merge_level == "family" else F.coalesce(F.col(ADDRESS), F.col(HOUSEHOLD))
        homes = households.select(F.col(PERSON).alias("_now"), unit.alias("_home"))
        mates = homes.withColumnRenamed("_now", "_mate")
        shared = found.join(homes, on="_now", how="inner").join(mates, on="_home", how="inner")
        found = found.unionByName(shared.select(F.col("_mate").alias("_now"), PERSON, S.cell, S.key_code, S.rank, F.lit(1).alias("_distance")))
    best = F.min_by(F.struct(PERSON, S.cell, S.key_code), F.struct("_distance", S.rank, PERSON))
    return found.groupBy("_now").agg(best.alias("_best")).select("_now", "_best.*")


def later_drops(others: Sequence[tuple[Terms, DataFrame]], links: DataFrame, households: DataFrame, terms: Terms) -> DataFrame | None:
    """Whom campaigns dropped after this one reached, and when: `_rival`, `_dropped_on`; None when there are none.

    `others`: terms and selection of further campaigns of the client. Of two that drop on one day the last by name counts as the later."""
    here = (terms.drop_date, terms.spec.campaign_id)
    found = [
        reached(pieces.where(S.cell.col != HOLDOUT), links, households, other).select(
            F.col("_now").alias("_rival"), F.lit(other.drop_date).alias("_dropped_on")
        )
        for other, pieces in others if (other.drop_date, other.spec.campaign_id) > here
    ]  # fmt: skip
    return reduce(DataFrame.unionByName, found) if found else None


def allocated(orders: DataFrame, rivals: DataFrame | None, terms: Terms) -> DataFrame:
    """The orders (`_now`, transaction_date, `_quoted`) that are this campaign's to count.

    A code of another campaign takes an order away, a code of this one keeps it. Without a code (what has not the form of one says nothing)
    the last drop before the order wins, or with `selection.allocation: every` each campaign counts it."""
    is_code = F.coalesce(F.col("_quoted").rlike(FORM), F.lit(False))
    is_mine = is_code & (F.substring_index("_quoted", ".", 1) == terms.spec.campaign_id.upper())
    own = orders.where(is_mine | ~is_code)
    if rivals is None or terms.settings.allocation == "every":
        return own
    taken = (F.col("_now") == F.col("_rival")) & (F.col("_dropped_on") < T.transaction_date.col) & ~is_mine
    return own.join(rivals, on=taken, how="left_anti")


def responses(
    selection: DataFrame, transactions: DataFrame, links: DataFrame, households: DataFrame, terms: Terms, rivals: DataFrame | None = None,
    *, is_allocated: bool = True,
) -> DataFrame:  # fmt: skip
    """`gold.response` of a client that is a member: orders and gifts at it, within the window, of each merge unit selected.

    `rivals`: what `later_drops` gives. Not allocated, they are all orders, those that count for other campaigns too (`measure`)."""
    known = (T.member_id.col == F.lit(terms.client.member_id)) & (T.kind.col != str(TransactionKind.REFUND))
    now = links.select(Record.record_id, F.col(PERSON).alias("_now"))
    bought = transactions.where(known & in_window(T.transaction_date.col, terms)).join(now, on=T.record_id, how="inner")
    quoted = bought.select("_now", T.transaction_date, T.amount_cents, folded(T.key_code.col).alias("_quoted"))
    matched = reached(selection, links, households, terms).join(allocated(quoted, rivals, terms) if is_allocated else quoted, on="_now", how="inner")
    by_code = F.max(F.coalesce(F.col("_quoted") == S.key_code.col, F.lit(False)))
    return Response.shape(
        matched.groupBy(F.lit(terms.spec.campaign_id).alias(Response.campaign_id), PERSON, S.cell).agg(
            F.when(by_code, "key_code").otherwise("person").alias(Response.matched_by),
            F.min(T.transaction_date).alias(Response.responded_on),
            F.count(F.lit(1)).cast("int").alias(Response.responses),
            F.sum(T.amount_cents).alias(Response.amount_cents),
        )
    )


def told_back(lines: DataFrame, selection: DataFrame, terms: Terms) -> DataFrame:
    """The lines of a response file (key_code, responded_on, amount, as text) that count: `key_code`, `amount_cents`.

    A line counts when its code was printed for this campaign, its day lies in the window and its amount is a number above zero."""
    typed = lines.select(
        folded(F.col(S.key_code)).alias(S.key_code),
        F.col(TOLD_ON).try_cast("date").alias(TOLD_ON),
        (F.col(TOLD_AMOUNT).try_cast("decimal(12,2)") * 100).cast("bigint").alias(M.amount_cents),
    )
    printed = selection.where(S.key_code.col.isNotNull()).select(S.key_code).distinct()
    sound = in_window(F.col(TOLD_ON), terms) & (M.amount_cents.col > 0)
    return typed.where(sound).join(printed, on=S.key_code, how="left_semi").select(S.key_code, M.amount_cents)


def _tally(frame: DataFrame, *by: str) -> DataFrame:
    """Units of each finest group, and the exact sum of their probabilities (null where nobody has one)."""
    exact = F.sum(S.probability.col.cast("decimal(20,9)"))
    return frame.groupBy(*_FINEST, *by).agg(F.count(F.lit(1)).alias(M.units), exact.alias(_SUM))


def measure(selection: DataFrame, found: DataFrame, every: DataFrame | None = None) -> DataFrame:
    """`gold.matchback` by person: each cell, each key code and tenth of the mailed and their total.

    The total row has the effect above the hold-out: of all orders (`every`: responses that are not allocated), else of those found."""
    if every is not None:
        effect = measure(selection, every).select(*M.key, *_EFFECT)
        return M.shape(measure(selection, found).drop(*_EFFECT).join(effect, on=[str(k) for k in M.key], how="left"))
    answered = found.select(PERSON, Response.amount_cents)
    # Nobody held out has a code: an empty one lets them be joined.
    coded = selection.withColumn(S.key_code, F.coalesce(S.key_code.col, F.lit("")))
    square = Response.amount_cents.col.cast("decimal(19,0)") * Response.amount_cents.col.cast("decimal(19,0)")
    counted = (
        coded.select(*_FINEST, S.key_code, PERSON)
        .join(answered, on=PERSON, how="inner")
        .groupBy(*_FINEST, S.key_code)
        .agg(
            F.count(F.lit(1)).alias(M.responders), F.sum(Response.amount_cents).alias(M.amount_cents),
            F.sum(square.cast("decimal(38,0)")).alias(_SQUARES),
        )
    )  # fmt: skip
    tallied = _tally(coded, S.key_code).join(counted, on=[*_FINEST, str(S.key_code)], how="left")
    return _measured(tallied.withColumn(_SQUARES, F.coalesce(_SQUARES, F.lit(0).cast("decimal(38,0)"))))


def measure_told(selection: DataFrame, told: DataFrame) -> DataFrame:
    """`gold.matchback` by key code, for a client whose orders are not seen here: what it tells back, of the mailed only.

    A code stands for a group and not for a person: two orders of one person are two responders, and no group has more than its units. The
    hold-out has no codes, so there is neither a row of it nor an effect."""
    mailed = selection.where(S.cell.col != HOLDOUT)
    counted = told.groupBy(S.key_code).agg(F.count(F.lit(1)).alias(M.responders), F.sum(M.amount_cents).alias(M.amount_cents))
    tallied = _tally(mailed, S.key_code).join(counted, on=S.key_code, how="left")
    unknown = F.lit(None).cast("decimal(38,0)")
    return _measured(tallied.withColumn(_SQUARES, unknown).withColumn(M.responders, F.least(F.coalesce(M.responders, F.lit(0)), F.col(M.units))))


def wilson(responders: Column, units: Column) -> tuple[Column, Column]:
    """Lower and upper end of the 95 % interval of a rate."""
    rate, z2 = responders / units, Z * Z
    centre, spread = rate + z2 / (2 * units), Z * F.sqrt(rate * (1 - rate) / units + z2 / (4 * units * units))
    below, above = (centre - spread) / (1 + z2 / units), (centre + spread) / (1 + z2 / units)
    return F.greatest(below, F.lit(0.0)), F.least(above, F.lit(1.0))


def _measured(tallied: DataFrame) -> DataFrame:
    """Adds the finest groups up to cells, key codes, tenths and the total, and reads rates. Sums are of whole numbers and exact decimals."""
    groups = [F.struct(F.lit("cell").alias("group_kind"), S.cell.col.alias("group_value"))]
    mailed = S.cell.col != HOLDOUT
    groups += [
        F.when(mailed, F.struct(F.lit("key_code").alias("group_kind"), S.key_code.col.alias("group_value"))),
        F.when(mailed, F.struct(F.lit("decile").alias("group_kind"), S.decile.col.cast("string").alias("group_value"))),
        F.when(mailed, F.struct(F.lit("total").alias("group_kind"), F.lit("mailed").alias("group_value"))),
    ]
    listed = tallied.withColumn("_group", F.explode(F.array_compact(F.array(*groups))))
    counted = listed.groupBy(S.campaign_id, "_group.group_kind", "_group.group_value").agg(
        F.sum(M.units).alias(M.units),
        F.coalesce(F.sum(M.responders), F.lit(0)).alias(M.responders),
        F.sum(_SUM).alias(_SUM),
        F.coalesce(F.sum(M.amount_cents), F.lit(0)).alias(M.amount_cents),
        F.sum(_SQUARES).alias(_SQUARES),
    )
    low, high = wilson(M.responders.col, M.units.col)
    predicted = F.col(_SUM).cast("double") / M.units.col
    rated = counted.withColumns({M.rate: M.responders.col / M.units.col, M.rate_low: low, M.rate_high: high, M.predicted_rate: predicted})
    effect = _with_effect(rated)
    rates = (M.rate, M.rate_low, M.rate_high, M.predicted_rate, M.incremental_rate, M.incremental_low, M.incremental_high)
    return M.shape(effect.withColumns({name: F.round(F.col(name), _DIGITS) for name in rates}))


def _variance() -> Column:
    """Variance of the amount of one unit, those that did not respond included; null for a single unit, or where amounts come by code."""
    total = M.amount_cents.col.cast("double")
    squares = F.col(_SQUARES).cast("double") - total * total / M.units.col
    return F.when(M.units.col > 1, F.greatest(squares, F.lit(0.0)) / (M.units.col - 1))


def _with_effect(rated: DataFrame) -> DataFrame:
    held = rated.where((M.group_kind.col == "cell") & (M.group_value.col == HOLDOUT)).select(
        M.campaign_id,
        M.rate.col.alias("_rate"), M.rate_low.col.alias("_low"), M.rate_high.col.alias("_high"),
        M.amount_cents.col.alias("_amount"), M.units.col.alias("_units"), _variance().alias("_variance"),
    )  # fmt: skip
    joined = rated.join(held, on=M.campaign_id, how="left")
    gain = M.rate.col - F.col("_rate")
    down = F.sqrt(F.pow(M.rate.col - M.rate_low.col, 2) + F.pow(F.col("_high") - F.col("_rate"), 2))
    up = F.sqrt(F.pow(M.rate_high.col - M.rate.col, 2) + F.pow(F.col("_rate") - F.col("_low"), 2))
    euros = M.amount_cents.col - F.round(F.col("_amount") * M.units.col / F.col("_units")).cast("bigint")
    spread = Z * M.units.col * F.sqrt(_variance() / M.units.col + F.col("_variance") / F.col("_units"))
    effect = {
        M.incremental_rate: gain, M.incremental_low: gain - down, M.incremental_high: gain + up, M.incremental_amount_cents: euros,
        M.incremental_amount_low_cents: F.round(euros - spread).cast("bigint"),
        M.incremental_amount_high_cents: F.round(euros + spread).cast("bigint"),
    }  # fmt: skip
    return joined.withColumns({name: F.when(M.group_kind.col == "total", value) for name, value in effect.items()})
