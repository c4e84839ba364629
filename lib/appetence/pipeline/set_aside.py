"""Lines of a file that could not be taken are kept, to be corrected and put back: the file itself is deleted once it is read."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

REFUSED = "refused"


def set_aside(file: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Writes the refused lines under `refused/` beside the file, for the owner alone; nothing when there are none.

    What waits there from an earlier file of that name stays: the new one gets a number."""
    lines = list(rows)
    if not lines:
        return
    folder = file.parent / REFUSED
    folder.mkdir(mode=0o700, exist_ok=True)
    part = folder / f"{file.name}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=";", lineterminator="\n")
        writer.writerow(header)
        writer.writerows(lines)
    names = (folder / (file.name if n == 1 else f"{file.stem}-{n}{file.suffix}") for n in count(1))
    part.replace(next(name for name in names if not name.exists()))
