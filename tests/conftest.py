"""Shared fixtures: one Spark session per test run, a fresh lake per test, a context factory. Tests that use them are marked `spark`."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from appetence.pipeline.context import Context
from appetence.runtime.config import Config, load
from appetence.runtime.logs import Log
from appetence.runtime.session import build_session
from appetence.storage.lake import Lake

ROOT = Path(__file__).resolve().parents[1]
INTERPRETED = ("bench", "exchange", "notebooks", "pipeline", "privacy", "reporting", "selection", "storage")
"""Folders of tests that run whole jobs over a few dozen rows."""
AS_OF = dt.date(2026, 10, 31)


@pytest.fixture(scope="session")
def conf_folder() -> str:
    """The repository's own conf/."""
    return str(ROOT / "conf")


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory, conf_folder: str) -> Iterator[SparkSession]:
    """The one session of a test process: two cores, two shuffle partitions of small data."""
    scratch = tmp_path_factory.mktemp("spark")
    config = load("local", ["spark.shuffle_partitions=2", "spark.driver_memory=4g", "spark.jit=quick"], conf_folder)
    session = build_session(config.spark, scratch, "appetence-tests")
    yield session
    session.stop()


def _compiles(session: SparkSession, does: bool) -> None:
    session.conf.set("spark.sql.codegen.wholeStage", str(does).lower())
    session.conf.set("spark.sql.codegen.factoryMode", "FALLBACK" if does else "NO_CODEGEN")


@pytest.fixture(autouse=True)
def interpreted(request: pytest.FixtureRequest) -> Iterator[None]:
    """Expressions are tested as generated code, as Spark runs them. Whole jobs over a few dozen rows are interpreted: the compiler took a third of
    their time. Nothing of `make test` compiles whole jobs: the chain of `make test-all` (tests/cli) and `make demo` do."""
    if request.node.get_closest_marker("spark") is None or request.path.parent.name not in INTERPRETED:
        yield
        return
    session = request.getfixturevalue("spark")
    _compiles(session, False)
    yield
    _compiles(session, True)


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(spark, str(tmp_path / "lake"), "run-1", str(tmp_path / "scratch"))


@pytest.fixture
def make_context(spark: SparkSession, tmp_path: Path, conf_folder: str) -> Callable[..., Context]:
    """A factory of contexts over a root of the test's own: `make_context(environment="demo", as_of=..., overrides=[...], run_id=...)`."""

    def make(
        environment: str = "demo",
        as_of: dt.date = AS_OF,
        overrides: tuple[str, ...] = (),
        run_id: str = "run-1",
        options: dict[str, str] | None = None,
        dry_run: bool = False,
        config: Config | None = None,
    ) -> Context:
        root = tmp_path / "root"
        found = config or load(environment, [f"paths.root={root}", *overrides], conf_folder)
        lake = Lake(spark, found.paths.lake, run_id, found.paths.scratch, is_dry_run=dry_run)
        log = Log.opened(run_id, "test", None, is_quiet=True)
        return Context(spark, lake, found, as_of, run_id, dt.datetime(2026, 10, 31, 3), log, options or {}, dry_run)

    return make


os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
