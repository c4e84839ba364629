"""Every exported line leads back to selection, decision, permission, instruction and delivery line; a station that is gone is named."""

from __future__ import annotations

import datetime as dt

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.bronze import Delivery, RawRecord
from appetence.contracts.campaign import Campaign, Decision, Export, ExportLine, Selection
from appetence.contracts.reference import Instruction
from appetence.contracts.silver import PermissionEvent
from appetence.privacy.trace import Sources, build_trace

pytestmark = pytest.mark.spark
DAY = dt.date(2026, 10, 31)


def test_inv_27_a_line_leads_all_the_way_back_or_says_where_the_way_ends(spark: SparkSession) -> None:
    def chosen(person: str, reference: str, **more: object) -> dict[str, object]:
        said = {"campaign_id": "noel", "person_id": person, "reference": reference, "record_id": f"r_{person}", "member_id": "m01",
                "permission_event_id": f"e_{person}", "instruction_id": "m01-1", "cell": "mail"}  # fmt: skip
        return Selection.row(**{**said, **more})

    at = dt.datetime(2026, 10, 1, 3, tzinfo=dt.UTC)
    people = ("whole", "no_event", "no_line", "swapped")
    lines = [ExportLine.row(export_id="x1", reference=f"R_{p}", campaign_id="noel", person_id=p) for p in people]
    raw = [
        RawRecord.row(delivery_id="d1", line_number=7, record_id="r_whole", delivered_at=at, received_on=at.date()),
        RawRecord.row(delivery_id="d0", line_number=3, record_id="r_whole", delivered_at=at - dt.timedelta(days=30), received_on=dt.date(2026, 9, 1)),
        # Delivered after the file was made: not what it was made from.
        RawRecord.row(
            delivery_id="d2", line_number=9, record_id="r_whole", delivered_at=at + dt.timedelta(days=60), received_on=dt.date(2026, 12, 1)
        ),
        RawRecord.row(delivery_id="d1", line_number=8, record_id="r_no_event", delivered_at=at, received_on=at.date()),
        RawRecord.row(delivery_id="d2", line_number=8, record_id="r_no_line", delivered_at=at, received_on=dt.date(2026, 12, 1)),
    ]
    of = Sources(
        ExportLine.frame(spark, [*lines, ExportLine.row(export_id="x1", reference="SEED", campaign_id="noel")]),
        Export.frame(spark, [Export.row(export_id="x1", campaign_id="noel", file_name="f.pgp", plaintext_hash="h", exported_on=DAY)]),
        Campaign.frame(spark, [Campaign.row(campaign_id="noel", client_id="r_vad", drop_date=DAY)]),
        Selection.frame(spark, [*(chosen(p, f"R_{p}") for p in people[:3]), chosen("swapped", "R_other")]),
        Decision.frame(spark, [Decision.row(campaign_id="noel", person_id=p, is_selected=True) for p in people]),
        PermissionEvent.frame(spark, [PermissionEvent.row(event_id=f"e_{p}", status="granted") for p in ("whole", "no_line", "swapped")]),
        Instruction.frame(spark, [Instruction.row(instruction_id="m01-1", member_id="m01")]),
        RawRecord.frame(spark, raw),
        Delivery.frame(spark, [Delivery.row(delivery_id=i, delivery_ref=f"ref-{i}") for i in ("d0", "d1", "d2")]),
    )
    found = {r.reference: r.asDict(recursive=True) for r in build_trace(of).collect()}
    assert set(found) == {f"R_{p}" for p in people}, "a control line rests on nothing"
    whole = found["R_whole"]
    assert whole["missing"] == [] and whole["line"] == {"delivery_id": "d1", "line_number": 7} and whole["delivery"]["delivery_ref"] == "ref-d1"
    assert whole["permission"]["status"] == "granted" and whole["client_id"] == "r_vad" and whole["instruction"]["member_id"] == "m01"
    assert found["R_no_event"]["missing"] == ["permission"] and found["R_no_line"]["missing"] == ["line", "delivery"]
    assert found["R_swapped"]["missing"] == ["selection", "permission", "instruction", "line", "delivery"]
    assert not {"person_id", "first_name", "email"} & set(whole)
