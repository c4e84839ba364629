"""The plots: what they show is the data, and nothing runs over the edge at either width."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from appetence.reporting import charts
from appetence.reporting.campaign_page import joined_steps
from appetence.reporting.canvas import BLUE, ORANGE
from appetence.reporting.identity_page import level_weights, model_picture, weight_picture
from appetence.reporting.model_page import calibration_picture, gains_picture, reason_picture, score_picture
from tests.reporting import planted

STEPS = joined_steps(planted.waterfall())
MODEL = planted.model_rows()
RATES = [charts.Measure("1–3", 0.04, 0.03, 0.05, 0.042), charts.Measure("4–10", 0, 0, 0.01)]
TWO: list[tuple[str, list[float | None]]] = [("a", [0.4, None]), ("b", [0.2, 0.1])]
DRAWN: dict[str, Callable[[bool], Figure]] = {
    "waterfall": lambda narrow: charts.waterfall(STEPS, ("Contacted", 1500), narrow=narrow),
    "money": lambda narrow: charts.money([340, 680, 1020], [42_900, 74_300, 61_000], break_even=680, taken=500, narrow=narrow),
    "rates": lambda narrow: charts.rates(RATES, label="tenth", narrow=narrow),
    "masked bars": lambda narrow: charts.bars(["59", "48"], TWO, unit="share", is_share=True, narrow=narrow),
    "gains": gains_picture(MODEL.tiers).draw,
    "calibration": calibration_picture(MODEL.tiers).draw,
    "scores": score_picture(MODEL.bins).draw,
    "reasons": reason_picture(MODEL.reasons, 1100, 11000).draw,
    "weights": model_picture(level_weights(planted.match_model())).draw,
    "pairs": weight_picture(planted.identity_rows().edges, 0.0).draw,
}  # fmt: skip


def labels_within(axis: Axis) -> list[Text]:
    """The labels of the ticks that are drawn: a locator proposes some past the ends too."""
    low, high = sorted(axis.get_view_interval())
    return [t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high]


@pytest.mark.parametrize("narrow", [False, True], ids=["desk", "telephone"])
@pytest.mark.parametrize("name", DRAWN)
def test_no_text_runs_over_the_edge(name: str, narrow: bool) -> None:
    figure = DRAWN[name](narrow)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    width, height = canvas.get_width_height()
    for axes in figure.axes:
        texts = [*axes.texts, axes.xaxis.label, axes.yaxis.label, *labels_within(axes.xaxis), *labels_within(axes.yaxis)]
        for text in (t for t in texts if t.get_text().strip()):
            box = text.get_window_extent(canvas.get_renderer())
            assert box.x0 >= -2 and box.x1 <= width + 2 and box.y0 >= -2 and box.y1 <= height + 2, f"{text.get_text()!r} is cut"


@pytest.mark.parametrize("name", DRAWN)
def test_every_plot_but_plain_bars_names_both_axes(name: str) -> None:
    axes = DRAWN[name](False).axes[0]
    assert axes.get_xlabel()
    assert axes.get_ylabel() or axes.get_yticklabels()


def bars_of(figure: Figure, colour: str) -> list[Rectangle]:
    """The bars of one colour."""
    return [p for p in figure.axes[0].patches if isinstance(p, Rectangle) and to_hex(p.get_facecolor()) == colour]


@pytest.mark.parametrize("narrow", [False, True])
def test_each_bar_of_the_waterfall_spans_what_its_step_takes_away(narrow: bool) -> None:
    figure = charts.waterfall(STEPS, ("Contacted", 1500), narrow=narrow)
    drops = [(b.get_x(), b.get_x() + b.get_width()) for b in bars_of(figure, ORANGE)]
    assert drops == [(s.entered - s.dropped, s.entered) for s in STEPS[1:]]
    assert [b.get_width() for b in bars_of(figure, BLUE)] == [1500]


def test_a_left_out_value_has_no_bar_and_says_so() -> None:
    figure = DRAWN["masked bars"](False)
    assert [b.get_width() for b in bars_of(figure, BLUE)] == [0.4, 0]
    assert "not shown" in [t.get_text() for t in figure.axes[0].texts]


def test_the_gains_curve_ends_at_everybody() -> None:
    line = next(li for li in DRAWN["gains"](False).axes[0].lines if li.get_marker() == "o")
    assert line.get_xydata()[0].tolist() == [0, 0] and line.get_xydata()[-1].tolist() == [1, 1]  # type: ignore[index,union-attr]  # an array
    assert line.get_xydata()[1].tolist() == [0.1, pytest.approx(224 / 660)]  # type: ignore[index,union-attr]  # as above


def test_no_pair_is_lost_between_table_and_histogram() -> None:
    heights = sum(p.get_height() for p in DRAWN["pairs"](False).axes[0].patches if isinstance(p, Rectangle))
    assert heights == sum(r["n"] for r in planted.identity_rows().edges)
