"""Who may read what, as SQL generated from the contracts: nobody grants a table by hand; a new one is closed until a rule covers it.

Members hold no role at all: they see their own files and statements, never a table. Text only; the operator's deployment runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from appetence.contracts.base import REGISTRY, Personal, Table

_NAMING = {Personal.IDENTITY, Personal.CONTACT, Personal.LIFE, Personal.PSEUDONYM, Personal.PERMISSION}
_LISTS = ("privacy.suppression", "privacy.external_list", "privacy.erased_record")


@dataclass(frozen=True)
class Role:
    """A group of people or machines: what it may read, by rule, and whether it writes."""

    name: str
    what: str
    reads: Callable[[type[Table]], bool]
    is_writer: bool = False


def _is_public(table: type[Table]) -> bool:
    return table.schema == "reference"


def _names_nobody(table: type[Table]) -> bool:
    return not any(f.personal in _NAMING for f in table.content())


def _for_science(table: type[Table]) -> bool:
    models = table.owner in ("features", "propensity", "enrichment") and table.schema == "gold"
    return _is_public(table) or (models and _names_nobody(table))


def _for_campaigns(table: type[Table]) -> bool:
    return _is_public(table) or (table.schema == "gold" and table.owner in ("selection", "exchange") and table.full_name() != "gold.campaign_file")


def _for_audit(table: type[Table]) -> bool:
    return table.schema == "ops" or (table.schema == "privacy" and table.keeps_after_erasure is not None and table.full_name() not in _LISTS)


ROLES: tuple[Role, ...] = (
    Role("appetence_jobs", "the scheduled jobs: the only writer", lambda _: True, is_writer=True),
    Role("appetence_officer", "the data-protection officer: reads everything, writes nothing", lambda _: True),
    Role("appetence_science", "data scientists: features, scores, segments, models; no name, no coordinate, no permission", _for_science),
    Role("appetence_campaigns", "campaign teams: selections, decisions, counts, the register of exports; coordinates only in encrypted files",
         _for_campaigns),
    Role("appetence_audit", "auditors: runs, the audit trail, certificates and requests without coordinates", _for_audit),
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


def what_each_role_sees(registry: Mapping[str, type[Table]] = REGISTRY) -> str:
    """A Markdown page for people: each role and its tables."""
    parts = ["# Who may read what", ""]
    for role in ROLES:
        parts += [f"## {role.name}", "", f"{role.what[:1].upper()}{role.what[1:]}.", "", *(f"- {n}" for n in readable(role, registry)), ""]
    return "\n".join([*parts, "Members and clients read no table: they receive their own statements and files.", ""])
