"""The address block of NF Z10-011 for a whole frame, in successive projections.

A column that a later step uses twice is computed once, and Spark compiles every step; only what few addresses need (several parts, lines
too long) is left to expressions it interprets. One pass, no shuffle.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns import postal
from appetence.columns import postal_lines as lines
from appetence.columns.text import fold, null_if_empty

IS_DOMESTIC, POSTCODE, CITY = "_is_domestic", "_postcode", "_city"
BLOCK, WAY_LINE, UNITS = "_block", "_way_line", "_units"
CEDEX, PLACE, BUILDING = "_cedex", "_place_line", "_building_name"
RESULTS = (IS_DOMESTIC, POSTCODE, CITY, BLOCK, WAY_LINE, UNITS, CEDEX, PLACE, BUILDING)
"""What :func:`with_block` adds: whether the address is French; postcode and commune in comparison form; the lines; the way line, written
out; the text units of the building are read from (null when there can be none); CEDEX; the place behind the way (locality, zone), its box
left out; the name of the building."""


def with_block(
    frame: DataFrame, *, civility: Column, first: Column, last: Column, address: Sequence[Column], postcode: Column, city: Column, country: Column
) -> DataFrame:  # fmt: skip
    """Adds the columns of ``RESULTS``. ``civility``, ``first`` and ``last`` are clean names, the other fields as delivered. Grain: as given.

    Lines, from the particular to the general: the person; inside the building; the building; the way; the place or box; postcode and
    commune. At most six of at most 38 characters; empty ones are left out. A foreign address ends with its country, its two building lines
    then share one. Abbreviates only what is too long (way types, then titles, then first names, then long words); standardising the result
    again gives the same lines.

    >>> row = spark.sql("SELECT 'MME' c, 'ANNE' f, 'LE GALL' l, '12 bis av. de la Paix, appt 4' a, '35000' p, 'Rennes' v, '' n")
    >>> c, f, l, a, p, v, n = (F.col(name) for name in "cflapvn")
    >>> with_block(row, civility=c, first=f, last=l, address=[a], postcode=p, city=v, country=n).first()[BLOCK]
    ['MME ANNE LE GALL', 'APPARTEMENT 4', '12 BIS AVENUE DE LA PAIX', '35000 RENNES']
    """
    domestic = lines.is_domestic(country)
    given = frame.withColumns(
        {
            IS_DOMESTIC: domestic,
            "_given": lines.folded(F.concat_ws("\n", *address)),
            POSTCODE: F.when(domestic, postal.postcode(postcode)).otherwise(fold(postcode)),
            "_town": fold(city),
            "_name": F.concat_ws(" ", civility, first, last),
        }
    )
    parted = _parted(given.withColumns({CITY: F.when(F.col(IS_DOMESTIC), postal.commune(F.col("_town"))).otherwise(F.col("_town"))}))
    code = F.coalesce(F.col(POSTCODE), F.when(F.col(IS_DOMESTIC), fold(postcode)))
    cedex = F.when(F.col(IS_DOMESTIC) & F.contains(F.col("_town"), F.lit("CEDEX")), postal.cedex_in(F.col("_town")))
    ends = parted.withColumn(CEDEX, cedex).withColumns(
        {
            "_first_line": lines.name_line(F.col("_name"), civility, first, last),
            "_last_line": F.concat_ws(" ", code, F.col(CITY), F.col(CEDEX)),
            "_country_line": F.when(~F.col(IS_DOMESTIC), lines.country_line(country)),
        }
    )
    helpers = ["_given", "_town", "_name", "_hard", "_swapped", "_tidied", "_text", "_way", "_parts", "_first_line", "_last_line", "_country_line"]
    return ends.withColumn(BLOCK, _fitted()).drop(*helpers)


def _parted(given: DataFrame) -> DataFrame:
    """Most addresses are one plain street line: a single look tells, and spares them the rest."""
    hard = F.when(F.col("_given").rlike(lines.unsettled_pattern()), F.col("_given"))
    swapped = given.withColumn("_hard", hard).withColumn("_swapped", lines.words_written_out(F.col("_hard")))
    tidied = swapped.withColumn("_tidied", lines.broken(F.col("_swapped")))
    plain = F.when(F.col("_hard").isNull(), F.trim(F.col("_given")))
    text = tidied.withColumn("_text", F.coalesce(plain, lines.settled(F.col("_tidied")), F.lit("")))
    is_several = F.contains(F.col("_text"), F.lit("\n"))
    way = text.withColumn("_way", F.when(is_several, lines.way_among(F.col("_text"))))
    alone = F.array_remove(F.array(F.col("_text")), "")
    wanted = F.when(is_several, lines.way_for_want(F.col("_text")))
    return way.withColumns(
        {
            "_parts": F.when(is_several, lines.around(F.col("_text"), F.col("_way"))).otherwise(alone),
            WAY_LINE: null_if_empty(F.coalesce(F.col("_way"), wanted, F.substring_index("_text", "\n", 1))),
            UNITS: F.col("_swapped"),
            BUILDING: F.when(is_several, lines.building_name(F.col("_text"))),
        }
    ).withColumn(PLACE, F.when(is_several, lines.place_behind(F.col("_text"), F.col("_parts"), F.col("_way"))))


def _fitted() -> Column:
    parts = F.when(F.col(IS_DOMESTIC) | (F.size("_parts") < 4), F.col("_parts")).otherwise(lines.in_three(F.col("_parts")))
    body = F.concat(parts, F.array("_last_line"))
    is_short = (F.length("_text") <= lines.MAX_LINE) & (F.length("_last_line") <= lines.MAX_LINE)
    middle = F.when(is_short, body).otherwise(F.transform(body, lines.fit))
    whole = F.concat(F.array(F.coalesce(F.col("_first_line"), F.lit(""))), middle, F.array(F.coalesce(F.col("_country_line"), F.lit(""))))
    return F.array_remove(whole, "")
