"""What people like each other buy: the affinity of a person to an item from a low-rank picture of who buys what.

Source: truncated singular value decomposition of log1p of the weights (Deerwester and others, 1990). The picture is of one moment: give it
what was known at a cutoff and nothing later. Cost: persons x items doubles and one decomposition on one thread; meant for up to about
100,000 persons and 1,000 items.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from appetence.errors import ModelError

RANK = 12


def latent_affinity(weights: pd.DataFrame, rank: int = RANK) -> pd.DataFrame:
    """Persons x items as the `rank` strongest patterns tell them; `weights` is persons x items, 0 where nothing was bought.

    High where people with the same pattern buy the item, also for who never bought it. ModelError for an empty or incomplete table.
    """
    x = weights.to_numpy(dtype=np.float64)
    if not x.size or np.isnan(x).any():
        raise ModelError("The table of persons and items is empty or has gaps; give one row a person, one column an item, and 0 for nothing bought.")
    logs = np.log1p(np.maximum(x, 0.0))
    means = logs.mean(axis=0)
    with threadpool_limits(limits=1):
        left, strengths, right = np.linalg.svd(logs - means, full_matrices=False)
        told = (left[:, :rank] * strengths[:rank]) @ right[:rank] + means
    return pd.DataFrame(told, index=weights.index, columns=weights.columns)
