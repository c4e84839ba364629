"""Ten thousand harmed deliveries: none accepted wrongly, none crashing the run, none half written.

The keys are stood in for (real gpg would take an hour; `test_pgp` harms real ciphertext), everything else is the real reception. What is
accepted is compared with what Python's own csv module (or, of Parquet, one read of the whole file) finds in the bytes that were sent.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import hashlib
import io
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq
import pytest

from appetence.contracts.settings import ExchangeSettings
from appetence.contracts.specs import BlockSpec, MemberSpec
from appetence.exchange.blocks import REFERENCES
from appetence.exchange.manifest import canonical_json
from appetence.exchange.outcome import Fate, Result, delivery_rows, report
from appetence.exchange.pgp import Pgp, Signature
from appetence.exchange.receiving import Desk, find_deliveries, open_manifests, take_all
from appetence.exchange.stores import FolderStore
from tests.exchange.courier import CREATED, CUSTOMERS, PERMISSIONS, TRANSACTIONS, manifest_of
from tests.exchange.packed import BROKEN, PARQUET_HARMS, ZIP_HARMS, as_kind, from_csv, rows_of_kind, unpacked

CANARY = "QUELQUUN"
"""Part of every surname: it may stand in no sentence and no report."""
SPECS: dict[str, BlockSpec] = {"customers": CUSTOMERS, "transactions": TRANSACTIONS, "permissions": PERMISSIONS}
FINGERPRINT = "A" * 40
Draw = random.Random


class StandIn:
    """Stands in for `Pgp`: what is sent is the plaintext."""

    def decrypt_and_verify(self, source: Path, target: Path, *, allowed: Collection[str], max_bytes: int | None = None) -> Signature:
        """A copy."""
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return Signature(next(iter(allowed)), dt.datetime(2026, 10, 1, tzinfo=dt.UTC))


def a_file(draw: Draw, block: str) -> bytes:
    """A sound file of a block."""
    count = draw.randint(1, 12)
    header = {"customers": "NUM;NOM;PRENOM;CP", "transactions": "NUM;CDE;DATE;MT", "permissions": "NUM;CANAL;STATUT;LE"}[block]
    line: dict[str, Callable[[int], str]] = {
        "customers": lambda i: f'{i};"{CANARY} {i}";Zoé;7500{i % 9}',
        "transactions": lambda i: f"{i};C{i};2026-09-0{i % 9 + 1};{i},50",
        "permissions": lambda i: f"{i};email;{'ON'[i % 2]};2026-01-01T10:00:00",
    }
    return "".join(text + "\n" for text in [header, *(line[block](i) for i in range(1, count + 1))]).encode()


def _at(draw: Draw, data: bytes) -> int:
    return draw.randrange(len(data) + 1)


def _line(draw: Draw, data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    lines = data.split(b"\n")
    place = draw.randrange(len(lines))
    return b"\n".join([*lines[:place], change(lines[place]), *lines[place + 1 :]])


def _insert(draw: Draw, data: bytes, text: bytes) -> bytes:
    place = _at(draw, data)
    return data[:place] + text + data[place:]


def _flip(draw: Draw, data: bytes) -> bytes:
    place = draw.randrange(max(1, len(data)))
    return data[:place] + bytes([data[place] ^ (1 << draw.randrange(8))]) + data[place + 1 :] if data else data


HARMS: list[Callable[[Draw, bytes], bytes]] = [
    lambda d, b: b,
    lambda d, b: b[: _at(d, b)],
    lambda d, b: b[_at(d, b) :],
    _flip,
    lambda d, b: _flip(d, _flip(d, b)),
    lambda d, b: _insert(d, b, d.choice([b";", b'"', b"\n", b"\0", b"\r\n", b"\xff", b"\xe9", b",", b"\x1a", b"\xef\xbb\xbf", b"\t", b"''"])),
    lambda d, b: _line(d, b, lambda _: b""),
    lambda d, b: _line(d, b, lambda line: line + b"\n" + line),
    lambda d, b: _line(d, b, lambda line: line[::-1]),
    lambda d, b: _line(d, b, lambda line: b";".join(line.split(b";")[1:])),
    lambda d, b: _line(d, b, lambda line: b"x" * d.choice([100, 5000, 70_000])),
    lambda d, b: b.decode().encode(d.choice(["cp1252", "utf-16", "utf-16-be", "utf-8-sig"])),
    lambda d, b: b.replace(b";", d.choice([b",", b"\t", b"|"])),
    lambda d, b: b.replace(b"\n", d.choice([b"\r\n", b"\r", b""])),
    lambda d, b: b.split(b"\n", 1)[1],
    lambda d, b: b";".join(b.split(b"\n", 1)[0].split(b";")[::-1]) + b"\n" + b.split(b"\n", 1)[1],
    lambda d, b: b + b,
    lambda d, b: b"",
    lambda d, b: gzip.compress(b, mtime=0),
    lambda d, b: gzip.compress(b, mtime=0)[: -d.randrange(1, 20)],
    lambda d, b: _flip(d, gzip.compress(b, mtime=0)),
    lambda d, b: b"PK\x03\x04" + b,
    *ZIP_HARMS,
]


def harmed_manifest(draw: Draw, said: dict[str, Any]) -> bytes:
    """The manifest with one thing in it wrong, or not."""
    file = draw.choice(said["files"])
    said.update(
        draw.choice(
            [
                {}, {"member_id": "m02"}, {"layout_version": "9"}, {"mode": "some"}, {"created_at": "yesterday"},
                {"created_at": "2026-10-01T03:00:00"},
                {"files": []}, {"files": [*said["files"], file]}, {"more": 1}, {"delivery_ref": "other"}, {"files": None},
                {"files": [{**f, "rows": f["rows"] + draw.choice([-1, 1, 10])} for f in said["files"]]},
                {"files": [{**f, "sha256": f["sha256"][::-1]} for f in said["files"]]},
                {"files": [{**f, "name": f"../{f['name']}"} for f in said["files"]]},
                {"files": [{**f, "block": draw.choice(list(SPECS))} for f in said["files"]]},
            ]
        )
    )  # fmt: skip
    data = canonical_json(said)
    return draw.choice([data, data, data, _flip(draw, data), data[: _at(draw, data)], data + b"}"])


@dataclass(frozen=True)
class Parcel:
    """A delivery as it was sent: `written` is what arrives (manifest included), `sent` what its member had before some of it was lost."""

    written: dict[str, bytes]
    sent: dict[str, bytes]
    is_sound: bool


def compose(draw: Draw, member_id: str, ref: str, specs: dict[str, BlockSpec], created_at: dt.datetime = CREATED) -> Parcel:
    """One delivery, harmed by its member or on its way, or not at all."""
    kind = specs["customers"].format
    sound = {f"{block}.csv": a_file(draw, block) for block in draw.sample(list(specs), draw.randint(1, 3))}
    if kind != "csv":
        sound = {n: from_csv(draw, content, kind) for n, content in sound.items()}
    name = draw.choice(list(sound))
    sent = {**sound, name: draw.choice(PARQUET_HARMS if kind == "parquet" else HARMS)(draw, sound[name])}
    # Harmed before the manifest was made (the member says what it sends), or after.
    said = manifest_of(member_id, ref, sent if draw.random() < 0.7 else sound, created_at)
    for file in said["files"]:
        if kind != "csv":
            file["rows"] = len(reference(sound[file["name"]], specs[file["block"]]) or [])
        if draw.random() < 0.5:  # a member whose own tool counts otherwise than by lines
            file["rows"] = draw.choice([file["rows"], len(reference(sent[file["name"]], specs[file["block"]]) or [])])
    agreed = canonical_json(said)
    manifest = harmed_manifest(draw, said) if draw.random() < 0.2 else agreed
    lost = draw.choice([None, None, None, None, None, name])
    written = {n: b for n, b in sent.items() if n != lost} | ({"surplus.csv": b"x"} if draw.random() < 0.05 else {})
    is_sound = written == sent == sound and manifest == agreed
    return Parcel({**written, "manifest.json": manifest}, sent, is_sound)


def send(draw: Draw, folder: Path, specs: dict[str, BlockSpec]) -> dict[str, bytes]:
    """Writes one delivery of m01; its files."""
    folder.mkdir(parents=True)
    parcel = compose(draw, "m01", folder.name, specs)
    for file_name, content in parcel.written.items():
        (folder / f"{file_name}.pgp").write_bytes(content)
    return parcel.sent


def reference(data: bytes, spec: BlockSpec) -> list[list[str]] | None:
    """The rows that Python's csv module finds below the header; None when it finds no such file."""
    if spec.format != "csv":
        return rows_of_kind(data, spec)
    try:
        text = unpacked(data).decode("utf-8-sig")
        rows = [r for r in csv.reader(io.StringIO(text, newline=""), delimiter=";") if any(r)]
    except (*BROKEN, csv.Error):
        return None
    names = [n.strip() for n in rows[0]] if rows else []
    if sorted(names) != sorted(spec.columns):
        return None
    places = [names.index(n) for n in spec.columns]
    return [[r[p] for p in places] if len(r) == len(places) else r for r in rows[1:]]


