"""How a share moves from delivery to delivery: a small line for a cell of a table, and a plot of several."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from appetence.reporting.canvas import BLUE, GREEN, INK, ORANGE, RED, SKY, SOFT, drawn, grid, legend, shares

WIDTH, HEIGHT, MARGIN = 120.0, 28.0, 5.0
LEAST = 0.02
"""A share that moves by less fills this part of the height: noise does not look like news."""
TONES = (BLUE, ORANGE, GREEN, SKY, SOFT, INK)


@dataclass(frozen=True)
class Point:
    """A share of one delivery; `is_alert`: it moved far enough from the one before to be looked at."""

    share: float
    is_alert: bool = False


@dataclass(frozen=True)
class Trend:
    """A cell of a table: the shares of a member's deliveries in order, the last one that of the page. Deliveries without it are left out."""

    points: Sequence[Point]
    says: str

    @property
    def svg(self) -> Markup:
        """Inline SVG: a line, a dot where it ends, a ring on each point to look at."""
        low, high = min(p.share for p in self.points), max(p.share for p in self.points)
        middle, reach = (low + high) / 2, max(high - low, LEAST)
        step = (WIDTH - 2 * MARGIN) / max(len(self.points) - 1, 1)
        places = [
            (WIDTH - MARGIN - step * (len(self.points) - 1 - i), HEIGHT / 2 - (p.share - middle) / reach * (HEIGHT - 2 * MARGIN))
            for i, p in enumerate(self.points)
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        rings = "".join(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="none" stroke="{RED}" stroke-width="1.6"/>'
            for (x, y), point in zip(places, self.points, strict=True)
            if point.is_alert
        )
        x, y = places[-1]
        drawing = f'<polyline points="{line}" fill="none" stroke="{BLUE}" stroke-width="1.5"/>'
        drawing += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{BLUE}"/>'
        head = Markup('<svg class="trend" role="img" viewBox="0 0 120 28" aria-label="{}">').format(self.says)
        return head + Markup(f"{drawing}{rings}</svg>")


def trends(days: Sequence[dt.date], series: Sequence[tuple[str, Sequence[Point | None]]], *, unit: str, narrow: bool = False) -> Figure:
    """One line a measure over the deliveries, rings where it moved far; a delivery that has none of a measure is left out of its line."""

    def draw(axes: Axes) -> None:
        alerts: list[tuple[int, float]] = []
        for number, (name, points) in enumerate(series):
            known = [(i, p) for i, p in enumerate(points) if p is not None]
            axes.plot([i for i, _ in known], [p.share for _, p in known], color=TONES[number], linewidth=1.8, marker="o", markersize=3.5, label=name)
            alerts += [(i, p.share) for i, p in known if p.is_alert]
        if alerts:
            places, values = zip(*alerts, strict=True)
            axes.scatter(places, values, s=90, facecolors="none", edgecolors=RED, linewidths=1.6, zorder=4, label="to look at")
        every = max(1, -(-len(days) // (4 if narrow else 9)))
        shown = [i for i in range(len(days)) if (len(days) - 1 - i) % every == 0]
        axes.set_xticks(shown, [f"{days[i]:%d/%m/%y}" for i in shown])
        axes.set_xlim(-0.4, len(days) - 0.6)
        axes.set_ylim(-0.03, 1.06)
        axes.set_xlabel("made by the member on")
        axes.set_ylabel(unit)
        grid(axes, "y")
        shares(axes, "y", 5, 0)
        legend(axes, narrow=narrow, columns=2 if narrow else 4)

    return drawn(draw, narrow=narrow, height=3.4, narrow_height=4.0)
