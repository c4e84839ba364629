"""Counts of a draft campaign for those who may not see persons: a commercial agent, or a member for its own campaigns.

Three measures together, for a count can be told by subtraction from another one, of the same dry run or of an earlier one:

- a count under 11 is masked;
- a count that differs by 1 to 10 from one told to the same asker before is told as that one, so that no change of a filter that moves
  fewer than 11 persons shows at all;
- what is told is rounded (to 20), so that sums and differences of several counts, each far from the others, give no small one either:
  any difference of two told counts is nothing or at least the step.

A daily number of dry runs per asker keeps rounding from being averaged away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.domain import SMALL_COUNT
from appetence.selection.candidates import CANDIDATE_REASONS, REASONS
from appetence.selection.pool import PERSON
from appetence.selection.ranking import POSITION, UNIT, merge_unit
from appetence.selection.supply import CHANNEL
from appetence.selection.terms import Terms

CANDIDATES, PIECES = "candidates", "pieces"
BY_CHANNEL, BY_LIST = "channel:", "list:"


@dataclass(frozen=True)
class Told:
    """A figure as it is told: `counted` is the count it stands for, `shown` what is said (None: fewer than 11)."""

    figure: str
    counted: int
    shown: int | None


def counted(candidates: DataFrame, terms: Terms) -> DataFrame:
    """`figure` and `n` of a draft: drops by first reason (figure: the code), candidates, and pieces by channel and list. A few rows."""
    marked = candidates.select(
        PERSON, CHANNEL, POSITION, merge_unit(terms).alias(UNIT), F.coalesce(F.get(F.col(REASONS), F.lit(0)), F.lit(PIECES)).alias("first")
    )
    drops = marked.groupBy(F.col("first").alias("figure")).agg(F.count(F.lit(1)).alias("n")).where(F.col("figure") != PIECES)
    first = F.min(F.struct(POSITION, CHANNEL)).alias("_first")
    units = marked.where(F.col("first") == PIECES).groupBy(UNIT).agg(first)
    names = F.array(*(F.lit(spec.list_id) for spec in terms.spec.lists))
    parts = F.array(
        F.lit(PIECES),
        F.concat(F.lit(BY_CHANNEL), F.col(f"_first.{CHANNEL}")),
        F.concat(F.lit(BY_LIST), F.element_at(names, F.col(f"_first.{POSITION}"))),
    )
    pieces = units.select(F.explode(parts).alias("figure")).groupBy("figure").agg(F.count(F.lit(1)).alias("n"))
    everybody = marked.agg(F.count(F.lit(1)).alias("n")).select(F.lit(CANDIDATES).alias("figure"), "n")
    return everybody.unionByName(drops).unionByName(pieces)


def figures(found: Mapping[str, int], terms: Terms) -> list[tuple[str, int]]:
    """The figures told, in order: who is left after each step, then the pieces, whole and in parts where there are several."""
    left = found.get(CANDIDATES, 0)
    made = [(CANDIDATES, left)]
    for reason in CANDIDATE_REASONS:
        left -= found.get(str(reason), 0)
        made.append((str(reason), left))
    made.append((PIECES, found.get(PIECES, 0)))
    if len(terms.channels) > 1:
        made += [(f"{BY_CHANNEL}{c}", found.get(f"{BY_CHANNEL}{c}", 0)) for c in terms.channels]
    if len(terms.spec.lists) > 1:
        made += [(f"{BY_LIST}{x.list_id}", found.get(f"{BY_LIST}{x.list_id}", 0)) for x in terms.spec.lists]
    return made


def told(asked: Iterable[tuple[str, int]], before: Iterable[int], step: int) -> list[Told]:
    """The figures as they may be told, given the counts that answers stood for before.

    >>> [(t.counted, t.shown) for t in told([("a", 1225), ("b", 1219), ("c", 1212), ("d", 7)], [], 20)]
    [(1225, 1220), (1225, 1220), (1212, 1220), (0, None)]
    """
    known = {n for n in before if n >= SMALL_COUNT}
    answers = []
    for figure, count in asked:
        if count < SMALL_COUNT:
            answers.append(Told(figure, 0, None))
            continue
        near = sorted((abs(count - m), m) for m in known if abs(count - m) < SMALL_COUNT)
        stands_for = near[0][1] if near else count
        known.add(stands_for)
        answers.append(Told(figure, stands_for, max(step, (stands_for + step // 2) // step * step)))
    return answers
