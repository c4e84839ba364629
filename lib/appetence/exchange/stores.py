"""Where files come from and go to: a folder, an Azure container or an SFTP server, behind one small interface.

A name is a relative path with `/`. A file appears under its name only when it is whole: `put` writes `<name>.part` and renames it. Blob
storage has no rename but needs none: an upload is committed in one step and is not visible before.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from appetence.contracts.settings import StoreSettings
from appetence.errors import ConfigError

PART = ".part"


class Store(Protocol):
    """One place files come from or go to."""

    def list(self, prefix: str = "") -> list[str]:
        """Names that start with the folder `prefix`, sorted; files still being written (`.part`) are left out."""

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file to `target`, streaming."""

    def put(self, source: Path, name: str) -> None:
        """Store `source` under `name`, replacing what is there; the name never shows a half-written file."""

    def move(self, name: str, new_name: str) -> None:
        """Rename within the store."""

    def delete(self, name: str) -> None:
        """Remove a file; one that is gone already is no error."""

    def exists(self, name: str) -> bool:
        """Whether the file is there."""

    def close(self) -> None:
        """Give back connections."""


def open_store(settings: StoreSettings, secret: Callable[[str], bytes]) -> Store:
    """The store that `settings` describe; `secret` resolves its credential reference."""
    credential = secret(settings.credential_ref) if settings.credential_ref else None
    if settings.kind == "folder":
        return FolderStore(Path(settings.location))
    if settings.kind == "blob":
        from appetence.exchange.blob_store import BlobStore

        return BlobStore(settings.location, credential.decode() if credential else None)
    from appetence.exchange.sftp_store import SftpStore

    if credential is None or not settings.host_key:
        raise ConfigError(f"The SFTP store {settings.location} needs `credential_ref` and the server's `host_key`; add both.")
    return SftpStore(settings.location, credential, settings.host_key)


class FolderStore:
    """A folder of this machine or a mounted volume."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def list(self, prefix: str = "") -> list[str]:
        """Files under `prefix`; a folder that is not there yet holds none."""
        base = self._path(prefix) if prefix else self.root
        found = (Path(folder) / name for folder, _, names in os.walk(base) for name in names)
        return sorted(p.relative_to(self.root).as_posix() for p in found if not p.name.endswith(PART))

    def fetch(self, name: str, target: Path) -> None:
        """Copy to `target`."""
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._path(name), target)

    def put(self, source: Path, name: str) -> None:
        """Copy to `<name>.part`, flush to disk, rename."""
        target = self._path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + PART)
        shutil.copyfile(source, part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(part, target)

    def move(self, name: str, new_name: str) -> None:
        """Rename."""
        target = self._path(new_name)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(self._path(name), target)

    def delete(self, name: str) -> None:
        """Remove, and with it the folders it leaves empty."""
        path = self._path(name)
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            for folder in path.parents:
                if folder == self.root or self.root not in folder.parents:
                    break
                folder.rmdir()

    def exists(self, name: str) -> bool:
        """Whether the file is there."""
        return self._path(name).is_file()

    def close(self) -> None:
        """Nothing to give back."""

    def _path(self, name: str) -> Path:
        return self.root / checked_name(name)


def checked_name(name: str) -> str:
    """`name` when it stays inside its store; ConfigError for an absolute path or one that climbs out."""
    if not name or name.startswith("/") or any(part in ("", ".", "..") for part in name.split("/")) or "\\" in name or "\0" in name:
        raise ConfigError("A file name in a store must be a plain relative path; one that is absolute or climbs out of the store was refused.")
    return name


def split_location(location: str) -> tuple[str, str, int | None, str]:
    """User, host, port and path of `sftp://user@host:port/path`; ConfigError when it is none."""
    parts = urlsplit(location)
    if parts.scheme != "sftp" or not parts.hostname or not parts.username:
        raise ConfigError(f"The SFTP location {location!r} must look like sftp://user@host:22/folder.")
    return parts.username, parts.hostname, parts.port, parts.path.rstrip("/") or "/"
