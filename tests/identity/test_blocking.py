"""Every pair once, hot blocks divided and never dropped, and a budget that refuses."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.errors import BudgetError
from appetence.identity import blocking
from appetence.identity.blocking import Rule

COLUMNS = ("email", "mobile", "landline", "birth", "first", "last", "postcode", "city", "department", "number", "address", "way", "local")
RULES = (
    Rule("email", ("email",), ("email",), 6, ("last", "first")),
    Rule("birth", ("birth", "last3"), ("birth_date", "last_name"), 6, ("first1",)),
    Rule("place", ("place", "last"), ("place", "last_name"), 6, ("first1", "first")),
)


def signed(spark: SparkSession, rows: list[dict[str, Any]]) -> DataFrame:
    schema = "node bigint, " + ", ".join(f"{c} string" for c in COLUMNS)
    return spark.createDataFrame([(i, *(r.get(c) for c in COLUMNS)) for i, r in enumerate(rows)], schema)


def rows_of(seed: int, n: int) -> list[dict[str, Any]]:
    draw = random.Random(seed)

    def some(values: list[str], missing: float) -> str | None:
        return None if draw.random() < missing else draw.choice(values)

    return [
        {"email": some([f"e{i}" for i in range(25)], 0.3), "birth": some([f"1970010{i}" for i in range(5)], 0.2),
         "first": some(["ANNE", "PAUL", "ALI"], 0.1),
         "last": some(["MARTIN", "MARTEL", "DURAND", "ROUX"], 0.1), "postcode": some(["35000", "29200"], 0.2)}
        for _ in range(n)
    ]  # fmt: skip


def by_definition(rows: list[dict[str, Any]]) -> dict[tuple[int, int], int]:
    """All pairs that share a key, with the mask of the keys, without any division."""
    keys = [
        (
            r["email"],
            (r["birth"], r["last"][:3]) if r["birth"] and r["last"] else None,
            (r["postcode"], r["last"]) if r["postcode"] and r["last"] else None,
        )
        for r in rows
    ]
    out = {}
    for a, b in itertools.combinations(range(len(rows)), 2):
        mask = sum(1 << i for i in range(3) if keys[a][i] is not None and keys[a][i] == keys[b][i])
        if mask:
            out[a, b] = mask
    return out


@pytest.mark.spark
def test_each_pair_that_shares_a_key_is_made_once(spark: SparkSession) -> None:
    rows = rows_of(3, 60)
    hashed = blocking.key_hashes(signed(spark, rows), RULES)
    found = blocking.pairs(hashed, blocking.block_sizes(hashed), RULES).collect()
    assert len({(r.a, r.b) for r in found}) == len(found)
    assert {(r.a, r.b): r.rules for r in found} == by_definition(rows)


@pytest.mark.spark
def test_hot_blocks_are_divided_and_nobody_is_dropped(spark: SparkSession) -> None:
    # One e-mail used by 40 of four names, and ten without any name: more than any attribute can divide.
    rows = [{"email": "x", "first": f, "last": last} for f in ("ANNE", "PAUL") for last in ("MARTIN", "ROUX") for _ in range(10)]
    rows += [{"email": "x"} for _ in range(10)]
    hashed = blocking.key_hashes(signed(spark, rows), RULES)
    sizes = blocking.block_sizes(hashed)
    assert [r.n for r in blocking.hot_blocks(sizes, 60, RULES).collect()] == [50]

    def kept(name: str, frame: DataFrame) -> DataFrame:
        return spark.createDataFrame(frame.collect(), frame.schema)

    hot, left = blocking.hot_keys(hashed, sizes, 60, kept, RULES)
    divided = kept("divided", blocking.divided(hashed, kept("hot", hot), RULES))
    after = blocking.block_sizes(divided)
    assert sorted(map(tuple, left.collect())) == sorted(map(tuple, after.collect()))
    assert {r.n for r in after.where("rule = 0").collect()} == {5}
    found = blocking.pairs(divided, after, RULES).collect()
    assert {n for r in found for n in (r.a, r.b)} == set(range(50))
    same = [(r.a // 10, r.b // 10) for r in found]
    assert all(a == b for a, b in same)

    # Keys follow from the record and the frozen keys alone: of any part of the records, and of records that come later.
    alone = blocking.divided(blocking.key_hashes(signed(spark, rows).where("node % 7 = 3"), RULES), kept("hot", hot), RULES)
    keys = {r.node: r._hashes for r in divided.collect()}
    assert {r.node: r._hashes for r in alone.collect()} == {n: k for n, k in keys.items() if n % 7 == 3}
    changed, others = (divided.where(f"node % 7 {sign} 3") for sign in ("=", "!="))
    made = {(r.a, r.b, r.rules) for r in blocking.pairs_of(changed, others, RULES).collect()}
    assert made == {(r.a, r.b, r.rules) for r in found if 3 in (r.a % 7, r.b % 7)}


@pytest.mark.spark
def test_candidates_are_counted_before_they_are_made(spark: SparkSession) -> None:
    rows = rows_of(4, 60)
    hashed = blocking.key_hashes(signed(spark, rows), RULES)
    counted = {r["rule"]: r for r in blocking.statistics(blocking.block_sizes(hashed), F.lit(dt.date(2026, 10, 31)), RULES).collect()}
    made = by_definition(rows)
    for i, rule in enumerate(RULES):
        assert counted[rule.name]["pairs"] == sum(1 for mask in made.values() if mask & (1 << i)), rule.name
    assert counted["all"]["pairs"] == sum(counted[r.name]["pairs"] for r in RULES) >= len(made)


def test_a_budget_is_kept() -> None:
    blocking.check_budget(600, 10, 60.0)
    with pytest.raises(BudgetError, match=r"601 pairs for 10 distinct records.*identity\.hot_block"):
        blocking.check_budget(601, 10, 60.0)


def test_rules_name_known_parts_and_settle_known_fields() -> None:
    from appetence.identity.comparison import FIELDS

    known = {f.name for f in FIELDS}
    assert len({r.name for r in blocking.ALL_RULES}) == len(blocking.ALL_RULES) < 31  # one bit each in a signed whole number
    for rule in blocking.ALL_RULES:
        assert {*rule.parts, *rule.divide} <= set(blocking.KEY_PARTS), rule.name
        assert set(rule.settles) <= known, rule.name
