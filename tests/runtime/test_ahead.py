"""What is prepared ahead is never left running behind a caller that failed."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from appetence.runtime.ahead import ahead, side_by_side


def test_a_failure_is_raised_for_its_own_item_only() -> None:
    seen = {}
    for item, ready in ahead([1, 0, 4], lambda n: 8 // n):
        try:
            seen[item] = ready()
        except ZeroDivisionError:
            seen[item] = -1
    assert seen == {1: 8, 0: -1, 4: 2}


def test_a_caller_that_fails_waits_for_what_is_being_prepared() -> None:
    begun, finished = threading.Event(), threading.Event()

    def prepare(item: int) -> int:
        if item == 2:
            begun.set()
            threading.Event().wait(0.2)
            finished.set()
        return item

    with pytest.raises(RuntimeError, match="caller"), closing(ahead([1, 2], prepare)) as coming:
        for _, ready in coming:
            ready()
            begun.wait(5)
            raise RuntimeError("caller")
    assert finished.is_set()


def test_calls_side_by_side_answer_in_their_order_and_really_run_beside_each_other() -> None:
    meet = threading.Barrier(3, timeout=10)
    assert side_by_side(*(lambda n=n: (meet.wait(), n)[1] for n in range(3))) == (0, 1, 2)


def test_the_first_failure_is_raised_when_all_have_ended() -> None:
    ended = threading.Event()

    def slow() -> None:
        threading.Event().wait(0.1)
        ended.set()

    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda: 1 // 0, slow)
    assert ended.is_set()
