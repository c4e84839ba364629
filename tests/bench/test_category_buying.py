"""The category task's affinity: by cutoff, from what was known then, for every household and category of the table."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from appetence.bench.real_purchases import with_affinity


def test_affinity_is_joined_by_cutoff_and_tells_never_bought_categories_too() -> None:
    draw = np.random.default_rng(1)
    early, late = dt.date(2017, 11, 1), dt.date(2017, 12, 1)
    people, items = [f"h{n}" for n in range(60)], [f"c{n}" for n in range(50)]
    whole = [{"cutoff": c, "person_id": p, "member_id": i, "decayed_events_365": draw.random()} for c in (early, late) for p in people for i in items]
    liked = pd.DataFrame(whole)
    table = liked[["cutoff", "person_id", "member_id"]]
    sparse = liked[(liked.person_id != "h0") | (liked.member_id != "c0")]
    made = with_affinity(table, sparse)
    assert len(made) == len(table)
    assert made[["affinity_12", "affinity_40"]].notna().all().all()
    # What is known later changes nothing at the earlier cutoff.
    later = sparse.assign(decayed_events_365=sparse.decayed_events_365.where(sparse.cutoff == early, 9.0))
    again = with_affinity(table, later)
    is_early = made.cutoff == early
    pd.testing.assert_frame_equal(made[is_early], again[is_early])
    assert not np.allclose(made.affinity_12[~is_early], again.affinity_12[~is_early])
