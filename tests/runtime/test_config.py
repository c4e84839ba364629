"""Configuration mistakes are one sentence that names file, key and remedy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appetence.errors import ConcurrentRunError, ConfigError, SecretError
from appetence.runtime import console, lock, secrets
from appetence.runtime.config import load

CONF = Path(__file__).resolve().parents[2] / "conf"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CONF, tmp_path / "conf"))


def test_later_files_and_overrides_win(conf: Path) -> None:
    config = load("demo", ["paths.root=/tmp/elsewhere", "spark.shuffle_partitions=7", "features.horizon_days=30"], str(conf))
    assert config.environment == "demo" and config.paths.lake == "/tmp/elsewhere/lake"
    assert (config.spark.shuffle_partitions, config.features.horizon_days) == (7, 30)
    assert config.exchange.inbox.location == "/tmp/elsewhere/inbox"


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("spark.masterr=x", "masterr is not a known key"),
        ("features.horizon_days=0", "horizon_days cannot be used"),
        ("nothing", "must look like a.b=value"),
        ("identity.engine=magic", "engine cannot be used"),
        ("unknown_part.x=1", "unknown_part is not a known key"),
    ],
)
def test_a_wrong_override_is_said(conf: Path, override: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load("demo", [override], str(conf))


def test_an_unknown_environment_names_the_known_ones(conf: Path) -> None:
    with pytest.raises(ConfigError, match="known environments are azure, demo, local"):
        load("prodd", [], str(conf))


def test_broken_yaml_names_file_and_line(conf: Path) -> None:
    (conf / "demo.yaml").write_text("paths:\n  root: [build/demo\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"demo.yaml, line \d: not valid YAML"):
        load("demo", [], str(conf))


def test_secrets_are_references_and_never_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "pepper.key"
    key.write_bytes(b"hush\n")
    key.chmod(0o644)
    with pytest.raises(SecretError, match="chmod 600") as refused:
        secrets.resolve("file:{secrets}/pepper.key", {"secrets": str(tmp_path)})
    assert "hush" not in str(refused.value)
    key.chmod(0o600)
    assert secrets.resolve("file:{secrets}/pepper.key", {"secrets": str(tmp_path)}) == b"hush"
    monkeypatch.setenv("SECRET_OF_TEST", "x")
    assert secrets.resolve("env:SECRET_OF_TEST", {}) == b"x"
    with pytest.raises(SecretError, match="set the environment variable NOT_THERE"):
        secrets.resolve("env:NOT_THERE", {})
    with pytest.raises(SecretError, match="must start with"):
        secrets.resolve("hush", {})


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    with lock.held(tmp_path, "lake"), pytest.raises(ConcurrentRunError, match="Another run holds the lock"), lock.held(tmp_path, "lake"):
        pass
    with lock.held(tmp_path, "lake"):
        pass


def test_tables_for_people_align() -> None:
    assert console.table([{"job": "a", "rows": 1234567}, {"job": "bb", "rows": None}]).splitlines()[1:] == ["a    1 234 567", "bb"]
