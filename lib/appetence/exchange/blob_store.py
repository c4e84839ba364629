"""Azure Blob Storage as a store, over the vendor's client."""

from __future__ import annotations

import ipaddress
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import ContainerClient

from appetence.errors import ConfigError, EnvironmentError_
from appetence.exchange.stores import PART, checked_name

_CONCURRENCY = 2
_COPY_SECONDS = 600


class BlobStore:
    """A container, or a folder in it. `credential` is a connection string, a SAS token, or None for the machine's managed identity.

    An upload is one commit (Put Blob, or Put Block List for larger files): a reader sees the old blob or the new one, never a part."""

    def __init__(self, location: str, credential: str | None) -> None:
        container_url, self._prefix = _container_and_prefix(location)
        try:
            self._container = _client(container_url, credential)
        except ValueError as error:
            raise ConfigError(f"The credential of the blob store {container_url} is no connection string or SAS token; correct it.") from error

    def list(self, prefix: str = "") -> list[str]:
        """Blobs under `prefix`."""
        start = self._prefix + (prefix.rstrip("/") + "/" if prefix else "")
        found = (str(b) for b in self._call(lambda: list(self._container.list_blob_names(name_starts_with=start))))
        return sorted(n[len(self._prefix) :] for n in found if not n.endswith(PART))

    def fetch(self, name: str, target: Path) -> None:
        """Download in chunks."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as stream:
            self._call(lambda: self._blob(name).download_blob(max_concurrency=_CONCURRENCY).readinto(stream))

    def put(self, source: Path, name: str) -> None:
        """Upload in chunks, one commit at the end."""
        with source.open("rb") as stream:
            self._call(lambda: self._blob(name).upload_blob(stream, overwrite=True, max_concurrency=_CONCURRENCY))

    def move(self, name: str, new_name: str) -> None:
        """Copy on the server, then delete."""
        target = self._blob(new_name)
        self._call(lambda: target.start_copy_from_url(self._blob(name).url))
        for _ in range(_COPY_SECONDS):
            status = self._call(target.get_blob_properties).copy.status
            if status != "pending":
                break
            time.sleep(1)
        if status != "success":
            raise EnvironmentError_(f"The blob store could not copy {name}: {status}; try again.")
        self.delete(name)

    def delete(self, name: str) -> None:
        """Remove; gone already is no error."""
        try:
            self._blob(name).delete_blob()
        except ResourceNotFoundError:
            return
        except AzureError as error:
            raise self._failed(error) from error

    def exists(self, name: str) -> bool:
        """Whether the blob is there."""
        return bool(self._call(self._blob(name).exists))

    def close(self) -> None:
        """Give back connections."""
        self._container.close()

    def _blob(self, name: str) -> Any:
        return self._container.get_blob_client(self._prefix + checked_name(name))

    def _call(self, act: Any) -> Any:
        try:
            return act()
        except AzureError as error:
            raise self._failed(error) from error

    def _failed(self, error: AzureError) -> EnvironmentError_:
        code = getattr(error, "error_code", None) or type(error).__name__
        place = f"{urlsplit(self._container.url).hostname}/{self._container.container_name}"
        return EnvironmentError_(f"The blob store {place} refused ({code}); check that it exists and what its credential may do.")


def _client(container_url: str, credential: str | None) -> ContainerClient:
    if credential is None:
        try:
            from azure.identity import DefaultAzureCredential
        except ImportError:
            raise EnvironmentError_("A blob store without credential needs the machine's identity: pip install azure-identity.") from None
        return ContainerClient.from_container_url(container_url, credential=DefaultAzureCredential())
    if "=" in credential and ";" in credential:
        return ContainerClient.from_connection_string(credential, urlsplit(container_url).path.rstrip("/").rsplit("/", 1)[-1])
    return ContainerClient.from_container_url(container_url, credential=credential.lstrip("?"))


def _container_and_prefix(location: str) -> tuple[str, str]:
    """Container URL and folder in it (ending in `/`, or empty). Local addresses carry the account in their path."""
    parts = urlsplit(location)
    names = [p for p in parts.path.split("/") if p]
    depth = 2 if _is_local(parts.hostname or "") else 1
    if parts.scheme not in ("http", "https") or len(names) < depth:
        raise ConfigError(f"The blob location {location!r} must look like https://account.blob.core.windows.net/container/folder.")
    folder = "/".join(names[depth:])
    return f"{parts.scheme}://{parts.netloc}/{'/'.join(names[:depth])}", f"{folder}/" if folder else ""


def _is_local(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True
