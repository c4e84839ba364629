"""conf/jobs.yaml is the one list of jobs: job files, console commands and the library's entry points follow it."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from appetence.cli import jobs as entry_points
from appetence.pipeline import steps

ROOT = Path(__file__).resolve().parents[2]
PLAN = yaml.safe_load((ROOT / "conf/jobs.yaml").read_text(encoding="utf-8"))
JOBS = {job["name"]: job for job in PLAN["jobs"]}
FIELDS = {
    "name",
    "description",
    "chain",
    "depends_on",
    "schedule",
    "timeout_minutes",
    "max_retries",
    "max_concurrent_runs",
    "cluster",
    "secrets",
    "parameters",
}


def hour_and_minute(cron: str) -> tuple[int, int]:
    """When a Quartz expression starts, as (hour, minute)."""
    seconds, minute, hour, day, month, weekday = cron.split()
    assert seconds == "0" and month == "*"
    assert [day, weekday].count("?") == 1, f"{cron}: Quartz wants ? for exactly one of day and weekday"
    return int(hour), int(minute)


def test_each_job_says_everything_and_nothing_else() -> None:
    assert len(JOBS) == len(PLAN["jobs"]), "a job is listed twice"
    for name, job in JOBS.items():
        assert set(job) == FIELDS, name
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name)
        assert job["description"].endswith(".") and job["description"][0].isupper()
        assert job["cluster"] in PLAN["clusters"]
        assert job["timeout_minutes"] > 0 and job["max_retries"] >= 0
        assert job["max_concurrent_runs"] == 1, f"{name}: two runs of one job at once would write the same table"


def test_a_job_stands_below_what_it_depends_on() -> None:
    seen: set[str] = set()
    for name, job in JOBS.items():
        assert set(job["depends_on"]) <= seen, f"{name} depends on a job further down or unknown"
        seen.add(name)


def test_the_library_runs_the_same_jobs_in_the_same_order() -> None:
    assert tuple(name for name, job in JOBS.items() if job["chain"]) == steps.CHAIN
    assert {name for name, job in JOBS.items() if not job["chain"]} == set(steps.BESIDE)


def test_schedules_keep_clear_of_the_hours_that_repeat_and_of_yesterday_in_utc() -> None:
    for cron in [PLAN["workflow"]["schedule"], *(job["schedule"] for job in JOBS.values() if job["schedule"])]:
        assert (3, 0) <= hour_and_minute(cron) <= (23, 0), cron


def test_a_job_outside_the_chain_has_its_own_schedule_or_the_night_waits_for_it() -> None:
    awaited = {name for job in JOBS.values() if not job["schedule"] for name in job["depends_on"]}
    assert [name for name, job in JOBS.items() if not job["chain"] and not job["schedule"] and name not in awaited] == []


def _before(name: str) -> set[str]:
    """Every job that the plan lets end before this one, by name or through another."""
    direct = set(JOBS[name]["depends_on"])
    return direct.union(*(_before(d) for d in direct))


@pytest.mark.parametrize("name", JOBS)
def test_the_night_keeps_the_order_of_the_library(name: str) -> None:
    """What a job waits for in a chain it waits for at night too, unless that has days of its own."""
    needed = {n for n in steps.waits_for(name) if JOBS[n]["schedule"] is None} if JOBS[name]["schedule"] is None else set()
    assert needed <= _before(name), f"{name} may begin before {sorted(needed - _before(name))}"


def test_what_the_nightly_workflow_waits_for_is_in_it_or_earlier_the_same_day() -> None:
    starts = hour_and_minute(PLAN["workflow"]["schedule"])
    for job in JOBS.values():
        if job["schedule"] is None:
            crons = [JOBS[name]["schedule"] for name in job["depends_on"] if JOBS[name]["schedule"]]
            assert all(hour_and_minute(cron) < starts for cron in crons if cron.endswith("* * ?")), job["name"]


def test_there_is_one_file_for_each_job() -> None:
    assert {path.stem for path in (ROOT / "jobs").glob("*.py")} == set(JOBS)


@pytest.mark.parametrize("name", JOBS)
def test_a_job_file_is_short_explains_itself_and_only_starts_its_job(name: str) -> None:
    text = (ROOT / "jobs" / f"{name}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 30
    module = ast.parse(text)
    assert len(ast.get_docstring(module) or "") > 80
    docstring, imported, start = module.body
    assert ast.unparse(imported) == "from appetence.cli.jobs import main_for"
    assert isinstance(start, ast.If) and ast.unparse(start.test) == "__name__ == '__main__'"
    assert [ast.unparse(line) for line in start.body] == [f"raise SystemExit(main_for('{name}', description=__doc__))"]


def test_the_library_offers_one_entry_point_for_each_job() -> None:
    assert [name for name in JOBS if not callable(getattr(entry_points, name, None))] == []


@pytest.mark.parametrize("name", ["load_reference", "maintain_tables"])
def test_a_job_file_runs_from_a_checkout(name: str) -> None:
    """Its docstring is its help; a mistake is one sentence and a code other than zero."""
    command = [sys.executable, f"jobs/{name}.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "lib"), "COLUMNS": "200"}
    shown = subprocess.run([*command, "--help"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    docstring = ast.get_docstring(ast.parse((ROOT / command[1]).read_text(encoding="utf-8"))) or ""
    assert " ".join(docstring.split()) in " ".join(shown.stdout.split())
    wrong = [*command, "--env", "nowhere", "--as-of", "2026-10-31"]
    refused = subprocess.run(wrong, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert len(refused.stderr.splitlines()) == 1 and "nowhere" in refused.stderr
