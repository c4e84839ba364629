"""What a sender says about its files: the manifest that is written last and makes a delivery (or an export) complete."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from appetence.contracts.domain import Block, DeliveryMode
from appetence.errors import DeliveryError

LAYOUT_VERSION = "1"
MANIFEST = "manifest.json.pgp"
MAX_BYTES = 1 << 20
"""A manifest only lists files: it is never larger."""

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def canonical(self) -> bytes:
        """The one JSON form of these values: sorted keys, no spaces, UTF-8, times in UTC."""
        return canonical_json(self.model_dump(mode="json"))


class ManifestFile(_Said):
    """One file of a delivery: its plaintext name, block, number of rows (header not counted) and hash of the plaintext."""

    name: FileName
    block: Block
    rows: int = Field(ge=0)
    sha256: Sha256


class Manifest(_Said):
    """`manifest.json.pgp` of a delivery."""

    layout_version: str
    member_id: str
    delivery_ref: str
    mode: DeliveryMode
    created_at: dt.datetime
    files: tuple[ManifestFile, ...] = Field(min_length=1)

    @field_validator("created_at")
    @classmethod
    def _in_utc(cls, value: dt.datetime) -> dt.datetime:
        if value.tzinfo is None:
            raise ValueError("has no time zone; write it like 2026-10-01T03:00:00Z")
        return value.astimezone(dt.UTC)

    @field_validator("files")
    @classmethod
    def _each_once(cls, value: tuple[ManifestFile, ...]) -> tuple[ManifestFile, ...]:
        if len({f.name for f in value}) != len(value) or len({f.block for f in value}) != len(value):
            raise ValueError("names a file or a block twice; name each once")
        return value

    def content_hash(self) -> str:
        """SHA-256 over what is stated: who, how, as of when, and the plaintext of each file.

        The name the member gives the delivery is left out: the same content sent again under another name is the same delivery. The time it
        was made counts: a file that says again what an older one said, after another one in between, is news."""
        stated = {
            "member_id": self.member_id, "mode": self.mode.value, "created_at": self.created_at.isoformat(),
            "files": sorted([f.block.value, f.rows, f.sha256] for f in self.files),
        }  # fmt: skip
        return hashlib.sha256(canonical_json(stated)).hexdigest()

    def delivery_id(self) -> str:
        """First 32 hexadecimal digits of the content hash."""
        return self.content_hash()[:32]


class ExportManifest(_Said):
    """`<file>.manifest.json.pgp` beside an exported file: what the recipient checks it against, and when both of us destroy it."""

    file_name: str
    campaign_id: str
    channel: str
    layout: str
    columns: tuple[str, ...]
    rows: int = Field(ge=0)
    sha256: Sha256
    destroy_by: dt.date


Said = TypeVar("Said", bound=_Said)


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """Sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def read_manifest(path: Path) -> Manifest:
    """The manifest in `path`; DeliveryError `MANIFEST` names the first field that cannot be used, never a value."""
    if path.stat().st_size > MAX_BYTES:
        raise DeliveryError("MANIFEST", f"The manifest is larger than {MAX_BYTES} bytes; a manifest only lists the files of one delivery.")
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as refused:
        first = refused.errors()[0]
        place = ".".join(str(p) for p in first["loc"]) or "its JSON"
        reason = str(first["msg"]).removeprefix("Value error, ")
        raise DeliveryError(
            "MANIFEST", f"The manifest cannot be used: {place}: {reason[:1].lower()}{reason[1:]}; correct it and send the delivery again."
        ) from None


def check_addressed(manifest: Manifest, member_id: str, delivery_ref: str) -> None:
    """The manifest is that of this folder, in a layout we know; DeliveryError otherwise."""
    if manifest.layout_version != LAYOUT_VERSION:
        raise DeliveryError("LAYOUT_VERSION", f"The manifest states another layout version than {LAYOUT_VERSION}; use layout {LAYOUT_VERSION}.")
    if manifest.member_id != member_id:
        raise DeliveryError("MANIFEST_MEMBER", f"The manifest names another member than {member_id}, in whose folder it lies; correct it.")
    if manifest.delivery_ref != delivery_ref:
        raise DeliveryError("MANIFEST_REF", f"The manifest names another delivery than the folder {delivery_ref}; make them the same.")


def check_files(manifest: Manifest, present: set[str]) -> None:
    """Each file of the manifest is there and none besides; DeliveryError otherwise. `present`: names in the store, less the manifest's."""
    stated = {f"{f.name}.pgp" for f in manifest.files}
    lacking, extra = sorted(stated - present), sorted(present - stated)
    if lacking:
        raise DeliveryError("MISSING_FILE", f"The manifest lists {', '.join(lacking)}, which did not arrive; send the whole delivery again.")
    if extra:
        raise DeliveryError("EXTRA_FILE", f"The delivery holds {', '.join(extra)}, which the manifest does not list; list or leave out the file.")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, streaming."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
