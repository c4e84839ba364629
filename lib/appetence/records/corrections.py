"""What persons had corrected stands in for what their members deliver, until a member says something new itself.

A correction takes the place of the value that stood when it was made, and of a blank. A member that goes on delivering the old value does not
bring it back; any other value it delivers is its own later word and takes over. Delivered lines are never changed: whether a correction
holds follows from the line and the corrections alone, not from the order of runs.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns import text
from appetence.contracts.bronze import RawRecord
from appetence.contracts.privacy import Correction

_HELD = "_corrections"


def with_corrections(lines: DataFrame, corrections: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Raw customer lines with what privacy.correction says of them, in the same columns and as many. `columns`: those that are corrected."""
    if not columns:
        return lines
    corrected = lines.join(F.broadcast(_by_record(corrections)), on=RawRecord.record_id, how="left")
    return corrected.withColumns({c: _standing(c) for c in columns}).select(*lines.columns)


def _by_record(corrections: DataFrame) -> DataFrame:
    """record_id, and per corrected column the newest value and every value that somebody said is not, or no longer, the right one."""
    newest = F.max_by(Correction.value, F.struct(Correction.corrected_on, Correction.request_id)).alias("value")
    said = [F.collect_set(_comparable(F.col(c), F.col(Correction.column))) for c in (Correction.replaced, Correction.value)]
    by_column = corrections.groupBy(Correction.record_id, Correction.column).agg(newest, F.array_union(*said).alias("wrong"))
    entries = F.collect_list(F.struct(Correction.column, F.struct("value", "wrong")))
    return by_column.groupBy(Correction.record_id).agg(F.map_from_entries(entries).alias(_HELD))


def _standing(column: str) -> Column:
    delivered, held = F.col(column), F.col(_HELD)[column]
    said = _comparable(delivered, F.lit(column))
    return F.when(held.isNotNull() & (said.isNull() | F.array_contains(held["wrong"], said)), held["value"]).otherwise(delivered)


def _comparable(value: Column, column: Column) -> Column:
    """The value without what a change of layout alters, null when it says nothing: `06.11` and `0611` are no two numbers, but every
    character of an e-mail address counts."""
    meant = text.drop_placeholders(value)
    spaceless = F.regexp_replace(meant, f"[{text.SPACE}]+", "")
    letters = F.replace(text.fold(meant), F.lit(" "), F.lit(""))
    return F.when(column == str(RawRecord.email), F.upper(spaceless)).otherwise(F.coalesce(letters, spaceless))
