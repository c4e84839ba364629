"""The data-protection impact summary (article 35-7), written from contracts, configuration and settings: it cannot promise what they lack."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping

from appetence.contracts.base import REGISTRY, Personal, Table
from appetence.contracts.settings import PropensitySettings, SelectionSettings
from appetence.contracts.specs import LawSpec, MemberSpec, RecipientSpec
from appetence.privacy.erasure import plan
from appetence.privacy.grants import ROLES, readable
from appetence.privacy.register import unsafe_recipients

_READABLE = (Personal.IDENTITY, Personal.CONTACT)


def impact_summary(
    members: Mapping[str, MemberSpec], recipients: Mapping[str, RecipientSpec], law: LawSpec, selection: SelectionSettings,
    propensity: PropensitySettings, as_of: dt.date, registry: Mapping[str, type[Table]] = REGISTRY,
) -> str:  # fmt: skip
    """The summary as Markdown, dated `as_of`: what is processed, why it is needed, what could go wrong, what stands against it."""
    kinds = Counter(f.personal for t in registry.values() for f in t.personal_fields())
    active = [m for m in members.values() if m.is_active]
    months = sorted({i.retention_months for m in active for i in m.instructions} | {law.default_retention_months})
    return "\n".join(
        [
            "# Data-protection impact summary", "",
            f"As of {as_of.isoformat()}, over {len(registry)} tables, {len(active)} members and {len(recipients)} recipients. It is generated; the "
            "opinion of the officer and of the members is added by hand.", "",
            "## What is processed", "", "| kind of data | columns |", "|---|---|",
            *(f"| {kind} | {kinds[kind]} |" for kind in Personal if kinds[kind]), "",
            f"Kept {' or '.join(map(str, months))} months after the last transaction with the member that supplied it, each contribution by its own "
            "member's rule.", "",
            "## Why it is needed and how far it goes", "",
            f"- Rules of law are a table of {len(law.rules)} lines read at the drop date; unknown means no.",
            f"- A prospect is offered only when several members supply the person; sectors fed by fewer than {propensity.min_sector_members} members "
            "are merged.",
            f"- Nobody under {selection.minimum_age} is described, scored or selected.",
            "- Scores rank the chance of a purchase or gift; no legal effect rests on them; origin, religion and health are not inferred.",
            "", "## What could go wrong, and what stands against it", "", "| risk | measure | where it shows |", "|---|---|---|",
            *_risks(registry), "",
            "## Open points", "", *_open_points(members, recipients, as_of), "",
        ]
    )  # fmt: skip


def _risks(registry: Mapping[str, type[Table]]) -> list[str]:
    reached = len({t.table for t in plan(registry)})
    seeing = [r.name for r in ROLES if not r.is_writer and any(_holds_readable(registry[n]) for n in readable(r, registry))]
    who = f"{', '.join(seeing)} and the jobs" if seeing else "the jobs alone"
    return [
        f"| somebody reads what is not theirs | grants generated from the contracts: names and coordinates are read by {who} | "
        "`appetence audit grants` |",
        "| two members' files are tied together | each member has its own keyed ids; no global id leaves | `identity.member_person` |",
        "| a person is contacted against their will | suppression by keyed hashes, at selection and again at export | `gold.waterfall` |",
        f"| something outlives an erasure | {reached} tables are reached by id, old files removed, every byte scanned | "
        "`privacy.erasure_certificate` |",
        "| a file is lost on its way | each file in and out is encrypted and signed, destroyed by its day | `gold.export` |",
        "| the trail is rewritten | links chained by hash, vouched for by each run's ledger | `appetence audit verify` |",
    ]


def _holds_readable(table: type[Table]) -> bool:
    return any(f.personal in _READABLE for f in table.personal_fields())


def _open_points(members: Mapping[str, MemberSpec], recipients: Mapping[str, RecipientSpec], as_of: dt.date) -> list[str]:
    found = [
        f"- No export is allowed to {r}: outside the European Economic Area, without a safeguard." for r in unsafe_recipients(recipients.values())
    ]
    for name, member in sorted(members.items()):
        live = [i for i in member.instructions if i.valid_from <= as_of and (i.valid_to is None or as_of <= i.valid_to)]
        if member.is_active and not live:
            found.append(f"- {name} has no instruction that holds on this day: none of its data may be used.")
    return found or ["- None found by the generator."]
