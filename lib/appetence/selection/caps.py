"""How often a household may be reached: what earlier campaigns sent counts, whoever the client was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.campaign import Campaign, Selection
from appetence.contracts.domain import Channel, Use
from appetence.selection.pool import HOUSEHOLD, PERSON
from appetence.selection.terms import Terms

CHANNEL = str(Selection.channel)
HOLDOUT = "holdout"
IS_CAPPED, CALLS = "is_capped", "calls"


def earlier_pieces(selections: DataFrame, campaigns: DataFrame, households: DataFrame, terms: Terms, cut_on: dt.date) -> DataFrame:
    """Pieces of the campaigns cut before this one: person, household of today, channel, drop date, client. An enrichment sends none.

    A campaign never counts itself. Of two campaigns cut on one day the one that drops first was cut first: a rerun of both then sees what
    the first run saw.
    """
    here = F.struct(F.lit(cut_on).alias("a"), F.lit(terms.drop_date).alias("b"), F.lit(terms.spec.campaign_id).alias("c"))
    cut = F.coalesce(Campaign.cut_on.col, Campaign.cutoff.col)
    there = F.struct(cut.alias("a"), Campaign.drop_date.col.alias("b"), Campaign.campaign_id.col.alias("c"))
    before = campaigns.where((Campaign.campaign_id.col != terms.spec.campaign_id) & (there < here) & (Campaign.product.col != str(Use.ENRICH)))
    named = before.select(Campaign.campaign_id, Campaign.drop_date, Campaign.client_id)
    sent = selections.where(Selection.cell.col != HOLDOUT).select(Selection.campaign_id, PERSON, F.col(HOUSEHOLD).alias("_then"), CHANNEL)
    today = households.select(PERSON, HOUSEHOLD)
    pieces = sent.join(F.broadcast(named), on=Campaign.campaign_id, how="inner").join(today, on=PERSON, how="left")
    return pieces.withColumn(HOUSEHOLD, F.coalesce(F.col(HOUSEHOLD), F.col("_then"))).drop("_then")


def capped_households(pieces: DataFrame, terms: Terms) -> DataFrame:
    """Household × channel that may get no further piece: the year's cap is reached, or another piece is too near in time.

    The year is counted on both sides of the drop date, so that no later campaign already cut makes a year too full.
    """
    drop = F.lit(terms.drop_date)
    days = F.abs(F.datediff(Campaign.drop_date.col, drop))
    near = (Campaign.drop_date.col > F.add_months(drop, -12)) & (Campaign.drop_date.col < F.add_months(drop, 12))
    counted = pieces.groupBy(HOUSEHOLD, CHANNEL).agg(F.sum(F.when(near, 1).otherwise(0)).alias("_year"), F.min(days).alias("_nearest"))
    full = (F.col("_year") >= terms.spec.cap_per_year) | (F.col("_nearest") < terms.spec.rest_days)
    return counted.where(full).select(HOUSEHOLD, CHANNEL, F.lit(True).alias(IS_CAPPED))


def calls_made(pieces: DataFrame, terms: Terms, told: DataFrame | None = None) -> DataFrame:
    """Person: calls of this client within the days over which attempts are counted.

    A call campaign counts for one attempt, or for as many as the call centre told back (`told`: person_id, campaign_id, client_id, `on`,
    `is_refusal`). Who refused has no attempt left until the rest after a refusal is over.
    """
    hours = terms.law.phone_hours
    window = F.abs(F.datediff(Campaign.drop_date.col, F.lit(terms.drop_date))) < hours.attempts_days
    theirs = (Campaign.client_id.col == terms.spec.client) & (F.col(CHANNEL) == str(Channel.PHONE))
    planned = pieces.where(theirs & window).select(PERSON, Campaign.campaign_id, F.lit(1).alias("_calls")).distinct()
    if told is None:
        return planned.groupBy(PERSON).agg(F.sum("_calls").cast("int").alias(CALLS))
    since = F.datediff(F.lit(terms.drop_date), F.col("on"))
    heard = told.where(Campaign.client_id.col == terms.spec.client)
    attempts = heard.where(F.abs(since) < hours.attempts_days).groupBy(PERSON, Campaign.campaign_id).agg(F.count(F.lit(1)).alias("_calls"))
    refused = heard.where(F.col("is_refusal") & (since < hours.rest_days_after_refusal))
    closed = refused.select(PERSON, Campaign.campaign_id, F.lit(hours.attempts_max).alias("_calls"))
    every = planned.unionByName(attempts).unionByName(closed).groupBy(PERSON, Campaign.campaign_id).agg(F.max("_calls").alias("_calls"))
    return every.groupBy(PERSON).agg(F.sum("_calls").cast("int").alias(CALLS))


def is_called_out(terms: Terms) -> Column:
    """Whether a person has no call attempt left with this client."""
    return F.coalesce(F.col(CALLS), F.lit(0)) >= terms.law.phone_hours.attempts_max


def contacted(pieces: DataFrame, names: Sequence[str]) -> DataFrame:
    """Households that one of these campaigns has reached: one column."""
    return pieces.where(Selection.campaign_id.col.isin(list(names))).select(HOUSEHOLD).distinct()


def served(pieces: DataFrame, terms: Terms) -> DataFrame:
    """Persons this client has reached before: one column."""
    return pieces.where(Campaign.client_id.col == terms.spec.client).select(PERSON).distinct()
