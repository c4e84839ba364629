"""What the benches share: figures written as JSON, cores, memory, seconds by name, and whether a plan hands rows to Python."""

from __future__ import annotations

import json
import os
import re
import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from appetence.runtime import clock


def write(answer: Mapping[str, Any], target: Path) -> None:
    """Writes the measured figures as JSON."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(answer, indent=2, sort_keys=False) + "\n", encoding="utf-8")


def cores(spark: SparkSession) -> int:
    """How many tasks run side by side: on one machine what the master's name says (`spark.default.parallelism` counts partitions there)."""
    asked = re.fullmatch(r"local\[(\d+|\*)\]", spark.sparkContext.master or "")
    if asked is None:
        return spark.sparkContext.defaultParallelism
    return os.cpu_count() or 1 if asked[1] == "*" else int(asked[1])


def peak_memory() -> float:
    """Most memory the Python driver and its finished children (the JVM among them, while it runs through /proc) ever held, in GiB."""
    python = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return round((python + sum(peak_of(p) for p in _descendants())) / 2**30, 2)


def _descendants() -> Iterator[Path]:
    """/proc folders of the processes this one started: the JVM, and its Python workers."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
    found = {int(Path("/proc/self").resolve().name)}
    size = 0
    while len(found) != size:
        size = len(found)
        found |= {pid for pid, parent in parents.items() if parent in found}
    yield from (Path(f"/proc/{pid}") for pid in found if pid != int(Path("/proc/self").resolve().name))


def peak_of(process: Path) -> int:
    """The high-water mark of a process's memory in bytes, 0 where the system does not say."""
    try:
        lines = (process / "status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Notes how long the block took."""
    begun = clock.seconds()
    yield
    seconds[name] = clock.seconds() - begun


def python_operators(frame: DataFrame) -> int:
    """Steps of the frame's plan that hand rows to Python."""
    plan = str(frame._jdf.queryExecution().executedPlan())
    return sum(plan.count(word) for word in ("BatchEvalPython", "ArrowEvalPython", "MapInPandas", "MapInArrow"))
