"""The one erasure engine: records go from every table that the contracts say holds them, from files, and from every readable version.

All persons of a run are erased together: one rewrite per table and column of ids, one purge per table. The order makes a killed run
repeatable: what must survive (suppression, the hashes of erased ids) is stored first, files go next, then tables with the links that lead
from records to persons at the end, and the certificate comes last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial, reduce
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns.hashing import stable_order
from appetence.contracts.base import Table
from appetence.contracts.bronze import RawRecord
from appetence.contracts.campaign import Export, ExportLine, Selection
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.local import local_frame
from appetence.contracts.privacy import Correction, ErasedRecord, ErasureCertificate, RightsRequest
from appetence.contracts.silver import Record
from appetence.errors import RightsError
from appetence.exchange.exporting import beside
from appetence.exchange.stores import Store, open_store
from appetence.pipeline.context import Context
from appetence.pipeline.rights_files import destroy_files
from appetence.pipeline.runner import fingerprint
from appetence.privacy.destruction import destroy, left_in_scratch
from appetence.privacy.erasure import (
    Cause,
    Subject,
    Target,
    distinctive,
    emptied_households,
    erased_hashes,
    filter_erased,
    plan,
    touched_persons,
)  # fmt: skip
from appetence.privacy.scan import scan
from appetence.runtime.ahead import side_by_side
from appetence.storage.lake import FEW

NEEDLES = 200
"""Readable values looked for after an erasure, at most: each record gives one before any gives two."""

NOT_SCANNED = -1
_SEARCHED = (RawRecord.email, RawRecord.phone, RawRecord.mobile)
_LIVE = ("spark", "warehouse")
SET_ASIDE = "refused"
_LINKS = (HouseholdLink, PersonLink)


@dataclass(frozen=True)
class Erased:
    """What one erasure did: rows by table, files destroyed, byte matches left (0, or NOT_SCANNED when the lake is no local folder)."""

    certificate_id: str
    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0
    findings: int = 0
    where: tuple[str, ...] = ()


def without_erased(ctx: Context, rows: DataFrame) -> DataFrame:
    """Delivered rows without those of records erased at their person's request, for receipt: nothing erased returns to a table."""
    if not ctx.lake.exists(ErasedRecord):
        return rows
    for version in ctx.peppers():
        theirs = ctx.lake.read(ErasedRecord).where(ErasedRecord.pepper_version.col == version)
        rows = filter_erased(rows, theirs, ctx.pepper_pads(version))
    return rows


def erase(
    ctx: Context, record_ids: DataFrame, cause: Cause, request_ids: Sequence[str] = (), extra: Iterable[str] = (),
    already: Mapping[str, int] | None = None, also: Mapping[Subject, DataFrame] | None = None, only: Collection[type[Table]] | None = None,
) -> Erased:  # fmt: skip
    """Erases the records of the one-column `record_ids` and everything that depends on them; writes the certificate.

    `extra`: readable values (from a request) that the closing scan looks for besides those of the records. `already`: rows the caller
    deleted before, by table, for the certificate. `also`: ids that no link leads to any more, by kind; `only`: the tables to delete from,
    where the others are known to hold nothing. RightsError when the scan still finds something; what was erased stays erased and the
    certificate says so.
    """
    doomed = ctx.lake.stage("doomed", record_ids.select(F.col(record_ids.columns[0]).alias(Record.record_id)).distinct())
    subjects = _subjects(ctx, doomed, also or {})
    with_quarantine = cause not in (Cause.RETENTION, Cause.REPLAY)
    find_files = partial(_files_of, ctx, doomed, subjects[Subject.TOUCHED_PERSON], with_quarantine=with_quarantine)
    needles, files = side_by_side(partial(_needles, ctx, doomed, list(extra)), find_files)
    if cause != Cause.REPLAY:
        _remember(ctx, subjects, cause)
    destroyed = 0 if ctx.dry_run else _destroy_files(ctx, files)
    destroyed += 0 if ctx.dry_run else destroy_files(ctx, [*files.answers, *request_ids], of_members_only=True)
    _blank_requests(ctx, subjects[Subject.PERSON], request_ids)
    rows = dict(Counter(already or {}) + Counter(_delete_rows(ctx, subjects, only)))
    tables = [*{t.table for t in plan()}, RightsRequest]
    purged = ctx.lake.purge(sorted(tables, key=lambda t: t.full_name()))
    destroyed += 0 if ctx.dry_run else _destroy_set_aside(ctx, needles)
    found = None if ctx.dry_run or not _is_local(ctx) else scan(_stores(ctx), needles, skip=_that_wait(ctx))
    where = tuple(sorted({f"{_relative(ctx, f.file)} ({f.kind})" for f in found or ()}))
    findings = NOT_SCANNED if found is None else len(found)
    certificate_id = fingerprint(str(cause), str(ctx.as_of), *sorted(request_ids))
    erased = Erased(certificate_id, rows, destroyed, findings, where)
    _certify(ctx, erased, cause, request_ids, purged)
    if where:
        raise RightsError(
            f"The erasure {certificate_id} left readable traces in {len(where)} files, first {where[0]}: remove them and run the job again."
        )
    return erased


