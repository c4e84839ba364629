"""The declarative list of model inputs: every column of a dataset, how it is made from partial aggregates, and the theme it is told under.

A column's name says whose events it counts and over which time: `total_` all members a model may read, `own_` the client's own (house
only), `<group>_` one group of sectors, `foyer_` the rest of the household. There is no column of a single member other than the client
itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from appetence.contracts.base import Field
from appetence.contracts.domain import MemberSector
from appetence.contracts.features import HALF_LIVES, WINDOWS, Feature, decayed, windowed
from appetence.features import meanings
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

PROFILE: tuple[str, ...] = tuple(meanings.PROFILE)
"""From `gold.segment`, at the cutoff."""

REACH: tuple[str, ...] = tuple(meanings.REACH)
"""Coordinates known to the members read that the person had dealt with by the cutoff."""

BREADTH: tuple[str, ...] = tuple(meanings.BREADTH)

DERIVED: tuple[str, ...] = tuple(meanings.RATIOS)
"""Made from the sums, for all readable members and for the client's own."""


@dataclass(frozen=True)
class Input:
    """One column of a dataset: its name, the theme campaign teams read (`recence`, `frequence`, `montant`, a group of sectors ...), whose facts it
    holds (`grain`), over which time (`window`), and what it says."""

    name: str
    theme: str
    grain: str
    window: str
    meaning: str


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
    whose = {g: f"with members of the {'sector' if g in set(MemberSector) else 'group'} {g}" for g in GROUPS}
    found = [_input(f, _theme(f), f"{TOTAL}_", "with the members read") for f in (*FULL, *DERIVED)]
    if with_own:
        found += [_input(f, f"client_{_theme(f)}", f"{OWN}_", "with the client") for f in (*FULL, *DERIVED)]
    found += [_input(f, g, f"{g}_", whose[g]) for g in GROUPS for f in (*BRIEF, "recency_days")]
    found += [_input(b, "diversite") for b in BREADTH]
    found += [_input(f, "foyer", f"{HOUSEHOLD}_", "by the others of the household") for f in (*SHARED, "recency_days")]
    themes = {"age": "age", "is_female": "profil", "household_size": "foyer", "size_class_rank": "lieu", "median_income_eur": "lieu"}
    found += [_input(p, themes[p]) for p in PROFILE]
    found += [_input(r, "joignabilite") for r in REACH]
    return tuple(found)


def _input(measure: str, theme: str, prefix: str = "", whose: str = "") -> Input:
    is_of_home = prefix == f"{HOUSEHOLD}_" or measure == "household_size"
    grain = meanings.HOME if is_of_home else meanings.PERSON
    return Input(f"{prefix}{measure}", theme, grain, meanings.window_of(measure), meanings.meaning_of(measure, whose))


def input_names(*, with_own: bool) -> tuple[str, ...]:
    """Names of the columns of a dataset."""
    return tuple(i.name for i in inputs(with_own=with_own))


def theme_of(name: str) -> str:
    """The theme of one column, e.g. `total_recency_days` -> `recence`; the name itself when it is not of this catalogue."""
    return _THEMES.get(name, name)


_THEMES = {i.name: i.theme for i in inputs(with_own=True)}


def dictionary() -> str:
    """Every input there can be, as a Markdown page."""
    own = f"{OWN}_"
    everything = inputs(with_own=True)
    lines = [
        "# Model inputs", "",
        "Generated from the list of inputs by `appetence tables --features`; not typed by hand.", "",
        f"A model reads one row per person and cutoff, with {len(everything)} columns in house models and {len(inputs(with_own=False))} in prospect "
        f"models, which lack `{own}…`. Nothing after the cutoff enters, and no row that was not known by then. Columns of a group of sectors are 0 "
        "or empty when no member read belongs to it; with few members sectors are told as groups.", "",
        "| column | theme | grain | window | what it holds |", "|---|---|---|---|---|",
    ]  # fmt: skip
    lines += [f"| `{i.name}` | {i.theme} | {i.grain} | {i.window} | {i.meaning} |" for i in everything]
    return "\n".join(lines)
