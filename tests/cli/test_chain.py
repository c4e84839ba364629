"""Jobs of a chain begin when all they wait for has ended, some beside each other; a failure lets nothing new begin."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from appetence.cli import chain
from appetence.errors import ConfigError, PartlyDoneError
from appetence.pipeline.context import Counts
from appetence.pipeline.runner import Outcome
from appetence.pipeline.steps import CHAIN, JOBS, NEEDS, waits_for
from appetence.runtime.config import Config, load

AS_OF = dt.date(2026, 10, 31)


class Night:
    """Jobs that only note when they begin and end."""

    def __init__(self) -> None:
        self.lock, self.noted = threading.Lock(), list[tuple[str, str]]()
        self.acts: dict[str, Callable[[], None]] = {}

    def run(self, config: Config, job: str, *_: Any, **__: Any) -> Outcome:
        self.note("begin", job)
        self.acts.get(job, lambda: None)()
        self.note("end", job)
        return Outcome(job, job, Counts(0, 0), 0.0)

    def note(self, what: str, job: str) -> None:
        with self.lock:
            self.noted.append((what, job))

    def at(self, what: str, job: str) -> int:
        return self.noted.index((what, job))


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> Night:
    made = Night()
    monkeypatch.setattr(chain, "run_job", made.run)
    monkeypatch.setattr(chain, "build_session", lambda *_: None)
    monkeypatch.setattr(chain, "holding", lambda _: nullcontext())
    return made


def test_every_job_of_the_chain_says_what_it_needs_and_needs_nothing_later() -> None:
    assert set(CHAIN) <= set(NEEDS) <= set(JOBS)
    for number, job in enumerate(CHAIN):
        assert not waits_for(job) & set(CHAIN[number:]), job


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_no_job_begins_before_what_it_waits_for_has_ended(night: Night, conf_folder: str, at_once: int) -> None:
    jobs = (*CHAIN[:8], "import_suppressions", "handle_rights", *CHAIN[8:])
    outcomes = chain.run_chain(load("demo", [], conf_folder), AS_OF, jobs=jobs, at_once=at_once)
    assert tuple(o.job for o in outcomes) == jobs
    for job in jobs:
        assert all(night.at("end", before) < night.at("begin", job) for before in waits_for(job) & set(jobs)), job
    if at_once == 1:
        assert [job for what, job in night.noted if what == "begin"] == [job for what, job in night.noted if what == "end"]


def test_jobs_that_need_nothing_of_each_other_run_beside_each_other(night: Night, conf_folder: str) -> None:
    meet = threading.Barrier(2, timeout=10)
    night.acts = {"enrich_persons": lambda: void(meet.wait()), "build_features": lambda: void(meet.wait())}
    chain.run_chain(load("demo", [], conf_folder), AS_OF)
    assert night.at("begin", "train_propensity") > max(night.at("end", "enrich_persons"), night.at("end", "build_features"))


def test_a_failure_lets_what_runs_end_and_nothing_else_begin(night: Night, conf_folder: str) -> None:
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        raise ConfigError("Not so.")

    night.acts = {"enrich_persons": fail, "build_features": lambda: void(failed.wait(10))}
    with pytest.raises(ConfigError, match="Not so"):
        chain.run_chain(load("demo", [], conf_folder), AS_OF)
    assert ("end", "build_features") in night.noted
    assert ("begin", "train_propensity") not in night.noted and ("end", "enrich_persons") not in night.noted


def test_a_job_refused_a_part_lets_the_others_go_on_and_the_chain_ends_badly(night: Night, conf_folder: str) -> None:
    def refuse() -> None:
        partly = PartlyDoneError("One campaign was not cut.", Counts(3, 2))
        partly.outcome = Outcome("select_campaign", "r1", partly.done, 1.0, refused=str(partly))
        raise partly

    night.acts = {"select_campaign": refuse}
    outcomes = chain.run_chain(load("demo", [], conf_folder), AS_OF)
    assert [o.job for o in outcomes] == list(CHAIN) and ("end", "issue_statements") in night.noted
    with pytest.raises(PartlyDoneError, match="select_campaign: One campaign was not cut") as told:
        chain.told_at_the_end(outcomes)
    assert told.value.exit_code != 0
    chain.told_at_the_end([o for o in outcomes if not o.refused])


def void(_: object) -> None:
    """What a call gives, dropped."""
