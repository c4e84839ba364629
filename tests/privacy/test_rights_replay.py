"""Putting a table back never passes an erasure: by an older copy of its folder or by RESTORE, what was erased and refused is carried out again
before any job reads it; and a table that remembers erasures does not go back at all."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.base import Table
from appetence.contracts.bronze import RawRecord, RawTransaction
from appetence.contracts.gold import Score
from appetence.contracts.identity import Person
from appetence.contracts.privacy import ErasedRecord, ErasureCertificate, Refusal, Run, Suppression
from appetence.contracts.silver import Permission, PermissionEvent, Record
from appetence.errors import RightsError
from appetence.pipeline import audit_trail, handle_rights, runner, table_state
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.erasing import erase
from appetence.pipeline.people import standardised
from appetence.privacy.erasure import Cause
from appetence.privacy.scan import scan
from appetence.privacy.suppressions import suppressed_records
from appetence.runtime.config import Config
from tests.privacy import coop as c

pytestmark = [pytest.mark.spark, pytest.mark.slow]
GONE, AGED, BACK, OPPOSED, PARTIAL = 1, 3, 5, 7, 8
COPIED = (RawRecord, RawTransaction, Record, Score, Person, PermissionEvent, Permission)


class Lab:
    """A lake whose tables are kept in a copy, and jobs that are run on it by the runner."""

    def __init__(self, spark: SparkSession, root: Path, conf: str) -> None:
        self.spark, self.root, self.conf = spark, root, conf
        self.ctx = c.context(spark, root, conf, "fill")
        self.config: Config = self.ctx.config

    def keep(self, tables: Iterable[type[Table]]) -> None:
        for table in tables:
            shutil.copytree(self.ctx.lake.path(table), self.root.parent / "copy" / table.full_name())

    def put_back(self, table: type[Table], *, files_only: bool = False) -> None:
        folder, copy = Path(self.ctx.lake.path(table)), self.root.parent / "copy" / table.full_name()
        if not files_only:
            shutil.rmtree(folder)
        shutil.copytree(copy, folder, dirs_exist_ok=True)

    def restore(self, table: type[Table], version: int) -> None:
        """RESTORE, once the files that the purge removed were fetched from the copy."""
        self.put_back(table, files_only=True)
        self.spark.sql(f"RESTORE TABLE {self.ctx.lake.identifier(table)} TO VERSION AS OF {version}")

    def run(self, step: Callable[[Context], Counts] = lambda ctx: Counts(0, 0), **more: Any) -> Any:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(runner, "step", lambda job: step)
            return runner.run_job(self.config, "build_features", c.AS_OF, spark=self.spark, is_quiet=True, **more)

    def found(self, *needles: str) -> set[str]:
        paths = self.config.paths
        return {f.file for f in scan([paths.root], needles, skip=[paths.secrets, Path(paths.scratch) / "spark"])}


class World(Lab):
    """The lake before, erased, and put back; `erased` and `again` are ids of records."""

    def __init__(self, spark: SparkSession, root: Path, conf: str) -> None:
        super().__init__(spark, root, conf)
        self.coop = c.people(12, seed=3)
        self.who, self.old = self.coop.persons[GONE], self.coop.persons[AGED]
        self.one = next(r["member_id"] for r in self.coop.records if r["number"] == PARTIAL)
        self.erased = {*self.coop.records_of(GONE), *self.coop.records_of(AGED), f"r{PARTIAL:04d}{self.one}", *self.coop.records_of(BACK)[1:]}
        requests = c.prepare(self.ctx) / "rights"
        c.fill(self.ctx, self.coop)
        self.run()
        self.before = {table: self.ctx.lake.version(table) or 0 for table in COPIED}
        self.keep(t for t in COPIED if self.ctx.lake.exists(t))
        (requests / "gone.yaml").write_text(c.request(self.coop, GONE, "erasure"), encoding="utf-8")
        (requests / "part.yaml").write_text(c.request(self.coop, PARTIAL, "erasure", members=[self.one]), encoding="utf-8")
        (requests / "no.yaml").write_text(c.request(self.coop, OPPOSED, "opposition", channels=["post"]), encoding="utf-8")
        self.run(handle_rights.run)
        self.run(self._aged)

    def _aged(self, tonight: Context) -> Counts:
        ids = [{"record_id": r} for n in (AGED, BACK) for r in self.coop.records_of(n)]
        erase(tonight, RawRecord.frame(self.spark, ids).select(RawRecord.record_id), Cause.RETENTION)
        return Counts(0, 0)

    def undo(self) -> None:
        """An older copy of four folders, and two tables by RESTORE; one customer who had aged out bought again meanwhile."""
        for table in (RawRecord, RawTransaction, Score, PermissionEvent):
            self.put_back(table)
        self.restore(Record, self.before[Record])
        self.restore(Person, self.before[Person])
        again = next(r for r in c.raw_rows(self.coop) if r["record_id"] == self.coop.records_of(BACK)[0])
        c.put(self.ctx, RawRecord, [{**again, "delivery_id": "new", "received_on": c.AS_OF + dt.timedelta(days=1)}])


def test_what_was_put_back_is_purged_again_before_a_job_reads_it(spark: SparkSession, conf_folder: str, tmp_path: Path) -> None:
    world = World(spark, tmp_path / "root", conf_folder)
    lake, who, old = world.ctx.lake, world.who, world.old
    assert world.found(who["canary"], old["canary"], who["email"]) == set()
    world.undo()
    assert set(table_state.put_back(world.ctx)) == {RawRecord, RawTransaction, Score, PermissionEvent, Record, Person}
    assert world.found(who["canary"]) and world.found(old["canary"])
    with pytest.raises(RightsError, match=r"Put back to an earlier state: .*silver\.record.*rights replay"):
        world.run(dry_run=True)
    with pytest.raises(RightsError, match="rights replay"), runner.opened(world.config, "why", c.AS_OF, spark=spark, is_quiet=True):
        pass
    read: set[str] = set()

    def reading(tonight: Context) -> Counts:
        read.update(r.record_id for r in tonight.lake.read(Record).collect())
        return Counts(0, 0)

    world.run(reading)
    assert read and not read & world.erased, "what the job read was purged before"
    assert world.coop.records_of(BACK)[0] in read, "the record that was delivered anew lives again"
    assert world.found(who["canary"], who["email"], old["canary"]) == set()
    assert not world.erased & {r.record_id for t in (RawRecord, RawTransaction) for r in lake.read(t).collect()}
    _everything_else_holds(world)
    assert not table_state.put_back(world.ctx)
    world.run()
    replayed = [link for link in audit_trail.chain(world.ctx) if link.action == "replayed"]
    assert len(replayed) == 1 and '"silver.record"' in replayed[0].details and audit_trail.verify(world.ctx).links >= 1
    # A copy laid over the folder: the log stays as it is, but what was erased lies there again.
    world.put_back(RawRecord, files_only=True)
    assert world.found(who["canary"]) and not table_state.put_back(world.ctx)
    world.run()
    assert world.found(who["canary"]) == set() and [x.action for x in audit_trail.chain(world.ctx)][-1] == "swept"
    _what_remembers_does_not_go_back(world)


def _everything_else_holds(world: World) -> None:
    lake, coop = world.ctx.lake, world.coop
    touched = {world.who["person_id"], world.old["person_id"], coop.persons[PARTIAL]["person_id"]}
    left = {r.person_id for r in lake.read(Score).collect()}
    assert not touched & left and len(left) >= 8
    assert not {world.who["person_id"], world.old["person_id"]} & {r.person_id for r in lake.read(Person).collect()}
    refused = {r.event_id for r in lake.read(Refusal).collect()}
    assert refused and refused <= {r.event_id for r in lake.read(PermissionEvent).collect()}
    no = lake.read(Permission).where(Permission.record_id.col.isin(coop.records_of(OPPOSED)) & (Permission.channel.col == "post")).collect()
    assert no and not any(r.is_granted for r in no)
    pads = world.ctx.pads(world.ctx.secret(world.config.privacy.pepper_ref))
    raw = RawRecord.frame(world.spark, [r for r in c.raw_rows(coop) if r["record_id"] in coop.records_of(GONE)])
    caught = suppressed_records(standardised(world.ctx, raw), lake.read(Suppression), pads).collect()
    assert {r.record_id for r in caught} == set(coop.records_of(GONE)), "still suppressed"
    assert "replay" in {r.cause for r in lake.read(ErasureCertificate).collect()}


def _what_remembers_does_not_go_back(lab: Lab) -> None:
    """A RESTORE of the list of erased ids is undone; an older copy of it stops every job until the newest is there again."""
    lake = lab.ctx.lake
    held = sorted(r.key_hash for r in lake.read(ErasedRecord).collect())
    lab.spark.sql("SET spark.sql.files.ignoreMissingFiles=true")
    try:
        lab.spark.sql(f"RESTORE TABLE {lake.identifier(ErasedRecord)} TO VERSION AS OF 1")
    finally:
        lab.spark.sql("SET spark.sql.files.ignoreMissingFiles=false")
    assert sorted(r.key_hash for r in lake.read(ErasedRecord).collect()) != held
    lab.run()
    assert sorted(r.key_hash for r in lake.read(ErasedRecord).collect()) == held
    folder = Path(lake.path(Suppression))
    for file in sorted((folder / "_delta_log").glob("*.json"))[1:]:
        file.unlink()
    for _ in range(2):
        with pytest.raises(RightsError, match=r"^privacy\.suppression was put back .* put its newest copy back and start again"):
            lab.run()
    assert lake.read(Run).where("status = 'failed' AND error LIKE 'privacy.suppression was put back%'").count() == 2
    lab.run(options={"accept_loss": "yes"})
    lab.run()
