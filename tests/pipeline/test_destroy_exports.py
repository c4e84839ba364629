"""Files handed over, night after night, on a small lake: no trap's number is in two of them, and each goes on its day and never comes back."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import DataFrame

from appetence.contracts.campaign import Campaign, Export, ExportLine, Selection
from appetence.contracts.identity import HouseholdLink
from appetence.contracts.silver import PermissionEvent, Record
from appetence.exchange.exporting import ExportReceipt, beside
from appetence.exchange.stores import FolderStore
from appetence.pipeline import export_selection, maintain_tables
from appetence.pipeline.context import Context
from appetence.runtime.config import Config
from tests.selection.coop import AS_OF, campaign, recipients

PREFIX = "+33639981"
"""A thousand numbers: fifty traps drawn from them without looking would nearly always meet fifty others."""
DUE = dt.date(2026, 12, 17)
DAY = dt.timedelta(days=1)


@dataclass
class Office:
    """Exports by SMS of campaigns that are cut, two pieces each. Encryption is left out; the rest is the job's own."""

    make_context: Callable[..., Context]
    config: Config
    lines: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)

    @property
    def outbox(self) -> FolderStore:
        return FolderStore(Path(self.config.paths.outbox))

    def context(self, as_of: dt.date = AS_OF, **more: Any) -> Context:
        return self.make_context(config=self.config, as_of=as_of, **more)

    def cut(self, *names: str, drop_date: dt.date = dt.date(2026, 11, 17), **said: Any) -> None:
        """Campaigns of the configuration; those that are new are cut."""
        specs = {n: campaign(campaign_id=n, channels=("sms",), seeds=50, destroy_after_days=30, drop_date=drop_date, **said) for n in names}
        new = [n for n in names if n not in self.config.campaigns]
        known = {**self.config.campaigns, **specs}
        selection = self.config.selection.model_copy(update={"campaigns": tuple(known), "seed_phone_prefix": PREFIX})
        self.config = self.config.model_copy(update={"campaigns": known, "selection": selection})
        if new:
            self.context().lake.append(Campaign, [Campaign.row(campaign_id=n, cut_on=AS_OF) for n in new])

    def export(self, as_of: dt.date = AS_OF) -> Any:
        self.new.clear()
        return export_selection.run(self.context(as_of)).details

    def traps(self, name: str) -> set[str]:
        return {line[0] for line in self.lines[name] if line[0].startswith(PREFIX)}

    def registered(self) -> dict[str, Any]:
        return {row[Export.campaign_id]: row for row in self.context().lake.read(Export).collect()}


@pytest.fixture
def office(make_context: Callable[..., Context], monkeypatch: pytest.MonkeyPatch) -> Office:
    config = make_context(overrides=(f"exchange.operator_fingerprint_ref={'A' * 40}",)).config
    config = config.model_copy(update={"recipients": recipients(), "campaigns": {}})
    key = Path(config.paths.secrets) / "reference.key"
    key.parent.mkdir(parents=True)
    key.touch(mode=0o600)
    key.write_bytes(b"key of the tests")
    made = Office(make_context, config)

    def read(ctx: Context) -> Any:
        of = [(name, f"{name}_{n}") for name in made.config.campaigns for n in range(2)]
        pieces = [
            Selection.row(campaign_id=name, channel="sms", person_id=i, household_id=i, record_id=i, cell="mail", reference=f"P_{i}",
                          key_code="ESSAI.MAIL.D01.TOUS")
            for name, i in of
        ]  # fmt: skip
        frame = Record.frame(ctx.spark, [Record.row(record_id=i, mobile=f"+3361000000{n % 10}") for n, (_, i) in enumerate(of)])
        empty = {t.name: t.frame(ctx.spark) for t in (HouseholdLink, PermissionEvent, Campaign)}
        return SimpleNamespace(record=frame, selection=Selection.frame(ctx.spark, pieces), calls=None, cut_on=AS_OF, **empty)

    def write(lines: DataFrame, order_by: str, layout: Any, **said: Any) -> ExportReceipt:
        rows = made.lines[said["campaign_id"]] = [tuple(row) for row in lines.orderBy(order_by).collect()]
        digest, name = hashlib.sha256(repr(rows).encode()).hexdigest(), f"{said['recipient'].recipient_id}/{said['campaign_id']}_sms.csv.pgp"
        if digest == said["registered"] and said["store"].exists(name):
            return ExportReceipt(len(rows), digest, digest, name, is_new=False)
        file = said["scratch"] / digest
        file.write_text("closed", encoding="ascii")
        for each in (name, *beside(name)):
            said["store"].put(file, each)
        made.new.append(said["campaign_id"])
        return ExportReceipt(len(rows), digest, digest, name)

    monkeypatch.setattr(export_selection, "read_sources", read)
    monkeypatch.setattr(export_selection, "for_campaign", lambda ctx, sources, terms, cut_on: sources)
    monkeypatch.setattr(export_selection, "still_lawful", lambda cut, sources, terms: cut)
    monkeypatch.setattr(export_selection, "write_export", write)
    monkeypatch.setattr(export_selection, "_key_of", lambda ctx, recipient: "")
    monkeypatch.setattr(export_selection, "Pgp", lambda *_: nullcontext())
    return made


