"""Mutation check of identity: with one part of the method taken out, a planted population is resolved wrongly, in just the way the part is for."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.contracts.settings import IdentitySettings
from appetence.contracts.silver import Record
from appetence.identity import comparison, signatures, weights
from appetence.identity.clustering import Clustering, Patterns, patterns_of, scored
from appetence.identity.comparison import FIELDS, Field
from appetence.identity.weights import PERSON, UNRELATED, Model
from tests.identity import test_weights

Row = dict[str, Any]
Persons = set[frozenset[str]]
# What a member of a class of names has in common with all others on average: the share of those who bear its name.
LAST_SHARES, FIRST_SHARES = (0.01, 0.004, 0.0008, 0.00005), (0.02, 0.005, 0.001, 0.0001)
# How often strangers agree by chance; a level that is not here: one pair in a thousand, and the last level all that remain.
STRANGERS: dict[str, dict[str, float]] = {
    "order": {"straight": 0.5}, "birth_date": {"exact": 5e-5}, "gender": {"same": 0.5},
    "place": {"same_flat": 1e-7, "same_0": 1e-6, "same_1": 1e-6, "same_2": 1e-6, "near": 1e-6, "postcode_only": 2e-4, "department": 0.02},
    "first_name": {"initial": 0.05, **{f"exact_{i}": 0.83 / 4 * share for i, share in enumerate(FIRST_SHARES)}},
    "last_name": {f"exact_{i}": 0.88 / 4 * share for i, share in enumerate(LAST_SHARES)},
    **{name: {f"exact_{i}": 1e-7 for i in range(3)} for name in ("email", "mobile", "landline")},
}  # fmt: skip
HOME = {"address_key": "3 RUE LILAS", "way_number": "3", "way_name": "RUE LILAS", "postcode": "35000", "city": "RENNES", "department": "35"}
FARM = {"address_key": "9 RUE HAUT", "way_number": "9", "way_name": "RUE HAUT", "postcode": "64100", "city": "BAYONNE", "department": "64"}
RECORDS: dict[str, Row] = {
    # Father and son, and a record that both match: it has the father's mailbox.
    "father": {**HOME, "first_name": "PAUL", "last_name": "MARTIN", "birth_date": dt.date(1950, 2, 3), "email": "pm35@example.fr"},
    "initial": {**HOME, "first_name": "P", "last_name": "MARTIN", "email": "pm35@example.fr"},
    "son": {**HOME, "first_name": "PIERRE", "last_name": "MARTIN", "birth_date": dt.date(1981, 11, 28)},
    # Two of one name in one department: strangers where the name is common, one person where it is rare.
    "marie_lille": {"first_name": "MARIE", "last_name": "MARTIN", "postcode": "59000", "city": "LILLE", "department": "59"},
    "marie_douai": {"first_name": "MARIE", "last_name": "MARTIN", "postcode": "59500", "city": "DOUAI", "department": "59"},
    "elfi_dax": {"first_name": "ELFI", "last_name": "ZUBIRI", "postcode": "40100", "city": "DAX", "department": "40"},
    "elfi_mimizan": {"first_name": "ELFI", "last_name": "ZUBIRI", "postcode": "40200", "city": "MIMIZAN", "department": "40"},
    # A couple: surname, address and line are the home's.
    "luc": {**FARM, "first_name": "LUC", "last_name": "ETCHART", "gender": "M", "landline": "+33559000001"},
    "eve": {**FARM, "first_name": "EVE", "last_name": "ETCHART", "gender": "F", "landline": "+33559000001"},
}
RIGHT: Persons = {
    frozenset({"father", "initial"}), frozenset({"son"}), frozenset({"marie_lille"}), frozenset({"marie_douai"}),
    frozenset({"elfi_dax", "elfi_mimizan"}), frozenset({"luc"}), frozenset({"eve"}),
}  # fmt: skip


def planted(field: Field) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Persons and families as training takes them at its start, strangers as above."""
    out = weights._anchor(field)
    chance = [STRANGERS[field.name].get(level, 1e-3) for level in field.levels]
    out[UNRELATED, 1:] = [*chance[:-1], 1.0 - sum(chance[:-1])]
    return out


MODEL = Model(FIELDS, tuple(planted(f) for f in FIELDS), np.array([5e-6, 5e-6, 1.0]))


def whole(self: Clustering, connected: DataFrame, links: DataFrame) -> DataFrame:
    """Components as they are."""
    return connected.select("node", F.col("component").alias("cluster"), F.lit(1.0).alias("confidence"))


