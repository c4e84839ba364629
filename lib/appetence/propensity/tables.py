"""Any table as numbers: what a model reads of columns that are not numbers yet. Learnt on the training rows only.

Numbers stay, yes/no becomes 0/1, dates become days with their day of the year and weekday, texts become the smoothed rate of their value
(cross-fitted, Micci-Barreca 2001), how often it occurs and, when they have few values, one column per value. Texts that read as numbers or
dates are read so too. A text that nearly every row has to itself is a name, not a fact: only whether it is there is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import TargetEncoder

from appetence.errors import ModelError

FEW_VALUES = 12
MOST_DISTINCT = 0.5
"""A text column with more different values than this share of its rows names rows."""

LEAST_READABLE = 0.5
"""Share of a later column's values that must read as the training column's kind."""

ABSENT = "(absent)"
EPOCH = pd.Timestamp("2000-01-01", tz="UTC")
ISO_DAY = r"\d{4}-\d{2}-\d{2}([ T].*)?"


YES, NO = ("1", "1.0", "true", "yes", "y", "oui", "vrai"), ("0", "0.0", "false", "no", "n", "non", "faux")


def binary_labels(column: pd.Series, where: str) -> pd.Series:
    """A label column as 1, 0 and NaN: numbers, booleans, or words that mean yes and no. ModelError for anything else, naming no value."""
    words = column.astype("string").str.strip().str.casefold()
    labels = pd.Series(np.select([words.isin(YES), words.isin(NO)], [1.0, 0.0], default=np.nan), index=column.index)
    if (labels.isna() & column.notna()).any():
        raise ModelError(
            f"{where}: the label column {column.name!r} must hold 0 and 1 only (or true and false, yes and no, oui and non); "
            f"it holds {column.nunique()} different values."
        )
    return labels


@dataclass(frozen=True)
class Encoder:
    """How each column of a table is read: as a number, a date, a text (perhaps a number too), or a name."""

    numbers: tuple[str, ...]
    dates: tuple[str, ...]
    texts: tuple[str, ...]
    names: tuple[str, ...] = ()
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    rates: Any = None

    @classmethod
    def fit(cls, frame: pd.DataFrame, columns: Sequence[str], labels: pd.Series, seed: int) -> tuple[Encoder, pd.DataFrame]:
        """The encoder, and the training rows as numbers (rates cross-fitted, so that no row sees its own label)."""
        kinds = {c: kind_of(frame[c]) for c in columns}
        of: Callable[..., tuple[str, ...]] = lambda *wanted: tuple(c for c in columns if kinds[c] in wanted)  # noqa: E731  # one line, used thrice
        texts = {c: _text(frame[c]) for c in of("text", "code")}
        names = tuple(c for c, t in texts.items() if kinds[c] == "text" and _names_rows(t))
        # Cross-fitted rates of a text with one value would differ from fold to fold and look like a fact.
        texts = {c: t for c, t in texts.items() if c not in names and t.nunique() > 1}
        levels = {c: tuple(sorted(t.unique())) for c, t in texts.items() if t.nunique() <= FEW_VALUES}
        counts = {c: t.value_counts().to_dict() for c, t in texts.items() if c not in levels}
        folds = StratifiedKFold(min(5, int(min(labels.sum(), len(labels) - labels.sum()))), shuffle=True, random_state=seed % 2**31)
        rates = TargetEncoder(target_type="binary", smooth="auto", cv=folds) if texts else None
        made = cls(of("number", "code"), of("date"), tuple(texts), names, levels, counts, rates)
        crossed = rates.fit_transform(pd.DataFrame(texts), labels) if rates is not None else None
        return made, made._assembled(frame, texts, crossed)

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A later table as numbers; ModelError naming the columns it lacks, or those it holds in another kind."""
        lacking = [c for c in (*self.numbers, *self.dates, *self.texts, *self.names) if c not in frame.columns]
        if lacking:
            raise ModelError(f"The later table lacks the columns {', '.join(lacking[:8])} of the training table; give both the same columns.")
        for columns, read, what in ((self.numbers, number_like, "numbers"), (self.dates, days_of, "dates")):
            for c in columns:
                if _unreadable(frame[c], read):
                    raise ModelError(f"The column {c!r} holds {what} in the training table and something else in the later one; give both the same.")
        texts = {c: _text(frame[c]) for c in self.texts}
        return self._assembled(frame, texts, self.rates.transform(pd.DataFrame(texts)) if self.rates is not None else None)

    def _assembled(self, frame: pd.DataFrame, texts: dict[str, pd.Series], rates: Any) -> pd.DataFrame:
        made = {c: number_like(frame[c]) for c in self.numbers}
        for c in self.dates:
            made |= _calendar(c, days_of(frame[c]))
        made |= {f"{c} (rate)": rates[:, n] for n, c in enumerate(self.texts)}
        made |= {f"{c} (count)": np.log1p(texts[c].map(known).fillna(0).to_numpy(dtype=float)) for c, known in self.counts.items()}
        made |= {f"{c} = {v}": (texts[c] == v).to_numpy(dtype=float) for c, values in self.levels.items() for v in values}
        made |= {f"{c} (known)": frame[c].notna().to_numpy(dtype=float) for c in self.names}
        return pd.DataFrame(made, index=frame.index)


