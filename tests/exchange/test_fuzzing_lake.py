"""Thousands of harmed deliveries through the job itself, into a lake: none accepted wrongly, none stopping the job, none half written.

Many deliveries of many members come in each run, as on a bad night. After it every delivery is accounted for against its bytes: an accepted
one line by line, a refused one by its report, its untouched copy in quarantine and no row anywhere. Whatever stood in the lake before must
stand there unchanged. Seals stand in for gpg (see `sealed`); everything else is real.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row
from pyspark.sql import functions as F

from appetence.contracts.base import Table
from appetence.contracts.bronze import LINE_FAULTS, Delivery, RawPermission, RawRecord, RawTransaction, Reject
from appetence.contracts.specs import BlockSpec, MemberSpec
from appetence.exchange.blocks import TABLES
from appetence.exchange.stores import FolderStore
from appetence.pipeline import receive_deliveries
from appetence.pipeline.context import Context
from appetence.runtime.config import load
from tests.exchange.courier import CREATED, CUSTOMERS, PERMISSIONS, TRANSACTIONS
from tests.exchange.packed import as_kind
from tests.exchange.sealed import OPERATOR, opened, seal
from tests.exchange.test_fuzzing import CANARY, Parcel, as_stored, compose, reference

pytestmark = pytest.mark.spark
MEMBERS = [f"m{number:02d}" for number in range(1, 13)]
BRONZE: tuple[type[Table], ...] = (RawRecord, RawTransaction, RawPermission, Reject, Delivery)
LINES = (*TABLES.values(), Reject)
Draw = random.Random
Folder = tuple[str, str]


def fingerprint(member_id: str) -> str:
    """The member's key."""
    return hashlib.sha1(member_id.encode()).hexdigest().upper()


def specs_of(member_id: str) -> dict[str, BlockSpec]:
    """A third of the members deliver in each format."""
    kind = ("csv", "fixed", "parquet")[int(member_id[1:]) % 3]
    return {block: as_kind(spec, kind) for block, spec in (("customers", CUSTOMERS), ("transactions", TRANSACTIONS), ("permissions", PERMISSIONS))}


@dataclass
class Post:
    """What was put into the inbox, and what was there before: `told` holds the folders whose report lies in the outbox already."""

    root: Path
    parcels: dict[Folder, Parcel] = field(default_factory=dict)
    harmed_seals: set[Folder] = field(default_factory=set)
    accepted: list[Parcel] = field(default_factory=list)
    repeats: set[Folder] = field(default_factory=set)
    met: Counter[str] = field(default_factory=Counter)

    def put(self, draw: Draw, member_id: str, ref: str, parcel: Parcel, signer: str | None) -> None:
        """Seals and writes a parcel; some seals are harmed, some manifests are still to come."""
        is_unfinished = draw.random() < 0.02 and len(parcel.written) > 1
        for name, content in parcel.written.items():
            if is_unfinished and name == "manifest.json":
                continue
            message = seal(content, signer)
            if draw.random() < 0.03:
                self.harmed_seals.add((member_id, ref))
                place = draw.randrange(len(message))
                message = draw.choice(
                    [message[:place], message[:place] + bytes([message[place] ^ 1]) + message[place + 1 :], b"", content, seal(content, None),
                     seal(content, signer, "E" * 40), seal(content, fingerprint("another"))]
                )  # fmt: skip
            file = self.root / "inbox" / member_id / ref / f"{name}.pgp"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(message)
        self.parcels[member_id, ref] = parcel

    def fill(self, draw: Draw, run: int, count: int) -> None:
        """`count` new deliveries of all members: sound, harmed, repeated, dated after the run, of strangers; and files that belong to none."""
        self.parcels, self.harmed_seals, self.repeats = {}, set(), set()
        for number in range(count):
            member_id, ref = MEMBERS[number % len(MEMBERS)], f"r{run}-{number}"
            chance = draw.random()
            if chance < 0.04 and self.accepted:
                self._again(draw, draw.choice(self.accepted), ref)
                continue
            if chance > 0.98:
                member_id = "m77"
            days = 60 if chance > 0.95 else draw.randint(0, 25)
            specs = specs_of(member_id if member_id in MEMBERS else "m01")
            parcel = compose(draw, member_id, ref, specs, CREATED + dt.timedelta(days=days, seconds=draw.randint(0, 80_000)))
            signer = None if draw.random() < 0.01 else fingerprint("m01" if draw.random() < 0.02 else member_id)
            if signer != fingerprint(member_id):
                self.harmed_seals.add((member_id, ref))
            self.put(draw, member_id, ref, parcel, signer)
        for stray in ("readme.txt", "m01/loose.pgp", f"m01/r{run}/deeper/manifest.json.pgp", f"m02/a b {run}/manifest.json.pgp"):
            file = self.root / "inbox" / stray
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"stray")

    def _again(self, draw: Draw, earlier: Parcel, ref: str) -> None:
        """An accepted delivery once more, under another name."""
        said = json.loads(earlier.written["manifest.json"])
        copy = {**earlier.written, "manifest.json": json.dumps({**said, "delivery_ref": ref}).encode()}
        self.repeats.add((said["member_id"], ref))
        self.put(draw, said["member_id"], ref, Parcel(copy, earlier.sent, True), fingerprint(said["member_id"]))


