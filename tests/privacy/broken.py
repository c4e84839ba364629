"""Rules broken on purpose: what is broken, and whether the ordinary test that stands for it fails then.

The same test is run with the rule whole first, so that none fails for another reason.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from appetence.errors import RightsError

CAUGHT = (AssertionError, pytest.fail.Exception, RightsError)
"""How an ordinary test fails: what it asserts, what it awaits, what is refused and should not be. Another error would be a mistake of this file."""


class Fault(NamedTuple):
    """One rule broken: the module and name looked up by the code, what stands there instead (given what stood there), and the test that tells."""

    module: Any
    name: str
    instead: Callable[[Any], Any]
    told_by: Callable[..., None]


def value(other: Any) -> Callable[[Any], Any]:
    """This instead, whatever stood there."""
    return lambda _: other


def answers_always(other: Any) -> Callable[[Any], Any]:
    """A function that answers this to everything."""
    return lambda _: lambda *given, **named: other


def every(test: Callable[..., None], fixtures: Mapping[str, Callable[[], Any]]) -> Iterator[Callable[[], None]]:
    """An ordinary test, once for each of its parameters."""
    marks = [m for m in getattr(test, "pytestmark", []) if m.name == "parametrize"]
    wanted = test.__code__.co_varnames[: test.__code__.co_argcount]
    if not marks:
        yield functools.partial(_with, test, fixtures, wanted, {})
    for mark in marks:
        names = [n.strip() for n in mark.args[0].split(",")] if isinstance(mark.args[0], str) else list(mark.args[0])
        for row in mark.args[1]:
            yield functools.partial(_with, test, fixtures, wanted, dict(zip(names, row if len(names) > 1 else (row,), strict=True)))


def _with(test: Callable[..., None], fixtures: Mapping[str, Callable[[], Any]], wanted: Collection[str], given: Mapping[str, Any]) -> None:
    test(**given, **{name: fixtures[name]() for name in wanted if name not in given})


def seen(fault: Fault, fixtures: Mapping[str, Callable[[], Any]]) -> bool:
    """Whether the test that holds with the rule whole fails with the rule broken."""
    if fault.told_by not in HELD:
        for act in every(fault.told_by, fixtures):
            act()
        HELD.add(fault.told_by)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fault.module, fault.name, fault.instead(getattr(fault.module, fault.name)))
        for act in every(fault.told_by, fixtures):
            try:
                act()
            except CAUGHT:
                return True
    return False


HELD: set[Callable[..., None]] = set()
"""Ordinary tests that were seen to hold with every rule whole."""


def folders_under(top: Path) -> Callable[[], Path]:
    """A folder of its own for each call of a test."""
    counted = itertools.count()

    def fresh() -> Path:
        made = top / str(next(counted))
        made.mkdir()
        return made

    return fresh
