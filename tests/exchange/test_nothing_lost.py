"""Mixed deliveries end in the same state whatever their order, and every line that was delivered is accounted for.

Full and incremental deliveries, late, repeated, cut off on their way and sent again, refused and corrected, with lines that cannot be used
and values that cannot be read. Random, seeded; the seed stands in the failure. Seals stand in for gpg (see `sealed`).
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row

from appetence.contracts.base import Table
from appetence.contracts.bronze import LINE_FAULTS, Delivery, RawPermission, RawRecord, RawTransaction, Reject
from appetence.contracts.domain import Block
from appetence.contracts.reference import Commune, FirstName, Member
from appetence.contracts.silver import Permission, PermissionEvent, Record, Transaction
from appetence.contracts.specs import BlockSpec, MemberSpec
from appetence.exchange.blocks import TABLES
from appetence.exchange.manifest import Manifest, canonical_json
from appetence.pipeline import receive_deliveries, standardise_records
from appetence.pipeline.context import Context
from appetence.runtime.config import load
from tests.exchange.courier import CREATED, manifest_of
from tests.exchange.sealed import OPERATOR, Sealed, seal

pytestmark = pytest.mark.spark
DAY = dt.timedelta(days=1)
MEMBERS = ("m01", "m02")
STATE: tuple[type[Table], ...] = (
    Delivery, RawRecord, RawTransaction, RawPermission, Reject, Record, Transaction, PermissionEvent, Permission,
)  # fmt: skip
SPECS: dict[str, BlockSpec] = {
    "customers": BlockSpec(
        columns={"NUM": "customer_ref", "NOM": "last_name", "PRENOM": "first_name", "NE": "birth_date", "RUE": "address_1", "CP": "postcode",
                 "VILLE": "city", "MEL": "email"}
    ),
    "transactions": BlockSpec(columns={"NUM": "customer_ref", "CDE": "transaction_ref", "DATE": "transaction_date", "MT": "amount", "TYPE": "kind"}),
    "permissions": BlockSpec(
        columns={"NUM": "customer_ref", "CANAL": "channel", "STATUT": "status", "LE": "collected_at"},
        constants={"use": "prospect", "purpose": "commercial", "basis": "consent", "wording_version": "v1", "collection_point": "web"},
        values={"status": {"O": "granted", "N": "opposed"}},
    ),
}  # fmt: skip
Draw = random.Random


def fingerprint(member_id: str) -> str:
    """The member's key."""
    return member_id[-1] * 40


@dataclass(frozen=True)
class Sent:
    """One delivery as it is put into an inbox. `cut` files arrive without their last bytes."""

    member_id: str
    ref: str
    mode: str
    created_at: dt.datetime
    files: dict[str, bytes]
    cut: bool = False

    def put(self, inbox: Path) -> None:
        """Writes its files, the manifest last."""
        folder = inbox / self.member_id / self.ref
        folder.mkdir(parents=True)
        said = manifest_of(self.member_id, self.ref, self.files, self.created_at, mode=self.mode)
        for name, content in {**self.files, "manifest.json": canonical_json(said)}.items():
            message = seal(content, fingerprint(self.member_id))
            (folder / f"{name}.pgp").write_bytes(message[:-3] if self.cut and name != "manifest.json" else message)


def _file(block: str, lines: Sequence[Sequence[str]]) -> bytes:
    return "".join(";".join(line) + "\n" for line in [list(SPECS[block].columns), *lines]).encode()


def _files(draw: Draw, count: int) -> dict[str, bytes]:
    """The blocks of one delivery: few customers and orders, so that deliveries speak of the same ones; some lines and values are bad."""
    people, bought, said = [], [], []
    for _ in range(count):
        number = str(draw.randint(1, 12))
        born = draw.choice(["1985-04-03", "03/04/85", "31/02/1980", ""])
        person = [number, draw.choice(["Petit", "Le Goff"]), draw.choice(["Zoé", "Luc"]), born, f"{draw.randint(1, 9)} rue Haute", "35000", "Rennes",
                  draw.choice(["a@free.fr", "rien", ""])]  # fmt: skip
        people.append(draw.choice([person] * 6 + [["", *person[1:]], person[:5]]))
        order = [str(draw.randint(1, 14)), f"C{draw.randint(1, 15)}", draw.choice(["2026-09-01", "01/09/2026", "hier"]), "12,50", ""]
        bought.append(draw.choice([order] * 6 + [[*order[:3], "douze", ""], [*order[:4], "troc"], [order[0], "", *order[2:]]]))
        permission = [number, draw.choice(["email", "post"]), draw.choice("ON"), f"2026-0{draw.randint(1, 9)}-01T10:00:00"]
        said.append(draw.choice([permission] * 6 + [[number, "pigeon", *permission[2:]], [*permission[:3], "jadis"]]))
    blocks = {"customers": people, "transactions": bought, "permissions": said}
    return {f"{block}.csv": _file(block, blocks[block]) for block in draw.sample(sorted(blocks), draw.randint(1, 3))}


