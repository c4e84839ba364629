"""Member files in the dialects they come in, each bad input with its sentence, and line numbers a member finds again."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import io
import random
import tracemalloc
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from appetence.contracts.domain import Block
from appetence.contracts.specs import BlockSpec
from appetence.errors import ConfigError, DeliveryError
from appetence.exchange.blocks import Stamp, check_mapping, data_columns
from appetence.exchange.formats import open_source
from appetence.exchange.manifest import ManifestFile
from appetence.exchange.reading import Limits, Staged, Unread, shape_of, stage_file, to_stage, too_much_unread
from tests.exchange.courier import CREATED, CUSTOMERS, PERMISSIONS, TRANSACTIONS, customers

STAMP = Stamp("d" * 32, "m01", CREATED, dt.date(2026, 10, 31))
HEADER = "NUM;NOM;PRENOM;CP\n"


def stage(
    tmp_path: Path, content: bytes, spec: BlockSpec = CUSTOMERS, *, rows: int, block: Block = Block.CUSTOMERS, max_rejects: int = 10,
    expansion: int = 200,
) -> Staged:  # fmt: skip
    """Stages `content` as the file of a block."""
    path = tmp_path / "plain.csv"
    path.write_bytes(content)
    file = ManifestFile(name=f"{block}.csv", block=block, rows=rows, sha256=hashlib.sha256(content).hexdigest())
    result = to_stage(file, tmp_path / "staged")
    stage_file(path, file, spec, STAMP, result, Limits(expansion, max_rejects))
    return result


def accepted(result: Staged, *columns: str) -> list[tuple[Any, ...]]:
    """The staged lines: line number and the columns asked for."""
    return [tuple(r[c] for c in ("line_number", *columns)) for r in pq.read_table(result.accepted_path).to_pylist()]


def refusal(tmp_path: Path, content: bytes, code: str, spec: BlockSpec = CUSTOMERS, **how: Any) -> str:
    """The sentence the file is refused with."""
    with pytest.raises(DeliveryError) as refused:
        stage(tmp_path, content, spec, **{"rows": 3, **how})
    assert refused.value.code == code, str(refused.value)
    return str(refused.value)


DIALECTS = {
    "utf-8": (CUSTOMERS, lambda t: t.encode()),
    "utf-8 with BOM": (CUSTOMERS, lambda t: b"\xef\xbb\xbf" + t.encode()),
    "cp1252, CRLF": (CUSTOMERS.model_copy(update={"encoding": "cp1252"}), lambda t: t.replace("\n", "\r\n").encode("cp1252")),
    "latin 9, tabs": (
        CUSTOMERS.model_copy(update={"encoding": "iso-8859-15", "delimiter": "\t"}), lambda t: t.replace(";", "\t").encode("iso-8859-15")
    ),
    "quoted, commas": (
        CUSTOMERS.model_copy(update={"delimiter": ","}),
        lambda t: "".join(",".join(f'"{v}"' for v in line.split(";")) + "\n" for line in t.splitlines()).encode(),
    ),
    "pipes, no quotes": (CUSTOMERS.model_copy(update={"delimiter": "|", "quote": ""}), lambda t: t.replace(";", "|").encode()),
    "no header": (
        CUSTOMERS.model_copy(update={"header": False, "fields": ("NUM", "NOM", "PRENOM", "CP")}), lambda t: t.split("\n", 1)[1].encode()
    ),
    "gzip": (CUSTOMERS, lambda t: gzip.compress(t.encode())),
    "zip": (CUSTOMERS, lambda t: zipped({"any name.txt": t.encode()})),
    "trailing blank lines": (CUSTOMERS, lambda t: (t + "\n;;;\n\n").encode()),
}  # fmt: skip


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_give_the_same_rows(tmp_path: Path, dialect: str) -> None:
    spec, write = DIALECTS[dialect]
    text = HEADER + "1;Dupré;Zoé;75001\n2;;Noël;\n 3 ; LE GOFF ;Ève;29000\n"
    result = stage(tmp_path, write(text), spec, rows=3)
    first = 2 if spec.header else 1
    assert accepted(result, "customer_ref", "last_name", "first_name", "postcode", "email") == [
        (first, "1", "Dupré", "Zoé", "75001", None),
        (first + 1, "2", None, "Noël", None, None),
        (first + 2, "3", " LE GOFF ", "Ève", "29000", None),
    ]


def test_quotes_may_hold_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    text = HEADER + '1;"A;""B""";x;1\n2;"two\nlines";y;2\n3;C;z;3\n'
    assert accepted(stage(tmp_path, text.encode(), rows=3), "last_name") == [(2, 'A;"B"'), (3, "two\nlines"), (4, "C")]


