"""Records equal in every compared attribute become one signature before anything else.

Equal records need one comparison, not one per copy. Two records that say the same but say too little (a name alone, a postcode alone) stay
apart: equality of nearly nothing is no evidence. Cost: two shuffles of the records, and one count per compared value.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.columns.email import local_part
from appetence.columns.names import is_initial, name_key
from appetence.contracts.identity import CommonValue
from appetence.contracts.silver import Record
from appetence.identity.frames import COMPARED
from appetence.identity.frames import Signature as S

# A name class says how many of those who state a name share it; the last class is everything rarer.
NAME_SHARES = (0.01, 0.002, 0.0004)
# A form of a name rarer than this may be a slip of the pen of a commoner one.
KNOWN_SHARE = 0.0002
# A coordinate class says how many signatures share an e-mail, a number or an address: a home, a building, a crowd.
SHARED_COUNTS = (60, 12)
GENDER_SURE = 0.97
READ = (
    Record.record_id, Record.first_name, Record.last_name, Record.birth_name, Record.birth_date, Record.gender, Record.postcode,
    Record.department, Record.city, Record.address_key, Record.way_number, Record.way_repetition, Record.way_name, Record.address_extra,
    Record.email, Record.mobile, Record.landline, Record.extra,
)  # fmt: skip


def attributes(records: DataFrame) -> DataFrame:
    """Record -> one row per record: its attributes as they are compared, and `node`, a number that equal records share.

    The number depends on the record alone: whatever else arrives or goes, a record that stays as it is keeps it."""
    # Two hashes of 64 bits in one: it would merge two strangers once in some million runs at ten million records.
    same = [F.xxhash64(*_marked(COMPARED)), F.xxhash64(F.lit(7), *_marked(tuple(reversed(COMPARED))))]
    own = F.when(_is_lone(), F.col(S.record_id)).otherwise(F.lit(""))
    return records.select(Record.record_id, *_attributes(records)).withColumn(S.node, F.xxhash64(*same, own))


def profiles(records: DataFrame) -> DataFrame:
    """`attributes`, and `signature`, the lowest record id of its equals, and how many these are."""
    equals = Window.partitionBy(S.node)
    found = attributes(records).withColumn("signature", F.min(S.record_id).over(equals))
    return found.withColumn(S.records, F.count(F.lit(1)).over(equals))


def signatures(profiled: DataFrame) -> DataFrame:
    """One row per signature: the profile of its lowest record."""
    return profiled.where(F.col(S.record_id) == F.col("signature")).drop("signature")


def _marked(names: Sequence[str]) -> list[Column]:
    """Values with nulls told apart from absent ones: a hash skips nulls, so that A, null and null, A would be alike."""
    return [F.coalesce(F.col(n).cast("string"), F.lit("\0")) for n in names]


def _attributes(records: DataFrame) -> list[Column]:
    first, last = F.col(Record.first_name), F.col(Record.last_name)
    number = F.nullif(F.concat_ws(" ", Record.way_number, Record.way_repetition), F.lit(""))
    return [
        F.when(is_initial(first), F.substring(first, 1, 1)).otherwise(F.replace(first, F.lit(" "), F.lit(""))).alias(S.first),
        name_key(last).alias(S.last),
        name_key(F.col(Record.birth_name)).alias(S.maiden),
        F.date_format(Record.birth_date, "yyyyMMdd").alias(S.birth),
        F.col(Record.gender).alias(S.gender),
        F.col(Record.postcode).alias(S.postcode),
        F.coalesce(F.col(Record.department), F.substring(Record.postcode, 1, 2)).alias(S.department),
        F.col(Record.city).alias(S.city),
        F.col(Record.address_key).alias(S.address),
        number.alias(S.number),
        F.col(Record.way_name).alias(S.way),
        F.col(Record.address_extra).alias(S.flat),
        F.col(Record.email).alias(S.email),
        local_part(F.col(Record.email)).alias(S.local),
        F.col(Record.mobile).alias(S.mobile),
        F.col(Record.landline).alias(S.landline),
        F.coalesce(F.col(Record.extra), F.array().cast("array<string>")).alias(S.extra),
    ]


def _is_lone() -> Column:
    """Too little is said for equality to mean one person: a whole name and something more is needed."""
    named = F.col(S.first).isNotNull() & F.col(S.last).isNotNull() & (F.length(S.first) > 1)
    placed = F.col(S.address).isNotNull() & (F.col(S.postcode).isNotNull() | F.col(S.city).isNotNull())
    more = F.col(S.birth).isNotNull() | placed | F.col(S.email).isNotNull() | F.col(S.mobile).isNotNull() | F.col(S.landline).isNotNull()
    return ~(named & more)


# -- how common each value is ------------------------------------------------------------------------------------------------


def value_counts(signed: DataFrame) -> DataFrame:
    """One row per compared field and value that a signature states: field, value (its hash), n, men, women."""
    counted = {
        S.first: F.col(S.first), S.last: F.col(S.last), S.email: F.col(S.email), S.mobile: F.col(S.mobile), S.landline: F.col(S.landline),
        S.address: address_text(), S.birth: F.col(S.birth),
    }  # fmt: skip
    fields = F.array(*(F.struct(F.lit(k).alias("field"), _hashed(v).alias("value")) for k, v in counted.items()))
    extras = F.transform(S.extra, lambda x: F.struct(extra_name(x).alias("field"), _hashed(x).alias("value")))
    rows = signed.select(F.explode(F.concat(fields, extras)).alias("v"), S.gender).where("v.value IS NOT NULL")
    return rows.groupBy("v.field", "v.value").agg(
        F.count(F.lit(1)).alias("n"),
        F.count_if(F.col(S.gender) == "M").alias("men"),
        F.count_if(F.col(S.gender) == "F").alias("women"),
    )


def _hashed(value: Column) -> Column:
    return F.when(value.isNotNull(), F.xxhash64(value))


_STATED = (S.first, S.last, S.birth, S.gender, S.postcode, S.email, S.mobile, S.landline)


def address_text() -> Column:
    """The whole place in one text: way line, postcode, city; null without a way line."""
    return F.when(F.col(S.address).isNotNull(), F.concat_ws("|", S.address, S.postcode, S.city))


def extra_name(pair: Column) -> Column:
    """The name of a `name=value` category."""
    return F.substring_index(pair, "=", 1)


def name_class(n: Column, total: int) -> Column:
    """0 for the commonest names, one more below each of NAME_SHARES."""
    shares = [F.when(n >= share * total, F.lit(i)) for i, share in enumerate(NAME_SHARES)]
    return F.coalesce(*shares, F.lit(len(NAME_SHARES)))


def shared_class(n: Column) -> Column:
    """0 for a coordinate that a crowd shares, 1 a building, 2 a home."""
    counts = [F.when(n > count, F.lit(i)) for i, count in enumerate(SHARED_COUNTS)]
    return F.coalesce(*counts, F.lit(len(SHARED_COUNTS)))


def value_class(field: Column, n: Column, total: int) -> Column:
    """The class of a counted value of a field."""
    return (
        F.when(field.isin(S.first, S.last), name_class(n, total))
        .when(field.isin(S.email, S.mobile, S.landline, S.address), shared_class(n))
        .otherwise(F.lit(0))
    )


def agreement_counts(counts: DataFrame, total: int) -> DataFrame:
    """How many pairs of signatures share a value, by field and class of the value: field, class, pairs."""
    n = F.col("n").cast("double")
    named = counts.withColumn("class", value_class(F.col("field"), F.col("n"), total))
    return named.where("n > 1").groupBy("field", "class").agg(F.sum(n * (n - 1) / 2).alias("pairs"))


def known_counts(signed: DataFrame) -> DataFrame:
    """One row: `total` signatures, and for each compared field how many state it."""
    stated = [F.count(c).alias(n) for n, c in {**{k: F.col(k) for k in _STATED}, S.address: address_text()}.items()]
    return signed.agg(F.count(F.lit(1)).alias("total"), *stated)


def common_values(counts: DataFrame, total: int) -> DataFrame:
    """CommonValue rows of `value_counts` among `total` signatures: what a comparison has to know of values. What is not here is rare.

    Only values above a share of all records, or shared by many, are here: the table stays small whatever the base."""
    n, field = F.col("n"), F.col("field")
    known = field.isin(S.first, S.last) & (n > KNOWN_SHARE * total)
    shared = field.isin(S.email, S.mobile, S.landline, S.address) & (n > SHARED_COUNTS[-1])
    stated = F.col("men") + F.col("women")
    share = F.try_divide("women", stated)
    sure = (field == S.first) & (stated >= 5) & (n >= 0.00002 * total)
    gender = F.when(sure & (share >= GENDER_SURE), "F").when(sure & (share <= 1 - GENDER_SURE), "M")
    rows = counts.select(
        field.alias(CommonValue.field_name),
        F.col("value").alias(CommonValue.value),
        F.when(known, name_class(n, total)).when(shared, shared_class(n)).cast("int").alias(CommonValue.value_class),
        known.alias(CommonValue.is_known),
        gender.alias(CommonValue.tells),
    )
    return CommonValue.shape(rows.where(F.col(CommonValue.value_class).isNotNull() | F.col(CommonValue.tells).isNotNull()))


def with_classes(signed: DataFrame, common: DataFrame) -> DataFrame:
    """Adds how common each value is by `common` (CommonValue), and fills a missing gender from the first name when nearly all who bear it
    agree."""
    out = signed
    for name, column, known in ((S.first, S.first_class, S.first_is_known), (S.last, S.last_class, S.last_is_known)):
        also = [F.col(CommonValue.is_known).alias(known), F.col(CommonValue.tells).alias("_gender")]
        out = _looked_up(out, common, name, column, also).withColumn(known, F.coalesce(known, F.lit(False)))
        if name == S.first:
            out = out.withColumn(S.gender, F.coalesce(S.gender, "_gender"))
        out = out.withColumn(column, F.coalesce(column, F.lit(len(NAME_SHARES)))).drop("_gender")
    for name, column in (
        (S.email, S.email_class),
        (S.mobile, S.mobile_class),
        (S.landline, S.landline_class),
        (S.address, S.address_class),
    ):
        out = _looked_up(out, common, name, column).withColumn(column, F.coalesce(column, F.lit(len(SHARED_COUNTS))))
    return out


def _looked_up(signed: DataFrame, common: DataFrame, name: str, column: str, also: Sequence[Column] = ()) -> DataFrame:
    value = address_text() if name == S.address else F.col(name)
    table = common.where(F.col(CommonValue.field_name) == name)
    table = table.select(F.col(CommonValue.value).alias("_value"), F.col(CommonValue.value_class).alias(column), *also)
    return signed.withColumn("_key", F.xxhash64(value)).join(F.broadcast(table), F.col("_key") == F.col("_value"), how="left").drop("_value", "_key")
