"""From an exported line back to everything it rests on, in one query: selection, decision, permission, instruction and delivery line.

What an erasure removed is missing here too: the trail then ends at the certificate. No name and no coordinate is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.bronze import Delivery, RawRecord
from appetence.contracts.campaign import Campaign, Decision, Export, ExportLine, Selection
from appetence.contracts.reference import Instruction
from appetence.contracts.silver import PermissionEvent

MISSING = "missing"
LINKS = ("selection", "decision", "permission", "instruction", "line", "delivery")
"""The stations on the way back, in order."""


@dataclass(frozen=True)
class Sources:
    """The tables a trace reads."""

    lines: DataFrame
    exports: DataFrame
    campaigns: DataFrame
    selections: DataFrame
    decisions: DataFrame
    events: DataFrame
    instructions: DataFrame
    raw_records: DataFrame
    deliveries: DataFrame


def build_trace(of: Sources) -> DataFrame:
    """One row per exported line of a person (seeds rest on nothing), narrowed by what `of.lines` holds.

    Columns: export_id, reference, file_name, plaintext_hash, exported_on, campaign_id, client_id, drop_date, one struct per station of
    LINKS, and `missing`: the stations that are not there.
    """
    lines = of.lines.where(ExportLine.person_id.col.isNotNull())
    exports = of.exports.select(Export.export_id, Export.file_name, Export.plaintext_hash, Export.exported_on)
    campaigns = of.campaigns.select(Campaign.campaign_id, Campaign.client_id, Campaign.drop_date)
    # A reference that no longer belongs to the selected person is no way back.
    piece = [str(k) for k in (Selection.campaign_id, Selection.person_id, Selection.reference)]
    chosen = _station(of.selections, "selection", piece)
    decided = _station(of.decisions, "decision", piece[:2])
    events = _station(of.events, "permission", [PermissionEvent.event_id]).withColumnRenamed(PermissionEvent.event_id, "_event")
    instructions = _station(of.instructions, "instruction", [Instruction.instruction_id]).withColumnRenamed(
        Instruction.instruction_id, "_instruction"
    )
    joined = (
        lines.join(exports, on=Export.export_id, how="left")
        .join(campaigns, on=Campaign.campaign_id, how="left")
        .join(chosen, on=piece, how="left")
        .join(decided, on=piece[:2], how="left")
        .join(events, on=F.col(f"selection.{Selection.permission_event_id}") == F.col("_event"), how="left")
        .join(instructions, on=F.col(f"selection.{Selection.instruction_id}") == F.col("_instruction"), how="left")
    )
    deliveries = _station(of.deliveries, "delivery", [Delivery.delivery_id]).withColumnRenamed(Delivery.delivery_id, "_delivery")
    whole = _with_line(joined, of.raw_records).join(deliveries, on=F.col(f"line.{RawRecord.delivery_id}") == F.col("_delivery"), how="left")
    missing = F.array_compact(F.array(*(F.when(F.col(name).isNull(), F.lit(name)) for name in LINKS)))
    return whole.select(
        ExportLine.export_id, ExportLine.reference, Export.file_name, Export.plaintext_hash, Export.exported_on, Campaign.campaign_id,
        Campaign.client_id, Campaign.drop_date, *LINKS, missing.alias(MISSING),
    )  # fmt: skip


_SHOWN: dict[str, tuple[str, ...]] = {
    "selection": (Selection.channel, Selection.record_id, Selection.member_id, Selection.permission_event_id, Selection.instruction_id,
                  Selection.source_count, Selection.rank, Selection.cell, Selection.key_code),
    "decision": (Decision.is_selected, Decision.first_reason, Decision.reasons, Decision.list_id),
    "permission": (PermissionEvent.member_id, PermissionEvent.channel, PermissionEvent.use, PermissionEvent.purpose, PermissionEvent.basis,
                   PermissionEvent.status, PermissionEvent.wording_version, PermissionEvent.collected_at, PermissionEvent.collection_point,
                   PermissionEvent.recipients, PermissionEvent.delivery_id, PermissionEvent.line_number),
    "instruction": (Instruction.member_id, Instruction.signed_on, Instruction.valid_from, Instruction.valid_to),
    "delivery": (Delivery.member_id, Delivery.delivery_ref, Delivery.delivered_at, Delivery.content_hash, Delivery.signer),
}  # fmt: skip


def _station(rows: DataFrame, name: str, keys: Sequence[str]) -> DataFrame:
    return rows.select(*keys, F.struct(*_SHOWN[name]).alias(name))


def _with_line(joined: DataFrame, raw: DataFrame) -> DataFrame:
    """The newest customer line of the record that was known when the file was made."""
    record: Column = F.col(f"selection.{Selection.record_id}")
    known = raw.select(RawRecord.record_id, RawRecord.received_on, RawRecord.delivered_at, RawRecord.delivery_id, RawRecord.line_number)
    matched = joined.select(Export.export_id, ExportLine.reference, Export.exported_on, record.alias("_record")).join(
        known, on=(F.col("_record") == F.col(RawRecord.record_id)) & (F.col(RawRecord.received_on) <= F.col(Export.exported_on)), how="inner"
    )
    newest = F.max_by(
        F.struct(RawRecord.delivery_id, RawRecord.line_number), F.struct(RawRecord.delivered_at, RawRecord.delivery_id, RawRecord.line_number)
    )
    lines = matched.groupBy(Export.export_id, ExportLine.reference).agg(newest.alias("line"))
    return joined.join(lines, on=[str(Export.export_id), str(ExportLine.reference)], how="left")