def test_fixed_width(tmp_path: Path) -> None:
    spec = CUSTOMERS.model_copy(update={"format": "fixed", "fields": ("NUM", "NOM", "PRENOM", "CP"), "widths": (4, 8, 6, 5), "encoding": "cp1252"})
    lines = ["0001Dupré   Zoé   75001", "0002LE GOFF Ève   ", "0003short", "", "0004X       Y     29000"]
    result = stage(tmp_path, "\r\n".join(lines).encode("cp1252"), spec, rows=4)
    assert accepted(result, "customer_ref", "last_name", "first_name", "postcode") == [
        (1, "0001", "Dupré", "Zoé", "75001"), (2, "0002", "LE GOFF", "Ève", None), (5, "0004", "X", "Y", "29000")
    ]  # fmt: skip
    assert [(f.line_number, f.code, f.value_shape) for f in result.examples] == [(3, "FIELD_COUNT", "9999aaaaa")]


def test_parquet(tmp_path: Path) -> None:
    columns = {"NUM": [1, 2], "CDE": ["a", None], "DATE": [dt.date(2026, 9, 1)] * 2, "MT": pa.array([12.5, 3], pa.float64())}
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    spec = TRANSACTIONS.model_copy(update={"format": "parquet"})
    for content in (out.getvalue(), gzip.compress(out.getvalue())):
        result = stage(tmp_path, content, spec, rows=2, block=Block.TRANSACTIONS)
        assert accepted(result, "customer_ref", "transaction_ref", "transaction_date", "amount", "kind") == [
            (1, "1", "a", "2026-09-01", "12.5", "order")
        ]
        assert [(f.line_number, f.column) for f in result.examples] == [(2, "transaction_ref")]


@pytest.mark.parametrize(
    ("amounts", "agreed", "kept", "mark"),
    [
        (pa.array([12.345, 0.1 + 0.2], pa.float64()), ",", ["12.345", "0.30000000000000004"], "."),
        (pa.array([Decimal("12.345"), Decimal("-3")], pa.decimal128(9, 3)), ",", ["12.345", "-3.000"], "."),
        (pa.array(["12,345", "1"]), ",", ["12,345", "1"], ","),
        (pa.array(["12.345", "1"]), ".", ["12.345", "1"], "."),
    ],
    ids=["doubles", "decimals", "text", "text with a point"],
)
def test_amounts_are_kept_as_written_beside_the_mark_they_are_read_by(
    tmp_path: Path, amounts: pa.Array, agreed: str, kept: list[str], mark: str
) -> None:  # fmt: skip
    columns = {"NUM": ["1", "2"], "CDE": ["a", "b"], "DATE": ["2026-09-01"] * 2, "MT": amounts}
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    spec = TRANSACTIONS.model_copy(update={"format": "parquet", "decimal": agreed})
    result = stage(tmp_path, out.getvalue(), spec, rows=2, block=Block.TRANSACTIONS)
    assert accepted(result, "amount", "decimal_mark") == [(n, amount, mark) for n, amount in enumerate(kept, 1)]


def test_codes_and_constants_become_our_values(tmp_path: Path) -> None:
    text = "NUM;CANAL;STATUT;LE\n1;email;O;2026\n2;sms;N;2026\n3;sms; O ;2026\n4;sms;?;2026\n"
    result = stage(tmp_path, text.encode(), PERMISSIONS, rows=4, block=Block.PERMISSIONS)
    assert accepted(result, "status") == [(2, "granted"), (3, "opposed"), (4, "granted"), (5, "?")]


