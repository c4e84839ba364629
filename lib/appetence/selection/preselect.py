"""The client's own filters: which list of a campaign a person belongs to, from facts that the campaign may read."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns.hashing import stable_order
from appetence.contracts.domain import TransactionKind
from appetence.contracts.gold import Score, Segment
from appetence.contracts.silver import Record, Transaction
from appetence.contracts.specs import ExcludeSpec, ListSpec
from appetence.selection.pool import PERSON
from appetence.selection.terms import Terms

T = Transaction
AGE, POSTCODE, DEPARTMENT, SEGMENT = "age", str(Record.postcode), str(Record.department), str(Segment.segment)
NEAR, CONTACTED = "near_lists", "was_contacted"
LAST_ON, AMOUNT, SECTORS = "last_on", "amount_cents", "sectors"
VALUE_DAYS = 1096
"""Days over which amounts are added up for a ranking by value: three years."""


def purchases(transactions: DataFrame, live: DataFrame, contributing: DataFrame, terms: Terms) -> DataFrame:
    """Person: last event, amount of three years and sectors bought in, up to the cutoff.

    A house campaign reads the client's own transactions only, any other those of members whose instruction covers it (`contributing`:
    member_id): what no instruction covers is not used.
    """
    cutoff = F.lit(terms.cutoff)
    if terms.is_house:
        read = transactions.where(T.member_id.col == F.lit(terms.client.member_id))
    else:
        read = transactions.join(F.broadcast(contributing.select(T.member_id).distinct()), on=T.member_id, how="left_semi")
    events = read.where(T.transaction_date.col <= cutoff).join(live.select(T.record_id, PERSON), on=T.record_id, how="inner")
    bought = T.kind.col != str(TransactionKind.REFUND)
    recent = T.transaction_date.col > F.date_sub(cutoff, VALUE_DAYS)
    return events.groupBy(PERSON).agg(
        F.max(F.when(bought, T.transaction_date.col)).alias(LAST_ON),
        F.sum(F.when(recent, T.amount_cents.col)).alias(AMOUNT),
        F.collect_set(F.when(bought, T.sector.col)).alias(SECTORS),
    )


def age_at_drop(birth_date: Column, inferred_age: Column, terms: Terms) -> Column:
    """Years at the drop date: declared, else the age the segment infers."""
    declared = F.floor(F.months_between(F.lit(terms.drop_date), birth_date) / 12).cast("int")
    return F.coalesce(declared, inferred_age)


def filters(spec: ListSpec, terms: Terms) -> dict[str, Column]:
    """Each filter a list asks for, by the key of the campaign file (and `score` of one ranked by a model): true, false, or null where the fact
    is not known."""
    days = F.datediff(F.lit(terms.cutoff), F.col(LAST_ON))
    checks: dict[str, Column] = {}
    if terms.model_key is not None:
        # Ranked by a model: whom it does not score (who objects to profiling, or is not known well enough) is on no list, not last on one.
        checks["score"] = F.col(Score.expected_amount_cents if terms.is_by_amount else Score.probability).isNotNull()
    if spec.departments:
        checks["departments"] = F.col(DEPARTMENT).isin(list(spec.departments))
    if spec.postcodes:
        checks["postcodes"] = F.col(POSTCODE).isin(list(spec.postcodes))
    if spec.catchment is not None:
        checks["catchment"] = F.array_contains(F.col(NEAR), spec.list_id)
    if spec.age_min is not None:
        checks["age_min"] = F.col(AGE) >= spec.age_min
    if spec.age_max is not None:
        checks["age_max"] = F.col(AGE) <= spec.age_max
    if spec.segments:
        checks["segments"] = F.col(SEGMENT).isin(list(spec.segments))
    if spec.sectors:
        checks["sectors"] = F.arrays_overlap(F.col(SECTORS), F.array(*(F.lit(str(s)) for s in spec.sectors)))
    if spec.recency_days_max is not None:
        checks["recency_days_max"] = days <= spec.recency_days_max
    if spec.recency_days_min is not None:
        checks["recency_days_min"] = days >= spec.recency_days_min
    if terms.spec.exclude is not None:
        checks["exclude"] = ~_is_excluded(terms.spec.exclude)
    return checks


def _is_excluded(spec: ExcludeSpec) -> Column:
    """Whether something known of a candidate leaves it out of every list; what is not known excludes nobody."""
    checks = [F.lit(False)]
    for names, column in ((spec.departments, DEPARTMENT), (spec.postcodes, POSTCODE), (spec.segments, SEGMENT)):
        if names:
            checks.append(F.col(column).isin(list(names)))
    if spec.sectors:
        checks.append(F.arrays_overlap(F.col(SECTORS), F.array(*(F.lit(str(s)) for s in spec.sectors))))
    if spec.campaigns:
        checks.append(F.col(CONTACTED))
    return reduce(lambda a, b: a | b, (F.coalesce(check, F.lit(False)) for check in checks))


def belongs(spec: ListSpec, terms: Terms) -> Column:
    """Whether a candidate fits every filter of a list; what is not known fits no filter."""
    return F.coalesce(reduce(lambda a, b: a & b, filters(spec, terms).values(), F.lit(True)), F.lit(False))


def fitting_lists(terms: Terms) -> Column:
    """Positions (from 1) of all lists a candidate belongs to, in order."""
    fits = (F.when(belongs(spec, terms), F.lit(position)) for position, spec in enumerate(terms.spec.lists, start=1))
    return F.array_compact(F.array(*fits))


def list_position(terms: Terms, fits: Column | None = None) -> Column:
    """The list a candidate counts for: the first it belongs to, or with `list_allocation: seeded` one of them drawn by person and seed;
    null when it fits none. `fits`: those of `fitting_lists`."""
    fits = fitting_lists(terms) if fits is None else fits
    if terms.spec.list_allocation == "priority":
        return F.get(fits, F.lit(0))
    drawn = F.conv(F.substring(stable_order(F.col(PERSON), seed=f"{terms.spec.campaign_id}:{terms.spec.seed}:lists"), 1, 8), 16, 10)
    return F.when(F.size(fits) > 0, F.get(fits, F.pmod(drawn.cast("bigint"), F.size(fits)).cast("int")))