def as_stored(spec: BlockSpec, column: str, value: str) -> str:
    """What is stored of a value: references without spaces around them, the member's codes as ours."""
    return spec.values.get(column, {}).get(value, value.strip() if column in REFERENCES else value)


def check_accepted(result: Result, sent: dict[str, bytes], specs: dict[str, BlockSpec]) -> None:
    """Every file is the one the manifest states, and every stored row stands in it, in its columns."""
    assert result.manifest is not None and len(result.staged) == len(result.manifest.files)
    for file, staged in zip(result.manifest.files, result.staged, strict=True):
        data, spec = sent[file.name], specs[file.block]
        assert hashlib.sha256(data).hexdigest() == file.sha256
        assert staged.accepted + staged.rejected == file.rows
        rows = reference(data, spec)
        assert rows is not None
        stored = pq.read_table(staged.accepted_path).to_pylist()
        assert len(stored) == staged.accepted
        whole = Counter(tuple(as_stored(spec, our, value) for our, value in zip(spec.columns.values(), r, strict=True)) for r in rows if len(r) == 4)
        kept = Counter(tuple(row[our] or "" for our in spec.columns.values()) for row in stored)
        assert kept <= whole, "a stored row is one that was sent"
        assert all(row["customer_ref"] for row in stored)


def check_refused(result: Result, desk: Desk) -> None:
    """A reason in one sentence without a value, no row kept, no plaintext left. One dated after the run waits in the inbox."""
    assert [p for p in desk.scratch.rglob("*") if p.is_file()] == []
    if result.fate is Fate.LATER:
        assert result.manifest is not None and result.manifest.created_at.date() > desk.as_of and delivery_rows(desk.as_of, [result]) == []
        return
    assert result.fate is Fate.QUARANTINED
    assert result.code and result.sentence and result.sentence.endswith(".")
    assert CANARY not in json.dumps(report(desk.as_of, result), ensure_ascii=False)
    (row,) = delivery_rows(desk.as_of, [result])
    assert row["rows_accepted"] == 0 and row["rows_read"] == row["rows_rejected"]


