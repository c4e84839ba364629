"""What a router sends back is opened only under its own signature; what the officer notes by hand is read as it is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appetence.exchange.pgp import Pgp, export_public, generate_key, import_public
from appetence.pipeline.sent_feedback import read_all

TEXT = f"reference;event;at\n{'A' * 16};bounce;2026-11-20\n"


def _context(root: Path, prints: dict[str, str]) -> Any:
    recipients = {name: SimpleNamespace(pgp=SimpleNamespace(fingerprints=(prints[name],))) for name in ("routeur_sms", "routeur_email")}
    config = SimpleNamespace(recipients=recipients, paths=SimpleNamespace(gnupg=str(root)), exchange=SimpleNamespace(operator_passphrase_ref=None))
    (root / "scratch").mkdir()
    return SimpleNamespace(config=config, secret=None, text=lambda value: value, scratch=root / "scratch")


@pytest.mark.servers
def test_a_file_is_read_only_under_the_signature_of_its_sender(tmp_path: Path) -> None:
    prints = {name: generate_key(tmp_path / name, name, f"{name}@exemple.example") for name in ("operator", "routeur_sms", "routeur_email")}
    for name in ("routeur_sms", "routeur_email"):
        import_public(tmp_path / "operator", export_public(tmp_path / name, prints[name]))
        import_public(tmp_path / name, export_public(tmp_path / "operator", prints["operator"]))
    folder, plain = tmp_path / "feedback", tmp_path / "plain.csv"
    plain.write_text(TEXT, encoding="utf-8")
    for folder_name, signer, file in (
        ("routeur_sms", "routeur_sms", "good"), ("routeur_sms", "routeur_email", "other"), ("nobody", "routeur_sms", "lost"),
    ):  # fmt: skip
        (folder / folder_name).mkdir(parents=True, exist_ok=True)
        with Pgp(tmp_path / signer) as pgp:
            pgp.encrypt_and_sign(plain, folder / folder_name / f"{file}.csv.pgp", recipient=prints["operator"], signer=prints[signer])
    (folder / "routeur_sms" / "open.csv.pgp").write_text(TEXT, encoding="utf-8")
    (folder / "by_hand.csv").write_text(TEXT, encoding="utf-8")
    ctx = _context(tmp_path, prints)
    found = {one.name: one for one in read_all(ctx, folder)}
    read = {name: one for name, one in found.items() if one.fault is None}
    assert {name: (one.sender, len(one.told.lines)) for name, one in read.items()} == {
        "by_hand.csv": (None, 1), "routeur_sms/good.csv.pgp": ("routeur_sms", 1),
    }  # fmt: skip
    assert (
        read["routeur_sms/good.csv.pgp"].plain.name == "good.csv" and read["routeur_sms/good.csv.pgp"].told.lines[0][3] == "routeur_sms/good.csv.pgp"
    )
    assert "there is no recipient 'nobody'" in str(found["nobody/lost.csv.pgp"].fault)
    assert "signed" in str(found["routeur_sms/other.csv.pgp"].fault) and found["routeur_sms/open.csv.pgp"].fault
    assert not any(ctx.scratch.iterdir()), "no plain text stays"
