"""The SFTP store against real servers: the behaviour of every store, who is let in, and which server is trusted."""

from __future__ import annotations

from pathlib import Path

import paramiko
import pytest

from appetence.contracts.settings import StoreSettings
from appetence.errors import ConfigError, EnvironmentError_
from appetence.exchange.sftp_store import SftpStore
from appetence.exchange.stores import open_store
from tests.exchange.behaviour import check_store
from tests.servers.conftest import SftpHost

pytestmark = pytest.mark.servers


def test_it_behaves_as_a_store(sftp_host: SftpHost, tmp_path: Path) -> None:
    settings = StoreSettings(kind="sftp", location=sftp_host.location(), credential_ref="file:key", host_key=sftp_host.host_key)
    store = open_store(settings, lambda _: sftp_host.private_key)
    check_store(store, tmp_path)
    store.close()
    assert list(sftp_host.root.rglob("*.pgp*")) == []


def test_what_is_put_appears_whole_and_under_its_name_only(sftp_host: SftpHost, tmp_path: Path) -> None:
    store = SftpStore(sftp_host.location(), sftp_host.private_key, sftp_host.host_key)
    (tmp_path / "f").write_bytes(b"x" * 100_000)
    renames: list[tuple[str, int]] = []
    rename = store._sftp.posix_rename

    def seen(old: str, new: str) -> None:
        renames.append((old.rsplit("/", 1)[-1], (sftp_host.root / "in/m01/f.pgp.part").stat().st_size))
        assert not (sftp_host.root / "in/m01/f.pgp").exists()
        rename(old, new)

    store._sftp.posix_rename = seen  # type: ignore[method-assign]  # to look at the moment before the name appears
    store.put(tmp_path / "f", "m01/f.pgp")
    store.close()
    assert renames == [("f.pgp.part", 100_000)]
    assert [p.name for p in (sftp_host.root / "in/m01").iterdir()] == ["f.pgp"]


def test_a_server_that_shows_another_key_is_refused(sftp_host: SftpHost) -> None:
    other = paramiko.ECDSAKey.generate()
    with pytest.raises(EnvironmentError_, match="another key than `host_key`"):
        SftpStore(sftp_host.location(), sftp_host.private_key, f"{other.get_name()} {other.get_base64()}")
    with pytest.raises(ConfigError, match="`host_key` of the SFTP store must look like"):
        SftpStore(sftp_host.location(), sftp_host.private_key, "not a key")


def test_a_user_with_the_wrong_credential_is_told_so(sftp_host: SftpHost, tmp_path: Path) -> None:
    paramiko.ECDSAKey.generate().write_private_key_file(str(tmp_path / "other"))
    for credential in ((tmp_path / "other").read_bytes(), b"a guess"):
        with pytest.raises(EnvironmentError_, match="cannot be entered .* check address, user and credential") as refused:
            SftpStore(sftp_host.location(), credential, sftp_host.host_key)
        assert "guess" not in str(refused.value)
    if sftp_host.kind == "paramiko":
        SftpStore(sftp_host.location(), b"a password", sftp_host.host_key).close()
    with pytest.raises(ConfigError, match="of no known kind"):
        SftpStore(sftp_host.location(), b"-----BEGIN NONSENSE-----\n", sftp_host.host_key)


def test_no_server_there(sftp_host: SftpHost) -> None:
    location = sftp_host.location().replace(f":{sftp_host.port}", ":1")
    with pytest.raises(EnvironmentError_, match=r"127.0.0.1:1 cannot be entered"):
        SftpStore(location, sftp_host.private_key, sftp_host.host_key)
