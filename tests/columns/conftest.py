"""Planted cases for column helpers, all of a module in one Spark query."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import pytest
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

Cases = dict[str, tuple[Callable[..., Column], list[tuple[Any, Any]]]]


@pytest.fixture
def check(spark: SparkSession) -> Callable[[Cases], None]:
    """``check({label: (function, [(input, expected), ...])})``: an input is a text or a tuple of texts, one for each argument."""

    def run(cases: Cases) -> None:
        wide: list[list[str | None]] = []
        outputs, fields, expected = [], [], {}
        for label, (function, pairs) in cases.items():
            inputs = [given if isinstance(given, tuple) else (given,) for given, _ in pairs]
            names = [f"{label}_{i}" for i in range(len(inputs[0]))]
            fields += names
            wide += [list(column) for column in zip(*inputs, strict=True)]
            outputs.append(function(*[F.col(name) for name in names]).alias(label))
            expected[label] = pairs
        schema = ", ".join(f"{name} string" for name in fields)
        rows = spark.createDataFrame(list(zip_longest(*wide)), schema).coalesce(1).select(*outputs).collect()
        wrong = [
            f"{label}({given!r}) gives {rows[i][label]!r}, not {want!r}"
            for label, pairs in expected.items()
            for i, (given, want) in enumerate(pairs)
            if rows[i][label] != want
        ]
        assert not wrong, "\n".join(wrong)

    return run