def test_refused_lines_are_told_by_place_and_shape_never_by_value(tmp_path: Path) -> None:
    lines = ["1;MARTIN;Zoé;75001", ";SECRET;Léa;75002", "3;too;few", "4;too;many;fields;here", ' ;"";x;', "6;Z;Z;Z", f"7;{'A' * 5000};Z;1"]
    result = stage(tmp_path, (HEADER + "\n".join(lines)).encode(), rows=7)
    assert (result.read, result.accepted, result.rejected) == (7, 2, 5)
    assert [n for (n,) in accepted(result)] == [2, 7]
    found = {(f.line_number, f.column, f.code) for f in result.examples}
    assert found == {
        (3, "customer_ref", "MISSING_VALUE"), (4, "line", "FIELD_COUNT"), (5, "line", "FIELD_COUNT"), (6, "customer_ref", "MISSING_VALUE"),
        (8, "last_name", "TOO_LONG"),
    }  # fmt: skip
    rejects = pq.read_table(result.rejects_path).to_pylist()
    assert {r["line_number"] for r in rejects} == {3, 4, 5, 6, 8}
    told = str([{k: v for k, v in r.items() if k != "customer_ref"} for r in rejects])
    assert not any(word in told for word in ("SECRET", "Léa", "too", "many", "AAAA"))
    assert next(r for r in rejects if r["line_number"] == 4)["value_shape"] == "9;aaa;aaa"


def test_several_faults_of_one_line_are_one_refused_line(tmp_path: Path) -> None:
    text = "NUM;CDE;DATE;MT\n;;2026;1\n1;C;;2\n2;C;2026;3\n"
    result = stage(tmp_path, text.encode(), TRANSACTIONS, rows=3, block=Block.TRANSACTIONS)
    assert (result.accepted, result.rejected, dict(result.codes)) == (1, 2, {"MISSING_VALUE": 3})


def test_line_numbers_hold_across_blocks_of_a_large_file(tmp_path: Path) -> None:
    """Against Python's own count, with refused lines strewn over several read blocks."""
    draw = random.Random(3)
    filler, lines, bad = "x" * 400, [], set()
    for i in range(2, 40_002):
        if draw.random() < 0.01:
            bad.add(i)
            lines.append(f"{i};{filler}")
        else:
            lines.append(f"{i};{filler};y;1")
    result = stage(tmp_path, (HEADER + "\n".join(lines) + "\n").encode(), rows=40_000, max_rejects=1000)
    assert {f["line_number"] for f in pq.read_table(result.rejects_path).to_pylist()} == bad
    table = pq.read_table(result.accepted_path)
    assert table["line_number"].to_pylist() == [int(r) for r in table["customer_ref"].to_pylist()]
    assert result.accepted == 40_000 - len(bad)


ROWS = HEADER + "1;A;B;C\n2;D;E;F\n3;G;H;I\n"


def test_inv_29_unknown_column(tmp_path: Path) -> None:
    says = refusal(tmp_path, ROWS.replace("PRENOM", "RELIGION").encode(), "UNKNOWN_COLUMN")
    assert "customers.csv" in says and "'RELIGION'" in says and "`ignored`" in says and "conf/members/m01.yaml" in says
    assert stage(tmp_path, b"NUM;NOM;PRENOM;CP;SCORE\n1;A;B;C;99\n", rows=1).accepted == 1


def test_inv_29_missing_column(tmp_path: Path) -> None:
    assert "lacks the column 'CP'" in refusal(tmp_path, b"NUM;NOM;PRENOM\n1;A;B\n", "MISSING_COLUMN")


def test_a_file_without_header_is_not_quoted_back(tmp_path: Path) -> None:
    says = refusal(tmp_path, b"1;DUPONT;Lea;75001\n2;D;E;F\n", "HEADER")
    assert "DUPONT" not in says and "names no agreed column" in says


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "has no header"), (b"\n\n", "has no header"), (b"NUM;NOM;NOM;CP\n", "'NOM' twice"), (b"NUM;NOM;;CP\n", "without name")],
)
def test_inv_29_bad_headers(tmp_path: Path, content: bytes, says: str) -> None:
    assert says in refusal(tmp_path, content, "HEADER")


@pytest.mark.parametrize(
    ("content", "spec", "line", "says"),
    [
        (ROWS.replace("D", "Dé").encode("cp1252"), CUSTOMERS, 3, "not valid utf-8"),
        (ROWS.replace("G", "\x81").encode("latin-1"), CUSTOMERS.model_copy(update={"encoding": "cp1252"}), 4, "not valid cp1252"),
        (ROWS.replace("D", "\0").encode(), CUSTOMERS, 3, "NUL character"),
    ],
)
def test_inv_29_bad_encoding_names_the_line(tmp_path: Path, content: bytes, spec: BlockSpec, line: int, says: str) -> None:
    told = refusal(tmp_path, content, "ENCODING", spec)
    assert f"customers.csv line {line} " in told and says in told


