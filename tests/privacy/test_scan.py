"""The byte scan finds a planted string behind each format that hides it, and nothing where there is nothing."""

import base64
import gzip
import io
import sqlite3
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from appetence.privacy.scan import Needles, scan

CANARY = "kanari-Zoé-48151623"
OTHER = "kanari-none-00000000"


def parquet(path: Path, table: pa.Table, **options: object) -> None:
    pq.write_table(table, path, compression="zstd", write_statistics=False, **options)


def plain(path: Path) -> None:
    path.write_text(f"before {CANARY} after", encoding="utf-8")


def utf16(path: Path) -> None:
    path.write_text(f"x{CANARY}", encoding="utf-16")


def cp1252(path: Path) -> None:
    path.write_bytes(f"x;{CANARY};y".encode("cp1252"))


def delta_log(path: Path) -> None:
    path.write_text('{"add":{"stats":"{\\"minValues\\":{\\"name\\":\\"kanari-Zo\\u00e9-48151623\\"}}"}}', encoding="ascii")


def upper(path: Path) -> None:
    path.write_text("KANARI-ZOé-48151623", encoding="utf-8")


def flat_parquet(path: Path) -> None:
    # Neighbours that look alike: the codec writes only what differs, so the canary stands nowhere as a whole.
    parquet(path, pa.table({"a": ["x"] * 2000, "b": [f"{CANARY[:-4]}{n:04d}" for n in range(2000)]}))


def nested_parquet(path: Path) -> None:
    value = [{"lines": [{"text": f"12 {CANARY}"}], "map": [("k", "v")]}]
    kind = pa.struct([("lines", pa.list_(pa.struct([("text", pa.string())]))), ("map", pa.map_(pa.string(), pa.string()))])
    parquet(path, pa.table({"deep": pa.array(value, kind)}))


def map_parquet(path: Path) -> None:
    parquet(path, pa.table({"m": pa.array([[("email", CANARY)]], pa.map_(pa.string(), pa.string()))}))


def binary_parquet(path: Path) -> None:
    parquet(path, pa.table({"raw": pa.array([CANARY.encode()], pa.binary())}), use_dictionary=False)


def gzipped(path: Path) -> None:
    path.write_bytes(gzip.compress(f"....{CANARY}....".encode()))


def zip_in_gzip(path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.csv", f"1;{CANARY}\n" * 50)
    path.write_bytes(gzip.compress(inner.getvalue()))


def parquet_in_zip(path: Path) -> None:
    inner = io.BytesIO()
    pq.write_table(pa.table({"b": [CANARY] * 10}), inner, compression="zstd")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("part.parquet", inner.getvalue())


def sqlite_overflow(path: Path) -> None:
    """One long value whose canary is cut by the border of two pages, wherever that is: the raw bytes do not hold it as a whole."""
    for before in range(0, 9_000, len(CANARY) // 2):
        with sqlite3.connect(":memory:") as base:
            base.execute("CREATE TABLE tags (k TEXT, v TEXT)")
            base.execute("INSERT INTO tags VALUES ('note', ?)", (f"{'.' * before}{CANARY}{'.' * (9_000 - before)}",))
        path.write_bytes(base.serialize())
        base.close()
        if CANARY.encode() not in path.read_bytes():
            return
    raise AssertionError("no page border cut the value")


def sqlite_deleted(path: Path) -> None:
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA secure_delete = OFF")
        base.execute("CREATE TABLE t (v TEXT)")
        base.execute("INSERT INTO t VALUES (?)", (CANARY,))
        base.commit()
        base.execute("DELETE FROM t")
    base.close()


PLANTED = [
    plain, utf16, cp1252, delta_log, upper, flat_parquet, nested_parquet, map_parquet, binary_parquet, gzipped, zip_in_gzip, parquet_in_zip,
    sqlite_overflow, sqlite_deleted,
]  # fmt: skip


def test_a_key_is_found_however_it_is_written(tmp_path: Path) -> None:
    key, other = bytes(range(100, 164)), bytes(range(1, 65))
    written = [key, key.hex(), key.hex(" ").upper(), base64.b64encode(key).decode()]
    for number, text in enumerate(written):
        (tmp_path / str(number)).write_bytes(text if isinstance(text, bytes) else f"a {text} b".encode())
    parquet(tmp_path / "5", pa.table({"x": [key, b"-"]}))
    assert len({f.file for f in scan([tmp_path], [other, key])}) == 5 and {f.pattern_number for f in scan([tmp_path], [other, key])} == {1}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda f: f.__name__)
def test_inv_22_the_scan_finds_what_each_format_hides(tmp_path: Path, plant) -> None:  # type: ignore[no-untyped-def]  # a plain function of a path
    file = tmp_path / "deep" / "er" / "file.bin"
    file.parent.mkdir(parents=True)
    plant(file)
    findings = scan([tmp_path], [OTHER, CANARY])
    assert findings and {f.file for f in findings} == {str(file)} and {f.pattern_number for f in findings} == {1}


def test_compression_really_hides_it_from_a_plain_search(tmp_path: Path) -> None:
    flat_parquet(tmp_path / "a")
    zip_in_gzip(tmp_path / "b")
    assert all(CANARY.encode() not in (tmp_path / name).read_bytes() for name in "ab")


def test_a_string_across_two_chunks_is_found(tmp_path: Path) -> None:
    file = tmp_path / "large"
    for cut in range(1, len(CANARY.encode())):
        file.write_bytes(b"x" * ((1 << 22) - cut) + CANARY.encode())
        assert scan([file], [CANARY]), cut


def test_a_file_named_after_a_person_is_found_and_skipped_folders_are_not_read(tmp_path: Path) -> None:
    (tmp_path / f"{CANARY}.csv").write_text("nothing", encoding="utf-8")
    (tmp_path / "truth").mkdir()
    plain(tmp_path / "truth" / "t")
    assert {f.kind for f in scan([tmp_path], [CANARY], skip=[tmp_path / "truth"])} == {"name"}


@pytest.mark.parametrize("head", [b"PAR1", b"\x1f\x8b", b"PK\x03\x04", b"SQLite format 3\0"])
def test_a_damaged_file_is_still_searched_as_bytes(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "broken").write_bytes(head + b"\0" * 50 + CANARY.encode())
    assert {f.kind for f in scan([tmp_path], [CANARY])} == {"bytes"}


def test_no_needles_find_nothing(tmp_path: Path) -> None:
    plain(tmp_path / "a")
    assert scan([tmp_path], []) == [] and len(Needles(["", CANARY, CANARY])) == 1
