"""The rights desk over a small co-operative: a hundred persons drawn at random erased in one run to the byte, and every other right beside them."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import html
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.bronze import RawRecord
from appetence.contracts.campaign import Export
from appetence.contracts.privacy import (
    ErasedRecord,
    ErasureCertificate,
    Limitation,
    RightsNotice,
    RightsRequest,
    RightsTask,
    Suppression,
)  # fmt: skip
from appetence.contracts.reference import Instruction
from appetence.contracts.silver import Permission, PermissionEvent, Record, Transaction
from appetence.pipeline import enforce_retention, handle_rights, rights_desk
from appetence.pipeline.context import Context, Counts
from appetence.privacy import answer_words as words
from appetence.privacy.answers import portable_fields
from appetence.privacy.decisions import Decision
from appetence.privacy.suppressions import suppressed_records
from tests.privacy import coop as c
from tests.privacy import proof

pytestmark = [pytest.mark.spark, pytest.mark.slow]
AS_OF = c.AS_OF
# Persons 20 to 41 ask for something else, or for nothing; 3 is looked at again later.
ERASED = sorted({3, *random.Random(100).sample([n for n in (*range(20), *range(42, 160)) if n != 3], 99)})
ACCESS, PORTABLE, OPPOSED, OPPOSED_ONE, LIMITED, PARTIAL, CORRECTED, COPY_THEN_ERASE, TORN = 21, 22, 23, 25, 27, 29, 31, 33, 35


@dataclass
class World:
    """The state around the one big run."""

    ctx: Context
    coop: c.Coop
    counts: Counts
    before: set[str]
    raw_before: dict[str, tuple[object, ...]]

    def scanned(self, canaries: list[str]) -> set[str]:
        return proof.scanned(self.ctx, canaries)

    def states(self) -> dict[tuple[str, str | None], int]:
        found: dict[tuple[str, str | None], int] = {}
        for row in self.ctx.lake.read(RightsRequest).collect():
            key = (row[RightsRequest.right], row[RightsRequest.state])
            found[key] = found.get(key, 0) + 1
        return found


def write_requests(folder: Path, coop: c.Coop) -> None:
    def write(name: str, text: str) -> None:
        (folder / "rights" / f"{name}.yaml").write_text(text, encoding="utf-8")

    for number in ERASED:
        write(f"erasure-{number:03d}", c.request(coop, number, "erasure"))
    write("access", c.request(coop, ACCESS, "access"))
    write("portability", c.request(coop, PORTABLE, "portability"))
    write("opposition", c.request(coop, OPPOSED, "opposition"))
    one = next(r["member_id"] for r in coop.records if r["number"] == OPPOSED_ONE)
    write("opposition-one", c.request(coop, OPPOSED_ONE, "opposition", members=[one], received_through=f"member:{one}"))
    write("limitation", c.request(coop, LIMITED, "limitation"))
    kept = next(r["member_id"] for r in coop.records if r["number"] == PARTIAL)
    write("erasure-one", c.request(coop, PARTIAL, "erasure", members=[kept]))
    write("rectification", c.request(coop, CORRECTED, "rectification", corrections={"city": "ROUBAIX"}))
    write("copy", c.request(coop, COPY_THEN_ERASE, "access"))
    write("then-erase", c.request(coop, COPY_THEN_ERASE, "erasure"))
    write("torn-1", c.request(coop, TORN, "erasure"))
    write("torn-2", c.request(coop, TORN, "limitation"))
    write("nobody", c.request(coop, 37, "access", person={"email": "nobody.here@free.fr", "address_1": "99 RUE INCONNUE"}))
    write("somebody-else", c.request(coop, 39, "erasure", person={"last_name": "TARTEMPION", "first_name": "GUSTAVE", "address_1": None}))
    write("broken", "right: access\nright: erasure\n")


@pytest.fixture(scope="module")
def world(spark: SparkSession, conf_folder: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("rights") / "root"
    ctx = c.context(spark, root, conf_folder, "fill")
    coop = c.people(160)
    requests = c.prepare(ctx)
    c.fill(ctx, coop)
    ctx.lake.close()
    paths = ctx.config.paths
    canary = coop.persons[ERASED[0]]["canary"]
    places = [
        Path(paths.outbox) / "routeur_postal" / "noel_vad_post.parquet.pgp",
        Path(paths.outbox) / "routeur_postal" / "noel_vad_post.load.sql.pgp",
        Path(paths.quarantine) / "m01" / "ref" / "customers.csv.pgp",
        Path(paths.scratch) / "old-run" / "part.bin",
    ]
    aside = Path(paths.requests) / "rights" / "refused"
    aside.mkdir()
    for name in ("old.yaml", "old.yaml.reason.txt"):
        (aside / name).write_text(f"person: {{email: {coop.persons[ERASED[1]]['email']}}}", encoding="utf-8")
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(gzip.compress(f"....{canary}....".encode()))
    world = World(ctx, coop, Counts(0, 0), set(), {})
    world.before = world.scanned(coop.canaries(ERASED))
    world.raw_before = {r[RawRecord.record_id]: tuple(r) for r in ctx.lake.read(RawRecord).collect()}
    write_requests(requests, coop)
    ctx = c.context(spark, root, conf_folder, "rights-1")
    world.counts = handle_rights.run(ctx)
    ctx.lake.close()
    world.ctx = c.context(spark, root, conf_folder, "after")
    yield world


def test_inv_22_the_scan_finds_every_canary_before_and_none_after(world: World) -> None:
    places = {Path(f).relative_to(world.ctx.config.paths.root).parts[0] for f in world.before}
    assert places == {"lake", "outbox", "quarantine", "scratch"}
    tables = {"/".join(Path(f).relative_to(world.ctx.config.paths.lake).parts[:2]) for f in world.before if "/lake/" in f}
    assert {"bronze/raw_record", "silver/record", "gold/score", "identity/person"} <= tables
    assert proof.bytes_left(world.ctx, world.coop, ERASED) == []
    assert len(ERASED) == 100
    others = world.coop.canaries(range(40, 41))
    assert world.scanned(others), "the same scan still finds who was not erased"


def test_inv_22_everybody_elses_source_rows_are_unchanged(world: World) -> None:
    gone = {r for n in ERASED for r in world.coop.records_of(n)} | {world.coop.records_of(PARTIAL)[0]}
    assert proof.others_changed(world.ctx.lake, world.raw_before, gone) == []


def test_inv_21_erasure_reaches_ids_of_records_persons_and_emptied_households(world: World) -> None:
    assert proof.ids_left(world.ctx.lake, world.coop, ERASED, PARTIAL) == []
    assert proof.requests_that_lead_to(world.ctx.lake, world.coop, ERASED) == []


def test_inv_22_the_certificate_says_what_was_purged_and_that_nothing_is_left(world: World) -> None:
    rows = {r.table_name: r for r in world.ctx.lake.read(ErasureCertificate).collect()}
    assert {r.scan_findings for r in rows.values()} == {0} and {r.cause for r in rows.values()} == {"request"}
    assert len({r.certificate_id for r in rows.values()}) == 1 and len(rows["bronze.raw_record"].request_ids) == 101
    gone = sum(len(world.coop.records_of(n)) for n in ERASED) + 1
    assert rows["bronze.raw_record"].rows_purged == gone == rows["silver.transaction"].rows_purged
    assert rows["files"].files_removed >= 3 and rows["bronze.raw_record"].files_removed > 0
    exports = world.ctx.lake.read(Export).collect()
    assert [e.destroyed_on for e in exports] == [AS_OF]


def test_inv_23_an_erased_person_stays_suppressed_and_does_not_return(world: World) -> None:
    ctx, coop = world.ctx, world.coop
    assert proof.taken_again(ctx, coop, 3, 40) == []
    assert proof.not_suppressed(ctx, coop, 3) == []
    assert (
        ctx.lake.read(ErasedRecord).where("subject_kind = 'record' AND cause = 'request'").count() == sum(len(coop.records_of(n)) for n in ERASED) + 1
    )


def test_inv_21_access_shows_what_erasure_would_purge(world: World) -> None:
    request = world.ctx.lake.read(RightsRequest).where("right = 'access' AND state = 'executed'").collect()
    folders = [Path(world.ctx.config.paths.reports) / "rights" / r.request_id for r in request]
    documents = [json.loads((f / "access.json").read_text(encoding="utf-8")) for f in folders]
    who = world.coop.persons[ACCESS]
    folder, document = next((f, d) for f, d in zip(folders, documents, strict=True) if who["canary"] in json.dumps(d))
    tables = {t["table"]: t["rows"] for t in document["data"]}
    bottom = {"bronze.raw_record", "bronze.raw_transaction", "silver.record", "silver.transaction", "silver.permission_event"}
    assert bottom | {"identity.person", "gold.score", "gold.selection", "gold.export_line"} <= set(tables)
    assert {r["email"] for r in tables["silver.record"]} == {who["email"]} and tables["gold.score"][0]["reasons"] == [who["canary"]]
    page = (folder / "access.html").read_text(encoding="utf-8")
    for copy in (page, json.dumps(document)):
        assert proof.foreign_in_copy(copy, world.coop, ACCESS) == []
    assert "Grand Bazar de Roubaix" in page and html.escape(words.KEPT["privacy.suppression"]) in page
    recipients = world.ctx.config.recipients
    assert document["recipients"] == [
        f"{recipients['r_vad'].label} (pour ses campagnes)",
        f"{recipients['routeur_postal'].label} (prestataire d'envoi ou d'appels)",
    ]
    assert folder.stat().st_mode & 0o077 == 0 and (folder / "access.json").stat().st_mode & 0o077 == 0


def test_inv_24_portability_hands_back_the_provided_part_as_a_delivery_could_bring_it(world: World) -> None:
    request = world.ctx.lake.read(RightsRequest).where("right = 'portability'").first()
    assert request is not None
    root = Path(world.ctx.config.paths.reports) / "rights" / request.request_id / "portability"
    mine = [r for r in world.coop.records if r["number"] == PORTABLE]
    assert sorted(p.name for p in root.iterdir()) == sorted(r["member_id"] for r in mine)
    for r in mine:
        with (root / r["member_id"] / "customers.csv").open(encoding="utf-8", newline="") as source:
            lines = list(csv.DictReader(source, delimiter=";"))
        assert len(lines) == 1 and list(lines[0]) == portable_fields(RawRecord)
        assert {k: lines[0][k] for k in ("last_name", "email", "address_1")} == {k: r[k] for k in ("last_name", "email", "address_1")}
        assert "record_id" not in lines[0] and (root / r["member_id"] / "transactions.csv").exists()


def test_inv_24_a_limited_record_is_kept_and_marked(world: World) -> None:
    rows = {r.record_id: r for r in world.ctx.lake.read(Limitation).collect()}
    assert set(rows) == set(world.coop.records_of(LIMITED)) and {r.since for r in rows.values()} == {dt.date(2026, 10, 20)}
    assert set(rows) <= {r.record_id for r in world.ctx.lake.read(Record).collect()}


def test_inv_03_an_opposition_to_one_member_stops_that_member_only(world: World) -> None:
    lake, coop = world.ctx.lake, world.coop
    no = lake.read(PermissionEvent).where("status = 'opposed'").collect()
    assert {r.record_id for r in no} == {*coop.records_of(OPPOSED), coop.records_of(OPPOSED_ONE)[0]}
    assert len([r for r in no if r.record_id == coop.records_of(OPPOSED_ONE)[0]]) == 4 * 4 * 3
    folded = {(r.record_id, r.channel, r.use, r.purpose): r.is_granted for r in lake.read(Permission).collect()}
    assert folded[coop.records_of(OPPOSED)[0], "post", "prospect", "commercial"] is False
    records = lake.read(Record).where(Record.record_id.col.isin([*coop.records_of(OPPOSED), *coop.records_of(OPPOSED_ONE)]))
    pads = world.ctx.pads(world.ctx.secret(world.ctx.config.privacy.pepper_ref))
    suppressed = {r.record_id for r in suppressed_records(records, lake.read(Suppression), pads).collect()}
    assert suppressed == set(coop.records_of(OPPOSED)), "the list stops all of the person; an opposition to one member does not list it"


def test_inv_25_each_request_reaches_exactly_the_controllers_concerned(world: World) -> None:
    lake, coop = world.ctx.lake, world.coop
    rows = lake.read(RightsRequest).collect()
    access = proof.row_of(lake, "access", coop.persons[ACCESS]["person_id"])
    tasks = proof.tasks_of(lake, access.request_id)
    suppliers = {r["member_id"] for r in coop.records if r["number"] == ACCESS}
    assert tasks == {("client", "r_vad"), *(("supplier", m) for m in suppliers)}
    scoped = next(r for r in rows if r.right == "opposition" and r.person_id == coop.persons[OPPOSED_ONE]["person_id"])
    told = {t.controller_id for t in lake.read(RightsTask).where(RightsTask.request_id.col == scoped.request_id).collect()}
    assert told == {coop.records_of(OPPOSED_ONE)[0][-3:], "r_vad"}
    outside = next(r for r in rows if r.right == "rectification")
    tasks_outside = lake.read(RightsTask).where(RightsTask.request_id.col == outside.request_id).collect()
    assert {t.controller_role for t in tasks_outside} == {"supplier"} and {t.state for t in tasks_outside} == {"open"}
    assert outside.state == "executed" and outside.due_on == dt.date(2026, 11, 20)
    notices = lake.read(RightsNotice).collect()
    erasures = {r.request_id for r in rows if r.right == "erasure" and r.state == "executed"}
    exported = [n for n in (*ERASED, PARTIAL) if n < 30]
    assert len(erasures & {n.request_id for n in notices}) == len(exported) > 10 and {n.recipient_id for n in notices} == {"routeur_postal"}
    assert access.request_id not in {n.request_id for n in notices}, "who asked for a copy changes nothing for past recipients"


def test_the_state_of_every_request_has_its_reason(world: World) -> None:
    assert world.states() == {
        ("erasure", "executed"): 101, ("erasure", "parked"): 3, ("access", "executed"): 2, ("access", "refused"): 1,
        ("portability", "executed"): 1, ("opposition", "executed"): 2, ("limitation", "executed"): 1, ("limitation", "parked"): 1,
        ("rectification", "executed"): 1, ("unreadable", "refused"): 1,
    }  # fmt: skip
    reasons = {r.state_reason for r in world.ctx.lake.read(RightsRequest).where("state_reason IS NOT NULL").collect()}
    said = " ".join(reasons)
    for part in (
        "under another name",
        "both cannot be done",
        "once it is handed over",
        "No record holds these coordinates",
        "a key stands twice",
    ):
        assert part in said, said
    executed = world.ctx.lake.read(RightsRequest).where("right = 'erasure' AND state = 'executed'").collect()
    assert {(r.person_id, tuple(r.record_ids)) for r in executed} == {(None, ())}
    left = {p.name for p in (Path(world.ctx.config.paths.requests) / "rights").glob("*.yaml")}
    assert left == {"then-erase.yaml", "torn-1.yaml", "torn-2.yaml", "somebody-else.yaml"}, "done files are gone, doubts wait, refusals are aside"
    aside = Path(world.ctx.config.paths.requests) / "rights" / "refused"
    assert {p.name for p in aside.iterdir()} == {"broken.yaml", "broken.yaml.reason.txt", "nobody.yaml", "nobody.yaml.reason.txt"}
    assert len(world.counts.details["audit"]) == 108


def test_a_later_run_refuses_the_replay_and_erases_whom_it_has_answered(world: World, conf_folder: str) -> None:
    ctx, coop = world.ctx, world.coop
    folder = Path(ctx.config.paths.requests) / "rights"
    (folder / "again.yaml").write_text(c.request(coop, ACCESS, "access"), encoding="utf-8")
    (folder / "again-erasure.yaml").write_text(c.request(coop, 3, "erasure"), encoding="utf-8")
    for name in ("torn-1", "torn-2", "somebody-else"):
        (folder / f"{name}.yaml").unlink()
    limited = sorted(ctx.lake.read(Limitation).collect())
    tonight = c.context(ctx.spark, Path(ctx.config.paths.root), conf_folder, "rights-2")
    counts = handle_rights.run(tonight)
    assert counts.details["refused"] == 2 and len(counts.details["reasons"]) == 3
    assert all("dealt with already" in x or x == handle_rights.COPY_FIRST for x in counts.details["reasons"])
    assert counts.details["carried_out"] == 0, "the erasure waits until the copy is handed over, however many nights that takes"
    who = coop.persons[COPY_THEN_ERASE]
    assert [f for f in world.scanned([who["canary"]]) if "/reports/" in f]
    copy = ctx.lake.read(RightsRequest).where(f"right = 'access' AND person_id = '{who['person_id']}'").first()
    assert copy is not None
    assert {q["reason"] for q in rights_desk.listed(ctx) if q["request"] == copy.request_id} == {rights_desk.TO_HAND_OVER}
    rights_desk.decide(ctx, copy.request_id, "officer:A. Martin", Decision.HANDED_OVER, None)
    assert {q["reason"] for q in rights_desk.listed(ctx) if q["request"] == copy.request_id} == {None}
    (folder / "to-go.yaml").write_text(c.request(coop, CORRECTED, "portability"), encoding="utf-8")
    counts = handle_rights.run(c.context(ctx.spark, Path(ctx.config.paths.root), conf_folder, "rights-3"))
    assert counts.details["carried_out"] == 2, "also the erasure that waited for the copy to be handed over"
    to_go = ctx.lake.read(RightsRequest).where(f"right = 'portability' AND person_id = '{coop.persons[CORRECTED]['person_id']}'").first()
    assert to_go is not None
    files = list((Path(ctx.config.paths.reports) / "rights" / to_go.request_id / "portability").glob("*/customers.csv"))
    assert len(files) == len(coop.records_of(CORRECTED)) and all("ROUBAIX" in f.read_text(encoding="utf-8") for f in files)
    assert world.scanned([who["canary"], who["email"]]) == set(), "with its copy, which was handed over meanwhile"
    assert sorted(ctx.lake.read(Limitation).collect()) == limited


def test_inv_18_retention_goes_by_each_members_own_rule_and_a_second_run_finds_nothing(world: World, conf_folder: str) -> None:
    """Runs last: three years on, everything is past its time but what is frozen, and one member's customer who bought again."""
    ctx, coop = world.ctx, world.coop
    again = next(r for r in coop.records if r["number"] == 40)
    c.put(ctx, Transaction, [
        Transaction.row(transaction_id="new", record_id=again["record_id"], member_id=again["member_id"], kind="order",
                        transaction_date=dt.date(2028, 1, 1), amount_cents=100, quantity=1)
    ])  # fmt: skip
    late = replace(c.context(ctx.spark, Path(ctx.config.paths.root), conf_folder, "retention"), as_of=dt.date(2029, 9, 2))
    c.put(late, Instruction, [Instruction.row(instruction_id="m01-1", member_id="m01", valid_from=AS_OF, retention_months=24)])
    counts = enforce_retention.run(late)
    left = {r.record_id for r in ctx.lake.read(Record).collect()}
    assert left == {*coop.records_of(LIMITED), again["record_id"]}, "the other members' records of the same person went"
    assert counts.rows_out == sum(counts.details["expired"].values()) > 20
    assert enforce_retention.run(replace(late, run_id="retention-2")).rows_out == 0
    assert {r.cause for r in ctx.lake.read(ErasureCertificate).collect()} == {"request", "retention"}
