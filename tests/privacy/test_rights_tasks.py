"""Controllers hear of a request before it is carried out; each member answers for its own data, and silence ends on a day that is configured."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.bronze import RawRecord
from appetence.contracts.privacy import Correction, Limitation, RightsRequest, RightsTask, Suppression
from appetence.contracts.silver import Record
from appetence.errors import RightsError
from appetence.pipeline import handle_rights, rights_desk
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.rights_tasks import close_corrected
from appetence.privacy.decisions import Decision
from appetence.privacy.retention import live_limitations
from appetence.privacy.suppressions import suppressed_records
from appetence.runtime.config import load
from tests.privacy import coop as c

pytestmark = [pytest.mark.spark, pytest.mark.slow]
ANSWERED, SILENT, KEPT, CORRECTED, LIMITED, FREED = 1, 4, 7, 5, 2, 6


class Desk:
    """A lake of nine persons, and nights on which the desk works."""

    def __init__(self, spark: SparkSession, root: Path, conf: str) -> None:
        self.spark, self.root, self.conf = spark, root, conf
        self.ctx, self.coop = self.at(31), c.people(9, seed=8)
        self.folder = c.prepare(self.ctx)
        c.fill(self.ctx, self.coop)

    def at(self, day: int, month: int = 10, *, silence: str = "accept", **options: str) -> Context:
        config = load("demo", [f"paths.root={self.root}", "privacy.answer_days_before_due=10", f"privacy.unanswered={silence}"], self.conf)
        run = f"night-{month}-{day}-{silence}"
        return replace(c.context(self.spark, self.root, self.conf, run, options=options, config=config), as_of=dt.date(2026, month, day))

    def ask(self, number: int, right: str, **more: Any) -> str:
        text = c.request(self.coop, number, right, **more)
        (self.folder / "rights" / f"{right}-{number}.yaml").write_text(text, encoding="utf-8")
        return str(rights_desk._read(self.ctx, "x", text.encode(), {}).request_id)

    def members(self, number: int) -> list[str]:
        return [r["member_id"] for r in self.coop.records if r["number"] == number]

    def tasks(self, request: str) -> dict[str, tuple[str, str | None]]:
        rows = self.ctx.lake.read(RightsTask).where(RightsTask.request_id.col == request).collect()
        return {t.controller_id: (t.state, t.decision) for t in rows}

    def answer(self, controller: str, name: str, text: str) -> Path:
        file = self.folder / "answers" / controller / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def left(self, number: int) -> list[str]:
        return sorted(r.record_id for r in self.ctx.lake.read(Record).collect() if r.record_id in self.coop.records_of(number))

    def row(self, request: str) -> Any:
        return self.ctx.lake.read(RightsRequest).where(RightsRequest.request_id.col == request).first()

    def file(self, controller: str, request: str) -> Path:
        return Path(self.ctx.config.paths.reports) / "rights_tasks" / controller / f"{request}.json"


def test_members_hear_of_a_request_before_it_is_carried_out_and_answer_for_themselves(spark: SparkSession, conf_folder: str, tmp_path: Path) -> None:
    desk = Desk(spark, tmp_path / "root", conf_folder)
    asked = {n: desk.ask(n, "erasure") for n in (ANSWERED, SILENT, KEPT)}
    limited = desk.ask(LIMITED, "limitation")
    desk.ask(FREED, "limitation", lift=True)
    c.put(desk.ctx, Limitation, [Limitation.row(record_id=i, request_id="old", since=c.AS_OF) for i in desk.coop.records_of(FREED)])
    corrected = desk.ask(CORRECTED, "rectification", corrections={"city": "ROUBAIX"})
    counts = handle_rights.run(desk.at(31))
    _waiting(desk, counts, asked)
    assert set(desk.tasks(corrected).values()) >= {("open", None)} and desk.row(corrected).state == "executed"
    first, second = desk.members(ANSWERED)
    outsider = next(m for m in c.MEMBERS if m not in (first, second))
    refused = desk.answer(outsider, "a", f"request_id: {asked[ANSWERED]}\nanswer: accept\n")
    broken = desk.answer(first, "b", "answer: maybe\n")
    taken = desk.answer(first, "c", f"request_id: {asked[ANSWERED]}\nanswer: accept\n")
    done = desk.answer(desk.members(CORRECTED)[0], "d", f"request_id: {corrected}\nanswer: done\n")
    rights_desk.decide(desk.at(1, 11), asked[ANSWERED], f"member:{second}", Decision.REFUSE, "invoices are kept ten years")
    rights_desk.decide(desk.at(1, 11), corrected, "client:r_vad", Decision.DONE, None)
    with pytest.raises(RightsError, match="does not concern r_m04"):
        rights_desk.decide(desk.at(1, 11), corrected, "client:r_m04", Decision.DONE, None)
    counts = handle_rights.run(desk.at(1, 11))
    assert counts.details["answers"] == 2 and counts.details["carried_out"] == 1 and counts.details["waiting_for_members"] == 2
    assert not taken.exists() and not done.exists() and not refused.exists() and not broken.exists()
    says = (refused.parent / "refused" / "a.yaml.reason.txt").read_text(encoding="utf-8")
    assert "does not concern" in says and (broken.parent / "refused" / "b.yaml").exists()
    assert desk.left(ANSWERED) == [r for r in desk.coop.records_of(ANSWERED) if r.endswith(second)], "each member's answer holds for its own"
    assert desk.tasks(asked[ANSWERED]) == {first: ("done", "accepted"), second: ("done", "refused"), "r_vad": ("open", None)}
    assert desk.tasks(corrected)[desk.members(CORRECTED)[0]] == ("done", "done") == desk.tasks(corrected)["r_vad"]
    assert not desk.file(first, asked[ANSWERED]).exists(), "no file is left that says whose data went"
    assert desk.file("r_vad", asked[ANSWERED]).exists(), "a client acts on its own file, by references that lead nowhere else any more"
    _silence(desk, asked)
    frozen = live_limitations(desk.ctx.lake.read(Limitation), dt.date(2026, 11, 10))
    assert sorted(r.record_id for r in frozen.collect()) == desk.coop.records_of(LIMITED)
    rights_desk.decide(desk.at(20, 11), limited, "officer:A. Martin", Decision.LIFT, "the dispute is settled")
    assert live_limitations(desk.ctx.lake.read(Limitation), dt.date(2026, 11, 20)).isEmpty()
    _corrected_at_source(desk, corrected)


def _waiting(desk: Desk, counts: Counts, asked: dict[int, str]) -> None:
    ctx = desk.ctx
    assert counts.details["carried_out"] == 3 and counts.details["waiting_for_members"] == 3
    assert {row.until for row in ctx.lake.read(Limitation).collect()} == {dt.date(2026, 10, 30), None}, (
        "what was frozen is free, freezing waits for nobody"
    )
    for number, request in asked.items():
        assert desk.left(number) == desk.coop.records_of(number)
        row, members = desk.row(request), desk.members(number)
        assert row.state == "open" and row.state_reason.startswith(f"Waits for the answer of {', '.join(members)} until 2026-11-10")
        assert desk.tasks(request) == {**dict.fromkeys(members, ("open", None)), "r_vad": ("open", None)}
        for member in members:
            said = json.loads(desk.file(member, request).read_text(encoding="utf-8"))
            mine = [r["customer_ref"] for r in c.raw_rows(desk.coop) if (r["record_id"], r["member_id"]) == (f"r{number:04d}{member}", member)]
            assert said["customers"] == mine and said["answer_until"] == "2026-11-10" and said["right"] == "erasure"
        assert json.loads(desk.file("r_vad", request).read_text(encoding="utf-8"))["references"] == [f"REF{number:06d}"]
    pads = ctx.pads(ctx.secret(ctx.config.privacy.pepper_ref))
    listed = {r.record_id for r in suppressed_records(ctx.lake.read(Record), ctx.lake.read(Suppression), pads).collect()}
    assert {r for n in asked for r in desk.coop.records_of(n)} <= listed, "nobody waits for suppression"


def _silence(desk: Desk, asked: dict[int, str]) -> None:
    """On the day that is configured nobody is waited for any more: what holds then is configured too."""
    handle_rights.run(desk.at(10, 11, silence="refuse", requests=asked[KEPT]))
    row = desk.row(asked[KEPT])
    assert row.state == "refused" and "no answer by 2026-11-10" in row.state_reason and desk.left(KEPT) == desk.coop.records_of(KEPT)
    counts = handle_rights.run(desk.at(10, 11))
    assert counts.details["carried_out"] == 1 and desk.left(SILENT) == []
    assert {t for who, t in desk.tasks(asked[SILENT]).items() if who != "r_vad"} == {("done", "unanswered")}


def _corrected_at_source(desk: Desk, request: str) -> None:
    """A supplier's task closes by itself once it delivers what is right."""
    waiting = [m for m, (state, _) in desk.tasks(request).items() if state == "open"]
    assert len(waiting) == len(desk.members(CORRECTED)) - 1 and desk.ctx.lake.row_count(Correction)
    line = next(r for r in c.raw_rows(desk.coop) if r["record_id"] == f"r{CORRECTED:04d}{waiting[0]}")
    assert close_corrected(desk.at(12, 11)) == 0
    at = dt.datetime(2026, 11, 11, 3, tzinfo=dt.UTC)
    c.put(desk.ctx, RawRecord, [{**line, "delivery_id": "right", "delivered_at": at, "received_on": at.date(), "city": "ROUBAIX"}])
    assert close_corrected(desk.at(12, 11)) == 1 and desk.tasks(request)[waiting[0]] == ("done", "corrected")
