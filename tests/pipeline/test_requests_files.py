"""Clients' own files and routers' feedback: what can be taken works, what cannot is set aside, nothing is lost and no coordinate stays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from appetence.columns.coordinates import hashed_coordinates
from appetence.contracts.campaign import Campaign, CampaignFile, Export, ExportLine, Feedback, Selection
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import PermissionEvent, Record
from appetence.pipeline import import_suppressions
from appetence.pipeline.context import Context
from appetence.pipeline.load_reference import law_rule_rows
from appetence.pipeline.maintain_tables import _drop_client_files
from appetence.pipeline.set_aside import set_aside
from appetence.privacy.scan import scan
from appetence.selection import feedback
from appetence.selection.candidates import build_candidates
from appetence.selection.layouts import sms_lines
from tests.privacy.coop import prepare, put
from tests.selection.coop import campaign, generate, law, sources, terms

COLUMNS = "last_name;first_name;address_1;postcode;city;email;phone\n"
BAD = ["Durand;Paul;;;;;", "too;few"]


def _ready(make_context: Callable[..., Context], **campaigns: Any) -> tuple[Context, Path]:
    """A context that knows these campaigns, with the rows that standardising reads, and its folder of requests."""
    ctx = make_context()
    folder = prepare(ctx)
    for name in ("campaign_files", "feedback"):
        (folder / name).mkdir()
    (Path(ctx.config.paths.secrets) / "reference.key").write_text("5" * 64, encoding="ascii")
    (Path(ctx.config.paths.secrets) / "reference.key").chmod(0o600)
    return make_context(config=ctx.config.model_copy(update={"campaigns": {**ctx.config.campaigns, **campaigns}})), folder


@pytest.mark.spark
def test_a_clients_own_files_keep_its_people_out_of_its_campaign(spark: SparkSession, make_context: Callable[..., Context], conf_folder: str) -> None:
    spec = campaign(seed=8)
    ctx, folder = _ready(make_context, essai=spec, vieux=campaign(campaign_id="vieux", drop_date=dt.date(2026, 10, 1)))
    coop, said = generate(8, 40, spec), terms(conf_folder, spec)
    told = sorted({r["email"]: r["record_id"] for r in coop.of("record") if r["email"]}.items())[:6]
    owner = {r["record_id"]: r["person_id"] for r in coop.of("person_link")}
    lines = [f"X;Y;;;;{email.upper()};" for email, _ in told]
    files = {
        "essai_bad_debt.csv": [*lines[:2], *BAD], "essai_customers.csv": lines[2:5], "essai_prior_mailing.csv": lines[5:],
        "essai_friends.csv": lines, "nobody_customers.csv": lines, "reveil_presse_customers.csv": lines, "vieux_customers.csv": lines,
    }  # fmt: skip
    for name, content in files.items():
        (folder / "campaign_files" / name).write_text(COLUMNS + "\n".join(content) + "\n", encoding="utf-8")
    counts = import_suppressions.run(ctx)
    faults = counts.details["faults"]
    for place in ("essai_bad_debt.csv, line 4: no e-mail", "essai_bad_debt.csv, line 5: 2 fields", "essai_friends.csv: a client's file is named",
                  "nobody_customers.csv: a client's file is named", "reveil_presse_customers.csv: reveil_presse works on",
                  "vieux_customers.csv: its campaign dropped on 2026-10-01"):  # fmt: skip
        assert sum(place in sentence for sentence in faults) == 1, (place, faults)
    assert len(faults) == counts.rows_rejected == 6 and not any(word in " ".join(faults) for word in ("Durand", "x.fr", "X.FR"))
    left = {p.name for p in (folder / "campaign_files").glob("*.csv")}
    assert left == {n for n in files if not n.startswith("essai") or n == "essai_friends.csv"}, "what was taken is destroyed"
    kept = folder / "campaign_files" / "refused" / "essai_bad_debt.csv"
    assert kept.read_text(encoding="utf-8") == COLUMNS + "\n".join(BAD) + "\n" and kept.stat().st_mode & 0o077 == 0
    assert scan([Path(ctx.config.paths.lake)], [told[0][0], told[5][0].upper()]) == []

    rows = ctx.lake.read(CampaignFile).collect()
    assert {(r.campaign_id, r.kind) for r in rows} == {("essai", kind) for kind in ("bad_debt", "customers", "prior_mailing")}
    assert {r.destroy_by for r in rows} == {dt.date(2026, 11, 17) + dt.timedelta(days=90)} and all(len(r.coordinate_hash) == 64 for r in rows)
    assert counts.details["campaign_file_hashes"] == len(rows) == 6
    s = sources(spark, coop, law_rule_rows(law(conf_folder)))
    hashes = hashed_coordinates(s.record, ctx.pads(ctx.secret(ctx.config.privacy.pepper_ref)), "record_id").distinct()
    s = replace(s, hashes=hashes, campaign_file=ctx.lake.read(CampaignFile), suppression=s.suppression.limit(0))
    out = build_candidates(s, said).where(F.array_contains("reasons", "CLIENT_FILE")).collect()
    assert {r["person_id"] for r in out} == {owner[record] for _, record in told}
    day_before, day = (replace(ctx, as_of=dt.date(2027, 2, d)) for d in (14, 15))
    assert (_drop_client_files(day_before), _drop_client_files(day)) == (0, 6)


@pytest.mark.spark
def test_feedback_of_no_piece_is_set_aside_and_a_stop_token_names_its_piece(spark: SparkSession, make_context: Callable[..., Context]) -> None:
    ctx, folder = _ready(make_context)
    pieces = [Selection.row(campaign_id="noel_vad", channel="sms", person_id=f"p{n}", record_id=f"r{n}", reference=f"{n:016X}") for n in (1, 2)]
    put(ctx, Selection, pieces)
    put(ctx, Campaign, [Campaign.row(campaign_id="noel_vad", client_id="r_vad", product="prospect", purpose="commercial")])
    put(ctx, Export, [Export.row(export_id="x", campaign_id="noel_vad", channel="sms", recipient_id="routeur_sms")])
    put(ctx, ExportLine, [ExportLine.row(export_id="x", reference=p["reference"], campaign_id="noel_vad", person_id=p["person_id"]) for p in pieces])
    put(ctx, PersonLink, [PersonLink.row(record_id=f"r{n}", member_id="m01", person_id=f"p{n}") for n in (1, 2)])
    put(ctx, Record, [Record.row(record_id=f"r{n}", member_id="m01") for n in (1, 2)])
    put(ctx, PermissionEvent, [PermissionEvent.row(event_id="e", record_id="r1", member_id="m01", channel="sms", use="prospect")])
    pads = ctx.pads(ctx.secret(ctx.config.privacy.reference_key_ref))
    rows = sms_lines(ctx.lake.read(Selection).withColumn("mobile", F.lit("+33600000000")), pads).collect()
    token = next(r["stop_token"] for r in rows if r["reference"] == f"{1:016X}")
    unknown = [f"{n:016X};bounce;2026-11-20" for n in range(1000, 1120)]
    (folder / "feedback" / "a.csv").write_text(
        "\n".join(["reference;event;at", *unknown, f"{2:016X};bounce;2026-11-20", f"{2:016X};moved;2026-11-20", "x;y;z"]), encoding="utf-8"
    )
    stops = [f"{code};stop;2026-11-20" for code in (token.lower(), "F" * 16)]
    (folder / "feedback" / "b.csv").write_text("\n".join(["stop_token;event;at", *stops]), encoding="utf-8")
    counts = import_suppressions.run(ctx)
    assert {(r.reference, r.event) for r in ctx.lake.read(Feedback).collect()} == {(f"{1:016X}", "stop"), (f"{2:016X}", "bounce")}
    said = ctx.lake.read(PermissionEvent).where(F.col("status") == "opposed").collect()
    assert {(r.record_id, r.channel, r.use) for r in said} == {("r1", "sms", "prospect")}
    assert counts.details["unplaced"] == 122 and counts.rows_rejected == 123 and counts.details["lines"] == 2
    assert counts.rows_in == 125 and any("22 more lines" in sentence for sentence in counts.details["faults"])
    refused = folder / "feedback" / "refused"
    assert set((refused / "a.csv").read_text(encoding="utf-8").splitlines()) == {
        "reference;event;at", *unknown, f"{2:016X};moved;2026-11-20", "x;y;z",
    }  # fmt: skip
    assert (refused / "b.csv").read_text(encoding="utf-8") == f"stop_token;event;at\n{'F' * 16};stop;2026-11-20\n"
    assert refused.stat().st_mode & 0o077 == 0 and list((folder / "feedback").glob("*.csv")) == []

    # Who signed what it tells is heard of its own pieces only.
    lines = [(f"{1:016X}", "bounce", dt.datetime(2026, 11, 21), "f", n, "reference") for n in range(3)]
    by = F.element_at(F.array(F.lit("routeur_sms"), F.lit("routeur_email"), F.lit(None)), F.col("line") + 1)
    told = spark.createDataFrame(lines, feedback.LINES).withColumn(feedback.SENDER, by)
    found = feedback.placed(told, *(ctx.lake.read(table) for table in (ExportLine, Export, Selection, Campaign)))
    assert {r["line"]: r["is_known"] for r in found.collect()} == {0: True, 1: False, 2: True}


def test_what_waits_from_an_earlier_file_of_that_name_stays(tmp_path: Path) -> None:
    for row in ("one", "two", "three"):
        set_aside(tmp_path / "r.csv", ("a",), [[row]])
    set_aside(tmp_path / "r.csv", ("a",), [])
    assert {p.name: p.read_text(encoding="utf-8") for p in (tmp_path / "refused").iterdir()} == {
        "r.csv": "a\none\n", "r-2.csv": "a\ntwo\n", "r-3.csv": "a\nthree\n",
    }  # fmt: skip
