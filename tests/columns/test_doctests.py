"""Every example in a docstring is run."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

import appetence

pytestmark = pytest.mark.spark

ROOT = Path(appetence.__file__).parent
MODULES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for file in ROOT.rglob("*.py")
    if ">>> " in file.read_text("utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(spark: SparkSession, name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"appetence.{name}"), extraglobs={"spark": spark})
    assert result.attempted > 0
    assert result.failed == 0
