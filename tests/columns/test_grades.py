from __future__ import annotations

import pytest
from pyspark.sql import Column

from appetence.columns import grades


def test_grades_sort_from_best_to_worst() -> None:
    assert sorted(grades.Grade) == list(grades.Grade)
    assert grades.Grade.usable() == ("A", "B")


@pytest.mark.spark
def test_worst(check) -> None:
    def worst(a: Column, b: Column, c: Column) -> Column:
        return grades.worst(a, b, c)

    cases = [
        (("A", "B", "A"), "B"),
        (("absent", "A", "absent"), "A"),
        (("absent", "absent", "absent"), "absent"),
        (("D", "absent", "A"), "D"),
    ]
    check({"worst": (worst, cases), "usable": (grades.is_usable, [("A", True), ("B", True), ("C", False), ("absent", False)])})
