"""Work prepared one step ahead: while one item is worked on, the next is made ready beside it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Ready = TypeVar("Ready")


def ahead(items: Sequence[Item], prepare: Callable[[Item], Ready]) -> Generator[tuple[Item, Callable[[], Ready]], None, None]:
    """Each item with a call that gives what `prepare` made of it, or raises what it raised; one item at most is prepared in advance.

    Leave it through `contextlib.closing`: a caller that fails then waits for what is being prepared, which writes nothing afterwards.

    >>> [(item, ready()) for item, ready in ahead([1, 2, 3], lambda n: n * n)]
    [(1, 1), (2, 4), (3, 9)]
    """
    with ThreadPoolExecutor(1) as pool:
        coming = [pool.submit(prepare, item) for item in items[:1]]
        for number, item in enumerate(items):
            current = coming.pop()
            coming = [pool.submit(prepare, following) for following in items[number + 1 : number + 2]]
            yield item, current.result
