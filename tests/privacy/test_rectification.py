"""A rectification from the request to every row that repeats it: it holds while the member delivers the old value, and no longer; and one
contribution erased beside another that stays."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.bronze import Delivery, RawRecord
from appetence.contracts.campaign import Export, ExportLine, Selection
from appetence.contracts.identity import PersonLink
from appetence.contracts.local import local_frame
from appetence.contracts.privacy import Correction, ErasureCertificate, RightsRequest, RightsTask
from appetence.contracts.reference import Member
from appetence.contracts.silver import Record
from appetence.pipeline import handle_rights, standardise_records
from appetence.pipeline.address_check import AddressCheck
from appetence.pipeline.context import Context
from appetence.pipeline.corrected import corrected
from appetence.pipeline.erasing import erase
from appetence.privacy.erasure import Cause
from appetence.records.corrections import with_corrections
from tests.privacy import coop as c

pytestmark = pytest.mark.spark
ASKING = 1
RIGHT = {"city": "ROUBAIX", "postcode": "59100", "email": "la.bonne.adresse@free.fr", "interests": " "}


@dataclass
class World:
    """A co-operative of three persons; the one who asks has a record with two members."""

    ctx: Context
    coop: c.Coop
    folder: Path

    def at(self, run_id: str, **changes: Any) -> Context:
        return replace(self.ctx, run_id=run_id, lake=replace(self.ctx.lake, run_id=run_id, changes={}), **changes)

    def standardised(self, run_id: str, *, records_only: bool = False) -> dict[str, tuple[Any, ...]]:
        """What a night makes; `records_only` leaves out the transactions and permissions, of which there are none."""
        ctx = self.at(run_id)
        standardise_records._records(ctx, AddressCheck(ctx)) if records_only else standardise_records.run(ctx)
        rows = self.ctx.lake.read(Record).collect()
        return {r[Record.record_id]: (r[Record.city], r[Record.postcode], r[Record.email], r[Record.interests]) for r in rows}

    def deliver(self, record: dict[str, Any], delivery: str, day: int, **said: str | None) -> None:
        """The member delivers this customer again on a day of November."""
        line = next(r for r in c.raw_rows(self.coop) if r["record_id"] == record["record_id"])
        at = dt.datetime(2026, 11, day, 3, tzinfo=dt.UTC)
        c.put(self.ctx, RawRecord, [{**line, "delivery_id": delivery, "delivered_at": at, "received_on": at.date(), **said}])


@pytest.fixture(scope="module")
def world(spark: SparkSession, conf_folder: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    ctx = c.context(spark, tmp_path_factory.mktemp("rectified") / "root", conf_folder, "fill")
    coop = c.people(3)
    folder = c.prepare(ctx) / "rights"
    c.put(ctx, Member, [Member.row(member_id=m, sector="presse_edition") for m in c.MEMBERS])
    c.put(ctx, Delivery, [Delivery.row(delivery_id=f"d-{m}", member_id=m, mode="incremental", status="accepted") for m in c.MEMBERS])
    c.put(ctx, RawRecord, c.raw_rows(coop))
    c.put(ctx, PersonLink, [PersonLink.row(record_id=r["record_id"], member_id=r["member_id"], person_id=r["person_id"], since=c.AS_OF)
                            for r in coop.records])  # fmt: skip
    yield World(ctx, coop, folder)
    ctx.lake.close()


def test_inv_24_a_correction_reaches_the_record_and_ends_where_the_member_says_something_new(world: World) -> None:
    ctx, lake, who = world.ctx, world.ctx.lake, world.coop.persons[ASKING]
    first, second = (r for r in world.coop.records if r["number"] == ASKING)
    before = world.standardised("night-1")
    file = world.folder / "fix.yaml"
    file.write_text(c.request(world.coop, ASKING, "rectification", corrections=RIGHT), encoding="utf-8")
    counts = handle_rights.run(world.at("rights"))
    request = lake.read(RightsRequest).first()
    assert counts.details["carried_out"] == 1 and request is not None and (request.state, request.executed_on) == ("executed", c.AS_OF)
    assert not file.exists() and {(t.controller_id, t.state) for t in lake.read(RightsTask).collect()} == {
        (first["member_id"], "open"), (second["member_id"], "open")
    }  # fmt: skip
    kept = {(r.record_id, r.column): (r.value, r.replaced) for r in lake.read(Correction).collect()}
    assert len(kept) == 2 * len(RIGHT) and kept[first["record_id"], "city"] == ("ROUBAIX", "LILLE")
    assert kept[second["record_id"], "interests"] == (None, f"jardin|{who['canary']}")

    after = world.standardised("night-2")
    fixed = ("ROUBAIX", "59100", RIGHT["email"], None)
    assert after[first["record_id"]] == fixed == after[second["record_id"]] != before[first["record_id"]]
    others = {r["record_id"] for r in world.coop.records if r["number"] != ASKING}
    assert others and {k: after[k] for k in others} == {k: before[k] for k in others}
    lines = lake.read(RawRecord)
    assert {r.city for r in lines.collect()} == {"LILLE"}, "what was delivered stays as it was delivered"
    assert {r.city for r in corrected(ctx, lines).where(RawRecord.record_id.col == first["record_id"]).collect()} == {"ROUBAIX"}
    version = lake.version(Record)
    assert world.standardised("night-3", records_only=True) == after and lake.version(Record) == version

    # The first member goes on with the old values, in another layout, and without an e-mail; the second knows of a move.
    world.deliver(first, "d2", 2, city="Lille ", email=None)
    world.deliver(second, "d3", 2, city="HELLEMMES", postcode="59260")
    later = world.standardised("night-4", records_only=True)
    assert later[first["record_id"]] == fixed
    assert later[second["record_id"]] == ("HELLEMMES", "59260", RIGHT["email"], None)


def test_inv_22_one_contribution_erased_takes_the_files_that_repeat_it(world: World) -> None:
    """Runs last: the person keeps the other member's record."""
    ctx, lake, who = world.ctx, world.ctx.lake, world.coop.persons[ASKING]
    first, second = (r["record_id"] for r in world.coop.records if r["number"] == ASKING)
    stays = world.coop.persons[0]
    paths = ctx.config.paths
    exports = {"x1": who["person_id"], "x2": "p-before-a-split", "x3": stays["person_id"]}
    for number, (export, person) in enumerate(exports.items()):
        c.put(ctx, Export, [Export.row(export_id=export, campaign_id="noel", recipient_id="router", file_name=f"router/{export}.pgp")])
        c.put(ctx, ExportLine, [ExportLine.row(export_id=export, reference=f"REF{number}", campaign_id="noel", person_id=person)])
        place = Path(paths.outbox) / "router" / f"{export}.pgp"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(gzip.compress(b"sealed"))
    c.put(ctx, Selection, [Selection.row(campaign_id="noel", channel="post", person_id="p-before-a-split", record_id=first, reference="REF1")])
    answers = {"old": {"person_id": who["person_id"]}, "older": {"record_ids": [first]}, "theirs": {"person_id": stays["person_id"]}}
    for name, found in answers.items():
        c.put(ctx, RightsRequest, [RightsRequest.row(request_id=name, right="access", state="executed", **found)])
        (Path(paths.reports) / "rights" / name).mkdir(parents=True)
        (Path(paths.reports) / "rights" / name / "access.json").write_text("{}", encoding="utf-8")

    erased = erase(world.at("erasing"), local_frame(ctx.spark, [(first,)], "record_id string"), Cause.RETENTION)
    assert {r.export_id for r in lake.read(Export).collect() if r.destroyed_on == c.AS_OF} == {"x1", "x2"}
    assert [p.name for p in (Path(paths.outbox) / "router").iterdir()] == ["x3.pgp"]
    assert [p.name for p in (Path(paths.reports) / "rights").iterdir()] == ["theirs"]
    assert {r.record_id for r in lake.read(Correction).collect()} == {second} and erased.rows["privacy.correction"] == len(RIGHT)
    proof = {r.table_name: r for r in lake.read(ErasureCertificate).collect()}
    assert proof["files"].files_removed == erased.files >= 4 and proof["privacy.correction"].scan_findings == 0
    assert first not in {r.record_id for r in lake.read(Record).collect()}