@pytest.mark.spark
def test_inv_13_a_traps_number_tells_the_file_over_several_nights(office: Office) -> None:
    office.cut("un")
    assert office.export()["files"] == 1 and office.new == ["un"]
    first = office.traps("un")
    # Another one the night after finds the first one's numbers taken; the first is what it was, to the byte.
    office.cut("deux")
    assert office.export(AS_OF + DAY)["files"] == 2 and office.new == ["deux"] and office.traps("un") == first
    assert len(first) == len(office.traps("deux")) == 50 and not office.traps("deux") & first
    lines = office.context().lake.read(ExportLine).collect()
    assert (len(lines), sum(row[ExportLine.person_id] is None for row in lines)) == (104, 100)


@pytest.mark.spark
def test_a_file_goes_on_its_day_and_is_not_written_again(office: Office) -> None:
    office.cut("un")
    office.cut("deux", response_window_days=1, drop_date=dt.date(2026, 11, 18))
    office.export()
    files = {name: [f"routeur/{name}_sms.csv.pgp", *beside(f"routeur/{name}_sms.csv.pgp")] for name in ("un", "deux")}
    assert office.outbox.list() == sorted(files["un"] + files["deux"])
    assert {name: row[Export.destroy_by] for name, row in office.registered().items()} == {"un": DUE, "deux": DUE + DAY}

    assert maintain_tables._destroy_exports(office.context(DUE - DAY)) == []
    assert maintain_tables._destroy_exports(office.context(DUE, dry_run=True)) == []
    assert office.outbox.list() == sorted(files["un"] + files["deux"]), "neither the day before nor in a dry run"
    assert {row[Export.destroyed_on] for row in office.registered().values()} == {None}

    done = maintain_tables.run(office.context(DUE)).details
    assert office.outbox.list() == sorted(files["deux"]), "on the day: the file and what lies beside it"
    assert {name: row[Export.destroyed_on] for name, row in office.registered().items()} == {"un": DUE, "deux": None}
    gone = office.registered()["un"][Export.export_id]
    assert done["exports_destroyed"] == 1 and [(a["action"], a["object_id"]) for a in done["audit"]] == [("destroyed", gone)]
    assert maintain_tables._destroy_exports(office.context(DUE)) == []

    # Both campaigns are put off to a day to come: what was destroyed is not written again, the other is.
    office.cut("un", "deux", drop_date=DUE + 3 * DAY)
    assert office.export(DUE)["files"] == 1 and office.new == ["deux"]
    assert office.outbox.list() == sorted(files["deux"])
    assert {name: row[Export.destroyed_on] for name, row in office.registered().items()} == {"un": DUE, "deux": None}
