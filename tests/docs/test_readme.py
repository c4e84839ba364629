"""What README and the pages under docs/ promise exists: commands parse, targets and files are there, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from appetence.cli.arguments import add_job_arguments
from appetence.cli.main import parser
from appetence.cli.tables import dictionary, ordered
from appetence.contracts import REGISTRY
from appetence.features import catalogue

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def quoted(text: str) -> list[str]:
    """Every command line in fenced blocks and in code spans."""
    fenced = [line for block in re.findall(r"```(?:bash)?\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [c.split("  #")[0].strip() for c in [*fenced, *spans] if c.strip()]


def starting(word: str) -> list[str]:
    """The README's commands that start with a word."""
    return [c for c in quoted(README) if c.startswith(f"{word} ")]


@pytest.mark.parametrize("command", starting("appetence"))
def test_a_quoted_appetence_command_parses(command: str) -> None:
    assert parser().parse_args(shlex.split(command)[1:]).command


@pytest.mark.parametrize("command", starting("make"))
def test_a_quoted_make_target_exists(command: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    variables = set(re.findall(r"^([A-Z]+) \?=", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for word in shlex.split(command)[1:]:
        name, sign, _ = word.partition("=")
        assert name in (variables if sign else targets), f"{command}: {name} is not in the Makefile"


@pytest.mark.parametrize("command", starting("python"))
def test_a_quoted_job_file_exists_and_takes_the_arguments(command: str) -> None:
    import argparse

    script, *arguments = shlex.split(command)[1:]
    assert (ROOT / script).is_file()
    job = argparse.ArgumentParser()
    add_job_arguments(job)
    assert job.parse_args(arguments).as_of


def test_the_readme_quotes_commands_of_each_kind() -> None:
    assert starting("appetence") and starting("make") and starting("python")
    assert "make test" in quoted(README) and "make demo" in quoted(README)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target} is not there"


def test_the_tables_named_in_the_readme_exist() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", README, re.MULTILINE)
    assert {schema for schema, _ in rows} == {t.schema for t in REGISTRY.values()}
    for schema, tables in rows:
        for name in re.findall(r"`(\w+)`", tables):
            assert f"{schema}.{name}" in REGISTRY


def test_the_data_dictionary_is_what_the_contracts_say() -> None:
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert page.rstrip("\n") == dictionary(ordered()).rstrip("\n"), "a contract changed: run `make docs`"


def test_the_dictionary_of_inputs_is_what_the_list_says() -> None:
    page = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    assert page.rstrip("\n") == catalogue.dictionary().rstrip("\n"), "an input changed: run `make docs`"
    everything = catalogue.inputs(with_own=True)
    assert len({i.name for i in everything}) == len({i.meaning for i in everything}) == len(everything), "no two inputs say the same"
    said = {i.name: (i.grain, i.window, i.meaning) for i in everything}
    assert said["own_amount_90d"] == ("person", "90 days", "Cents spent or given less refunds, in the last 90 days, with the client.")
    assert said["foyer_decayed_events_90"][:2] == ("household", "half-life 90 days")


def test_every_job_of_the_chain_is_in_the_picture() -> None:
    from appetence.pipeline.steps import CHAIN

    picture = (ROOT / "docs" / "chain.svg").read_text(encoding="utf-8")
    assert [j for j in CHAIN if j not in picture] == ["load_reference"], "the picture starts with the deliveries"
