"""Any table as numbers: what a model reads of columns that are not numbers yet. Learnt on the training rows only.

Numbers stay, yes/no becomes 0/1, dates become days, texts become the smoothed rate of their value (cross-fitted, Micci-Barreca 2001) and,
when they have few values, one column per value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import TargetEncoder

from appetence.errors import ModelError

FEW_VALUES = 12
ABSENT = "(absent)"


@dataclass(frozen=True)
class Encoder:
    """How each column of a table is read."""

    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rates: Any = None

    @classmethod
    def fit(cls, frame: pd.DataFrame, columns: Sequence[str], labels: pd.Series, seed: int) -> tuple[Encoder, pd.DataFrame]:
        """The encoder, and the training rows as numbers (rates cross-fitted, so that no row sees its own label)."""
        numbers = tuple(c for c in columns if is_number_like(frame[c]))
        texts = tuple(c for c in columns if c not in numbers)
        levels = {c: tuple(sorted(_text(frame[c]).unique())) for c in texts if _text(frame[c]).nunique() <= FEW_VALUES}
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        rates = TargetEncoder(target_type="binary", smooth="auto", cv=folds) if texts else None
        made = cls(numbers, texts, levels, rates)
        crossed = rates.fit_transform(made._texts(frame), labels) if rates is not None else None
        return made, made._assembled(frame, crossed)

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A later table as numbers; ModelError naming the columns it lacks."""
        lacking = [c for c in (*self.numbers, *self.texts) if c not in frame.columns]
        if lacking:
            raise ModelError(f"The later table lacks the columns {', '.join(lacking[:8])} of the training table; give both the same columns.")
        return self._assembled(frame, self.rates.transform(self._texts(frame)) if self.rates is not None else None)

    def _texts(self, frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({c: _text(frame[c]) for c in self.texts})

    def _assembled(self, frame: pd.DataFrame, rates: Any) -> pd.DataFrame:
        made = {c: number_like(frame[c]) for c in self.numbers}
        made |= {f"{c} (rate)": rates[:, n] for n, c in enumerate(self.texts)}
        made |= {f"{c} = {v}": (_text(frame[c]) == v).to_numpy(dtype=float) for c, values in self.levels.items() for v in values}
        return pd.DataFrame(made, index=frame.index)


def is_number_like(column: pd.Series) -> bool:
    """Numbers, booleans, dates, and texts that all read as numbers."""
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return True
    known = column.dropna()
    return len(known) > 0 and not isinstance(known.iloc[0], str) and not pd.to_numeric(known, errors="coerce").isna().any() or _is_dates(known)


def number_like(column: pd.Series) -> Any:
    """The column as doubles; infinite values count as missing."""
    if pd.api.types.is_datetime64_any_dtype(column) or _is_dates(column.dropna()):
        days = pd.to_datetime(column, utc=True)
        return ((days - pd.Timestamp("2000-01-01", tz="UTC")) / pd.Timedelta(days=1)).to_numpy(dtype=float)
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isinf(values), np.nan, values)


def _is_dates(known: pd.Series) -> bool:
    return len(known) > 0 and hasattr(known.iloc[0], "toordinal")


def _text(column: pd.Series) -> pd.Series:
    return column.astype("string").fillna(ABSENT).astype(object)
