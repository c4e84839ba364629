"""Files handed over: one deterministic plaintext per campaign, channel and recipient, encrypted, signed, registered, destroyed by its date.

The plaintext exists only in a private directory while it is hashed and encrypted. Its bytes follow from the rows and the layout alone, so
the same selection gives the same hash; the cipher text is random, which is why an export that is registered and still there is kept.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from appetence.contracts.campaign import Export
from appetence.contracts.specs import RecipientSpec
from appetence.errors import ContractError
from appetence.exchange.layouts import Layout
from appetence.exchange.manifest import ExportManifest, sha256_of
from appetence.exchange.pgp import Pgp
from appetence.exchange.stores import Store

_SUFFIX = ".csv.pgp"


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
    ordered = _ordered(frame, keys, layout)
    name = f"{recipient.recipient_id}/{campaign_id}_{channel}{_SUFFIX}"
    private = Path(tempfile.mkdtemp(prefix="export-", dir=_made(scratch)))
    try:
        plain, cipher = private / "export.csv", private / "export.csv.pgp"
        with plain.open("wb") as out:
            rows, digest = _write_csv(out, layout.columns, _values(ordered, keys))
        if digest == registered and store.exists(name) and store.exists(manifest_name(name)):
            store.fetch(name, cipher)
            return ExportReceipt(rows, digest, sha256_of(cipher), name, is_new=False)
        manifest, manifest_cipher = private / "manifest.json", private / "manifest.json.pgp"
        said = _manifest(name, layout, campaign_id, channel, rows, digest, destroy_by)
        manifest.write_bytes(said.canonical())
        for source, target in ((plain, cipher), (manifest, manifest_cipher)):
            how = recipient.pgp.model_dump(include={"armor", "compress", "sign"})
            pgp.encrypt_and_sign(source, target, recipient=fingerprint, signer=signer, **how)
        store.put(cipher, name)
        store.put(manifest_cipher, manifest_name(name))
        return ExportReceipt(rows, digest, sha256_of(cipher), name)
    finally:
        shutil.rmtree(private, ignore_errors=True)


def manifest_name(file_name: str) -> str:
    """Name of the manifest beside an exported file: it is written last.

    >>> manifest_name("r/noel_post.csv.pgp")
    'r/noel_post.manifest.json.pgp'
    """
    return file_name.removesuffix(_SUFFIX) + ".manifest.json.pgp"


def destroy_due(exports: Iterable[Row | Mapping[str, Any]], as_of: dt.date, store: Store) -> list[str]:
    """Delete our copy of every export whose day has come; the ids of those destroyed now (file and manifest), for `destroyed_on`."""
    destroyed = []
    for export in exports:
        if export[Export.destroyed_on] is None and export[Export.destroy_by] <= as_of:
            store.delete(export[Export.file_name])
            store.delete(manifest_name(export[Export.file_name]))
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


def _write_csv(out: IO[bytes], columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> tuple[int, str]:
    """Writes the file; number of rows and SHA-256 of its bytes."""
    digest, count = hashlib.sha256(), 0
    line = io.StringIO(newline="")
    writer = csv.writer(line, delimiter=";", quotechar='"', quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")

    def flush() -> None:
        data = line.getvalue().encode("utf-8")
        digest.update(data)
        out.write(data)
        line.seek(0)
        line.truncate()

    writer.writerow(columns)
    for count, row in enumerate(rows, start=1):
        writer.writerow(["" if v is None else v for v in row])
        if count % 10_000 == 0:
            flush()
    flush()
    return count, digest.hexdigest()
