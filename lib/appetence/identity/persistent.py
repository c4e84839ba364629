"""Lasting ids: a ledger that gives the clusters of today the persons of yesterday.

The rule. A person goes to the cluster that holds most of its records; at a tie to the cluster with the lowest record. A cluster that
several
persons go to is the one with most records in it; at a tie the oldest person, then the lowest id. The others are merged into it. A cluster
no person goes to is a new person: `p` and hexadecimal digits of its lowest record id, or of that id with the date when the first is, or was
ever, another person's. Every record whose person changed is an event, and the events give the links as of any day.

The same rule, with persons for records, keeps the ids of households.
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.columns.hashing import content_hash
from appetence.contracts.identity import IdentityEvent, PersonLink

_DIGITS = 20


def new_id(prefix: str, lowest: Column, *more: Column) -> Column:
    """An id of the prefix and hexadecimal digits that depend on the lowest member (and `more`) only."""
    return F.concat(F.lit(prefix), F.substring(content_hash(lowest, *more), 1, _DIGITS))


def assign(
    found: DataFrame, before: DataFrame, ever: DataFrame, as_of: date, *, item: str, group: str, prefix: str, are_few: bool = False
) -> DataFrame:
    """Today's groups under lasting ids.

    `found`: item, cluster. `before`: item, group, since (yesterday's links, items that are gone included). `ever`: one column `group`,
    every id
    ever given. `are_few`: the clusters are few beside `ever`.
    Result: item, group, old and since (the group before and its date, null when new). Grain: item."""
    lowest = found.groupBy("cluster").agg(F.min(item).alias("_lowest"))
    known = before.select(F.col(item), F.col(group).alias("old"), F.col("since"))
    held = found.join(known, on=item, how="left")
    overlap = held.where(F.col("old").isNotNull()).groupBy("old", "cluster").agg(F.count(F.lit(1)).alias("_n"))
    age = before.groupBy(F.col(group).alias("old")).agg(F.min("since").alias("_born"))
    heirs = _heirs(overlap.join(lowest, on="cluster", how="inner").join(age, on="old", how="inner"))
    named = _named(lowest, heirs, ever.select(F.col(ever.columns[0]).alias("_taken")), as_of, prefix, are_few)
    return held.join(named, on="cluster", how="inner").select(item, F.col("_id").alias(group), "old", "since")


def _heirs(overlap: DataFrame) -> DataFrame:
    """cluster, old: which old group each cluster continues, at most one, and each old group in one cluster."""
    goes = Window.partitionBy("old").orderBy(F.desc("_n"), "_lowest")
    takes = Window.partitionBy("cluster").orderBy(F.desc("_n"), "_born", "old")
    choice = overlap.withColumn("_choice", F.row_number().over(goes)).where("_choice = 1")
    return choice.withColumn("_rank", F.row_number().over(takes)).where("_rank = 1").select("cluster", "old")


def _named(lowest: DataFrame, heirs: DataFrame, taken: DataFrame, as_of: date, prefix: str, are_few: bool) -> DataFrame:
    """cluster, _id."""
    first = new_id(prefix, F.col("_lowest"))
    again = new_id(prefix, F.col("_lowest"), F.lit(as_of))
    third = new_id(prefix, F.col("_lowest"), F.lit(as_of), F.lit("again"))
    rows = lowest.join(heirs, on="cluster", how="left").withColumn("_first", first).withColumn("_again", again)
    if are_few:
        asked = rows.where(F.col("old").isNull()).select(F.explode(F.array("_first", "_again")).alias("_taken"))
        taken = taken.join(F.broadcast(asked), on="_taken", how="left_semi")
    taken = taken.distinct()
    for candidate in ("_first", "_again"):
        marks = taken.select(F.col("_taken").alias(candidate), F.lit(True).alias(f"{candidate}_taken"))
        rows = rows.join(marks, on=candidate, how="left")
    fresh = F.when(F.col("_first_taken").isNull(), F.col("_first")).when(F.col("_again_taken").isNull(), F.col("_again")).otherwise(third)
    return rows.select("cluster", F.coalesce("old", fresh).alias("_id"))


def build_person_links(assigned: DataFrame, records: DataFrame, before: DataFrame, frozen: DataFrame, as_of: date) -> DataFrame:
    """PersonLink rows: `since` stays where nothing changed; frozen records (one column record_id) keep the link they had."""
    members = records.select(PersonLink.record_id, PersonLink.member_id)
    same = F.col("old") == F.col(PersonLink.person_id)
    live = assigned.join(members, on=PersonLink.record_id, how="inner").withColumn(
        PersonLink.since, F.when(same, F.col(PersonLink.since)).otherwise(F.lit(as_of))
    )
    kept = before.join(frozen.distinct(), on=PersonLink.record_id, how="left_semi")
    return PersonLink.shape(PersonLink.shape(live).unionByName(PersonLink.shape(kept)))


def build_events(after: DataFrame, before: DataFrame, as_of: date) -> DataFrame:
    """IdentityEvent rows of every record whose person is not what it was.

    created: new record, new person. joined: new record, known person. merged: its person is no more. split: its person lives on without it.
    left: the record is no more."""
    was = before.select(PersonLink.record_id, F.col(PersonLink.person_id).alias("_from"))
    now = after.select(PersonLink.record_id, F.col(PersonLink.person_id).alias("_to"))
    changed = was.join(now, on=PersonLink.record_id, how="full").where(~F.col("_from").eqNullSafe(F.col("_to")))
    old = before.select(F.col(PersonLink.person_id).alias("_to")).distinct().withColumn("_was_known", F.lit(True))
    living = after.select(F.col(PersonLink.person_id).alias("_from")).distinct().withColumn("_lives", F.lit(True))
    marked = changed.join(old, on="_to", how="left").join(living, on="_from", how="left")
    kind = (
        F.when(F.col("_to").isNull(), "left")
        .when(F.col("_from").isNull() & F.col("_was_known").isNull(), "created")
        .when(F.col("_from").isNull(), "joined")
        .when(F.col("_lives").isNull(), "merged")
        .otherwise("split")
    )
    return IdentityEvent.shape(
        marked.select(
            content_hash(F.lit(as_of), F.col(PersonLink.record_id), F.col("_from"), F.col("_to")).alias(IdentityEvent.event_id),
            F.lit(as_of).alias(IdentityEvent.as_of),
            kind.alias(IdentityEvent.kind),
            F.col(PersonLink.record_id).alias(IdentityEvent.record_id),
            F.col("_from").alias(IdentityEvent.from_person_id),
            F.col("_to").alias(IdentityEvent.to_person_id),
        )
    )


def links_as_of(events: DataFrame, day: date) -> DataFrame:
    """record_id, person_id as they stood at the end of a day, from the ledger alone."""
    past = events.where(F.col(IdentityEvent.as_of) <= F.lit(day))
    # Of several events of one record on one day the last is the one that no other starts from.
    ends = [str(IdentityEvent.record_id), str(IdentityEvent.as_of), str(IdentityEvent.to_person_id)]
    goes_on = past.select(IdentityEvent.record_id, IdentityEvent.as_of, F.col(IdentityEvent.from_person_id).alias(IdentityEvent.to_person_id))
    final = past.join(goes_on.distinct(), on=ends, how="left_anti")
    newest = Window.partitionBy(IdentityEvent.record_id).orderBy(F.desc(IdentityEvent.as_of), IdentityEvent.event_id)
    last = final.withColumn("_n", F.row_number().over(newest)).where("_n = 1").where(F.col(IdentityEvent.to_person_id).isNotNull())
    return last.select(PersonLink.record_id, F.col(IdentityEvent.to_person_id).alias(PersonLink.person_id))
