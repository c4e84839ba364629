"""Statements of planted members; small counts cannot be told from what is shown, by trying every set of counts that would look the same."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from appetence.contracts.campaign import Campaign, Selection, Statement
from appetence.contracts.identity import PersonLink
from appetence.contracts.reference import Recipient
from appetence.contracts.silver import Permission, Record
from appetence.pipeline import issue_statements
from appetence.selection.statements import ALL, given, masked, used, with_totals
from tests.selection.coop import local

SMALL = 11
SECTORS = ("a", "b", "c")


def shown(parts: tuple[int, ...]) -> tuple[int | None, ...]:
    """The rule in plain words, total first: hide small parts, then others from the left, at least one, until the hidden ones suffice."""
    hidden = {i for i, n in enumerate(parts) if n < SMALL}
    others, enough = [i for i in range(len(parts)) if i not in hidden], 21 + len(hidden)
    tells = False
    if hidden:
        tells = not others or sum(parts) < enough
        for n, i in enumerate(others):
            if n == 0 or sum(parts[h] for h in hidden) < enough:
                hidden.add(i)
    return (None if tells or sum(parts) < SMALL else sum(parts), *(None if i in hidden else n for i, n in enumerate(parts)))


@pytest.mark.parametrize(("parts", "most"), [(1, 60), (2, 60), (3, 45)])
def test_inv_10_no_small_part_is_told_by_what_is_shown(parts: int, most: int) -> None:
    """Every reader who knows the rule, the total and the parts shown is left with every value from 1 to 10 for each small part."""
    could_be: dict[tuple[int | None, ...], list[set[int]]] = {}
    asked = set()
    for values in itertools.product(range(1, most + 1), repeat=parts):
        view = shown(values)
        seen = could_be.setdefault(view, [set() for _ in values])
        for found, value in zip(seen, values, strict=True):
            found.add(value)
        if max(values) <= most - 18:  # others that look the same lie within what was tried
            asked.add(view)
    small = [(view, found) for view in asked for found in could_be[view] if min(found) < SMALL]
    assert small
    assert [view for view, found in small if not set(range(1, SMALL)) <= found] == []
    assert not any(n is not None and n < SMALL for view in could_be for n in view)


def test_inv_10_what_hiding_the_next_smallest_would_tell() -> None:
    """With 11 shown beside a total of 31, two hidden parts known to be the smallest could only be 10 and 10."""
    assert shown((11, 10, 10)) == (31, None, None, None)
    assert shown((1,) * 11) == (None,) * 12  # eleven parts that add up to eleven are all one
    assert shown((40, 30, 10)) == (80, None, 30, None)


@pytest.mark.spark
def test_inv_10_the_mask_follows_the_rule(spark: SparkSession) -> None:
    cases = [*itertools.product((1, 5, 10, 11, 12, 40), repeat=3), *itertools.product((1, 10, 11, 30), repeat=2), (3,), (11,), (1, 1, 10), (2,) * 3]
    rows = [
        Statement.row(member_id=f"m{n}", month="2026-10", programme="p", recipient_sector=s, measure="used", value=v)
        for n, parts in enumerate(cases)
        for s, v in zip(SECTORS, parts, strict=False)
    ]
    found: dict[str, dict[str, int | None]] = defaultdict(dict)
    for row in masked(with_totals(local(spark, Statement, rows).drop("is_masked"))).collect():
        assert row["is_masked"] == (row["value"] is None)
        found[row["member_id"]][row["recipient_sector"]] = row["value"]
    for n, parts in enumerate(cases):
        total, *each = shown(parts)
        assert found[f"m{n}"] == {ALL: total, **dict(zip(SECTORS, each, strict=False))}, parts


@pytest.mark.spark
def test_counts_of_a_member_are_its_own(spark: SparkSession) -> None:
    links = [PersonLink.row(record_id=f"{m}{i}", member_id=m, person_id=f"p{i}") for m, n in (("m01", 30), ("m02", 20)) for i in range(n)]
    links.append(PersonLink.row(record_id="m01-twice", member_id="m01", person_id="p29"))
    frame = local(spark, PersonLink, links)
    assert {r["member_id"]: r["value"] for r in given(frame, "records", "2026-10").collect()} == {"m01": 31, "m02": 20}
    pieces = [Selection.row(campaign_id=c, channel="post", person_id=f"p{i}", member_id=m, cell=cell) for c, m, cell, n in PIECES for i in range(n)]
    campaigns = [Campaign.row(campaign_id=c, client_id=r, programme="alliance", drop_date=d) for c, r, d in CAMPAIGNS]
    # Its own campaign to its own customers, of which it knows the size, would tell a masked part of the total.
    pieces += [Selection.row(campaign_id="own", channel="post", person_id=f"p{i}", member_id="m01", cell="mail") for i in range(30)]
    campaigns.append(Campaign.row(campaign_id="own", client_id="r1", programme="alliance", drop_date=dt.date(2026, 6, 20), product="house"))
    clients = [Recipient.row(recipient_id="r1", sector="caritatif"), Recipient.row(recipient_id="r2", sector="voyages")]
    told = used(local(spark, Selection, pieces), local(spark, Campaign, campaigns), local(spark, Recipient, clients)).collect()
    assert {(r["member_id"], r["month"], r["recipient_sector"]): r["value"] for r in told} == {
        ("m01", "2026-06", "caritatif"): 19, ("m02", "2026-06", "caritatif"): 5, ("m01", "2026-10", "voyages"): 12,
    }  # fmt: skip


PIECES = [("c1", "m01", "mail", 12), ("c1", "m01", "holdout", 9), ("c1", "m02", "mail", 5), ("c2", "m01", "test_b", 7), ("c3", "m01", "mail", 12)]
CAMPAIGNS = [("c1", "r1", dt.date(2026, 6, 15)), ("c2", "r1", dt.date(2026, 6, 30)), ("c3", "r2", dt.date(2026, 10, 2))]


@pytest.mark.spark
def test_statements_are_issued_by_month_and_repeat_themselves(spark: SparkSession, make_context) -> None:  # type: ignore[no-untyped-def]
    ctx = make_context()
    records = [Record.row(record_id=f"r{i}", member_id="m01") for i in range(25)]
    ctx.lake.sync(Record, local(spark, Record, records))
    permissions = [Permission.row(record_id=f"r{i}", member_id="m01", is_granted=i < 15, channel="post") for i in range(25)]
    ctx.lake.sync(Permission, local(spark, Permission, permissions))
    ctx.lake.sync(Recipient, local(spark, Recipient, [Recipient.row(recipient_id="r1", sector="caritatif")]))
    ahead = Campaign.row(campaign_id="c9", client_id="r1", programme="alliance", drop_date=dt.date(2026, 11, 1))
    dropped = Campaign.row(campaign_id="c1", client_id="r1", programme="alliance", drop_date=dt.date(2026, 6, 15))
    ctx.lake.sync(Campaign, local(spark, Campaign, [ahead, dropped]))
    pieces = [Selection.row(campaign_id=c, channel="post", person_id=f"p{i}", member_id="m01", cell="mail") for c in ("c1", "c9") for i in range(14)]
    ctx.lake.sync(Selection, local(spark, Selection, pieces))
    issue_statements.run(ctx)
    first = ctx.lake.version(Statement)
    assert {(r["month"], r["measure"], r["recipient_sector"]): r["value"] for r in ctx.lake.read(Statement).collect()} == {
        ("2026-10", "records", ALL): 25, ("2026-10", "permissions", ALL): 15,
        ("2026-06", "persons_selected", ALL): 14, ("2026-06", "persons_selected", "caritatif"): 14,
    }  # fmt: skip
    later = make_context(as_of=dt.date(2026, 10, 31), run_id="run-2")
    issue_statements.run(later)
    assert later.lake.version(Statement) == first
    issue_statements.run(make_context(as_of=dt.date(2026, 11, 30), run_id="run-3"))
    months = {r["month"] for r in later.lake.read(Statement).where(F.col("measure") == "records").collect()}
    assert months == {"2026-10", "2026-11"}


@pytest.mark.spark
def test_inv_08_a_statement_does_not_move_with_another_member(spark: SparkSession) -> None:
    """Whatever the other members deliver and whatever of it is used, one member's lines stay as they are."""
    clients = local(spark, Recipient, [Recipient.row(recipient_id="r1", sector="caritatif"), Recipient.row(recipient_id="r2", sector="voyages")])
    campaigns = local(spark, Campaign, [Campaign.row(campaign_id=c, client_id=r, programme="alliance", drop_date=d) for c, r, d in CAMPAIGNS])

    def told(others: int) -> list[tuple[object, ...]]:
        held = [PersonLink.row(record_id=f"{m}-{i}", member_id=m, person_id=f"p{i}") for m, n in (("m01", 30), ("m02", others)) for i in range(n)]
        used_of = {"m01": 0, "m02": others}
        pieces = [
            Selection.row(campaign_id=c, channel="post", person_id=f"p{i}", member_id=m, cell=cell)
            for c, m, cell, n in PIECES for i in range(n + used_of.get(m, 0))
        ]  # fmt: skip
        parts = given(local(spark, PersonLink, held), "records", "2026-10").unionByName(used(local(spark, Selection, pieces), campaigns, clients))
        rows = masked(with_totals(parts)).where(F.col("member_id") == "m01").orderBy(*Statement.key)
        return [tuple(r) for r in rows.collect()]

    assert told(2) == told(40) and len(told(2)) > 2
