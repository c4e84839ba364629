"""A process of its own that serves one folder by SFTP, with asyncssh: PORT FOLDER HOST_KEY AUTHORIZED_KEYS. It ends when it is told to."""

import asyncio
import sys

import asyncssh


async def serve(port: int, folder: str, host_key: str, authorized_keys: str) -> None:
    """Serves `folder` as the whole of its file system on loopback, to those whose key is authorized, whatever they are called."""
    await asyncssh.listen(
        "127.0.0.1",
        port,
        server_host_keys=[host_key],
        authorized_client_keys=authorized_keys,
        password_auth=False,
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=folder.encode()),
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), *sys.argv[2:5]))