def _subjects(ctx: Context, doomed: DataFrame, also: Mapping[Subject, DataFrame]) -> dict[Subject, DataFrame]:
    """Ids to delete by, per kind of subject, each a one-column frame."""
    touched = ctx.lake.stage("touched", touched_persons(doomed, ctx.lake.read_or_empty(PersonLink)))
    whole = touched.where("is_whole").select(PersonLink.person_id)
    homes = ctx.lake.stage("emptied", emptied_households(whole, ctx.lake.read_or_empty(HouseholdLink)))
    persons = touched.select(PersonLink.person_id)
    found = {Subject.RECORD: doomed, Subject.PERSON: whole, Subject.TOUCHED_PERSON: persons, Subject.HOUSEHOLD: homes}
    return {kind: ids.union(also[kind]).distinct() if kind in also else ids for kind, ids in found.items()}


def _needles(ctx: Context, doomed: DataFrame, extra: Iterable[str]) -> list[str]:
    """Values that only the erased records hold, kept in memory for the closing scan. A sample when there are many."""
    raw = ctx.lake.read_or_empty(RawRecord)
    sample = doomed.orderBy(stable_order(F.col(Record.record_id), seed="scan")).limit(NEEDLES)
    mine = raw.join(F.broadcast(sample), on=RawRecord.record_id, how="left_semi").select(
        RawRecord.record_id, F.explode(F.array_distinct(_searched())).alias("value")
    )
    corrected = ctx.lake.read_or_empty(Correction).where(Correction.column.col.isin(list(map(str, _SEARCHED))) & Correction.value.col.isNotNull())
    fixed = corrected.join(F.broadcast(sample), on=Correction.record_id, how="left_semi").select(Correction.record_id, Correction.value)
    said = [(r[0], r[1]) for r in mine.unionByName(fixed).distinct().collect()] + [("", v) for v in extra]
    others = raw.join(doomed, on=RawRecord.record_id, how="left_anti").select(F.explode(_searched()).alias("held"))
    # A repaired e-mail or a number in its standard form may be somebody else's raw value: both forms stay somebody else's.
    clean = ctx.lake.read_or_empty(Record).join(doomed, on=Record.record_id, how="left_anti")
    others = others.unionByName(clean.select(F.explode(F.array_compact(F.array(Record.email, Record.mobile, Record.landline))).alias("held")))
    kept = corrected.join(doomed, on=Correction.record_id, how="left_anti").select(F.col(Correction.value).alias("held"))
    others = others.unionByName(kept).select(F.lower("held").alias("held")).distinct()
    asked = local_frame(ctx.spark, [(v.lower(),) for v in {v for _, v in said}], "sought string")
    # A value inside somebody else's longer one would be found there: `contains`, a nested loop over at most some hundred values.
    shared = others.join(F.broadcast(asked), on=F.contains(F.col("held"), F.col("sought")), how="inner").select("sought").distinct()
    return distinctive(said, [r[0] for r in shared.collect()], NEEDLES)


def _searched() -> Column:
    words = F.coalesce(F.split(F.col(RawRecord.interests), r"\|"), F.array().cast("array<string>"))
    return F.array_compact(F.concat(F.array(*(F.col(c) for c in _SEARCHED)), words))


@dataclass(frozen=True)
class _Files:
    """What is to be destroyed whole because it held one of the erased."""

    exports: tuple[tuple[str, str], ...]
    members: tuple[str, ...]
    answers: tuple[str, ...]


