"""What `appetence doctor` tries is true on a machine where it should succeed."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from appetence.cli.doctor import groups_of_a_small_graph


@pytest.mark.spark
def test_the_graph_that_doctor_solves_has_two_groups(spark: SparkSession) -> None:
    assert groups_of_a_small_graph(spark) == 2