def _post(draw: Draw) -> list[Sent]:
    """Deliveries of both members, in the order in which they were made."""
    made: list[Sent] = []
    for number in range(10):
        member_id = draw.choice(MEMBERS)
        mode = draw.choice(["full", "incremental", "incremental"])
        one = Sent(member_id, f"d{number}", mode, CREATED + number * DAY, _files(draw, draw.randint(4, 14)))
        fate = draw.choice(["sound", "sound", "twice", "cut", "wrong"])
        if fate == "twice":
            made.append(replace(one, ref=f"d{number}-again"))
        elif fate == "cut":
            made.append(replace(one, ref=f"d{number}-cut", cut=True))
        elif fate == "wrong":  # refused, and corrected a little later
            first = next(iter(one.files))
            wrong = {**one.files, first: one.files[first].replace(b"NUM;", b"IBAN;")}
            made.append(replace(one, ref=f"d{number}-wrong", files=wrong))
            one = replace(one, created_at=one.created_at + dt.timedelta(hours=1))
        made.append(one)
    return made


@pytest.fixture
def office(make_context: Callable[..., Context], tmp_path: Path, conf_folder: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Context]:
    """Contexts of offices of their own, each with a lake that holds the references: `office(name, run_id)`."""
    monkeypatch.setattr(receive_deliveries, "Pgp", Sealed)
    values = {"sector": "presse_edition", "programmes": ["alliance"], "max_unread_share": 1.0, "blocks": SPECS}
    members = {m: MemberSpec.model_validate({"member_id": m, "label": m, "pgp": {"fingerprints": [fingerprint(m)]}, **values}) for m in MEMBERS}

    def make(name: str, run_id: str) -> Context:
        root = tmp_path / name
        config = load("demo", [f"paths.root={root}", f"paths.members={tmp_path / 'none'}", "exchange.max_reject_share=0.9"], conf_folder)
        is_new = not root.exists()
        if is_new:
            (root / "secrets" / "fingerprints").mkdir(parents=True)
            (root / "secrets" / "fingerprints" / "operator.fpr").write_text(OPERATOR)
        ctx = make_context(config=config.model_copy(update={"members": members}), run_id=run_id)
        if is_new:
            names = {"label": "Rennes", "label_key": "RENNES", "department": "35", "postcode": "35000"}
            commune = {"commune_code": "35238", "current_code": "35238", **names}
            ctx.lake.insert_new(Commune, Commune.frame(ctx.spark, [commune]))
            ctx.lake.insert_new(FirstName, FirstName.frame(ctx.spark, [{"first_name": "ZOE", "gender": "F", "decade": 1980, "per_million": 900.0}]))
            ctx.lake.insert_new(Member, Member.frame(ctx.spark, [{"member_id": m, "sector": "presse_edition", "is_active": True} for m in MEMBERS]))
        return ctx

    return make


def _through(office: Callable[[str, str], Context], name: str, batches: Sequence[Sequence[Sent]], *, each: bool) -> Context:
    """Receives the batches one after the other; standardises after `each`, or at the end."""
    ctx = office(name, f"{name}-0")
    for number, batch in enumerate(batches, start=1):
        ctx = office(name, f"{name}-{number}")
        for sent in batch:
            sent.put(Path(ctx.config.paths.inbox))
        receive_deliveries.run(ctx)
        if each or number == len(batches):
            standardise_records.run(ctx)
    return ctx


def _state(ctx: Context) -> dict[str, list[tuple[Any, ...]]]:
    """Every row, but for the name under which a delivery that came twice was taken first."""
    found = {}
    for table in STATE:
        names = [str(f) for f in table.content() if f != Delivery.delivery_ref]
        rows = ctx.lake.read_or_empty(table).select(*names).collect()
        # Quarantined ones are another count: of a copy cut off, whether it came before or after its whole one decides if anybody saw it.
        found[table.full_name()] = sorted((tuple(map(str, r)) for r in rows), key=str)
    return found


def _deal(draw: Draw, post: Sequence[Sent], runs: int) -> list[list[Sent]]:
    """The deliveries in a random order, over some runs."""
    mixed = draw.sample(list(post), len(post))
    cuts = sorted(draw.sample(range(1, len(mixed)), runs - 1))
    return [mixed[a:b] for a, b in zip([0, *cuts], [*cuts, len(mixed)], strict=True)]


