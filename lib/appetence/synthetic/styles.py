"""How each member writes: letter case, formats of dates and phones, what it asks its customers, how it fills the address lines.

Delimiters, encodings, column names and codes are not here: they are read from the member's own specification (`conf/members/`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pyspark.sql import Column
from pyspark.sql import functions as F

from appetence.synthetic.draw import mapping

Case = Literal["upper", "title", "mixed"]


@dataclass(frozen=True)
class Style:
    """One member's habits; shares are of its customers. `born_format`, `day_format` and `stamp_format` are Spark date patterns."""

    member_id: str
    case: Case
    accents: bool
    born: float
    email: float
    phone: float
    two_phones: bool
    phone_format: Literal["plain", "spaces", "dots", "plus", "zeros"]
    born_format: str
    day_format: str
    stamp_format: str
    abbreviates: float
    complement: Literal["own", "before", "lost"]
    civilities: tuple[str, str]
    interests: float = 0.0
    children: float = 0.0


_ISO = "yyyy-MM-dd'T'HH:mm:ss'Z'"
_SQL = "yyyy-MM-dd HH:mm:ss"

STYLES: tuple[Style, ...] = (
    Style("m01", "title", True, 0.75, 0.75, 0.60, True, "spaces", "dd/MM/yyyy", "dd/MM/yyyy", "dd/MM/yyyy HH:mm:ss", 0.10, "own",
        ("M.", "Mme"), 0.3, 0.4),
    Style("m02", "upper", False, 0.30, 0.55, 0.65, False, "plain", "yyyyMMdd", "yyyyMMdd", _SQL, 0.80, "own", ("1", "2")),
    Style("m03", "upper", False, 0.20, 0.60, 0.55, True, "dots", "dd-MM-yyyy", "dd-MM-yyyy", _SQL, 0.50, "before", ("MR", "MME"), 0.25),
    Style("m04", "upper", True, 0.45, 0.65, 0.45, False, "plain", "yyyy-MM-dd", "yyyy-MM-dd", _ISO, 0.60, "own", ("M", "MME"), 0.35),
    Style("m05", "title", True, 0.95, 0.92, 0.85, True, "plus", "yyyy-MM-dd", "yyyy-MM-dd", _ISO, 0.05, "own", ("Monsieur", "Madame"),
        0.5, 0.5),
    Style("m06", "title", True, 0.60, 0.75, 0.60, False, "spaces", "dd/MM/yyyy", "dd/MM/yyyy", "dd/MM/yyyy HH:mm:ss", 0.15, "own",
        ("M.", "Mme"), 0.2),
    Style("m07", "upper", False, 0.80, 0.60, 0.70, True, "plain", "dd/MM/yyyy", "dd/MM/yyyy", _SQL, 0.70, "own", ("MR", "MME"), 0.2, 0.2),
    Style("m08", "mixed", True, 0.15, 0.95, 0.40, False, "plus", "yyyy-MM-dd", "yyyy-MM-dd", _ISO, 0.20, "lost", ("M.", "Mme"), 0.3, 0.3),
    Style("m09", "upper", False, 0.50, 0.50, 0.50, False, "dots", "dd.MM.yyyy", "dd.MM.yyyy", _SQL, 0.85, "own", ("M", "MME")),
    Style("m10", "title", False, 0.65, 0.50, 0.60, True, "zeros", "dd/MM/yyyy", "dd/MM/yyyy", "dd/MM/yyyy HH:mm:ss", 0.40, "own",
        ("M.", "Mme"), 0.6),
    Style("m11", "upper", False, 0.85, 0.85, 0.92, True, "plain", "yyyyMMdd", "yyyyMMdd", _SQL, 0.50, "own", ("MR", "MME")),
    Style("m12", "mixed", True, 0.30, 0.88, 0.80, False, "spaces", "dd/MM/yyyy", "dd/MM/yyyy", _ISO, 0.25, "own", ("M.", "Mme"), 0.25),
)  # fmt: skip


def habit(pick: Callable[[Style], float]) -> Column:
    """A number of each member's style, as a column."""
    return F.element_at(mapping({s.member_id: float(pick(s)) for s in STYLES}), F.col("member_id")).cast("double")


def word(pick: Callable[[Style], str]) -> Column:
    """A word of each member's style, as a column."""
    return F.element_at(mapping({s.member_id: pick(s) for s in STYLES}), F.col("member_id"))


def by_style(value: Callable[[Style], Column], same: Callable[[Style], object]) -> Column:
    """`value` per member, with one branch for the members that share `same`."""
    groups: dict[object, list[Style]] = {}
    for style in STYLES:
        groups.setdefault(same(style), []).append(style)
    chosen = F.lit(None).cast("string")
    for styles in groups.values():
        chosen = F.when(F.col("member_id").isin([s.member_id for s in styles]), value(styles[0])).otherwise(chosen)
    return chosen
