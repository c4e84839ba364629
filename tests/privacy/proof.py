"""What must hold once persons are erased: the checks that whole-lake tests share, and that `test_mutations_of_erasure` shows to be sharp.

Each gives what it found wrong, one short sentence each, and nothing when all is right.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from appetence.contracts.bronze import RawRecord
from appetence.contracts.gold import Score
from appetence.contracts.identity import Edge, HouseholdLink, MemberHousehold, Person, PersonLink
from appetence.contracts.privacy import RightsRequest, RightsTask, Suppression
from appetence.contracts.silver import Record
from appetence.pipeline.context import Context
from appetence.pipeline.erasing import without_erased
from appetence.pipeline.people import standardised
from appetence.privacy.scan import scan
from appetence.privacy.suppressions import suppressed_records
from appetence.storage.lake import Lake
from tests.privacy import coop as c


def scanned(ctx: Context, needles: Iterable[str]) -> set[str]:
    """Files of the environment that hold one of the strings, but secrets, the live session's scratch and requests that wait."""
    paths = ctx.config.paths
    waiting = (Path(paths.requests) / "rights").glob("*.yaml")
    return {f.file for f in scan([paths.root], list(needles), skip=[paths.secrets, *waiting, Path(paths.scratch) / "spark"])}


def bytes_left(ctx: Context, coop: c.Coop, erased: Collection[int]) -> list[str]:
    """Folders with a file that holds a canary or an e-mail of who was erased, in its bytes or its name."""
    root = Path(ctx.config.paths.root)
    files = scanned(ctx, [*coop.canaries(erased), *(coop.persons[n]["email"] for n in erased)])
    places = {Path(f).relative_to(root).parts for f in files}
    return sorted({f"bytes under {'/'.join(parts[:3] if parts[0] == 'lake' else parts[:1])}" for parts in places})


def ids_left(lake: Lake, coop: c.Coop, erased: Collection[int], partial: int) -> list[str]:
    """Rows go by ids of records, persons and emptied households; of `partial` the first record went, and what was derived from all."""
    records = {r for n in erased for r in coop.records_of(n)}
    persons = {coop.persons[n]["person_id"] for n in erased}
    kept, who = coop.records_of(partial)[1:], coop.persons[partial]["person_id"]
    homes = {p["household_id"] for p in coop.persons if p["number"] not in erased}
    linked = {r.person_id for r in lake.read(HouseholdLink).collect()}
    wrong = {
        "links of records": records & {r.record_id for r in lake.read(PersonLink).collect()},
        "edges": records & {x for r in lake.read(Edge).collect() for x in (r.record_a, r.record_b)},
        "links of persons": persons & linked,
        "households nobody lives in": homes ^ {r.household_id for r in lake.read(MemberHousehold).collect()},
        "records that should stay": set(kept) - {r.record_id for r in lake.read(Record).collect()},
        "scores of who keeps a record": {who} & {r.person_id for r in lake.read(Score).collect()},
        "profile of who keeps a record": {who} & {r.person_id for r in lake.read(Person).collect()},
        "household of who keeps a record": {who} - linked,
    }
    assert kept
    return [name for name, found in wrong.items() if found]


def others_changed(lake: Lake, before: Mapping[str, tuple[object, ...]], gone: Collection[str]) -> list[str]:
    """Every source row but those of the records `gone` is what it was."""
    now = {r[RawRecord.record_id]: tuple(r) for r in lake.read(RawRecord).collect()}
    right = {k: v for k, v in before.items() if k not in gone}
    wrong = {"rows missing": right.keys() - now.keys(), "rows too many": now.keys() - right.keys()}
    wrong["rows changed"] = {k for k in right.keys() & now.keys() if right[k] != now[k]}
    return [name for name, found in wrong.items() if found]


def taken_again(ctx: Context, coop: c.Coop, erased: int, other: int) -> list[str]:
    """The same lines again: those of who was erased are not taken, those of somebody else are."""
    lines = [r for r in c.raw_rows(coop) if r["record_id"] in {*coop.records_of(erased), *coop.records_of(other)}]
    taken = {r.record_id for r in without_erased(ctx, RawRecord.frame(ctx.spark, lines)).collect()}
    wrong = {"erased records taken again": taken & set(coop.records_of(erased)), "records not taken": set(coop.records_of(other)) - taken}
    return [name for name, found in wrong.items() if found]


def not_suppressed(ctx: Context, coop: c.Coop, erased: int) -> list[str]:
    """Under a new customer number, with a misspelt name and without e-mail; the family too, and not somebody else at the same address."""
    who = coop.persons[erased]
    base = {"delivered_at": ctx.started_at.replace(tzinfo=dt.UTC), "postcode": "59000", "city": "LILLE", "member_id": "m02"}
    names = {"noisy": (who["first_name"][0], who["last_name"] + "E"), "family": ("ODILE", who["last_name"]), "other": ("GUY", "ZIMMER")}
    lines = [
        RawRecord.row(record_id=k, customer_ref=k, first_name=first, last_name=last, address_1=who["address_1"].title(), **base)
        for k, (first, last) in names.items()
    ]
    records = standardised(ctx, RawRecord.frame(ctx.spark, lines))
    pads = ctx.pads(ctx.secret(ctx.config.privacy.pepper_ref))
    caught = {r.record_id: r.scope for r in suppressed_records(records, ctx.lake.read_or_empty(Suppression), pads).collect()}
    return [f"{name} is suppressed: {caught.get(name)}" for name in names if caught.get(name) != (None if name == "other" else "global")]


def tasks_of(lake: Lake, request_id: str) -> set[tuple[str, str]]:
    """Role and id of each controller with a task of the request."""
    rows = lake.read(RightsTask).where(RightsTask.request_id.col == request_id).collect()
    return {(t.controller_role, t.controller_id) for t in rows}


def requests_that_lead_to(lake: Lake, coop: c.Coop, erased: Collection[int]) -> list[str]:
    """No request, of whatever kind, leads to a person or record that was erased."""
    ids = {x for n in erased for x in (coop.persons[n]["person_id"], *coop.records_of(n))}
    return sorted({f"a request for {row.right} leads there" for row in lake.read(RightsRequest).collect() if ids & {row.person_id, *row.record_ids}})


def foreign_in_copy(document: str, coop: c.Coop, number: int) -> list[str]:
    """What one person is given holds its own data, nobody else's, and no id of the operator's."""
    who = coop.persons[number]
    wrong = {
        "its own data are missing": who["canary"] not in document,
        "ids of the operator's": who["person_id"] in document or who["household_id"] in document,
        "somebody else's data": any(p["canary"] in document for p in coop.persons if p is not who),
    }
    return [name for name, is_wrong in wrong.items() if is_wrong]


def row_of(lake: Lake, right: str, person_id: str | None) -> Any:
    """The request for a right by the person, as the register holds it."""
    return next(r for r in lake.read(RightsRequest).collect() if (r.right, r.person_id) == (right, person_id))
