"""The demonstration co-operative: believable persons, known truth, the same whatever the partitions."""

from __future__ import annotations

import datetime as dt

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence import data
from appetence.contracts.bronze import RawTransaction
from appetence.contracts.domain import Block
from appetence.runtime.config import load
from appetence.synthetic import deliveries, flat, noise, permissions, population, purchases, tastes, truth, world, world_frames
from appetence.synthetic.draw import Draw
from appetence.synthetic.world_frames import World

pytestmark = pytest.mark.spark
SEED, RECORDS = 7, 4000


def content(frame: DataFrame) -> tuple[int, int]:
    """Rows, and a sum of row hashes that no order changes."""
    row = frame.agg(F.count(F.lit(1)), F.sum(F.xxhash64(*frame.columns).cast("decimal(38,0)"))).first()
    assert row is not None
    return int(row[0]), int(row[1])


@pytest.fixture(scope="module")
def made(spark: SparkSession) -> World:
    return world_frames.build(spark, RECORDS, SEED)


@pytest.fixture(scope="module")
def records(spark: SparkSession, made: World, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    target = str(tmp_path_factory.mktemp("world") / "records")
    made.records.write.parquet(target)
    return spark.read.parquet(target)


@pytest.mark.slow  # makes the same world twice, once in one partition and once in five
def test_the_same_seed_gives_the_same_records_whatever_the_partitions(spark: SparkSession) -> None:
    few, many = flat(spark, 300, SEED, partitions=1), flat(spark, 300, SEED, partitions=5)
    assert content(few) == content(many)


def test_another_seed_gives_another_world(spark: SparkSession) -> None:
    one, other = (content(population.people(population.households(spark, 200, Draw(s), 2), Draw(s))) for s in (SEED, SEED + 1))
    assert one != other


def test_records_are_as_many_as_asked_and_overlap(records: DataFrame) -> None:
    row = records.agg(F.count(F.lit(1)), F.countDistinct("person"), F.countDistinct("member_id", "customer_ref")).first()
    assert row is not None
    assert row[0] == pytest.approx(RECORDS, rel=0.06)
    assert 1.9 < row[0] / row[1] < 2.8
    assert row[2] == row[0]


def test_surnames_are_many_and_as_frequent_as_in_france(made: World) -> None:
    many = made.people.limit(0).sparkSession
    homes = population.households(many, 12_000, made.draw, 2)
    names = population.with_names(population.people(homes, made.draw), made.draw, made.lookups).where("slot = 0")
    counts = {r["last_name"]: r["count"] for r in names.groupBy("last_name").count().collect()}
    total, shipped = sum(counts.values()), data.rows("surnames")
    mass = sum(float(r["per_million"]) for r in shipped)
    assert len(counts) > 1000
    expected = float(shipped[0]["per_million"]) / mass
    assert counts[shipped[0]["spelling"]] / total == pytest.approx(expected, rel=0.35)
    assert sum(1 for name in counts if "-" in name or " " in name) > 100


def test_first_names_fit_birth_year_and_gender(made: World) -> None:
    named = population.with_names(made.people, made.draw, made.lookups).where("kind != 'namesakes'")
    drawn = named.select("first_name", "gender", F.year("birth_date").alias("year")).distinct().collect()
    known = {(r["spelling"], r["gender"], int(r["decade"])) for r in data.rows("first_names")}
    for row in drawn:
        decade = min(2020, max(1900, (row["year"] - 1) // 10 * 10))
        assert (row["first_name"], row["gender"], decade) in known


def test_households_are_what_their_kind_says(made: World) -> None:
    named = population.with_names(made.people, made.draw, made.lookups)
    by_home = named.groupBy("household", "kind").agg(
        F.countDistinct("birth_date").alias("dates"), F.count(F.lit(1)).alias("size"),
        F.countDistinct(F.when(F.col("slot").isin(2, 3), F.col("birth_date"))).alias("child_dates"),
        F.countDistinct(F.when(F.col("slot").isin(0, 2), F.col("first_name"))).alias("namesake_names"),
    ).collect()  # fmt: skip
    twins = [r for r in by_home if r["kind"] == "twins"]
    namesakes = [r for r in by_home if r["kind"] == "namesakes"]
    assert twins and all(r["size"] == 4 and r["child_dates"] == 1 for r in twins)
    assert namesakes and all(r["size"] == 3 and r["namesake_names"] == 1 for r in namesakes)
    assert {r["kind"] for r in by_home} == set(world.HOUSEHOLD_KINDS)


def test_noise_is_moderate_and_named(records: DataFrame) -> None:
    kinds = {f"{field}:{kind}" for field, rates in noise.RATES.items() for kind in rates}
    kinds |= {"names:inverted", "address:old", "email:other", "mobile:former"}
    row = records.agg(
        F.avg((F.size("noise") > 0).cast("int")),
        F.collect_set(F.get("noise", F.lit(0))),
        F.avg(F.array_contains("noise", "last_name:typing").cast("int")),
    ).first()
    assert row is not None
    assert 0.28 < row[0] < 0.45
    assert set(row[1]) <= kinds
    assert row[2] == pytest.approx(noise.RATES["last_name"]["typing"], abs=0.012)


def test_a_clean_record_says_what_is_true(records: DataFrame, made: World) -> None:
    clean = records.where((F.size("noise") == 0) & (F.col("member_id") == "m05")).select("person", "first_name", "last_name", "birth_day")
    people = population.with_names(made.people, made.draw, made.lookups)
    plain = people.select("person", F.col("first_name").alias("f"), F.col("last_name").alias("l"), "birth_date")
    wrong = clean.join(plain, on="person", how="inner").where(
        (F.col("first_name") != F.col("f")) | (F.col("last_name") != F.col("l")) | (F.coalesce("birth_day", "birth_date") != F.col("birth_date"))
    )
    assert clean.count() > 100
    assert wrong.count() == 0


def test_orders_come_as_often_as_their_true_probability_says(made: World) -> None:
    cutoff, days = truth.EARLIER, 90
    chance = made.relations.where("died_on IS NULL").withColumn("p", tastes.probability(cutoff, days))
    ordered = purchases.orders(made.relations.where("died_on IS NULL"), made.draw, cutoff + dt.timedelta(days=days)).where(
        F.col("day") > F.lit(cutoff)
    )
    bought = ordered.select("relation").distinct().withColumn("bought", F.lit(1))
    beside = chance.join(bought, on="relation", how="left").withColumn("is_known", F.coalesce(F.col("joined_on") <= F.lit(cutoff), F.lit(False)))
    groups = beside.where("NOT is_lead").groupBy("is_known", (F.col("p") > 0.3).alias("high")).agg(
        F.count(F.lit(1)).alias("n"), F.sum("p").alias("expected"), F.sum(F.col("p") * (1 - F.col("p"))).alias("variance"),
        F.sum(F.coalesce("bought", F.lit(0))).alias("seen"),
    )  # fmt: skip
    rows = [r for r in groups.collect() if r["n"] > 50]
    assert len(rows) >= 3
    for row in rows:
        assert abs(row["seen"] - row["expected"]) < 4 * row["variance"] ** 0.5 + 1, row


def test_deliveries_hold_the_members_columns_and_no_truth(spark: SparkSession, made: World, records: DataFrame, conf_folder: str) -> None:
    members = load("demo", [], conf_folder).members
    lines = deliveries.written(spark, deliveries.customer_rows(records, made.draw), Block.CUSTOMERS, members)
    assert lines.columns == ["delivery", "member_id", "line"]
    for row in lines.where("line NOT LIKE '%\"%'").groupBy("member_id").agg(F.min("line").alias("line")).collect():
        spec = members[row["member_id"]].blocks[Block.CUSTOMERS]
        assert len(row["line"].split(spec.delimiter)) == len(spec.columns) + len(spec.ignored), row["member_id"]
    leaking = lines.where("line RLIKE '(^|[^a-z])t[ph][0-9]{3,}' OR line RLIKE '(typing|phonetic|swapped|namesakes)'")
    assert leaking.count() == 0
    marked = records.select(F.regexp_extract("interests", "canari[0-9a-f]{16}", 0).alias("canary"), "person").distinct()
    assert marked.where("canary = ''").count() == 0
    assert marked.count() == marked.select("canary").distinct().count() == marked.select("person").distinct().count()


def test_transactions_and_permissions_are_about_delivered_records(spark: SparkSession, made: World, records: DataFrame) -> None:
    goods = purchases.goods(spark)
    orders = purchases.transactions(purchases.orders(made.relations, made.draw, world.AS_OF), made.draw, goods, world.AS_OF)
    row = orders.agg(
        F.count(F.lit(1)), F.countDistinct("member_id", RawTransaction.transaction_ref), F.min(RawTransaction.transaction_date),
        F.max(RawTransaction.transaction_date),
    ).first()  # fmt: skip
    assert row is not None
    assert row[0] == row[1]
    assert 7 * RECORDS < row[0] < 13 * RECORDS
    assert row[2] >= world.START and row[3] <= world.AS_OF
    assert orders.join(records, on=["member_id", "customer_ref"], how="left_anti").count() == 0
    said = permissions.events(records, made.draw, spark)
    assert said.join(records, on="customer_ref", how="left_anti").count() == 0
    kinds = {(r["channel"], r["status"]) for r in said.select("channel", "status").distinct().collect()}
    assert {("post", "granted"), ("post", "opposed"), ("email", "withdrawn")} <= kinds
