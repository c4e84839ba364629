"""Jars: exact files, checked, whole or not at all. A repository on loopback stands in for Maven Central."""

import hashlib
import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load() -> ModuleType:
    """tools/ is no package: its file is imported by path."""
    spec = importlib.util.spec_from_file_location("fetch_jars", ROOT / "tools/fetch_jars.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["fetch_jars"] = module
    spec.loader.exec_module(module)
    return module


fetch_jars = load()
CONTENT = b"PK a jar " * 100_000
SHA1 = hashlib.sha1(CONTENT, usedforsecurity=False).hexdigest()


@dataclass
class Repository:
    """A Maven repository: path -> content, paths that fail a number of times first, and what was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    truncated: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def offer(self, jar: str, content: bytes = CONTENT, sha1: str = SHA1) -> str:
        """Publish one jar and its sum; returns its path."""
        path = "/" + fetch_jars.Jar.parse(jar).path
        self.files |= {path: content, f"{path}.sha1": sha1.encode()}
        return path


@pytest.fixture
def repository() -> Iterator[Repository]:
    """A repository that listens on loopback for the length of one test."""
    state = Repository()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            if state.failures.get(self.path, 0) > 0:
                state.failures[self.path] -= 1
                self.send_error(503)
            elif self.path not in state.files:
                self.send_error(404)
            else:
                content = state.files[self.path]
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if self.path in state.truncated else content)

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


COORDINATE = "org.example:thing_2.13:1.2.3"
JAR = fetch_jars.Jar.parse(COORDINATE)


def fetch(repository: Repository, folder: Path) -> Path:
    """Fetch without the waits between tries."""
    return fetch_jars.fetch(JAR, folder, repository.url, wait=lambda _: None)


def test_a_coordinate_becomes_a_path() -> None:
    assert JAR.path == "org/example/thing_2.13/1.2.3/thing_2.13-1.2.3.jar"
    assert JAR.file_name == "thing_2.13-1.2.3.jar"


@pytest.mark.parametrize("bad", ["", "a:b", "a:b:c:d", "a::c", "a:../b:c", "a:b/c:d", "a:..:1"])
def test_what_is_no_coordinate_is_refused(bad: str) -> None:
    with pytest.raises(fetch_jars.FetchError, match="group:artifact:version"):
        fetch_jars.Jar.parse(bad)


def test_the_list_is_read_from_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(f"spark:\n  master: local[2]\n  jars: ['{COORDINATE}', 'a:b:1']\n")
    assert fetch_jars.jars_of(tmp_path / "base.yaml") == [JAR, fetch_jars.Jar("a", "b", "1")]


@pytest.mark.parametrize("text", ["", "spark:\n", "spark: {jars: []}\n", "spark: {jars: a:b:1}\n"])
def test_a_configuration_without_jars_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "base.yaml").write_text(text)
    with pytest.raises(fetch_jars.FetchError, match="spark.jars is missing or empty"):
        fetch_jars.jars_of(tmp_path / "base.yaml")


def test_the_shipped_configuration_names_delta_in_the_version_of_the_python_package() -> None:
    jars = {jar.artifact: jar.version for jar in fetch_jars.jars_of(ROOT / "conf/base.yaml")}
    required = (ROOT / "setup.py").read_text(encoding="utf-8")
    assert f'"delta-spark=={jars["delta-spark_4.0_2.13"]}"' in required
    assert jars["delta-storage"] == jars["delta-spark_4.0_2.13"]
    assert any(artifact.startswith(("sedona-spark-shaded-4.0_2.13", "graphframes")) for artifact in jars)


def test_a_good_jar_is_fetched_whole_and_once(repository: Repository, tmp_path: Path) -> None:
    path = repository.offer(COORDINATE)
    assert fetch(repository, tmp_path / "jars").read_bytes() == CONTENT
    assert repository.asked == [f"{path}.sha1", path]
    fetch(repository, tmp_path / "jars")
    assert repository.asked == [f"{path}.sha1", path], "a jar that is there was asked for again"
    assert [file.name for file in (tmp_path / "jars").iterdir()] == [JAR.file_name]


def test_a_sum_followed_by_a_file_name_is_read(repository: Repository, tmp_path: Path) -> None:
    repository.offer(COORDINATE, sha1=f"{SHA1.upper()}  thing.jar\n")
    assert fetch(repository, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "sha1", "says"),
    [
        (CONTENT + b"x", SHA1, "does not match its published SHA-1"),
        (b"", SHA1, "does not match its published SHA-1"),
        (CONTENT, "<html>sign in</html>", "holds no SHA-1 sum"),
    ],
)
def test_a_wrong_jar_is_refused_and_nothing_stays(repository: Repository, tmp_path: Path, content: bytes, sha1: str, says: str) -> None:
    repository.offer(COORDINATE, content, sha1)
    with pytest.raises(fetch_jars.FetchError, match=says):
        fetch(repository, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_answer_is_refused_and_nothing_stays(repository: Repository, tmp_path: Path) -> None:
    repository.truncated.add(repository.offer(COORDINATE))
    with pytest.raises(fetch_jars.FetchError):
        fetch(repository, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_two_failures_are_overcome_and_three_are_told(repository: Repository, tmp_path: Path) -> None:
    path = repository.offer(COORDINATE)
    repository.failures[path] = 2
    assert fetch(repository, tmp_path / "good").read_bytes() == CONTENT
    repository.failures[path] = 3
    with pytest.raises(fetch_jars.FetchError, match="HTTP 503.*APPETENCE_MAVEN"):
        fetch(repository, tmp_path / "bad")
    assert list((tmp_path / "bad").iterdir()) == []


def test_a_jar_that_does_not_exist_is_not_asked_for_again(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(fetch_jars.FetchError, match=r"does not exist there; check spark\.jars"):
        fetch(repository, tmp_path)
    assert len(repository.asked) == 1


def test_the_command_fills_the_cache_then_says_nothing(repository: Repository, tmp_path: Path) -> None:
    repository.offer(COORDINATE)
    (tmp_path / "base.yaml").write_text(f"spark:\n  jars: ['{COORDINATE}']\n")
    command = [sys.executable, str(ROOT / "tools/fetch_jars.py"), str(tmp_path / "base.yaml")]
    environment = {
        **os.environ,
        "APPETENCE_MAVEN": repository.url + "/",
        "APPETENCE_CACHE": str(tmp_path / "cache"),
        "no_proxy": "127.0.0.1",
    }
    first, second = [subprocess.run(command, env=environment, capture_output=True, text=True, check=True) for _ in range(2)]
    assert JAR.file_name in first.stdout
    assert (tmp_path / "cache/jars" / JAR.file_name).read_bytes() == CONTENT
    assert second.stdout == second.stderr == ""


def test_the_command_fails_in_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools/fetch_jars.py"), str(tmp_path / "none.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == f"set-up: {tmp_path}/none.yaml: no such file; it must hold the list spark.jars."
