"""The layout holds: imports go one way, and what belongs to the edge stays there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

LIB = Path(__file__).resolve().parents[2] / "lib" / "appetence"
DOMAIN = {"exchange", "records", "identity", "enrichment", "features", "propensity", "selection", "privacy", "reporting", "synthetic"}
EDGE = {"storage", "runtime"}
BASE = {"columns", "contracts", "errors", "data", "version"}

MAY_IMPORT = {
    "errors": set(),
    "version": set(),
    "data": {"errors"},
    "contracts": {"errors"},
    "columns": {"errors", "data", "contracts"},
    **dict.fromkeys(DOMAIN, BASE),
    "storage": {"contracts", "errors"},
    "runtime": {"contracts", "errors"},
    "pipeline": DOMAIN | EDGE | BASE,
    "bench": DOMAIN | EDGE | BASE | {"pipeline"},
    "cli": DOMAIN | EDGE | BASE | {"pipeline", "bench"},
}
"""Which part may import which others; each part may import itself."""

ONLY = {"delta": ("storage",), "graphframes": ("identity/components.py",), "mlflow": ("propensity",)}
"""Libraries that one place alone may name."""

BANNED_CALLS = {
    "now", "utcnow", "today", "time", "monotonic", "current_timestamp", "current_date", "uuid", "uuid1", "uuid4", "rand", "randn",
    "monotonically_increasing_id", "show", "toPandas",
}  # fmt: skip
MAY_CALL = {"toPandas": ("bench", "propensity", "pipeline", "reporting", "identity"), "time": ("bench",)}
"""Bounded by design: fitted samples, plotted aggregates, measured durations, and the driver-side solver of components."""

FILES = sorted(LIB.rglob("*.py"))


def part(path: Path) -> str:
    """Top part a file belongs to: its folder, or its own name."""
    inside = path.relative_to(LIB).parts
    return inside[0].removesuffix(".py")


def imported(tree: ast.AST) -> list[str]:
    """Dotted names of everything imported, function-level imports included."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [f"{node.module}.{a.name}" for a in node.names]
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(LIB)))
def test_imports_go_one_way(path: Path) -> None:
    own = part(path)
    if own == "__init__":
        return
    for name in imported(ast.parse(path.read_text(encoding="utf-8"))):
        first, _, rest = name.partition(".")
        if first == "appetence" and rest:
            other = rest.split(".")[0]
            assert other == own or other in MAY_IMPORT[own], f"{own} may not import {name}"
        where = str(path.relative_to(LIB))
        if first in ONLY:
            assert any(where.startswith(place) for place in ONLY[first]), f"only {ONLY[first]} may import {first}"


@pytest.mark.parametrize("path", [p for p in FILES if part(p) != "runtime"], ids=lambda p: str(p.relative_to(LIB)))
def test_clock_randomness_and_printing_stay_at_the_edge(path: Path) -> None:
    own = part(path)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        assert name != "print", f"line {node.lineno}: print; use a log or runtime.console"
        if name == "time" and ast.unparse(node.func) != "time.time":  # dt.time(...) makes a value, it reads no clock
            continue
        assert name not in BANNED_CALLS or own in MAY_CALL.get(name, ()), f"line {node.lineno}: {name}() is banned outside runtime/"
        if name == "builder" or (isinstance(node.func, ast.Attribute) and node.func.attr == "getOrCreate"):
            pytest.fail(f"line {node.lineno}: only runtime/session.py builds a session")
        keywords = {k.arg: k.value for k in node.keywords}
        assert not (name == "option" and any(getattr(a, "value", None) == "inferSchema" for a in node.args)), "schemas are stated, not inferred"
        assert "inferSchema" not in keywords, "schemas are stated, not inferred"


@pytest.mark.parametrize("path", sorted((LIB.parents[1] / "jobs").glob("*.py")), ids=lambda p: p.name)
def test_a_job_file_has_no_logic(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 30
    assert not any(isinstance(n, ast.FunctionDef | ast.ClassDef | ast.For | ast.While) for n in ast.walk(ast.parse(text)))


def test_every_layer_of_the_library_is_known() -> None:
    assert {part(p) for p in FILES} - {"__init__"} <= set(MAY_IMPORT)
