"""The rights desk: request files come in, the person is found, every controller concerned gets its task, and what was asked is carried out.

A request file is taken once. What can be neither read nor allowed is refused and set aside with its reason; a doubt waits for the officer
and is looked at again each night; a request carried out leaves no file, because the file holds coordinates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.bronze import RawRecord
from appetence.contracts.domain import Right
from appetence.contracts.identity import PersonLink
from appetence.contracts.local import local_frame
from appetence.contracts.privacy import RightsDecision, RightsRequest
from appetence.contracts.silver import Record
from appetence.errors import PartlyDoneError, RightsError
from appetence.pipeline import rights_execution as execution
from appetence.pipeline import rights_tasks
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.erasing import SET_ASIDE
from appetence.pipeline.people import raw_lines, standardised
from appetence.pipeline.profiling import end_profiles
from appetence.pipeline.rights_answers import folder_of
from appetence.pipeline.rights_desk import clients_of, correctable, overdue
from appetence.pipeline.rights_suppression import suppress_found, suppress_stated
from appetence.privacy import decisions, matching, requests
from appetence.privacy import rights as r
from appetence.privacy.decisions import Decided
from appetence.privacy.destruction import destroy, write_private
from appetence.privacy.requests import Refusal, Request
from appetence.privacy.rights import Case

COPY_FIRST = "The person also asks for a copy: once it is handed over (`appetence rights decide` with --handed-over), the erasure follows."
RESUMED = "resumed"


@dataclass
class Intake:
    """What one night's files gave."""

    requests: list[Request] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    replays: list[Refusal] = field(default_factory=list)
    noted: list[Request] = field(default_factory=list)
    """Oppositions by persons of whom nothing is held: done once they are on the suppression list."""


@dataclass(frozen=True)
class Found:
    """The verdict per request, the member of every record found, and the candidates that were looked at."""

    verdicts: Mapping[str, matching.Identified]
    owners: Mapping[str, str]
    candidates: list[Mapping[str, Any]]


def run(ctx: Context) -> Counts:
    """Takes `<requests>/rights/*.yaml`; writes the privacy tables, answers under `<reports>/rights/`, and what each right changes.

    PartlyDoneError, once all that can be done is done, when requests are past their deadline: the night's alarm."""
    folder = Path(ctx.config.paths.requests) / "rights"
    answers = rights_tasks.take_answers(ctx)
    corrected = rights_tasks.close_corrected(ctx)
    known = {row[RightsRequest.request_id]: row for row in ctx.lake.read_or_empty(RightsRequest).collect()}
    decided = decisions_of(ctx)
    intake = read_requests(ctx, folder, {k: str(v[RightsRequest.state]) for k, v in known.items()}, decided)
    said = _said(ctx, intake.requests)
    found = _find(ctx, intake.requests, known, said)
    # Before doubts are settled: nobody waits for suppression. A request taken up again was listed in the run that opened it.
    fresh = [q for q in intake.requests if found.verdicts[q.request_id].reason != RESUMED]
    listed = suppress_stated(ctx, fresh, found.candidates, said)
    accepted, parked = _chosen(ctx, intake, *_settle(ctx, intake, known, decided, found, listed))
    waits = rights_tasks.divided(ctx, accepted)
    cases = waits.ready
    waiting = [r.refusal_row(refusal, ctx.as_of) for refusal in intake.refusals] + parked + waits.rows
    ctx.progress(
        f"{len(cases)} requests to carry out, {len(waits.later)} wait for members, {len(parked)} parked, "
        f"{len(intake.refusals) + len(intake.replays)} refused"
    )
    opened = [r.request_row(c.request, r.OPEN, None, c.found) for c in cases]
    if waiting or opened:
        ctx.lake.upsert_rows(RightsRequest, waiting + opened)
    rights_tasks.tell_controllers(ctx, waits)
    suppress_found(ctx, waits.later, said)
    done = execution.execute(ctx, cases, said) if cases else {}
    done |= {q.request_id: str(q.spec.right) for q in intake.noted}
    objectors = end_profiles(ctx)
    if not ctx.dry_run:
        destroy(folder / q.file for q in [*(c.request for c in cases), *intake.noted] if q.request_id in done)
        for refusal in [*intake.refusals, *intake.replays]:
            _set_aside(folder, refusal)
    told = {"waiting_for_members": len(waits.later), "answers": answers[0], "answers_refused": len(answers[1]), "corrected_at_source": corrected}
    counts = _counts(intake, parked, done, len(overdue(ctx)), objectors)
    details = {**counts.details, **told, "reasons": [*counts.details["reasons"], *answers[1], *(w[RightsRequest.state_reason] for w in waits.rows)]}
    return _raised(ctx, replace(counts, details=details))