def manifest_in(parcel: Parcel, folder: Folder) -> dict[str, Any]:
    """The manifest as plain Python reads it, when it is one for this folder: whatever else it is, the delivery may not be accepted."""
    said = json.loads(parcel.written["manifest.json"])
    assert (said["member_id"], said["delivery_ref"], said["layout_version"]) == (*folder, "1")
    assert said["mode"] in ("full", "incremental")
    assert sorted(said) == ["created_at", "delivery_ref", "files", "layout_version", "member_id", "mode"]
    names = [f["name"] for f in said["files"]]
    assert sorted([*names, "manifest.json"]) == sorted(parcel.written)
    assert all(hashlib.sha256(parcel.written[f["name"]]).hexdigest() == f["sha256"] for f in said["files"])
    return dict(said)


def check_accepted(parcel: Parcel, folder: Folder, delivery: Row, rows: dict[str, list[Row]]) -> None:
    """The lines of every file, and no others, stand in the table of its block or among the rejected."""
    said, specs = manifest_in(parcel, folder), specs_of(folder[0])
    stored_of = {block: list(rows[table.full_name()]) for block, table in TABLES.items()}
    assert delivery.rows_read == sum(f["rows"] for f in said["files"]) == delivery.rows_accepted + delivery.rows_rejected
    assert delivery.rows_accepted == sum(len(found) for found in stored_of.values())
    assert {b for b, found in stored_of.items() if found} | {r.block for r in rows[Reject.full_name()]} <= {f["block"] for f in said["files"]}
    for file in said["files"]:
        spec, stored = specs[file["block"]], stored_of[file["block"]]
        own = [r for r in rows[Reject.full_name()] if r.block == file["block"]]
        refused = {r.line_number for r in own if r.code in LINE_FAULTS}
        assert {r.line_number for r in own} - refused <= {r.line_number for r in stored}
        assert len(stored) + len(refused) == file["rows"] and not refused & {r.line_number for r in stored}
        found = reference(parcel.sent[file["name"]], spec)
        assert found is not None
        ours = list(spec.columns.values())
        whole = Counter(tuple(as_stored(spec, our, v) for our, v in zip(ours, r, strict=True)) for r in found if len(r) == len(ours))
        kept = Counter(tuple(row[our] or "" for our in ours) for row in stored)
        assert kept <= whole, "a stored row is one that was sent, in its columns"
        if file["block"] == "transactions" and stored:
            unread = sum(1 for r in stored if not re.search(r"\d", r.transaction_date))
            assert unread <= len(stored) / 2, "a column without a single digit is no column of dates"


