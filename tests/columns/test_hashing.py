from __future__ import annotations

import hashlib
import hmac
import random

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from appetence.columns import hashing

pytestmark = pytest.mark.spark


def test_hmac_is_pythons(spark: SparkSession) -> None:
    rng = random.Random(4)
    keys = [b"", b"k", b"x" * 64, bytes(range(65)), rng.randbytes(200)]
    messages = ["", "hello", "né à Œuilly", "a" * 1000]
    rows = [(m, *map(bytearray, hashing.pads(k)), hmac.new(k, m.encode(), hashlib.sha256).hexdigest()) for k in keys for m in messages]
    frame = spark.createDataFrame(rows, "m string, i binary, o binary, expected string")
    got = frame.select(hashing.hmac_sha256(F.col("m"), F.col("i"), F.col("o")).alias("v"), "expected").collect()
    assert all(row.v == row.expected for row in got)


def test_values_that_run_together_differ(spark: SparkSession) -> None:
    pairs = [("ab", "c"), ("a", "bc"), ("abc", None), (None, "abc"), ("abc", ""), ("", "abc"), ("1:a", "b"), ("a", "1:b")]
    frame = spark.createDataFrame(pairs, "a string, b string")
    ids = [r.v for r in frame.select(hashing.record_id(F.col("a"), F.col("b")).alias("v")).collect()]
    hashes = [r.v for r in frame.select(hashing.content_hash(F.col("a"), F.col("b")).alias("v")).collect()]
    assert len(set(ids)) == len(set(hashes)) == len(pairs)
    assert all(len(i) == 32 for i in ids)


def test_order_is_even_and_depends_on_the_seed(spark: SparkSession) -> None:
    frame = spark.range(4000)
    rows = frame.select(*[hashing.stable_order(F.col("id"), seed=s).alias(f"s{s}") for s in (1, 2)]).collect()
    low = sum(row.s1 < "8" for row in rows)
    assert 1850 < low < 2150
    assert sum((row.s1 < "8") == (row.s2 < "8") for row in rows) < 2150
