"""Households, the persons in them, and where they live: everything that is true and that no member knows.

Every function works at any grain that carries the ids it names (`household`, `person`, `slot`), because each fact is a hash of those ids:
records get their person's name again instead of joining back to a table of persons. Nothing here shuffles.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.synthetic import world
from appetence.synthetic.draw import Draw, mapping, own_stage, quantile
from appetence.synthetic.tables import Tables

SLOTS = 8
"""Person ids are household * SLOTS + slot; slot 0 is the head, 1 the partner, 2 and on the children."""

_HEAD_AGE: dict[str, tuple[tuple[float, float], ...]] = {
    "single": ((0, 21), (0.25, 30), (0.45, 45), (0.65, 62), (0.9, 82), (1, 96)),
    "couple_one_name": ((0, 22), (0.2, 30), (0.35, 48), (0.6, 62), (0.9, 78), (1, 93)),
    "couple_two_names": ((0, 22), (0.35, 32), (0.6, 45), (0.8, 60), (1, 88)),
    "family_one_name": ((0, 25), (0.3, 36), (0.7, 46), (1, 58)),
    "family_two_names": ((0, 25), (0.3, 34), (0.7, 43), (1, 56)),
    "namesakes": ((0, 44), (0.5, 54), (1, 72)),
    "twins": ((0, 41), (1, 60)),
    "student": ((0, 18.2), (0.8, 23), (1, 27)),
    "elderly_home": ((0, 70), (0.3, 83), (0.8, 92), (1, 101)),
    "single_parent": ((0, 24), (0.5, 41), (1, 57)),
}
_COUPLES = ("couple_one_name", "couple_two_names", "family_one_name", "family_two_names", "namesakes", "twins")
_ONE_NAME = ("couple_one_name", "family_one_name", "namesakes", "twins")
_OLD_PLACE = 1 << 50
_YEAR = 365.25


def households(spark: SparkSession, count: int, draw: Draw, partitions: int) -> DataFrame:
    """One row per household: household, kind, dwelling (negative: a building others live in too), dwelling_kind, moved_on (null:
    stayed)."""
    base = spark.range(0, count, 1, partitions).withColumnRenamed("id", "household")
    h = F.col("household")
    kind = F.coalesce(draw.kind(world.HOUSEHOLD_KINDS, "household.kind", h), F.lit("single"))
    base = base.withColumn("kind", kind)
    base = base.withColumn("dwelling_kind", _dwelling_kind(draw))
    base = base.withColumn("dwelling", _dwelling(draw, count))
    moves = F.when(F.col("kind") == "student", 0.7).when(F.col("kind") == "elderly_home", 0.8).otherwise(0.12)
    moved = F.date_add(F.lit(world.START), (draw.uniform("household.moved_on", h) * 1700).cast("int"))
    return base.withColumn("moved_on", F.when(draw.below(moves, "household.moves", h), moved))


def _dwelling_kind(draw: Draw) -> Column:
    h = F.col("household")
    flat = draw.kind({name: share * world.FLAT_SHARE for name, (share, _) in world.BUILDINGS.items()}, "household.building", h)
    residence = F.when(draw.below(world.STUDENT_RESIDENCE_SHARE, "household.residence", h), F.lit("student_residence"))
    return (
        F.when(F.col("kind") == "elderly_home", F.lit("elderly_home"))
        .when(F.col("kind") == "student", F.coalesce(residence, flat, F.lit("house")))
        .otherwise(F.coalesce(flat, F.lit("house")))
    )


def _dwelling(draw: Draw, count: int) -> Column:
    """Buildings of a class hold a fixed mean number of households, so that addresses stay as crowded at any size of the population."""
    sizes = {name: (share * world.FLAT_SHARE, mean) for name, (share, mean) in world.BUILDINGS.items()}
    kinds = world.HOUSEHOLD_KINDS
    sizes["student_residence"] = (kinds["student"] * world.STUDENT_RESIDENCE_SHARE, world.RESIDENCE_SIZE)
    sizes["elderly_home"] = (kinds["elderly_home"], world.ELDERLY_HOME_SIZE)
    place = F.col("household")
    for rank, (name, (share, mean)) in enumerate(sizes.items(), start=1):
        buildings = max(1, round(count * share / mean))
        number = F.floor(draw.uniform("household.place", F.col("household")) * buildings)
        place = F.when(F.col("dwelling_kind") == name, -(number + F.lit(rank * 10**12))).otherwise(place)
    return place.cast("bigint")


def people(homes: DataFrame, draw: Draw) -> DataFrame:
    """One row per person: the household's columns and person, slot, gender, age (years at the as-of date), birth_date, died_on,
    head_born (year)."""
    h = F.col("household")
    homes = own_stage(homes, "household")
    frame = homes.withColumn("slot", F.explode(_slots(draw))).withColumn("person", h * SLOTS + F.col("slot"))
    frame = frame.withColumn("head_age", _head_age(draw)).withColumn("gender", _gender(draw))
    frame = own_stage(frame, "person")
    frame = frame.withColumn("age", _age(draw))
    grown = F.col("kind").isin("namesakes", "twins")
    frame = frame.where((F.col("slot") < 2) | grown | F.col("age").between(0.0, 26.0))
    born = F.date_sub(F.lit(world.AS_OF), F.floor(F.col("age") * _YEAR).cast("int"))
    return (
        frame.withColumn("birth_date", born)
        .withColumn("died_on", _died_on(draw))
        .withColumn("head_born", F.year(F.date_sub(F.lit(world.AS_OF), F.floor(F.col("head_age") * _YEAR).cast("int"))))
        .drop("head_age")
    )


def _slots(draw: Draw) -> Column:
    children = 1 + draw.below(0.55, "household.second_child", F.col("household")).cast("int")
    children = children + draw.below(0.2, "household.third_child", F.col("household")).cast("int")
    kind = F.col("kind")
    return (
        F.when(kind.isin("couple_one_name", "couple_two_names"), F.array(F.lit(0), F.lit(1)))
        .when(kind.startswith("family"), F.sequence(F.lit(0), 1 + children))
        .when(kind == "namesakes", F.array(F.lit(0), F.lit(1), F.lit(2)))
        .when(kind == "twins", F.array(F.lit(0), F.lit(1), F.lit(2), F.lit(3)))
        .when(kind == "single_parent", F.array_union(F.array(F.lit(0)), F.sequence(F.lit(2), 1 + children)))
        .otherwise(F.array(F.lit(0)))
    )


def _head_age(draw: Draw) -> Column:
    kinds = mapping({name: i for i, name in enumerate(_HEAD_AGE)})
    return quantile(draw.uniform("household.head_age", F.col("household")), list(_HEAD_AGE.values()), F.element_at(kinds, F.col("kind")).cast("int"))


def _gender(draw: Draw) -> Column:
    h, p, kind = F.col("household"), F.col("person"), F.col("kind")
    head_is_woman = (
        F.when(kind == "elderly_home", draw.below(0.73, "household.head_woman", h))
        .when(kind == "single_parent", draw.below(0.82, "household.head_woman", h))
        .when(kind.isin("single", "student"), draw.below(0.53, "household.head_woman", h))
        .when(kind == "namesakes", F.lit(False))
        .otherwise(draw.below(0.1, "household.head_woman", h))
    )
    same = draw.below(0.02, "household.same_gender", h) & (kind == "couple_two_names")
    woman = (
        F.when(F.col("slot") == 0, head_is_woman)
        .when(F.col("slot") == 1, head_is_woman == same)
        .when(kind == "namesakes", F.lit(False))
        .otherwise(draw.below(0.488, "person.woman", p))
    )
    return F.when(woman, F.lit("F")).otherwise(F.lit("M"))


def _age(draw: Draw) -> Column:
    h, p, kind, slot = F.col("household"), F.col("person"), F.col("kind"), F.col("slot")
    partner = F.greatest(F.lit(18.5), F.col("head_age") - 1.5 + 3.5 * draw.normal("person.partner_gap", p))
    gap = quantile(draw.uniform("household.child_gap", h), [((0, 20), (0.5, 28), (1, 38))]) + (slot - 2) * 2.4
    gap = gap + draw.uniform("person.child_gap", p)
    return (
        F.when(slot == 0, F.col("head_age"))
        .when(slot == 1, partner)
        .when(kind == "twins", quantile(draw.uniform("household.twins", h), [((0, 17.2), (1, 25))]))
        .when(kind == "namesakes", F.greatest(F.lit(18.3), F.col("head_age") - gap))
        .otherwise(F.col("head_age") - gap)
    )


def _died_on(draw: Draw) -> Column:
    """Deaths since 2023, by a Gompertz law fitted by eye to French life tables."""
    p = F.col("person")
    risk = F.least(F.lit(0.6), 0.008 * F.exp((F.col("age") - 60.0) * 0.095))
    day = F.date_add(F.lit(world.START), 365 + (draw.uniform("person.died_on", p) * 1390).cast("int"))
    return F.when((F.col("age") > 40) & draw.below(risk, "person.dies", p), day)


def with_names(frame: DataFrame, draw: Draw, lookups: Tables) -> DataFrame:
    """Adds last_name, birth_name (of women who took another), first_name, name_per_million (of the last name)."""
    h, p, slot, kind = F.col("household"), F.col("person"), F.col("slot"), F.col("kind")
    frame = lookups.surnames.add(frame, "_family", draw.uniform("household.surname", h))
    # A child with a double name has it from its second parent.
    whose = F.when((kind == "family_two_names") & (slot > 1), h * SLOTS + 1).otherwise(p)
    frame = lookups.surnames.add(frame, "_named", draw.uniform("person.surname", whose))
    # Twins and brothers are told apart by the person; a namesake child repeats its parent's draw in the parent's generation.
    source = F.when((kind == "namesakes") & (slot == 2), h * SLOTS).otherwise(p)
    parent = (kind == "namesakes") & (slot == 2)
    year = F.when(parent, F.col("head_born")).otherwise(F.year("birth_date"))
    decade = F.least(F.lit(2020), F.greatest(F.lit(1900), F.floor((year - 1) / 10).cast("int") * 10))
    frame = frame.withColumn("_decade", F.concat("gender", decade.cast("string")))
    frame = lookups.first_names.add(frame, "_first", draw.uniform("person.first_name", source), F.col("_decade"))
    two = (kind == "couple_two_names") | (kind == "family_two_names")
    own, family = F.col("_named.name"), F.col("_family.name")
    married = (F.col("gender") == "F") & (
        (kind.isin(*_ONE_NAME) & (slot < 2))
        | (kind.isin("single", "elderly_home") & (F.col("age") > 55) & draw.below(0.55, "person.married_name", p))
    )
    double = draw.below(0.05, "person.double_name", p)
    last = (
        F.when(two & (slot == 1), own)
        .when((kind == "family_two_names") & (slot > 1) & draw.below(0.12, "household.children_double", h), _joined(family, own))
        .when(married & double, _joined(own, family))
        .otherwise(family)
    )
    return (
        frame.withColumn("last_name", last)
        .withColumn("birth_name", F.when(married, own))
        .withColumn("first_name", F.col("_first.name"))
        .withColumn("name_per_million", F.when(two & (slot == 1), F.col("_named.per_million")).otherwise(F.col("_family.per_million")))
        .drop("_named", "_family", "_first", "_decade")
    )


def _joined(left: Column, right: Column) -> Column:
    return F.when(left == right, left).otherwise(F.concat(left, F.lit("-"), right))


def place_columns(at: Column, draw: Draw) -> dict[str, Column]:
    """address_key, commune_key and lives_in of the household on the day `at`: before its move, another house, often in the same commune."""
    h = F.col("household")
    before = F.coalesce(at < F.col("moved_on"), F.lit(False))
    near = draw.below(0.4, "household.moved_near", h)
    old = h + F.lit(_OLD_PLACE)
    return {
        "is_old_place": before,
        "address_key": F.when(before, old).otherwise(F.col("dwelling")),
        "commune_key": F.when(before & ~near, old).otherwise(F.col("dwelling")),
        "commune_group": F.when((F.col("dwelling") < 0) & ~(before & ~near), F.lit("town")).otherwise(F.lit("all")),
        "lives_in": F.when(before, F.lit("house")).otherwise(F.col("dwelling_kind")),
    }
