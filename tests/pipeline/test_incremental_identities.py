"""A night in which only what changed is compared gives what comparing everything gives, to the row and the id; and compares far less."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F

from appetence.contracts.identity import (
    BlockKey,
    ClericalDecision,
    CommonValue,
    Edge,
    HotKey,
    HouseholdLink,
    IdentityEvent,
    KinPair,
    MemberHousehold,
    MemberPerson,
    Person,
    PersonLink,
    ResolvedRecord,
)  # fmt: skip
from appetence.contracts.privacy import Limitation
from appetence.contracts.silver import Record
from appetence.pipeline import resolve_identities
from appetence.pipeline.context import Context, Counts
from tests.pipeline.test_resolve_identities import Row, context, population, records

pytestmark = pytest.mark.spark
__all__ = ["context"]
TABLES = (
    PersonLink, HouseholdLink, Person, IdentityEvent, MemberPerson, MemberHousehold, Edge, KinPair, ResolvedRecord, BlockKey, CommonValue, HotKey,
)  # fmt: skip
BASE: Row = {"city": "VILLE", "is_deliverable": True, "delivered_on": dt.date(2026, 1, 5), "member_id": "m01"}


def bridges() -> tuple[list[Row], list[Row]]:
    """Five persons known under two records that have nothing but the names in common, and five records that tie the two."""
    ends, between = [], []
    for i in range(5):
        names: Row = {**BASE, "first_name": ("ANNE", "PAUL", "MARIE", "LUC", "JULIE")[i], "last_name": "BARO"}
        born, mail, mobile = dt.date(1960 + i, 3, 4 + i), f"bridge{i}@example.fr", f"+33699{i:06d}"
        here: Row = {"address_key": f"{i} RUE PONT", "postcode": "35000", "department": "35"}
        there: Row = {"address_key": f"{i} RUE GUE", "postcode": "69003", "department": "69"}
        ends += [
            {**names, **here, "record_id": f"bridge-{i}-x", "customer_ref": f"bx{i}", "birth_date": born, "email": mail},
            {**names, **there, "record_id": f"bridge-{i}-y", "customer_ref": f"by{i}", "mobile": mobile, "member_id": "m02"},
        ]
        tied = {"birth_date": born, "email": mail, "mobile": mobile, "member_id": "m03"}
        between.append({**names, **there, **tied, "record_id": f"bridge-{i}-b", "customer_ref": f"bb{i}"})
    return ends, between


class Nights:
    """One lake that is resolved night by night, and beside it a copy in which everything is compared each night."""

    def __init__(self, context: Callable[..., Context], *options: str) -> None:
        self._make, self._options, self.day = context, ("identity.max_changed=1", *options), dt.date(2026, 10, 1)

    def context(self, name: str, *options: str) -> Context:
        return self._make(name, self.day, *self._options, *options)

    def run(self, rows: list[Row] | None = None, change: Callable[[Context], Any] = lambda ctx: None) -> tuple[Context, Counts]:
        """The next night, after which the two lakes are equal."""
        self.day += dt.timedelta(days=1)
        ctx = self.context(f"night-{self.day}")
        if rows is not None:
            records(ctx, rows)
        change(ctx)
        copy = Path(f"{ctx.lake.location}-{self.day}")
        shutil.copytree(ctx.lake.location, copy)
        counts = resolve_identities.run(ctx)
        whole = self.context(f"whole-{self.day}", "identity.full=true", f"paths.lake={copy}")
        assert whole.lake.location == str(copy)
        all_ = resolve_identities.run(whole)
        assert "is_incremental" in counts.details and "is_incremental" not in all_.details
        for table in TABLES:
            mine, theirs = (sorted(map(str, c.lake.read(table).collect())) for c in (ctx, whole))
            assert mine == theirs, (table.full_name(), self.day, set(mine) ^ set(theirs))
        assert counts.details["pairs_compared"] <= all_.details["pairs_compared"]
        return ctx, counts

    def kinds(self, ctx: Context) -> set[str]:
        return {r.kind for r in ctx.lake.read(IdentityEvent).where(F.col("as_of") == F.lit(self.day)).collect()}


def start(nights: Nights, rows: list[Row]) -> Counts:
    ctx = nights.context("first")
    records(ctx, rows)
    return resolve_identities.run(ctx)


def changed(rows: list[Row], seed: int) -> list[Row]:
    """Some persons moved with their family, some have another e-mail, one name is corrected, one record is of another day only."""
    out = [dict(r) for r in rows]
    for i, row in enumerate(out):
        if i % 41 == seed:
            row |= {"address_key": "7 QUAI NEUF", "postcode": "29200", "department": "29", "delivered_on": dt.date(2026, 6, 1)}
        elif i % 43 == seed:
            row["email"] = f"other{i}@example.fr"
        elif i % 97 == seed:
            row["last_name"] = str(row["last_name"])[:-1]
        elif i % 89 == seed:
            row["delivered_on"] = dt.date(2026, 7, 1)
    return out


@pytest.mark.slow  # three nights, each resolved twice
def test_a_night_of_changes_equals_a_full_run_and_a_quiet_one_compares_nothing(context: Callable[..., Context]) -> None:
    # Blocks of more than four are divided, so that the frozen division matters.
    nights = Nights(context, "identity.hot_block=4")
    ends, between = bridges()
    rows = [*population(5, 90), *ends]
    whole = start(nights, rows)

    had = {t: nights.context("look").lake.version(t) for t in TABLES}
    nights.day += dt.timedelta(days=1)
    quiet = nights.context("quiet")
    counts = resolve_identities.run(quiet)
    assert counts.details["pairs_compared"] == 0 and counts.rows_out == whole.rows_out and not quiet.lake.changes
    assert {t: quiet.lake.version(t) for t in TABLES} == had

    bare = [{"record_id": "bare1", "member_id": "m01", "customer_ref": "b1", "is_bare": True}]
    twin = {**rows[4], "record_id": "0-equal-and-lower", "customer_ref": "twin"}
    tonight = [*changed(rows[3:], 2), *between, *population(6, 6), *bare, twin]
    ctx, counts = nights.run(tonight)
    assert 0 < counts.details["pairs_compared"] < whole.details["pairs_compared"] / 2
    assert {"merged", "created", "joined", "left"} <= nights.kinds(ctx)

    # One record more: a handful of comparisons, and few rows written.
    ctx, counts = nights.run([*tonight, {**rows[10], "record_id": "zz", "customer_ref": "zz", "email": "zz@example.fr"}])
    assert 0 < counts.details["pairs_compared"] < whole.details["pairs_compared"] / 20
    assert ctx.lake.changes[PersonLink.full_name()].inserted == 1 and ctx.lake.changes[PersonLink.full_name()].updated == 0
    assert ctx.lake.changes[ResolvedRecord.full_name()].updated < len(tonight) / 5


@pytest.mark.slow  # several nights, each resolved twice
def test_splits_erasures_limits_and_decisions_equal_a_full_run(context: Callable[..., Context]) -> None:
    nights = Nights(context)
    ends, between = bridges()
    rows = [*population(7, 60), *ends, *between]
    start(nights, rows)

    # The ties between two records go: the person is split.
    rows = [r for r in rows if r not in between]
    ctx, _ = nights.run(rows)
    assert "left" in nights.kinds(ctx)

    # Some are erased: what the tables knew of them is gone before the night begins.
    several = [r for r in rows if str(r["record_id"]).endswith("-1")][:4]
    gone = [r["record_id"] for r in several]

    def erase(ctx: Context) -> None:
        ids = ctx.spark.createDataFrame([(g,) for g in gone], "record_id string")
        for table in (Record, PersonLink, ResolvedRecord, BlockKey, Edge, KinPair):
            for column in ("record_id", "record_a", "record_b"):
                if column in map(str, table.content()):
                    ctx.lake.delete(table, ids, column)

    rows = [r for r in rows if r not in several]
    ctx, counts = nights.run(None, erase)
    assert counts.details["pairs_compared"] > 0

    # One is limited, and no longer; decisions join and part.
    limit: dict[str, Any] = {"record_id": rows[0]["record_id"], "request_id": "q1", "since": nights.day, "until": nights.day + dt.timedelta(days=1)}
    nights.run(None, lambda ctx: ctx.lake.insert_new(Limitation, Limitation.frame(ctx.spark, [limit])))
    nights.run(None)
    held: dict[str, list[str]] = {}
    for r in ctx.lake.read(PersonLink).orderBy("record_id").collect():
        held.setdefault(r.person_id, []).append(r.record_id)
    (a, b), (x, y) = next(p[:2] for p in held.values() if len(p) > 2), [p[0] for p in held.values() if len(p) == 1][:2]
    said = [{"record_a": a, "record_b": b, "is_same": False}, {"record_a": x, "record_b": y, "is_same": True}]
    ctx, _ = nights.run(None, lambda ctx: ctx.lake.upsert(ClericalDecision, ClericalDecision.frame(ctx.spark, said)))
    now = {r.record_id: r.person_id for r in ctx.lake.read(PersonLink).collect()}
    assert now[a] != now[b] and now[x] == now[y]

    # They bind when their records change, too, and a retrained model or another setting makes everything be compared.
    ctx, counts = nights.run(changed(rows, 1))
    now = {r.record_id: r.person_id for r in ctx.lake.read(PersonLink).collect()}
    assert now[a] != now[b] and now[x] == now[y]
    options = ("identity.max_changed=1", "identity.review_weight=-3")
    assert "is_incremental" not in resolve_identities.run(nights.context("other", *options)).details
    assert "is_incremental" in resolve_identities.run(nights.context("same", *options)).details
    records(nights.context("one"), [*changed(rows, 1), {**rows[3], "record_id": "zz", "customer_ref": "zz"}])
    assert "is_incremental" not in resolve_identities.run(nights.context("limit", *options, "identity.max_changed=0")).details