def _files_of(ctx: Context, doomed: DataFrame, touched: DataFrame, *, with_quarantine: bool) -> _Files:
    """Files that hold a person of whom anything is erased, though other records of that person stay. A line or an answer made before
    records changed persons is found by its record.

    Which members' quarantined deliveries may hold a person cannot be told: all of theirs go, and they deliver again what was right."""
    lake = ctx.lake
    lines, requests = lake.read_or_empty(ExportLine), lake.read_or_empty(RightsRequest)
    chosen = lake.read_or_empty(Selection).join(F.broadcast(doomed), on=Selection.record_id, how="left_semi")
    pieces = chosen.select(Selection.campaign_id, Selection.reference).distinct()
    held = lines.join(F.broadcast(touched), on=ExportLine.person_id, how="left_semi").select(ExportLine.export_id)
    printed = lines.join(F.broadcast(pieces), on=[str(ExportLine.campaign_id), str(ExportLine.reference)], how="left_semi")
    held = held.unionByName(printed.select(ExportLine.export_id))
    exports = lake.read_or_empty(Export).join(held.distinct(), on=Export.export_id, how="left_semi")
    members = lake.read_or_empty(Record).join(F.broadcast(doomed), on=Record.record_id, how="left_semi").select(Record.member_id).distinct()
    answers = requests.join(F.broadcast(touched), on=RightsRequest.person_id, how="left_semi").select(RightsRequest.request_id)
    named = requests.select(RightsRequest.request_id, F.explode(RightsRequest.record_ids).alias(Record.record_id))
    answers = answers.unionByName(named.join(F.broadcast(doomed), on=Record.record_id, how="left_semi").select(RightsRequest.request_id))
    return _Files(
        tuple(sorted((r[0], r[1]) for r in exports.where(Export.destroyed_on.col.isNull()).select(Export.export_id, Export.file_name).collect())),
        tuple(sorted(r[0] for r in members.collect())) if with_quarantine else (),
        tuple(sorted(r[0] for r in answers.distinct().collect())),
    )


def _remember(ctx: Context, subjects: Mapping[Subject, DataFrame], cause: Cause) -> None:
    """Keyed hashes of every id this erasure goes by: a table that is put back is purged of them again."""
    pads = ctx.pads(ctx.secret(ctx.config.privacy.pepper_ref))
    hashes = [erased_hashes(ids, pads, kind).withColumn(ErasedRecord.subject_kind, F.lit(str(kind))) for kind, ids in subjects.items()]
    said = {
        str(ErasedRecord.pepper_version): F.lit(ctx.config.privacy.pepper_version), str(ErasedRecord.erased_on): F.lit(ctx.as_of),
        str(ErasedRecord.cause): F.lit(str(cause)),
    }  # fmt: skip
    ctx.lake.upsert(ErasedRecord, reduce(DataFrame.unionByName, hashes).withColumns(said))


def _delete_rows(ctx: Context, subjects: Mapping[Subject, DataFrame], only: Collection[type[Table]] | None) -> dict[str, int]:
    """One rewrite per table and id column, tables side by side, the links that lead to the rest one after the other at the end."""
    known = {kind: _few(ids) for kind, ids in subjects.items()}
    by_table: dict[type[Table], list[Target]] = {}
    for target in plan():
        is_meant = only is None or target.table in only
        if is_meant and known[target.subject] != frozenset() and ctx.lake.exists(target.table):
            by_table.setdefault(target.table, []).append(target)

    def delete(table: type[Table]) -> tuple[str, int]:
        rows = [ctx.lake.delete(table, subjects[t.subject], t.column, known[t.subject]) for t in by_table[table]]
        return table.full_name(), sum(rows)

    deleted = ctx.lake.together(*(partial(delete, table) for table in by_table if table not in _LINKS))
    return dict([*deleted, *(delete(table) for table in _LINKS if table in by_table)])


def _few(ids: DataFrame) -> frozenset[str] | None:
    """The ids, unless they are too many to be carried."""
    found = ids.limit(FEW + 1).collect()
    return None if len(found) > FEW else frozenset(row[0] for row in found)


def _blank_requests(ctx: Context, persons: DataFrame, request_ids: Sequence[str]) -> None:
    """Requests of a person erased lose the ids that led to it; the erasure's own request keeps them until it is done, for a restart."""
    requests = ctx.lake.read_or_empty(RightsRequest)
    theirs = requests.join(F.broadcast(persons), on=RightsRequest.person_id, how="left_semi")
    others = theirs.where(~RightsRequest.request_id.col.isin(list(request_ids))) if request_ids else theirs
    if not others.isEmpty():
        blank = {str(RightsRequest.person_id): F.lit(None).cast("string"), str(RightsRequest.record_ids): F.array().cast("array<string>")}
        ctx.lake.upsert(RightsRequest, others.withColumns(blank))


