"""The pictures a model run keeps: gains, calibration, distribution of scores. Figures are returned, the registry stores them."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from appetence.propensity.metrics import calibration_bins
from appetence.propensity.training import Judged

Floats = NDArray[np.float64]

INK, ACCENT, PALE = "#22303c", "#b5472f", "#9fb3c1"


def all_plots(judged: Judged, title: str) -> dict[str, Figure]:
    """File name -> figure."""
    return {
        "gains.png": gains_plot(judged, title),
        "calibration.png": calibration_plot(judged, title),
        "scores.png": scores_plot(judged, title),
    }


def gains_plot(judged: Judged, title: str) -> Figure:
    """Cumulative capture by depth, and lift by decile with its interval."""
    figure, (left, right) = _canvas(2, title)
    depth = np.arange(0, 11) * 10
    left.plot(depth, [0.0, *(t.cumulative_capture * 100 for t in judged.tiers)], color=ACCENT, marker="o", markersize=4)
    left.plot([0, 100], [0, 100], color=PALE, linestyle="--", linewidth=1)
    left.set(xlabel="Depth (% of persons, best first)", ylabel="Positives captured (%)", xlim=(0, 100), ylim=(0, 101))
    left.text(68, 60, "at random", color=INK, fontsize=8, rotation=38)
    lifts = np.array([(t.lift, t.lift_low, t.lift_high) for t in judged.tiers])
    right.bar(range(1, 11), lifts[:, 0], color=PALE)
    errors = np.maximum([lifts[:, 0] - lifts[:, 1], lifts[:, 2] - lifts[:, 0]], 0)
    right.errorbar(range(1, 11), lifts[:, 0], yerr=errors, fmt="none", ecolor=INK, capsize=3, linewidth=1)
    right.axhline(1, color=INK, linewidth=0.8, linestyle="--")
    right.set(xlabel="Decile (1 is best)", ylabel="Lift (90 % interval)", xticks=range(1, 11))
    return figure


def calibration_plot(judged: Judged, title: str) -> Figure:
    """Predicted against observed rate in ten bins."""
    figure, (axis,) = _canvas(1, title)
    table = calibration_bins(judged.labels, judged.probabilities)
    top = float(max(table[:, 1:].max() * 1.08, 1e-3))
    noise = 1.645 * np.sqrt(np.maximum(table[:, 2] * (1 - table[:, 2]), 1e-9) / table[:, 0])
    axis.plot([0, top], [0, top], color=PALE, linestyle="--", linewidth=1)
    axis.errorbar(table[:, 1], table[:, 2], yerr=noise, color=ACCENT, marker="o", markersize=4, linewidth=1, capsize=2)
    axis.set(xlabel="Predicted probability (mean of the bin)", ylabel="Observed rate (90 % interval)", xlim=(0, top), ylim=(0, top))
    axis.set_title(f"expected calibration error {judged.quality.calibration_error:.4f}", fontsize=9, color=INK)
    return figure


def scores_plot(judged: Judged, title: str) -> Figure:
    """Distribution of the calibrated probability among those who did and those who did not."""
    figure, (axis,) = _canvas(1, title)
    bins = np.linspace(0, max(float(np.quantile(judged.probabilities, 0.995)), 1e-3), 40)
    for value, colour, name in ((0.0, PALE, "did not"), (1.0, ACCENT, "did")):
        chosen = np.clip(judged.probabilities[judged.labels == value], bins[0], bins[-1])
        axis.hist(chosen, bins=bins, color=colour, alpha=0.75, label=name, weights=np.full(len(chosen), 100 / max(len(chosen), 1)))
    axis.set(xlabel="Calibrated probability", ylabel="Share of the group (%)")
    axis.legend(frameon=False, title="in the label window")
    return figure


def contributions_plot(added: Mapping[str, Floats], title: str, shown: int = 15) -> Figure:
    """What each theme adds to the log odds against a typical person: the middle half and nine tenths of the persons, the weightiest themes first."""
    weight = {theme: float(np.abs(values).mean()) for theme, values in added.items()}
    first = sorted(weight, key=lambda theme: (-weight[theme], theme))[:shown][::-1]
    figure, (axis,) = _canvas(1, title, height=1.4 + 0.24 * len(first))
    for place, theme in enumerate(first):
        low, left, middle, right, high = np.quantile(added[theme], [0.05, 0.25, 0.5, 0.75, 0.95])
        axis.plot([low, high], [place, place], color=PALE, linewidth=2)
        axis.plot([left, right], [place, place], color=ACCENT, linewidth=6, solid_capstyle="butt")
        axis.plot([middle], [place], color=INK, marker="|", markersize=9)
    axis.axvline(0, color=INK, linewidth=0.8, linestyle="--")
    axis.set_title("thick: the middle half of persons; thin: nine tenths", fontsize=9, color=INK)
    axis.set(xlabel="Added to the log odds", yticks=range(len(first)), yticklabels=first)
    return figure


def _canvas(columns: int, title: str, height: float = 3.8) -> tuple[Figure, list]:
    figure = Figure(figsize=(4.6 * columns + 0.6, height), layout="constrained")
    axes = [figure.add_subplot(1, columns, n + 1) for n in range(columns)]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    figure.suptitle(title, fontsize=10, color=INK)
    return figure, axes
