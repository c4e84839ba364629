"""Hands selections over: each is checked once more, written encrypted and signed, registered, and destroyed by its date."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from appetence.contracts.campaign import Campaign, Export, ExportLine, Selection
from appetence.contracts.domain import Channel
from appetence.contracts.local import local_frame
from appetence.contracts.specs import CampaignSpec, RecipientSpec
from appetence.errors import ConfigError, CryptoError, LawError, PartlyDoneError
from appetence.exchange.exporting import destroy_due, write_export
from appetence.exchange.layouts import BY_CHANNEL, HOUSE, Layout
from appetence.exchange.pgp import Pgp
from appetence.exchange.stores import Store, open_store
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.enriching import enriched
from appetence.pipeline.select_campaign import campaign_terms, chosen_campaigns, for_campaign, read_sources
from appetence.privacy.register import unsafe_recipients
from appetence.runtime.ahead import side_by_side
from appetence.selection import layouts
from appetence.selection.candidates import Sources
from appetence.selection.caps import HOLDOUT, calls_made, earlier_pieces
from appetence.selection.layouts import Wording
from appetence.selection.recheck import still_lawful
from appetence.selection.seeds import NUMBERED, TrapFile, numbered_references, seed_lines
from appetence.selection.terms import Terms

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Desk:
    """What a hand-over needs of the outside: the outbox, our keyring and the key we sign with, what is registered already, and by file the
    references of its traps by phone or SMS."""

    outbox: Store
    pgp: Pgp
    signer: str
    registered: dict[str, dict[str, Any]]
    traps: Mapping[str, Sequence[str]]


def run(ctx: Context) -> Counts:
    """Exports every cut campaign that has not dropped yet; files past their date are destroyed.

    A campaign that may not leave (its router or client has no safeguard or no key) stops alone: PartlyDoneError once the others are done."""
    stored = {row[Export.export_id]: row.asDict() for row in ctx.lake.read_or_empty(Export).collect()}
    written: Rows = []
    with _desk(ctx, stored) as desk:
        destroyed = [] if ctx.dry_run else destroy_due(stored.values(), ctx.as_of, desk.outbox)
        cut = {row[Campaign.campaign_id]: row[Campaign.cut_on] or ctx.as_of for row in ctx.lake.read(Campaign).collect()}
        sources = read_sources(ctx)
        due = [spec for spec in chosen_campaigns(ctx) if spec.drop_date >= ctx.as_of and spec.campaign_id in cut]
        ends = side_by_side(*(partial(_attempt, ctx, desk, spec, cut[spec.campaign_id], sources, written) for spec in due), workers=2)
    written.sort(key=lambda row: str(row[Export.export_id]))
    refused = {spec.campaign_id: end for spec, end in zip(due, ends, strict=True) if isinstance(end, str)}
    before, after = (sum(end[i] for end in ends if not isinstance(end, str)) for i in (0, 1))
    _register(ctx, stored, written, destroyed)
    done = Counts(
        before, after, before - after,
        details={
            "files": len(written), "destroyed": len(destroyed), "stopped": before - after, "refused": sorted(refused),
            "audit": [*(_audit("exported", row) for row in written if row["is_new"]), *(_audit("destroyed", stored[i]) for i in destroyed)],
        },
    )  # fmt: skip
    if refused:
        why = "; ".join(f"{name}: {said.rstrip('.')}" for name, said in sorted(refused.items()))
        raise PartlyDoneError(f"Not exported, while the other campaigns were: {why}.", done)
    return done


def _attempt(
    ctx: Context, desk: Desk, spec: CampaignSpec, cut_on: dt.date, sources: Sources, written: Rows
) -> tuple[int, int] | str:  # fmt: skip
    """What `_hand_over` gives, or why the campaign may not leave."""
    try:
        return _hand_over(ctx, desk, _safe_terms(ctx, spec), cut_on, sources, written)
    except (ConfigError, LawError, CryptoError) as stopped:
        ctx.progress(f"{spec.campaign_id}: not exported, {stopped}")
        return str(stopped)


def _safe_terms(ctx: Context, spec: CampaignSpec) -> Terms:
    """The checked terms of a campaign; LawError when one of its routers lies outside the EEA and states no safeguard."""
    terms = campaign_terms(ctx, spec)
    routers = sorted({spec.router_of(channel) for channel in terms.channels})
    for unsafe in unsafe_recipients([ctx.config.recipients[name] for name in routers]):
        raise LawError(
            f"recipients/{unsafe}.yaml: {ctx.config.recipients[unsafe].country} lies outside the European Economic Area and no safeguard is "
            "stated; nothing is exported there: state `safeguard`, or choose another router."
        )
    return terms


@contextmanager
def _desk(ctx: Context, stored: dict[str, dict[str, Any]]) -> Iterator[Desk]:
    settings = ctx.config.exchange
    passphrase = ctx.secret(settings.operator_passphrase_ref) if settings.operator_passphrase_ref else None
    with (
        closing(open_store(settings.outbox, ctx.secret)) as outbox,
        Pgp(Path(ctx.config.paths.gnupg) / "operator", passphrase) as pgp,
    ):
        yield Desk(outbox, pgp, ctx.text(settings.operator_fingerprint_ref), stored, _trap_references(ctx, stored))


def _trap_references(ctx: Context, stored: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """References of the traps by phone and SMS, by file, of every campaign still to drop: drawn at once and in the order of the files' ids, for
    no number may be in two files, of this run or of the register `stored`."""
    files = []
    for spec in chosen_campaigns(ctx):
        for channel in spec.channels if spec.drop_date >= ctx.as_of and spec.seeds else ():
            router = ctx.config.recipients.get(spec.router_of(channel))
            if channel in NUMBERED and router is not None and router.role == "router":
                files.append(TrapFile(export_id(spec.campaign_id, channel, router.recipient_id), spec.campaign_id, channel, spec.seeds))
    if not files:
        return {}
    registered: dict[str, list[str]] = {i: [] for i, row in stored.items() if row[Export.channel] in NUMBERED}
    traps = ctx.lake.read_or_empty(ExportLine).where(ExportLine.person_id.col.isNull()).select(ExportLine.export_id, ExportLine.reference)
    for row in traps.collect():  # grows with files, not with persons
        if row[ExportLine.export_id] in registered:
            registered[row[ExportLine.export_id]].append(row[ExportLine.reference])
    key, prefix = ctx.secret(ctx.config.privacy.reference_key_ref), ctx.config.selection.seed_phone_prefix
    return numbered_references(sorted(files, key=lambda f: f.export_id), registered, key, prefix)


def export_id(campaign_id: str, channel: str, recipient_id: str) -> str:
    """The opaque id of a file: of campaign, channel and recipient."""
    return hashlib.sha256(f"export|{campaign_id}|{channel}|{recipient_id}".encode()).hexdigest()[:32]


def _hand_over(ctx: Context, desk: Desk, terms: Terms, cut_on: dt.date, tables: Sources, written: Rows) -> tuple[int, int]:
    """Writes the files of one campaign, each into the register's `written` at once; gives pieces cut and pieces that may still leave."""
    sources = for_campaign(ctx, tables, terms, cut_on)
    cut = sources.selection.where((F.col(Selection.campaign_id) == terms.spec.campaign_id) & (F.col(Selection.cell) != HOLDOUT))
    asked = cut.count()
    lawful = ctx.lake.stage("lawful", still_lawful(cut, sources, terms))
    kept = lawful.count()
    if asked > kept:
        ctx.progress(f"{terms.spec.campaign_id}: {asked - kept} pieces are stopped: permission, status or suppression changed since the cut")
    for channel in terms.channels:
        recipient = ctx.config.recipients[terms.spec.router_of(channel)]
        if not _is_destroyed(desk, export_id(terms.spec.campaign_id, channel, recipient.recipient_id)):
            written.append(_file(ctx, desk, terms, sources, lawful, channel, recipient))
    return asked, kept


