"""One run of a job at a time per environment: a lock file that the system releases when the process ends, however it ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appetence.errors import ConcurrentRunError


@contextmanager
def held(folder: Path, name: str) -> Iterator[None]:
    """Holds the lock `name`; a second holder gets a ConcurrentRunError at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConcurrentRunError(
                f"Another run holds the lock {folder / (name + '.lock')}: wait for it to end, then start this one again."
            ) from None
        yield
