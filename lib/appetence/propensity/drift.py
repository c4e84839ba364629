"""Whether the base scored today is still the one a model was tested on: population stability of each column and of the scores.

The index is the sum over bins of (share now - share then) x ln(share now / share then), over tenths of the test period plus a bin for what is
not known; below 0.1 nothing happened, above 0.25 the model sees other people than it was made for. Cost: one pass, one row a bin leaves it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

Floats = NDArray[np.float64]

TENTHS = tuple(np.arange(1, 10) / 10)
SHIFTED, DRIFTED = 0.1, 0.25
SUBJECT, BIN, COUNT = "subject", "bin", "n"
PROBABILITY = "probability"


@dataclass(frozen=True)
class Bins:
    """Edges of a column's tenths and the share of rows in each bin; the last bin holds what is not known."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def of(cls, values: Floats) -> Bins:
        """Learns the bins of a column."""
        known = values[~np.isnan(values)]
        edges = tuple(float(e) for e in np.unique(np.quantile(known, TENTHS))) if len(known) else ()
        counts = bin_counts(values, edges)
        return cls(edges, tuple(float(s) for s in counts / max(counts.sum(), 1)))


@dataclass(frozen=True)
class Profile:
    """What the test period looked like: each column a model reads, and its calibrated probability. Shares only, no row of anybody."""

    columns: Mapping[str, Bins]
    probability: Bins
    mean_probability: float
    rows: int

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: Sequence[str], probabilities: Floats) -> Profile:
        """The profile of a test period."""
        bins = {c: Bins.of(frame[c].to_numpy(dtype=np.float64, na_value=np.nan)) for c in columns}
        return cls(bins, Bins.of(probabilities), float(probabilities.mean()), len(frame))


def bin_counts(values: Floats, edges: Sequence[float]) -> Floats:
    """Rows per bin; the last is for what is not known."""
    is_known = ~np.isnan(values)
    places = np.searchsorted(np.asarray(edges), values[is_known], side="right")
    counts = np.bincount(places, minlength=len(edges) + 1).astype(np.float64)
    return np.append(counts, float((~is_known).sum()))


def stability_index(then: Sequence[float], now: Floats) -> float:
    """The index of counts `now` against shares `then`; an empty bin counts as half a row."""
    total = float(now.sum())
    if total == 0:
        return 0.0
    e = np.maximum(np.asarray(then), 0.5 / total)
    a = np.maximum(now / total, 0.5 / total)
    return float(np.sum((a - e) * np.log(a / e)))


def noise(then: Sequence[float], rows: int, rows_then: int) -> float:
    """The index that chance alone is expected to give."""
    return max(sum(1 for s in then if s > 0) - 1, 0) * (1 / max(rows, 1) + 1 / max(rows_then, 1))


def verdict(index: float, by_chance: float = 0.0) -> str:
    """stable, shifted or drifted, in words."""
    return "drifted" if index > DRIFTED + by_chance else "shifted" if index > SHIFTED + by_chance else "stable"


def count_bins(rows: DataFrame, bins: Mapping[str, Bins]) -> DataFrame:
    """`subject, bin, n` of the columns named in `bins`: one pass over the rows."""
    edges = {c: b.edges for c, b in bins.items()}

    def counted(parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        totals: dict[str, Floats] = {}
        for part in parts:
            for c, of in edges.items():
                here = bin_counts(part[c].to_numpy(dtype=np.float64, na_value=np.nan), of)
                totals[c] = totals[c] + here if c in totals else here
        for c, counts in totals.items():
            yield pd.DataFrame({SUBJECT: c, BIN: np.arange(len(counts)), COUNT: counts.astype(np.int64)})

    schema = f"{SUBJECT} string, {BIN} bigint, {COUNT} bigint"
    found = rows.select(*(F.col(c).cast("double") for c in edges)).mapInPandas(counted, schema)  # type: ignore[arg-type]  # its stubs know no pandas
    return found.groupBy(SUBJECT, BIN).agg(F.sum(COUNT).alias(COUNT))


def indices(counted: Sequence[tuple[str, int, int]], bins: Mapping[str, Bins]) -> dict[str, tuple[float, int]]:
    """Subject -> stability index and rows, from the rows of `count_bins`."""
    totals = {c: np.zeros(len(b.edges) + 2) for c, b in bins.items()}
    for subject, place, n in counted:
        totals[subject][place] += n
    return {c: (stability_index(bins[c].shares, now), int(now.sum())) for c, now in totals.items()}
