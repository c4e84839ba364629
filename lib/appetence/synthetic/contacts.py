"""Addresses, phones and e-mails that fit the persons and places."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.synthetic import vocabulary
from appetence.synthetic.draw import Draw
from appetence.synthetic.tables import Tables

_ACCENTS = ("àâäáãåçéèêëíìîïñóòôöõúùûüýÿÀÂÄÁÃÅÇÉÈÊËÍÌÎÏÑÓÒÔÖÕÚÙÛÜÝŸ", "aaaaaaceeeeiiiinooooouuuuyyAAAAAACEEEEIIIINOOOOOUUUUYY")


def plain(text: Column) -> Column:
    """`text` without accents and ligatures, case kept."""
    bare = F.translate(text, *_ACCENTS)
    for ligature, letters in (("œ", "oe"), ("Œ", "OE"), ("æ", "ae"), ("Æ", "AE")):
        bare = F.replace(bare, F.lit(ligature), F.lit(letters))
    return bare


def letters_only(text: Column) -> Column:
    """What an e-mail's local part keeps of a name."""
    return F.regexp_replace(F.lower(plain(text)), "[^a-z]", "")


def with_address(frame: DataFrame, draw: Draw, lookups: Tables) -> DataFrame:
    """Adds way_number, way, complement, postcode, city, commune_code, department, zone for the frame's address_key, commune_key,
    lives_in."""
    key = F.col("address_key")
    frame = lookups.communes.add(frame, "_commune", draw.uniform("place.commune", F.col("commune_key")), F.col("commune_group"))
    population = F.col("_commune.population")
    ways = F.greatest(F.lit(5), F.least(F.lit(400), (population / 150).cast("int")))
    frame = frame.withColumn("_way_rank", draw.integer(ways, "place.way_rank", key))
    frame = lookups.ways.add(frame, "_way", draw.uniform("commune.way", F.col("_commune.code"), F.col("_way_rank")))
    is_house = F.col("lives_in") == "house"
    hamlet = is_house & (population < 2500) & draw.below(0.3, "place.is_hamlet", key)
    number = (1 + F.floor(F.pow(draw.uniform("place.number", key), F.lit(1.7)) * 110)).cast("string")
    repeat = draw.kind({" bis": 0.03, " ter": 0.008, " A": 0.006, " B": 0.004}, "place.repeat", key)
    return (
        frame.withColumn("way_number", F.when(hamlet, F.lit(None)).otherwise(F.concat(number, F.coalesce(repeat, F.lit("")))))
        .withColumn("way", F.when(hamlet, draw.one_of(vocabulary.words("hamlet"), "place.hamlet", key)).otherwise(F.col("_way.name")))
        .withColumn("complement", _complement(draw))
        .withColumn("postcode", F.col("_commune.postcode"))
        .withColumn("city", F.col("_commune.city"))
        .withColumn("commune_code", F.col("_commune.code"))
        .withColumn("department", F.col("_commune.department"))
        .withColumn("zone", F.col("_commune.zone"))
        .drop("_commune", "_way", "_way_rank")
    )


def _complement(draw: Draw) -> Column:
    key, h, kind = F.col("address_key"), F.col("household"), F.col("lives_in")
    building = F.concat(F.lit("Bât "), draw.one_of(tuple("ABCDE"), "dwelling.stair", h))
    flat = F.concat(F.lit("Appt "), (1 + draw.integer(96, "dwelling.flat", h)).cast("string"))
    floor = F.concat(F.lit("Étage "), (1 + draw.integer(9, "dwelling.floor", h)).cast("string"))
    residence = F.concat(F.lit("Résidence "), draw.one_of(vocabulary.words("residence"), "place.residence", key))
    style = draw.kind({"both": 0.3, "flat": 0.2, "floor": 0.1, "residence": 0.2}, "dwelling.style", h)
    inside = (
        F.when(style == "both", F.concat_ws(" ", building, flat)).when(style == "flat", flat).when(style == "floor", floor)
        .when(style == "residence", F.concat_ws(" ", residence, building))
    )  # fmt: skip
    room = F.concat(F.lit("Ch "), (100 + draw.integer(320, "dwelling.room", h)).cast("string"))
    return (
        F.when(kind == "elderly_home", F.concat(F.lit("EHPAD "), draw.one_of(vocabulary.words("elderly_home"), "place.residence", key)))
        .when(kind == "student_residence", F.concat_ws(" ", draw.one_of(vocabulary.words("student_residence"), "place.residence", key), room))
        .when(kind != "house", inside)
    )