def decisions_of(ctx: Context) -> dict[str, Decided]:
    """What was decided so far, by request."""
    return decisions.fold(row.asDict() for row in ctx.lake.read_or_empty(RightsDecision).collect())


def read_requests(ctx: Context, folder: Path, states: Mapping[str, str], decided: Mapping[str, Decided]) -> Intake:
    """Every file of the folder as a request or a refusal. `states`: what became of the requests already known."""
    key = ctx.request_key()
    clients, columns = clients_of(ctx), correctable()
    intake, seen = Intake(), dict(states)
    for file in sorted(folder.glob("*.yaml")):
        content = file.read_bytes()
        identifier, spec = requests.request_id(content, key), None
        try:
            spec = requests.parse(content, file.name, key)
            identifier = requests.request_id(requests.digest(spec), key)
            if seen.get(identifier) in r.FINAL or seen.get(identifier) == "tonight":
                says = f"{file.name}: this request was dealt with already; a new one states a new day of receipt."
                intake.replays.append(Refusal(identifier, file.name, says))
                continue
            requests.validate(spec, file.name, as_of=ctx.as_of, members=ctx.config.members, clients=clients, columns=columns)
            of_this = decided.get(identifier, decisions.NOTHING)
            if of_this.refusal:
                raise RightsError(f"{file.name}: the officer refused it: {of_this.refusal}")
            seen[identifier] = "tonight"
            intake.requests.append(Request(identifier, file.name, spec, of_this))
        except RightsError as refused:
            intake.refusals.append(_refusal(identifier, file.name, str(refused), spec))
    return intake


def _refusal(identifier: str, file: str, reason: str, spec: requests.RequestSpec | None) -> Refusal:
    if spec is None:
        return Refusal(identifier, file, reason)
    return Refusal(identifier, file, reason, str(spec.right), spec.received_through, spec.received_on)


def _chosen(ctx: Context, intake: Intake, cases: list[Case], waiting: list[dict[str, Any]]) -> tuple[list[Case], list[dict[str, Any]]]:
    """Only the requests this run was asked for (`--option requests=ID,ID`), judged beside all that wait; all of them otherwise."""
    asked = {i for i in ctx.options.get("requests", "").split(",") if i}
    if not asked:
        return cases, waiting
    there = {q.request_id for q in intake.requests} | {q.request_id for q in [*intake.refusals, *intake.replays]}
    if asked - there:
        raise RightsError(f"No request {sorted(asked - there)[0]} waits to be carried out: see `appetence rights list`.")
    intake.refusals[:] = [q for q in intake.refusals if q.request_id in asked]
    intake.replays[:] = [q for q in intake.replays if q.request_id in asked]
    intake.noted[:] = [q for q in intake.noted if q.request_id in asked]
    return [c for c in cases if c.request.request_id in asked], [w for w in waiting if w[RightsRequest.request_id] in asked]


