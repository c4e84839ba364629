"""Real servers on loopback: Azurite (npm, installed once into the cache), SFTP by paramiko's server and, where installed, OpenSSH's."""

from __future__ import annotations

import base64
import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

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


def azurite_command() -> str:
    """The installed Azurite; installs it with npm the first time. Skips where npm or its registry is missing."""
    folder = cache_directory() / "azurite"
    command = folder / "node_modules" / ".bin" / "azurite-blob"
    if not command.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed: without it there is no Azurite to test against")
        folder.mkdir(parents=True, exist_ok=True)
        install = [npm, "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), AZURITE]
        done = subprocess.run(install, capture_output=True, timeout=300, check=False)
        if done.returncode != 0 or not command.exists():
            pytest.skip("npm could not install Azurite: the registry is not reachable")
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
    node = shutil.which("node")
    return f"{Path(node).parent if node else ''}:/usr/bin:/bin"


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


@pytest.fixture(params=["paramiko", "openssh"])
def sftp_host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SftpHost]:
    """An SFTP server over a folder of the test's own."""
    if request.param == "openssh" and _sshd() is None:
        pytest.skip("OpenSSH's server is not installed (Debian: apt-get install openssh-server); paramiko's is tested instead")
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
    with _openssh(port, tmp_path, host_key, user_key) as user:
        yield SftpHost(port, user, root, shown, private, "openssh")


def _sshd() -> str | None:
    return shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin:/usr/bin")


@contextlib.contextmanager
def _openssh(port: int, folder: Path, host_key: paramiko.ECDSAKey, user_key: paramiko.ECDSAKey) -> Iterator[str]:
    """OpenSSH's server for the user who runs the tests; the name of that user."""
    import getpass

    host_key.write_private_key_file(str(folder / "host_key"))
    keys = folder / "authorized_keys"
    keys.write_text(f"{user_key.get_name()} {user_key.get_base64()}\n")
    keys.chmod(0o600)
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
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(port, process)
        yield getpass.getuser()
    finally:
        process.terminate()
        process.wait(timeout=20)
