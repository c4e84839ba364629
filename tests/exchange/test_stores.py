"""The folder store: whole files only, names that stay inside, an order that does not depend on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from appetence.contracts.settings import StoreSettings
from appetence.errors import ConfigError
from appetence.exchange.blob_store import _container_and_prefix
from appetence.exchange.stores import FolderStore, Store, open_store
from tests.exchange.behaviour import check_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty folder that is not made yet."""
    return open_store(StoreSettings(location=str(tmp_path / "box")), lambda _: b"")


def test_it_behaves_as_a_store(store: Store, tmp_path: Path) -> None:
    check_store(store, tmp_path)


def test_a_put_that_dies_leaves_no_file_under_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderStore(tmp_path / "box")
    (tmp_path / "source").write_bytes(b"new")
    store.put(tmp_path / "source", "a/f.pgp")
    monkeypatch.setattr("appetence.exchange.stores.os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    (tmp_path / "source").write_bytes(b"newer")
    with pytest.raises(KeyboardInterrupt):
        store.put(tmp_path / "source", "a/f.pgp")
    monkeypatch.undo()
    assert store.list() == ["a/f.pgp"] and (tmp_path / "box/a/f.pgp").read_bytes() == b"new"
    store.put(tmp_path / "source", "a/f.pgp")
    assert (tmp_path / "box/a/f.pgp").read_bytes() == b"newer" and not list((tmp_path / "box").rglob("*.part"))


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "a//b", "", "a\\b", "./a"])
def test_names_stay_inside(store: Store, tmp_path: Path, name: str) -> None:
    (tmp_path / "source").write_bytes(b"x")
    with pytest.raises(ConfigError, match="plain relative path"):
        store.put(tmp_path / "source", name)


def test_settings_that_lack_something() -> None:
    sftp = StoreSettings(kind="sftp", location="sftp://me@host/in")
    with pytest.raises(ConfigError, match="needs `credential_ref` and the server's `host_key`"):
        open_store(sftp, lambda _: b"")
    with pytest.raises(ConfigError, match="must look like sftp://user@host"):
        open_store(sftp.model_copy(update={"location": "host", "credential_ref": "env:X", "host_key": "ssh-ed25519 AAAA"}), lambda _: b"x")
    with pytest.raises(ConfigError, match="must look like https://account.blob"):
        open_store(StoreSettings(kind="blob", location="inbox", credential_ref="env:X"), lambda _: b"sv=1&sig=x")


def test_blob_locations() -> None:
    assert _container_and_prefix("https://a.blob.core.windows.net/inbox") == ("https://a.blob.core.windows.net/inbox", "")
    assert _container_and_prefix("https://a.blob.core.windows.net/c/in/box/") == ("https://a.blob.core.windows.net/c", "in/box/")
    assert _container_and_prefix("http://127.0.0.1:10000/acc/c/in") == ("http://127.0.0.1:10000/acc/c", "in/")
