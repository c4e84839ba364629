"""A member leaves: nothing of it is left in any byte, its key is gone, and what the others supplied is theirs as before."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from appetence.contracts import REGISTRY
from appetence.contracts.bronze import RawRecord
from appetence.contracts.identity import MemberPerson, PersonLink
from appetence.contracts.privacy import ErasedRecord, ErasureCertificate
from appetence.contracts.silver import Transaction
from appetence.errors import ConfigError
from appetence.pipeline import exit_member
from appetence.pipeline.context import Context
from appetence.pipeline.erasing import without_erased
from appetence.privacy.scan import scan
from appetence.runtime.config import load
from tests.privacy import coop as c

pytestmark = [pytest.mark.spark, pytest.mark.slow]
LEAVING = "m02"


def leave_files(ctx: Context, canary: str) -> Path:
    """Files of the member in each store, keys of every member, and one file of another member, which is given back."""
    paths = ctx.config.paths
    for place, name in ((paths.inbox, "customers.csv.pgp"), (paths.quarantine, "q.pgp"), (paths.outbox, "statement.pgp")):
        file = Path(place) / LEAVING / "ref" / name
        file.parent.mkdir(parents=True)
        file.write_bytes(gzip.compress(canary.encode()))
    for member in ctx.config.members:
        key = Path(paths.secrets) / "members" / f"{member}.key"
        key.parent.mkdir(exist_ok=True)
        key.write_text("k" * 64, encoding="ascii")
        key.chmod(0o600)
    kept = Path(paths.outbox) / "m01" / "statement.pgp"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"x")
    return kept


def test_inv_22_a_member_that_leaves_leaves_nothing_and_the_others_keep_all(spark: SparkSession, conf_folder: str, tmp_path: Path) -> None:
    ctx = c.context(spark, tmp_path / "root", conf_folder, "fill")
    coop = c.people(24, seed=9)
    # A canary of each record's own: what another member holds of the same person is another member's.
    for r in coop.records:
        r["canary"] = f"{r['canary']}{r['member_id']}"
    c.prepare(ctx)
    c.fill(ctx, coop)
    own = [{"member_id": r["member_id"], "person_id": r["person_id"], "member_person_id": f"x{r['record_id']}"} for r in coop.records]
    c.put(ctx, MemberPerson, [MemberPerson.row(**row, key_version="1") for row in own])
    paths = ctx.config.paths
    theirs = [r["canary"] for r in coop.records if r["member_id"] == LEAVING]
    others = {r["record_id"] for r in coop.records if r["member_id"] != LEAVING}
    kept = leave_files(ctx, theirs[0])
    raw = {r.record_id: tuple(r) for r in ctx.lake.read(RawRecord).collect()}
    assert {f.file for f in scan([paths.lake], theirs)}, "the scan finds them before"
    ctx.lake.close()

    staying = c.context(spark, tmp_path / "root", conf_folder, "refused", options={"member": LEAVING})
    with pytest.raises(ConfigError, match="set `is_active: false`"):
        exit_member.run(staying)
    config = load("demo", [f"paths.root={tmp_path / 'root'}"], conf_folder)
    config.members[LEAVING] = config.members[LEAVING].model_copy(update={"is_active": False})
    leaving = c.context(spark, tmp_path / "root", conf_folder, "exit", options={"member": LEAVING}, config=config)
    counts = exit_member.run(leaving)

    lake = leaving.lake
    assert counts.rows_in == len(theirs) and counts.details["scan_findings"] == 0 and counts.details["key"] == "destroyed"
    for table in REGISTRY.values():
        if "member_id" in map(str, table.content()) and table.keeps_after_erasure is None and table.schema != "reference" and lake.exists(table):
            assert lake.read(table).where(F.col("member_id") == LEAVING).count() == 0, table.full_name()
    assert scan([paths.lake, paths.outbox, paths.inbox, paths.quarantine, paths.reports], theirs) == []
    assert {r.record_id: tuple(r) for r in lake.read(RawRecord).collect()} == {k: v for k, v in raw.items() if k in others}
    assert {r.record_id for r in lake.read(PersonLink).collect()} == others == {r.record_id for r in lake.read(Transaction).collect()}
    assert not (Path(paths.secrets) / "members" / f"{LEAVING}.key").exists() and (Path(paths.secrets) / "members" / "m01.key").exists()
    again = RawRecord.frame(spark, [line for line in c.raw_rows(coop) if line["member_id"] == LEAVING])
    assert kept.exists() and {r.cause for r in lake.read(ErasedRecord).collect()} == {"member_exit"}
    assert without_erased(leaving, again).count() == len(theirs), "no person asked: what went may be delivered again"
    proof = json.loads((Path(paths.reports) / "member_exits" / f"{LEAVING}.json").read_text(encoding="utf-8"))
    assert proof["links_left"] == len(others) and proof["rows"]["bronze.raw_record"] == len(theirs)
    assert {r.cause for r in lake.read(ErasureCertificate).collect()} == {"member_exit"}
    later = exit_member.run(c.context(spark, tmp_path / "root", conf_folder, "again", options={"member": LEAVING}, config=config))
    assert later.rows_in == 0 == later.rows_out and later.details["key"] == "gone before"
