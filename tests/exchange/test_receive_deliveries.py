"""The receive step on a real lake: what is stored, what a repeat, a refusal and a kill leave behind."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from appetence.columns.hashing import record_id
from appetence.contracts.base import Table
from appetence.contracts.bronze import Delivery, RawPermission, RawRecord, RawTransaction, Reject
from appetence.contracts.domain import Block
from appetence.contracts.specs import BlockSpec
from appetence.exchange import stores
from appetence.exchange.pgp import Pgp
from appetence.pipeline import receive_deliveries
from appetence.pipeline.context import Context
from appetence.pipeline.rights_answers import answer
from appetence.privacy.answers import PORTABLE, portable_fields
from appetence.privacy.matching import Identified
from appetence.privacy.requests import Request, RequestSpec
from appetence.privacy.rights import Case
from appetence.runtime.config import load
from appetence.storage.lake import Lake
from tests.exchange.courier import CREATED, Keys, customers, member, permissions, send, transactions

pytestmark = pytest.mark.spark
BRONZE: tuple[type[Table], ...] = (RawRecord, RawTransaction, RawPermission, Reject, Delivery)
DAY = dt.timedelta(days=1)


class Killed(BaseException):
    """Stands for a process that is gone: nothing in the library catches it."""


@pytest.fixture
def office(make_context: Callable[..., Context], tmp_path: Path, keys: Keys, conf_folder: str) -> Callable[..., Context]:
    """Contexts with the test's members, and an inbox under the test's own root."""
    prints = tmp_path / "root" / "secrets" / "fingerprints"
    prints.mkdir(parents=True)
    (prints / "operator.fpr").write_text(keys.fingerprints["operator"])
    config = load("demo", [f"paths.root={tmp_path / 'root'}", f"paths.gnupg={keys.root}", f"paths.members={tmp_path / 'none'}"], conf_folder)
    config = config.model_copy(update={"members": {"m01": member(keys), "m02": member(keys, "m02")}})

    def make(run_id: str = "run-1", **values: object) -> Context:
        return make_context(config=config, run_id=run_id, **values)

    return make


def content(lake: Lake) -> dict[str, list[tuple[object, ...]]]:
    """Every bronze row, without run ids."""
    return {t.full_name(): sorted((tuple(r) for r in lake.read(t).collect()), key=str) for t in BRONZE}


def versions(lake: Lake) -> list[int | None]:
    """The version of each bronze table."""
    return [lake.version(t) for t in BRONZE]


def three_files() -> dict[str, bytes]:
    """A whole delivery."""
    return {"customers.csv": customers(60), "transactions.csv": transactions(7), "permissions.csv": permissions(6)}


def test_inv_15_redelivery_changes_nothing_and_every_line_is_stored_once(office: Callable[..., Context], tmp_path: Path, keys: Keys) -> None:
    files = {**three_files(), "customers.csv": customers(100).replace(b"\n42;", b"\n;")}
    send(tmp_path / "root/inbox", keys, "d1", files)
    ctx = office()

    counts = receive_deliveries.run(ctx)

    assert (counts.rows_in, counts.rows_out, counts.rows_rejected) == (113, 112, 1)
    delivery = ctx.lake.read(Delivery).first()
    assert delivery is not None
    assert (delivery.status, delivery.rows_read, delivery.rows_accepted, delivery.rows_rejected) == ("accepted", 113, 112, 1)
    assert (delivery.delivered_at, delivery.received_on) == (CREATED.replace(tzinfo=None), ctx.as_of)
    assert delivery.signer == keys.fingerprints["m01"]
    record = ctx.lake.read(RawRecord).where("line_number = 2").first()
    assert record is not None
    assert (record.customer_ref, record.last_name, record.first_name, record.postcode, record.email) == (
        "1",
        "MARTIN0",
        "Zoé",
        "75001",
        None,
    )
    expected = ctx.spark.sql("SELECT 'm01' m, '1' r").select(record_id(*_columns("m", "r"))).first()
    assert expected is not None and record.record_id == expected[0]
    gift = ctx.lake.read(RawTransaction).where("line_number = 3").first()
    assert gift is not None and (gift.transaction_ref, gift.amount, gift.kind, gift.record_id is None) == ("C2", "12,50", "order", False)
    assert gift.decimal_mark == ","
    assert {r.status for r in ctx.lake.read(RawPermission).collect()} == {"granted", "opposed"}
    reject = ctx.lake.read(Reject).first()
    assert reject is not None
    assert (reject.block, reject.line_number, reject.column, reject.code) == ("customers", 43, "customer_ref", "MISSING_VALUE")
    assert [a["action"] for a in counts.details["audit"]] == ["received"]
    assert not [f for f in (tmp_path / "root/scratch").rglob("*") if ".csv" in f.name]

    before, stood = content(ctx.lake), versions(ctx.lake)
    send(tmp_path / "root/inbox", keys, "d1-once-more", files)
    again = receive_deliveries.run(office("run-2"))
    assert (again.rows_in, again.rows_out, again.details["deliveries"]) == (0, 0, {"repeated": 1})
    assert versions(ctx.lake) == stood and content(ctx.lake) == before
    assert stores.FolderStore(tmp_path / "root/inbox").list() == []


def _columns(*names: str) -> list[object]:
    from pyspark.sql import functions as F

    return [F.col(n) for n in names]


def test_inv_29_refused_delivery_leaves_tables_intact_and_the_rest_goes_on(office: Callable[..., Context], tmp_path: Path, keys: Keys) -> None:
    inbox, root = tmp_path / "root/inbox", tmp_path / "root"
    send(inbox, keys, "d1", three_files())
    receive_deliveries.run(office())
    before = content(office().lake)

    send(inbox, keys, "d2", {"customers.csv": customers(50, first=500).replace(b"PRENOM", b"RELIGION")}, created_at=CREATED + DAY)
    send(inbox, keys, "d3", {"customers.csv": customers(2, first=700)}, member_id="m02")
    send(inbox, keys, "d4", {"customers.csv": customers(2, first=800)}, member_id="stranger")
    ctx = office("run-2")
    counts = receive_deliveries.run(ctx)

    assert counts.details["deliveries"] == {"accepted": 1, "quarantined": 2}
    after = content(ctx.lake)
    assert [r for r in after["bronze.raw_record"] if r[2] == "m01"] == before["bronze.raw_record"]
    assert len(after["bronze.raw_record"]) == len(before["bronze.raw_record"]) + 2
    refused = {r.delivery_ref: r for r in ctx.lake.read(Delivery).where("status = 'quarantined'").collect()}
    assert {k: r.reason_code for k, r in refused.items()} == {"d2": "UNKNOWN_COLUMN", "d4": "UNKNOWN_MEMBER"}
    assert "RELIGION" in refused["d2"].reason and "conf/members/m01.yaml" in refused["d2"].reason
    assert refused["d2"].rows_read == refused["d2"].rows_accepted + refused["d2"].rows_rejected
    kept = stores.FolderStore(root / "quarantine").list()
    assert kept == [f"{m}/{d}/{n}.pgp" for m, d in (("m01", "d2"), ("stranger", "d4")) for n in ("customers.csv", "manifest.json")]
    assert stores.FolderStore(inbox).list() == []
    with Pgp(keys.home("m01")) as pgp:
        report = tmp_path / "report.json"
        pgp.decrypt_and_verify(root / "outbox/m01/d2.report.json.pgp", report, allowed=[keys.fingerprints["operator"]])
    assert json.loads(report.read_text())["code"] == "UNKNOWN_COLUMN"

    known = member(keys)
    columns = {("RELIGION" if k == "PRENOM" else k): v for k, v in known.blocks[Block.CUSTOMERS].columns.items()}
    agreed = known.model_copy(update={"blocks": {Block.CUSTOMERS: known.blocks[Block.CUSTOMERS].model_copy(update={"columns": columns})}})
    last = office("run-3")
    send(inbox, keys, "d2", {"customers.csv": customers(50, first=500).replace(b"PRENOM", b"RELIGION")}, created_at=CREATED + DAY)
    receive_deliveries.run(Context(**{**vars(last), "config": last.config.model_copy(update={"members": {"m01": agreed}})}))
    fixed = ctx.lake.read(Delivery).where("delivery_ref = 'd2'").collect()
    assert [(r.status, r.reason_code, r.rows_accepted) for r in fixed] == [("accepted", None, 50)]


def test_unreadable_values_are_told_at_receipt_and_too_many_refuse_the_whole(office: Callable[..., Context], tmp_path: Path, keys: Keys) -> None:
    """m01 may send what it likes, m02 a twentieth unread: the same file is taken from one and told to both; no table has a line of the other."""
    bought = transactions(11).replace(b"2026-09-03", b"31/02/2026").replace(b"12,50\n7;", b"DOUZE\n7;")
    files = {"customers.csv": customers(4), "transactions.csv": bought, "permissions.csv": permissions(3).replace(b"2026-01-01", b"2026-13-01")}
    ctx = office()
    strict = ctx.config.members["m02"].model_copy(update={"max_unread_share": 0.05})
    known = ctx.config.members["m01"]
    events = known.blocks[Block.PERMISSIONS].model_copy(update={"constants": {"use": "prospect", "purpose": "commercial", "basis": "consent"}})
    lenient = known.model_copy(update={"blocks": {**known.blocks, Block.PERMISSIONS: events}, "max_unread_share": 1.0})
    ctx = Context(**{**vars(ctx), "config": ctx.config.model_copy(update={"members": {"m01": lenient, "m02": strict}})})
    send(tmp_path / "root/inbox", keys, "d1", files)
    send(tmp_path / "root/inbox", keys, "d1", {k: v for k, v in files.items() if k != "permissions.csv"}, member_id="m02")

    counts = receive_deliveries.run(ctx)

    assert counts.details["deliveries"] == {"accepted": 1, "quarantined": 1} and counts.details["values_unread"] == 7
    by_member = {r.member_id: r for r in ctx.lake.read(Delivery).collect()}
    assert (by_member["m01"].status, by_member["m01"].rows_accepted, by_member["m01"].values_unread) == ("accepted", 18, 5)
    assert (by_member["m02"].reason_code, by_member["m02"].rows_accepted, by_member["m02"].values_unread) == ("TOO_MANY_UNREAD", 0, 2)
    assert "1 of the 11 values of DATE" in by_member["m02"].reason or "1 of the 11 values of MT" in by_member["m02"].reason
    assert {r.member_id for r in ctx.lake.read(RawTransaction).collect()} == {"m01"}
    told = {}
    for name in ("m01", "m02"):
        with Pgp(keys.home(name)) as pgp:
            report = tmp_path / f"{name}.json"
            pgp.decrypt_and_verify(tmp_path / f"root/outbox/{name}/d1.report.json.pgp", report, allowed=[keys.fingerprints["operator"]])
        told[name] = json.loads(report.read_text())
    assert [(v["file"], v["line"], v["source"], v["code"], v["shape"]) for v in told["m01"]["values"]] == [
        ("transactions.csv", 4, "DATE", "BAD_DATE", "99/99/9999"), ("transactions.csv", 7, "MT", "BAD_AMOUNT", "aaaaa"),
        *(("permissions.csv", n, "LE", "BAD_TIME", "9999-99-99a99:99:99") for n in (2, 3, 4)),
    ]  # fmt: skip
    assert told["m01"]["status"] == "accepted" and told["m02"]["status"] == "quarantined"
    assert told["m01"]["files"][1]["unread"] == [
        {"column": "amount", "code": "BAD_AMOUNT", "count": 1, "of": 11}, {"column": "transaction_date", "code": "BAD_DATE", "count": 1, "of": 11},
    ]  # fmt: skip
    kept = {(r.block, r.line_number, r.column, r.code): r for r in ctx.lake.read(Reject).collect()}
    assert {k[:2] for k in kept} == {("transactions", 4), ("transactions", 7), *(("permissions", n) for n in (2, 3, 4))}
    bad = kept["transactions", 7, "amount", "BAD_AMOUNT"]
    assert (bad.member_id, bad.value_shape, bad.sentence) == ("m01", "aaaaa", "transactions, line 7: amount is not an amount in euros.")
    assert bad.record_id is not None
    assert told["m02"]["values"] == told["m01"]["values"][:2] and "DOUZE" not in json.dumps(told)


STAGES = [
    "settle_early",
    "insert raw_record",
    "insert raw_transaction",
    "insert reject",
    "upsert delivery",
    "first deletion",
    "second deletion",
]


def test_inv_28_killed_anywhere_and_started_again(
    office: Callable[..., Context], tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One undisturbed run, then the same files through runs killed at every stage: the same tables, quarantine and empty inbox."""
    inbox = tmp_path / "root/inbox"

    def sent() -> None:
        send(inbox, keys, "d1", {**three_files(), "customers.csv": customers(100).replace(b"\n42;", b"\n;")})
        send(inbox, keys, "d2", {"customers.csv": customers(6), "transactions.csv": b"not;as;agreed\n"}, created_at=CREATED + DAY)

    calm = office()
    calm = Context(**{**vars(calm), "lake": Lake(calm.spark, str(tmp_path / "calm"), "run-0", str(tmp_path / "calm-scratch"))})
    sent()
    receive_deliveries.run(calm)
    quarantined = stores.FolderStore(tmp_path / "root/quarantine").list()
    expected = content(calm.lake)

    sent()
    for number, stage in enumerate(STAGES):
        with monkeypatch.context() as patch:
            _kill_at(patch, stage)
            with pytest.raises(Killed):
                receive_deliveries.run(office(f"receive_deliveries-killed-{number}"))
    last = office("receive_deliveries-last")
    receive_deliveries.run(last)
    assert content(last.lake) == expected
    assert stores.FolderStore(tmp_path / "root/quarantine").list() == quarantined
    assert stores.FolderStore(inbox).list() == []
    assert [p.name for p in (tmp_path / "root/scratch").glob("receive_deliveries-*")] in ([], ["receive_deliveries-last"])


