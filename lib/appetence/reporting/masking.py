"""Counts that a member may read: none from 1 to 10, and none that follows from two others by subtraction.

Steps and deciles that are too small are joined with their neighbours, so that what is shown still adds up; parts of a whole that are too
small are left out together with as many others as it takes for their sum not to give one away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from appetence.contracts.domain import SMALL_COUNT
from appetence.reporting.numbers import count

MASKED = f"fewer than {SMALL_COUNT}"
T = TypeVar("T")


def is_small(value: float | None) -> bool:
    """Whether a count may not be shown; nobody at all is no one's secret.

    >>> [is_small(n) for n in (0, 1, 10, 11)]
    [False, True, True, False]
    """
    return value is not None and 0 < value < SMALL_COUNT


def shown(value: float | None) -> str:
    """A count, or the words that stand for a small one."""
    return MASKED if is_small(value) else count(value)


def joined(items: Iterable[T], counts: Callable[[T], Sequence[float]], merge: Callable[[T, T], T]) -> list[T]:
    """Neighbours joined until no count of any item is small.

    >>> joined([3, 20, 5, 0, 4], lambda n: (n,), lambda a, b: a + b)
    [32]
    >>> joined([14, 20, 5, 8, 0], lambda n: (n,), lambda a, b: a + b)
    [14, 20, 13, 0]
    """
    made: list[T] = []
    for item in items:
        if made and any(is_small(n) for n in counts(made[-1])):
            made[-1] = merge(made[-1], item)
        else:
            made.append(item)
    while len(made) > 1 and any(is_small(n) for n in counts(made[-1])):
        last = made.pop()
        made[-1] = merge(made[-1], last)
    return made


def parts(values: Sequence[int]) -> list[int | None]:
    """The parts of a whole whose total is known: None where a count is left out.

    >>> parts([500, 40, 6])
    [500, None, None]
    >>> parts([500, 40, 12])
    [500, 40, 12]
    >>> parts([500, 7, 8])
    [500, None, None]
    """
    hidden = {i for i, n in enumerate(values) if is_small(n)}
    rest = sorted((n, i) for i, n in enumerate(values) if i not in hidden and n > 0)
    while hidden and rest and (len(hidden) < 2 or sum(values[i] for i in hidden) < SMALL_COUNT):
        hidden.add(rest.pop(0)[1])
    return [None if i in hidden else n for i, n in enumerate(values)]


def part_shown(value: int | None) -> str:
    """A part of a whole, or the words that say it is left out."""
    return "not shown" if value is None else count(value)


def beside(value: int, other: int) -> str:
    """A count beside another one that the reader knows: their difference may not be small either.

    >>> beside(1_495, 1_500).replace("\\N{NARROW NO-BREAK SPACE}", " ")
    '1 500, less fewer than 11'
    """
    if is_small(value):
        return MASKED
    if is_small(abs(value - other)):
        return f"{count(other)}, {'less' if value < other else 'plus'} {MASKED}"
    return count(value)
