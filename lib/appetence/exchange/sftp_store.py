"""An SFTP server as a store, over paramiko; the server must show the key it was announced with."""

from __future__ import annotations

import contextlib
import io
import posixpath
import stat
from collections.abc import Iterator
from pathlib import Path

import paramiko

from appetence.errors import ConfigError, EnvironmentError_
from appetence.exchange.stores import PART, checked_name, split_location

_TIMEOUT = 30


class SftpStore:
    """A folder of an SFTP server. `credential` is a private key (PEM or OpenSSH text) or a password; `host_key` is `type base64`."""

    def __init__(self, location: str, credential: bytes, host_key: str) -> None:
        user, host, port, self._root = split_location(location)
        self._name = f"{host}:{port or 22}"
        self._ssh = paramiko.SSHClient()
        self._ssh.set_missing_host_key_policy(paramiko.RejectPolicy())
        self._add_host_key(host, port or 22, host_key)
        key = _private_key(credential)
        try:
            self._ssh.connect(
                host, port=port or 22, username=user, pkey=key, password=None if key else credential.decode(),
                allow_agent=False, look_for_keys=False, timeout=_TIMEOUT, banner_timeout=_TIMEOUT, auth_timeout=_TIMEOUT,
            )  # fmt: skip
            self._sftp = self._ssh.open_sftp()
        except paramiko.BadHostKeyException as error:
            raise EnvironmentError_(f"The SFTP server {self._name} shows another key than `host_key`; ask its owner before you change it.") from error
        except (paramiko.SSHException, OSError) as error:
            self._ssh.close()
            raise EnvironmentError_(
                f"The SFTP server {self._name} cannot be entered ({type(error).__name__}); check address, user and credential."
            ) from error

    def list(self, prefix: str = "") -> list[str]:
        """Files under `prefix`."""
        with self._errors():
            start = posixpath.join(self._root, prefix.rstrip("/")) if prefix else self._root
            return sorted(posixpath.relpath(p, self._root) for p in self._walk(start) if not p.endswith(PART))

    def fetch(self, name: str, target: Path) -> None:
        """Download; paramiko checks the size."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._errors():
            self._sftp.get(self._path(name), str(target))

    def put(self, source: Path, name: str) -> None:
        """Upload to `<name>.part`, check its size, rename over what is there."""
        path = self._path(name)
        with self._errors():
            self._make_folders(posixpath.dirname(path))
            self._sftp.put(str(source), path + PART)
            self._sftp.posix_rename(path + PART, path)

    def move(self, name: str, new_name: str) -> None:
        """Rename."""
        with self._errors():
            self._make_folders(posixpath.dirname(self._path(new_name)))
            self._sftp.posix_rename(self._path(name), self._path(new_name))

    def delete(self, name: str) -> None:
        """Remove, and with it the folders it leaves empty."""
        path = self._path(name)
        with self._errors():
            with contextlib.suppress(FileNotFoundError):
                self._sftp.remove(path)
            folder = posixpath.dirname(path)
            with contextlib.suppress(OSError):
                while folder != self._root and folder.startswith(self._root):
                    self._sftp.rmdir(folder)
                    folder = posixpath.dirname(folder)

    def exists(self, name: str) -> bool:
        """Whether the file is there."""
        with self._errors():
            try:
                return stat.S_ISREG(self._sftp.stat(self._path(name)).st_mode or 0)
            except FileNotFoundError:
                return False

    def close(self) -> None:
        """Close the connection."""
        self._sftp.close()
        self._ssh.close()

    def _add_host_key(self, host: str, port: int, host_key: str) -> None:
        kind, _, rest = host_key.strip().partition(" ")
        address = host if port == 22 else f"[{host}]:{port}"
        try:
            entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{address} {kind} {rest.split(' ')[0]}")
        except (paramiko.hostkeys.InvalidHostKey, paramiko.SSHException, ValueError):
            entry = None
        if entry is None or entry.key is None:
            raise ConfigError("`host_key` of the SFTP store must look like `ssh-ed25519 AAAA...`; copy it from the server's .pub file.")
        self._ssh.get_host_keys().add(address, kind, entry.key)

    def _path(self, name: str) -> str:
        return posixpath.join(self._root, checked_name(name))

    def _walk(self, folder: str) -> Iterator[str]:
        try:
            entries = self._sftp.listdir_attr(folder)
        except FileNotFoundError:
            return
        for entry in entries:
            path = posixpath.join(folder, entry.filename)
            if stat.S_ISDIR(entry.st_mode or 0):
                yield from self._walk(path)
            elif stat.S_ISREG(entry.st_mode or 0):
                yield path

    def _make_folders(self, folder: str) -> None:
        try:
            self._sftp.stat(folder)
        except FileNotFoundError:
            self._make_folders(posixpath.dirname(folder))
            self._sftp.mkdir(folder)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise EnvironmentError_(
                f"The SFTP server {self._name} broke off or refused ({type(error).__name__}); try again, or check what its user may do."
            ) from error


def _private_key(credential: bytes) -> paramiko.PKey | None:
    if not credential.lstrip().startswith(b"-----BEGIN"):
        return None
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with contextlib.suppress(paramiko.SSHException, ValueError):
            return kind.from_private_key(io.StringIO(credential.decode()))
    raise ConfigError("The private key of the SFTP store is of no known kind; give an ed25519, ECDSA or RSA key without passphrase.")
