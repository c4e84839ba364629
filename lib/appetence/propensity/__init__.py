"""Propensity: datasets in time order, calibrated models, an honest gate, a registry, scores people can read."""

from appetence.propensity.amounts import AmountModel
from appetence.propensity.comparison import Difference, Shift, auc_difference, score_shift
from appetence.propensity.gate import Evidence, Verdict, decide
from appetence.propensity.models import Propensity
from appetence.propensity.tabular import TableModel, fit_table
from appetence.propensity.training import Judged, Sample, Trained, fit, judge
from appetence.propensity.uplift import Finding, Uplift, fit_uplift

__all__ = [
    "AmountModel", "Difference", "Evidence", "Finding", "Judged", "Propensity", "Sample", "Shift", "TableModel", "Trained", "Uplift", "Verdict",
    "auc_difference", "decide", "fit", "fit_table", "fit_uplift", "judge", "score_shift",
]  # fmt: skip
