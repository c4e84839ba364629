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
BESIDE = ("handle_rights", "enforce_retention", "import_suppressions", "match_deaths", "maintain_tables")
BY_HAND = ("exit_member",)
"""Run by a person's decision only: no schedule starts them."""
JOBS = CHAIN + BESIDE

NEEDS: dict[str, tuple[str, ...]] = {
    "load_reference": (),
    "receive_deliveries": ("load_reference",),
    "standardise_records": ("receive_deliveries",),
    "resolve_identities": ("standardise_records",),
    "enrich_persons": ("resolve_identities",),
    "build_features": ("resolve_identities",),
    "train_propensity": ("enrich_persons", "build_features"),
    "score_persons": ("train_propensity",),
    "import_suppressions": ("load_reference",),
    "match_deaths": ("resolve_identities",),
    "handle_rights": ("score_persons", "import_suppressions", "match_deaths"),
    "select_campaign": ("score_persons", "import_suppressions", "match_deaths", "handle_rights"),
    "export_selection": ("select_campaign",),
    "measure_response": ("resolve_identities", "export_selection"),
    "issue_statements": ("resolve_identities", "export_selection"),
}
"""What each job waits for when both are asked for; jobs that need nothing of each other write different tables and may run beside each other."""


def waits_for(job: str) -> frozenset[str]:
    """Every job that must have ended before this one begins, whether it is named by it or by one of those."""
    direct = NEEDS.get(job, ())
    return frozenset(direct).union(*(waits_for(d) for d in direct))


def step(job: str) -> Callable[[Context], Counts]:
    """The step of a job; ConfigError when there is no such job."""
    if job not in JOBS + BY_HAND:
        raise ConfigError(f"There is no job {job!r}; the jobs are {', '.join(JOBS + BY_HAND)}.")
    found: Callable[[Context], Counts] = import_module(f"appetence.pipeline.{job}").run
    return found