def check_refused(post: Post, folder: Folder, delivery: Row, rows: dict[str, list[Row]], arrived: dict[str, bytes]) -> None:
    """No row, the files as they came in quarantine, and to a member a report that holds the reason and nobody's name."""
    assert not any(rows.values()) and delivery.rows_accepted == 0 and delivery.rows_read == delivery.rows_rejected
    assert delivery.reason_code and delivery.reason.endswith(".") and CANARY not in delivery.reason
    kept = post.root / "quarantine" / folder[0] / folder[1]
    assert {f.name: f.read_bytes() for f in kept.iterdir()} == arrived
    report = post.root / "outbox" / folder[0] / f"{folder[1]}.report.json.pgp"
    if folder[0] not in MEMBERS:
        assert not report.exists()
        return
    content, signer = opened(report.read_bytes(), fingerprint(folder[0]))
    told = json.loads(content)
    assert signer == OPERATOR and (told["status"], told["code"], told["sentence"]) == ("quarantined", delivery.reason_code, delivery.reason)
    assert CANARY not in content.decode()


class Night:
    """Runs of the job over one lake, and what its tables were after the run before."""

    def __init__(self, make: Callable[[str], Context], root: Path, seed: int) -> None:
        self._make, self._seed, self.post = make, seed, Post(root)
        self._stood: dict[str, tuple[int, int]] = {t.full_name(): (0, 0) for t in BRONZE}

    def run(self, run: int, count: int) -> None:
        """One run over `count` new deliveries, checked."""
        draw, inbox = random.Random(f"{self._seed}/{run}"), self.post.root / "inbox"
        self.post.fill(draw, run, count)
        arrived = {f: {p.name: p.read_bytes() for p in (inbox / f[0] / f[1]).iterdir()} for f in self.post.parcels}
        ctx = self._make(f"run-{run}")
        receive_deliveries.run(ctx)
        assert not [p for p in (self.post.root / "scratch").rglob("*") if p.is_file() and p.suffix in (".pgp", ".csv", ".json")]
        self._check(ctx, run, arrived)
        for folder in self.post.parcels:
            for left in (inbox / folder[0] / folder[1]).glob("*"):
                left.unlink()

    def _check(self, ctx: Context, run: int, arrived: dict[Folder, dict[str, bytes]]) -> None:
        deliveries = {(r.member_id, r.delivery_ref): r for r in ctx.lake.read(Delivery).where(F.col("delivery_ref").startswith(f"r{run}-")).collect()}
        ids = [r.delivery_id for r in deliveries.values()]
        by_delivery = self._rows(ctx, ids)
        inbox = FolderStore(self.post.root / "inbox").list()
        for folder, parcel in self.post.parcels.items():
            try:
                left = [name for name in inbox if name.startswith(f"{folder[0]}/{folder[1]}/")]
                self._account(folder, parcel, deliveries.get(folder), by_delivery, arrived[folder], left)
            except Exception as failed:
                raise AssertionError(f"seed {self._seed}, run {run}, delivery {'/'.join(folder)}: {type(failed).__name__}: {failed}") from failed

    def _rows(self, ctx: Context, ids: list[str]) -> dict[str, dict[str, list[Row]]]:
        """The lines of the new deliveries by delivery and table; all others must be what they were."""
        found: dict[str, dict[str, list[Row]]] = {i: {t.full_name(): [] for t in LINES} for i in ids}
        for table in BRONZE:
            frame = ctx.lake.read(table)
            is_new, mark = F.col("delivery_id").isin(ids), F.xxhash64(*frame.columns).cast("decimal(38,0)")
            one = frame.agg(
                F.count(F.when(~is_new, 1)), F.coalesce(F.sum(F.when(~is_new, mark)), F.lit(0)), F.count(F.lit(1)), F.coalesce(F.sum(mark), F.lit(0))
            ).first()
            assert one is not None
            assert (one[0], int(one[1])) == self._stood[table.full_name()], f"{table.full_name()}: rows of earlier deliveries changed"
            self._stood[table.full_name()] = (one[2], int(one[3]))
            if table is not Delivery:
                for row in frame.where(is_new).collect():
                    found[row.delivery_id][table.full_name()].append(row)
        return found

    def _account(
        self, folder: Folder, parcel: Parcel, delivery: Row | None, rows: dict[str, dict[str, list[Row]]], arrived: dict[str, bytes], left: list[str]
    ) -> None:
        post, is_whole = self.post, parcel.is_sound and folder not in self.post.harmed_seals
        if delivery is None:
            if left:
                assert len(left) == len(arrived), "what waits, waits whole"
                if "manifest.json.pgp" not in arrived:
                    post.met["unfinished"] += 1
                    return
                created = str(json.loads(parcel.written["manifest.json"])["created_at"])
                assert created > "2026-10-31"
                post.met["later"] += 1
            else:
                assert folder in post.repeats
                post.met["repeated"] += 1
            return
        assert left == []
        own = rows[delivery.delivery_id]
        if delivery.status == "accepted":
            assert folder not in post.harmed_seals and folder[0] in MEMBERS and folder not in post.repeats
            check_accepted(parcel, folder, delivery, own)
            post.accepted.append(parcel)
        else:
            assert not is_whole or folder[0] not in MEMBERS, f"a sound delivery was refused: {delivery.reason}"
            check_refused(post, folder, delivery, own, arrived)
        post.met[delivery.reason_code or "accepted"] += 1
        post.met[f"{('csv', 'fixed', 'parquet')[int(folder[0][1:]) % 3]} {delivery.status}"] += 1


