"""The data-protection officer's page: requests and their deadlines, erasures and their proof, retention, suppressions, the audit trail."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appetence.contracts.campaign import Export
from appetence.contracts.privacy import ErasureCertificate, RetentionRun, RightsDecision, RightsRequest, RightsTask, Run, Suppression
from appetence.reporting import charts, numbers, words
from appetence.reporting.parts import Cell, Fact, Page, Part, Picture, Section, Sheet, Words

OFFICER_FILE = "officer.html"
JOBS = ("handle_rights", "import_suppressions", "match_deaths", "enforce_retention", "exit_member", "maintain_tables")
SOON_DAYS = 7
LATEST = 30
N = "n"

_WAITING = ("open", "parked")
_STATES: dict[str, str] = {"open": "waiting", "parked": "parked", "refused": "refused", "executed": "done"}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Trail:
    """The audit trail as verified when the page was made; `fault` is the sentence of what is wrong with it."""

    links: int
    last_hash: str
    anchors: int
    fault: str | None = None


@dataclass(frozen=True)
class OfficerRows:
    """Rows of the registers, and counts: suppressions by scope, source and kind, deaths by certainty."""

    as_of: dt.date
    source: str
    requests: Sequence[Row]
    tasks: Sequence[Row]
    decisions: Sequence[Row]
    certificates: Sequence[Row]
    retention: Sequence[Row]
    suppressions: Sequence[Row]
    deaths: Mapping[str, int]
    limited: int
    erased: int
    exports: Sequence[Row]
    runs: Sequence[Row]
    trail: Trail
    member_labels: Mapping[str, str] = field(default_factory=dict)


def build_officer(found: OfficerRows) -> Page:
    """The page `officer.html`. No person, no coordinate: ids of requests, counts and days."""
    waiting = [q for q in found.requests if q[RightsRequest.state] in _WAITING]
    late = [q for q in waiting if q[RightsRequest.due_on] < found.as_of]
    soon = [q for q in waiting if 0 <= (q[RightsRequest.due_on] - found.as_of).days <= SOON_DAYS]
    return Page(
        title="Rights, retention and proof",
        subtitle="For the data-protection officer. Requests are shown by their opaque id; the command “appetence rights show ID” says more of one.",
        facts=[
            Fact("Requests waiting", numbers.count(len(waiting)), f"{numbers.count(len(soon))} due within {SOON_DAYS} days"),
            Fact("Past their deadline", numbers.count(len(late)), "answer them now" if late else "none"),
            Fact("Traces left", numbers.count(_traces(found.certificates)), "byte matches the erasures' scans still found"),
            Fact("Suppressed", numbers.count(sum(s[N] for s in found.suppressions)), "keyed coordinates, never readable"),
            Fact("Audit trail", "broken" if found.trail.fault else "whole", f"{numbers.count(found.trail.links)} links"),
        ],
        sections=[
            Section("Requests and deadlines", "One calendar month from receipt; three when the person was told within the first.", _requests(found)),
            Section("Controllers still to act", "Tasks of members and clients that nobody has reported done.", [_tasks(found)]),
            Section("Erasures and their proof", "One certificate a run: what left each table, the files destroyed, and what the scan of every byte "
                    "found afterwards.", [_certificates(found)]),
            Section("Retention", "Each member's own rule, the latest run of each member. A dry run counts and deletes nothing.", [_retention(found)]),
            Section("Suppression list", "By whom it was brought and whom it stops. One person has several keys.", _suppressions(found)),
            Section("Copies handed over", "Files whose day of destruction has passed and that our side still holds.", [_exports(found)]),
            Section("Audit trail", "Each link carries the hash of the one before; each run's ledger vouches for the last.", [_trail(found.trail)]),
            Section("Jobs of this desk", "The latest run of each.", [_runs(found.runs)]),
        ],
        source=found.source,
    )  # fmt: skip


def _traces(certificates: Sequence[Row]) -> int:
    """Findings per certificate are repeated in each of its rows."""
    by_run = {c[ErasureCertificate.certificate_id]: max(0, c[ErasureCertificate.scan_findings]) for c in certificates}
    return sum(by_run.values())


def _requests(found: OfficerRows) -> list[Part]:
    decided: dict[str, list[str]] = defaultdict(list)
    for d in found.decisions:
        decided[d[RightsDecision.request_id]].append(f"{d[RightsDecision.decider].replace(':', ' ')}: {d[RightsDecision.decision]}")
    ordered = sorted(found.requests, key=lambda q: (q[RightsRequest.state] not in _WAITING, q[RightsRequest.due_on], q[RightsRequest.request_id]))
    rows: list[list[Cell]] = [
        [
            q[RightsRequest.request_id][:12], words.readable(q[RightsRequest.right]), q[RightsRequest.received_through].replace(":", " "),
            str(q[RightsRequest.received_on]), str(q[RightsRequest.due_on]), _left(q, found.as_of),
            str(_STATES.get(q[RightsRequest.state], q[RightsRequest.state])),
            "; ".join([*filter(None, [q[RightsRequest.state_reason]]), *sorted(decided[q[RightsRequest.request_id]])]) or numbers.NOTHING,
        ]
        for q in ordered[:LATEST]
    ]  # fmt: skip
    more = f"The first {LATEST} of {numbers.count(len(ordered))}; “appetence rights list” shows all." if len(ordered) > LATEST else ""
    columns = ["Request", "Right", "Through", "Received", "Due", "Days left", "State", "Reason and decisions"]
    sheet = Sheet(columns, rows, (5,), more if rows else "No request has been received.", asides=(2, 3))
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for q in found.requests:
        counts[q[RightsRequest.right]][q[RightsRequest.state]] += 1
    return [_by_right(counts), sheet] if counts else [sheet]


def _by_right(counts: Mapping[str, Mapping[str, int]]) -> Picture:
    rights = sorted(counts)
    series = [(_STATES[s], [counts[right].get(s, 0) for right in rights]) for s in ("executed", "open", "parked", "refused")]
    held = [(label, values) for label, values in series if any(values)]
    says = "; ".join(f"{right}: " + words.listed(f"{n} {_STATES.get(s, s)}" for s, n in sorted(counts[right].items())) for right in rights)
    return Picture("Requests by right", lambda narrow: charts.bars([words.readable(x) for x in rights], held, unit="requests", narrow=narrow), says)


def _left(request: Row, as_of: dt.date) -> str:
    if request[RightsRequest.state] not in _WAITING:
        return numbers.NOTHING
    days = (request[RightsRequest.due_on] - as_of).days
    return numbers.count(days) if days >= 0 else f"late by {-days}"


def _tasks(found: OfficerRows) -> Sheet:
    waiting = [t for t in found.tasks if t[RightsTask.state] == "open"]
    by_controller: dict[tuple[str, str], list[dt.date]] = defaultdict(list)
    for task in waiting:
        by_controller[task[RightsTask.controller_role], task[RightsTask.controller_id]].append(task[RightsTask.due_on])
    rows: list[list[Cell]] = [
        [found.member_labels.get(who, who), role, numbers.count(len(days)), str(min(days)), numbers.count(sum(d < found.as_of for d in days))]
        for (role, who), days in sorted(by_controller.items())
    ]
    return Sheet(["Controller", "As", "Tasks", "Next due", "Late"], rows, (2, 4), "" if rows else "Nobody has anything left to do.")


def _certificates(found: OfficerRows) -> Sheet:
    by_run: dict[str, list[Row]] = defaultdict(list)
    for c in found.certificates:
        by_run[c[ErasureCertificate.certificate_id]].append(c)
    runs = sorted(by_run.values(), key=lambda rows: (rows[0][ErasureCertificate.certified_on], rows[0][ErasureCertificate.certificate_id]))
    rows: list[list[Cell]] = [
        [
            str(of_run[0][ErasureCertificate.certified_on]), words.readable(of_run[0][ErasureCertificate.cause]),
            numbers.count(len(of_run[0][ErasureCertificate.request_ids])),
            numbers.count(sum(c[ErasureCertificate.rows_purged] for c in of_run)),
            numbers.count(sum(c[ErasureCertificate.rows_purged] > 0 for c in of_run)),
            numbers.count(sum(c[ErasureCertificate.files_removed] for c in of_run)),
            _scanned(of_run[0][ErasureCertificate.scan_findings]), of_run[0][ErasureCertificate.certificate_id][:12],
        ]
        for of_run in runs[-LATEST:]
    ]  # fmt: skip
    columns = ["Day", "Cause", "Requests", "Rows", "Tables", "Files", "Scan", "Certificate"]
    return Sheet(columns, rows, (2, 3, 4, 5), "" if rows else "Nothing has been erased yet.", asides=(7,))


def _scanned(findings: int) -> str:
    return "not on this store" if findings < 0 else "nothing left" if findings == 0 else f"{findings} traces"


def _retention(found: OfficerRows) -> Sheet:
    latest: dict[str, Row] = {}
    for r in sorted(found.retention, key=lambda r: r[RetentionRun.as_of]):
        latest[r[RetentionRun.member_id]] = r
    rows: list[list[Cell]] = [
        [
            found.member_labels.get(member, member), str(r[RetentionRun.as_of]), f"{r[RetentionRun.retention_months]} months",
            str(r[RetentionRun.limit_on]), numbers.count(r[RetentionRun.records_examined]), numbers.count(r[RetentionRun.records_expired]),
            "counted only" if r[RetentionRun.is_dry_run] else "erased",
        ]
        for member, r in sorted(latest.items())
    ]  # fmt: skip
    rows += _counted_since(found, max((r[RetentionRun.as_of] for r in latest.values()), default=dt.date.min))
    columns = ["Member", "Run of", "Rule", "Past before", "Records", "Past their time", "What was done"]
    return Sheet(columns, rows, (4, 5), "" if rows else "Retention has not run yet.", asides=(3,))


def _counted_since(found: OfficerRows, day: dt.date) -> list[list[Cell]]:
    """What the newest dry run after that day counted: it writes no table, so its counts stand in the ledger of runs alone."""
    dry = [r for r in found.runs if r[Run.job] == "enforce_retention" and r.get(Run.is_dry_run) and r[Run.as_of] > day and r.get(Run.details)]
    if not dry:
        return []
    newest = max(dry, key=lambda r: (r[Run.as_of], r[Run.started_at]))
    expired = json.loads(newest[Run.details]).get("expired", {})
    return [
        [found.member_labels.get(member, member), str(newest[Run.as_of]), "—", "—", "—", numbers.count(count), "counted only"]
        for member, count in sorted(expired.items())
    ]


def _suppressions(found: OfficerRows) -> list[Part]:
    rows: list[list[Cell]] = [
        ["everybody" if s[Suppression.scope] == "global" else s[Suppression.scope], s[Suppression.source],
         words.readable(s[Suppression.kind]), numbers.count(s[N]), str(s["newest"])]
        for s in sorted(found.suppressions, key=lambda s: (s[Suppression.scope], s[Suppression.source], s[Suppression.kind]))
    ]  # fmt: skip
    sheet = Sheet(["Stops", "Brought by", "Coordinate", "Keys", "Newest"], rows, (3,), "" if rows else "Nobody is on the list.")
    also = Words(
        [
            f"{numbers.count(found.limited)} records are frozen by a limitation.",
            f"{numbers.count(found.erased)} records erased at their person's request are refused when they are delivered again.",
            f"Official list of the deceased: {numbers.count(found.deaths.get('certain', 0))} persons closed for certain, "
            f"{numbers.count(found.deaths.get('probable', 0))} set aside as probable.",
        ],
        is_list=True,
    )
    return [sheet, also]


def _exports(found: OfficerRows) -> Sheet:
    due = [e for e in found.exports if e[Export.destroyed_on] is None and e[Export.destroy_by] < found.as_of]
    rows: list[list[Cell]] = [
        [e[Export.campaign_id], e[Export.recipient_id], e[Export.channel], str(e[Export.exported_on]), str(e[Export.destroy_by])]
        for e in sorted(due, key=lambda e: (e[Export.destroy_by], e[Export.export_id]))
    ]
    note = "" if rows else f"None: {numbers.count(len(found.exports))} files were handed over, each destroyed here by its day or not due yet."
    return Sheet(["Campaign", "Recipient", "Channel", "Exported", "To be destroyed by"], rows, (), note)


def _trail(trail: Trail) -> Words:
    if trail.fault:
        return Words([trail.fault])
    return Words(
        [
            f"{numbers.count(trail.links)} links hold, and {numbers.count(trail.anchors)} runs vouch for them.",
            f"The last hash is {trail.last_hash}. Note it elsewhere: “appetence audit verify --expect {trail.links}” fails once a link is gone.",
        ],
        is_list=True,
    )


def _runs(runs: Sequence[Row]) -> Sheet:
    latest: dict[str, Row] = {}
    for r in sorted((r for r in runs if r[Run.job] in JOBS), key=lambda r: r[Run.started_at]):
        latest[r[Run.job]] = r
    rows: list[list[Cell]] = [
        [words.readable(job), str(r[Run.as_of]), _ended(r),
         numbers.count(r[Run.rows_in]), numbers.count(r[Run.rows_out]), numbers.duration(r[Run.seconds])]
        for job, r in sorted(latest.items(), key=lambda entry: JOBS.index(entry[0]))
    ]  # fmt: skip
    return Sheet(["Job", "As of", "State", "Rows in", "Rows out", "Time"], rows, (3, 4, 5), "" if rows else "None has run yet.")


def _ended(run: Row) -> str:
    says = f"failed: {run[Run.error]}" if run[Run.error] else str(run[Run.status])
    return f"dry run, {says}" if run[Run.is_dry_run] else says
