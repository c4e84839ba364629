"""A run of which a part was refused fails, and what was done before stands in the audit trail and in the ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from appetence.errors import ConfigError, PartlyDoneError, RightsError
from appetence.pipeline import runner
from appetence.pipeline.context import Context, Counts
from appetence.runtime.config import load


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the runner writes, instead of tables."""
    found: list[Any] = []

    @contextmanager
    def nothing(*_: Any, **__: Any) -> Iterator[Any]:
        yield SimpleNamespace(log=SimpleNamespace(line=lambda *a, **k: None), lake=SimpleNamespace(changes={}), run_id="run-1")

    monkeypatch.setattr(runner, "held", nothing)
    monkeypatch.setattr(runner, "opened", nothing)
    monkeypatch.setattr(runner.table_state, "before_reading", lambda ctx: [])
    monkeypatch.setattr(runner.table_state, "note", lambda ctx: found.append("noted"))
    monkeypatch.setattr(runner.table_state, "_AT_WORK", set())
    monkeypatch.setattr(runner, "_audited", lambda ctx, counts: found.append(("audit", counts)) or counts)
    monkeypatch.setattr(runner, "_ledger", lambda ctx, job, counts, status, error, spent: found.append((status, counts, error)))
    return found


def _refusing(error: Exception) -> Any:
    def act(ctx: Context) -> Counts:
        raise error

    return lambda job: act


def test_what_was_done_before_a_refusal_is_audited_and_counted(seen: list[Any], monkeypatch: pytest.MonkeyPatch, conf_folder: str) -> None:
    done = Counts(10, 9, details={"audit": [{"action": "exported"}]})
    monkeypatch.setattr(runner, "step", _refusing(PartlyDoneError("One was refused.", done)))
    with pytest.raises(PartlyDoneError) as partly:
        runner.run_job(load("demo", [], conf_folder), "export_selection", dt.date(2026, 10, 31))
    assert seen == [("audit", done), ("failed", done, "One was refused."), "noted"]
    outcome = partly.value.outcome
    assert (outcome.job, outcome.run_id, outcome.refused) == ("export_selection", "run-1", "One was refused.")
    assert (outcome.counts.rows_in, outcome.counts.rows_out) == (10, 9)


def test_a_run_that_failed_whole_counts_nothing(seen: list[Any], monkeypatch: pytest.MonkeyPatch, conf_folder: str) -> None:
    monkeypatch.setattr(runner, "step", _refusing(ConfigError("Not so.")))
    with pytest.raises(ConfigError):
        runner.run_job(load("demo", [], conf_folder), "export_selection", dt.date(2026, 10, 31))
    assert seen == [("audit", Counts(0, 0)), ("failed", Counts(0, 0), "Not so."), "noted"]


def test_what_was_replayed_is_audited_whatever_becomes_of_the_run_and_a_lake_left_put_back_is_not_noted(
    seen: list[Any], monkeypatch: pytest.MonkeyPatch, conf_folder: str
) -> None:
    replayed = [{"action": "replayed"}]
    monkeypatch.setattr(runner.table_state, "before_reading", lambda ctx: replayed)
    monkeypatch.setattr(runner, "step", _refusing(ConfigError("Not so.")))
    with pytest.raises(ConfigError):
        runner.run_job(load("demo", [], conf_folder), "export_selection", dt.date(2026, 10, 31))
    assert seen[0] == ("audit", Counts(0, 0, details={"audit": replayed})) and seen[-1] == "noted"
    seen.clear()
    monkeypatch.setattr(runner.table_state, "before_reading", _refusing(RightsError("Put back."))("x"))
    with pytest.raises(RightsError):
        runner.run_job(load("demo", [], conf_folder), "export_selection", dt.date(2026, 10, 31))
    assert seen == [("audit", Counts(0, 0)), ("failed", Counts(0, 0), "Put back.")]


@pytest.mark.parametrize("fails_in", ["the step", "the trail", "the ledger", "the note", "nothing"])
def test_a_run_is_at_work_no_longer_than_it_runs(seen: list[Any], monkeypatch: pytest.MonkeyPatch, conf_folder: str, fails_in: str) -> None:
    """Whatever fails, the ledger of a failed run too: a later run of this process still removes files that came back."""
    at_work = runner.table_state._AT_WORK
    monkeypatch.setattr(runner.table_state, "before_reading", lambda ctx: at_work.add(ctx.run_id) or [])

    def breaks(where: str) -> Any:
        def act(*_: Any) -> Any:
            assert at_work == {"run-1"}, "while it runs it is"
            if fails_in == where:
                raise OSError(f"no space left for {where}")
            return Counts(0, 0) if where in ("the step", "the trail") else None

        return act

    for module, name, where in ((runner, "_audited", "the trail"), (runner, "_ledger", "the ledger"), (runner.table_state, "note", "the note")):
        monkeypatch.setattr(module, name, breaks(where))
    monkeypatch.setattr(runner, "step", lambda job: breaks("the step"))
    if fails_in == "nothing":
        runner.run_job(load("demo", [], conf_folder), "export_selection", dt.date(2026, 10, 31))
    else:
        with pytest.raises(OSError, match=fails_in):
            runner.run_job(load("demo", [], conf_folder), "export_selection", dt.date(2026, 10, 31))
    assert at_work == set()
