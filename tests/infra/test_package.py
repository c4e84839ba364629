"""The wheels hold what the library needs at run time, and offer the commands that are promised."""

import configparser
import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
VERSION = "0.1.0"


def build(folder: Path, wheel_for: str | None = None) -> zipfile.ZipFile:
    """Build a wheel of a copy of the sources, so that nothing is left in the checkout."""
    copy = folder / "sources"
    for part in ("setup.py", "pyproject.toml", "MANIFEST.in", "conf/jobs.yaml"):
        (copy / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / part, copy / part)
    shutil.copytree(ROOT / "lib", copy / "lib", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    # What the package data rules must carry wherever it lies.
    (copy / "lib/appetence/planted").mkdir()
    for name in ("page.html", "page.css", "page.html.j2"):
        (copy / "lib/appetence/planted" / name).write_text("x")
    environment = {key: value for key, value in os.environ.items() if key != "APPETENCE_WHEEL_FOR"}
    if wheel_for:
        environment["APPETENCE_WHEEL_FOR"] = wheel_for
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder / "out"), str(copy)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = (folder / "out").glob("*.whl")
    return zipfile.ZipFile(wheel)


def requirements(wheel: zipfile.ZipFile) -> list[str]:
    """What installing the wheel installs, extras left out."""
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return [text for text in Parser().parsestr(wheel.read(name).decode()).get_all("Requires-Dist", []) if "extra ==" not in text]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The ordinary wheel."""
    return build(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_is_named_by_the_version_file(wheel: zipfile.ZipFile) -> None:
    assert Path(str(wheel.filename)).name == f"appetence-{VERSION}-py3-none-any.whl"


def test_the_wheel_offers_appetence_and_one_command_for_each_job(wheel: zipfile.ZipFile) -> None:
    points = configparser.ConfigParser(delimiters=("=",))
    points.read_string(wheel.read(f"appetence-{VERSION}.dist-info/entry_points.txt").decode())
    jobs = [job["name"] for job in yaml.safe_load((ROOT / "conf/jobs.yaml").read_text(encoding="utf-8"))["jobs"]]
    assert dict(points["console_scripts"]) == {
        "appetence": "appetence.cli.main:main",
        **{f"appetence-{job.replace('_', '-')}": f"appetence.cli.jobs:{job}" for job in jobs},
    }


def test_the_wheel_holds_every_module_data_file_and_template(wheel: zipfile.ZipFile) -> None:
    package = ROOT / "lib/appetence"
    expected = {str(path.relative_to(ROOT / "lib")) for path in package.rglob("*.py") if (path.parent / "__init__.py").exists()}
    data = [path for path in (package / "data").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected |= {str(path.relative_to(ROOT / "lib")) for path in data}
    expected |= {"appetence/py.typed", *(f"appetence/planted/{name}" for name in ("page.html", "page.css", "page.html.j2"))}
    assert expected - set(wheel.namelist()) == set()


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "lib/appetence").rglob("*.py") if "__pycache__" not in path.parts}
    assert [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_the_ordinary_wheel_brings_spark_and_the_cluster_wheel_leaves_it_to_the_cluster(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    brought_by_cluster = {"pyspark<4.1,>=4.0.2", "delta-spark==4.4.0"}
    assert brought_by_cluster <= set(requirements(wheel))
    cluster = build(tmp_path, "cluster")
    assert Path(str(cluster.filename)).name == f"appetence-{VERSION}+cluster-py3-none-any.whl"
    assert set(requirements(cluster)) == set(requirements(wheel)) - brought_by_cluster
