"""`appetence bench identity --hold-back`: a share of the records arrives a night later, another the night after. How long such a night takes
beside comparing everything, and whether the two agree, by the job itself and all it writes.

Comparing everything is measured when its queries are compiled already, having run once before; so is the night, which is why there are two."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.bench import identity
from appetence.bench.measuring import peak_memory
from appetence.contracts.identity import HouseholdLink, PersonLink
from appetence.contracts.settings import IdentitySettings
from appetence.contracts.silver import Record
from appetence.identity import households
from appetence.pipeline import resolve_identities
from appetence.pipeline.context import Context, Counts
from appetence.runtime import clock
from appetence.runtime.config import Config
from appetence.runtime.logs import Log
from appetence.storage.lake import Lake

_PARTS = 100_000


def run(spark: SparkSession, config: Config, records: Path, scratch: Path, settings: IdentitySettings, held_back: float) -> dict[str, Any]:
    """Resolves all records but two shares of them, each share on a night of its own, then everything again. The figures are those of the second
    night, of a quiet one and of everything; `cold_seconds` are those of the first night."""
    given = identity.read(spark, records)
    shutil.rmtree(scratch / "lake", ignore_errors=True)
    # Ids of members need keys, which a file of records has none of.
    bare = config.model_copy(update={"identity": settings, "members": {}})
    first = _context(spark, bare, scratch, 0)
    clean = first.lake.stage("records", identity.standardised(given, identity.AS_OF, first.lake.stage))
    place, share = F.pmod(F.xxhash64(Record.record_id), F.lit(_PARTS)), int(held_back * _PARTS)
    first.lake.sync(Record, clean.where(place >= 2 * share))
    start, _, _ = _timed(first)
    first.lake.sync(Record, clean.where(place >= share))
    cold, _, _ = _timed(_context(spark, bare, scratch, 1))
    first.lake.sync(Record, clean)
    night, found, _ = _timed(_context(spark, bare, scratch, 2))
    quiet, _, _ = _timed(_context(spark, bare, scratch, 3))
    full = bare.model_copy(update={"identity": settings.model_copy(update={"full": True})})
    whole, compared, changes = _timed(_context(spark, full, scratch, 4))
    answer = {
        "records": compared.rows_in, **_agreement(first.lake, given),
        "incremental": {
            "seconds": round(night, 2), "full_seconds": round(whole, 2), "share_of_full": round(night / whole, 4), "first_seconds": round(start, 2),
            "cold_seconds": round(cold, 2),
            "quiet_seconds": round(quiet, 2), "is_equal": not changes, "is_incremental": bool(found.details.get("is_incremental")),
            **{f: found.details.get(f) for f in ("records_changed", "records_regrouped", "pairs_compared")},
            "pairs_compared_full": compared.details.get("pairs_compared"),
        },
        "peak_memory_gb": peak_memory(),
    }  # fmt: skip
    first.lake.close()
    return answer


def _context(spark: SparkSession, config: Config, scratch: Path, night: int) -> Context:
    run_id = f"bench-{night}"
    lake = Lake(spark, str(scratch / "lake"), run_id, str(scratch))
    log = Log.opened(run_id, "resolve_identities", None, is_quiet=True)
    day = identity.AS_OF + dt.timedelta(days=night)
    return Context(spark, lake, config, day, run_id, dt.datetime(day.year, day.month, day.day), log)


def _timed(ctx: Context) -> tuple[float, Counts, int]:
    """Seconds, counts, and how many rows of persons and households changed."""
    since = clock.seconds()
    found = resolve_identities.run(ctx)
    spent = clock.seconds() - since
    changes = [ctx.lake.changes.get(t.full_name()) for t in (PersonLink, HouseholdLink)]
    if ctx.run_id != "bench-0":
        ctx.lake.close()
    return spent, found, sum(c.inserted + c.updated + c.deleted for c in changes if c)


def _agreement(lake: Lake, given: DataFrame) -> dict[str, Any]:
    """Agreement with the truth columns, where the file has them."""
    links, homes = lake.read(PersonLink), lake.read(HouseholdLink)
    persons = links.select(PersonLink.record_id, F.col(PersonLink.person_id).alias("cluster"))
    housed = links.join(homes.select(HouseholdLink.person_id, HouseholdLink.household_id), on=PersonLink.person_id, how="inner")
    grouped = housed.select(PersonLink.record_id, F.col(HouseholdLink.household_id).alias(households.HOUSEHOLD))
    return identity.scores(given, persons, grouped)
