"""The declarative list of model inputs: every column of a dataset, how it is made from partial aggregates, and the theme it is told under.

A column's name says whose events it counts and over which time: `total_` all members a model may read, `own_` the client's own (house
only), `<group>_` one group of sectors, `foyer_` the rest of the household. There is no column of a single member other than the client
itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from appetence.contracts.base import Field
from appetence.contracts.features import HALF_LIVES, WINDOWS, Feature, decayed, windowed
from appetence.features.sectors import GROUPS

TOTAL, OWN, HOUSEHOLD = "total", "own", "foyer"

COUNTS: tuple[Field, ...] = (
    Feature.events_total, Feature.days_total, Feature.categories_total, Feature.gifts_total, Feature.refunds_total,
    *(windowed("events", w) for w in WINDOWS), *(decayed("events", h) for h in HALF_LIVES), Feature.season_events,
)  # fmt: skip
AMOUNTS: tuple[Field, ...] = (
    Feature.amount_total, *(windowed("amount", w) for w in WINDOWS), decayed("amount", 90), decayed("amount", 365),
)  # fmt: skip
FULL: tuple[Field, ...] = (*COUNTS, *AMOUNTS)
"""Summed over all readable members, and over the client's own."""

BRIEF: tuple[Field, ...] = (
    Feature.events_total, windowed("events", 90), windowed("events", 365), windowed("amount", 365),
    decayed("events", 90), decayed("events", 365), Feature.season_events,
)  # fmt: skip
"""Summed per group of sectors."""

SHARED: tuple[Field, ...] = (windowed("events", 365), decayed("events", 90), decayed("events", 365), decayed("amount", 365))
"""Summed over the other members of the household."""

PROFILE: tuple[str, ...] = ("age", "is_female", "household_size", "size_class_rank", "median_income_eur")
"""From `gold.segment`, at the cutoff."""

REACH: tuple[str, ...] = ("has_post", "has_email", "has_phone")
"""Coordinates known to the members read that the person had dealt with by the cutoff."""

BREADTH: tuple[str, ...] = ("breadth_members", "breadth_members_365d", "breadth_groups_365d")

DERIVED: tuple[str, ...] = (
    "recency_days", "tenure_days", "mean_amount", "largest_amount", "mean_gap_days", "gap_spread", "overdue_ratio",
    "trend_90d", "gift_share", "refund_share", "rate_per_year",
)  # fmt: skip
"""Made from the sums, for all readable members and for the client's own."""


@dataclass(frozen=True)
class Input:
    """One column of a dataset: its name and the theme campaign teams read (`recence`, `frequence`, `montant`, a group of sectors ...)."""

    name: str
    theme: str


def _theme(field: str) -> str:
    if field.startswith("amount") or field.startswith("decayed_amount") or field in ("mean_amount", "largest_amount"):
        return "montant"
    if field in ("recency_days", "overdue_ratio", "events_30d", "events_90d", "decayed_events_30", "decayed_events_90", "trend_90d"):
        return "recence"
    if field in ("tenure_days",):
        return "anciennete"
    if field in ("season_events",):
        return "saison"
    if field in ("mean_gap_days", "gap_spread"):
        return "regularite"
    if field in ("gifts_total", "gift_share"):
        return "dons"
    if field in ("refunds_total", "refund_share"):
        return "retours"
    return "frequence"


def inputs(*, with_own: bool) -> tuple[Input, ...]:
    """Every column of a dataset, in order; `with_own` adds the client's own history (house models)."""
    found = [Input(f"{TOTAL}_{f}", _theme(f)) for f in (*FULL, *DERIVED)]
    if with_own:
        found += [Input(f"{OWN}_{f}", f"client_{_theme(f)}") for f in (*FULL, *DERIVED)]
    found += [Input(f"{g}_{f}", g) for g in GROUPS for f in (*BRIEF, "recency_days")]
    found += [Input(b, "diversite") for b in BREADTH]
    found += [Input(f"{HOUSEHOLD}_{f}", "foyer") for f in (*SHARED, "recency_days")]
    themes = {"age": "age", "is_female": "profil", "household_size": "foyer", "size_class_rank": "lieu", "median_income_eur": "lieu"}
    found += [Input(p, themes[p]) for p in PROFILE]
    found += [Input(r, "joignabilite") for r in REACH]
    return tuple(found)


def input_names(*, with_own: bool) -> tuple[str, ...]:
    """Names of the columns of a dataset."""
    return tuple(i.name for i in inputs(with_own=with_own))


def theme_of(name: str) -> str:
    """The theme of one column, e.g. `total_recency_days` -> `recence`; the name itself when it is not of this catalogue."""
    return _THEMES.get(name, name)


_THEMES = {i.name: i.theme for i in inputs(with_own=True)}