def _is_destroyed(desk: Desk, identity: str) -> bool:
    """Whether a file was handed over and destroyed before: it is not written again, whatever becomes of the drop date."""
    known = desk.registered.get(identity)
    return known is not None and known[Export.destroyed_on] is not None


def _file(ctx: Context, desk: Desk, terms: Terms, sources: Sources, lawful: DataFrame, channel: str, recipient: RecipientSpec) -> dict[str, Any]:
    """Writes one file and gives its row in the register, with its lines' references under `lines`."""
    mine = lawful.where(F.col(Selection.channel) == channel)
    identity = export_id(terms.spec.campaign_id, channel, recipient.recipient_id)
    layout, lines, seeds = _lines(ctx, terms, sources, mine, channel, recipient, desk.traps.get(identity, ()))
    known = desk.registered.get(identity)
    destroy_by = terms.drop_date + dt.timedelta(days=terms.spec.destroy_after_days)
    common: dict[str, Any] = {
        Export.export_id: identity, Export.campaign_id: terms.spec.campaign_id, Export.channel: channel, Export.layout: layout.label,
        Export.recipient_id: recipient.recipient_id, Export.seeds: len(seeds), Export.destroy_by: destroy_by, Export.destroyed_on: None,
    }  # fmt: skip
    link = mine.select(F.lit(identity).alias(ExportLine.export_id), ExportLine.reference, ExportLine.campaign_id, ExportLine.person_id)
    traps = [{ExportLine.reference: s["reference"]} for s in seeds]
    if ctx.dry_run:
        rows = lines.count()
        return {**common, Export.rows: rows, "lines": link, "traps": traps, "is_new": False}
    receipt = write_export(
        lines, "reference" if "reference" in layout.columns else list(layout.columns), layout,
        campaign_id=terms.spec.campaign_id, channel=channel, recipient=recipient, fingerprint=_key_of(ctx, recipient), pgp=desk.pgp,
        signer=desk.signer, store=desk.outbox, scratch=ctx.scratch, destroy_by=destroy_by,
        registered=_unchanged(known, destroy_by),
    )  # fmt: skip
    ctx.progress(f"{terms.spec.campaign_id}: {receipt.rows} lines by {channel} for {recipient.recipient_id}")
    return {
        **common, Export.rows: receipt.rows, Export.file_name: receipt.file_name, Export.plaintext_hash: receipt.plaintext_hash,
        Export.cipher_hash: receipt.cipher_hash, "lines": link, "traps": traps, "is_new": receipt.is_new,
        Export.exported_on: known[Export.exported_on] if known and not receipt.is_new else ctx.as_of,
    }  # fmt: skip