def _settle(
    ctx: Context, intake: Intake, known: Mapping[str, Any], decided: Mapping[str, Decided], found: Found, listed: Collection[str]
) -> tuple[list[Case], list[dict[str, Any]]]:  # fmt: skip
    """Requests that can be carried out, and the rows of those that an officer must settle or that nobody is known for."""
    cases: list[Case] = []
    waiting: list[dict[str, Any]] = []
    owners = found.owners
    for request in intake.requests:
        verdict = found.verdicts[request.request_id]
        if verdict.outcome == "unknown":
            waiting.append(_unknown(ctx, intake, request, verdict.reason, is_listed=request.request_id in listed))
            continue
        records, lacking = _records_of(verdict, owners, request)
        if lacking:
            waiting.append(r.request_row(request, r.PARKED, lacking))
            continue
        heard = rights_tasks.with_silence(ctx, request, records, owners)
        spared = {record: owners[record] for record in records if owners[record] in heard.decided.refusing}
        kept = tuple(record for record in records if record not in spared)
        if not kept:
            says = "; ".join(f"{member}: {heard.decided.refusing[member]}" for member in sorted(set(spared.values())))
            waiting.append(r.request_row(request, r.REFUSED, f"Every member concerned refused: {says}"))
            intake.replays.append(Refusal(request.request_id, request.file, "Every member concerned refused."))
            continue
        narrowed = matching.Identified(request.request_id, "found", "", verdict.person_ids, kept, verdict.member_ids)
        cases.append(Case(heard, narrowed, {record: owners[record] for record in kept}, spared))
    copies = [q for q in requests.waiting_copies(known.values(), decided, ctx.as_of) if folder_of(ctx, q[RightsRequest.request_id]).exists()]
    reasons = _conflicts(cases, known, copies)
    waiting += [r.request_row(c.request, r.PARKED, reasons[c.request.request_id]) for c in cases if c.request.request_id in reasons]
    return [c for c in cases if c.request.request_id not in reasons], waiting


def _unknown(ctx: Context, intake: Intake, request: Request, reason: str, *, is_listed: bool) -> dict[str, Any]:
    """The row of a request of whose person nothing is held. An opposition takes effect all the same, ahead of what may be delivered."""
    if is_listed and request.spec.right == Right.OPPOSITION:
        intake.noted.append(request)
        return r.request_row(request, r.EXECUTED, r.AHEAD, executed_on=ctx.as_of)
    says = f"{reason} They are on the suppression list." if is_listed else reason
    intake.replays.append(Refusal(request.request_id, request.file, says))
    return r.request_row(request, r.REFUSED, says)


def _records_of(verdict: matching.Identified, owners: Mapping[str, str], request: Request) -> tuple[tuple[str, ...], str | None]:
    """The records a request concerns, or why it waits. One taken up again keeps those noted when it was opened."""
    if verdict.outcome != "found":
        return (), verdict.reason
    return (verdict.record_ids, None) if verdict.reason == RESUMED else r.scoped(verdict, owners, request.spec)


def _conflicts(cases: list[Case], known: Mapping[str, Any], copies: list[Mapping[str, Any]]) -> dict[str, str]:
    """Why some of tonight's cases wait: contradictions, and copies, made tonight or before, to be handed over before an erasure destroys them."""
    asked = [(c.request.request_id, person, c.request.spec.right) for c in cases if not c.request.spec.lift for person in c.subjects]
    open_rights: dict[str, set[Right]] = {}
    for row in known.values():
        if row[RightsRequest.state] == r.PARKED and row[RightsRequest.person_id] and row[RightsRequest.right] in set(Right):
            open_rights.setdefault(row[RightsRequest.person_id], set()).add(Right(row[RightsRequest.right]))
    reasons = requests.contradictions(asked, open_rights)
    answered = {p for _, p, right in asked if right in decisions.COPIES}
    erasures = {c.request.request_id: {*c.subjects, *c.found.record_ids} for c in cases if c.request.spec.right == Right.ERASURE}
    held_back = requests.held_back(erasures, copies)
    for identifier, subjects in erasures.items():
        if identifier in held_back or subjects & answered:
            reasons.setdefault(identifier, COPY_FIRST)
    return reasons


