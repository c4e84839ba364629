"""What a page is made of, and how it becomes one HTML file that needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import StringIO

import matplotlib
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from appetence.reporting.trends import Trend

DAY = re.compile(r"\d{4}-\d\d-\d\d")
Draw = Callable[[bool], Figure]


@dataclass(frozen=True)
class Fact:
    """One figure at the head of a page: what it is, the number, and what to make of it."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Link:
    """A cell that leads to another page."""

    text: str
    target: str


Cell = str | Link | Trend


@dataclass(frozen=True)
class Sheet:
    """A table of ready text. `numbers` are the positions of columns set to the right, `asides` of those a telephone leaves out."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numbers: Sequence[int] = ()
    note: str = ""
    asides: Sequence[int] = ()
    kind: str = field(default="sheet", init=False)

    def style(self, position: int, cell: Cell = "") -> str:
        """The classes of a column's cells; a day is never broken."""
        names = [name for name, chosen in (("n", self.numbers), ("aside", self.asides)) if position in chosen]
        return " ".join([*names, "whole"] if isinstance(cell, str) and DAY.fullmatch(cell) else names)


@dataclass(frozen=True)
class Picture:
    """A plot at two widths: `draw(narrow)` makes it for a desk or for a telephone. `says` is its text for those who do not see it."""

    title: str
    draw: Draw
    says: str
    note: str = ""
    kind: str = field(default="picture", init=False)

    @property
    def wide(self) -> Markup:
        """Inline SVG for a desk."""
        return svg(self.draw(False), f"{self.title} wide", self.says)

    @property
    def narrow(self) -> Markup:
        """Inline SVG for a telephone."""
        return svg(self.draw(True), f"{self.title} narrow", self.says)


@dataclass(frozen=True)
class Words:
    """Paragraphs, or with `is_list` the points of a list."""

    lines: Sequence[str]
    is_list: bool = False
    kind: str = field(default="words", init=False)


Part = Sheet | Picture | Words


@dataclass(frozen=True)
class Section:
    """A heading, a sentence that says what to see, and the parts that show it."""

    title: str
    lead: str
    parts: Sequence[Part] = ()


@dataclass(frozen=True)
class Page:
    """A whole page; `source` says which run and day it was made from, `home` links back to the index."""

    title: str
    subtitle: str
    facts: Sequence[Fact]
    sections: Sequence[Section]
    source: str
    home: str | None = "index.html"
    kicker: str = "Appetence"


def render(page: Page) -> str:
    """The page as one HTML document: style and plots inside, no script, no request to anywhere."""
    return _environment().get_template("page.html.j2").render(page=page)


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("appetence.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["style"] = lambda: Markup(made.loader.get_source(made, "style.css")[0])  # type: ignore[union-attr]  # the loader is set above
    return made


def svg(figure: Figure, salt: str, says: str) -> Markup:
    """A figure as inline SVG that scales with the page. The same figure gives the same text; ids differ from those of other figures."""
    target = StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = target.getvalue()
    body = text[text.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    used = set(re.findall(r"#([\w-]+)", body))
    body = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", body)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    head = Markup('<svg role="img" aria-label="{}"').format(says)
    opening = re.sub(r'(xmlns:xlink|xmlns|version|width|height)="[^"]*"\s*', "", body[4 : body.index(">")])
    return Markup(head + Markup(opening + body[body.index(">") :]))
