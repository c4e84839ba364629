"""What the measurement of the way in says, and that the way in streams: three times the file does not take more memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from appetence.bench.exchange import run

pytestmark = pytest.mark.servers


def test_a_small_file_goes_there_and_back(tmp_path: Path) -> None:
    said = run(4_000_000, tmp_path)
    assert said["bytes"] > 4_000_000 > said["cipher_bytes"] > said["rows"] > 20_000
    for step in ("encrypt", "receive"):
        assert said[step]["seconds"] > 0 and said[step]["python_peak_mb"] > 20
    assert 1 < said["encrypt"]["gpg_peak_mb"] < 40
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Past the size at which buffers are full, each size in a process of its own."""

    def measured(size: int) -> dict[str, Any]:
        code = f"import json, pathlib\nfrom appetence.bench.exchange import run\nprint(json.dumps(run({size}, pathlib.Path({str(tmp_path)!r}))))"
        made = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        answer: dict[str, Any] = json.loads(made.stdout)
        return answer

    small, large = measured(300_000_000), measured(900_000_000)
    for step in ("encrypt", "receive"):
        assert large[step]["gpg_peak_mb"] < small[step]["gpg_peak_mb"] + 8, (small, large)
        assert large[step]["python_peak_mb"] < small[step]["python_peak_mb"] + 40, (small, large)
