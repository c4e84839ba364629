"""`appetence bench standardise`: how many records a second become clean ones, and what share of that is Python's.

The lines are made up from the shipped tables in the spellings members send: no two addresses need be alike, so nothing is gained by having
seen one before.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence import data
from appetence.bench.measuring import cores, python_operators, write
from appetence.contracts.bronze import RawRecord
from appetence.contracts.local import local_frame
from appetence.pipeline.load_reference import build_communes, build_first_names
from appetence.records import names, standardise
from appetence.runtime import clock, console
from appetence.runtime.config import Config
from appetence.runtime.session import build_session
from appetence.storage.lake import Lake

AS_OF = dt.date(2026, 10, 31)
RUNS = 4
"""The first run compiles; the best of the others counts."""
_WAYS = ("rue", "Rue", "RUE", "av.", "avenue", "AV", "bd", "chemin", "r", "impasse", "pl.", "allée")
_OF = ("de la République", "Victor Hugo", "du Gal de Gaulle", "des Lilas", "St-Michel", "DE L EGLISE", "Jean Jaurès", "du Moulin", "Pasteur")
_INSIDE = (None, None, None, None, None, None, "appt {n}", "Bât. B", "Rés. les Pins", "BP {n}")
_HOSTS = ("gmail.com", "orange.fr", "free.fr", "gmial.com", "wanadoo.fr", "hotmail.fr", "laposte.net", "yahoo,fr")
_PHONES = ("06{n}", "07 {n}", "02.{n}", "+33 6 {n}", "0033(0)1{n}", None, None)


def bench_standardisation(config: Config, records: int, target: Path) -> int:
    """The command: standardises `records` made-up lines several times, writes `target`, says the figures."""
    scratch = Path(config.paths.scratch) / "bench"
    spark = build_session(config.spark, scratch)
    answer = run(spark, records, scratch)
    write(answer, target)
    console.say(json.dumps(answer))
    return 0


def run(spark: SparkSession, records: int, scratch: Path, runs: int = RUNS) -> dict[str, Any]:
    """Seconds and records a second of each run over the same lines; making the lines is not counted. Nothing is kept."""
    lake = Lake(spark, str(scratch / "lake"), "bench", str(scratch))
    try:
        lines = lake.stage("lines", made_up_lines(spark, records))
        communes = lake.stage("communes", build_communes(spark))
        frequencies = lake.stage("frequencies", names.name_frequencies(build_first_names(spark), names.surnames(spark)))
        spent = []
        for _ in range(runs):
            begun = clock.seconds()
            clean = standardise.build_records(lines, communes, frequencies)
            clean.write.format("noop").mode("overwrite").save()
            spent.append(round(clock.seconds() - begun, 3))
        best = min(spent[1:] or spent)
        return {
            "records": records, "cores": cores(spark), "seconds": spent, "records_a_second": round(records / best),
            "python_operators": python_operators(clean),
        }  # fmt: skip
    finally:
        lake.close()


def made_up_lines(spark: SparkSession, records: int) -> DataFrame:
    """bronze.raw_record rows, one per record, the same for the same number whatever the partitioning."""
    made = spark.range(records).select(F.col("id"), *(F.pmod(F.xxhash64(F.col("id"), F.lit(i)), F.lit(2**31)).alias(f"h{i}") for i in range(10)))
    for name, column, count in (("surnames", "surname", 3000), ("first_names", "first_name", 1500)):
        table = local_frame(spark, [(i, r[column]) for i, r in enumerate(data.rows(name)[:count])], f"{column}_at long, {column}_drawn string")
        at = F.pmod(F.col("h0" if name == "surnames" else "h1"), F.lit(count))
        made = made.withColumn(f"{column}_at", at).join(F.broadcast(table), on=f"{column}_at", how="inner")
    places = [(i, r["postcodes"].split("|")[0], r["name"]) for i, r in enumerate(r for r in data.rows("communes")[::9] if r["postcodes"])]
    town = local_frame(spark, places, "town_at long, postcode_drawn string, town_drawn string")
    made = made.withColumn("town_at", F.pmod(F.col("h2"), F.lit(len(places)))).join(F.broadcast(town), on="town_at", how="inner")
    return RawRecord.shape(made.withColumns(_values()))


def _values() -> dict[str, Column]:
    number = F.pmod(F.col("h3"), F.lit(180)) + 1
    digits = F.lpad(F.pmod(F.col("h7"), F.lit(100_000_000)).cast("string"), 8, "3")
    first, last, town = F.initcap("first_name_drawn"), F.col("surname_drawn"), F.col("town_drawn")
    mail = F.concat(F.lower("first_name_drawn"), F.lit("."), F.lower(last), number.cast("string"), F.lit("@"), _drawn(_HOSTS, "h6"))
    values = {
        RawRecord.delivery_id: F.lit("bench"), RawRecord.line_number: F.col("id").cast("int"), RawRecord.member_id: F.lit("m01"),
        RawRecord.record_id: F.sha2(F.col("id").cast("string"), 256), RawRecord.customer_ref: F.col("id").cast("string"),
        RawRecord.delivered_at: F.lit(dt.datetime(2026, 10, 1)), RawRecord.received_on: F.lit(AS_OF),
        RawRecord.civility: _drawn(("M.", "Mme", "MME", "Mlle", "M", None), "h4"), RawRecord.first_name: first,
        RawRecord.last_name: F.when(F.pmod(F.col("h4"), F.lit(3)) == 0, F.initcap(last)).otherwise(last),
        RawRecord.birth_date: F.date_format(F.date_sub(F.lit(AS_OF), F.pmod(F.col("h5"), F.lit(30_000)).cast("int")), "dd/MM/yyyy"),
        RawRecord.address_1: F.concat_ws(" ", number.cast("string"), _drawn(_WAYS, "h8"), _drawn(_OF, "h9")),
        RawRecord.address_2: F.replace(_drawn(_INSIDE, "h3"), F.lit("{n}"), number.cast("string")),
        RawRecord.postcode: F.col("postcode_drawn"), RawRecord.city: F.when(F.pmod(F.col("h9"), F.lit(2)) == 0, F.upper(town)).otherwise(town),
        RawRecord.email: F.when(F.pmod(F.col("h6"), F.lit(5)) < 4, mail),
        RawRecord.phone: F.replace(_drawn(_PHONES, "h8"), F.lit("{n}"), digits),
        RawRecord.mobile: F.replace(_drawn(_PHONES, "h4"), F.lit("{n}"), digits),
    }  # fmt: skip
    named = {str(name): value for name, value in values.items()}
    return named | {str(f): F.lit(None).cast(f.dtype) for f in RawRecord.content() if str(f) not in named}


def _drawn(words: tuple[str | None, ...], by: str) -> Column:
    """One of the words, by a hashed column."""
    return F.element_at(F.array(*[F.lit(w) for w in words]), (F.pmod(F.col(by), F.lit(len(words))) + 1).cast("int"))
