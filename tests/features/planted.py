"""Small planted histories for the tests of features: events by hand, and seeded random ones."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.contracts.gold import Segment
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.silver import Record, Transaction
from appetence.features.eligibility import ALWAYS, FEATURED_FROM
from appetence.features.snapshot import Horizon

HORIZON = Horizon(gap=0, length=90, history=1096)
SECTORS = {"m1": "presse_edition", "m2": "automobile", "m3": "equipement_maison", "m4": "loisirs_voyages"}

Event = tuple[str, str, dt.date, int]
"""Person, member, day, cents."""


def transactions(spark: SparkSession, events: Iterable[Event], **columns: Any) -> DataFrame:
    """silver.transaction rows; record ids are `person@member`, a negative amount is a refund."""
    rows = [
        {
            "transaction_id": f"t{n:06d}", "record_id": f"{person}@{member}", "member_id": member, "sector": SECTORS[member], "quantity": 1,
            "transaction_date": day, "amount_cents": cents, "kind": "refund" if cents < 0 else "order", "known_on": day,
            "category": f"c{cents % 3}", **columns,
        }
        for n, (person, member, day, cents) in enumerate(events)
    ]  # fmt: skip
    return Transaction.frame(spark, rows)


def links(spark: SparkSession, persons: Sequence[str], members: Sequence[str] = tuple(SECTORS)) -> DataFrame:
    """identity.person_link of every person with every member."""
    return PersonLink.frame(spark, [{"record_id": f"{p}@{m}", "member_id": m, "person_id": p} for p in persons for m in members])


def eligible(spark: SparkSession, persons: Sequence[str], since: dt.date = ALWAYS) -> DataFrame:
    """What `eligible_persons` gives when all may be featured."""
    return spark.createDataFrame([(p, since) for p in persons], f"person_id string, {FEATURED_FROM} date")


def households(spark: SparkSession, persons: Sequence[str], size: int = 1) -> DataFrame:
    """identity.household_link: `size` persons in a row share a home."""
    return HouseholdLink.frame(spark, [{"person_id": p, "household_id": f"h{n // size}", "household_size": size} for n, p in enumerate(persons)])


def segments(spark: SparkSession, persons: Sequence[str], day: dt.date) -> DataFrame:
    """gold.segment with a neutral profile."""
    rows = [{"cutoff": day, "person_id": p, "age": 50, "gender": "F", "household_size": 1, "size_class": "ville"} for p in persons]
    return Segment.frame(spark, rows)


def records(spark: SparkSession, persons: Sequence[str], members: Sequence[str] = tuple(SECTORS)) -> DataFrame:
    """silver.record of every person with every member, reachable by post and e-mail."""
    rows = [{"record_id": f"{p}@{m}", "member_id": m, "is_deliverable": True, "email": "x", "is_bare": False} for p in persons for m in members]
    return Record.frame(spark, rows)


def random_events(seed: int, persons: int, count: int, first: dt.date, last: dt.date) -> list[Event]:
    """Seeded events, refunds included."""
    draw = random.Random(seed)
    days = (last - first).days
    return [
        (
            f"p{draw.randrange(persons):03d}", draw.choice(list(SECTORS)), first + dt.timedelta(days=draw.randrange(days + 1)),
            draw.choice((-1, 1, 1, 1, 1)) * draw.randrange(0, 20_000),
        )
        for _ in range(count)
    ]  # fmt: skip


def rows_of(frame: DataFrame) -> list[tuple[Any, ...]]:
    """All rows in a stable order, to compare tables whole."""
    ordered = frame.select(*sorted(frame.columns))
    return sorted((tuple(r) for r in ordered.orderBy(F.hash(*ordered.columns)).collect()), key=repr)