def fuzz(root: Path, seed: int, count: int) -> Counter[str]:
    """`count` deliveries from `seed`; fates and codes met."""
    met: Counter[str] = Counter()
    for number in range(count):
        draw, home = random.Random(f"{seed}/{number}"), root / str(number)
        kind = draw.choice(["csv", "csv", "parquet", "fixed"])
        specs = {block: as_kind(spec, kind) for block, spec in SPECS.items()}
        member = MemberSpec.model_validate(
            {"member_id": "m01", "label": "m01", "sector": "presse_edition", "programmes": ["alliance"], "pgp": {"fingerprints": [FINGERPRINT]},
             "blocks": specs}
        )  # fmt: skip
        home.mkdir(parents=True)
        stores = [FolderStore(home / place) for place in ("inbox", "outbox", "quarantine")]
        (home / "scratch").mkdir()
        desk = Desk(
            *stores, cast(Pgp, StandIn()), FINGERPRINT, {"m01": member}, str, ExchangeSettings(max_reject_share=0.5), dt.date(2026, 10, 31),
            home / "scratch",
        )  # fmt: skip
        sent = send(draw, home / "inbox" / "m01" / f"d{number}", specs)
        try:
            found, _ = find_deliveries(desk.inbox.list())
            (result,) = open_manifests(desk, found)
            take_all(desk, [result], {}, lambda _: None)
            met[result.code or str(result.fate)] += 1
            met[f"{kind} {result.fate}"] += 1
            if result.fate is Fate.ACCEPTED:
                check_accepted(result, sent, specs)
            else:
                check_refused(result, desk)
        except Exception as failed:
            raise AssertionError(f"seed {seed}, delivery {number}: {type(failed).__name__}: {failed}") from failed
        shutil.rmtree(home)
    return met


def test_five_hundred_harmed_deliveries(tmp_path: Path) -> None:
    met = fuzz(tmp_path, 29, 500)
    assert met["accepted"] > 50 and len(met) > 14, dict(met)
    assert min(met[f"{kind} {fate}"] for kind in ("csv", "fixed", "parquet") for fate in ("accepted", "quarantined")) > 8, dict(met)
    assert met["UNREADABLE"] == 0, "the last resort is for what nobody thought of"


@pytest.mark.slow
def test_inv_29_ten_thousand_harmed_deliveries(tmp_path: Path) -> None:
    met = fuzz(tmp_path, 2029, 10_000)
    assert met["accepted"] > 1000 and len(met) > 18, dict(met)
    assert met["UNREADABLE"] == 0, dict(met)
