"""List the wheels of a folder with what each requires and which commands it installs.

Usage: python tools/list_wheels.py FOLDER
"""

import configparser
import sys
import zipfile
from email.parser import Parser
from pathlib import Path


def describe(wheel: Path) -> str:
    """A few lines about one wheel: name, size, requirements outside extras, commands."""
    with zipfile.ZipFile(wheel) as archive:
        info = next(name.rsplit("/", 1)[0] for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode("utf-8"))
        entry_points = configparser.ConfigParser(delimiters=("=",))
        entry_points.read_string(archive.read(f"{info}/entry_points.txt").decode("utf-8"))
    required = [text for text in metadata.get_all("Requires-Dist", []) if "extra ==" not in text]
    commands = sorted(entry_points["console_scripts"])
    return "\n".join(
        [
            f"{wheel} ({wheel.stat().st_size / 1024:.0f} KiB)",
            f"  requires  {', '.join(required)}",
            f"  commands  {', '.join(commands)}",
        ]
    )


if __name__ == "__main__":
    print("\n".join(describe(wheel) for wheel in sorted(Path(sys.argv[1]).glob("*.whl"))))
