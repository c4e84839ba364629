"""The delivery protocol: what lies in the inbox, in which order it is taken, and what becomes of each delivery.

A delivery is `<member_id>/<delivery_ref>/` with its encrypted files and, written last, its manifest. It is taken whole or quarantined
whole. What it is, is known by the content its manifest states, so that a repeated one is recognised whatever it is called. Nothing leaves
the inbox before the tables hold it: `take` only stages, `settle_early` copies to quarantine and outbox, `settle_late` deletes, the manifest
last. Killed between any two of these and started again, the same happens again and ends in the same state.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from appetence.contracts.domain import DeliveryStatus
from appetence.contracts.settings import ExchangeSettings
from appetence.contracts.specs import MemberSpec
from appetence.errors import AppetenceError, CryptoError, DeliveryError
from appetence.exchange.blocks import Stamp, check_mapping
from appetence.exchange.decoding import allowed_bytes, is_of_the_machine
from appetence.exchange.manifest import (
    MANIFEST,
    MAX_BYTES,
    ManifestFile,
    canonical_json,
    check_addressed,
    check_files,
    read_manifest,
    sha256_of,
)
from appetence.exchange.outcome import Fate, Incoming, Result, report
from appetence.exchange.pgp import Pgp
from appetence.exchange.reading import Limits, Unread, check_rejects, stage_file, to_stage, too_much_unread
from appetence.exchange.stores import Store

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")


@dataclass(frozen=True)
class Desk:
    """What receiving works with: stores, keys, members and limits. `fingerprints` resolves those allowed for a member."""

    inbox: Store
    outbox: Store
    quarantine: Store
    pgp: Pgp
    operator: str
    members: Mapping[str, MemberSpec]
    resolve: Callable[[str], str]
    settings: ExchangeSettings
    as_of: dt.date
    scratch: Path


def find_deliveries(names: Iterable[str]) -> tuple[list[Incoming], list[str]]:
    """The deliveries among the inbox's file names, by folder, and the names that are of none or hold unusual characters.

    >>> found, stray = find_deliveries(["m01/d1/manifest.json.pgp", "m01/d1/customers.csv.pgp", "readme.txt"])
    >>> found[0].folder, found[0].files, stray
    ('m01/d1', ('customers.csv.pgp', 'manifest.json.pgp'), ['readme.txt'])
    """
    folders: dict[tuple[str, str], list[str]] = {}
    stray = []
    for name in names:
        parts = name.split("/")
        if len(parts) == 3 and all(_NAME.match(p) for p in parts):
            folders.setdefault((parts[0], parts[1]), []).append(parts[2])
        else:
            stray.append(name)
    return [Incoming(m, r, tuple(sorted(files))) for (m, r), files in sorted(folders.items())], sorted(stray)


def open_manifests(desk: Desk, found: Iterable[Incoming]) -> list[Result]:
    """Opens every manifest; the results are in the order in which deliveries are to be taken, refused already where the manifest is."""
    return sorted((_open(desk, i) for i in found), key=_order)


def _order(result: Result) -> tuple[str, str, str]:
    created = result.manifest.created_at.isoformat() if result.manifest else ""
    return created, result.delivery_id, result.incoming.folder


def _open(desk: Desk, incoming: Incoming) -> Result:
    if MANIFEST not in incoming.files:
        return Result(incoming, Fate.UNFINISHED)
    folder = desk.scratch / "manifests"
    cipher, plain = folder / "manifest.pgp", folder / "manifest.json"
    desk.inbox.fetch(f"{incoming.folder}/{MANIFEST}", cipher)
    result = Result(incoming, Fate.OPEN, _cipher_id(incoming, cipher))
    try:
        member = _member(desk, incoming)
        allowed = allowed_keys(desk, member)
        with _last_resort("The manifest"):
            result.signer = desk.pgp.decrypt_and_verify(cipher, plain, allowed=allowed, max_bytes=MAX_BYTES).fingerprint
            result.manifest = read_manifest(plain)
        result.delivery_id = result.manifest.delivery_id()
        if result.manifest.created_at.date() > desk.as_of:
            result.fate = Fate.LATER
        check_addressed(result.manifest, incoming.member_id, incoming.delivery_ref)
    except CryptoError as error:
        refuse(result, "PGP", str(error))
    except DeliveryError as error:
        refuse(result, error.code, str(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return result


def take_all(desk: Desk, results: Iterable[Result], known: Mapping[str, str], say: Callable[[Result], None]) -> None:
    """Takes each delivery in turn unless it is known; `known` maps delivery ids to the status the tables hold, `say` is told of each.

    Of two that state the same, the second counts as repeated only if the first could be taken: a whole copy makes up for a broken one."""
    accepted = {i for i, status in known.items() if status == DeliveryStatus.ACCEPTED}
    for result in results:
        is_open = result.fate is Fate.OPEN
        is_over = is_open and result.delivery_id in accepted
        if is_over or (result.delivery_id in known and result.fate in (Fate.OPEN, Fate.QUARANTINED) and _is_leaving(desk, result.incoming)):
            result.fate = Fate.REPEATED
        elif is_open and take(desk, result) is Fate.ACCEPTED:
            accepted.add(result.delivery_id)
        say(result)


def _member(desk: Desk, incoming: Incoming) -> MemberSpec:
    member = desk.members.get(incoming.member_id)
    if member is None:
        raise DeliveryError(
            "UNKNOWN_MEMBER",
            f"The inbox folder {incoming.member_id!r} belongs to no member: add conf/members/{incoming.member_id}.yaml, or tell the sender "
            "which folder is its own.",
        )
    if not member.is_active:
        raise DeliveryError("INACTIVE_MEMBER", f"The member {member.member_id} is not active; set `is_active: true`, or tell it to stop sending.")
    return member


def _is_leaving(desk: Desk, incoming: Incoming) -> bool:
    """Part of a quarantined delivery whose deletion from the inbox was cut short: quarantine holds more of it than the inbox."""
    kept = {n.rsplit("/", 1)[-1] for n in desk.quarantine.list(incoming.folder)}
    return set(incoming.files) < kept


def _cipher_id(incoming: Incoming, cipher: Path) -> str:
    """Id of a delivery whose manifest cannot be read: by its bytes as they came."""
    return hashlib.sha256(canonical_json({"folder": incoming.folder, "cipher": sha256_of(cipher)})).hexdigest()[:32]


def allowed_keys(desk: Desk, member: MemberSpec) -> tuple[str, ...]:
    """Fingerprints that may sign for a member."""
    return tuple(desk.resolve(f) for f in member.pgp.fingerprints)


def refuse(result: Result, code: str, sentence: str) -> None:
    """Mark a delivery as one for quarantine."""
    result.fate, result.code, result.sentence = Fate.QUARANTINED, code, sentence


def take(desk: Desk, result: Result) -> Fate:
    """Decrypt, check and stage every file of an open delivery: it ends accepted, or refused with the first reason found."""
    manifest = result.manifest
    assert manifest is not None
    folder = desk.scratch / result.delivery_id
    stated = sum(f.rows for f in manifest.files)
    limits = Limits(desk.settings.max_expansion, int(stated * desk.settings.max_reject_share))
    try:
        check_files(manifest, set(result.incoming.files) - {MANIFEST})
        for file in manifest.files:
            _take_file(desk, result, file, folder, limits)
        check_rejects(sum(s.rejected for s in result.staged), limits.max_rejects)
        result.fate = Fate.ACCEPTED
    except CryptoError as error:
        refuse(result, "PGP", str(error))
    except DeliveryError as error:
        refuse(result, error.code, str(error))
    if result.fate is Fate.QUARANTINED:
        shutil.rmtree(folder, ignore_errors=True)
    return result.fate


def tell_unread(desk: Desk, results: Iterable[Result], found: Mapping[tuple[str, str], list[Unread]]) -> list[Result]:
    """Notes what cannot be read in the accepted lines, by delivery and block, and refuses whole the deliveries that hold too much of it.

    Refused is a delivery in which more of one column's values than the member's `max_unread_share` (else the exchange's) cannot be read, and
    there are enough of them to judge by (`min_judged_values`): that column is not what the layout says.

    Returns those refused, with the copies of them that came in the same run."""
    taken = list(results)
    refused: dict[str, Result] = {}
    for result in (r for r in taken if r.fate is Fate.ACCEPTED):
        for staged in result.staged:
            staged.unread = found.get((result.delivery_id, str(staged.block)), [])
        own = desk.members[result.incoming.member_id].max_unread_share
        blocks = desk.members[result.incoming.member_id].blocks
        share = desk.settings.max_unread_share if own is None else own
        sentence = too_much_unread(result.staged, blocks, share, desk.settings.min_judged_values)
        if sentence is not None:
            refuse(result, "TOO_MANY_UNREAD", sentence)
            shutil.rmtree(desk.scratch / result.delivery_id, ignore_errors=True)
            refused[result.delivery_id] = result
    for copy in (r for r in taken if r.fate is Fate.REPEATED and r.delivery_id in refused and not _is_leaving(desk, r.incoming)):
        refuse(copy, "TOO_MANY_UNREAD", str(refused[copy.delivery_id].sentence))
        copy.staged = refused[copy.delivery_id].staged
    return [r for r in taken if r.delivery_id in refused and r.fate is Fate.QUARANTINED]


def _take_file(desk: Desk, result: Result, file: ManifestFile, folder: Path, limits: Limits) -> None:
    member = desk.members[result.incoming.member_id]
    spec = member.blocks.get(file.block)
    if spec is None:
        where = f"`blocks` in conf/members/{member.member_id}.yaml"
        raise DeliveryError("UNKNOWN_BLOCK", f"{member.member_id} has no agreed layout for {file.block}; describe it under {where}.")
    check_mapping(member.member_id, file.block, spec)
    allowed = allowed_keys(desk, member)
    cipher, plain = folder / "plain" / f"{file.name}.pgp", folder / "plain" / file.name
    desk.inbox.fetch(f"{result.incoming.folder}/{cipher.name}", cipher)
    assert result.manifest is not None
    stamp = Stamp(result.delivery_id, member.member_id, result.manifest.created_at, desk.as_of)
    with _last_resort(file.name):
        desk.pgp.decrypt_and_verify(cipher, plain, allowed=allowed, max_bytes=allowed_bytes(cipher, limits.max_expansion))
        cipher.unlink()
        if sha256_of(plain) != file.sha256:
            raise DeliveryError("HASH", f"{file.name} is not the file the manifest describes (SHA-256 differs); send the whole delivery again.")
        result.staged.append(to_stage(file, folder / "staged"))
        stage_file(plain, file, spec, stamp, result.staged[-1], limits)
    plain.unlink()


@contextlib.contextmanager
def _last_resort(what: str) -> Iterator[None]:
    """One file that nobody thought of must not keep the other members waiting: what it raises is a DeliveryError `UNREADABLE`.

    Only reading runs inside. What the machine lacks (space on the disk, access) is no fault of the file and stops the run."""
    try:
        yield
    except AppetenceError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and is_of_the_machine(error):
            raise
        kind = type(error).__name__  # its message may hold values
        raise DeliveryError("UNREADABLE", f"{what} cannot be read ({kind}); write it anew and send the whole delivery again.") from error


def settle_early(desk: Desk, result: Result) -> str | None:
    """Before the tables are written: the member's report into the outbox, a quarantined delivery's files into quarantine, still encrypted.

    Returns a sentence when the report could not be encrypted for the member."""
    says = None
    if result.incoming.member_id in desk.members and (result.fate is Fate.QUARANTINED or any(s.rejected or s.unread for s in result.staged)):
        try:
            _send_report(desk, result)
        except CryptoError as error:
            says = str(error)
    if result.fate is Fate.QUARANTINED:
        passing = desk.scratch / "passing.pgp"
        for name in result.incoming.files:
            desk.inbox.fetch(f"{result.incoming.folder}/{name}", passing)
            desk.quarantine.put(passing, f"{result.incoming.folder}/{name}")
        passing.unlink(missing_ok=True)
    return says


def settle_late(desk: Desk, result: Result) -> None:
    """After the tables are written: the delivery leaves the inbox, its manifest last."""
    for name in sorted(result.incoming.files, key=lambda n: (n == MANIFEST, n)):
        desk.inbox.delete(f"{result.incoming.folder}/{name}")


def _send_report(desk: Desk, result: Result) -> None:
    member = desk.members[result.incoming.member_id]
    recipient = desk.resolve(member.pgp.encrypt_to or member.pgp.fingerprints[0])
    plain, cipher = desk.scratch / "report.json", desk.scratch / "report.json.pgp"
    plain.write_bytes(canonical_json(report(desk.as_of, result, member.blocks)))
    try:
        desk.pgp.encrypt_and_sign(
            plain,
            cipher,
            recipient=recipient,
            signer=desk.operator,
            armor=member.pgp.armor,
            compress=member.pgp.compress,
            sign=member.pgp.sign,
        )
        desk.outbox.put(cipher, f"{result.incoming.folder}.report.json.pgp")
    finally:
        plain.unlink(missing_ok=True)
        cipher.unlink(missing_ok=True)
