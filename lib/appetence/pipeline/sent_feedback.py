"""Feedback files as they come: sent by a router, encrypted for us and signed, or noted by hand by the officer as plain CSV.

A router sends `<requests>/feedback/<its id>/<name>.csv.pgp`. It is opened only when a key of that recipient signed it, as a member's delivery
is; what it tells is taken of the pieces that were handed to it, and of no other router's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from appetence.errors import AppetenceError, RightsError
from appetence.exchange.pgp import Pgp
from appetence.pipeline.context import Context
from appetence.selection import feedback as f

SENT = "*.csv.pgp"
MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class Received:
    """One file: where it lies, its name in lines and rows, who signed it (None: noted by hand), what it tells, or why it cannot be read."""

    path: Path
    name: str
    sender: str | None
    told: f.Told
    fault: str | None = None

    @property
    def plain(self) -> Path:
        """Where what is set aside of it belongs: the file as it would be unencrypted."""
        return self.path.with_suffix("") if self.sender else self.path


def read_all(ctx: Context, folder: Path) -> list[Received]:
    """Every file of the folder, by name; one that cannot be opened or read is there with its fault."""
    by_hand = [_read(path, path.name, None, path.read_bytes) for path in sorted(folder.glob("*.csv"))]
    sent = sorted(folder.glob(f"*/{SENT}"))
    return [*by_hand, *(_opened(ctx, sent) if sent else ())]


def _opened(ctx: Context, sent: list[Path]) -> Iterator[Received]:
    settings = ctx.config.exchange
    passphrase = ctx.secret(settings.operator_passphrase_ref) if settings.operator_passphrase_ref else None
    with Pgp(Path(ctx.config.paths.gnupg) / "operator", passphrase) as pgp:
        for path in sent:
            sender = path.parent.name
            yield _read(path, f"{sender}/{path.name}", sender, partial(_content, ctx, pgp, path, sender))


def _content(ctx: Context, pgp: Pgp, path: Path, sender: str) -> bytes:
    recipient = ctx.config.recipients.get(sender)
    if recipient is None:
        raise RightsError(f"{sender}/{path.name}: there is no recipient {sender!r}; put the file into the folder of the router that sent it.")
    plain = ctx.scratch / "feedback.csv"
    try:
        pgp.decrypt_and_verify(path, plain, allowed=[ctx.text(key) for key in recipient.pgp.fingerprints], max_bytes=MOST_BYTES)
        return plain.read_bytes()
    finally:
        plain.unlink(missing_ok=True)


def _read(path: Path, name: str, sender: str | None, content: Callable[[], bytes]) -> Received:
    try:
        return Received(path, name, sender, f.read_file(content(), name))
    except AppetenceError as refused:
        return Received(path, name, sender, f.Told(), str(refused))
