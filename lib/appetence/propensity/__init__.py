"""Propensity: datasets in time order, calibrated models, an honest gate, a registry, scores people can read."""

from appetence.propensity.gate import Verdict, decide
from appetence.propensity.models import Propensity
from appetence.propensity.training import Judged, Sample, Trained, fit, judge

__all__ = ["Judged", "Propensity", "Sample", "Trained", "Verdict", "decide", "fit", "judge"]