def test_inv_29_bad_encoding_far_into_the_file(tmp_path: Path) -> None:
    content = customers(150_000).replace(b"\n120000;", b"\n120000\xe9;")
    assert " line 120001 " in refusal(tmp_path, content, "ENCODING")


def test_inv_29_another_encoding_than_agreed(tmp_path: Path) -> None:
    assert "UTF-16" in refusal(tmp_path, ROWS.encode("utf-16"), "ENCODING")
    latin = CUSTOMERS.model_copy(update={"encoding": "cp1252"})
    assert "starts as UTF-8" in refusal(tmp_path, ROWS.encode("utf-8-sig"), "ENCODING", latin)


def test_inv_29_row_count(tmp_path: Path) -> None:
    assert "holds 3 rows and the manifest states 4" in refusal(tmp_path, ROWS.encode(), "ROW_COUNT", rows=4)
    unclosed = ROWS.replace("2;D", '2;"D').encode()
    assert "manifest states 3" in refusal(tmp_path, unclosed, "ROW_COUNT")


def test_inv_29_a_quote_that_never_ends(tmp_path: Path) -> None:
    content = customers(400_000).replace(b"\n9;M", b'\n9;"M')
    assert "a quoted value never ends" in refusal(tmp_path, content, "FORMAT")


def test_inv_29_too_many_refused_lines(tmp_path: Path) -> None:
    says = refusal(tmp_path, (HEADER + "1;A\n2;B\n3;C;D;E\n").encode(), "TOO_MANY_REJECTS", max_rejects=1)
    assert "More than 1 lines" in says


def test_inv_29_archives(tmp_path: Path) -> None:
    assert "damaged" in refusal(tmp_path, gzip.compress(ROWS.encode())[:-12], "ARCHIVE")
    assert "holds 2 files" in refusal(tmp_path, zipped({"a": b"x", "b": b"y"}), "ARCHIVE")
    assert "damaged" in refusal(tmp_path, zipped({"a": ROWS.encode()})[:-30], "ARCHIVE")
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):  # their own errors, not those of zip
        whole = zipped({"a": ROWS.encode() * 50}, method)
        middle = len(whole) // 3
        assert "damaged" in refusal(tmp_path, whole[:middle] + bytes(20) + whole[middle + 20 :], "ARCHIVE")
    bomb = gzip.compress(HEADER.encode() + b"1;A;B;C\n" * 4_000_000)
    assert "unpacks to far more" in refusal(tmp_path, bomb, "ARCHIVE_BOMB", expansion=10)


def test_inv_29_parquet_that_is_none_or_nested(tmp_path: Path) -> None:
    spec = CUSTOMERS.model_copy(update={"format": "parquet"})
    assert "not a whole parquet file" in refusal(tmp_path, b"PAR1 and no more", "FORMAT", spec)
    out = io.BytesIO()
    pq.write_table(pa.table({"NUM": [["1"]], "NOM": ["A"], "PRENOM": ["B"], "CP": ["C"]}), out)
    assert "'NUM' holds lists" in refusal(tmp_path, out.getvalue(), "FORMAT", spec)


def test_inv_29_parquet_with_damaged_pages(tmp_path: Path) -> None:
    """Sound at its end, where it says what it holds: the count is checked there, before any page is read."""
    spec, out = CUSTOMERS.model_copy(update={"format": "parquet"}), io.BytesIO()
    pq.write_table(pa.table({n: ["x" * 50 + str(i) for i in range(500)] for n in spec.columns}), out, compression="snappy", use_dictionary=False)
    damaged = out.getvalue()[:60] + bytes(200) + out.getvalue()[260:]
    assert "not a whole parquet file" in refusal(tmp_path, damaged, "FORMAT", spec, rows=500)
    assert "holds 500 rows and the manifest states 499" in refusal(tmp_path, damaged, "ROW_COUNT", spec, rows=499)


def test_inv_29_a_parquet_file_that_grows_too_much(tmp_path: Path) -> None:
    spec, out = CUSTOMERS.model_copy(update={"format": "parquet"}), io.BytesIO()
    pq.write_table(pa.table({n: ["x" * 100] * 50_000 for n in spec.columns}), out, compression="zstd", use_dictionary=False)
    assert "unpacks to far more" in refusal(tmp_path, out.getvalue(), "ARCHIVE_BOMB", spec, rows=50_000, expansion=10)
    assert stage(tmp_path, out.getvalue(), spec, rows=50_000, expansion=10_000).accepted == 50_000


