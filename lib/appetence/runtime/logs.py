"""Structured log lines (one JSON object each) with the run id, in a file; and short progress lines for people on standard error."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appetence.runtime.clock import seconds, utc_now


@dataclass(frozen=True)
class Log:
    """The log of one run. Nothing personal may be passed to it: counts, ids of runs and tables, codes."""

    run_id: str
    job: str
    file: Path | None
    started: float
    is_quiet: bool = False

    @classmethod
    def opened(cls, run_id: str, job: str, folder: Path | None, *, is_quiet: bool = False) -> Log:
        """A log that writes `<folder>/<job>.jsonl`; without a folder only to standard error."""
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
        return cls(run_id, job, folder / f"{job}.jsonl" if folder else None, seconds(), is_quiet)

    def line(self, event: str, **facts: Any) -> None:
        """One structured line."""
        if self.file:
            row = {
                "at": utc_now().isoformat(timespec="milliseconds") + "Z",
                "run_id": self.run_id,
                "job": self.job,
                "event": event,
                **facts,
            }
            with self.file.open("a", encoding="utf-8") as out:
                out.write(json.dumps(row, default=str, ensure_ascii=False) + "\n")

    def progress(self, text: str) -> None:
        """A line for people, with the seconds since the start."""
        self.line("progress", text=text)
        if not self.is_quiet:
            sys.stderr.write(f"  [{self.job} {seconds() - self.started:6.1f}s] {text}\n")
            sys.stderr.flush()
