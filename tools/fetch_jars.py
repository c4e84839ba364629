"""Fetch the Spark jars named in conf/base.yaml into the cache, once.

Usage: python tools/fetch_jars.py [CONFIGURATION]        (default: conf/base.yaml)

Reads the list `spark.jars` of Maven coordinates (`group:artifact:version`) and brings exactly these files, without what
they in turn depend on: the list is complete. A file is checked against the repository's SHA-1 before it gets its name,
so a jar in the cache is a whole jar. A session takes its jars from the cache and resolves nothing.

  APPETENCE_MAVEN   the Maven repository to fetch from   (default: https://repo1.maven.org/maven2)
  APPETENCE_CACHE   the cache                            (default: ~/.cache/appetence)
"""

import hashlib
import http.client
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
MAVEN_CENTRAL = "https://repo1.maven.org/maven2"
TRIES = 3
SECONDS_WITHOUT_ANSWER = 60
CHUNK = 1 << 20


class FetchError(Exception):
    """One sentence that says which jar could not be had, why, and what to do."""


@dataclass(frozen=True)
class Jar:
    """One Maven artifact."""

    group: str
    artifact: str
    version: str

    @classmethod
    def parse(cls, coordinate: str) -> "Jar":
        """Read `group:artifact:version`.

        >>> Jar.parse("io.delta:delta-storage:4.4.0").file_name
        'delta-storage-4.4.0.jar'
        """
        parts = str(coordinate).split(":")
        if len(parts) != 3 or not all(part and "/" not in part and ".." not in part for part in parts):
            raise FetchError(f"spark.jars: '{coordinate}' is not a Maven coordinate; write group:artifact:version.")
        return cls(*parts)

    @property
    def file_name(self) -> str:
        """The file's name in the repository and in the cache."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def path(self) -> str:
        """Where the repository keeps it.

        >>> Jar.parse("io.delta:delta-storage:4.4.0").path
        'io/delta/delta-storage/4.4.0/delta-storage-4.4.0.jar'
        """
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.file_name}"


def jars_of(configuration: Path) -> list[Jar]:
    """The jars a configuration file names under `spark.jars`."""
    if not configuration.is_file():
        raise FetchError(f"{configuration}: no such file; it must hold the list spark.jars.")
    content = yaml.safe_load(configuration.read_text(encoding="utf-8")) or {}
    coordinates = (content.get("spark") or {}).get("jars")
    if not isinstance(coordinates, list) or not coordinates:
        raise FetchError(f"{configuration}: the list spark.jars is missing or empty; name each jar as group:artifact:version.")
    return [Jar.parse(coordinate) for coordinate in coordinates]


def cache_folder() -> Path:
    """Where the jars are kept."""
    return Path(os.environ.get("APPETENCE_CACHE") or Path.home() / ".cache" / "appetence") / "jars"


def _published_sha1(url: str) -> str:
    with urllib.request.urlopen(url + ".sha1", timeout=SECONDS_WITHOUT_ANSWER) as answer:
        words = answer.read(4096).decode("ascii", "replace").split()
    if not words or len(words[0]) != 40:
        raise FetchError(f"{url}.sha1 holds no SHA-1 sum; check APPETENCE_MAVEN.")
    return words[0].lower()


def _download(url: str, target: Path) -> None:
    """Bring one file whole, or leave nothing: it is written under another name, checked, then renamed."""
    expected = _published_sha1(url)
    # The process id keeps two set-ups that run at once from writing into the same file.
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    digest = hashlib.sha1(usedforsecurity=False)
    try:
        with urllib.request.urlopen(url, timeout=SECONDS_WITHOUT_ANSWER) as answer, part.open("wb") as file:
            while chunk := answer.read(CHUNK):
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != expected:
            raise FetchError(f"{url} does not match its published SHA-1 (truncated or altered on the way); run the set-up again.")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def fetch(jar: Jar, folder: Path, repository: str, wait: Callable[[float], None] = time.sleep) -> Path:
    """Bring one jar into the folder unless it is there; tries three times."""
    target = folder / jar.file_name
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    url = f"{repository.rstrip('/')}/{jar.path}"
    attempt = 0
    while True:
        attempt += 1
        try:
            _download(url, target)
            return target
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise FetchError(f"{url} does not exist there; check spark.jars, or name another repository in APPETENCE_MAVEN.") from error
            problem = FetchError(f"{url} could not be fetched (HTTP {error.code}); try again later or set APPETENCE_MAVEN to a mirror.")
        # An answer cut short is an HTTPException, everything else the network does is an OSError.
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            problem = FetchError(f"{url} could not be fetched ({reason}); check the network, or set APPETENCE_MAVEN to a mirror.")
        except FetchError as error:
            problem = error
        if attempt == TRIES:
            raise problem
        wait(2.0**attempt)


def main(arguments: list[str]) -> int:
    """Fetch what is missing; says nothing when nothing is."""
    configuration = Path(arguments[0]) if arguments else ROOT / "conf" / "base.yaml"
    repository = os.environ.get("APPETENCE_MAVEN") or MAVEN_CENTRAL
    folder = cache_folder()
    try:
        for jar in jars_of(configuration):
            if (folder / jar.file_name).is_file():
                continue
            print(f"  jar   {jar.file_name} ...", end="", flush=True)
            started = time.monotonic()
            size = fetch(jar, folder, repository).stat().st_size
            print(f" {size / 1e6:.0f} MB in {time.monotonic() - started:.0f} s", flush=True)
    except (FetchError, OSError) as error:
        print(f"\nset-up: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
