"""Real servers on loopback: Azurite (npm, installed once into the cache), SFTP by paramiko's and asyncssh's servers and, where there, OpenSSH's.

`make test` brings OpenSSH where it may and npm where it can; nothing about SFTP is left out anywhere, and Azurite's tests only where npm's
registry is out of reach, never on CI.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import paramiko
import pytest
from azure.storage.blob import BlobServiceClient

from appetence.runtime.config import cache_directory
from tests.servers.sftp_server import serve

ACCOUNT = "devstoreaccount1"
KEY = base64.b64encode(b"a key of this test run only, 32+ bytes long").decode()
AZURITE = "azurite@3"
PATIENCE = 60.0


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes] | None = None) -> None:
    """Until something listens on the port; fails after a minute, or when the process ends."""
    waited = 0.0
    while waited < PATIENCE:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process is not None and process.poll() is not None:
            break
        time.sleep(0.1)
        waited += 0.1
    pytest.fail(f"no server came up on port {port}")


def without_azurite(reason: str) -> NoReturn:
    """The tests of the blob store are left out with their reason; on CI, where nobody reads reasons, they fail."""
    says = f"{reason}: without it there is no Azurite to test the blob store against (see `tools/setup.sh servers`)"
    if os.environ.get("CI"):
        pytest.fail(says)
    pytest.skip(says)


def azurite_command() -> str:
    """The installed Azurite; installs it with npm the first time."""
    folder = cache_directory() / "azurite"
    command = folder / "node_modules" / ".bin" / "azurite-blob"
    if not command.exists():
        npm = shutil.which("npm", path=_path())
        if npm is None:
            without_azurite("npm is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        install = [npm, "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), AZURITE]
        done = subprocess.run(install, env={**os.environ, "PATH": _path()}, capture_output=True, timeout=300, check=False)
        if done.returncode != 0 or not command.exists():
            without_azurite("npm could not install Azurite, its registry is not reachable")
    return str(command)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of an Azurite that serves this test session."""
    port, folder = free_port(), tmp_path_factory.mktemp("azurite")
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [azurite_command(), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder), "--skipApiVersionCheck",
         "--disableTelemetry", "--silent"],
        env={"PATH": _path(), "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}, stdout=log, stderr=log,
    )  # fmt: skip
    try:
        wait_for(port, process)
        yield (f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};")
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def _path() -> str:
    """The machine's own Node.js, else the one that set-up took from PyPI."""
    return f"{os.environ.get('PATH', '')}:{Path(sys.executable).parent}:/usr/bin:/bin"


@pytest.fixture
def container(azurite: str) -> Iterator[Callable[[str], str]]:
    """A factory of new containers; gives their URL."""
    service = BlobServiceClient.from_connection_string(azurite)

    def make(name: str) -> str:
        with contextlib.suppress(Exception):
            service.delete_container(name)
        return str(service.create_container(name).url)

    yield make
    service.close()


class SftpHost:
    """A running SFTP server: where it is, what it shows, and the key its user enters with."""

    def __init__(self, port: int, user: str, root: Path, host_key: str, private_key: bytes, kind: str) -> None:
        self.port, self.user, self.root, self.host_key, self.private_key, self.kind = port, user, root, host_key, private_key, kind

    def location(self, folder: str = "in") -> str:
        """The URL of a folder of this server."""
        base = f"{self.root}/" if self.kind == "openssh" else "/"
        return f"sftp://{self.user}@127.0.0.1:{self.port}{base}{folder}"


def _sshd() -> str | None:
    return shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin:/usr/bin")


@pytest.fixture(params=["paramiko", "asyncssh", *(["openssh"] if _sshd() else [])])
def sftp_host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SftpHost]:
    """An SFTP server over a folder of the test's own."""
    root = tmp_path / "served"
    root.mkdir()
    host_key, user_key = paramiko.ECDSAKey.generate(), paramiko.ECDSAKey.generate()
    user_key.write_private_key_file(str(tmp_path / "user_key"))
    private = (tmp_path / "user_key").read_bytes()
    shown = f"{host_key.get_name()} {host_key.get_base64()}"
    port = free_port()
    if request.param == "paramiko":
        with serve(port, root, host_key, "partner", user_key, "a password"):
            yield SftpHost(port, "partner", root, shown, private, "paramiko")
        return
    start = _asyncssh if request.param == "asyncssh" else _openssh
    with start(port, tmp_path, host_key, user_key) as user:
        yield SftpHost(port, user, root, shown, private, request.param)


def _write_keys(folder: Path, host_key: paramiko.ECDSAKey, user_key: paramiko.ECDSAKey) -> Path:
    """The server's own key, and the file of those who may enter."""
    host_key.write_private_key_file(str(folder / "host_key"))
    keys = folder / "authorized_keys"
    keys.write_text(f"{user_key.get_name()} {user_key.get_base64()}\n")
    keys.chmod(0o600)
    return keys


@contextlib.contextmanager
def _asyncssh(port: int, folder: Path, host_key: paramiko.ECDSAKey, user_key: paramiko.ECDSAKey) -> Iterator[str]:
    """asyncssh's server in a process of its own; the name of its user."""
    keys = _write_keys(folder, host_key, user_key)
    script = Path(__file__).with_name("asyncssh_server.py")
    command = [sys.executable, str(script), str(port), str(folder / "served"), str(folder / "host_key"), str(keys)]
    with _running(command, port, folder / "asyncssh.log"):
        yield "partner"


@contextlib.contextmanager
def _running(command: list[str], port: int, log_file: Path) -> Iterator[None]:
    """A server's process, from the moment it listens; what it says goes to the log."""
    with log_file.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextlib.contextmanager
def _openssh(port: int, folder: Path, host_key: paramiko.ECDSAKey, user_key: paramiko.ECDSAKey) -> Iterator[str]:
    """OpenSSH's server for the user who runs the tests; the name of that user."""
    import getpass

    keys = _write_keys(folder, host_key, user_key)
    settings = {
        "Port": port, "ListenAddress": "127.0.0.1", "HostKey": folder / "host_key", "AuthorizedKeysFile": keys, "StrictModes": "no",
        "PasswordAuthentication": "no", "UsePAM": "no", "PidFile": "none", "Subsystem": "sftp internal-sftp",
        "PermitRootLogin": "prohibit-password",
    }  # fmt: skip
    (folder / "sshd_config").write_text("".join(f"{k} {v}\n" for k, v in settings.items()))
    if Path("/run").is_dir() and not Path("/run/sshd").exists():
        with contextlib.suppress(OSError):
            Path("/run/sshd").mkdir(mode=0o755)  # sshd separates its privileges there
    command = [str(_sshd()), "-D", "-e", "-f", str(folder / "sshd_config")]
    with _running(command, port, folder / "sshd.log"):
        yield getpass.getuser()