def with_phones(frame: DataFrame, draw: Draw) -> DataFrame:
    """Adds mobile, former_mobile (both ten digits) and landline, shared by the household at the address; null where there is none."""
    p, h, key = F.col("person"), F.col("household"), F.col("address_key")
    age = F.col("age")
    wired = F.when(F.col("kind").isin("student", "elderly_home"), 0.15).when(age > 60, 0.85).when(age > 35, 0.6).otherwise(0.25)
    tail = F.when(F.length("zone") == 4, draw.digits(6, "place.landline", h, key)).otherwise(draw.digits(8, "place.landline", h, key))
    return (
        frame.withColumn("mobile", F.when(draw.below(F.when(age > 80, 0.5).otherwise(0.94), "person.has_mobile", p), _mobile(draw, "new")))
        .withColumn("former_mobile", F.when(draw.below(0.25, "person.former_mobile", p), _mobile(draw, "old")))
        .withColumn("landline", F.when(draw.below(wired, "household.wired", h), F.concat("zone", tail)))
    )


def _mobile(draw: Draw, which: str) -> Column:
    p = F.col("person")
    start = F.when(draw.below(0.72, f"mobile.{which}.start", p), F.lit("06")).otherwise(F.lit("07"))
    return F.concat(start, draw.digits(8, f"mobile.{which}", p))


def with_emails(frame: DataFrame, draw: Draw, lookups: Tables) -> DataFrame:
    """Adds email (main) and other_email; null where the person has none."""
    p, h = F.col("person"), F.col("household")
    shared = draw.below(0.06, "household.shared_email", h) & (F.col("slot") < 2)
    frame = frame.withColumn("_email_key", F.when(shared, h * 8).otherwise(p))
    frame = lookups.domains.add(frame, "_domain", draw.uniform("email.domain", F.col("_email_key")))
    age = F.col("age")
    online = F.when(age > 85, 0.3).when(age > 75, 0.6).when(age > 60, 0.82).otherwise(0.95)
    family = F.concat(letters_only(F.col("last_name")), draw.digits(3, "email.family", h))
    main = F.when(shared, family).otherwise(_local_part(draw, "main"))
    other = F.concat(_local_part(draw, "other"), F.lit("@"), draw.one_of(("gmail.com", "orange.fr", "hotmail.fr", "yahoo.fr"), "email.other", p))
    has = draw.below(online, "person.online", p)
    return (
        frame.withColumn("email", F.when(has, F.concat(main, F.lit("@"), F.col("_domain.name"))))
        .withColumn("email_domain_typo", F.col("_domain.typo"))
        .withColumn("other_email", F.when(has & draw.below(0.3, "person.other_email", p), other))
        .drop("_domain", "_email_key")
    )


def _local_part(draw: Draw, which: str) -> Column:
    """Patterns people use; a common name rarely gets the plain form, so it carries digits, as among real subscribers."""
    p = F.col("person")
    first, last = letters_only(F.col("first_name")), letters_only(F.col("last_name"))
    year = F.substring(F.year("birth_date").cast("string"), 3, 2)
    style = draw.kind(
        {"dot": 0.30, "joined": 0.12, "initial": 0.13, "reverse": 0.10, "number": 0.14, "year": 0.12, "word": 0.07},
        f"email.{which}.style",
        p,
    )
    small, big = draw.digits(2, f"email.{which}.small", p), draw.digits(4, f"email.{which}.big", p)
    crowded = F.when((F.col("name_per_million") > 60.0) | draw.below(0.15, f"email.{which}.crowded", p), draw.digits(3, f"email.{which}.n", p))
    tail = F.coalesce(crowded, F.lit(""))
    return (
        F.when(style == "dot", F.concat(first, F.lit("."), last, tail))
        .when(style == "joined", F.concat(first, last, tail))
        .when(style == "initial", F.concat(F.substring(first, 1, 1), F.lit("."), last, tail))
        .when(style == "reverse", F.concat(last, F.lit("."), first, tail))
        .when(style == "number", F.concat(first, F.when(draw.below(0.3, f"email.{which}.short", p), small).otherwise(big)))
        .when(style == "year", F.concat(first, last, year))
        .when(style == "word", F.concat(draw.one_of(vocabulary.words("email_word"), f"email.{which}.word", p), big))
        .otherwise(F.concat(first, F.lit("-"), last, tail))
    )
