"""Households: the persons of one family at one address.

A person lives where its newest deliverable record says. Persons at one address are one household when something ties them: a surname (in
use or by birth), a pair of their records that the match model takes for one family, a landline, an e-mail, a flat; and a couple with two
surnames in a house of its own. A landline of few persons ties them wherever they are written to. In a building that many share, a surname
ties only within one flat where flats are known. Sizes are guarded: a group larger than the limit falls back to its surnames, and what is
still too large (an institution) to single persons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.columns.hashing import content_hash
from appetence.columns.names import name_key
from appetence.contracts.identity import HouseholdLink
from appetence.contracts.silver import Record
from appetence.identity import components
from appetence.identity.frames import Cluster, Pair
from appetence.identity.frozen import address
from appetence.identity.golden import newest_first

PERSON = "person"
HOUSEHOLD = "household"
ADDRESS = "address_id"
CROWD = 12
HOUSE = 5
COUPLE_YEARS = 15
# A landline that no more persons state is of one home, wherever their records place them.
LINE = 6
# Ties of households are few and short: below this many the driver is quicker than any graph engine.
SMALL = 1_000_000
_FLAT = "APPARTEMENT|PORTE|LOGEMENT|CHAMBRE|ETAGE"

READ = (
    Record.record_id, Record.last_name, Record.birth_name, Record.birth_date, Record.gender, Record.address_key, Record.address_extra,
    Record.postcode, Record.city, Record.landline, Record.email, Record.is_deliverable, Record.delivered_on,
)  # fmt: skip

Stage = Callable[[str, DataFrame], DataFrame]


@dataclass(frozen=True)
class Limits:
    """How persons are grouped: the largest household, who solves components, and the persons (one column) to be grouped when not all are: the
    others are only there to be counted."""

    max_size: int
    engine: str
    only: DataFrame | None = None


def build_households(records: DataFrame, owners: DataFrame, kin: DataFrame, limits: Limits, stage: Stage) -> DataFrame:
    """Who lives with whom. `records`: silver records; `owners`: record_id, person; `kin`: record_a, record_b of one family by the match
    model.

    Result: person, household (an opaque number), group_id (the number of all that ties hold together), address_id (null without an address),
    household_size. Grain: person."""
    held = stage("home_records", records.select(*READ).join(owners, on=Record.record_id, how="inner"))
    homes = stage("homes", _homes(held))
    ties = _token_ties(homes, held).unionByName(_couple_ties(homes)).unionByName(_kin_ties(homes, held, kin))
    ties = ties.unionByName(_lagging_ties(homes, held)).unionByName(_line_ties(held))
    if limits.only is not None:
        for side in (Pair.a, Pair.b):
            ties = ties.join(F.broadcast(limits.only.toDF(side)), on=side, how="left_semi")
        homes = homes.join(F.broadcast(limits.only.toDF(PERSON)), on=PERSON, how="left_semi")
    node = {side: F.xxhash64(side) for side in (Pair.a, Pair.b)}
    linked = stage("ties", ties.where(F.col(Pair.a) != F.col(Pair.b)).select(*(n.alias(s) for s, n in node.items())).distinct())
    found = components.connected_components(linked, limits.engine, small=SMALL)
    grouped = homes.withColumn(Cluster.node, F.xxhash64(PERSON)).join(found, on=Cluster.node, how="left")
    grouped = grouped.withColumn(HouseholdLink.group_id, F.coalesce(Cluster.component, Cluster.node))
    guarded = _guarded(grouped.withColumn(HOUSEHOLD, F.col(HouseholdLink.group_id)), limits.max_size)
    return guarded.select(PERSON, HOUSEHOLD, HouseholdLink.group_id, ADDRESS, HouseholdLink.household_size)


def _homes(held: DataFrame) -> DataFrame:
    """One row per person: its address, flat, names, gender and birth year. Of several addresses of one day the one said most often counts."""
    text = address()
    stated = text.isNotNull()
    said = F.count(F.lit(1)).over(Window.partitionBy(PERSON, text))
    held = held.withColumn("_said", said)
    newest = F.struct(F.col(Record.is_deliverable), F.col(Record.postcode).isNotNull(), Record.delivered_on, "_said", Record.record_id)
    place = F.struct(text.alias("home"), F.col(Record.address_extra).alias("flat"), F.col(Record.delivered_on).alias("home_on"))
    last = F.max_by(name_key(F.col(Record.last_name)), F.when(F.col(Record.last_name).isNotNull(), newest_first()))
    persons = held.groupBy(PERSON).agg(
        F.max_by(place, F.when(stated, newest)).alias("_place"),
        last.alias("last"),
        F.max(Record.gender).alias("gender"),
        F.max(F.year(Record.birth_date)).alias("year"),
    )
    flat = F.when(F.col("_place.flat").rlike(_FLAT), F.col("_place.flat"))
    rows = persons.select(PERSON, "last", "gender", "year", F.col("_place.home").alias("home"), flat.alias("flat"), "_place.home_on")
    at = Window.partitionBy("home")
    sized = rows.withColumn("neighbours", F.when(F.col("home").isNotNull(), F.count(F.lit(1)).over(at)).otherwise(F.lit(1)))
    return sized.withColumn(ADDRESS, F.when(F.col("home").isNotNull(), F.concat(F.lit("a"), F.substring(content_hash(F.col("home")), 1, 20))))


def _lagging_ties(homes: DataFrame, held: DataFrame) -> DataFrame:
    """A family moves and its members' files learn of it one by one: whoever is last known at the old address of a namesake, and not later than
    that one's new address, is taken to have moved along. Known there later, it has stayed behind."""
    seen = held.select(PERSON, address().alias("at"), name_key(F.col(Record.last_name)).alias("name"), Record.delivered_on)
    known = seen.where(F.col("at").isNotNull() & F.col("name").isNotNull()).groupBy(PERSON, "at", "name").agg(F.max(Record.delivered_on).alias("on"))
    placed = known.join(homes.select(PERSON, "home", "home_on", "neighbours"), on=PERSON, how="inner")
    lives = F.col("home") == F.col("at")
    stayers = placed.where(lives & (F.col("neighbours") <= CROWD)).select(F.col(PERSON).alias(Pair.a), "at", "name", "on")
    movers = placed.where(~lives).select(F.col(PERSON).alias(Pair.b), "at", "name", "home_on")
    return stayers.join(movers, on=["at", "name"], how="inner").where(F.col("on") <= F.col("home_on")).select(Pair.a, Pair.b)


