"""Who may read what, generated from the contracts as SQL and as Terraform: nobody grants a table by hand; a new one is closed until a rule
covers it.

Members hold no role at all: they see their own files and statements, never a table. Text only; the operator's deployment runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from appetence.contracts.base import REGISTRY, Personal, Table

_NAMING = {Personal.IDENTITY, Personal.CONTACT, Personal.LIFE, Personal.PSEUDONYM, Personal.PERMISSION}
_MODELS_OF_IDENTITY = ("identity.candidate_statistic", "identity.match_model")
"""What says how records are compared, and nothing of any record."""
_NOT_FOR_CAMPAIGNS = ("gold.campaign_file", "gold.export_line", "gold.feedback")
"""A client's own file; what leads from a printed reference back to a person."""
_SCORES = ("gold.gains_tier", "gold.model_card", "gold.score")
"""What campaign teams rank by, under opaque ids."""
_LISTS = ("privacy.suppression", "privacy.external_list", "privacy.erased_record")


@dataclass(frozen=True)
class Role:
    """A group of people or machines: what it may read, by rule, and whether it writes. `group` names it in infra/terraform."""

    name: str
    group: str
    what: str
    reads: Callable[[type[Table]], bool]
    is_writer: bool = False

    @property
    def reads_whole_schemas(self) -> bool:
        """Only who may read everything gets a schema as such: a table that is new in it is then open too."""
        return all(self.reads(table) for table in REGISTRY.values())


def _is_public(table: type[Table]) -> bool:
    return table.schema == "reference"


def _names_nobody(table: type[Table]) -> bool:
    return not any(f.personal in _NAMING for f in table.content())


def _for_science(table: type[Table]) -> bool:
    models = table.owner in ("features", "propensity", "enrichment") and table.schema == "gold"
    return _is_public(table) or (models and _names_nobody(table)) or table.full_name() in _MODELS_OF_IDENTITY


def _for_campaigns(table: type[Table]) -> bool:
    theirs = table.schema == "gold" and table.owner in ("selection", "exchange") and table.full_name() not in _NOT_FOR_CAMPAIGNS
    return _is_public(table) or theirs or table.full_name() in _SCORES


def _for_audit(table: type[Table]) -> bool:
    return table.schema == "ops" or (table.schema == "privacy" and table.keeps_after_erasure is not None and table.full_name() not in _LISTS)


ROLES: tuple[Role, ...] = (
    Role("appetence_jobs", "jobs", "the scheduled jobs: the only writer", lambda _: True, is_writer=True),
    Role("appetence_officer", "officer", "the data-protection officer: reads everything, writes nothing", lambda _: True),
    Role("appetence_science", "data_scientists", "data scientists: features, scores, segments, models; no name, no coordinate, no permission",
         _for_science),
    Role("appetence_campaigns", "campaign_teams",
         "campaign teams: scores, selections, decisions, counts, the register of exports; coordinates only in encrypted files", _for_campaigns),
    Role("appetence_audit", "auditors", "auditors: runs, the audit trail, certificates and requests without coordinates", _for_audit),
    Role("appetence_agents", "commercial_agents", "commercial agents: no table; they are given masked counts", lambda _: False),
)  # fmt: skip


def readable(role: Role, registry: Mapping[str, type[Table]] = REGISTRY) -> list[str]:
    """Full names of the tables a role may read."""
    return [name for name, table in sorted(registry.items()) if role.reads(table)]


def statements(catalog: str, registry: Mapping[str, type[Table]] = REGISTRY) -> list[str]:
    """GRANT statements of all roles for a catalog, in order; what is not granted here is not allowed.

    >>> statements("appetence")[0]
    'GRANT USE CATALOG ON CATALOG `appetence` TO `appetence_jobs`'
    """
    made: list[str] = []
    for role in ROLES:
        names = readable(role, registry)
        if not names:
            continue
        made.append(f"GRANT USE CATALOG ON CATALOG `{catalog}` TO `{role.name}`")
        for schema in sorted({name.split(".")[0] for name in names}):
            made.append(f"GRANT USE SCHEMA ON SCHEMA `{catalog}`.`{schema}` TO `{role.name}`")
            if role.is_writer:
                made.append(f"GRANT CREATE TABLE ON SCHEMA `{catalog}`.`{schema}` TO `{role.name}`")
        for name in names:
            schema, table = name.split(".")
            rights = "SELECT, MODIFY" if role.is_writer else "SELECT"
            made.append(f"GRANT {rights} ON TABLE `{catalog}`.`{schema}`.`{table}` TO `{role.name}`")
    return made


def as_sql(catalog: str) -> str:
    """All statements as one script."""
    return ";\n".join(statements(catalog)) + ";\n"


def as_terraform(registry: Mapping[str, type[Table]] = REGISTRY) -> str:
    """`infra/terraform/readers.tf`: the same rules for the groups that Terraform knows; the jobs' own rights stand in grants.tf."""
    schemas = sorted({t.schema for t in registry.values()})
    whole, single = ["  schema_readers = {"], ["  table_readers = {"]
    for role in (r for r in ROLES if not r.is_writer):
        names = readable(role, registry)
        all_of = [s for s in schemas if all(n in names for n, t in registry.items() if t.schema == s)] if role.reads_whole_schemas else []
        whole += _block(role.group, all_of) if all_of else []
        single += _block(role.group, [n for n in names if n.split(".")[0] not in all_of])
    return "\n".join([_GENERATED, "", "locals {", "  # role -> schemas it may read whole", *whole, "  }", "",
                      "  # role -> further tables it may read", *single, "  }", "}", ""])  # fmt: skip


_GENERATED = "# Made by `appetence audit grants --terraform` from the contracts and privacy/grants.py: change those, and run `make docs`."


def _block(group: str, names: list[str]) -> list[str]:
    return [f"    {group} = [", *(f'      "{n}",' for n in names), "    ]"] if names else [f"    {group} = []"]


def what_each_role_sees(registry: Mapping[str, type[Table]] = REGISTRY) -> str:
    """A Markdown page for people: each role and its tables."""
    parts = ["# Who may read what", ""]
    for role in ROLES:
        parts += [f"## {role.name}", "", f"{role.what[:1].upper()}{role.what[1:]}.", "", *(f"- {n}" for n in readable(role, registry)), ""]
    return "\n".join([*parts, "Members and clients read no table: they receive their own statements and files.", ""])
