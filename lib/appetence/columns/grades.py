"""The five grades every standardised value carries."""

from __future__ import annotations

from enum import StrEnum
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F


class Grade(StrEnum):
    """How far a value can be trusted; the letters sort from best to worst."""

    GOOD = "A"
    REPAIRED = "B"
    DOUBTFUL = "C"
    UNUSABLE = "D"
    ABSENT = "absent"

    @classmethod
    def usable(cls) -> tuple[Grade, ...]:
        """The grades that may be compared and addressed."""
        return (cls.GOOD, cls.REPAIRED)


def is_usable(grade: Column) -> Column:
    """True for A and B.

    >>> spark.sql("SELECT 'B' g").select(is_usable(F.col("g")).alias("v")).first().v
    True
    """
    return grade.isin([g.value for g in Grade.usable()])


def worst(*grades: Column) -> Column:
    """The worst of several grades; absent ones do not count unless all are.

    >>> spark.sql("SELECT 'A' a, 'C' b, 'absent' c").select(worst(F.col("a"), F.col("b"), F.col("c")).alias("v")).first().v
    'C'
    """
    absent = Grade.ABSENT.value
    given = [F.when(g != absent, g) for g in grades]
    top = reduce(lambda left, right: F.greatest(F.coalesce(left, right), F.coalesce(right, left)), given)
    return F.coalesce(top, F.lit(absent))
