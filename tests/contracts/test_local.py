"""Small tables of the driver: their values come back as they went in, and Spark knows how few they are."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession

from appetence.contracts import REGISTRY
from appetence.contracts.local import local_frame

pytestmark = pytest.mark.spark
SHAPE = "name string, n int, at timestamp, day date, raw binary, words array<string>, codes map<string,int>, amount decimal(10,2)"


def test_values_come_back_as_they_went_in(spark: SparkSession) -> None:
    at = dt.datetime(2026, 3, 29, 2, 30, 0, 123456)
    rows = [
        ("Zoé", 1, at, dt.date(1900, 2, 28), bytearray(b"\x00\xff"), ["a", None], {"k": 3}, Decimal("1.20")),
        (None, None, None, None, None, None, None, None),
    ]
    assert [tuple(r) for r in local_frame(spark, rows, SHAPE).collect()] == rows


def test_a_datetime_with_a_zone_is_that_instant(spark: SparkSession) -> None:
    noon = dt.datetime(2026, 7, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    seconds = local_frame(spark, [(noon,)], "at timestamp").selectExpr("unix_seconds(at)").first()
    assert seconds is not None and seconds[0] == int(noon.timestamp())


def test_what_is_empty_takes_its_joins_out_of_the_plan(spark: SparkSession) -> None:
    numbers = spark.range(10)
    nobody = local_frame(spark, [], "id bigint")
    plan = numbers.join(nobody, on="id", how="left_anti")._jdf.queryExecution().optimizedPlan().toString()
    assert "Join" not in plan and numbers.join(nobody, on="id", how="left_anti").count() == 10


def test_every_contract_makes_an_empty_frame_of_its_shape(spark: SparkSession) -> None:
    for table in REGISTRY.values():
        assert table.frame(spark).columns == [str(f) for f in table.content()]
