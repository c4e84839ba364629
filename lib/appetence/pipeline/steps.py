"""The jobs by name. A step is imported when it runs, so that a job loads only what it needs."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from appetence.errors import ConfigError
from appetence.pipeline.context import Context, Counts

CHAIN = (
    "load_reference",
    "receive_deliveries",
    "standardise_records",
    "resolve_identities",
    "enrich_persons",
    "build_features",
    "train_propensity",
    "score_persons",
    "select_campaign",
    "export_selection",
    "measure_response",
    "issue_statements",
)
BESIDE = ("handle_rights", "enforce_retention", "import_suppressions", "maintain_tables")
JOBS = CHAIN + BESIDE


def step(job: str) -> Callable[[Context], Counts]:
    """The step of a job; ConfigError when there is no such job."""
    if job not in JOBS:
        raise ConfigError(f"There is no job {job!r}; the jobs are {', '.join(JOBS)}.")
    found: Callable[[Context], Counts] = import_module(f"appetence.pipeline.{job}").run
    return found
