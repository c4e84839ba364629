"""Files handed over: one deterministic plaintext per campaign, channel and recipient, encrypted, signed, registered, destroyed by its date.

The plaintext exists only in a private directory while it is hashed and encrypted. Its bytes follow from the rows and the layout alone, so
the same selection gives the same hash; the cipher text is random, which is why an export that is registered and still there is kept. Where the
recipient loads Snowflake the plaintext is Parquet, its bytes also follow from the place, the date and pyarrow's version, and SQL goes with it.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from appetence.contracts.campaign import Export
from appetence.contracts.specs import RecipientSpec
from appetence.errors import ContractError
from appetence.exchange.layouts import Layout
from appetence.exchange.manifest import ExportManifest, sha256_of
from appetence.exchange.pgp import Pgp
from appetence.exchange.snowflake import DESTROY, LOAD, Handover, scripts
from appetence.exchange.stores import Store

_ENDINGS = {"file": ".csv.pgp", "snowflake": ".parquet.pgp"}
_ROW_GROUP = 50_000


@dataclass(frozen=True)
class ExportReceipt:
    """What was handed over: rows (seeds included), SHA-256 of plaintext and cipher, name in the outbox; `is_new` unless it was there."""

    rows: int
    plaintext_hash: str
    cipher_hash: str
    file_name: str
    is_new: bool = True


def write_export(  # noqa: PLR0913  # everything that makes an export, named by its caller
    frame: DataFrame,
    order_by: str | Sequence[str],
    layout: Layout,
    *,
    campaign_id: str,
    channel: str,
    recipient: RecipientSpec,
    fingerprint: str,
    pgp: Pgp,
    signer: str,
    store: Store,
    scratch: Path,
    destroy_by: dt.date,
    registered: str | None,
) -> ExportReceipt:
    """Write `frame` (the layout's columns as text, and the columns it is ordered by) as the recipient's file in the outbox.

    `fingerprint` is the key it is encrypted for, `registered` the plaintext hash the register holds for this export: when it is the same
    and the file is there, nothing is written. Rows stream through the driver, one partition at a time. ContractError for a column outside
    the layout, or an order that leaves ties."""
    keys = [order_by] if isinstance(order_by, str) else list(order_by)
    values = _values(_ordered(frame, keys, layout), keys)
    name = f"{recipient.recipient_id}/{campaign_id}_{channel}{_ENDINGS[recipient.handover]}"
    private = Path(tempfile.mkdtemp(prefix="export-", dir=_made(scratch)))
    try:
        plain, cipher = (private / f"export{_ENDINGS[recipient.handover].removesuffix(end)}" for end in (".pgp", ""))
        if recipient.snowflake is None:
            (rows, digest), sql = _write_csv(plain, layout.columns, values), {}
        else:
            load = Handover(recipient.snowflake, layout, campaign_id, channel, _plain_name(name), 0, destroy_by)
            rows, digest = write_parquet(plain, layout, values, loaded_by=_digest_of(scripts(load)))
            sql = scripts(replace(load, rows=rows))
        if digest == registered and all(store.exists(n) for n in (name, *beside(name))):
            store.fetch(name, cipher)
            return ExportReceipt(rows, digest, sha256_of(cipher), name, is_new=False)
        envelope = _Envelope(pgp, recipient, fingerprint, signer, store)
        cipher_hash = envelope.send(plain, cipher, name)
        for kind, text in sql.items():
            envelope.send_text(text.encode("utf-8"), private / f"{kind}.sql", _script_name(name, kind))
        manifest = _manifest(name, layout, campaign_id, channel, rows, digest, destroy_by)
        envelope.send_text(manifest.canonical(), private / "manifest.json", manifest_name(name))
        _delete_other_kinds(store, name)
        return ExportReceipt(rows, digest, cipher_hash, name)
    finally:
        shutil.rmtree(private, ignore_errors=True)


@dataclass(frozen=True)
class _Envelope:
    """How what leaves is closed, for whose key, signed by whom, and where it is laid."""

    pgp: Pgp
    recipient: RecipientSpec
    fingerprint: str
    signer: str
    store: Store

    def send(self, source: Path, cipher: Path, name: str) -> str:
        """Encrypts and signs `source` and stores it under `name`; the SHA-256 of what is stored."""
        how = self.recipient.pgp.model_dump(include={"armor", "compress", "sign"})
        self.pgp.encrypt_and_sign(source, cipher, recipient=self.fingerprint, signer=self.signer, **how)
        self.store.put(cipher, name)
        return sha256_of(cipher)

    def send_text(self, content: bytes, source: Path, name: str) -> None:
        """The same of something short, written to `source` first."""
        source.write_bytes(content)
        self.send(source, source.with_name(f"{source.name}.pgp"), name)


def manifest_name(file_name: str) -> str:
    """Name of the manifest beside an exported file: it is written last.

    >>> manifest_name("r/noel_post.csv.pgp")
    'r/noel_post.manifest.json.pgp'
    """
    return f"{_stem(file_name)}.manifest.json.pgp"


def beside(file_name: str) -> list[str]:
    """What was handed over together with an exported file: its manifest, and the SQL that loads and destroys a Parquet file.

    >>> beside("r/noel_post.csv.pgp"), beside("r/noel_post.parquet.pgp")[1:]
    (['r/noel_post.manifest.json.pgp'], ['r/noel_post.load.sql.pgp', 'r/noel_post.destroy.sql.pgp'])
    """
    is_loaded = file_name.endswith(_ENDINGS["snowflake"])
    return [manifest_name(file_name), *(_script_name(file_name, kind) for kind in (LOAD, DESTROY) if is_loaded)]


def _script_name(file_name: str, kind: str) -> str:
    return f"{_stem(file_name)}.{kind}.sql.pgp"


def _plain_name(file_name: str) -> str:
    """What a file is called once it is decrypted."""
    return file_name.rsplit("/", 1)[-1].removesuffix(".pgp")


def _stem(file_name: str) -> str:
    for ending in _ENDINGS.values():
        file_name = file_name.removesuffix(ending)
    return file_name


def _delete_other_kinds(store: Store, file_name: str) -> None:
    """Where the recipient was handed a file of another kind before, the register names the new one, and nobody would destroy the old one."""
    kept = {file_name, *beside(file_name)}
    for ending in _ENDINGS.values():
        other = _stem(file_name) + ending
        for name in {other, *beside(other)} - kept:
            store.delete(name)


def destroy_due(exports: Iterable[Row | Mapping[str, Any]], as_of: dt.date, store: Store) -> list[str]:
    """Delete our copy of every export whose day has come; the ids of those destroyed now (file and what lies beside it), for `destroyed_on`."""
    destroyed = []
    for export in exports:
        if export[Export.destroyed_on] is None and export[Export.destroy_by] <= as_of:
            for name in (export[Export.file_name], *beside(export[Export.file_name])):
                store.delete(name)
            destroyed.append(str(export[Export.export_id]))
    return destroyed


def _manifest(
    name: str, layout: Layout, campaign_id: str, channel: str, rows: int, digest: str, destroy_by: dt.date
) -> ExportManifest:  # fmt: skip
    return ExportManifest(
        file_name=name.rsplit("/", 1)[-1], campaign_id=campaign_id, channel=channel, layout=layout.label, columns=layout.columns,
        rows=rows, sha256=digest, destroy_by=destroy_by,
    )  # fmt: skip


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _ordered(frame: DataFrame, keys: list[str], layout: Layout) -> DataFrame:
    """The rows in order. What the layout does not name may only be there to order by, and is not written."""
    types = {f.name: f.dataType.simpleString() for f in frame.schema.fields}
    outside = [c for c in frame.columns if c not in layout.columns and c not in keys]
    lacking = [c for c in (*layout.columns, *keys) if c not in types]
    if outside or lacking:
        what = f"has the column {outside[0]}, which the layout does not hold" if outside else f"lacks the column {lacking[0]}"
        raise ContractError(f"The rows to export {what}; the layout {layout.label} is {', '.join(layout.columns)}.")
    untyped = [c for c in layout.columns if types[c] != "string"]
    if untyped:
        raise ContractError(f"The column {untyped[0]} to export is {types[untyped[0]]}; give every column of {layout.label} as text.")
    return frame.select(*(F.col(k).alias(f"_order_{i}") for i, k in enumerate(keys)), *layout.columns).orderBy(
        *(F.col(f"_order_{i}") for i in range(len(keys)))
    )


def _values(ordered: DataFrame, keys: list[str]) -> Iterator[tuple[str | None, ...]]:
    last: tuple[Any, ...] | None = None
    for row in ordered.toLocalIterator():
        key = tuple(row[: len(keys)])
        if key == last:
            raise ContractError(f"Two rows to export share the same {', '.join(keys)}; order by columns that leave no ties.")
        last = key
        yield tuple(row[len(keys) :])


def _write_csv(target: Path, columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> tuple[int, str]:
    """Writes the file; number of rows and SHA-256 of its bytes."""
    digest, count = hashlib.sha256(), 0
    line = io.StringIO(newline="")
    writer = csv.writer(line, delimiter=";", quotechar='"', quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")

    def flush(out: IO[bytes]) -> None:
        data = line.getvalue().encode("utf-8")
        digest.update(data)
        out.write(data)
        line.seek(0)
        line.truncate()

    writer.writerow(columns)
    with target.open("wb") as out:
        for count, row in enumerate(rows, start=1):
            writer.writerow(["" if v is None else v for v in row])
            if count % 10_000 == 0:
                flush(out)
        flush(out)
    return count, digest.hexdigest()


def write_parquet(target: Path, layout: Layout, rows: Iterator[Sequence[str | None]], loaded_by: str) -> tuple[int, str]:
    """Writes the file, what loads it named in its metadata; number of rows and SHA-256 of its bytes. Nulls stay nulls."""
    schema = pa.schema([pa.field(c, pa.string()) for c in layout.columns])
    count = 0
    with pq.ParquetWriter(target, schema, version="2.6", compression="snappy", store_schema=False) as writer:
        while chunk := list(islice(rows, _ROW_GROUP)):
            writer.write_table(pa.table([pa.array(values, pa.string()) for values in zip(*chunk, strict=True)], schema=schema))
            count += len(chunk)
        writer.add_key_value_metadata({"layout": layout.label, "loaded_by": loaded_by})
    return count, sha256_of(target)


def _digest_of(said: Mapping[str, str]) -> str:
    """A hash of the SQL, the number of rows aside: when the place or the day changes, so does the file, and both are handed over again."""
    return hashlib.sha256("".join(said[kind] for kind in (LOAD, DESTROY)).encode("utf-8")).hexdigest()
