"""Whole decision tables of generated co-operatives against the plain reading of the rules."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from pyspark.sql import SparkSession

from appetence.pipeline.load_reference import law_rule_rows
from appetence.selection.candidates import build_candidates
from tests.selection.coop import campaign, generate, law, sources, terms
from tests.selection.oracle import Oracle

pytestmark = pytest.mark.spark

CASES: dict[str, dict[str, Any]] = {
    "prospect_post": {"seed": 5},
    "prospect_all_channels": {"seed": 14, "channels": ("email", "sms", "post"), "client": "r_m04", "merge_level": "person"},
    "prospect_phone_before": {"seed": 11, "channels": ("phone",), "drop_date": dt.date(2026, 8, 10), "min_sources": 1},
    "prospect_phone_after": {"seed": 5, "channels": ("phone",), "drop_date": dt.date(2026, 8, 11), "min_sources": 1},
    "house_email_post": {"seed": 5, "product": "house", "client": "r_m04", "channels": ("email", "post"), "min_sources": 1},
    "charity_email": {"seed": 14, "client": "r_m05", "purpose": "caritative", "channels": ("email", "phone"), "min_sources": 1},
}


@pytest.mark.parametrize("case", CASES)
def test_inv_02_06_decisions_equal_the_plain_rules(spark: SparkSession, conf_folder: str, case: str) -> None:
    spec = campaign(**CASES[case])
    seed = spec.seed
    coop = generate(seed, 260, spec)
    said = terms(conf_folder, spec)
    found = sources(spark, coop, law_rule_rows(law(conf_folder)))
    oracle = Oracle(coop, said)
    candidates = {r["person_id"]: r for r in build_candidates(found, said).collect()}
    assert sorted(candidates) == oracle.universe()
    wrong = []
    for person, row in candidates.items():
        channel, position, reasons = oracle.decide(person)
        if (row["channel"], row["list_position"], row["reasons"]) != (channel, position, reasons):
            wrong.append((person, (row["channel"], row["list_position"], row["reasons"]), (channel, position, reasons)))
    assert not wrong, f"seed {seed}: {len(wrong)} differ, e.g. {wrong[:3]}"
    codes = Counter(code for row in candidates.values() for code in row["reasons"])
    assert sum(not row["reasons"] for row in candidates.values()) >= 5, codes
    for code in ("STATUS", "SUPPRESSED", "PERMISSION", "INSTRUCTION", "DELIVERABLE", "CAP"):
        assert codes[code] > 0, f"seed {seed}: no candidate is dropped by {code}: the comparison would not see that rule break"
