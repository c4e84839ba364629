"""Equal records become one before any comparison, unless they say too little."""

from __future__ import annotations

import datetime as dt

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from appetence.contracts.silver import Record
from appetence.identity import comparison, signatures
from appetence.identity.comparison import FIELDS, unpack

pytestmark = pytest.mark.spark
WHOLE = {"first_name": "ANNE", "last_name": "LE GALL", "birth_date": dt.date(1970, 2, 3)}
PLACED = {"address_key": "3 RUE LILAS", "way_number": "3", "way_name": "RUE LILAS", "postcode": "35000", "city": "RENNES", "department": "35"}


def test_only_equality_of_something_counts(spark: SparkSession) -> None:
    said = {
        "a1": WHOLE, "a2": WHOLE,
        "b1": {**WHOLE, "birth_date": dt.date(1970, 2, 4)},
        "c1": {"first_name": "ANNE", "last_name": "LE GALL"}, "c2": {"first_name": "ANNE", "last_name": "LE GALL"},
        "d1": {"first_name": "A", "last_name": "LE GALL", **PLACED}, "d2": {"first_name": "A", "last_name": "LE GALL", **PLACED},
        "e1": {"email": "x@example.fr"}, "e2": {"email": "x@example.fr"},
        "f1": {"first_name": "ANNE", "last_name": "LE GALL", **PLACED}, "f2": {"first_name": "ANNE", "last_name": "LE GALL", **PLACED},
        # What the one says as surname the other says as birth name: not equal.
        "g1": {"first_name": "ANNE", "last_name": "LE GALL", "mobile": "+33600000001"},
        "g2": {"first_name": "ANNE", "birth_name": "LE GALL", "mobile": "+33600000001"},
    }  # fmt: skip
    found = signatures.profiles(Record.frame(spark, [{"record_id": r, "member_id": "m", **v} for r, v in said.items()])).collect()
    assert {r.record_id: r.signature for r in found} == {**{r: r for r in said}, "a2": "a1", "f2": "f1"}
    assert {r.record_id: r.records for r in found}["a1"] == 2


