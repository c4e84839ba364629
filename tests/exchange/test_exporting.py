"""Exports: encrypted, deterministic to the byte, within their layout, kept when they are there, destroyed by their date."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.contracts.specs import RecipientSpec, SnowflakeSpec
from appetence.errors import ContractError
from appetence.exchange.exporting import ExportReceipt, beside, destroy_due, manifest_name, write_export
from appetence.exchange.layouts import BY_CHANNEL, EMAIL, HOUSE, PHONE, POST, SMS, Layout
from appetence.exchange.pgp import Pgp
from appetence.exchange.snowflake import Handover, scripts
from appetence.exchange.stores import FolderStore
from tests.exchange.courier import Keys

LAYOUT = Layout("test", "1", ("name", "key_code"))
UNTIL = dt.date(2027, 1, 31)
Write = Callable[..., ExportReceipt]


@pytest.fixture
def write(tmp_path: Path, keys: Keys) -> Write:
    """Writes a frame for the recipient `r_x`, whose keyring is m02's."""
    plain = {"recipient_id": "r_x", "label": "X", "pgp": {"fingerprints": [keys.fingerprints["m02"]]}}

    def written(
        frame: DataFrame, order_by: Any = "rank", layout: Layout = LAYOUT, registered: str | None = None, place: dict[str, str] | None = None
    ) -> ExportReceipt:
        spec = RecipientSpec.model_validate({**plain, "handover": "snowflake", "snowflake": place} if place else plain)
        with Pgp(keys.home("operator")) as pgp:
            return write_export(
                frame, order_by, layout, campaign_id="noel", channel="post", recipient=spec, fingerprint=keys.fingerprints["m02"], pgp=pgp,
                signer=keys.fingerprints["operator"], store=FolderStore(tmp_path / "outbox"), scratch=tmp_path / "scratch",
                destroy_by=UNTIL, registered=registered,
            )  # fmt: skip

    return written


@pytest.fixture
def rows(spark: SparkSession) -> DataFrame:
    """Forty rows, the columns the layout wants and the rank they are ordered by."""
    made = spark.range(40).select(
        (F.lit(40) - F.col("id")).alias("rank"),
        F.when(F.col("id") != 7, F.concat(F.lit('Zoé "Z"; '), F.col("id").cast("string"))).alias("name"),
        F.concat(F.lit("K"), F.col("id").cast("string")).alias("key_code"),
    )
    return made


def opened(keys: Keys, file: Path) -> bytes:
    """What the recipient reads."""
    with Pgp(keys.home("m02")) as pgp:
        plain = file.parent.parent / "read"
        pgp.decrypt_and_verify(file, plain, allowed=[keys.fingerprints["operator"]])
    return plain.read_bytes()


@pytest.mark.spark
def test_inv_31_exports_are_encrypted_registered_and_within_their_layout(write: Write, rows: DataFrame, tmp_path: Path, keys: Keys) -> None:
    receipt = write(rows)
    outbox = FolderStore(tmp_path / "outbox")
    assert outbox.list() == ["r_x/noel_post.csv.pgp", "r_x/noel_post.manifest.json.pgp"]
    cipher = tmp_path / "outbox" / receipt.file_name
    assert receipt.cipher_hash == hashlib.sha256(cipher.read_bytes()).hexdigest()
    assert all("Zoé".encode() not in f.read_bytes() and b"key_code" not in f.read_bytes() for f in cipher.parent.iterdir())
    plain = opened(keys, cipher)
    assert receipt.plaintext_hash == hashlib.sha256(plain).hexdigest() and receipt.rows == 40
    lines = plain.decode("utf-8").split("\r\n")
    assert lines[:2] == ["name;key_code", '"Zoé ""Z""; 39";K39'] and lines[33] == ";K7" and lines[40:] == ['"Zoé ""Z""; 0";K0', ""]
    said = json.loads(opened(keys, tmp_path / "outbox" / manifest_name(receipt.file_name)))
    assert said == {
        "campaign_id": "noel", "channel": "post", "columns": ["name", "key_code"], "destroy_by": "2027-01-31",
        "file_name": "noel_post.csv.pgp", "layout": "test-1", "rows": 40, "sha256": receipt.plaintext_hash,
    }  # fmt: skip
    assert list((tmp_path / "scratch").rglob("*")) == []


@pytest.mark.spark
def test_inv_15_same_rows_same_plaintext_whatever_the_partitions(write: Write, rows: DataFrame) -> None:
    hashes = {write(rows.repartition(n, F.col("key_code"))).plaintext_hash for n in (1, 3)}
    assert hashes == {write(rows.orderBy(F.rand(5))).plaintext_hash}
    assert write(rows.where("rank > 1")).plaintext_hash not in hashes


@pytest.mark.spark
def test_an_export_that_is_registered_and_there_is_kept(write: Write, rows: DataFrame, tmp_path: Path) -> None:
    first = write(rows)
    cipher = tmp_path / "outbox" / first.file_name
    bytes_before = cipher.read_bytes()
    again = write(rows, registered=first.plaintext_hash)
    assert (again.is_new, again.cipher_hash, cipher.read_bytes()) == (False, first.cipher_hash, bytes_before)
    assert write(rows.where("rank > 1"), registered=first.plaintext_hash).is_new and cipher.read_bytes() != bytes_before
    cipher.unlink()
    assert write(rows, registered=first.plaintext_hash).is_new and cipher.exists()


