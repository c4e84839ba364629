"""A small SFTP server over one folder, in this process, built on paramiko's server side."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
from paramiko import SFTP_OK, SFTPAttributes, SFTPHandle, SFTPServer, SFTPServerInterface


class _Gate(paramiko.ServerInterface):
    """Lets one user in, by key or by password."""

    def __init__(self, user: str, key: paramiko.PKey, password: str) -> None:
        self._user, self._key, self._password = user, key, password

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """By key."""
        return paramiko.AUTH_SUCCESSFUL if (username, key) == (self._user, self._key) else paramiko.AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        """By password."""
        return paramiko.AUTH_SUCCESSFUL if (username, password) == (self._user, self._password) else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Sessions only."""
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def get_allowed_auths(self, username: str) -> str:
        """Both ways."""
        return "publickey,password"


def _files(root: Path) -> type[SFTPServerInterface]:
    """The file operations over `root`."""

    class Files(SFTPServerInterface):
        def _real(self, path: str) -> str:
            return str(root) + self.canonicalize(path)

        def list_folder(self, path: str) -> list[SFTPAttributes] | int:
            try:
                return [SFTPAttributes.from_stat(e.stat(), e.name) for e in os.scandir(self._real(path))]
            except OSError as error:
                return SFTPServer.convert_errno(error.errno or 0)

        def stat(self, path: str) -> SFTPAttributes | int:
            try:
                return SFTPAttributes.from_stat(os.stat(self._real(path)))
            except OSError as error:
                return SFTPServer.convert_errno(error.errno or 0)

        lstat = stat

        def open(self, path: str, flags: int, attr: SFTPAttributes) -> SFTPHandle | int:
            try:
                descriptor = os.open(self._real(path), flags, 0o600)
            except OSError as error:
                return SFTPServer.convert_errno(error.errno or 0)
            stream = os.fdopen(descriptor, "wb" if flags & os.O_WRONLY else "rb")
            handle = SFTPHandle(flags)
            handle.readfile = handle.writefile = stream  # type: ignore[attr-defined]  # what paramiko's default handle reads and writes
            return handle

        def _act(self, act: object, *paths: str) -> int:
            try:
                act(*(self._real(p) for p in paths))  # type: ignore[operator]  # a function of os
            except OSError as error:
                return SFTPServer.convert_errno(error.errno or 0)
            return SFTP_OK

        def remove(self, path: str) -> int:
            return self._act(os.remove, path)

        def rename(self, oldpath: str, newpath: str) -> int:
            return self._act(os.link, oldpath, newpath) or self._act(os.remove, oldpath)

        def posix_rename(self, oldpath: str, newpath: str) -> int:
            return self._act(os.replace, oldpath, newpath)

        def mkdir(self, path: str, attr: SFTPAttributes) -> int:
            return self._act(os.mkdir, path)

        def rmdir(self, path: str) -> int:
            return self._act(os.rmdir, path)

        def chattr(self, path: str, attr: SFTPAttributes) -> int:
            return SFTP_OK

    return Files


@contextlib.contextmanager
def serve(port: int, root: Path, host_key: paramiko.PKey, user: str, user_key: paramiko.PKey, password: str) -> Iterator[None]:
    """Serves `root` on 127.0.0.1:`port` while the block lasts."""
    listener = socket.create_server(("127.0.0.1", port))
    transports: list[paramiko.Transport] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # closed: the test is over
                return
            transport = paramiko.Transport(connection)
            transports.append(transport)
            transport.add_server_key(host_key)
            transport.set_subsystem_handler("sftp", SFTPServer, _files(root))
            with contextlib.suppress(paramiko.SSHException, EOFError):
                transport.start_server(server=_Gate(user, user_key, password))

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for transport in transports:
            transport.close()
        thread.join(timeout=5)