CASES: dict[str, tuple[dict[str, object], dict[str, object], dict[str, str]]] = {
    "exact": (WHOLE, WHOLE, {"birth_date": "exact", "order": "straight"}),
    "crossed": ({"first_name": "ANNE", "last_name": "ROUX"}, {"first_name": "ROUX", "last_name": "ANNE"}, {"order": "crossed"}),
    "initial": ({"first_name": "A", "last_name": "ROUX"}, {"first_name": "ANNE", "last_name": "ROUX"}, {"first_name": "initial"}),
    "other_initial": ({"first_name": "B", "last_name": "ROUX"}, {"first_name": "ANNE", "last_name": "ROUX"}, {"first_name": "initial_differs"}),
    "turned": ({"last_name": "MARITN", "first_name": "ANNE"}, {"last_name": "MARTIN", "first_name": "ANNE"}, {"last_name": "typo_rare"}),
    "maiden": ({"last_name": "ROUX", "birth_name": "BLANC"}, {"last_name": "BLANC"}, {"last_name": "maiden"}),
    "part": ({"last_name": "DUPONT MOREAU"}, {"last_name": "MOREAU"}, {"last_name": "part"}),
    "swapped": ({"birth_date": dt.date(1970, 2, 3)}, {"birth_date": dt.date(1970, 3, 2)}, {"birth_date": "swapped"}),
    "digit": ({"birth_date": dt.date(1970, 2, 3)}, {"birth_date": dt.date(1971, 2, 3)}, {"birth_date": "digit"}),
    "part_date": ({"birth_date": dt.date(1970, 2, 3)}, {"birth_date": dt.date(1970, 2, 27)}, {"birth_date": "part"}),
    "contradict": ({"birth_date": dt.date(1970, 2, 3)}, {"birth_date": dt.date(1946, 11, 28)}, {"birth_date": "contradict"}),
    "flat": ({**PLACED, "address_extra": "APPARTEMENT 2"}, {**PLACED, "address_extra": "APPARTEMENT 2"}, {"place": "same_flat"}),
    "other_flat": ({**PLACED, "address_extra": "APPARTEMENT 2"}, {**PLACED, "address_extra": "APPARTEMENT 9"}, {"place": "other_flat"}),
    "home": (PLACED, PLACED, {"place": "same_2"}),
    "near": (PLACED, {**PLACED, "address_key": "3 RUE LILS", "way_name": "RUE LILS"}, {"place": "near"}),
    "same_way": (PLACED, {**PLACED, "address_key": "81 RUE LILAS", "way_number": "81"}, {"place": "same_way"}),
    "near_unsaid": ({**PLACED, "way_number": None}, {**PLACED, "address_key": "3 RUE LILS", "way_name": "RUE LILS"}, {"place": "near"}),
    "other_number": (PLACED, {**PLACED, "address_key": "4 RUE LILAS", "way_number": "4"}, {"place": "same_way"}),
    "other_town": (PLACED, {**PLACED, "address_key": "3 RUE LILS", "postcode": "69003", "city": "LYON"}, {"place": "department"}),
    "elsewhere": (PLACED, {**PLACED, "postcode": "69003", "city": "LYON", "department": "69"}, {"place": "elsewhere"}),
    "local": ({"email": "fleur22@a.fr"}, {"email": "fleur22@b.com"}, {"email": "local"}),
    "local_named": ({"email": "anne.roux@a.fr", "last_name": "ROUX"}, {"email": "anne.roux@b.com"}, {"email": "local_named"}),
    # The commoner a name, the less its equality says: a class of its own each.
    "common": ({"last_name": "MARTIN", "first_name": "LUC"}, {"last_name": "MARTIN", "first_name": "LUC"},
               {"last_name": "exact_0", "first_name": "exact_1"}),
    "rare": ({"last_name": "ZUBIRI", "first_name": "ELFI"}, {"last_name": "ZUBIRI", "first_name": "ELFI"},
             {"last_name": "exact_3", "first_name": "exact_3"}),
    "similar": ({"last_name": "BENSAID", "first_name": "LAURENT"}, {"last_name": "BENALI", "first_name": "LAURA"},
                {"last_name": "similar", "first_name": "similar"}),
    "unlike": ({"last_name": "ROUX", "first_name": "LEA"}, {"last_name": "BLANC", "first_name": "TOM"},
               {"last_name": "differ", "first_name": "differ"}),
    "shifted": ({"birth_date": dt.date(1980, 3, 11)}, {"birth_date": dt.date(1981, 4, 23)}, {"birth_date": "shifted"}),
    "email_similar": ({"email": "alfie.wilkinson79@bowman.com"}, {"email": "alfi.wilkinsn9@bowman.com"}, {"email": "similar"}),
    "city_near": ({"city": "STRASBOURG"}, {"city": "STRABOURG"}, {"place": "city_near"}),
    "phones": ({"mobile": "+33611111111", "landline": "+33299000000"}, {"mobile": "+33611111112", "landline": "+33299000000"},
               {"mobile": "typo", "landline": "exact_2"}),
}  # fmt: skip


def test_levels(spark: SparkSession) -> None:
    rows = [{"record_id": f"{c}-{side}", "member_id": "m", **case[i]} for c, case in CASES.items() for i, side in enumerate("ab")]
    profiled = signatures.profiles(Record.frame(spark, rows)).withColumn("signature", F.col("record_id"))
    bare = profiled.withColumn("node", F.xxhash64("record_id")).drop("signature")
    known = spark.createDataFrame(
        [("x", "y", 2, 0, 0), ("last", "MARTIN", 400, 0, 0), ("first", "LUC", 30, 9, 0)],
        "field string, value string, n bigint, men bigint, women bigint",
    )
    classed = signatures.with_classes(bare, signatures.common_values(known.withColumn("value", F.xxhash64("value")), 10_000))
    signed = spark.createDataFrame(classed.collect(), classed.schema)
    nodes = {r.record_id: r.node for r in signed.collect()}
    pairs = spark.createDataFrame([(nodes[f"{c}-a"], nodes[f"{c}-b"], 1) for c in CASES], "a bigint, b bigint, rules int")
    patterns = {r.a: r.pattern for r in comparison.compare(pairs, signed).collect()}
    assert patterns == {r.a: r.pattern for r in comparison.compare(pairs, signed, are_few=True).collect()}
    for name, (_, _, want) in CASES.items():
        numbers = dict(zip([f.name for f in FIELDS], unpack(patterns[nodes[f"{name}-a"]], FIELDS), strict=True))
        levels = {f.name: f.levels[numbers[f.name] - 1] for f in FIELDS if numbers[f.name]}
        assert {k: levels.get(k) for k in want} == want, name
