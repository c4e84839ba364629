"""The plots, each from plain values to a figure. `narrow` draws it for a telephone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Polygon

from appetence.reporting import france, numbers
from appetence.reporting.canvas import BLUE, FAINT, GREEN, INK, LINE, ORANGE, RED, SKY, SOFT, drawn, grid, legend, shares, whole

SERIES = (BLUE, ORANGE, GREEN, SKY, RED)
TINTS = ("#d6e6f4", "#9fc9e2", "#5fa3d0", "#1f74b1", "#084a82")
"""From light to dark, told apart by any eye and in print."""
_GROUPS = (BLUE, GREEN, SKY, RED)


@dataclass(frozen=True)
class Step:
    """One step of a waterfall: how many came in and how many it drops. A step that drops nobody and ends the list is a total."""

    label: str
    entered: int
    dropped: int


@dataclass(frozen=True)
class Measure:
    """A value with its interval, under a label."""

    label: str
    value: float
    low: float
    high: float
    expected: float | None = None


def waterfall(steps: Sequence[Step], total: tuple[str, int], *, narrow: bool = False) -> Figure:
    """From everybody down to those chosen: each bar is what one step takes away. Counts of persons."""

    def draw(axes: Axes) -> None:
        labels = [s.label for s in steps] + [total[0]]
        top = max([s.entered for s in steps] + [total[1], 1])
        axes.barh(0, steps[0].entered, color=FAINT, height=0.62) if steps else None
        for place, step in enumerate(steps):
            left = step.entered - step.dropped
            if place:
                axes.barh(place, step.dropped, left=left, color=ORANGE, height=0.62)
            text = numbers.count(step.entered) if not place else f"{numbers.MINUS}{numbers.count(step.dropped)}" if step.dropped else "0"
            _beside(axes, place, left, left + step.dropped if place else step.entered, text, top)
        axes.barh(len(steps), total[1], color=BLUE, height=0.62)
        _beside(axes, len(steps), 0, total[1], numbers.count(total[1]), top)
        axes.set_xlim(0, top * (1.2 if narrow else 1.1))
        axes.set_xlabel("persons")
        _rows(axes, labels, narrow=narrow)
        whole(axes, "x", 4)

    rows = len(steps) + 1
    return drawn(draw, narrow=narrow, height=0.5 + 0.33 * rows, narrow_height=0.6 + 0.46 * rows)


def _beside(axes: Axes, place: float, left: float, right: float, text: str, top: float) -> None:
    axes.text(right + 0.012 * top, place, text, va="center", ha="left", fontsize=9)


def _rows(axes: Axes, labels: Sequence[str], *, narrow: bool, series: int = 1) -> None:
    """One label a row, top down; on a telephone above its bar, where it takes no width."""
    grid(axes, "x")
    axes.set_ylim(len(labels) - 0.4, -0.9 if narrow else -0.6)
    if narrow:
        axes.set_yticks([])
        for place, label in enumerate(labels):
            axes.text(0, place - 0.36, label, va="bottom", ha="left", fontsize=8.5, color=SOFT, transform=axes.get_yaxis_transform())
        for bar in axes.patches if series == 1 else ():
            bar.set_height(0.42)  # type: ignore[attr-defined]  # every patch here is a bar
            bar.set_y(bar.get_y() + 0.12)  # type: ignore[attr-defined]  # as above
    else:
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(axis="y", labelcolor=INK)


def bars(
    labels: Sequence[str], series: Sequence[tuple[str, Sequence[float | None]]], *, unit: str, is_share: bool = False, narrow: bool = False
) -> Figure:
    """Horizontal bars, one group a label, one colour a series. A value that is None is not drawn and said to be left out."""

    def draw(axes: Axes) -> None:
        top = max([v for _, values in series for v in values if v is not None] + [1e-9])
        tall = 0.66 / len(series)
        for number, (name, values) in enumerate(series):
            places = [place - 0.33 + tall * (number + 0.5) for place in range(len(labels))]
            axes.barh(places, [v or 0 for v in values], height=tall * 0.94, color=SERIES[number], label=name if len(series) > 1 else "")
            for place, value in zip(places, values, strict=True):
                text = "not shown" if value is None else numbers.percent(value) if is_share else numbers.count(value)
                _beside(axes, place + (0.12 if narrow and len(series) == 1 else 0), 0, value or 0, text, top)
        axes.set_xlim(0, top * (1.25 if narrow else 1.12))
        axes.set_xlabel(unit)
        _rows(axes, labels, narrow=narrow, series=len(series))
        shares(axes, "x", 4) if is_share else whole(axes, "x", 4)
        legend(axes, narrow=narrow)

    rows = len(labels) * (1 if len(series) == 1 else 0.6 + 0.4 * len(series))
    return drawn(draw, narrow=narrow, height=0.75 + 0.33 * rows, narrow_height=0.85 + 0.46 * rows)


def histogram(
    edges: Sequence[float], series: Sequence[tuple[str, Sequence[float]]], *, label: str, unit: str,
    marks: Sequence[tuple[float, str]] = (), is_log: bool = False, narrow: bool = False,
) -> Figure:  # fmt: skip
    """Stacked columns between `edges` (one more than columns), with named upright marks; `is_log`: shares on a log scale."""

    def draw(axes: Axes) -> None:
        below = [0.0] * (len(edges) - 1)
        widths = [b - a for a, b in zip(edges, edges[1:], strict=False)]
        for number, (name, values) in enumerate(series):
            axes.bar(
                edges[:-1], values, widths, bottom=below, align="edge", color=SERIES[number], edgecolor="white", linewidth=0.5,
                label=name if len(series) > 1 else "",
            )  # fmt: skip
            below = [a + b for a, b in zip(below, values, strict=True)]
        top = max([*below, 1.0])
        for at, text in marks:
            axes.axvline(at, color=INK, linewidth=1, linestyle=(0, (4, 3)))
            axes.annotate(text, (at, top * 1.03), xytext=(4, 0), textcoords="offset points", fontsize=8.5, color=INK)
        axes.set_ylim(0, top * (1.14 if marks else 1.05))
        if is_log:
            axes.set_xscale("log")
            steps = (1, 2, 5) if edges[-1] < 110 * edges[0] else (1,)
            ticks = [t for t in (s * 10.0**e for e in range(-4, 1) for s in steps) if edges[0] <= t <= edges[-1] * 1.001]
            axes.set_xticks(ticks, [numbers.percent(t, 0 if t >= 0.01 else 2 if t < 0.001 else 1) for t in ticks])
            axes.minorticks_off()
        axes.set_xlabel(label)
        axes.set_ylabel(unit)
        grid(axes, "y")
        whole(axes, "y", 4)
        legend(axes, narrow=narrow)

    return drawn(draw, narrow=narrow, height=3.0)


def gains(persons: Sequence[float], captured: Sequence[Measure], *, what: str, narrow: bool = False) -> Figure:
    """The cumulative gains curve with its band, beside what a random order would bring. Shares from 0 to 1."""

    def draw(axes: Axes) -> None:
        depth = [0.0, *persons]
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (4, 3)), label="in random order")
        axes.fill_between(depth, [0, *(m.low for m in captured)], [0, *(m.high for m in captured)], color=BLUE, alpha=0.16, linewidth=0)
        axes.plot(depth, [0, *(m.value for m in captured)], color=BLUE, linewidth=2, marker="o", markersize=4, label="best first, by the model")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("share of persons contacted, best first")
        axes.set_ylabel(f"share of {what} reached")
        axes.grid(visible=True)
        shares(axes, "x", 5, 0)
        shares(axes, "y", 5, 0)
        legend(axes, narrow=narrow)

    return drawn(draw, narrow=narrow, height=3.6, narrow_height=3.7)


def calibration(bins: Sequence[Measure], *, narrow: bool = False) -> Figure:
    """Predicted against observed rate with intervals: on the line, the model says what happens."""

    def draw(axes: Axes) -> None:
        top = max([m.high for m in bins] + [m.expected or 0 for m in bins] + [1e-6]) * 1.06
        axes.plot([0, top], [0, top], color=SOFT, linewidth=1, linestyle=(0, (4, 3)), label="predicted = observed")
        x = [m.expected or 0.0 for m in bins]
        spread = [[m.value - m.low for m in bins], [m.high - m.value for m in bins]]
        axes.errorbar(
            x,
            [m.value for m in bins],
            yerr=spread,
            fmt="o",
            color=BLUE,
            ecolor=SKY,
            markersize=5,
            linewidth=1.6,
            label="tenths of the test, with 95 % intervals",
        )
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_xlabel("predicted probability, mean of the tenth")
        axes.set_ylabel("observed rate")
        axes.grid(visible=True)
        shares(axes, "x")
        shares(axes, "y")
        legend(axes, narrow=narrow, columns=1 if narrow else None)

    return drawn(draw, narrow=narrow, height=3.8, narrow_height=3.9)


def rates(groups: Sequence[Measure], *, label: str, unit: str = "response rate", narrow: bool = False) -> Figure:
    """Observed rates with intervals per group, and what was predicted for each."""

    def draw(axes: Axes) -> None:
        places = list(range(len(groups)))
        spread = [[max(0.0, m.value - m.low) for m in groups], [max(0.0, m.high - m.value) for m in groups]]
        axes.errorbar(
            places,
            [m.value for m in groups],
            yerr=spread,
            fmt="o",
            color=BLUE,
            ecolor=SKY,
            linewidth=1.8,
            markersize=6,
            label="observed, with 95 % interval",
        )
        expected = [(p, m.expected) for p, m in zip(places, groups, strict=True) if m.expected is not None]
        if expected:
            axes.plot(
                [p for p, _ in expected],
                [e for _, e in expected],
                linestyle="none",
                marker="D",
                markersize=6,
                color=ORANGE,
                label="predicted",
            )
        top = max([m.high for m in groups] + [e for _, e in expected] + [1e-6])
        axes.set_ylim(0, top * 1.08)
        axes.set_xlim(-0.6, len(groups) - 0.4)
        axes.set_xticks(places, [m.label for m in groups])
        axes.set_xlabel(label)
        axes.set_ylabel(unit)
        grid(axes, "y")
        shares(axes, "y")
        legend(axes, narrow=narrow)

    return drawn(draw, narrow=narrow, height=3.0)


def money(quantity: Sequence[float], margin_cents: Sequence[float], *, break_even: float | None, taken: float | None, narrow: bool = False) -> Figure:
    """Cumulative expected margin by how deep the list is used, with the break-even depth and the depth taken. Euros."""

    def draw(axes: Axes) -> None:
        axes.axhline(0, color=FAINT, linewidth=1)
        axes.plot([0, *quantity], [0, *(m / 100 for m in margin_cents)], color=BLUE, linewidth=2, marker="o", markersize=4)
        low, high = axes.get_ylim()
        high += 0.12 * (high - low)
        axes.set_ylim(low, high)
        for at, text, tone in ((taken, "taken", INK), (break_even, "last tenth that pays", GREEN)):
            if at is not None:
                axes.axvline(at, color=tone, linewidth=1.2, linestyle=(0, (4, 3)))
                is_right = at > 0.6 * quantity[-1]
                place = low + (0.05 if tone == INK else 0.13) * (high - low)
                side, shift = ("right", -4) if is_right else ("left", 4)
                axes.annotate(text, (at, place), xytext=(shift, 0), textcoords="offset points", color=tone, fontsize=8.5, ha=side)
        axes.set_xlim(left=0)
        axes.set_xlabel("merge units contacted, best first")
        axes.set_ylabel("expected margin less cost, euros")
        grid(axes, "y")
        axes.spines["left"].set_visible(False)
        whole(axes, "x", 4)
        whole(axes, "y", 4)

    return drawn(draw, narrow=narrow, height=3.2)


def country(values: Mapping[str, float | None], *, label: str, narrow: bool = False) -> Figure:
    """A map of the departments (code -> share, None: not shown), in five classes of about as many places each."""
    known = sorted(v for v in values.values() if v is not None)
    limits = sorted({known[len(known) * k // 5] for k in range(1, 5)}) if known else []
    used = [TINTS[round(n * (len(TINTS) - 1) / max(len(limits), 1))] for n in range(len(limits) + 1)]

    def draw(axes: Axes) -> None:
        for department, loops in france.shapes().items():
            value = values.get(department)
            tint = FAINT if value is None else used[sum(value >= limit for limit in limits)]
            hatch = "////" if department in values and value is None else ""
            for loop in loops:
                axes.add_patch(Polygon(loop, closed=True, facecolor=LINE if value is None else tint, edgecolor="white", linewidth=0.5, hatch=hatch))
        axes.autoscale_view()
        axes.set_aspect("equal")
        axes.set_axis_off()
        ends = [numbers.percent(x) for x in ([known[0], *limits, known[-1]] if known else [])]
        names = [f"{low}{numbers.DASH}{high}" for low, high in zip(ends, ends[1:], strict=False)]
        boxes = [Patch(facecolor=tint, label=name) for tint, name in zip(used, names, strict=True)] if known else []
        if any(v is None for v in values.values()):
            boxes.append(Patch(facecolor=LINE, edgecolor="white", hatch="////", label="not shown"))
        axes.legend(
            handles=boxes, title=label, loc="upper center" if narrow else "center left", bbox_to_anchor=(0.5, 0.0) if narrow else (1.0, 0.5),
            ncols=2 if narrow else 1, handlelength=1.3, alignment="left",
        )  # fmt: skip

    return drawn(draw, narrow=narrow, height=4.6, narrow_height=5.2)


def weights(levels: Sequence[tuple[str, float]], *, narrow: bool = False) -> Figure:
    """What each agreement level adds to or takes from the odds that two records are one person, in doublings (log2)."""

    def draw(axes: Axes) -> None:
        values = [w for _, w in levels]
        axes.barh(range(len(levels)), values, color=[BLUE if w >= 0 else RED for w in values], height=0.62)
        reach = max([abs(w) for w in values] + [1.0])
        for place, value in enumerate(values):
            text = numbers.decimal(value, 1) if value < 0 else f"+{value:.1f}"
            axes.text(
                value + (0.02 if value >= 0 else -0.02) * reach,
                place + (0.12 if narrow else 0),
                text,
                va="center",
                ha="left" if value >= 0 else "right",
                fontsize=8.5,
            )
        low, high = min([*values, 0.0]), max([*values, 0.0])
        axes.set_xlim(low - 0.14 * reach, high + 0.14 * reach)
        axes.axvline(0, color=SOFT, linewidth=1)
        axes.set_xlabel("match weight: +1 doubles the odds, " + numbers.MINUS + "1 halves them")
        _rows(axes, [name for name, _ in levels], narrow=narrow)
        axes.xaxis.grid(visible=True, color=LINE)

    rows = len(levels)
    return drawn(draw, narrow=narrow, height=0.7 + 0.27 * rows, narrow_height=0.8 + 0.4 * rows)


def component(clusters: Sequence[int], links: Sequence[tuple[int, int, float]], *, narrow: bool = False) -> Figure:
    """The records that links hold together, as dots on a circle without names. `clusters`: the cluster of each, the largest in colours, the others
    grey; `links`: places in `clusters` of two records, and the weight (log2), which the width follows; dashed between two clusters."""
    sizes = Counter(clusters)
    ranked = sorted(sizes, key=lambda c: (-sizes[c], c))
    order = sorted(range(len(clusters)), key=lambda i: (ranked.index(clusters[i]), i))
    turn = {i: 2 * math.pi * place / max(len(order), 1) for place, i in enumerate(order)}
    spots = [(math.sin(turn[i]), math.cos(turn[i])) for i in range(len(clusters))]
    top = max([w for _, _, w in links] + [1.0])

    def draw(axes: Axes) -> None:
        apart = [clusters[a] != clusters[b] for a, b, _ in links]
        axes.add_collection(LineCollection(
            [[spots[a], spots[b]] for a, b, _ in links], linewidths=[0.4 + 3.6 * max(w, 0.0) / top for _, _, w in links], zorder=1,
            colors=[ORANGE if is_cut else FAINT for is_cut in apart], linestyles=["--" if is_cut else "-" for is_cut in apart],
        ))  # fmt: skip
        for number, cluster in enumerate(ranked):
            x, y = zip(*(spots[i] for i in order if clusters[i] == cluster), strict=True)
            name = f"group of {numbers.count(sizes[cluster])}" if number < len(_GROUPS) else ""
            axes.scatter(x, y, s=46, color=_GROUPS[number] if number < len(_GROUPS) else SOFT, edgecolors="white", zorder=2, label=name)
        axes.set(xlim=(-1.12, 1.12), ylim=(-1.12, 1.12), aspect="equal")
        axes.set_axis_off()
        legend(axes, narrow=narrow)

    return drawn(draw, narrow=narrow, height=4.6, narrow_height=4.4)
