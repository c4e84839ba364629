"""The desk's and the auditor's commands: what they take, what they refuse before anything starts, and papers that need no session."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from appetence.cli import rights
from appetence.cli.main import main, parser
from appetence.pipeline import rights_desk


@pytest.mark.parametrize(
    "line",
    [
        "rights open a.yaml b.yaml --as-of 2026-10-31 --env demo",
        "rights list --overdue --json --as-of 2026-10-31",
        "rights show abc --as-of 2026-10-31",
        "rights decide abc --member m05 --refuse --reason invoices --as-of 2026-10-31",
        "rights decide abc --officer Martin --extend --reason many --as-of 2026-10-31",
        "rights decide abc --officer Martin --handed-over --as-of 2026-10-31",
        "rights decide abc --officer Martin --lift --reason settled --as-of 2026-10-31",
        "rights decide abc --client r_vad --done --as-of 2026-10-31",
        "rights replay --as-of 2026-10-31 --accept-loss",
        "audit grants --terraform",
        "rights execute --as-of 2026-10-31 --dry-run",
        "rights execute abc def --as-of 2026-10-31",
        "rights certify abc --as-of 2026-10-31",
        "audit verify --expect 12 --env demo",
        "audit trace --reference R1",
        "audit trace --all",
        "identity review --out doubtful.csv --limit 50 --band 2.5 --env demo",
        "identity decide doubtful.csv --env demo",
        "identity sample --size 50 --seed 3 out.csv --env demo",
        "identity estimate out.csv --json out.json",
        "run exit_member --option member=m05 --as-of 2026-10-31",
        "run match_deaths --as-of 2026-10-31",
    ],
)
def test_a_command_of_the_desk_parses(line: str) -> None:
    assert callable(parser().parse_args(line.split()).act)


@pytest.mark.parametrize(
    "line",
    [
        "rights decide abc --refuse --as-of 2026-10-31",
        "rights decide abc --member m05 --officer Martin --refuse --as-of 2026-10-31",
        "rights decide abc --member m05 --refuse --accept --as-of 2026-10-31",
        "rights list",
        "rights replay",
        "audit grants --terraform --roles",
        "audit trace",
        "audit trace --reference R1 --all",
        "identity review",
        "identity decide",
        "identity sample",
        "identity estimate",
    ],
)
def test_a_command_that_says_too_little_or_two_things_at_once_is_refused(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        parser().parse_args(line.split())
    assert refused.value.code == 2 and capsys.readouterr().err


def test_a_letter_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code = main(["rights", "open", str(tmp_path / "nothing.yaml"), "--as-of", "2026-10-31", "--env", "demo"])
    said = capsys.readouterr().err
    assert code == 10 and said == "appetence: nothing.yaml is no file: give YAML files, a folder of them, or - for standard input.\n"


def test_a_review_file_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["identity", "decide", str(tmp_path / "no.csv"), "--env", "demo"]) == 2
    assert capsys.readouterr().err.endswith("no.csv is no file: give a review file, as `appetence identity review` writes it.\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["register", "--as-of", "2026-10-31", "--env", "demo"], "# Record of processing activities"),
        (["impact", "--as-of", "2026-10-31", "--env", "demo"], "# Data-protection impact summary"),
        (["grants", "--catalog", "cat"], "GRANT USE CATALOG ON CATALOG `cat` TO `appetence_jobs`"),
        (["grants", "--roles"], "# Who may read what"),
    ],
)
def test_the_papers_are_printed_without_a_session(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *arguments]) == 0 and says in capsys.readouterr().out


@pytest.mark.parametrize(("part", "asked"), [("show", "shown"), ("certify", "certificate")])
def test_what_is_asked_of_one_request_is_printed_as_json(
    part: str, asked: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rights, "_desk", lambda args: nullcontext("the desk"))
    monkeypatch.setattr(rights_desk, asked, lambda ctx, request: {"of": request, "from": ctx, "by": asked})
    assert main(["rights", part, "abc", "--as-of", "2026-10-31"]) == 0
    assert json.loads(capsys.readouterr().out) == {"of": "abc", "from": "the desk", "by": asked}
