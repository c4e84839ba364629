"""The look that all plots share: sizes for a desk and a telephone, a palette for every eye, quiet axes.

Colours are those of M. Okabe and K. Ito, "Color universal design" (2008), which people with any colour vision tell apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from appetence.reporting import numbers

BLUE, ORANGE, GREEN, SKY, RED = "#0072b2", "#e69f00", "#009e73", "#56b4e9", "#d55e00"
INK, SOFT, LINE, FAINT = "#1b2530", "#5b6875", "#dde3e8", "#c3ccd4"

WIDE, NARROW = 8.4, 4.1
"""Inches; a page shows both at such a width that their text has the size of its own."""

STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": SOFT,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
}


def drawn(draw: Callable[[Axes], None], *, narrow: bool, height: float, narrow_height: float | None = None) -> Figure:
    """A figure with one pair of axes in the common style, drawn on by `draw`. Heights in inches."""
    with matplotlib.rc_context(STYLE):
        size = (NARROW, narrow_height or height) if narrow else (WIDE, height)
        figure = Figure(figsize=size)
        draw(figure.add_subplot())
        return figure


def grid(axes: Axes, which: str) -> None:
    """Faint lines to read values by, along the axis that carries them; no line around."""
    axes.grid(visible=True, axis="x" if which == "x" else "y")
    axes.spines["bottom" if which == "x" else "left"].set_visible(False)


def whole(axes: Axes, which: str, most: int = 5) -> None:
    """Ticks at whole numbers, written as counts."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator(most, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda v, _: numbers.count(v)))


def shares(axes: Axes, which: str, most: int = 5, digits: int | None = None) -> None:
    """Ticks written as percentages, with as many digits as tell them apart."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    enough = digits if digits is not None else (0 if high - low > 0.04 * most / 4 else 1)
    axis.set_major_locator(MaxNLocator(most))
    axis.set_major_formatter(FuncFormatter(lambda v, _: numbers.percent(v, enough)))


def legend(axes: Axes, *, narrow: bool, columns: int | None = None) -> None:
    """The legend above the axes, on one line where there is room."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        across = columns or (min(len(handles), 2) if narrow else len(handles))
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=across, handlelength=1.3, columnspacing=1.4, borderaxespad=0.2)
