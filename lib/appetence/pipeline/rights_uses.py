"""Which files held a person, for which client and handed to whom: what tasks, notices and an access answer go by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pyspark.sql import functions as F

from appetence.contracts.campaign import Campaign, Export, ExportLine
from appetence.contracts.local import local_frame
from appetence.pipeline.context import Context


@dataclass(frozen=True)
class Use:
    """One file that held a person: for which client, handed to whom, under which reference."""

    client_id: str
    recipient_id: str
    export_id: str
    reference: str


def uses(ctx: Context, persons: Iterable[str]) -> dict[str, list[Use]]:
    """Files by person: who used the data. A person selected but never exported was not used by the client."""
    asked = sorted(set(persons))
    if not asked or not ctx.lake.exists(ExportLine):
        return {}
    wanted = local_frame(ctx.spark, [(p,) for p in asked], f"{ExportLine.person_id} string")
    exports = ctx.lake.read(Export).select(Export.export_id, Export.recipient_id)
    clients = ctx.lake.read(Campaign).select(Campaign.campaign_id, Campaign.client_id)
    lines = ctx.lake.read(ExportLine).join(F.broadcast(wanted), on=ExportLine.person_id, how="inner")
    handed = lines.join(F.broadcast(exports), on=Export.export_id, how="inner")
    found: dict[str, list[Use]] = defaultdict(list)
    for row in handed.join(F.broadcast(clients), on=Campaign.campaign_id, how="inner").collect():
        use = Use(row[Campaign.client_id], row[Export.recipient_id], row[Export.export_id], row[ExportLine.reference])
        found[row[ExportLine.person_id]].append(use)
    return found
