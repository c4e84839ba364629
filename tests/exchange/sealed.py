"""Stands in for `Pgp` where thousands of deliveries are received: a seal names signer and recipient and holds only while no byte changes.

Real gpg takes some 30 ms a file; `test_pgp` and `test_receiving` harm its messages. What is kept is the contract: whoever is not allowed,
not addressed or not whole is a CryptoError, and nothing is promoted before.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Collection
from pathlib import Path

from appetence.errors import CryptoError
from appetence.exchange.pgp import Signature

_MARK, _NOBODY = b"SEAL", "0" * 40
OPERATOR = "F" * 40


def seal(content: bytes, signer: str | None, recipient: str = OPERATOR) -> bytes:
    """The message; `signer` is a fingerprint, None: unsigned."""
    head = _MARK + (signer or _NOBODY).encode() + recipient.encode()
    return head + hashlib.sha256(head + content).hexdigest().encode() + content


def opened(message: bytes, recipient: str) -> tuple[bytes, str]:
    """Content and signer; CryptoError when the message is not whole or for somebody else."""
    head, digest, content = message[:84], message[84:148], message[148:]
    if not head.startswith(_MARK) or hashlib.sha256(head + content).hexdigest().encode() != digest:
        raise CryptoError("The file is not a whole message; send it again.")
    if head[44:].decode() != recipient:
        raise CryptoError("The file is encrypted for another key; encrypt it for the operator.")
    return content, head[4:44].decode()


class Sealed:
    """The keyring of `recipient`."""

    def __init__(self, home: Path | None = None, passphrase: bytes | None = None, recipient: str = OPERATOR) -> None:
        self._recipient = recipient

    def __enter__(self) -> Sealed:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing to stop."""

    def check_own_key(self, fingerprint: str) -> None:
        """It is always there."""

    def decrypt_and_verify(self, source: Path, target: Path, *, allowed: Collection[str], max_bytes: int | None = None) -> Signature:
        """The content under `target`, once the seal was found whole and its signer allowed."""
        content, signer = opened(source.read_bytes(), self._recipient)
        if signer == _NOBODY:
            raise CryptoError(f"{source.name} is not signed; sign it.")
        if signer not in allowed:
            raise CryptoError(f"{source.name} is signed by a key that is not one of its sender's allowed keys; sign it with an agreed key.")
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        part.write_bytes(content)
        os.replace(part, target)
        return Signature(signer, dt.datetime(2026, 10, 1, tzinfo=dt.UTC))

    def encrypt_and_sign(self, source: Path, target: Path, *, recipient: str, signer: str, **_: object) -> None:
        """A sealed copy."""
        target.write_bytes(seal(source.read_bytes(), signer, recipient))
