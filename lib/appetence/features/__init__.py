"""As-of features: snapshots of histories at cutoffs, datasets for one model, labels after the cutoff."""

from appetence.features.arrivals import Arrival, arrival_of
from appetence.features.catalogue import input_names, theme_of
from appetence.features.dataset import Scope, build_dataset, build_reach
from appetence.features.labels import LABEL, LABEL_AMOUNT, build_labels, training_cutoffs, with_label
from appetence.features.rates import build_rates, month_starts
from appetence.features.sectors import group_members
from appetence.features.snapshot import Horizon, build_features, changed_histories
from appetence.features.study import build_study

__all__ = [
    "LABEL", "LABEL_AMOUNT", "Arrival", "Horizon", "Scope", "arrival_of", "build_dataset", "build_features", "build_labels", "build_rates",
    "build_reach", "build_study", "changed_histories", "group_members", "input_names", "month_starts", "theme_of", "training_cutoffs", "with_label",
]  # fmt: skip
