"""`appetence doctor`: what this machine has, what it lacks, and how to get it."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from appetence.cli.arguments import add_environment_arguments
from appetence.errors import AppetenceError
from appetence.runtime import console
from appetence.runtime.config import Config, load
from appetence.runtime.session import build_session, jar_files

MIN_MEMORY_GIB = 6
PACKAGES = ("pyspark", "delta-spark", "graphframes-py", "pandas", "pyarrow", "mlflow", "azure-storage-blob", "python-gnupg", "scikit-learn")

Finding = tuple[str, bool, str]


def add_to(commands: Any) -> None:
    """The `doctor` command."""
    command = commands.add_parser("doctor", help="check Java, jars, gpg, GraphFrames, memory and write access; say how to get what is missing")
    command.add_argument("--no-session", action="store_true", help="do not start Spark")
    add_environment_arguments(command)
    command.set_defaults(act=_doctor)


def _doctor(args: argparse.Namespace) -> int:
    config = load(args.env, args.overrides, args.conf)
    checks: list[Callable[[Config], Finding]] = [_python, _packages, _java, _jars, _gpg, _memory, _writes]
    if not args.no_session:
        checks.append(_graphframes)
    findings = [check(config) for check in checks]
    for name, is_fine, says in findings:
        console.say(f"{'ok     ' if is_fine else 'MISSING'}  {name:<12} {says}")
    lacking = [name for name, is_fine, _ in findings if not is_fine]
    console.say("" if not lacking else f"\n{len(lacking)} thing(s) to put right: {', '.join(lacking)}.")
    return 0 if not lacking else 3


def _python(_: Config) -> Finding:
    return "python", sys.version_info >= (3, 11), f"{sys.version.split()[0]} (3.11 or newer is needed)"


def _packages(_: Config) -> Finding:
    found, lacking = [], []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            lacking.append(package)
    return "packages", not lacking, ", ".join(found) if not lacking else f"{', '.join(lacking)} not installed: run `make setup`"


def _java(_: Config) -> Finding:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    how = "install Java 17 or 21, e.g. `apt-get install openjdk-17-jre-headless`, or set JAVA_HOME"
    if not java or not Path(java).exists():
        return "java", False, f"not found: {how}"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(\d+)', said)
    major = int(match.group(1)) if match else 0
    return "java", major in (17, 21), f"Java {major} at {java}" + ("" if major in (17, 21) else f": {how}")


def _jars(config: Config) -> Finding:
    if not config.spark.jars:
        return "jars", True, "none needed: the cluster brings them"
    try:
        files = jar_files(config.spark)
    except AppetenceError as lacking:
        return "jars", False, str(lacking)
    return "jars", True, f"{len(files)} in {files[0].parent}"


def _gpg(_: Config) -> Finding:
    gpg = shutil.which("gpg")
    if not gpg:
        return "gpg", False, "not found: install GnuPG, e.g. `apt-get install gnupg`"
    said = subprocess.run([gpg, "--version"], capture_output=True, text=True, check=False).stdout.splitlines()
    return "gpg", True, f"{said[0] if said else 'gpg'} at {gpg}"


def _memory(_: Config) -> Finding:
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return "memory", gib >= MIN_MEMORY_GIB, f"{gib:.1f} GiB ({MIN_MEMORY_GIB} or more; lower spark.driver_memory on a small machine)"


def _writes(config: Config) -> Finding:
    root = Path(config.paths.root)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=root):
            pass
    except OSError as refused:
        return "write access", False, f"{root} cannot be written ({refused.strerror}): change its owner, or --set paths.root=ELSEWHERE"
    free = shutil.disk_usage(root).free / 2**30
    return "write access", True, f"{root} ({free:.0f} GiB free)"


def groups_of_a_small_graph(spark: SparkSession) -> int:
    """Connected components of the edges 1-2, 2-3 and 7-8, found by GraphFrames: two."""
    from appetence.identity.components import connected_components

    edges = spark.createDataFrame([(1, 2), (2, 3), (7, 8)], "a bigint, b bigint")
    return connected_components(edges, engine="graphframes").select("component").distinct().count()


def _graphframes(config: Config) -> Finding:
    try:
        groups = groups_of_a_small_graph(build_session(config.spark, Path(config.paths.scratch)))
    except Exception as failed:
        return "graphframes", False, f"a small graph could not be solved ({type(failed).__name__}): check java and jars above"
    return "graphframes", groups == 2, "connected components of a small graph solved in Spark"