def test_a_parquet_text_repeated_on_each_line_is_not_held_as_often(tmp_path: Path) -> None:
    """In the file it stands once: 60,000 lines of four columns would be a gigabyte in one batch."""
    spec, out = CUSTOMERS.model_copy(update={"format": "parquet"}), io.BytesIO()
    names = pa.DictionaryArray.from_arrays(pa.array([0] * 60_000, pa.int32()), ["é" * 1999])
    pq.write_table(pa.table({n: [str(i) for i in range(60_000)] if n == "NUM" else names for n in spec.columns}), out)
    assert len(out.getvalue()) < 1_000_000
    before, peak = pa.total_allocated_bytes(), 0
    with open_source(_written(tmp_path, out.getvalue()), "customers", spec, 200) as source:
        for numbers, batch in source.batches:
            peak = max(peak, batch.nbytes)
            assert batch.column("NUM").to_pylist() == [str(n - 1) for n in numbers] and batch.column("NOM")[0].as_py() == "é" * 1999
    assert source.rows == 60_000 == numbers[-1] and 30_000_000 < peak < 80_000_000 and pa.total_allocated_bytes() - before < 80_000_000


def _written(folder: Path, content: bytes) -> Path:
    path = folder / "plain"
    path.write_bytes(content)
    return path


def test_a_fixed_width_line_without_end_is_counted_and_not_held(tmp_path: Path) -> None:
    spec = CUSTOMERS.model_copy(update={"format": "fixed", "fields": ("NUM", "NOM", "PRENOM", "CP"), "widths": (4, 8, 6, 5)})
    content = b"0001Dupont  Zoe   75001\n" + b"x" * 40_000_000 + b"\n0003Martin  Lea   75002"
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        result = stage(tmp_path, content, spec, rows=3)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [n for (n,) in accepted(result)] == [1, 3]
    assert [(f.line_number, f.code) for f in result.examples] == [(2, "FIELD_COUNT")] and "40000000 characters" in result.examples[0].sentence
    assert peak - before < 15_000_000


def test_mappings_are_checked_before_files() -> None:
    def problem(**changes: Any) -> str:
        with pytest.raises(ConfigError) as refused:
            check_mapping("m01", Block.TRANSACTIONS, TRANSACTIONS.model_copy(update=changes))
        return str(refused.value)

    check_mapping("m01", Block.TRANSACTIONS, TRANSACTIONS)
    assert "maps to 'religion'" in problem(columns={**TRANSACTIONS.columns, "R": "religion"})
    assert "does not fill the required column amount" in problem(columns={"NUM": "customer_ref", "CDE": "transaction_ref", "D": "transaction_date"})
    assert "fills kind twice" in problem(columns={**TRANSACTIONS.columns, "T": "kind"})
    assert "needs `fields` and `widths`" in problem(format="fixed")
    assert "both in `columns` and in `ignored`" in problem(ignored=("MT",))


def test_the_blocks_are_the_contracts() -> None:
    assert data_columns(Block.TRANSACTIONS)[:4] == ("customer_ref", "transaction_ref", "transaction_date", "amount")
    assert "record_id" not in data_columns(Block.CUSTOMERS) and data_columns(Block.CUSTOMERS)[-1] == "interests"


def test_shape() -> None:
    assert shape_of("Zoé-9 ,x" * 30) == ("aaa-9 ,a" * 30)[:80]


@pytest.mark.parametrize(
    ("count", "among", "share", "is_refused"),
    [(1, 1, 0.5, False), (9, 9, 0.0, False), (10, 10, 0.5, True), (5, 10, 0.5, False), (6, 10, 0.5, True), (1, 10, 0.05, True)],
)
def test_a_share_of_few_values_refuses_nothing(count: int, among: int, share: float, is_refused: bool) -> None:
    """A copy of one person's data holds one value of each column: that one of them cannot be read says nothing of the column."""
    unread = [Unread("amount", "BAD_AMOUNT", "amount is not an amount in euros.", count, among)]
    staged = Staged("transactions.csv", Block.TRANSACTIONS, Path("a"), Path("r"), accepted=among, unread=unread)
    sentence = too_much_unread([staged], {Block.TRANSACTIONS: TRANSACTIONS}, share, 10)
    assert (sentence is not None) == is_refused and (sentence is None or f"{count} of the {among} values of MT" in sentence)
