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

BANNED_NAMES = {
    "sparkContext": ("runtime/session.py", "bench", "identity/components.py"),
    "_jvm": ("runtime/session.py", "bench", "identity/components.py"),
    "_jdf": ("bench", "identity/components.py"),
    "rdd": (), "cache": ("columns", "data"), "persist": (), "checkpoint": ("identity/components.py",), "localCheckpoint": ("identity/components.py",),
}  # fmt: skip
"""What reaches behind Spark's public frames, or keeps frames in memory, and the places that may. (`cache` also is functools' own.)"""

SEEDED = {"default_rng", "Random", "RandomState"}
FILE_CALLS = {"open", "write_text", "write_bytes", "read_text", "read_bytes", "unlink", "mkdir", "rmtree", "rmdir"}
MAY_TOUCH_FILES = ("exchange", "propensity/registry.py", "privacy/scan.py", "privacy/destruction.py")
"""Domains are pure, but for these: adapters of the exchange, the model registry, and what looks for erased bytes and destroys files."""

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


def calls(path: Path) -> list[tuple[ast.Call, str]]:
    """Every call of a file with the last part of its name."""
    found = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
    return [(n, n.func.attr if isinstance(n.func, ast.Attribute) else getattr(n.func, "id", "")) for n in found]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(LIB)))
def test_nothing_reaches_behind_frames_or_keeps_them_in_memory(path: Path) -> None:
    where = str(path.relative_to(LIB))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        places = BANNED_NAMES.get(node.attr) if isinstance(node, ast.Attribute) else None
        assert places is None or where.startswith(places), f"line {node.lineno}: .{node.attr} belongs to {places or 'no place'}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(LIB)))
def test_what_is_drawn_at_random_is_seeded(path: Path) -> None:
    for node, name in calls(path):
        assert name not in SEEDED or node.args or node.keywords, f"line {node.lineno}: {name}() without a seed"


@pytest.mark.parametrize("path", [p for p in FILES if part(p) in DOMAIN], ids=lambda p: str(p.relative_to(LIB)))
def test_domains_touch_no_file(path: Path) -> None:
    where = str(path.relative_to(LIB))
    touching = [f"line {node.lineno}: {name}()" for node, name in calls(path) if name in FILE_CALLS]
    assert where.startswith(MAY_TOUCH_FILES) or not touching, f"{touching[0]}: files are the pipeline's business"


@pytest.mark.parametrize("path", sorted((LIB.parents[1] / "jobs").glob("*.py")), ids=lambda p: p.name)
def test_a_job_file_has_no_logic(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 30
    assert not any(isinstance(n, ast.FunctionDef | ast.ClassDef | ast.For | ast.While) for n in ast.walk(ast.parse(text)))


def test_every_layer_of_the_library_is_known() -> None:
    assert {part(p) for p in FILES} - {"__init__"} <= set(MAY_IMPORT)
