"""From a file's bytes to UTF-8: unpacking gzip and zip under a limit, and decoding, all streaming, each failure with its line.

Nothing here holds more than one buffer of the file.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import gzip
import io
import lzma
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from appetence.errors import DeliveryError

BUFFER = 1 << 20
_FREE_BYTES = 16 << 20
"""An archive may always grow to this size, however small it is."""
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error, NotImplementedError, RuntimeError, ValueError, OverflowError,
)  # fmt: skip
"""What the unpackers raise on bytes that are no archive of theirs, besides an OSError without a number."""
_UTF8_BOM = codecs.BOM_UTF8
_UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def is_of_the_machine(error: OSError) -> bool:
    """Whether this machine failed (a full disk, a refused access) and not the file: what is wrong with bytes has no number, or `EINVAL`.

    >>> is_of_the_machine(OSError(28, "No space left on device")), is_of_the_machine(OSError("Invalid data stream"))
    (True, False)
    """
    return error.errno not in (None, errno.EINVAL)


def allowed_bytes(path: Path, max_expansion: int) -> int:
    """How many bytes may come out of the packed (or encrypted and packed) file `path`."""
    return max(_FREE_BYTES, path.stat().st_size * max_expansion)


@contextlib.contextmanager
def open_plain(path: Path, name: str, max_expansion: int) -> Iterator[IO[bytes]]:
    """The bytes of `path`, unpacked when it is a gzip or zip file; DeliveryError `ARCHIVE` or `ARCHIVE_BOMB` when that cannot be done."""
    with path.open("rb") as stream:
        start = stream.read(4)
        stream.seek(0)
        limit = allowed_bytes(path, max_expansion)
        if start[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=stream) as archive:
                yield _buffered(_Limited(archive, name, limit))
        elif start == b"PK\x03\x04":
            with _unpacking(name):
                bundle = zipfile.ZipFile(stream)
                member = bundle.open(_only_member(bundle, name))
            yield _buffered(_Limited(member, name, limit))
        else:
            yield stream


@contextlib.contextmanager
def _unpacking(name: str) -> Iterator[None]:
    """Only the unpacker itself runs inside: whatever it raises says that the archive is damaged, but for what the machine lacks."""
    try:
        yield
    except (*_DAMAGED, OSError) as error:
        if isinstance(error, OSError) and is_of_the_machine(error):
            raise
        raise DeliveryError("ARCHIVE", f"{name} cannot be unpacked: the archive is damaged or of an unknown kind; pack it again.") from error


@contextlib.contextmanager
def open_text(path: Path, name: str, encoding: str, max_expansion: int) -> Iterator[io.BufferedReader]:
    """The text of `path` as UTF-8 bytes without byte order mark; DeliveryError `ENCODING` names the first line not in `encoding`."""
    with open_plain(path, name, max_expansion) as plain:
        yield _buffered(_Utf8(plain, name, encoding))


def unpack(path: Path, name: str, target: Path, max_expansion: int) -> None:
    """Write the unpacked bytes of `path` to `target`, for formats that must be read from a file."""
    with open_plain(path, name, max_expansion) as plain, target.open("wb") as out:
        shutil.copyfileobj(plain, out, BUFFER)


def _buffered(raw: io.RawIOBase) -> io.BufferedReader:
    return io.BufferedReader(raw, BUFFER)


def _only_member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    members = [m for m in archive.infolist() if not m.is_dir()]
    if len(members) != 1:
        raise DeliveryError("ARCHIVE", f"{name} holds {len(members)} files; pack exactly one.")
    if members[0].flag_bits & 0x1:
        raise DeliveryError("ARCHIVE", f"{name} is protected by a password; PGP protects it already: pack it without one.")
    return members[0]


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Limited(io.RawIOBase):
    """Unpacked bytes, until they are more than an honest file would give."""

    def __init__(self, inner: _Readable, name: str, limit: int) -> None:
        self._inner, self._name, self._left = inner, name, limit

    def readable(self) -> bool:
        return True

    def readinto(self, into: memoryview) -> int:  # type: ignore[override]  # typeshed types it as any buffer; io passes a memoryview
        with _unpacking(self._name):
            block = self._inner.read(len(into))
        self._left -= len(block)
        if self._left < 0:
            raise DeliveryError("ARCHIVE_BOMB", f"{self._name} unpacks to far more than its size allows; send it less tightly packed.")
        into[: len(block)] = block
        return len(block)


class _Utf8(io.RawIOBase):
    """Any encoding in, UTF-8 out, line by line accountable."""

    def __init__(self, inner: _Readable, name: str, encoding: str) -> None:
        self._inner, self._name = inner, name
        self._encoding = "utf-8" if encoding.startswith("utf-8") else encoding
        self._decoder = codecs.getincrementaldecoder(self._encoding)("strict")
        self._lines, self._ready, self._is_start, self._is_end = 0, b"", True, False

    def readable(self) -> bool:
        return True

    def readinto(self, into: memoryview) -> int:  # type: ignore[override]  # typeshed types it as any buffer; io passes a memoryview
        while not self._ready and not self._is_end:
            self._ready = self._decoded(self._inner.read(BUFFER))
        taken = min(len(into), len(self._ready))
        into[:taken] = self._ready[:taken]
        self._ready = self._ready[taken:]
        return taken

    def _decoded(self, block: bytes) -> bytes:
        self._is_end = not block
        if self._is_start:
            block, self._is_start = self._without_mark(block), False
        try:
            text = self._decoder.decode(block, final=self._is_end)
        except UnicodeDecodeError as error:
            line = self._lines + 1 + bytes(error.object[: error.start]).count(b"\n")
            raise DeliveryError(
                "ENCODING",
                f"{self._name} line {line} is not valid {self._encoding}; save the file in the agreed encoding, or have it changed.",
            ) from None
        if "\0" in text:
            line = self._lines + 1 + text[: text.index("\0")].count("\n")
            raise DeliveryError("ENCODING", f"{self._name} line {line} holds a NUL character; send a plain text file in {self._encoding}.")
        self._lines += text.count("\n")
        return text.encode("utf-8")

    def _without_mark(self, block: bytes) -> bytes:
        if block.startswith(_UTF8_BOM):
            if self._encoding != "utf-8":
                raise DeliveryError("ENCODING", f"{self._name} starts as UTF-8 but {self._encoding} is agreed; send the agreed encoding.")
            return block[len(_UTF8_BOM) :]
        if block.startswith(_UTF16_BOMS):
            raise DeliveryError("ENCODING", f"{self._name} is UTF-16 but {self._encoding} is agreed; send the agreed encoding.")
        return block