def _account(ctx: Context, post: Sequence[Sent]) -> Counter[str]:
    """What became of each line delivered, by its id (delivery, block, line); fails for a line that is nowhere, or in two places."""
    lake = ctx.lake
    deliveries: list[Row] = lake.read(Delivery).collect()
    raw: dict[str, dict[tuple[str, int], Row]] = {
        str(b): {(r.delivery_id, r.line_number): r for r in lake.read_or_empty(t).collect()} for b, t in TABLES.items()
    }
    rejects: dict[tuple[str, str, int], set[str]] = {}
    for r in lake.read(Reject).collect():
        assert r.code and r.sentence.endswith(".")
        rejects.setdefault((r.delivery_id, r.block, r.line_number), set()).add(r.code)
    made = {
        "customers": {(r.delivery_id, r.line_number) for r in lake.read(Record).where("NOT is_bare").collect()},
        "transactions": {(r.delivery_id, r.line_number) for r in lake.read(Transaction).collect()},
        "permissions": {(r.record_id, r.channel, r.status, r.collected_at) for r in lake.read(PermissionEvent).collect()},
    }
    by_content = {d.content_hash: d for d in deliveries}
    fates: Counter[str] = Counter()
    seen: set[tuple[str, str, int]] = set()
    for sent in post:
        said = manifest_of(sent.member_id, sent.ref, sent.files, sent.created_at, mode=sent.mode)
        delivery = by_content[Manifest.model_validate(said).content_hash()]
        for file in said["files"]:
            for line in range(2, file["rows"] + 2):
                place = (delivery.delivery_id, file["block"], line)
                if delivery.status == "quarantined":
                    assert place[:2] not in {(d, file["block"]) for d, _ in raw[file["block"]]} and place not in rejects and delivery.reason
                    fates["delivery refused"] += 1
                elif place not in seen:
                    seen.add(place)
                    fates[_fate(place, raw[file["block"]], rejects.get(place, set()), made[file["block"]], deliveries, raw)] += 1
    stored = {(d, block, n) for block, lines in raw.items() for d, n in lines}
    assert stored <= seen and set(rejects) <= seen, "nothing is stored that was not delivered"
    assert {(d, "customers", n) for d, n in made["customers"]} | {(d, "transactions", n) for d, n in made["transactions"]} <= stored
    return fates


def _fate(
    place: tuple[str, str, int], lines: dict[tuple[str, int], Row], codes: set[str], made: set[Any], deliveries: list[Row],
    raw: dict[str, dict[tuple[str, int], Row]],
) -> str:  # fmt: skip
    delivery_id, block, number = place
    line = lines.get((delivery_id, number))
    if line is None:
        assert codes & set(LINE_FAULTS), f"the line {place} is lost"
        return "line refused"
    assert not codes & set(LINE_FAULTS), f"the line {place} is stored and refused"
    if block == Block.PERMISSIONS:
        at = dt.datetime.fromisoformat(line.collected_at) if line.collected_at[:1] == "2" else None
        is_made = (line.record_id, line.channel, line.status, at) in made
    else:
        is_made = (delivery_id, number) in made
    if is_made:
        return "read"
    if codes and block != Block.CUSTOMERS:
        return "read in vain"
    key = "record_id" if block == Block.CUSTOMERS else "transaction_ref"
    order = (line.delivered_at, delivery_id, number)
    own = [r for r in lines.values() if r.member_id == line.member_id]
    if any(r[key] == line[key] and (r.delivered_at, r.delivery_id, r.line_number) > order for r in own):
        return "overtaken"
    full = {d.delivery_id for d in deliveries if d.mode == "full"}
    newest = [r.delivered_at for r in own if r.delivery_id in full]
    assert block == Block.CUSTOMERS and newest and max(newest) > line.delivered_at, f"the line {place} is in bronze and leads nowhere"
    return "replaced by a full delivery"


def test_inv_15_and_29_mixed_deliveries_in_two_orders_end_alike_and_no_line_is_lost(office: Callable[[str, str], Context]) -> None:
    seed = 1501
    draw = random.Random(seed)
    post = _post(draw)
    together = _through(office, "together", [post], each=False)
    fates = _account(together, post)
    assert {"read", "read in vain", "line refused", "overtaken", "delivery refused"} <= set(fates), (seed, fates)
    mixed = _through(office, "mixed", _deal(draw, post, 2), each=True)
    assert _account(mixed, post) == fates, seed
    one, other = _state(together), _state(mixed)
    for table in one:
        assert one[table] == other[table], f"seed {seed}: {table} depends on the order of deliveries"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1502, 1503, 1504])
def test_inv_15_mixed_deliveries_in_any_order_end_alike(office: Callable[[str, str], Context], seed: int) -> None:
    draw = random.Random(seed)
    post = _post(draw)
    first = _state(_through(office, "first", [post], each=False))
    for number in range(3):
        name = f"order{number}"
        ctx = _through(office, name, _deal(draw, post, draw.randint(2, 5)), each=draw.random() < 0.5)
        assert _state(ctx) == first, f"seed {seed}, order {number}"
    _account(ctx, post)
