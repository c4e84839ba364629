"""The bench of selections selects: every rule drops somebody, a tenth is taken, and the waterfall's counts add up."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from appetence.bench import selection
from appetence.runtime.config import load

RULES = {
    "STATUS", "SUPPRESSED", "PERMISSION", "INSTRUCTION", "SOURCES", "CLIENT_FILE", "DELIVERABLE", "CAP", "PRESELECT", "DEDUPLICATE", "BELOW_CUT",
    "CELL",
}  # fmt: skip


@pytest.mark.spark
def test_a_tenth_is_selected_by_twelve_rules_and_three_lists(spark: SparkSession, tmp_path: Path, conf_folder: str) -> None:
    answer = selection.run(spark, load("local", [f"paths.root={tmp_path}"], conf_folder), 4_000, tmp_path)
    assert answer["mailed"] == 400 and answer["held_out"] == 40 and answer["lists"] == 3 and answer["members"] == 20
    assert set(answer["first_reasons"]) - {"selected"} >= RULES
    assert sum(answer["first_reasons"].values()) == answer["candidates"] == 4_000
    assert set(answer["seconds"]) == {"lists", "ground", "candidates", "decide", "write"}