def _token_ties(homes: DataFrame, held: DataFrame) -> DataFrame:
    """Persons at one address that share a surname, a landline, an e-mail or a flat: each with the lowest of them."""
    said = held.select(
        PERSON, name_key(F.col(Record.last_name)).alias("l"), name_key(F.col(Record.birth_name)).alias("b"), Record.landline, Record.email
    )
    tokens = F.array(_token("S", F.col("l")), _token("S", F.col("b")), _token("L", F.col(Record.landline)), _token("E", F.col(Record.email)))
    stated = said.select(PERSON, F.explode(F.array_compact(tokens)).alias("token")).distinct()
    at_home = stated.join(homes.select(PERSON, "home", "flat", "neighbours"), on=PERSON, how="inner").where(F.col("home").isNotNull())
    divided = F.when(F.col("token").startswith("S|") & (F.col("neighbours") > CROWD), F.coalesce("flat", F.lit("")))
    by_token = at_home.select(PERSON, "home", F.concat_ws("|", "token", divided).alias("token"))
    by_flat = homes.where(F.col("flat").isNotNull() & F.col("home").isNotNull()).select(PERSON, "home", F.concat(F.lit("F|"), "flat").alias("token"))
    lowest = F.min(PERSON).over(Window.partitionBy("home", "token"))
    return by_token.unionByName(by_flat).select(F.col(PERSON).alias(Pair.b), lowest.alias(Pair.a)).select(Pair.a, Pair.b)


