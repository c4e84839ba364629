"""The two promises of the demonstration, by the commands a user types: it runs to its last line and finds who is one person, and a chain that
runs again on the same inputs changes nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from appetence.columns.hashing import pads
from appetence.privacy.scan import scan

pytestmark = [pytest.mark.spark, pytest.mark.servers, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
AS_OF = "2026-10-31"
RECORDS = 8000
"""Few, but enough for models that the gate can judge; it is asked for less than a real one, because chance has more to say."""
GATE = ("propensity.min_positives=10", "propensity.max_calibration_error=0.3")


@dataclass(frozen=True)
class Demonstration:
    """A finished `appetence demo` of its own, all that it said, and a way to type more commands at it, which gives what each prints."""

    root: Path
    said: str
    type_: Callable[..., str]


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    root = tmp_path_factory.mktemp("demonstration") / "demo"
    (root.parent / "events").mkdir()
    spoken = {"enabled": "true", "compress": "false", "rolling.enabled": "false", "dir": f"file:{root.parent / 'events'}"}
    events = ", ".join(f'"spark.eventLog.{key}": "{value}"' for key, value in spoken.items())

    def typed(*words: str, program: tuple[str, ...] = ("-m", "appetence.cli.main"), with_progress: bool = False) -> str:
        sets = [word for value in (f"paths.root={root}", f"spark.conf={{{events}}}", *GATE) for word in ("--set", value)]
        ended = subprocess.run(
            [sys.executable, *program, *words, "--env", "demo", *sets], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
        return ended.stdout + ended.stderr if with_progress else ended.stdout

    return Demonstration(root, typed("demo", "--records", str(RECORDS), with_progress=True), typed)


def _tables(demonstration: Demonstration) -> dict[str, tuple[int, int]]:
    """Rows and version of every table that runs may leave as it is: the ledger and the trail of runs grow with each."""
    rows = json.loads(demonstration.type_("tables", "--rows", "--json"))
    return {r["name"]: (r["rows"], r["version"]) for r in rows if not r["name"].startswith("ops.")}


def test_the_demonstration_finds_persons_and_households_and_says_where_to_look(demonstration: Demonstration) -> None:
    f1 = {m[1]: float(m[2]) for m in re.finditer(r"^(person|household) .* ([\d.]+)$", demonstration.said, re.MULTILINE)}
    assert f1["person"] >= 0.96 and f1["household"] >= 0.94, f1
    for campaign in ("noel_vad", "reveil_presse", "don_hiver"):
        assert re.search(rf"CAMPAIGN {campaign}: .* [1-9]\d* mailed", demonstration.said), campaign
    page = demonstration.root / "reports" / "index.html"
    assert str(page) in demonstration.said and page.stat().st_size > 1000


def test_a_second_chain_on_the_same_inputs_changes_nothing(demonstration: Demonstration) -> None:
    demonstration.type_("chain", "--as-of", AS_OF)
    before = _tables(demonstration)
    ended = demonstration.type_("chain", "--as-of", AS_OF)
    lines = re.findall(r"^(\w+): .*; changed (\d+) rows in", ended, re.MULTILINE)
    assert len(lines) == 12 and {changed for _, changed in lines} == {"0"}, ended
    assert _tables(demonstration) == before
    ran = demonstration.type_("--as-of", AS_OF, program=("jobs/score_persons.py",))
    assert "score_persons:" in ran and "changed 0 rows" in ran


def test_no_key_pepper_or_pad_stands_in_anything_written(demonstration: Demonstration, tmp_path: Path) -> None:
    """Lake, stores, logs, models, reports, Spark's own event logs and what was printed; and the same search finds each where it is planted."""
    root = demonstration.root
    keys = [file.read_bytes().rstrip(b"\n") for file in sorted((root / "secrets").rglob("*.key"))]
    assert len(keys) == 2 + 12
    secrets: list[str | bytes] = [s for key in keys for s in (key.decode(), bytes.fromhex(key.decode()), *pads(key))]
    pq.write_table(pa.table({"x": [pads(keys[0])[0], b"-"]}), tmp_path / "planted.parquet", compression="zstd")
    (tmp_path / "planted.log").write_text(f"said {keys[-1].decode()} and {pads(keys[1])[1].hex(' ').upper()}", encoding="ascii")
    planted = {f.pattern_number for f in scan([tmp_path], secrets)}
    assert planted == {secrets.index(pads(keys[0])[0]), secrets.index(keys[-1].decode()), secrets.index(pads(keys[1])[1])}
    logs = [f for f in (root.parent / "events").iterdir() if f.stat().st_size > 10_000]
    assert logs and any(b"SparkListenerSQLExecutionStart" in f.read_bytes() for f in logs)
    assert scan([root, root.parent / "events"], secrets, skip=[root / "secrets", root / "gnupg"]) == []
    (tmp_path / "said.txt").write_text(demonstration.said, encoding="utf-8")
    assert scan([tmp_path / "said.txt"], secrets) == []


def test_no_person_is_named_outside_the_tables(demonstration: Demonstration) -> None:
    """What is said, logged and kept with models and reports holds neither a person's token nor an address for mail."""
    truth = pq.read_table(demonstration.root / "truth" / "person_truth.parquet", columns=["canary"]).column("canary").to_pylist()
    assert len(truth) > RECORDS / 10
    secret = re.compile(rb"canari[0-9a-f]{8,}|[a-z]{3,}\.[a-z]{3,}[0-9]*@(?:gmail|orange|free|wanadoo|hotmail|laposte)\.")
    assert secret.search(truth[0].encode())
    for folder in ("logs", "mlflow", "reports"):
        for file in (f for f in (demonstration.root / folder).rglob("*") if f.is_file() and "rights" not in f.parts):
            assert not secret.search(file.read_bytes()), file
    assert not secret.search(demonstration.said.encode())


def test_a_wish_left_behind_is_carried_out_when_the_official_list_says_so(demonstration: Demonstration) -> None:
    """Last, because it erases: the demonstration's third letter, and its list of the deceased."""
    before = _tables(demonstration)
    assert before["privacy.directive"][0] == 1
    assert "match_deaths: 1 rows in, 1 out" in demonstration.type_("run", "match_deaths", "--as-of", AS_OF)
    after = _tables(demonstration)
    assert after["privacy.directive"][0] == 0 == after["privacy.death"][0] and after["silver.record"][0] == before["silver.record"][0] - 1
