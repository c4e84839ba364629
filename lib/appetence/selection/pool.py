"""The pool a campaign looks at: its universe, the records it knows of, and which of their coordinates could be used by channel."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns.grades import Grade, is_usable
from appetence.contracts.domain import Channel
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.silver import Record
from appetence.selection.terms import Terms

R = Record
PERSON, HOUSEHOLD, ADDRESS = str(PersonLink.person_id), str(HouseholdLink.household_id), str(HouseholdLink.address_id)
_NAMED = [str(g) for g in (Grade.GOOD, Grade.REPAIRED, Grade.DOUBTFUL)]


def live_records(records: DataFrame, links: DataFrame, households: DataFrame, terms: Terms) -> DataFrame:
    """The records known on the day of the selection, each with its person, household and address.

    A person without a household link is a household of its own.
    """
    known = records.where(R.first_delivered_on.col <= F.lit(terms.known_on))
    linked = known.join(links.select(R.record_id, PERSON), on=R.record_id, how="inner")
    at_home = linked.join(households.select(PERSON, HOUSEHOLD, ADDRESS), on=PERSON, how="left")
    return at_home.withColumn(HOUSEHOLD, F.coalesce(F.col(HOUSEHOLD), F.col(PERSON)))


_READ = (
    R.record_id, R.member_id, R.first_delivered_on, R.delivered_on, R.name_grade, R.is_company, R.birth_date, R.address_grade, R.is_deliverable,
    R.email_grade, R.mobile_grade, R.landline_grade,
)  # fmt: skip
_ASKED_FOR = (R.email, R.mobile, R.landline)


def without_coordinates(live: DataFrame) -> DataFrame:
    """What the rules read of live records, to be kept in scratch: of a coordinate, and of the lines of an address, only that they are there."""
    there = [F.when(F.col(name).isNotNull(), F.lit("")).alias(name) for name in _ASKED_FOR]
    lines = F.when(F.size(R.address_lines.col) > 0, F.array(F.lit(""))).otherwise(F.array().cast("array<string>"))
    return live.select(PERSON, HOUSEHOLD, ADDRESS, *_READ, *there, lines.alias(R.address_lines))


def universe(live: DataFrame, terms: Terms) -> DataFrame:
    """The candidates, one row per person: everybody for prospects, the client's own people otherwise."""
    theirs = live if terms.is_prospect else live.where(R.member_id.col == F.lit(terms.client.member_id))
    return theirs.groupBy(PERSON).agg(F.min(HOUSEHOLD).alias(HOUSEHOLD), F.min(ADDRESS).alias(ADDRESS))


def is_deliverable(channel: str) -> Column:
    """Whether a record's coordinate of this channel is good enough to be used."""
    named = R.name_grade.col.isin(_NAMED) & ~R.is_company.col
    usable = {
        Channel.POST: R.is_deliverable.col & named & (F.size(R.address_lines.col) > 0),
        Channel.EMAIL: R.email.col.isNotNull() & is_usable(R.email_grade.col),
        Channel.SMS: R.mobile.col.isNotNull() & is_usable(R.mobile_grade.col),
        Channel.PHONE: (R.mobile.col.isNotNull() & is_usable(R.mobile_grade.col)) | (R.landline.col.isNotNull() & is_usable(R.landline_grade.col)),
    }[Channel(channel)]
    return F.coalesce(usable, F.lit(False))


def coordinate_order(channel: str) -> Column:
    """Sorts a person's usable coordinates, best first: grade, newest delivery, then the record id (which says nothing of anybody)."""
    grade = {
        Channel.POST: R.address_grade.col,
        Channel.EMAIL: R.email_grade.col,
        Channel.SMS: R.mobile_grade.col,
        Channel.PHONE: F.least(R.mobile_grade.col, R.landline_grade.col),
    }[Channel(channel)]
    return F.struct(grade.alias("grade"), (-F.unix_date(R.delivered_on.col)).alias("age"), R.record_id.col.alias("last"))