def _token(kind: str, value: Column) -> Column:
    return F.when(value.isNotNull(), F.concat(F.lit(f"{kind}|"), value))


def _couple_ties(homes: DataFrame) -> DataFrame:
    """Two surnames in a house of its own: a woman and a man of about one age are taken for a couple."""
    house = homes.where(F.col("home").isNotNull() & F.col("flat").isNull() & (F.col("neighbours") <= HOUSE) & F.col("last").isNotNull())
    left = house.select(F.col(PERSON).alias(Pair.a), "home", *(F.col(c).alias(f"a_{c}") for c in ("last", "gender", "year")))
    right = house.select(F.col(PERSON).alias(Pair.b), "home", *(F.col(c).alias(f"b_{c}") for c in ("last", "gender", "year")))
    names = house.groupBy("home").agg(F.count_distinct("last").alias("_names")).where("_names = 2").select("home")
    met = left.join(right, on="home", how="inner").join(names, on="home", how="left_semi")
    years = F.coalesce(F.abs(F.col("a_year") - F.col("b_year")) <= COUPLE_YEARS, F.lit(True))
    couple = (F.col("a_last") != F.col("b_last")) & (F.col("a_gender") == "F") & (F.col("b_gender") == "M") & years
    return met.where(couple).select(Pair.a, Pair.b)


def _kin_ties(homes: DataFrame, held: DataFrame, kin: DataFrame) -> DataFrame:
    """Persons of whom the match model takes a pair of records for one family, where each lives at the address of its record: the two may be
    written in two ways, the model has seen that they are one."""
    at = held.select(Record.record_id, PERSON, address().alias("at")).join(homes.select(PERSON, "home"), on=PERSON, how="inner")
    living = at.where(F.col("at") == F.col("home")).select(Record.record_id, PERSON)
    left, right = living.toDF("record_a", Pair.a), living.toDF("record_b", Pair.b)
    return kin.join(left, on="record_a", how="inner").join(right, on="record_b", how="inner").select(Pair.a, Pair.b).distinct()


def _line_ties(held: DataFrame) -> DataFrame:
    """Persons that state one landline, and are few: each with the lowest of them."""
    stated = held.where(F.col(Record.landline).isNotNull()).select(Record.landline, PERSON).distinct()
    few = stated.groupBy(Record.landline).agg(F.min(PERSON).alias(Pair.a), F.count(F.lit(1)).alias("_n")).where(F.col("_n").between(2, LINE))
    return stated.join(few, on=Record.landline, how="inner").select(Pair.a, F.col(PERSON).alias(Pair.b))


def _guarded(grouped: DataFrame, max_size: int) -> DataFrame:
    """Groups past the limit by surname; what is still past it, one by one."""
    by_name = F.xxhash64(HOUSEHOLD, F.coalesce("home", F.lit("")), F.coalesce("last", F.lit("")), F.lit("surname"))
    counted = grouped.withColumn("_n", F.count(F.lit(1)).over(Window.partitionBy(HOUSEHOLD)))
    named = counted.withColumn(HOUSEHOLD, F.when(F.col("_n") > max_size, by_name).otherwise(F.col(HOUSEHOLD)))
    again = named.withColumn("_m", F.count(F.lit(1)).over(Window.partitionBy(HOUSEHOLD)))
    single = again.withColumn(HOUSEHOLD, F.when(F.col("_m") > max_size, F.xxhash64(PERSON)).otherwise(F.col(HOUSEHOLD)))
    return single.withColumn(HouseholdLink.household_size, F.count(F.lit(1)).over(Window.partitionBy(HOUSEHOLD)).cast("int"))