def _destroy_files(ctx: Context, files: _Files) -> int:
    """Exports that held a person, quarantined deliveries of its suppliers (their content cannot be told), old answers, scratch."""
    settings, paths = ctx.config.exchange, ctx.config.paths
    count = 0
    with closing(open_store(settings.outbox, ctx.secret)) as outbox:
        for _, name in files.exports:
            count += _delete(outbox, [name, *beside(name)])
    with closing(open_store(settings.quarantine, ctx.secret)) as quarantine:
        count += sum(_delete(quarantine, quarantine.list(member)) for member in files.members)
    if files.exports:
        gone = ctx.lake.read(Export).where(Export.export_id.col.isin([e for e, _ in files.exports]))
        ctx.lake.upsert(Export, gone.withColumn(Export.destroyed_on, F.lit(ctx.as_of)))
    reports = Path(paths.reports) / "rights"
    count += destroy(reports / request for request in files.answers)
    return count + destroy(left_in_scratch(Path(paths.scratch), [ctx.run_id, *_LIVE]))


def _delete(store: Store, names: Iterable[str]) -> int:
    count = 0
    for name in names:
        count += store.exists(name)
        store.delete(name)
    return count


def _certify(ctx: Context, erased: Erased, cause: Cause, request_ids: Sequence[str], purged: dict[str, int]) -> None:
    by_name: dict[str, type[Table]] = {t.table.full_name(): t.table for t in plan()}
    said: dict[str, Any] = {
        "certificate_id": erased.certificate_id, "cause": str(cause), "request_ids": sorted(request_ids), "certified_on": ctx.as_of,
        "scan_findings": erased.findings,
    }  # fmt: skip
    rows = [
        ErasureCertificate.row(
            **said, table_name=name, rows_purged=count, version_after=ctx.lake.version(by_name[name]), files_removed=purged.get(name, 0)
        )
        for name, count in sorted(erased.rows.items())
    ]
    rows.append(ErasureCertificate.row(**said, table_name="files", rows_purged=0, files_removed=erased.files))
    ctx.lake.upsert_rows(ErasureCertificate, rows)


def _is_local(ctx: Context) -> bool:
    return "://" not in ctx.config.paths.lake and not ctx.config.paths.lake.startswith("catalog:")


def _stores(ctx: Context) -> list[Path]:
    """Every place of this environment that may hold data, but the secrets, the made-up truth of a demonstration and the live scratch."""
    root, paths = Path(ctx.config.paths.root), ctx.config.paths
    apart = {Path(p).resolve() for p in (paths.secrets, paths.gnupg, paths.truth, paths.scratch, paths.locks)}
    inside = [p for p in sorted(root.iterdir()) if p.resolve() not in apart] if root.is_dir() else []
    places = (paths.lake, paths.inbox, paths.outbox, paths.quarantine, paths.reports, paths.requests)
    outside = [Path(p) for p in places if root not in Path(p).parents]
    return reduce(lambda found, p: found if p in found else [*found, p], [*inside, *outside], [])


def _that_wait(ctx: Context) -> list[Path]:
    """Files under the requests that somebody is still to deal with: requests, lists, feedback. They hold coordinates until they are."""
    return [f for f, is_aside in _request_files(ctx) if not is_aside]


def _request_files(ctx: Context) -> list[tuple[Path, bool]]:
    """Every file under the requests, and whether it was set aside."""
    top = Path(ctx.config.paths.requests)
    return [(f, SET_ASIDE in f.relative_to(top).parts) for f in sorted(top.rglob("*")) if f.is_file()]


def _destroy_set_aside(ctx: Context, needles: Sequence[str]) -> int:
    """Refused files that hold one of the values looked for, with their reasons: nobody waits for them, and they would outlive the erasure."""
    held = sorted({Path(f.file) for f in scan([f for f, is_aside in _request_files(ctx) if is_aside], needles)})
    return destroy([*held, *(f.with_name(f"{f.name}.reason.txt") for f in held)])


def _relative(ctx: Context, file: str) -> str:
    root = Path(ctx.config.paths.root)
    path = Path(file)
    return str(path.relative_to(root)) if root in path.parents else path.name
