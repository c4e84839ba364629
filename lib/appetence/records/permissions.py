"""Permission lines, typed into events, and folded into what holds today."""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.columns import text
from appetence.contracts.bronze import RawPermission
from appetence.contracts.domain import Basis, Block, Channel, PermissionStatus, Purpose, Use
from appetence.contracts.silver import Permission, PermissionEvent
from appetence.records.transactions import fault, rejects, with_faults


def build_permission_events(lines: DataFrame, stage: Callable[[DataFrame], DataFrame] = lambda frame: frame) -> tuple[DataFrame, DataFrame]:
    """silver.permission_event and the bronze.reject rows of raw permission lines. The same thing said twice is one event.

    `stage` may keep the typed lines, which both results are made of."""
    typed = stage(typed_lines(lines).drop("_faults"))
    said = [PermissionEvent.record_id, "_channel", "_use", "_purpose", "_basis", "_status", "_at", "_wording", "_point", "_recipients"]
    event_id = F.substring(F.sha2(F.to_json(F.struct(*said)), 256), 1, 32)
    good = typed.where("_fault IS NULL").withColumn(PermissionEvent.event_id, event_id)
    first = Window.partitionBy(PermissionEvent.event_id).orderBy(
        F.col(RawPermission.delivered_at), F.col(RawPermission.delivery_id), F.col(RawPermission.line_number)
    )
    once = good.withColumn("_position", F.row_number().over(first)).where("_position = 1")
    built = once.withColumns(
        {
            PermissionEvent.channel: F.col("_channel"),
            PermissionEvent.use: F.col("_use"),
            PermissionEvent.purpose: F.col("_purpose"),
            PermissionEvent.basis: F.col("_basis"),
            PermissionEvent.status: F.col("_status"),
            PermissionEvent.wording_version: F.col("_wording"),
            PermissionEvent.collected_at: F.col("_at"),
            PermissionEvent.collection_point: F.col("_point"),
            PermissionEvent.recipients: F.col("_recipients"),
        }
    )
    return PermissionEvent.shape(built), rejects(typed, Block.PERMISSIONS)


def fold_permissions(events: DataFrame) -> DataFrame:
    """silver.permission: the newest event of each record, channel, use and purpose; at a tie a no beats a yes.

    A grant without wording, time and collection point does not count: it is folded like any other, and is not a grant."""
    is_no = F.col(PermissionEvent.status) != PermissionStatus.GRANTED
    newest = Window.partitionBy(*Permission.key).orderBy(F.col(PermissionEvent.collected_at).desc(), is_no.desc(), F.col(PermissionEvent.event_id))
    proven = F.col(PermissionEvent.wording_version).isNotNull() & F.col(PermissionEvent.collection_point).isNotNull()
    folded = events.withColumn("_position", F.row_number().over(newest)).where("_position = 1")
    return Permission.shape(folded.withColumn(Permission.is_granted, ~is_no & proven))


def typed_lines(lines: DataFrame) -> DataFrame:
    """Adds typed columns, `_fault` (null when usable) and the list `_faults` of all there are to raw permission lines."""

    def word(column: str) -> Column:
        return F.lower(text.squeeze(F.col(column)))

    def clean(column: str) -> Column:
        return F.nullif(text.squeeze(F.col(column)), F.lit(""))

    when = text.squeeze(F.col(RawPermission.collected_at))
    # A format tried on a text of another shape raises and catches an exception for every line: shapes first.
    at = F.coalesce(*(F.try_to_timestamp(F.when(when.rlike(shape), when), F.lit(f)) for shape, f in _TIMES))
    recipients = F.filter(F.split(F.coalesce(word(RawPermission.recipients), F.lit("")), r"\s*\|\s*"), lambda w: w != "")
    typed = lines.withColumns(
        {
            "_channel": word(RawPermission.channel), "_use": word(RawPermission.use), "_purpose": word(RawPermission.purpose),
            "_basis": word(RawPermission.basis), "_status": word(RawPermission.status), "_at": at,
            "_wording": clean(RawPermission.wording_version), "_point": clean(RawPermission.collection_point),
            "_recipients": F.array_sort(F.array_distinct(recipients)),
        }
    )  # fmt: skip
    lists = (
        (RawPermission.channel, "_channel", Channel), (RawPermission.use, "_use", Use), (RawPermission.purpose, "_purpose", Purpose),
        (RawPermission.basis, "_basis", Basis), (RawPermission.status, "_status", PermissionStatus),
    )  # fmt: skip
    faults = [F.when(F.col("_at").isNull(), fault(RawPermission.collected_at, "BAD_TIME", "is not a date or time"))]
    for column, typed_name, values in lists:
        known = [v.value for v in values]
        is_bad = F.col(typed_name).isNull() | ~F.col(typed_name).isin(known)
        faults.append(F.when(is_bad, fault(column, "UNKNOWN_VALUE", f"must be one of {', '.join(known)}")))
    return with_faults(typed, faults)


_DAY, _FRENCH, _CLOCK = "^[0-9]{4}-[0-9]{2}-[0-9]{2}", "^[0-9]{2}/[0-9]{2}/[0-9]{4}", "[0-9]{2}:[0-9]{2}"
_TIMES = (
    (f"{_DAY}T{_CLOCK}:[0-9]{{2}}(?:[.][0-9]{{3}})?(?:Z|[+-]{_CLOCK})$", "yyyy-MM-dd'T'HH:mm:ss[.SSS]XXX"),
    (f"{_DAY}T{_CLOCK}:[0-9]{{2}}$", "yyyy-MM-dd'T'HH:mm:ss"),
    (f"{_DAY} {_CLOCK}:[0-9]{{2}}$", "yyyy-MM-dd HH:mm:ss"), (f"{_DAY}$", "yyyy-MM-dd"),
    (f"{_FRENCH} {_CLOCK}:[0-9]{{2}}$", "dd/MM/yyyy HH:mm:ss"), (f"{_FRENCH} {_CLOCK}$", "dd/MM/yyyy HH:mm"), (f"{_FRENCH}$", "dd/MM/yyyy"),
)  # fmt: skip
