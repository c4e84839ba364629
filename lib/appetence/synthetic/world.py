"""What the demonstration co-operative is made of: dates, household kinds, and the twelve members' trade in figures."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

AS_OF = dt.date(2026, 10, 31)
"""The day the demonstration is played on."""
START = dt.date(2022, 1, 1)
"""First day of the co-operative's history: nobody is a customer before."""
HORIZON_DAYS = 90
"""Length of the window of the true probability."""
MONTHS = 64
"""Months of history simulated from START, those after AS_OF included (responses)."""
FULL_ON = dt.date(2026, 10, 1)
INCREMENTAL_ON = dt.date(2026, 10, 20)

HOUSEHOLD_KINDS: dict[str, float] = {
    "single": 0.28,
    "couple_one_name": 0.20,
    "couple_two_names": 0.10,
    "family_one_name": 0.16,
    "family_two_names": 0.07,
    "namesakes": 0.03,  # a parent and an adult child of the same first name
    "twins": 0.02,
    "student": 0.05,
    "elderly_home": 0.04,
    "single_parent": 0.05,
}

BUILDINGS: dict[str, tuple[float, float]] = {"small": (0.60, 8.0), "medium": (0.30, 25.0), "tower": (0.10, 80.0)}
"""Flats: class of building -> (share of flats, mean number of households in one building)."""
FLAT_SHARE = 0.28
RESIDENCE_SIZE = 60.0
ELDERLY_HOME_SIZE = 40.0
STUDENT_RESIDENCE_SHARE = 0.5

PERSONS_PER_HOUSEHOLD = 2.0
RECORDS_PER_HOUSEHOLD = 3.0
"""Mean of customer records a household; measured, and held by a test: it turns a wanted number of records into households."""

_GIFT = (0.75, 0.75, 0.8, 0.8, 0.95, 0.85, 0.7, 0.6, 0.9, 1.1, 1.7, 2.1)
_EVEN = (1.1, 0.95, 1.0, 1.0, 1.0, 1.0, 0.85, 0.75, 1.1, 1.1, 1.1, 1.05)
_CHARITY = (0.8, 0.8, 0.9, 0.9, 0.85, 0.85, 0.6, 0.6, 0.8, 1.0, 1.4, 2.5)
_TRAVEL = (1.5, 1.3, 1.2, 1.1, 1.1, 1.0, 0.8, 0.6, 0.9, 0.9, 0.8, 0.8)
_GARDEN = (0.6, 0.9, 1.6, 1.7, 1.4, 1.0, 0.7, 0.6, 1.0, 1.1, 0.7, 0.7)
_FOOD = (0.7, 0.7, 0.8, 0.9, 0.9, 0.9, 0.7, 0.6, 1.0, 1.1, 1.6, 2.1)
_FASHION = (1.3, 0.8, 1.0, 1.0, 1.0, 1.2, 1.0, 0.6, 1.1, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Trade:
    """One member in figures. `reach` scales how many persons it wins in a year; `taste` weighs the four latent tastes (home, culture,
    generosity, novelty); `female` and `age` (per ten years over 50) add to the log of the rate; `rate` is orders a year of a new customer,
    `lasting` years in which that rate falls to 37 %; amounts are log-normal (`median_cents`, `sigma`)."""

    member_id: str
    reach: float
    taste: tuple[float, float, float, float]
    female: float
    age: float
    rate: float
    lasting: float
    median_cents: int
    sigma: float
    refund_share: float
    season: tuple[float, ...]
    categories: tuple[str, ...]
    kind: str = "order"


TRADES: tuple[Trade, ...] = (
    Trade("m01", 0.050, (0.45, 0.10, 0.0, 0.50), 0.60, 0.05, 4.9, 2.2, 6200, 0.55, 0.06, _FASHION, ("robes", "chaussures", "manteaux",
        "lingerie")),
    Trade("m02", 0.050, (0.80, 0.0, 0.10, 0.10), 0.45, 0.10, 3.9, 2.5, 7400, 0.60, 0.04, _EVEN, ("linge de lit", "vaisselle",
        "rideaux", "deco")),
    Trade("m03", 0.034, (0.85, 0.10, 0.0, 0.0), 0.05, 0.15, 3.5, 2.5, 5800, 0.70, 0.03, _GARDEN, ("outils", "graines", "mobilier",
        "plantes")),
    Trade("m04", 0.065, (0.0, 0.85, 0.25, 0.0), 0.05, 0.15, 5.4, 2.8, 3200, 0.45, 0.01, _EVEN, ("abonnement", "livre", "hors serie",
        "almanach")),
    Trade("m05", 0.030, (0.0, 0.70, 0.0, 0.40), 0.05, 0.05, 2.2, 2.6, 42000, 0.75, 0.02, _TRAVEL, ("sejour", "croisiere", "circuit",
        "week-end")),
    Trade("m06", 0.040, (0.20, 0.40, 0.0, 0.35), -0.35, 0.10, 3.8, 2.4, 8800, 0.55, 0.01, _FOOD, ("vin rouge", "vin blanc",
        "champagne", "epicerie")),
    Trade("m07", 0.038, (0.30, 0.10, 0.30, 0.20), 0.55, 0.20, 5.4, 2.0, 3600, 0.50, 0.02, _EVEN, ("complements", "tisanes", "soins",
        "huiles")),
    Trade("m08", 0.045, (0.25, 0.0, 0.0, 0.85), 0.15, -0.05, 3.8, 1.8, 2900, 0.60, 0.05, _GIFT, ("gadgets", "cadeaux", "jeux",
        "high-tech")),
    Trade("m09", 0.070, (0.0, 0.25, 0.95, -0.10), 0.20, 0.25, 4.3, 3.5, 3000, 0.70, 0.0, _CHARITY, ("don", "don regulier", "urgence"),
        "gift"),
    Trade("m10", 0.022, (0.0, 0.55, 0.10, 0.55), -0.30, 0.20, 5.7, 2.4, 4100, 0.65, 0.02, _EVEN, ("monnaies", "timbres", "figurines")),
    Trade("m11", 0.025, (0.50, 0.10, 0.10, 0.20), 0.0, 0.10, 4.1, 3.0, 5200, 0.50, 0.0, _EVEN, ("assistance", "entretien", "depannage")),
    Trade("m12", 0.025, (0.25, 0.0, -0.10, 0.60), -0.55, -0.05, 2.7, 2.6, 9500, 0.80, 0.03, _EVEN, ("pneus", "accessoires", "pieces")),
)  # fmt: skip

MEMBER_INDEX: dict[str, int] = {trade.member_id: i for i, trade in enumerate(TRADES)}


def month_starts() -> list[dt.date]:
    """First day of each simulated month, and of the month after the last.

    >>> month_starts()[0], month_starts()[13]
    (datetime.date(2022, 1, 1), datetime.date(2023, 2, 1))
    """
    return [dt.date(START.year + i // 12, START.month + i % 12, 1) for i in range(MONTHS + 1)]
