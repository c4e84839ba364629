"""A records file spoilt the way deliveries are: one place of very many records, one e-mail that a till gives to everybody who has none,
placeholders where a name or a date was not known.

What this must not do is make one person of strangers, or pairs by the square of what they share. The truth columns stay as they are. A value
that stands in a file by the thousand says nothing of a person, and no list can hold all that clerks come up with: some of the placeholders
are on the project's own list, others are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from appetence.errors import ConfigError

EMAIL = "caisse@magasin-central.fr"
LAST_NAMES = ("INCONNU", "NC", "XXX", "CLIENT", "Client web", "A RENSEIGNER", "SANS NOM", "TEST", ".", "M.", "Carte perdue", "ZZZZ")
FIRST_NAMES = ("PRENOM", "X", "-", "N/A", "Client", "Madame", "?", "AA", "Internet", "NULL")
BIRTH_DATES = ("01/01/1900", "1900-01-01", "01/01/1970", "19700101", "11/11/1911", "31/12/9999", "01/01/2000", "00/00/0000")


@dataclass(frozen=True)
class Troubles:
    """How much is spoilt. `place`, `names`, `dates`: shares of all records. `email`: records with the one e-mail; below one a share, and never more
    than a tenth of the file."""

    place: float = 0.05
    email: float = 5_000
    names: float = 0.02
    dates: float = 0.05


def spoil(records: Path, target: Path, seed: int = 1, troubles: Troubles | None = None) -> Path:
    """Writes the spoilt copy of a parquet file, or of a folder of them; ConfigError when it is not there."""
    if not records.exists():
        raise ConfigError(f"The records file {records} is not there: give --records the path of a parquet file.")
    target.parent.mkdir(parents=True, exist_ok=True)
    spoilt(pd.read_parquet(records), seed, troubles).to_parquet(target, index=False)
    return target


def spoilt(table: pd.DataFrame, seed: int = 1, troubles: Troubles | None = None) -> pd.DataFrame:
    """A copy of records in the columns of `appetence bench identity`, the same for the same arguments; columns that are not there stay away.

    The one place is the file's commonest postcode and city: its own homes are among those that are moved there."""
    asked, out = troubles or Troubles(), table.copy()
    rng = np.random.default_rng([seed, len(table)])
    known = [c for c in ("postcode", "city") if c in table.columns]
    places = table[known].dropna().value_counts() if known else pd.Series(dtype="int64")
    if len(places):
        out.loc[_some(rng, out, asked.place), known] = list(min(places.index[places == places.iloc[0]]))
    email = asked.email if asked.email < 1 else asked.email / max(len(table), 1)
    _put(rng, out, "email", (EMAIL,), min(email, 0.1))
    nameless = _some(rng, out, asked.names)
    _put(rng, out, "last_name", LAST_NAMES, nameless)
    _put(rng, out, "first_name", FIRST_NAMES, nameless)
    _put(rng, out, "first_name", FIRST_NAMES, asked.names)
    _put(rng, out, "birth_date", BIRTH_DATES, asked.dates)
    return out


def _some(rng: np.random.Generator, table: pd.DataFrame, share: float) -> pd.Index:
    return table.index[np.sort(rng.choice(len(table), size=round(share * len(table)), replace=False))]


def _put(rng: np.random.Generator, table: pd.DataFrame, column: str, values: Sequence[str], rows: float | pd.Index) -> None:
    """Puts one of the values into each of the rows, or of a share of all, where the table has the column."""
    if column not in table.columns:
        return
    table[column] = table[column].astype("string")  # dates too: what stands among them is none
    chosen = _some(rng, table, rows) if isinstance(rows, float) else rows
    table.loc[chosen, column] = [values[i] for i in rng.integers(len(values), size=len(chosen))]
