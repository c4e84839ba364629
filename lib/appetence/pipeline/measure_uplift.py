"""What a campaign's pieces added, and whether for some more than for others, once its window is over and where people were set apart."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.campaign import NOT_MEASURED, Selection, Uplift
from appetence.errors import ModelError
from appetence.propensity import Finding, fit_uplift
from appetence.selection.cells import HOLDOUT
from appetence.selection.terms import Terms
from appetence.selection.treated import CONTACTED, KNOWN, RESPONDED, build_treated

MOST = 200_000
"""Units learnt from: of more, so many are drawn."""

DIGITS = 6


def measured_uplift(selection: DataFrame, responses: DataFrame, orders: DataFrame, links: DataFrame, terms: Terms) -> dict[str, Any] | None:
    """The row of `gold.uplift`; None while the window is open, and where nobody was set apart.

    `responses`: of all units, whichever campaign an order is credited to. Not looked at while they come in: a test that is repeated until it
    shows something shows something. Orders of the window that are delivered late are read by the next run, the same orders say the same."""
    is_over = terms.known_on > terms.drop_date + dt.timedelta(days=terms.spec.response_window_days)
    if not is_over or selection.where(Selection.cell.col == HOLDOUT).isEmpty():
        return None
    treated = build_treated(selection, responses, orders, links, terms, MOST)
    frame: pd.DataFrame = treated.orderBy(F.col(str(Selection.person_id))).toPandas()
    contacted = int(frame[CONTACTED].sum())
    row: dict[str, Any] = {
        Uplift.campaign_id: terms.spec.campaign_id, Uplift.contacted: contacted, Uplift.held_out: len(frame) - contacted,
        Uplift.columns_read: list(KNOWN),
    }  # fmt: skip
    try:
        found = fit_uplift(frame, KNOWN, CONTACTED, RESPONDED, seed=terms.spec.seed)
    except ModelError as failed:
        return row | {Uplift.finding: NOT_MEASURED, Uplift.answer: str(failed)}
    fifths = found.fifths if found.finding == Finding.DIFFERS else (None,)
    figures = {
        Uplift.effect: found.effect, Uplift.effect_low: found.low, Uplift.effect_high: found.high, Uplift.p_effect: found.p_effect,
        Uplift.p_differs: found.p_differs, Uplift.best_fifth: fifths[0], Uplift.last_fifth: fifths[-1],
    }  # fmt: skip
    rounded = {name: None if value is None else round(float(value), DIGITS) for name, value in figures.items()}
    return row | {Uplift.finding: str(found.finding), Uplift.answer: found.told()} | rounded