@pytest.fixture
def night(make_context: Callable[..., Context], tmp_path: Path, conf_folder: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Night]:
    """Nights over an empty lake, by seed."""
    from tests.exchange.sealed import Sealed

    monkeypatch.setattr(receive_deliveries, "Pgp", Sealed)
    root = tmp_path / "root"
    (root / "secrets" / "fingerprints").mkdir(parents=True)
    (root / "secrets" / "fingerprints" / "operator.fpr").write_text(OPERATOR)
    config = load("demo", [f"paths.root={root}", f"paths.members={tmp_path / 'none'}", "exchange.max_reject_share=0.5"], conf_folder)
    values = {"sector": "presse_edition", "programmes": ["alliance"]}
    members = {
        m: MemberSpec.model_validate({"member_id": m, "label": m, **values, "pgp": {"fingerprints": [fingerprint(m)]}, "blocks": specs_of(m)})
        for m in MEMBERS
    }
    config = config.model_copy(update={"members": members})
    return lambda seed: Night(lambda run_id: make_context(config=config, run_id=run_id), root, seed)


def test_inv_29_hundreds_of_harmed_deliveries_through_the_job(night: Callable[[int], Night]) -> None:
    found = night(29)
    for run in range(2):
        found.run(run, 180)
    met = found.post.met
    assert (
        met["accepted"] > 30 and met["PGP"] > 10 and met["repeated"] > 1 and met["later"] > 1 and met["unfinished"] and met["UNKNOWN_MEMBER"] > 0
    ), dict(met)
    assert len(met) > 18 and met["UNREADABLE"] == 0, dict(met)


@pytest.mark.slow
def test_inv_29_ten_thousand_harmed_deliveries_through_the_job(night: Callable[[int], Night]) -> None:
    found = night(2029)
    for run in range(25):
        found.run(run, 400)
    met = found.post.met
    assert met["accepted"] > 1000 and met["TOO_MANY_UNREAD"] > 0 and met["repeated"] > 100 and met["later"] > 50, dict(met)
    assert min(met[f"{kind} {status}"] for kind in ("csv", "fixed", "parquet") for status in ("accepted", "quarantined")) > 100, dict(met)
    assert met["UNREADABLE"] == 0, dict(met)
    print(f"10,000 deliveries: {dict(sorted(met.items()))}")  # noqa: T201 - the figures of the run, for whoever asks for them with -s
