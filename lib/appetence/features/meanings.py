"""What a model input says, in words, read from how it is made: whose events, which measure, over which time. Nothing here names a whole column
but the dozen that are made by hand; the rest follows from the lists of `catalogue`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

HISTORY, AT_CUTOFF, TODAY = "history", "at the cutoff", "at the scoring date"
PERSON, HOME = "person", "household"

STEMS: Mapping[str, str] = {
    "decayed_events": "orders and gifts, each counting half for every {time} that passed",
    "decayed_amount": "cents spent or given less refunds, each counting half for every {time} that passed",
    "season_events": "orders and gifts {time}",
    "events": "orders and gifts {time}",
    "amount": "cents spent or given less refunds, {time}",
    "days": "days with an order or gift, counted member by member, {time}",
    "categories": "categories bought, counted member by member, {time}",
    "gifts": "gifts {time}",
    "refunds": "refunds {time}",
}
"""The measures of `gold.feature`, the longer names first."""

RATIOS: Mapping[str, str] = {
    "recency_days": "days since the last order or gift",
    "tenure_days": "days since the first order or gift",
    "mean_amount": "cents per order or gift, refunds taken off",
    "largest_amount": "cents of the largest order or gift",
    "mean_gap_days": "mean days between days with an order or gift",
    "gap_spread": "how uneven those gaps are: their standard deviation over their mean",
    "overdue_ratio": "days since the last order or gift, over the mean gap",
    "trend_90d": "share of the year's orders and gifts that are of the last 90 days",
    "gift_share": "gifts per order or gift",
    "refund_share": "refunds per order or gift",
    "rate_per_year": "days with an order or gift per year known",
}
"""Made from the sums."""

BREADTH: Mapping[str, str] = {
    "breadth_members": "members dealt with",
    "breadth_members_365d": "members dealt with in the last 365 days",
    "breadth_groups_365d": "groups of sectors dealt with in the last 365 days",
}
PROFILE: Mapping[str, str] = {
    "age": "age in years, in steps of five; declared, else inferred",
    "is_female": "1 for a woman, 0 for a man, declared or inferred",
    "household_size": "persons known in the household, six at most",
    "size_class_rank": "size of the commune, 1 (rural) to 6 (metropolis)",
    "median_income_eur": "median income of the area, euros a year",
}
REACH: Mapping[str, str] = {
    "has_post": "1 when a letter would arrive",
    "has_email": "1 when there is an e-mail address",
    "has_phone": "1 when there is a telephone number",
}
MADE: Mapping[str, str] = {**RATIOS, **BREADTH, **PROFILE, **REACH}


def window_of(measure: str) -> str:
    """The time a measure reads: `90 days`, `half-life 90 days`, `history` ...

    >>> [window_of(m) for m in ("events_90d", "decayed_amount_365", "season_events", "recency_days", "age")]
    ['90 days', 'half-life 365 days', 'season of earlier years', 'history', 'at the cutoff']
    """
    if measure in PROFILE:
        return AT_CUTOFF
    if measure in REACH:
        return TODAY
    if found := re.fullmatch(r".*_(\d+)d", measure):
        return f"{found[1]} days"
    if found := re.fullmatch(r"decayed_.*_(\d+)", measure):
        return f"half-life {found[1]} days"
    return "season of earlier years" if measure.startswith("season_") else HISTORY


def meaning_of(measure: str, whose: str = "") -> str:
    """A sentence: what is counted, over which time, and whose events.

    >>> meaning_of("events_90d", "with the client")
    'Orders and gifts in the last 90 days, with the client.'
    >>> meaning_of("decayed_events_30")
    'Orders and gifts, each counting half for every 30 days that passed.'
    """
    said = MADE[measure] if measure in MADE else _counted(measure)
    sentence = f"{said[0].upper()}{said[1:]}"
    return f"{sentence}, {whose}." if whose else f"{sentence}."


def _counted(measure: str) -> str:
    stem = next(s for s in STEMS if measure == s or re.fullmatch(rf"{s}_(total|\d+d?)", measure))
    window = window_of(measure)
    time = {HISTORY: "so far", "season of earlier years": "of earlier years near the season of the label window"}.get(window, f"in the last {window}")
    return STEMS[stem].format(time=window.removeprefix("half-life ") if stem.startswith("decayed") else time)
