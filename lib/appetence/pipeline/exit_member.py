"""A member leaves: its data, its files and its key go; what the other members supplied stays and is resolved again without it.

`appetence run exit_member --option member=<id>`, once its file says `is_active: false`. The order makes a killed run repeatable: links go
last within the erasure, and lead back to what is left to be done; the key goes when nothing is left that it would give a name to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from functools import partial, reduce
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.contracts.base import Table
from appetence.contracts.bronze import RawPermission, RawRecord, RawTransaction
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Record
from appetence.errors import ConfigError, SecretError
from appetence.exchange.stores import open_store
from appetence.pipeline import resolve_identities
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.erasing import Erased, erase
from appetence.privacy.destruction import write_private
from appetence.privacy.erasure import Cause, tables_of_member
from appetence.runtime import secrets

OPTION = "member"
_HOLDING = (RawRecord, RawTransaction, RawPermission, Record, PersonLink)


def run(ctx: Context) -> Counts:
    """Reads every table of a member; writes the certificate, `<reports>/member_exits/<member>.json`. A dry run counts only."""
    member = _leaving(ctx)
    records = ctx.lake.stage("leaving", _records(ctx, member))
    count, persons = records.count(), _shared(ctx, records)
    ctx.progress(f"{member}: {count} records, {persons} persons of which another member supplies the rest")
    if ctx.dry_run:
        return Counts(count, 0, details={"records": count, "persons_that_stay": persons})
    # Before the erasure, whose closing scan looks into the stores too.
    files = _destroy_files(ctx, member)
    already = _delete_by_member(ctx, member)
    erased = erase(ctx, records, Cause.MEMBER_EXIT, [f"exit:{member}"], already=already) if count or any(already.values()) else None
    key = _destroy_key(ctx, member)
    ctx.progress(f"{member} is gone; resolving what is left")
    left = resolve_identities.run(ctx)
    certificate = _certificate(ctx, member, erased, files, key, left)
    write_private(Path(ctx.config.paths.reports) / "member_exits", f"{member}.json", json.dumps(certificate, indent=2, default=str) + "\n")
    rows = sum(erased.rows.values()) if erased else 0
    told = {"records": count, "rows": rows, "files": files, "key": key, "certificate": certificate["certificate_id"]}
    entry = {"actor": "exit_member", "action": "member_exit", "object_id": member, "details": told}
    return Counts(count, rows, details={**{k: v for k, v in certificate.items() if k != "rows"}, "audit": [entry]})


def _leaving(ctx: Context) -> str:
    member = ctx.options.get(OPTION, "")
    known = ctx.config.members.get(member)
    if known is None:
        raise ConfigError(f"exit_member needs --option {OPTION}=<id> with an id of conf/members; {member!r} is none.")
    if known.is_active:
        raise ConfigError(
            f"The member {member} still takes part: set `is_active: false` in conf/members/{member}.yaml, so that nothing more is taken in."
        )
    return member


def _records(ctx: Context, member: str) -> DataFrame:
    """Ids of all the member's records, one column; the links outlast the rest, for a run that was cut short."""
    found = [
        ctx.lake.read(table).where(F.col(Record.member_id) == F.lit(member)).select(Record.record_id) for table in _HOLDING if ctx.lake.exists(table)
    ]
    everything = reduce(DataFrame.unionByName, found) if found else PersonLink.frame(ctx.spark).select(PersonLink.record_id)
    return everything.where(F.col(Record.record_id).isNotNull()).distinct()


def _shared(ctx: Context, records: DataFrame) -> int:
    """Persons the member supplied who stay because others supply them too."""
    links = ctx.lake.read_or_empty(PersonLink)
    theirs = links.join(records, on=PersonLink.record_id, how="left_semi").select(PersonLink.person_id).distinct()
    others = links.join(records, on=PersonLink.record_id, how="left_anti").select(PersonLink.person_id).distinct()
    return theirs.join(others, on=PersonLink.person_id, how="left_semi").count()


def _delete_by_member(ctx: Context, member: str) -> dict[str, int]:
    """What names the member but no record of it: its own ids of persons and households, rejected lines. Rows by table.

    What hangs on a record is left to the erasure, which first notes the values that its closing scan looks for.
    """
    one = ctx.spark.createDataFrame([(member,)], "member_id string")

    def delete(table: type[Table]) -> tuple[str, int]:
        return table.full_name(), ctx.lake.delete(table, one, str(Record.member_id), frozenset({member}))

    tables = [t for t in tables_of_member() if ctx.lake.exists(t)]
    return {name: count for name, count in ctx.lake.together(*(partial(delete, t) for t in tables)) if count}


def _destroy_files(ctx: Context, member: str) -> int:
    """What lies in the stores under the member's name: deliveries waiting or quarantined, statements and reports."""
    settings = ctx.config.exchange
    count = 0
    for place in (settings.inbox, settings.quarantine, settings.outbox):
        with closing(open_store(place, ctx.secret)) as store:
            for name in [n for n in store.list(member) if n == member or n.startswith(f"{member}/")]:
                store.delete(name)
                count += 1
    return count


def _destroy_key(ctx: Context, member: str) -> str:
    """`destroyed`, `gone before`, or the sentence that says who must: without the key, an id the member still holds means nothing."""
    settings, names = ctx.config.privacy, {**ctx.config.names(), "member_id": member}
    try:
        return "destroyed" if secrets.destroy(ctx.config.members[member].key_ref or settings.member_key_template, names) else "gone before"
    except SecretError as elsewhere:
        return str(elsewhere)


def _certificate(ctx: Context, member: str, erased: Erased | None, files: int, key: str, left: Counts) -> dict[str, Any]:
    rows: Mapping[str, int] = erased.rows if erased else {}
    return {
        "member_id": member, "certified_on": ctx.as_of, "run_id": ctx.run_id, "certificate_id": erased.certificate_id if erased else None,
        "rows": dict(sorted(rows.items())), "files_destroyed": files + (erased.files if erased else 0),
        "scan_findings": erased.findings if erased else 0, "key": key, "persons_left": left.details["persons"],
        "households_left": left.details["households"], "links_left": left.details["links"],
        "kept": "deliveries received and statements, in counts and hashes; hashes of the suppression list",
    }  # fmt: skip
