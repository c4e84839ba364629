"""Members' files as they leave their machines: encoding, header, row count and hash."""

from __future__ import annotations

import csv
import hashlib
import io
import stat
from pathlib import Path

import pytest

from appetence.contracts.domain import Block
from appetence.contracts.settings import PathSettings
from appetence.contracts.specs import BlockSpec
from appetence.pipeline.demo_files import make_secrets, write_file
from appetence.runtime.config import load


@pytest.mark.parametrize(
    ("encoding", "header", "start"),
    [("utf-8", True, b"NO;NOM\n"), ("utf-8-sig", True, b"\xef\xbb\xbfNO;NOM\n"), ("cp1252", True, b"NO;NOM\n"), ("utf-8", False, b"1;")],
)
def test_a_file_is_written_as_its_specification_says(tmp_path: Path, encoding: str, header: bool, start: bytes) -> None:
    source = tmp_path / "parts"
    source.mkdir()
    (source / "part-00001").write_text("2;Zoé\n", encoding="utf-8")
    (source / "part-00000").write_text("1;Œuvrard\n", encoding="utf-8")
    spec = BlockSpec.model_validate(
        {"encoding": encoding, "header": header, "fields": [] if header else ["NO", "NOM"], "columns": {"NO": "customer_ref", "NOM": "last_name"}}
    )
    rows, digest = write_file(source, tmp_path / "out.csv", spec)
    written = (tmp_path / "out.csv").read_bytes()
    assert written.startswith(start)
    assert digest == hashlib.sha256(written).hexdigest()
    lines = list(csv.reader(io.StringIO(written.decode(encoding)), delimiter=";"))
    assert rows == 2
    assert lines[-2:] == [["1", "Œuvrard"], ["2", "Zoé"]]


def test_a_delivery_without_lines_has_its_header_only(tmp_path: Path) -> None:
    spec = BlockSpec(columns={"NO": "customer_ref"})
    assert write_file(tmp_path / "absent", tmp_path / "out.csv", spec)[0] == 0
    assert (tmp_path / "out.csv").read_bytes() == b"NO\n"


def test_secrets_are_private_and_kept(tmp_path: Path) -> None:
    paths = PathSettings(root=str(tmp_path), secrets=str(tmp_path / "secrets"))
    make_secrets(paths, ["m01"], 1)
    key = tmp_path / "secrets" / "members" / "m01.key"
    first = key.read_text()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert first != (tmp_path / "secrets" / "pepper.key").read_text()
    make_secrets(paths, ["m01"], 2)
    assert key.read_text() == first


def test_the_members_speak_different_dialects(conf_folder: str) -> None:
    members = load("demo", [], conf_folder).members
    specs = [m.blocks[Block.CUSTOMERS] for m in members.values()]
    assert len(members) == 12 and len({m.sector for m in members.values()}) == 11
    assert len({s.delimiter for s in specs}) == 4 and len({s.encoding for s in specs}) == 4
    assert any(not s.header for s in specs) and any("country" in s.columns.values() for s in specs)
    assert all(m.instructions for m in members.values())
