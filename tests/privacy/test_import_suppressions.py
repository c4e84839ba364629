"""Suppression files become keyed hashes, every bad line is named, and what held coordinates is gone afterwards."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from appetence.contracts.privacy import ExternalList, Suppression
from appetence.contracts.silver import Record
from appetence.errors import RightsError
from appetence.pipeline import import_suppressions
from appetence.pipeline.context import Context
from appetence.privacy.scan import scan
from appetence.privacy.suppressions import list_and_version, suppressed_records
from tests.privacy.coop import prepare

pytestmark = pytest.mark.spark
HEADER = "scope;last_name;first_name;address_1;postcode;city;email;phone\n"


def test_a_file_with_good_and_bad_lines(make_context: Callable[..., Context], tmp_path: Path) -> None:
    ctx = make_context()
    folder = prepare(ctx)
    lines = [
        "global;Lefèvre;Marie;12 rue des Acacias;59000;Lille;marie.lefevre@free.fr;06 12 34 56 79",
        "nobody;Durand;Paul;;;;paul.durand@free.fr;",
        "global;Petit;Paul;;;;;",
        "global;too;few",
        "",
        'r_vad;Canarizon;Paul;"3 rue; Haute";59000;Lille;;',
    ]
    file = folder / "suppressions" / "member_2026-10.csv"
    file.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    (folder / "suppressions" / "wrong.csv").write_text("a;b\n1;2\n", encoding="utf-8")
    (folder / "suppressions" / "latin.csv").write_bytes((HEADER + "global;Zoé;;;;;a@b.fr;").encode("cp1252"))
    (folder / "external" / "robinson_2026-10.csv").write_text(
        HEADER.removeprefix("scope;") + "Canarizon;Paul;3 rue Haute;59000;Lille;;\n", encoding="utf-8"
    )
    config = ctx.config.model_copy(update={"recipients": {"r_vad": None}})
    ctx = make_context(config=config)
    counts = import_suppressions.run(ctx)
    faults = " ".join(counts.details["faults"])
    for place in ("member_2026-10.csv, line 3: scope", "member_2026-10.csv, line 4: no e-mail", "member_2026-10.csv, line 5: 3 fields",
                  "wrong.csv, line 1: the columns must be", "latin.csv: not UTF-8"):  # fmt: skip
        assert place in faults, faults
    assert counts.rows_rejected == 5 and "Durand" not in faults
    stored = ctx.lake.read(Suppression)
    rows = {(r.scope, r.kind) for r in stored.collect()}
    assert {("global", "email"), ("global", "phone"), ("global", "postal"), ("global", "postal_household"), ("r_vad", "postal")} <= rows
    assert {r.source for r in stored.collect()} == {"member"} and all(len(r.key_hash) == 64 for r in stored.collect())
    assert {(r.list_name, r.version, r.kind) for r in ctx.lake.read(ExternalList).collect()} == {("robinson", "2026-10", "postal")}
    # The whole lines are destroyed, the bad ones wait for correction, unreadable files stay.
    assert not file.exists() and (folder / "suppressions" / "wrong.csv").exists()
    kept = folder / "suppressions" / "refused" / file.name
    assert kept.read_text(encoding="utf-8") == HEADER + "\n".join(lines[1:4]) + "\n" and kept.stat().st_mode & 0o077 == 0
    assert scan([Path(ctx.config.paths.root)], ["marie.lefevre@free.fr", "Canarizon", "33612345679"]) == []

    # The person is caught under a noisy spelling; a neighbour in the same building is not; one client's opposition is that client's.
    records = Record.frame(ctx.spark, [
        Record.row(record_id="noisy", first_name="M", last_name="LEFEVRE", postcode="59000", address_key="12 RUE DES ACACIAS"),
        Record.row(record_id="family", first_name="PAUL", last_name="LEFEVRE", postcode="59000", address_key="12 RUE DES ACACIAS"),
        Record.row(record_id="phone", landline="+33612345679", last_name="OTHER"),
        Record.row(record_id="neighbour", first_name="MARIE", last_name="MERCIER", postcode="59000", address_key="12 RUE DES ACACIAS"),
        Record.row(record_id="client", first_name="PAUL", last_name="CANARIZON", postcode="59000", address_key="3 RUE HAUTE"),
    ])  # fmt: skip
    pads = ctx.pads(ctx.secret(ctx.config.privacy.pepper_ref))
    caught = {(r.record_id, r.scope) for r in suppressed_records(records, stored, pads).collect()}
    assert caught == {("noisy", "global"), ("family", "global"), ("phone", "global"), ("client", "r_vad")}

    # The same file again changes nothing; a second list of the same person neither.
    version = ctx.lake.version(Suppression)
    file.write_text(HEADER + lines[0] + "\n", encoding="utf-8")
    again = import_suppressions.run(make_context(config=config, run_id="run-2"))
    assert again.rows_out == 0 and ctx.lake.version(Suppression) == version and stored.where(F.col("added_on") != F.lit(ctx.as_of)).isEmpty()


@pytest.mark.parametrize("stem", ["robinson_2026-9", "robinson_v2", "robinson_", "robinson_2026-13", "elsewhere_2026-10"])
def test_a_list_of_which_nobody_knows_whether_it_is_the_newest_is_refused(stem: str) -> None:
    with pytest.raises(RightsError, match=rf"{stem}\.csv: an external list is named"):
        list_and_version(stem)


def test_versions_sort_by_time() -> None:
    versions = [list_and_version(f"robinson_{v}")[1] for v in ("2026-09", "2026-10", "2026-10-05", "2026-11")]
    assert versions == sorted(versions)
