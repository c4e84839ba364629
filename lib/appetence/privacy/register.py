"""The record of processing (article 30), written from the contracts and the configuration: it cannot say less than what the tables hold."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping

from appetence.contracts.base import REGISTRY, Personal, Table
from appetence.contracts.settings import ProcessorSpec
from appetence.contracts.specs import LawSpec, MemberSpec, RecipientSpec

_EEA = set("AT BE BG HR CY CZ DE DK EE ES FI FR GR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split())  # noqa: SIM905  # readable
_KINDS = {
    Personal.IDENTITY: "names and civility", Personal.CONTACT: "addresses, e-mail, telephone",
    Personal.LIFE: "birth date, children, interests",
    Personal.BEHAVIOUR: "purchases and gifts", Personal.PERMISSION: "permissions and oppositions with their proof",
    Personal.PSEUDONYM: "numbers that stand for a person", Personal.DERIVED: "segments, features, scores and decisions",
}  # fmt: skip
_ACTIVITIES = {
    "exchange": "Receiving deliveries and handing over selections", "records": "Standardising",
    "identity": "Finding persons and households",
    "enrichment": "Adding public statistics and segments",
    "features": "Describing purchase behaviour at a date",
    "propensity": "Estimating who will buy or give", "selection": "Selecting, measuring and stating",
    "privacy": "Honouring rights, retention and suppression", "reference": "Who takes part and on which terms",
    "runtime": "Accounting for runs",
}  # fmt: skip


def unsafe_recipients(recipients: Iterable[RecipientSpec]) -> list[str]:
    """Ids of recipients outside the European Economic Area without a stated safeguard: nothing may be exported to them."""
    return sorted(r.recipient_id for r in recipients if r.country not in _EEA and not (r.safeguard or "").strip())


def unsafe_processors(processors: Iterable[ProcessorSpec]) -> list[str]:
    """Names of processors outside the European Economic Area without a stated safeguard."""
    return sorted(p.name for p in processors if p.country not in _EEA and not (p.safeguard or "").strip())


def register(
    members: Mapping[str, MemberSpec], recipients: Mapping[str, RecipientSpec], law: LawSpec, as_of: dt.date,
    processors: Iterable[ProcessorSpec] = (), registry: Mapping[str, type[Table]] = REGISTRY,
) -> str:  # fmt: skip
    """The register as Markdown, dated `as_of`."""
    kept = [f"- {n}: {t.keeps_after_erasure}" for n, t in sorted(registry.items()) if t.keeps_after_erasure]
    parts = [
        "# Record of processing activities (article 30-2)", "",
        f"As of {as_of.isoformat()}. The operator is a processor for its members.", "",
        "## Controllers on whose behalf data are processed", "", "| member | company | sector | programmes | country | retention |",
        "|---|---|---|---|---|---|", *(_member(m, law) for _, m in sorted(members.items())), "",
        "## Activities and categories of data", "", "| activity | categories | tables |", "|---|---|---|", *_activities(registry), "",
        "## Recipients", "", "| recipient | company | role | country | safeguard |", "|---|---|---|---|---|",
        *(_recipient(r) for _, r in sorted(recipients.items())), "",
        "## Further processors", "", *_processors(processors), "",
        "## What outlives an erasure", "", *kept, "",
        "## Security", "",
        "- Every file in and out is encrypted and signed (PGP); a file that fails a check is quarantined whole.",
        "- Each member has ids of its own, keyed; the operator's ids leave in no file.",
        "- Suppressed coordinates are kept as keyed hashes only; keys are references, resolved at run time.",
        "- Rights of reading are generated from the contracts; the audit trail is chained by hash.", "",
    ]  # fmt: skip
    lacking = unsafe_processors(processors)
    if lacking:
        parts += [f"**{', '.join(lacking)}: outside the EEA and without a safeguard. State it under privacy.processors, or end the processing.**", ""]
    unsafe = unsafe_recipients(recipients.values())
    if unsafe:
        parts += [f"**No export is allowed to {', '.join(unsafe)}: outside the EEA and without a safeguard.**", ""]
    return "\n".join(parts)


def _member(member: MemberSpec, law: LawSpec) -> str:
    months = sorted({i.retention_months for i in member.instructions}) or [law.default_retention_months]
    kept = f"{months[0]} months after the last transaction"
    return f"| {member.member_id} | {member.label} | {member.sector} | {', '.join(member.programmes)} | {member.country} | {kept} |"


def _recipient(recipient: RecipientSpec) -> str:
    inside = "inside the EEA" if recipient.country in _EEA else "MISSING"
    return f"| {recipient.recipient_id} | {recipient.label} | {recipient.role} | {recipient.country} | {recipient.safeguard or inside} |"


def _processors(processors: Iterable[ProcessorSpec]) -> list[str]:
    listed = sorted(processors, key=lambda p: p.name)
    if not listed:
        return ["None is configured (privacy.processors): the operator works on its own machines."]
    lines = [f"| {p.name} | {p.what} | {p.country} | {p.safeguard or ('inside the EEA' if p.country in _EEA else 'MISSING')} |" for p in listed]
    return ["| processor | what for | country | safeguard |", "|---|---|---|---|", *lines]


def _activities(registry: Mapping[str, type[Table]]) -> list[str]:
    kinds: dict[str, set[Personal]] = defaultdict(set)
    tables: dict[str, list[str]] = defaultdict(list)
    for name, table in sorted(registry.items()):
        tagged = {f.personal for f in table.personal_fields() if f.personal}
        if tagged:
            kinds[table.owner] |= tagged
            tables[table.owner].append(name)
    return [
        f"| {_ACTIVITIES.get(owner, owner)} | {'; '.join(_KINDS[k] for k in Personal if k in kinds[owner])} | {', '.join(tables[owner])} |"
        for owner in sorted(tables)
    ]