def two_classes(self: Model, patterns: list[int]) -> tuple[Any, Any]:
    """One person against unrelated, as if there were no families."""
    scores = weights._log_likelihood(self.levels, weights._numbers(patterns, self.fields)) + np.log2(self.prior)[None, :]
    person = scores[:, PERSON] - scores[:, UNRELATED]
    return np.round(person, 4), np.round(person, 4)


# What is taken out: (owner, name, what stands in its place), and who is then one person.
PARTS: dict[str, tuple[list[tuple[Any, str, Callable[..., Any]]], frozenset[str]]] = {
    "repair": ([(Clustering, "_repaired", whole)], frozenset({"father", "initial", "son"})),
    "term frequencies": (
        [
            (signatures, "name_class", lambda n, total: F.lit(len(signatures.NAME_SHARES))),
            (signatures, "shared_class", lambda n: F.lit(len(signatures.SHARED_COUNTS))),
        ],
        frozenset({"marie_lille", "marie_douai"}),
    ),
    "the household class": ([(Model, "log_odds", two_classes)], frozenset({"luc", "eve"})),
}


def taken_out(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    for owner, name, instead in PARTS[part][0]:
        monkeypatch.setattr(owner, name, instead)


def resolved(spark: SparkSession) -> Persons:
    """The planted records as persons: every pair compared, weighed and clustered; names counted among ten thousand signatures."""

    def kept(name: str, frame: DataFrame) -> DataFrame:
        return spark.createDataFrame(frame.collect(), frame.schema)

    counts = spark.createDataFrame(
        [("last", "MARTIN", 400, 0, 0), ("first", "MARIE", 300, 0, 0)], "field string, value string, n bigint, men bigint, women bigint"
    )
    rows = [{"record_id": r, "member_id": "m01", **said} for r, said in RECORDS.items()]
    bare = signatures.signatures(signatures.profiles(Record.frame(spark, rows)))
    signed = kept("signed", signatures.with_classes(bare, signatures.common_values(counts.withColumn("value", F.xxhash64("value")), 10_000)))
    names = {r["node"]: r["record_id"] for r in signed.collect()}
    pairs = spark.createDataFrame([(a, b, 1) for a, b in itertools.combinations(sorted(names), 2)], "a bigint, b bigint, rules int")
    compared = kept("compared", comparison.compare(pairs, signed, are_few=True))
    settings = IdentitySettings(engine="driver")
    work = Clustering(Patterns(signed, (), kept, are_few=True), MODEL, settings, kept, looks_again=False)
    clusters, _ = work.clusters(scored(compared, patterns_of(compared), MODEL, settings))
    found = {r["node"]: r["cluster"] for r in clusters.collect()}
    persons: dict[int, set[str]] = {}
    for node, record in names.items():
        persons.setdefault(found.get(node, node), set()).add(record)
    return {frozenset(p) for p in persons.values()}


@pytest.mark.spark
def test_the_planted_population_is_resolved_rightly(spark: SparkSession) -> None:
    assert resolved(spark) == RIGHT


@pytest.mark.spark
@pytest.mark.parametrize("part", PARTS)
def test_a_part_taken_out_joins_just_those_it_keeps_apart(spark: SparkSession, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    taken_out(monkeypatch, part)
    joined = PARTS[part][1]
    assert resolved(spark) == {p for p in RIGHT if not p & joined} | {joined}


@pytest.mark.parametrize(
    "property_test", [test_weights.test_what_a_family_shares_is_no_proof_of_a_person, test_weights.test_zero_is_where_one_person_is_as_likely_as_not]
)
def test_two_classes_fail_the_properties_of_the_weights(monkeypatch: pytest.MonkeyPatch, property_test: Callable[[Model], None]) -> None:
    patterns, rules, counts, chance = test_weights.planted()
    model = weights.train(patterns, rules, counts, test_weights.SETTLED, chance, test_weights.FIELDS)
    property_test(model)
    taken_out(monkeypatch, "the household class")
    with pytest.raises(AssertionError):
        property_test(model)


def test_a_common_name_and_a_rare_one_lie_on_two_sides_of_zero() -> None:
    """What the planted population rests on: the same agreement but for the class of the two names."""

    def pattern(i: int) -> int:
        levels = {"last_name": f"exact_{i}", "first_name": f"exact_{i}", "order": "straight", "place": "department"}
        return sum(f.number(levels[f.name]) << (comparison.BITS * at) for at, f in enumerate(FIELDS) if f.name in levels)

    common, *_, rare = MODEL.weights([pattern(i) for i in range(4)])[0]
    assert common < 0 < rare
