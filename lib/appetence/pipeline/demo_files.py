"""What stands for the members' own machines in the demonstration: their keys, and files signed, encrypted and sent as they would."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import hashlib
import io
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from appetence.contracts.domain import Block, DeliveryMode
from appetence.contracts.settings import PathSettings
from appetence.contracts.specs import BlockSpec, MemberSpec
from appetence.exchange.manifest import LAYOUT_VERSION, MANIFEST, Manifest, ManifestFile
from appetence.exchange.pgp import Pgp, export_public, generate_key, import_public
from appetence.exchange.stores import FolderStore
from appetence.synthetic import lines

OPERATOR = "operator"


@dataclass(frozen=True)
class Sending:
    """One delivery to be sent: its text files by block lie under `folder`, one folder of part files each."""

    member: MemberSpec
    delivery_ref: str
    mode: DeliveryMode
    created_at: dt.datetime
    files: Mapping[Block, Path]


def make_keys(paths: PathSettings, members: Sequence[str], recipients: Sequence[str]) -> dict[str, str]:
    """A key pair for the operator, each member and each recipient, in keyrings of their own; fingerprints by party. Keys that exist
    are kept."""
    prints = Path(paths.secrets) / "fingerprints"
    _private(prints)
    homes = {OPERATOR: Path(paths.gnupg) / OPERATOR}
    homes |= {m: Path(paths.gnupg) / "members" / m for m in members} | {r: Path(paths.gnupg) / "recipients" / r for r in recipients}
    found = {party: _fingerprint(prints / f"{party}.fpr", home, party) for party, home in homes.items()}
    ours, theirs = export_public(homes[OPERATOR], found[OPERATOR]), []
    for party, home in homes.items():
        if party != OPERATOR:
            import_public(home, ours)
            theirs.append(export_public(home, found[party]))
    import_public(homes[OPERATOR], b"\n".join(theirs))
    return found


def known_prints(paths: PathSettings) -> dict[str, str]:
    """Fingerprints by party, of the keys that `make_keys` made."""
    return {file.stem: file.read_text(encoding="ascii").strip() for file in (Path(paths.secrets) / "fingerprints").glob("*.fpr")}


def _fingerprint(file: Path, home: Path, party: str) -> str:
    if file.is_file() and home.is_dir():
        return file.read_text(encoding="ascii").strip()
    shutil.rmtree(home, ignore_errors=True)
    made = generate_key(home, f"Demonstration {party}", f"{party}@demonstration.example")
    file.write_text(made + "\n", encoding="ascii")
    return made


def make_secrets(paths: PathSettings, members: Sequence[str], seed: int) -> None:
    """Pepper, reference key and one key per member, from the seed: two machines that make the same demonstration get the same ids.

    A real environment keeps random ones; these files are never more than a demonstration's. Files that exist are kept."""
    folder = Path(paths.secrets)
    _private(folder / "members")
    for name in ("pepper", "reference", *(f"members/{m}" for m in members)):
        file = folder / f"{name}.key"
        if not file.exists():
            value = hashlib.sha256(f"appetence demonstration {seed} {name}".encode()).hexdigest()
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
                handle.write(value + "\n")


def _private(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def send(sending: Sending, paths: PathSettings, prints: Mapping[str, str], scratch: Path) -> int:
    """Write, sign, encrypt and put the files of one delivery into the inbox, the manifest last; how many rows they hold."""
    member, store = sending.member.member_id, FolderStore(Path(paths.inbox))
    work = scratch / f"{member}-{sending.delivery_ref}"
    work.mkdir(parents=True, exist_ok=True)
    stated = []
    with Pgp(Path(paths.gnupg) / "members" / member) as pgp:
        for block, source in sorted(sending.files.items()):
            plain = work / f"{block.value}.csv"
            rows, digest = write_file(source, plain, sending.member.blocks[block])
            stated.append(ManifestFile(name=plain.name, block=block, rows=rows, sha256=digest))
        manifest = Manifest(
            layout_version=LAYOUT_VERSION, member_id=member, delivery_ref=sending.delivery_ref, mode=sending.mode,
            created_at=sending.created_at, files=tuple(stated),
        )  # fmt: skip
        (work / "manifest.json").write_bytes(manifest.canonical())
        for name in [f.name for f in stated] + [MANIFEST.removesuffix(".pgp")]:
            pgp.encrypt_and_sign(work / name, work / f"{name}.pgp", recipient=prints[OPERATOR], signer=prints[member])
            store.put(work / f"{name}.pgp", f"{member}/{sending.delivery_ref}/{name}.pgp")
    shutil.rmtree(work)
    return sum(f.rows for f in stated)


def write_file(source: Path, target: Path, spec: BlockSpec) -> tuple[int, str]:
    """The part files of `source` as one file in the member's encoding, header first; rows and SHA-256. Streams.

    What an encoding cannot say becomes a question mark, as it does on the machines that use it."""
    digest, rows = hashlib.sha256(), 0
    with target.open("wb") as handle:
        for text in _lines(source, spec):
            data = text.encode("utf-8" if spec.encoding == "utf-8-sig" else spec.encoding, errors="replace")
            if spec.encoding == "utf-8-sig" and not handle.tell():
                data = codecs.BOM_UTF8 + data
            digest.update(data)
            handle.write(data)
            rows += 1
    return rows - int(spec.header), digest.hexdigest()


def _lines(source: Path, spec: BlockSpec) -> Iterator[str]:
    if spec.header:
        heading = io.StringIO()
        csv.writer(heading, delimiter=spec.delimiter, lineterminator="\n").writerow(lines.header(spec))
        yield heading.getvalue()
    for part in sorted(source.glob("part-*")) if source.is_dir() else []:
        with part.open(encoding="utf-8", newline="\n") as handle:
            yield from handle