def _kill_at(patch: pytest.MonkeyPatch, stage: str) -> None:
    """Makes the process die when it comes to `stage`."""
    verb, _, what = stage.partition(" ")
    if stage == "settle_early":
        patch.setattr(receive_deliveries, "settle_early", _die)
    elif what == "deletion":
        delete, left = stores.FolderStore.delete, ["first", "second"].index(verb)
        seen: list[str] = []

        def few(store: stores.FolderStore, name: str) -> None:
            if len(seen) >= left:
                raise Killed
            seen.append(name)
            delete(store, name)

        patch.setattr(stores.FolderStore, "delete", few)
    else:
        method = "insert_new" if verb == "insert" else "upsert_rows"
        write = getattr(Lake, method)

        def writes(lake: Lake, table: type[Table], frame: object) -> object:
            if table.name == what:
                raise Killed
            return write(lake, table, frame)

        patch.setattr(Lake, method, writes)


def _die(*_: object) -> None:
    raise Killed


def test_inv_24_what_portability_hands_back_is_received_again_as_it_was(office: Callable[..., Context], tmp_path: Path, keys: Keys) -> None:
    """The files of a person's copy, sent by another member whose columns are called as ours: every provided value arrives as it came, also
    where the one value of a column cannot be read: that is too few to say that the column is another."""
    send(tmp_path / "root/inbox", keys, "d1", three_files())
    receive_deliveries.run(office())
    ctx = office("run-2")
    tables: dict[str, type[Table]] = dict(PORTABLE)
    mine = [r.record_id for r in ctx.lake.read(RawRecord).where("customer_ref = '3'").collect()]
    spec = RequestSpec.model_validate({
        "right": "portability", "received_through": "operator", "received_on": ctx.as_of, "evidence": "letter",
        "person": {"last_name": "A", "first_name": "B", "email": "a@b.fr"},
    })  # fmt: skip
    answer(ctx, [Case(Request("q", "q.yaml", spec), Identified("q", "found", "", ("p",), tuple(mine)), dict.fromkeys(mine, "m01"))])
    files = {f.name: f.read_bytes() for f in (Path(ctx.config.paths.reports) / "rights" / "q" / "portability" / "m01").iterdir()}
    assert sorted(files) == ["customers.csv", "permissions.csv", "transactions.csv"]

    send(tmp_path / "root/inbox", keys, "d2", files, member_id="m02", created_at=CREATED + DAY)
    blocks = {Block(name): BlockSpec(columns={c: c for c in portable_fields(table)}) for name, table in tables.items()}
    as_ours = ctx.config.model_copy(update={"members": {"m01": member(keys), "m02": member(keys, "m02", blocks=blocks)}})
    counts = receive_deliveries.run(replace(office("run-3"), config=as_ours))

    assert counts.rows_rejected == 0 and counts.rows_out == 3
    for name, table in tables.items():
        fields = portable_fields(table)
        rows = {r.member_id: tuple(r[c] for c in fields) for r in ctx.lake.read(table).where("customer_ref = '3'").collect()}
        assert rows["m01"] == rows["m02"] and "3" in rows["m02"], name
