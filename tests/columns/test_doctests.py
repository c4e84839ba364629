"""The examples in the docstrings are run."""

from __future__ import annotations

import doctest
import importlib

import pytest
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


@pytest.mark.parametrize(
    "name",
    [
        "columns.dates",
        "columns.email",
        "columns.grades",
        "columns.hashing",
        "columns.names",
        "columns.phone",
        "columns.postal",
        "columns.postal_block",
        "columns.text",
        "data",
    ],
)
def test_examples(spark: SparkSession, name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"appetence.{name}"), extraglobs={"spark": spark})
    assert result.attempted > 0
    assert result.failed == 0