@pytest.mark.spark
def test_a_recipient_with_snowflake_gets_parquet_and_the_sql_that_loads_it(write: Write, rows: DataFrame, tmp_path: Path, keys: Keys) -> None:
    place = {"database": "d", "schema": "s", "stage": "st", "role": "r"}
    before = write(rows)
    first = write(rows, place=place, registered=before.plaintext_hash)
    outbox = FolderStore(tmp_path / "outbox")
    stem = "r_x/noel_post"
    assert outbox.list() == [f"{stem}.{end}.pgp" for end in ("destroy.sql", "load.sql", "manifest.json", "parquet")], "the CSV file is gone"
    folder = tmp_path / "outbox" / "r_x"
    assert all(b"PAR1" not in f.read_bytes() and b"COPY" not in f.read_bytes() for f in folder.iterdir())
    plain = opened(keys, folder / "noel_post.parquet.pgp")
    assert first.plaintext_hash == hashlib.sha256(plain).hexdigest() and first.file_name == f"{stem}.parquet.pgp"
    table = pq.read_table(pa.BufferReader(plain)).to_pylist()
    assert table[0] == {"name": 'Zoé "Z"; 39', "key_code": "K39"} and table[32] == {"name": None, "key_code": "K7"} and len(table) == 40
    spec = SnowflakeSpec.model_validate(place)
    said = scripts(Handover(spec, LAYOUT, "noel", "post", "noel_post.parquet", 40, UNTIL))
    assert {kind: opened(keys, folder / f"noel_post.{kind}.sql.pgp").decode("utf-8") for kind in said} == said
    manifest = json.loads(opened(keys, folder / "noel_post.manifest.json.pgp"))
    assert (manifest["file_name"], manifest["sha256"], manifest["rows"]) == ("noel_post.parquet.pgp", first.plaintext_hash, 40)

    kept = write(rows.repartition(3, F.col("key_code")), place=place, registered=first.plaintext_hash)
    assert (kept.is_new, kept.plaintext_hash, kept.cipher_hash) == (False, first.plaintext_hash, first.cipher_hash), "whatever the partitions"
    outbox.delete(f"{stem}.load.sql.pgp")
    assert write(rows, place=place, registered=first.plaintext_hash).is_new and len(outbox.list("r_x")) == 4, "the SQL belongs to it"
    moved = write(rows, place={**place, "role": "other"}, registered=first.plaintext_hash)
    assert moved.is_new and b"USE ROLE OTHER" in opened(keys, folder / "noel_post.load.sql.pgp"), "another place is another hand-over"
    back = write(rows, registered=moved.plaintext_hash)
    assert back.plaintext_hash == before.plaintext_hash and outbox.list("r_x") == [f"{stem}.csv.pgp", f"{stem}.manifest.json.pgp"]
    assert list((tmp_path / "scratch").rglob("*")) == []


@pytest.mark.spark
def test_inv_31_nothing_outside_the_layout_is_written(write: Write, rows: DataFrame, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="has the column probability, which the layout does not hold"):
        write(rows.withColumn("probability", F.lit("0.5")))
    with pytest.raises(ContractError, match="lacks the column key_code"):
        write(rows.drop("key_code"))
    with pytest.raises(ContractError, match="The column name to export is bigint"):
        write(rows.withColumn("name", F.col("rank")))
    with pytest.raises(ContractError, match="share the same rank"):
        write(rows.withColumn("rank", F.least("rank", F.lit(30))))
    assert FolderStore(tmp_path / "outbox").list() == [] and not list((tmp_path / "scratch").rglob("*"))


def test_inv_31_layouts_carry_no_score_source_or_global_id() -> None:
    for layout in (POST, EMAIL, SMS, PHONE, HOUSE):
        for column in layout.columns:
            assert not any(word in column for word in ("prob", "score", "rank", "person_id", "household", "record_id", "member", "sector"))
    assert "decile" in HOUSE.columns and not any("decile" in layout.columns for layout in BY_CHANNEL.values())


def test_inv_31_exports_are_destroyed_by_their_date(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    (tmp_path / "source").write_bytes(b"x")
    exports = []
    for name, day, gone in (("a", 1, None), ("b", 2, None), ("c", 1, dt.date(2026, 1, 1))):
        file = f"r_x/{name}_post.csv.pgp"
        exports.append({"export_id": name, "file_name": file, "destroy_by": dt.date(2026, 5, day), "destroyed_on": gone})
        store.put(tmp_path / "source", file)
        store.put(tmp_path / "source", manifest_name(file))
    assert destroy_due(exports, dt.date(2026, 4, 30), store) == []
    assert destroy_due(exports, dt.date(2026, 5, 1), store) == ["a"]
    assert store.list("r_x") == [f"r_x/{n}_post.{k}.pgp" for n in ("b", "c") for k in ("csv", "manifest.json")]


def test_inv_31_the_sql_of_an_export_is_destroyed_with_it(tmp_path: Path) -> None:
    store, file = FolderStore(tmp_path), "r_x/a_post.parquet.pgp"
    (tmp_path / "source").write_bytes(b"x")
    for name in (file, *beside(file), "r_x/b_post.parquet.pgp"):
        store.put(tmp_path / "source", name)
    export = {"export_id": "a", "file_name": file, "destroy_by": dt.date(2026, 5, 1), "destroyed_on": None}
    assert len(store.list("r_x")) == 5 and destroy_due([export], dt.date(2026, 5, 1), store) == ["a"]
    assert store.list("r_x") == ["r_x/b_post.parquet.pgp"]