def _find(ctx: Context, asked: list[Request], known: Mapping[str, Any], said: DataFrame) -> Found:
    """Whose request each is. An erasure cut short goes on with the ids noted before it began."""
    resumed = {}
    for q in asked:
        row = known.get(q.request_id)
        if row and q.spec.right == Right.ERASURE and row[RightsRequest.state] == r.OPEN and row[RightsRequest.record_ids]:
            persons, records = filter(None, [row[RightsRequest.person_id]]), row[RightsRequest.record_ids]
            resumed[q.request_id] = matching.Identified(q.request_id, "found", RESUMED, tuple(persons), tuple(records))
    fresh = [q for q in asked if q.request_id not in resumed]
    candidates = _candidates(ctx, said.where(F.col(matching.REQUEST_ID).isin([q.request_id for q in fresh]))) if fresh else []
    verdicts = {
        q.request_id: matching.identify(q.request_id, [c for c in candidates if c[matching.REQUEST_ID] == q.request_id], is_confirmed=q.is_confirmed)
        for q in fresh
    }
    owners = {c[Record.record_id]: c[Record.member_id] for c in candidates}
    owners |= {record: "" for v in resumed.values() for record in v.record_ids if record not in owners}
    return Found({**verdicts, **resumed}, owners, candidates)


def _said(ctx: Context, asked: list[Request]) -> DataFrame:
    """What each request says of its person, standardised: the columns of silver.record, and request_id instead of record_id."""
    if not asked:
        return Record.frame(ctx.spark).withColumnRenamed(Record.record_id, matching.REQUEST_ID)
    rows = standardised(ctx, raw_lines(ctx, [_as_line(q, number) for number, q in enumerate(asked, start=1)]))
    rows = rows.withColumnRenamed(Record.record_id, matching.REQUEST_ID)
    # Collected and handed back, not staged: what a person wrote goes into no file.
    return local_frame(ctx.spark, rows.collect(), rows.schema)


def _candidates(ctx: Context, said: DataFrame) -> list[Mapping[str, Any]]:
    """Rows of `matching.build_candidates`: as many as the persons who ask have records."""
    found = matching.build_candidates(said, ctx.lake.read(Record), ctx.lake.read_or_empty(PersonLink))
    return [row.asDict() for row in found.collect()]


def _as_line(request: Request, number: int) -> dict[str, Any]:
    said = {k: v for k, v in request.spec.person.model_dump().items() if v is not None}
    if isinstance(said.get("birth_date"), dt.date):
        said["birth_date"] = said["birth_date"].isoformat()
    return {
        str(RawRecord.delivery_id): request.request_id, str(RawRecord.line_number): number, str(RawRecord.member_id): "request",
        str(RawRecord.record_id): request.request_id, str(RawRecord.customer_ref): request.request_id, **said,
    }  # fmt: skip


def _set_aside(folder: Path, refusal: Refusal) -> None:
    """A refused file and its reason, out of the way and private; the officer corrects it or destroys it."""
    source = folder / refusal.file
    if source.exists():
        aside = folder / SET_ASIDE
        write_private(aside, f"{refusal.file}.reason.txt", refusal.reason + "\n")
        source.replace(aside / refusal.file)
        (aside / refusal.file).chmod(0o600)


def _raised(ctx: Context, counts: Counts) -> Counts:
    """The counts; PartlyDoneError when requests are past their deadline and the run was not asked for single ones."""
    late = counts.details["overdue"]
    if late:
        says = f"{late} {'request is' if late == 1 else 'requests are'} past the deadline: the officer must answer now (appetence rights list)."
        if not ctx.options.get("requests") and not ctx.dry_run:
            raise PartlyDoneError(says, counts)
        ctx.progress(says)
    return counts


def _counts(intake: Intake, parked: list[dict[str, Any]], done: Mapping[str, str], late: int, objectors: int) -> Counts:
    refused = [*intake.refusals, *intake.replays]
    waiting = [p for p in parked if p[RightsRequest.state] == r.PARKED]
    audit = [{"actor": "handle_rights", "action": str(action), "object_id": key, "details": {}} for key, action in sorted(done.items())]
    return Counts(
        len(intake.requests) + len(intake.refusals), len(done), len(refused),
        details={
            "carried_out": len(done), "parked": len(waiting), "refused": len(refused), "overdue": late, "objectors_recognised": objectors,
            "reasons": sorted(x.reason for x in refused) + sorted(p[RightsRequest.state_reason] for p in parked),
            "audit": audit,
        },
    )  # fmt: skip
