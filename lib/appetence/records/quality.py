"""How good a delivery is: how many lines were refused or hold what cannot be read; of its customer lines how many are filled, valid, of which
grade, said twice; and how that drifts.

Counts only, per delivery; measured once, by the run that standardises the delivery first, on its lines as delivered (what is filled) and on
those of its lines that count (grades, repeated persons): a delivery overtaken before it was standardised has no grades.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.columns.grades import Grade
from appetence.contracts.bronze import LINE_FAULTS, Delivery, RawRecord, Reject
from appetence.contracts.domain import DeliveryStatus
from appetence.contracts.silver import DeliveryQuality, Record

GRADED = {
    "name": Record.name_grade, "birth_date": Record.birth_date_grade, "address": Record.address_grade, "email": Record.email_grade,
    "mobile": Record.mobile_grade, "landline": Record.landline_grade,
}  # fmt: skip
"""What has a grade, and the column of it."""
PARSED = (Record.civility, Record.birth_name, Record.way_number, Record.commune_code, Record.has_children)
"""Columns without a grade that are null where nothing could be made of the value."""
FILLED, VALID, REPEATED_CUSTOMER, REPEATED_PERSON = "filled", "valid", "repeated_customer", "repeated_person"
REFUSED, UNREAD = "refused", "unread"
LINE = "line"
"""Stands for the column where a measure is of the line as a whole."""
NOTICEABLE, FEWEST = 0.05, 100
"""A drift is an alert from this many points of share on, between deliveries of at least this many lines."""
_FIELDS = tuple(str(f) for f in RawRecord.content() if f.provided and f != RawRecord.customer_ref)


def measure_deliveries(lines: DataFrame, records: DataFrame, deliveries: DataFrame, known: DataFrame, rejects: DataFrame) -> DataFrame:
    """gold.delivery_quality rows of the accepted deliveries that have none in `known`, and those of `known` that have another one before them now.

    Inputs: bronze.raw_record, silver.record, bronze.delivery, gold.delivery_quality, bronze.reject. Grain out: delivery, column, measure."""
    accepted = deliveries.where(F.col(Delivery.status) == DeliveryStatus.ACCEPTED).select(Delivery.delivery_id)
    new = F.broadcast(accepted.join(known.select(DeliveryQuality.delivery_id), on=Delivery.delivery_id, how="left_anti"))
    as_delivered = _as_delivered(lines.join(new, on=Delivery.delivery_id, how="left_semi"))
    as_graded = _as_graded(records.join(new, on=Delivery.delivery_id, how="left_semi"))
    when = deliveries.select(Delivery.delivery_id, Delivery.member_id, Delivery.delivered_at)
    as_received = _as_received(deliveries.join(new, on=Delivery.delivery_id, how="left_semi"), rejects)
    measured = as_delivered.unionByName(as_graded).unionByName(as_received).join(F.broadcast(when), on=Delivery.delivery_id, how="inner")
    share = F.round(F.col(DeliveryQuality.counted) / F.col(DeliveryQuality.among), 6)
    return DeliveryQuality.shape(_with_drift(measured.withColumn(DeliveryQuality.share, share), known))


def _measure(column: str, measure: str, counted: Column, among: Column) -> Column:
    """One counter: a struct of what is measured, how often it holds, and of how many."""
    return F.struct(
        F.lit(column).alias(DeliveryQuality.column), F.lit(measure).alias(DeliveryQuality.measure),
        counted.cast("bigint").alias(DeliveryQuality.counted), among.cast("bigint").alias(DeliveryQuality.among),
    )  # fmt: skip


def _listed(measures: dict[str, Column], grouped: DataFrame) -> DataFrame:
    """The counters as rows; a counter of nothing is left out."""
    wide = grouped.groupBy(Delivery.delivery_id).agg(*(m.alias(name) for name, m in measures.items()))
    rows = wide.select(Delivery.delivery_id, F.explode(F.array(*measures)).alias("said")).select(Delivery.delivery_id, "said.*")
    return rows.where(F.col(DeliveryQuality.among) > 0)


def _times(condition: Column) -> Column:
    return F.count(F.when(condition, 1))


def _as_delivered(lines: DataFrame) -> DataFrame:
    everyone = F.count(F.lit(1))
    measures = {c: _measure(c, FILLED, _times(F.trim(F.col(c)) != ""), everyone) for c in _FIELDS}
    measures[LINE] = _measure(LINE, REPEATED_CUSTOMER, everyone - F.count_distinct(F.col(RawRecord.record_id)), everyone)
    return _listed(measures, lines)


def _as_received(deliveries: DataFrame, rejects: DataFrame) -> DataFrame:
    """Of the lines of all blocks: those refused, and those taken with a value that cannot be read."""
    line = F.struct(Reject.block, Reject.line_number)
    unread = rejects.where(~F.col(Reject.code).isin(*LINE_FAULTS)).groupBy(Reject.delivery_id).agg(F.count_distinct(line).alias("_unread"))
    both = deliveries.join(unread, on=Delivery.delivery_id, how="left").fillna(0, ["_unread"])
    counters = F.array(
        _measure(LINE, REFUSED, F.col(Delivery.rows_rejected), F.col(Delivery.rows_read)),
        _measure(LINE, UNREAD, F.col("_unread"), F.col(Delivery.rows_accepted)),
    )
    rows = both.select(Delivery.delivery_id, F.explode(counters).alias("said")).select(Delivery.delivery_id, "said.*")
    return rows.where(F.col(DeliveryQuality.among) > 0)


def _as_graded(records: DataFrame) -> DataFrame:
    person = F.concat_ws("|", Record.first_name, Record.last_name, Record.postcode, Record.address_key)
    is_placed = F.col(Record.last_name).isNotNull() & F.col(Record.address_key).isNotNull()
    same = F.count(F.lit(1)).over(Window.partitionBy(Record.delivery_id, "_person"))
    marked = records.withColumn("_person", F.when(is_placed, person)).withColumn("_same", F.when(F.col("_person").isNotNull(), same))
    usable = [g.value for g in Grade.usable()]
    measures = {}
    for column, grade in GRADED.items():
        given = F.col(grade) != Grade.ABSENT.value
        measures[f"{column}_{VALID}"] = _measure(column, VALID, _times(F.col(grade).isin(usable)), _times(given))
        for letter in (g for g in Grade if g is not Grade.ABSENT):
            measures[f"{column}_{letter}"] = _measure(column, f"grade_{letter.value}", _times(F.col(grade) == letter.value), _times(given))
    measures[LINE] = _measure(LINE, REPEATED_PERSON, _times(F.col("_same") > 1), F.count(F.lit(1)))
    return _listed(measures, marked)


def _with_drift(measured: DataFrame, known: DataFrame) -> DataFrame:
    """The same measure in the member's delivery before, and whether the difference is worth a look: of what is measured now, and of what is
    known already where a delivery that came late stands before it."""
    key = [DeliveryQuality.member_id, DeliveryQuality.column, DeliveryQuality.measure]
    columns = [*key, DeliveryQuality.delivery_id, DeliveryQuality.delivered_at, DeliveryQuality.share, DeliveryQuality.counted, DeliveryQuality.among]
    stood = {"_new": F.lit(True), "_stood": F.lit(None).cast("double")}
    both = (
        measured.select(*columns)
        .withColumns(stood)
        .unionByName(known.select(*columns, F.lit(False).alias("_new"), F.col(DeliveryQuality.share_before).alias("_stood")))
    )
    order = Window.partitionBy(*key).orderBy(DeliveryQuality.delivered_at, DeliveryQuality.delivery_id)
    before = both.withColumns(
        {DeliveryQuality.share_before: F.lag(DeliveryQuality.share).over(order), "_among_before": F.lag(DeliveryQuality.among).over(order)}
    )
    drift = F.round(F.col(DeliveryQuality.share) - F.col(DeliveryQuality.share_before), 6)
    enough = F.least(F.col(DeliveryQuality.among), F.col("_among_before")) >= FEWEST
    alert = F.coalesce((F.abs(F.col(DeliveryQuality.drift)) >= NOTICEABLE) & enough, F.lit(False))
    is_other = F.col("_new") | ~F.col(DeliveryQuality.share_before).eqNullSafe(F.col("_stood"))
    return before.where(is_other).withColumn(DeliveryQuality.drift, drift).withColumn(DeliveryQuality.is_alert, alert)
