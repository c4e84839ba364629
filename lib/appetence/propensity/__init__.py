"""Propensity: datasets in time order, calibrated models, an honest gate, a registry, scores people can read."""

from appetence.propensity.gate import Verdict, decide
from appetence.propensity.models import Propensity
from appetence.propensity.tabular import TableModel, fit_table
from appetence.propensity.training import Judged, Sample, Trained, fit, judge
from appetence.propensity.uplift import Finding, Uplift, fit_uplift

__all__ = [
    "Finding",
    "Judged",
    "Propensity",
    "Sample",
    "TableModel",
    "Trained",
    "Uplift",
    "Verdict",
    "decide",
    "fit",
    "fit_table",
    "fit_uplift",
    "judge",
]
