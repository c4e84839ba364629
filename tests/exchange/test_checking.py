"""`appetence member check` on samples as newcomers send them: what is found, what would be refused, and no value in what is said."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from appetence.cli.main import main
from appetence.cli.member import layout_lines
from appetence.contracts.domain import Block
from appetence.contracts.specs import BlockSpec, MemberSpec
from appetence.errors import ConfigError
from appetence.exchange.checking import SampleReport, accepted_rows, block_of, examine, outline, writing_of
from tests.exchange.courier import CUSTOMERS, TRANSACTIONS, customers

HEADER = "NUM;NOM;PRENOM;CP\n"
LINES = "1;QUELQUUN;Zoé;75001\n2;QUELQUUN;;35000\n;QUELQUUN;Luc;35000\n"


def newcomer(**blocks: BlockSpec) -> MemberSpec:
    """A member with these blocks."""
    values = {"label": "x", "sector": "presse_edition", "programmes": ["alliance"], "pgp": {"fingerprints": ["A"]}, "blocks": blocks}
    return MemberSpec.model_validate({"member_id": "m01", **values})


def looked_at(tmp_path: Path, content: bytes, spec: BlockSpec = CUSTOMERS, name: str = "customers.csv") -> SampleReport:
    sample = tmp_path / name
    sample.write_bytes(content)
    return examine(sample, newcomer(customers=spec), Block.CUSTOMERS, tmp_path / "out", 0.5)


def test_a_sound_sample_is_told_column_by_column(tmp_path: Path) -> None:
    report = looked_at(tmp_path, (HEADER + LINES).encode())
    assert report.is_fine and accepted_rows(report) == 2 and report.staged is not None and report.staged.rejected == 1
    assert report.writing is not None
    assert (report.writing.encoding, report.writing.delimiter, report.writing.line_ends, report.writing.packed) == ("utf-8", ";", "LF", None)
    assert [(c.source, c.ours, c.filled) for c in report.columns] == [
        ("NUM", "customer_ref", 2), ("NOM", "last_name", 3), ("PRENOM", "first_name", 2), ("CP", "postcode", 3),
    ]  # fmt: skip
    assert dict(report.columns[3].shapes) == {"9": 3}
    assert "QUELQUUN" not in repr([report.columns, report.warnings, report.staged.examples])


@pytest.mark.parametrize(
    ("content", "refusal", "warning"),
    [
        ((HEADER + LINES).replace(";", ",").encode(), "HEADER", "parted by ','"),
        ((HEADER + LINES).encode("cp1252"), "ENCODING", "look like cp1252 or iso-8859-15"),
        ((HEADER + LINES).encode("utf-16"), "ENCODING", "look like utf-16"),
        ((HEADER + LINES).replace("CP\n", "CP;IBAN\n").replace("\n1;", "\n1;").encode(), "UNKNOWN_COLUMN", ""),
        ((HEADER + LINES).replace(";CP\n", "\n").replace(";75001", "").replace(";35000", "").encode(), "MISSING_COLUMN", ""),
        ((HEADER + "\n".join(";X;Y;1" for _ in range(9)) + "\n1;X;Y;2\n").encode(), "TOO_MANY_REJECTS", ""),
        (b"", "HEADER", ""),
        (LINES.encode(), "HEADER", ""),
    ],
)
def test_what_would_be_refused_is_said_with_its_reason(tmp_path: Path, content: bytes, refusal: str, warning: str) -> None:
    report = looked_at(tmp_path, content)
    assert report.refusal is not None and report.refusal.startswith(refusal), report.refusal
    assert warning in " ".join(report.warnings)
    assert "QUELQUUN" not in f"{report.refusal}{report.warnings}"


def test_all_that_is_wrong_with_the_columns_is_told_at_once(tmp_path: Path) -> None:
    report = looked_at(tmp_path, b"NUM;NOM;IBAN;RIB\n1;X;Y;Z\n")
    assert report.refusal is not None and "'IBAN'" in report.refusal and "'RIB'" in report.refusal
    assert report.missing == ["PRENOM", "CP"]
    assert [(c.source, c.fate) for c in report.columns] == [("NUM", "mapped"), ("NOM", "mapped"), ("IBAN", "unknown"), ("RIB", "unknown")]
    assert accepted_rows(report) == 1


def test_packed_samples_and_other_encodings(tmp_path: Path) -> None:
    report = looked_at(tmp_path, gzip.compress(customers(3)), name="customers.csv.gz")
    assert report.is_fine and report.writing is not None and report.writing.packed == "gzip"
    for text, encoding in (("ÉA\x93", None), ("abc", "ascii"), ("Zoé", "utf-8")):
        sample = tmp_path / "x.csv"
        sample.write_bytes(text.encode("latin-1") if encoding is None else text.encode())
        assert writing_of(sample).encoding == (encoding or "cp1252")
    (tmp_path / "x.csv").write_bytes("Œuvre à 3 €".encode("iso-8859-15"))
    assert writing_of(tmp_path / "x.csv").encoding == "iso-8859-15"


def test_the_block_is_told_by_name_or_asked_for(tmp_path: Path) -> None:
    both = newcomer(customers=CUSTOMERS, transactions=TRANSACTIONS)
    assert block_of(both, Path("transactions_2026.csv")) is Block.TRANSACTIONS
    assert block_of(both, Path("x.csv"), "customers") is Block.CUSTOMERS
    assert block_of(newcomer(customers=CUSTOMERS), Path("x.csv")) is Block.CUSTOMERS
    for sample, asked in ((Path("x.csv"), None), (Path("permissions.csv"), None), (Path("x.csv"), "permissions")):
        with pytest.raises(ConfigError, match="block"):
            block_of(both, sample, asked)


def test_outlines_cannot_be_read_back() -> None:
    assert outline("Jean.Dupont92@free.fr") == "a.a9@a.a"
    assert outline("1985-04-03") == "9-9-9"
    assert len(outline("a-" * 100)) <= 40


def test_the_command_says_it_and_its_exit_code_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping, sample = tmp_path / "new.yaml", tmp_path / "customers.csv"
    mapping.write_text(json.dumps(newcomer(customers=CUSTOMERS).model_dump(mode="json")), encoding="utf-8")
    sample.write_bytes((HEADER + LINES.replace("\n;QUELQUUN;Luc;35000", "")).encode())
    check = ["member", "check", str(mapping), str(sample), "--layout-only", "--env", "demo"]
    assert main(check) == 0
    said = capsys.readouterr().out
    assert "It would be taken: 2 lines." in said and "customer_ref" in said and "QUELQUUN" not in said
    sample.write_bytes(b"NUM;NOM\n1;QUELQUUN\n")
    assert main(check) == 1
    assert "MISSING_COLUMN" in capsys.readouterr().out
    assert main([*check[:3], str(tmp_path / "none.csv"), "--layout-only", "--env", "demo"]) != 0


FULL = BlockSpec(
    columns={"NUM": "customer_ref", "NOM": "last_name", "NE": "birth_date", "RUE": "address_1", "CP": "postcode", "VILLE": "city", "MEL": "email"}
)
TITLE = "NUM;NOM;NE;RUE;CP;VILLE;MEL\n"


def strange(**changes: str) -> str:
    """Six lines of a newcomer, the same thing wrong with each."""
    sound = {
        "NUM": "{i}",
        "NOM": "QUELQUUN",
        "NE": "03/04/1985",
        "RUE": "{i} rue de l'Église",
        "CP": "35000",
        "VILLE": "Rennes",
        "MEL": "q{i}@free.fr",
    }
    return TITLE + "".join(";".join({**sound, **changes}.values()).format(i=i) + "\n" for i in range(1, 7))


@pytest.mark.parametrize(
    ("content", "taken", "refusal", "says"),
    [
        (strange().encode("cp1252"), 6, "ENCODING", "Write `encoding: cp1252` under `blocks: customers:` of the mapping"),
        (strange(RUE='"{i} rue Haute; bât. B"').encode(), 6, None, None),
        (strange(RUE="{i} rue Haute; bât. B").encode(), 0, "TOO_MANY_REJECTS", "a value that holds ';' needs quotes around it"),
        ("".join(f"{i:06d}QUELQUUN  19850403{i} rue Haute         35000Rennes\n" for i in range(9)).encode(), 0, "HEADER", "Write `format: fixed`"),
        (strange(NOM="q{i}@free.fr", MEL="QUELQUUN").encode(), 6, None, "those of MEL do: have the two columns changed places?"),
        (strange(NE="35000", CP="03/04/1985").encode(), 6, None, "those of CP do: have the two columns changed places?"),
        (strange(NE="3112{i}").encode("utf-8-sig"), 6, None, "NE holds the day numbers of a spreadsheet"),
        (strange(NUM="1,0{i}E+09").encode("utf-8-sig"), 6, None, "NUM holds 6 numbers written as powers of ten"),
        (strange(CP="1300").encode("utf-8-sig"), 6, None, "It is put back; nothing to do"),
        (strange().replace(";", ",").encode(), 6, "HEADER", 'Write `delimiter: ","` under `blocks: customers:`'),
    ],
    ids=["cp1252", "quoted", "unquoted", "fixed", "swapped", "swapped dates", "day numbers", "powers", "lost zeros", "commas"],
)
def test_strange_samples_are_told_with_what_to_do(tmp_path: Path, content: bytes, taken: int, refusal: str | None, says: str | None) -> None:
    """All that is wrong is told at once: also where the file would be refused, it is read on as it is written."""
    report = looked_at(tmp_path, content, FULL)
    assert (report.refusal or "").split(":")[0] == (refusal or ""), report.refusal
    assert accepted_rows(report) == taken
    told = layout_lines(report, "m01")
    assert "QUELQUUN" not in repr(told)
    if says is None:
        assert report.warnings == [], report.warnings
    else:
        assert says in " ".join(told), told
    assert sum("needs quotes" in line for line in told) <= 1, "one sentence for all lines that are alike"