def kind_of(column: pd.Series) -> str:
    """number, date, text, code (a text whose values read as whole numbers: both), or a ModelError for nested values."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        return "number"
    known = column.dropna()
    if not len(known):
        return "number"
    first = known.iloc[0]
    if isinstance(first, list | tuple | dict | set | np.ndarray):
        raise ModelError(f"The column {column.name!r} holds lists or records; flatten it into columns of single values.")
    if hasattr(first, "toordinal"):
        return "date"
    if not isinstance(first, str):
        return "number" if not pd.to_numeric(known, errors="coerce").isna().any() else "text"
    words = known.astype(str).str.strip()
    if words.str.fullmatch(ISO_DAY).all() and not pd.to_datetime(words, errors="coerce", utc=True, format="ISO8601").isna().any():
        return "date"
    if pd.to_numeric(_decimal(words), errors="coerce").isna().any() or words.str.fullmatch(r"0\d+").any():
        return "text"
    return "code" if words.str.fullmatch(r"-?\d+").all() and not _names_rows(words) else "number"


def number_like(column: pd.Series) -> Any:
    """The column as doubles; infinite values and what does not read as a number count as missing."""
    if pd.api.types.is_timedelta64_dtype(column):
        return (column / pd.Timedelta(days=1)).to_numpy(dtype=float)
    plain = _decimal(column.astype("string").str.strip()) if isinstance(_first(column), str) else column
    values = pd.to_numeric(plain, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isinf(values), np.nan, values)


def days_of(column: pd.Series) -> Any:
    """Days since 2000, NaN where there is no date."""
    is_text = isinstance(_first(column), str)
    moments = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601" if is_text else None)
    return ((moments - EPOCH) / pd.Timedelta(days=1)).to_numpy(dtype=float)


def _calendar(name: str, days: Any) -> dict[str, Any]:
    moments = EPOCH + pd.to_timedelta(pd.Series(days).round(), unit="D")
    return {
        name: days,
        f"{name} (day of year)": moments.dt.dayofyear.to_numpy(dtype=float),
        f"{name} (weekday)": moments.dt.weekday.to_numpy(dtype=float),
    }


def _unreadable(column: pd.Series, read: Callable[[pd.Series], Any]) -> bool:
    """Whether most of the known values are not of the kind they are read as."""
    known = column.dropna()
    if not len(known) or pd.api.types.is_numeric_dtype(known) and read is number_like:
        return False
    if (
        pd.api.types.is_datetime64_any_dtype(known) != (read is days_of)
        and not isinstance(_first(known), str)
        and not hasattr(_first(known), "toordinal")
    ):
        return True
    return float(np.isnan(read(known)).mean()) > 1 - LEAST_READABLE


def _names_rows(texts: pd.Series) -> bool:
    return texts.nunique() > max(MOST_DISTINCT * len(texts), FEW_VALUES)


def _first(column: pd.Series) -> Any:
    known = column.dropna()
    return known.iloc[0] if len(known) else None


def _decimal(words: pd.Series) -> pd.Series:
    return words.str.replace(",", ".", regex=False)


def _text(column: pd.Series) -> pd.Series:
    words = column.astype("string").str.strip().str.casefold()
    return words.mask(words == "").fillna(ABSENT).astype(object)
