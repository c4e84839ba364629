"""Of the campaign page: how far its lists overlap, and whom each channel could reach. Shares, so coarse that no small count follows from one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from appetence.contracts.campaign import ListOverlap, Reach
from appetence.contracts.domain import SMALL_COUNT
from appetence.reporting import words
from appetence.reporting.parts import Section, Sheet

Row = Mapping[str, Any]
NOT_SHOWN = "not shown"


def share(part: int, whole: int) -> str:
    """A part of a whole in per cent, in steps that no fewer than 11 persons make; left out where the part or the rest is small.

    >>> share(333, 1500), share(150, 300), share(5, 1500), share(1495, 1500), share(0, 1500)
    ('22 %', '48 %', 'not shown', 'not shown', '0 %')
    """
    if not whole or 0 < part < SMALL_COUNT or 0 < whole - part < SMALL_COUNT:
        return NOT_SHOWN
    step = ceil(100 * SMALL_COUNT / whole)
    return f"{min(100, round(100 * part / whole / step) * step)} %"


def overlap_sections(overlaps: Sequence[Row], order: Sequence[str]) -> list[Section]:
    """Which share of each list the other lists hold too; nothing for a campaign of one list. `order`: the lists by priority."""
    counted = {(r[ListOverlap.list_id], r[ListOverlap.other_list_id]): int(r[ListOverlap.eligible]) for r in overlaps}
    names = [name for name in order or sorted({one for one, _ in counted}) if (name, name) in counted]
    if len(names) < 2:
        return []
    rows = [[words.readable(one), *(_both(counted, one, other) for other in names)] for one in names]
    lead = "Of those who fit the list of a line and may be contacted, the share that fits the list of a column too. A person counts for one list."
    return [Section("How the lists overlap", lead, [Sheet(["List", *map(words.readable, names)], rows, tuple(range(1, len(names) + 1)))])]


def _both(counted: Mapping[tuple[str, str], int], one: str, other: str) -> str:
    return "all" if one == other else share(counted.get((one, other), 0), counted[one, one])


def reach_sections(reach: Sequence[Row], channels: Sequence[str], eligible: int) -> list[Section]:
    """Whom each channel could reach and whom it alone could, as shares of the eligible; nothing for a campaign of one channel."""
    rows = {r[Reach.channel]: r for r in reach}
    if len(channels) < 2 or not rows:
        return []
    lines = []
    for channel in channels:
        found = rows.get(channel, {Reach.eligible: 0, Reach.only_by_it: 0, Reach.selected: 0})
        could, alone, does = (int(found[name]) for name in (Reach.eligible, Reach.only_by_it, Reach.selected))
        lines.append([words.channel(channel), share(could, eligible), share(alone, eligible), share(does, could)])
    lead = "Of those who may be contacted. Each person is contacted by the first channel that reaches it."
    columns = ["Channel", "Could reach", "Alone could reach", "Of these contacted by it"]
    return [Section("What each channel reaches", lead, [Sheet(columns, lines, (1, 2, 3))])]