def test_inv_24_the_newest_correction_holds_against_every_value_that_was_wrong(spark: SparkSession) -> None:
    """Two corrections of one number, months apart; then whatever a member may deliver."""
    asked = [("q1", "06 11 11 11 11", "0622222222", dt.date(2026, 1, 5)), ("q2", "0633333333", "0644444444", dt.date(2026, 6, 5))]
    rows = [Correction.row(request_id=q, record_id=f"r{n}", column="mobile", replaced=old, value=new, corrected_on=day)
            for n in range(6) for q, old, new, day in asked]  # fmt: skip
    said = ["06.11.11.11.11", "0622222222", "0633333333", None, "INCONNU", "0655555555", "0611111111"]
    lines = RawRecord.frame(spark, [RawRecord.row(record_id=f"r{n}", line_number=n, mobile=m, phone=m) for n, m in enumerate(said)])
    found = with_corrections(lines, Correction.frame(spark, rows), ["mobile"]).orderBy("line_number").collect()
    assert [r.mobile for r in found] == [*["0644444444"] * 5, "0655555555", "0611111111"]
    assert [r.phone for r in found] == said
    mails = [Correction.row(request_id="q", record_id="r", column="email", replaced="jean.paul@free.fr", value="jp@free.fr")]
    written = ["JEAN.PAUL@free.fr ", "jean-paul@free.fr"]
    lines = RawRecord.frame(spark, [RawRecord.row(record_id="r", line_number=n, email=m) for n, m in enumerate(written)])
    found = with_corrections(lines, Correction.frame(spark, mails), ["email"]).orderBy("line_number").collect()
    assert [r.email for r in found] == ["jp@free.fr", "jean-paul@free.fr"]
