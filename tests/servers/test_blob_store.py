"""The blob store against Azurite: the behaviour of every store, its three kinds of credential, and what a refusal says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas

from appetence.contracts.settings import StoreSettings
from appetence.errors import EnvironmentError_
from appetence.exchange.blob_store import BlobStore
from appetence.exchange.stores import open_store
from tests.exchange.behaviour import check_store
from tests.servers.conftest import ACCOUNT, KEY

pytestmark = pytest.mark.servers
Container = Callable[[str], str]


def test_it_behaves_as_a_store(azurite: str, container: Container, tmp_path: Path) -> None:
    settings = StoreSettings(kind="blob", location=container("inbox"), credential_ref="env:CONNECTION")
    store = open_store(settings, {"env:CONNECTION": azurite.encode()}.__getitem__)
    check_store(store, tmp_path)
    store.close()


def test_a_folder_of_a_container_with_a_sas_token(container: Container, tmp_path: Path) -> None:
    url = container("shared")
    allowed = ContainerSasPermissions(read=True, write=True, delete=True, list=True)
    token = generate_container_sas(ACCOUNT, "shared", KEY, permission=allowed, expiry=dt.datetime(2099, 1, 1))
    store, whole = BlobStore(f"{url}/partner/in", token), BlobStore(url, token)
    check_store(store, tmp_path)
    (tmp_path / "f").write_bytes(b"x")
    store.put(tmp_path / "f", "m01/f")
    assert whole.list() == ["partner/in/m01/f"]
    reads_only = generate_container_sas(ACCOUNT, "shared", KEY, permission=ContainerSasPermissions(read=True), expiry=dt.datetime(2099, 1, 1))
    with pytest.raises(EnvironmentError_, match="127.0.0.1/shared refused .*what its credential may do"):
        BlobStore(url, reads_only).put(tmp_path / "f", "m01/g")
    assert whole.list() == ["partner/in/m01/f"]


def test_a_container_that_is_not_there(azurite: str, container: Container, tmp_path: Path) -> None:
    url = container("inbox").replace("inbox", "nowhere")
    with pytest.raises(EnvironmentError_, match="refused .ContainerNotFound.; check that it exists"):
        BlobStore(url, azurite).list()


def test_an_upload_that_breaks_off_shows_nothing(azurite: str, container: Container, tmp_path: Path) -> None:
    """The bytes end in an error after several blocks were sent: the old blob stays as it was."""
    store = BlobStore(container("inbox"), azurite)
    old = tmp_path / "old"
    old.write_bytes(b"old")
    store.put(old, "m01/f")

    class Broken:
        sent = 0

        def read(self, size: int = -1) -> bytes:
            self.sent += 1
            if self.sent > 3:
                raise KeyboardInterrupt
            return b"x" * max(size, 1)

    with pytest.raises(KeyboardInterrupt):
        store._container.get_blob_client("m01/f").upload_blob(Broken(), overwrite=True)
    store.fetch("m01/f", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"old"
