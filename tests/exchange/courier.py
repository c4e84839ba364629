"""A small co-operative for the exchange tests: keys of an operator, two members and a stranger; deliveries as a member would send them."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appetence.contracts.domain import Block
from appetence.contracts.specs import BlockSpec, MemberSpec
from appetence.exchange.manifest import canonical_json
from appetence.exchange.pgp import Pgp, export_public, generate_key, import_public

CREATED = dt.datetime(2026, 10, 1, 3, tzinfo=dt.UTC)

CUSTOMERS = BlockSpec(columns={"NUM": "customer_ref", "NOM": "last_name", "PRENOM": "first_name", "CP": "postcode"}, ignored=("SCORE",))
TRANSACTIONS = BlockSpec(
    columns={"NUM": "customer_ref", "CDE": "transaction_ref", "DATE": "transaction_date", "MT": "amount"}, constants={"kind": "order"}
)
PERMISSIONS = BlockSpec(
    columns={"NUM": "customer_ref", "CANAL": "channel", "STATUT": "status", "LE": "collected_at"},
    values={"status": {"O": "granted", "N": "opposed"}},
)


@dataclass(frozen=True)
class Keys:
    """Keyrings by party and fingerprints; `operator` knows the members' public keys, not the stranger's."""

    root: Path
    fingerprints: Mapping[str, str]

    def home(self, party: str) -> Path:
        """Keyring of a party."""
        return self.root / "operator" if party == "operator" else self.root / "members" / party


def make_keys(root: Path, parties: tuple[str, ...] = ("m01", "m02", "stranger")) -> Keys:
    """Keyrings under `root`, laid out as `paths.gnupg` is."""
    keys = Keys(root, {})
    prints = {p: generate_key(keys.home(p), p, f"{p}@example.org") for p in ("operator", *parties)}
    for party in parties:
        import_public(keys.home(party), export_public(keys.home("operator"), prints["operator"]))
        if party != "stranger":
            import_public(keys.home("operator"), export_public(keys.home(party), prints[party]))
    return Keys(root, prints)


def member(keys: Keys, member_id: str = "m01", **changes: Any) -> MemberSpec:
    """A member with the three blocks above."""
    values: dict[str, Any] = {
        "member_id": member_id, "label": member_id, "sector": "presse_edition", "programmes": ["alliance"],
        "pgp": {"fingerprints": [keys.fingerprints[member_id]]},
        "blocks": {Block.CUSTOMERS: CUSTOMERS, Block.TRANSACTIONS: TRANSACTIONS, Block.PERMISSIONS: PERMISSIONS},
    }  # fmt: skip
    return MemberSpec.model_validate({**values, **changes})


def customers(count: int = 5, first: int = 1) -> bytes:
    """A customers file of `count` lines."""
    lines = [f"{first + i};MARTIN{i};Zoé;7500{i % 9 + 1}" for i in range(count)]
    return ("NUM;NOM;PRENOM;CP\n" + "".join(line + "\n" for line in lines)).encode()


def transactions(count: int = 5) -> bytes:
    """A transactions file of `count` lines."""
    return ("NUM;CDE;DATE;MT\n" + "".join(f"{i + 1};C{i + 1};2026-09-0{i % 9 + 1};12,50\n" for i in range(count))).encode()


def permissions(count: int = 5) -> bytes:
    """A permissions file of `count` lines."""
    return ("NUM;CANAL;STATUT;LE\n" + "".join(f"{i + 1};email;{'ON'[i % 2]};2026-01-01T10:00:00\n" for i in range(count))).encode()


def rows_of(content: bytes) -> int:
    """Lines less the header, as a member would count them."""
    return max(0, len([line for line in content.split(b"\n") if line.strip()]) - 1)


def manifest_of(member_id: str, ref: str, files: Mapping[str, bytes], created_at: dt.datetime = CREATED, **changes: Any) -> dict[str, Any]:
    """The manifest of these files (name -> plaintext); `changes` overwrite its keys."""
    listed = [{"name": n, "block": n.split(".")[0], "rows": rows_of(c), "sha256": hashlib.sha256(c).hexdigest()} for n, c in files.items()]
    said = {
        "layout_version": "1", "member_id": member_id, "delivery_ref": ref, "mode": "full",
        "created_at": created_at.isoformat().replace("+00:00", "Z"), "files": listed,
    }  # fmt: skip
    return {**said, **changes}


def send(
    inbox: Path, keys: Keys, ref: str, files: Mapping[str, bytes], *, member_id: str = "m01", signer: str | None = None,
    recipient: str = "operator", sign: bool = True, manifest: Mapping[str, Any] | None = None, created_at: dt.datetime = CREATED,
) -> Path:  # fmt: skip
    """Writes a delivery into the inbox as `member_id`'s machine would; its folder."""
    signer = signer or member_id
    folder = inbox / member_id / ref
    folder.mkdir(parents=True, exist_ok=True)
    said = manifest if manifest is not None else manifest_of(member_id, ref, files, created_at)
    with Pgp(keys.home(signer)) as pgp:
        for name, content in {**files, "manifest.json": canonical_json(said)}.items():
            plain = folder / f"{name}.plain.part"
            plain.write_bytes(content)
            pgp.encrypt_and_sign(plain, folder / f"{name}.pgp", recipient=keys.fingerprints[recipient], signer=keys.fingerprints[signer], sign=sign)
            plain.unlink()
    return folder
