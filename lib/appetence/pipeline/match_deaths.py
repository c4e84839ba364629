"""The official list of the deceased against our persons: probable suppresses, certain closes, and a directive left behind is executed.

Files of the list (`deces-*.txt`, as published) are put under `<requests>/deaths/`; they stay there, and reading them again changes nothing.
A person found is neither described nor scored nor selected. One found for certain is also put on the suppression list, by what no living
person shares, so that no later delivery brings it back under another number; and is erased when it left that wish.
"""

from __future__ import annotations

from functools import reduce
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from appetence.columns.coordinates import KEY_HASH, KIND, ROUGH, hashed_coordinates
from appetence.contracts.identity import PersonLink
from appetence.contracts.privacy import Death, Directive, Suppression
from appetence.contracts.silver import PermissionEvent, Record, Transaction
from appetence.pipeline.context import Context, Counts
from appetence.pipeline.erasing import Erased, erase
from appetence.privacy import deaths as d
from appetence.privacy.erasure import Cause
from appetence.privacy.suppressions import build_suppressions

GLOBAL = "global"
ERASE = "erase"


def run(ctx: Context) -> Counts:
    """Reads the lists, silver and the links; writes privacy.death and privacy.suppression, and erases where a directive says so."""
    files = sorted((Path(ctx.config.paths.requests) / "deaths").glob("*.txt"))
    if not files:
        return Counts(0, 0)
    lake = ctx.lake
    records, links = lake.read(Record), lake.read(PersonLink)
    listed = lake.stage("deaths_listed", d.build_listed(_lines(ctx, files)))
    found = d.build_deaths(listed, records, links, lake.read_or_empty(Transaction), lake.read_or_empty(PermissionEvent))
    judged = lake.stage("deaths", found)
    # What rests on no list (a family's letter, noted by the officer) stays; a match of the lists is judged anew each time.
    noted = lake.read_or_empty(Death).where(Death.source.col.isNull())
    kept = noted.join(judged, on=Death.person_id, how="left_anti")
    change = lake.sync(Death, judged.unionByName(kept))
    certain = lake.stage("certain", judged.where(Death.certainty.col == d.CERTAIN).select(Death.person_id))
    added = _suppress(ctx, records, links, certain)
    erased = _execute_directives(ctx, links, certain)
    counts = {row[0]: row[1] for row in judged.groupBy(Death.rule).count().collect()}
    lines, closed = listed.count(), certain.count()
    ctx.progress(f"{sum(counts.values())} persons answer to {lines} lines of the list, {closed} for certain")
    entries = (
        [{"actor": "match_deaths", "action": "closed", "object_id": ctx.run_id, "details": {"certain": closed, **counts}}] if change.rows else []
    )
    if erased:
        entries.append({"actor": "match_deaths", "action": "erased", "object_id": erased.certificate_id, "details": {"cause": "directive"}})
    return Counts(
        lines, sum(counts.values()),
        details={"files": len(files), "certain": closed, "probable": sum(counts.values()) - closed, "by_rule": counts,
                 "suppressions": added, "erased_rows": sum(erased.rows.values()) if erased else 0, "audit": entries if not change.is_none else []},
    )  # fmt: skip


def _lines(ctx: Context, files: list[Path]) -> DataFrame:
    """The lines of all files; a line is named by its file alone, its number would need an order that a cluster does not have."""
    read = [ctx.spark.read.text(str(f)).select(d.LINE, F.lit(f.name).alias(d.SOURCE)) for f in files]
    return reduce(DataFrame.unionByName, read)


def _suppress(ctx: Context, records: DataFrame, links: DataFrame, certain: DataFrame) -> int:
    """Keyed coordinates of those found for certain that no living person shares; what is told roughly and the family's key are never among them."""
    pads = ctx.pads(ctx.secret(ctx.config.privacy.pepper_ref))
    owned = records.join(links.select(PersonLink.record_id, PersonLink.person_id), on=PersonLink.record_id, how="inner")
    hashes = hashed_coordinates(owned, pads, str(PersonLink.person_id)).where(~F.col(KIND).isin(*map(str, ROUGH)))
    own = d.own_coordinates(hashes, certain, [KIND, KEY_HASH]).withColumn(Suppression.scope, F.lit(GLOBAL))
    rows = build_suppressions(
        own, scope=str(Suppression.scope), source="deaths", pepper_version=ctx.config.privacy.pepper_version, added_on=ctx.as_of
    )
    return ctx.lake.insert_new(Suppression, rows).inserted


def _execute_directives(ctx: Context, links: DataFrame, certain: DataFrame) -> Erased | None:
    """Erases the dead who wished it; `hand_over` is the officer's, `keep` needs nothing."""
    wishes = ctx.lake.read_or_empty(Directive).where(Directive.wish.col == ERASE).select(Directive.person_id)
    asked = certain.join(wishes, on=Directive.person_id, how="left_semi")
    records = ctx.lake.stage("wished", links.join(asked, on=PersonLink.person_id, how="left_semi").select(PersonLink.record_id))
    if ctx.dry_run or records.isEmpty():
        return None
    ids = sorted(
        row[0] for row in ctx.lake.read(Directive).join(asked, on=Directive.person_id, how="left_semi").select(Directive.directive_id).collect()
    )
    return erase(ctx, records, Cause.DIRECTIVE, ids)
