"""The bench of erasures: a lake of its own, one rewrite per table however many persons go, and nothing left of either."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from appetence.bench import erasure
from appetence.bench.erasure import run
from appetence.cli.main import main
from appetence.contracts.bronze import RawRecord
from appetence.errors import ConfigError
from appetence.privacy.destruction import write_private
from appetence.runtime.config import load
from tests.privacy import coop as c


@pytest.mark.spark
@pytest.mark.slow
def test_inv_22_many_erasures_cost_one_rewrite_per_table(spark: SparkSession, conf_folder: str, tmp_path: Path) -> None:
    ctx = c.context(spark, tmp_path / "root", conf_folder, "bench")
    write_private(Path(ctx.config.paths.secrets), "pepper.key", "0" * 64)
    answer = run(ctx, 400, (1, 20))
    one, many = answer["erasures"]
    assert (one["persons"], many["persons"]) == (1, 20) and json.dumps(answer)
    assert one["findings"] == many["findings"] == 0 and many["rows"] == 20 * one["rows"]
    assert one["commits"] == many["commits"] and many["most_commits_of_a_table"] == 1 and len(many["commits"]) == 11
    assert ctx.lake.row_count(RawRecord) == 400 - 2 * 21


def test_what_cannot_be_erased_is_refused_before_anything_is_made(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for persons in ("1,x", "0", "300"):
        assert main(["bench", "erasure", "--records", "500", "--persons", persons, "--json", str(tmp_path / "x.json"), "--env", "demo"]) == 2
    assert capsys.readouterr().err.count("--persons takes numbers") == 3


def test_the_lake_of_the_bench_is_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[tuple[Any, ...]] = []
    monkeypatch.setattr(erasure, "bench_erasure", lambda *given: seen.append(given) or 0)
    sets = ["--env", "azure", "--set", f"paths.scratch={tmp_path}"]
    assert main(["bench", "erasure", "--records", "500", "--persons", "1,5", "--json", str(tmp_path / "x.json"), *sets]) == 0
    config, records, persons, target = seen[0]
    root = tmp_path / "bench-erasure"
    assert (config.paths.root, config.paths.lake) == (str(root), str(root / "lake")) and (records, persons) == (500, [1, 5])
    assert config.paths.scratch == str(root / "scratch")  # an erasure clears it: the lake must not lie in it
    assert config.privacy.pepper_ref == "file:{secrets}/pepper.key" and config.paths.secrets == str(root / "secrets") and target.name == "x.json"


def test_an_environment_that_keeps_anything_elsewhere_is_refused_and_left_alone(tmp_path: Path) -> None:
    for root, path in (
        ("bench-erasure", f"paths.secrets={tmp_path}/keys"),
        ("lake-of-ours", "paths.scratch=x"),
        ("bench-erasure", f"paths.scratch={tmp_path}"),
    ):
        kept = tmp_path / root / "kept.txt"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text("ours", encoding="utf-8")
        with pytest.raises(ConfigError, match="erases and removes a lake of its own"):
            erasure.bench_erasure(load("local", [f"paths.root={tmp_path / root}", path]), 400, (1,), tmp_path / "x.json")
        assert kept.read_text(encoding="utf-8") == "ours" and not (tmp_path / "keys").exists()
