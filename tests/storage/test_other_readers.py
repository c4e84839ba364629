"""Selections and decisions are plain Delta tables: a reader without Spark finds them, and reads the partition it asks for alone."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.base import Table
from appetence.contracts.campaign import Decision, Selection
from appetence.storage.lake import Lake
from tests.selection.coop import local

PLACES = [("noel_vad", "post"), ("noel_vad", "email"), ("don_hiver", "post")]
WANTED = {"campaign_id": "noel_vad", "channel": "email"}


def _rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Ten candidates of each campaign and channel, every other one selected."""
    decisions, selections = [], []
    for campaign, channel in PLACES:
        for n in range(10):
            same = {"campaign_id": campaign, "channel": channel, "person_id": f"{channel}{n}", "list_id": "tous"}
            decisions.append({**same, "is_selected": n % 2 == 0, "reasons": [] if n % 2 == 0 else ["PERMISSION", "CAP"]})
            if n % 2 == 0:
                selections.append({**same, "rank": n + 1, "cell": "mail"})
    return decisions, selections


@pytest.mark.spark
def test_delta_rs_reads_one_campaign_and_channel(spark: SparkSession, lake: Lake) -> None:
    deltalake = pytest.importorskip("deltalake", reason="the reader comes with the extra `test`: run make setup")
    decisions, selections = _rows()
    tables: list[tuple[type[Table], list[dict[str, Any]]]] = [(Decision, decisions), (Selection, selections)]
    for table, rows in tables:
        for campaign in ("noel_vad", "don_hiver"):
            mine = [row for row in rows if row["campaign_id"] == campaign]
            lake.sync(table, local(spark, table, mine), f"campaign_id = '{campaign}'")
        stored = deltalake.DeltaTable(lake.path(table))
        assert stored.metadata().partition_columns == ["campaign_id", "channel"]
        asked = [(name, "=", value) for name, value in WANTED.items()]
        files = stored.file_uris(partition_filters=asked)
        assert files and all("campaign_id=noel_vad/channel=email" in file for file in files)
        assert len(files) < len(stored.file_uris()), "the other partitions are not opened"
        read = stored.to_pyarrow_table(partitions=asked).to_pylist()
        wanted = [row for row in rows if row.items() >= WANTED.items()]
        assert {row["person_id"] for row in read} == {row["person_id"] for row in wanted} and len(read) == len(wanted)
        assert {tuple(sorted(row)) for row in read} == {tuple(sorted(str(f) for f in table.fields()))}
    assert {row["person_id"]: row["reasons"] for row in deltalake.DeltaTable(lake.path(Decision)).to_pyarrow_table(partitions=asked).to_pylist()} == {
        row["person_id"]: row["reasons"] for row in decisions if row.items() >= WANTED.items()
    }