def _unchanged(known: Mapping[str, Any] | None, destroy_by: dt.date) -> str | None:
    """The plaintext hash of a file that may stay as it was handed over; None when there is none, or its manifest names another day."""
    return known[Export.plaintext_hash] if known is not None and known[Export.destroy_by] == destroy_by else None


def _lines(
    ctx: Context, terms: Terms, sources: Sources, mine: DataFrame, channel: str, recipient: RecipientSpec, references: Sequence[str] = ()
) -> tuple[Layout, DataFrame, Rows]:  # fmt: skip
    """Layout, lines (traps included) and traps of one file; `references`: of its traps by phone and SMS. A client gets its own base back as
    references and tenths, or as references and attributes, without traps."""
    if terms.is_enrich:
        return *enriched(ctx, terms, sources, mine, channel), []
    rows = layouts.joined(mine, sources.record)
    if recipient.role == "client":
        return HOUSE, layouts.house_lines(rows), []
    wording = Wording(terms.law.programmes[terms.spec.programme], terms.law.phone_hours)
    key = ctx.secret(ctx.config.privacy.reference_key_ref)
    pieces = earlier_pieces(sources.selection, sources.campaign, sources.household_link, terms, sources.cut_on)
    calls = calls_made(pieces, terms, sources.calls)
    lines = layouts.lines_for(channel, rows, wording, ctx.pads(key), sources.permission_event, calls)
    layout = BY_CHANNEL[Channel(channel)]
    codes = [row[0] for row in lines.select(Selection.key_code).distinct().collect()]
    seeds = [dict(line) for line in seed_lines(terms, channel, key, wording, codes, references)]
    shape = T.StructType([T.StructField(c, T.StringType()) for c in layout.columns])
    traps = local_frame(ctx.spark, [tuple(s[c] for c in layout.columns) for s in seeds], shape)
    return layout, lines.select(*layout.columns).unionByName(traps), seeds


def _key_of(ctx: Context, recipient: RecipientSpec) -> str:
    if recipient.pgp.encrypt_to is None:
        raise ConfigError(f"recipients/{recipient.recipient_id}.yaml: pgp.encrypt_to is missing; nothing leaves unencrypted: name the key.")
    return ctx.text(recipient.pgp.encrypt_to)


def _register(ctx: Context, stored: dict[str, dict[str, Any]], written: Rows, destroyed: list[str]) -> None:
    """Writes the register and the lines of the files: new and changed files, and the day of destruction of those destroyed."""
    if ctx.dry_run:
        return
    gone = [{**stored[i], Export.destroyed_on: ctx.as_of} for i in destroyed]
    columns = {str(f) for f in Export.content()}
    rows = [{str(k): v for k, v in row.items() if str(k) in columns} for row in [*gone, *written]]
    ctx.lake.upsert_rows(Export, rows)
    lines = ExportLine.frame(ctx.spark, [])
    for row in written:
        common: dict[str, Any] = {ExportLine.export_id: row[Export.export_id], ExportLine.campaign_id: row[Export.campaign_id]}
        traps = ExportLine.frame(ctx.spark, [{**common, **trap} for trap in row["traps"]])
        lines = lines.unionByName(row["lines"]).unionByName(traps)
    if written:
        ids = ", ".join(f"'{row[Export.export_id]}'" for row in written)
        ctx.lake.sync(ExportLine, lines, f"export_id IN ({ids})")


def _audit(action: str, row: dict[str, Any]) -> dict[str, Any]:
    names = (Export.campaign_id, Export.channel, Export.recipient_id, Export.rows, Export.plaintext_hash)
    return {"actor": "export_selection", "action": action, "object_id": row[Export.export_id], "details": {str(n): row.get(n) for n in names}}
