"""Work done beside other work: on small data most of a step is planning and waiting, and one core would stand idle."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar, overload

Answer = TypeVar("Answer")
Other = TypeVar("Other")
Third = TypeVar("Third")
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


class InTurn:
    """Work that follows in the background, one piece after the other and at most one behind; the first failure is raised at the next chance.

    >>> told = []
    >>> with InTurn() as work:
    ...     for n in (1, 2, 3):
    ...         work.next(lambda n=n: told.append(n))
    >>> told
    [1, 2, 3]
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._running: Future[object] | None = None

    def __enter__(self) -> InTurn:
        return self

    def next(self, act: Callable[[], object]) -> None:
        """Begins `act` once the piece before has ended; raises what that one raised."""
        self._ended()
        self._running = self._pool.submit(act)

    def _ended(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.result()

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        try:
            if failed is None:
                self._ended()
        finally:
            self._pool.shutdown()


@overload
def side_by_side(first: Callable[[], Answer], second: Callable[[], Other], /) -> tuple[Answer, Other]: ...
@overload
def side_by_side(first: Callable[[], Answer], second: Callable[[], Other], third: Callable[[], Third], /) -> tuple[Answer, Other, Third]: ...
@overload
def side_by_side(*acts: Callable[[], Answer], workers: int = 4) -> tuple[Answer, ...]: ...
def side_by_side(*acts: Callable[[], Any], workers: int = 4) -> tuple[Any, ...]:
    """What each of these calls answers, in their order; they run beside each other. The first failure is raised when all have ended.

    >>> side_by_side(lambda: 1, lambda: 2)
    (1, 2)
    """
    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(act) for act in acts]
    return tuple(r.result() for r in running)
