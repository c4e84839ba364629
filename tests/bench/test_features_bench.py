"""The bench of snapshots and scores runs the jobs' functions: rows for every cutoff, a score for everybody, nothing handed to Python but scoring."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from appetence.bench import candidate_tables, features
from appetence.contracts.silver import Transaction


@pytest.mark.spark
def test_the_purchases_are_about_as_many_as_asked_for(spark: SparkSession) -> None:
    told = candidate_tables.records(candidate_tables.persons(spark, 2_000, 2))
    rows = features.purchases(told, 20_000, 2_000)
    found = rows.agg(
        F.count(F.lit(1)), F.count_distinct(Transaction.transaction_id), F.avg((F.col(Transaction.kind) == "refund").cast("int"))
    ).first()
    assert found is not None
    assert found[0] == found[1] and 18_000 < found[0] < 22_000
    assert 0.03 < found[2] < 0.05
    assert rows.where(F.col(Transaction.known_on) < F.col(Transaction.transaction_date)).isEmpty()


@pytest.mark.slow
@pytest.mark.spark
def test_everybody_with_a_purchase_elsewhere_is_scored(spark: SparkSession, tmp_path: Path) -> None:
    answer = features.run(spark, 3_000, [9_000, 30_000], tmp_path)
    small, large = answer["snapshots"]
    assert small["transactions"] < large["transactions"] and small["rows"] < large["rows"]
    assert small["python_operators"] == large["python_operators"] == 0
    for night in (small["next_night"], large["next_night"]):
        assert 0 < night["taken_again"] <= night["changed"] < small["rows"] // 20
        assert set(night["seconds"]) == {"compare", "again", "new_day"}
    assert 2_000 < answer["scored"] <= 3_000
    assert set(answer["seconds"]) == {"inputs", "predictions", "scores"}
    assert 0 < answer["python_share_at_most"] <= 1
