"""identity.person: the best that a person's records say, and what decides whether it may be scored."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns.names import is_initial
from appetence.contracts.identity import HouseholdLink, Person, PersonLink
from appetence.contracts.silver import Record

_VOTED = (Record.civility, Record.gender, Record.first_name, Record.last_name)
READ = (
    Record.record_id, Record.member_id, *_VOTED, Record.birth_date, Record.has_children, Record.delivered_on, Record.is_deliverable, Record.postcode,
    Record.commune_code, Record.department,
)  # fmt: skip


def build_persons(records: DataFrame, links: DataFrame, homes: DataFrame, confidence: DataFrame) -> DataFrame:
    """Person rows from silver records, PersonLink, HouseholdLink and confidence (record_id, confidence). Grain: person_id.

    A name, a civility or a gender is what most records say; at a tie what the newest says, then the last in order. The place is that of
    the newest deliverable record, else of the newest with a postcode. The birth date is the youngest declared."""
    held = records.select(*READ).join(links.select(PersonLink.record_id, PersonLink.person_id), on=Record.record_id, how="inner")
    told = held.join(confidence.select(Record.record_id, Person.confidence), on=Record.record_id, how="left")
    counted = told.groupBy(PersonLink.person_id).agg(*_aggregates())
    voted = counted.join(_votes(held), on=PersonLink.person_id, how="left")
    placed = voted.select(
        "*",
        F.col("_place").getField(Record.postcode).alias(Person.postcode),
        F.col("_place").getField(Record.commune_code).alias(Person.commune_code),
        F.col("_place").getField(Record.department).alias(Person.department),
    )
    housed = placed.join(
        homes.select(HouseholdLink.person_id, HouseholdLink.household_id, HouseholdLink.address_id), on=Person.person_id, how="inner"
    )
    return Person.shape(housed)


def newest_first() -> Column:
    """What orders a person's records: the greatest is the newest deliverable, then the newest with a postcode; ids break ties."""
    return F.struct(
        F.col(Record.is_deliverable), F.col(Record.postcode).isNotNull(), F.col(Record.delivered_on), F.col(Record.record_id)
    )  # fmt: skip


def _aggregates() -> list[Column]:
    place = F.struct(Record.postcode, Record.commune_code, Record.department)
    dates = F.min(Record.birth_date) != F.max(Record.birth_date)
    return [
        F.max(Record.birth_date).alias(Person.birth_date),
        F.coalesce(dates, F.lit(False)).alias(Person.is_birth_date_disputed),
        F.max(Record.has_children).alias(Person.has_children),
        F.count(F.lit(1)).cast("int").alias(Person.record_count),
        F.count_distinct(Record.member_id).cast("int").alias(Person.member_count),
        F.min(Person.confidence).alias(Person.confidence),
        F.max(Record.delivered_on).alias(Person.last_delivered_on),
        F.max_by(place, newest_first()).alias("_place"),
    ]


def _votes(held: DataFrame) -> DataFrame:
    """person_id and, for each voted field, the value most of its records state; an initial counts only where no whole first name is
    stated."""
    ballots = F.array(*(F.struct(F.lit(str(f)).alias("field"), F.col(f).alias("value")) for f in _VOTED))
    stated = held.select(PersonLink.person_id, Record.delivered_on, F.explode(ballots).alias("v")).where("v.value IS NOT NULL")
    votes = stated.groupBy(PersonLink.person_id, "v.field", "v.value").agg(F.count(F.lit(1)).alias("n"), F.max(Record.delivered_on).alias("newest"))
    whole = (F.col("field") != str(Record.first_name)) | ~is_initial(F.col("value"))
    order = F.struct(whole, F.col("n"), F.col("newest"), F.col("value"))
    winners = [F.max_by("value", F.when(F.col("field") == str(f), order)).alias(f) for f in _VOTED]
    return votes.groupBy(PersonLink.person_id).agg(*winners)
