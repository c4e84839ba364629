"""The peppers of keyed hashes: which versions stored rows were made with, and how a new one takes over.

A hash cannot be made again without its coordinate. What a record in the pool still has is put under the newest pepper by each import; the
rest stays as it is and is matched under the pepper it was made with, whose key must be kept until no row needs it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from pyspark.sql import functions as F

from appetence.contracts.base import Table
from appetence.contracts.campaign import CampaignFile, Feedback
from appetence.contracts.privacy import ErasedRecord, ExternalList, RightsRequest, Suppression
from appetence.contracts.silver import Record
from appetence.pipeline.context import Context
from appetence.privacy import rights
from appetence.privacy.suppressions import rekeyed

KEYED: tuple[type[Table], ...] = (Suppression, ErasedRecord, ExternalList, CampaignFile, Feedback)
"""Tables with hashes made with a pepper; each names its version in `pepper_version`."""
REQUESTS = RightsRequest.full_name()
_VERSION = str(Suppression.pepper_version)


def versions_in_use(ctx: Context) -> list[dict[str, Any]]:
    """One row per version of the pepper, the newest last: version, rows by table, is_newest, is_kept (its key is configured) and may_go (the
    key may be destroyed and the version taken out of the configuration)."""
    kept = list(ctx.peppers())
    needs: dict[str, Counter[str]] = {version: Counter() for version in kept}
    for table in KEYED:
        held = ctx.lake.read_or_empty(table)
        if table is Feedback:
            held = held.where(F.size(Feedback.coordinate_hashes.col) > 0)
        for row in held.groupBy(F.coalesce(F.col(_VERSION), F.lit(kept[0])).alias(_VERSION)).count().collect():
            needs.setdefault(row[_VERSION], Counter())[table.full_name()] += row["count"]
    if len(kept) > 1:
        # Ids of requests are made with the oldest pepper: who waits keeps it.
        needs[kept[0]][REQUESTS] += ctx.lake.read_or_empty(RightsRequest).where(~RightsRequest.state.col.isin(list(rights.FINAL))).count()
    order = [v for v in needs if v not in kept] + kept
    return [
        {
            "version": version, "rows": {name: n for name, n in needs[version].items() if n}, "is_newest": version == kept[-1],
            "is_kept": version in kept, "may_go": version != kept[-1] and not any(needs[version].values()),
        }
        for version in order
    ]  # fmt: skip


def rekey(ctx: Context) -> int:
    """Puts under the newest pepper every entry of the suppression list whose coordinate some record has; how many."""
    newest = ctx.config.privacy.pepper_version
    if len(ctx.peppers()) == 1 or not (ctx.lake.exists(Suppression) and ctx.lake.exists(Record)):
        return 0
    records, total = ctx.lake.read(Record), 0
    for version in [v for v in ctx.peppers() if v != newest]:
        listed = ctx.lake.read(Suppression).where(F.col(_VERSION) == version)
        made = ctx.lake.stage(f"rekeyed_{version}", rekeyed(records, listed, ctx.pepper_pads(version), ctx.pepper_pads(newest), newest))
        total += ctx.lake.insert_new(Suppression, Suppression.shape(made)).inserted
        former = made.select(Suppression.scope, Suppression.kind, F.col("was").alias(Suppression.key_hash)).distinct()
        # The new rows stand before the old ones go: a run killed between leaves both, and both match.
        ctx.lake.sync(Suppression, Suppression.frame(ctx.spark), within=ctx.lake.stage(f"former_{version}", former), is_staged=True)
    return total
