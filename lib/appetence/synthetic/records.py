"""Customer records: a person as one member knows it, with that member's habits and everybody's mistakes."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.bronze import RawRecord as Raw
from appetence.synthetic import contacts, noise, population, world
from appetence.synthetic.draw import Draw, mapping, own_stage
from appetence.synthetic.styles import by_style, habit, word
from appetence.synthetic.tables import Tables

DUPLICATES = 0.03
"""Share of relations in which the member has the same person twice."""

_INTERESTS = (
    "jardin",
    "lecture",
    "voyages",
    "cuisine",
    "vin",
    "bricolage",
    "musique",
    "sport",
    "nature",
    "histoire",
    "animaux",
    "collection",
)


def records(relations: DataFrame, draw: Draw, lookups: Tables) -> DataFrame:
    """One row per customer record: record_key, copy (0, or 1 for a second record of the same person), customer_ref, updated_on (day its
    contact data are of), the fields as written (columns of bronze.raw_record, plus `birth_day` as a date), noise, and the relation's
    columns.

    Reads relations with joined_on not null; every later change of a person's data shows by `updated_on`.
    """
    copies = F.when(draw.below(DUPLICATES, "relation.copies", F.col("relation")), F.array(F.lit(0), F.lit(1))).otherwise(F.array(F.lit(0)))
    frame = relations.withColumn("copy", F.explode(copies)).withColumn("record_key", F.col("relation") * 2 + F.col("copy"))
    frame = own_stage(frame.withColumn("updated_on", _updated_on(draw)), "record_key")
    frame = own_stage(population.with_names(frame, draw, lookups), "record_key")
    frame = frame.withColumns(population.place_columns(F.col("updated_on"), draw))
    frame = own_stage(contacts.with_address(frame, draw, lookups), "record_key")
    frame = own_stage(contacts.with_phones(frame, draw), "record_key")
    frame = own_stage(contacts.with_emails(frame, draw, lookups), "record_key")
    frame = own_stage(_known(frame, draw), "record_key")
    frame = noise.with_noise(frame, draw)
    return _written(own_stage(frame, "record_key"), draw)


def customer_ref(draw: Draw) -> Column:
    """The member's own number: twelve hex digits after the letter C, which say nothing of the person."""
    return F.concat(F.lit("C"), F.upper(F.substring(draw.token("record.ref", F.col("record_key")), 1, 12)))


def _updated_on(draw: Draw) -> Column:
    """Half of the records date from the first order, the others were brought up to date at some later day."""
    known = F.datediff(F.lit(world.AS_OF), F.col("joined_on"))
    later = F.date_add(F.col("joined_on"), F.floor(known * draw.uniform("record.updated", F.col("record_key"))).cast("int"))
    return F.when(draw.below(0.5, "record.is_updated", F.col("record_key")), later).otherwise(F.col("joined_on"))


def _known(frame: DataFrame, draw: Draw) -> DataFrame:
    """What this member holds of the person: not every field was asked or answered, and some coordinates are former or second ones."""
    key = F.col("record_key")
    other = F.col("other_email").isNotNull() & F.col("email").isNotNull() & draw.below(0.22, "record.other_email", key)
    former = F.col("former_mobile").isNotNull() & draw.below(0.30, "record.former_mobile", key)
    has_email = draw.below(habit(lambda s: s.email), "record.has_email", key)
    has_phone = draw.below(habit(lambda s: s.phone), "record.has_phone", key)
    mobile = F.when(former, F.col("former_mobile")).otherwise(F.col("mobile"))
    two = habit(lambda s: float(s.two_phones)) > 0
    one = F.when(draw.below(0.55, "record.mobile_first", key), F.coalesce(mobile, F.col("landline"))).otherwise(F.coalesce("landline", mobile))
    only = F.when(has_phone & ~two, one)
    return frame.withColumns(
        {
            "is_other_email": other & has_email,
            "is_former_mobile": former & has_phone & (two | (only == mobile)),
            "email": F.when(has_email, F.when(other, F.col("other_email")).otherwise(F.col("email"))),
            "email_domain_typo": F.when(~other, F.col("email_domain_typo")),
            "landline": F.when(has_phone, F.when(two, F.col("landline")).when(~only.startswith("06") & ~only.startswith("07"), only)),
            "mobile": F.when(has_phone, F.when(two, mobile).when(only.startswith("06") | only.startswith("07"), only)),
            "birth_date": F.when(draw.below(habit(lambda s: s.born), "record.has_birth_date", key), F.col("birth_date")),
            "civility": F.when(F.col("gender") == "F", F.lit("MME")).otherwise(F.lit("M")),
        }
    )


_TEXTS = (Raw.first_name, Raw.last_name, Raw.birth_name, Raw.address_1, Raw.address_2, Raw.city)


def _written(frame: DataFrame, draw: Draw) -> DataFrame:
    key = F.col("record_key")
    abbreviates = draw.below(habit(lambda s: s.abbreviates), "record.abbreviates", key)
    where = word(lambda s: s.complement)
    frame = frame.withColumns(
        {"_short": abbreviates, "_where": where, "_case": word(lambda s: s.case + ("" if s.accents else " bare")),
         "_phone_form": word(lambda s: s.phone_format), "_complement": F.when(draw.below(0.82, "record.complement", key),
             F.col("complement")),
         Raw.birth_name: F.when(draw.below(0.25, "record.birth_name", key), F.col("birth_name"))}
    )  # fmt: skip
    frame = own_stage(frame, "record_key").withColumn("way", F.when(F.col("_short"), _abbreviated(F.col("way"))).otherwise(F.col("way")))
    comma = F.when(draw.below(0.12, "record.comma", key), F.lit(", ")).otherwise(F.lit(" "))
    line = F.when(F.col("way_number").isNull(), F.col("way")).otherwise(F.concat(F.col("way_number"), comma, F.col("way")))
    short_city = F.col("_short") & draw.below(0.7, "record.city", key)
    frame = own_stage(frame, "record_key").withColumns(
        {
            Raw.address_1: F.when(F.col("_where") == "before", F.concat_ws(" ", F.col("_complement"), line)).otherwise(line),
            Raw.address_2: F.when(F.col("_where") == "own", F.col("_complement")),
            Raw.city: F.when(short_city, _short_saint(F.col("city"))).otherwise(F.col("city")),
            Raw.phone: F.coalesce("landline", F.when(habit(lambda s: float(s.two_phones)) == 0, F.col("mobile"))),
            Raw.mobile: F.when(habit(lambda s: float(s.two_phones)) > 0, F.col("mobile")),
            "birth_day": F.col("birth_date"),
        }
    )
    frame = own_stage(frame, "record_key").withColumns({f"_bare_{name}": contacts.plain(F.col(name)) for name in _TEXTS})
    frame = own_stage(frame, "record_key").withColumns({name: _cased(name) for name in _TEXTS})
    frame = own_stage(frame, "record_key").withColumns(
        {
            Raw.customer_ref: customer_ref(draw),
            Raw.civility: _civility(draw),
            Raw.birth_date: by_style(lambda s: F.date_format("birth_day", s.born_format), lambda s: s.born_format),
            Raw.phone: _phone(F.col(Raw.phone)),
            Raw.mobile: _phone(F.col(Raw.mobile)),
        }
    )
    frame = own_stage(frame, "record_key").withColumns(
        {
            Raw.address_3: F.lit(None).cast("string"),
            Raw.country: F.lit("FR"),
            Raw.children: F.when(draw.below(habit(lambda s: s.children), "record.children", key), _children()),
            Raw.interests: _interests(draw),
        }
    )
    return frame.drop("_short", "_where", "_case", "_phone_form", "_complement", *(f"_bare_{name}" for name in _TEXTS))


def _children() -> Column:
    return F.when(F.col("kind").isin("family_one_name", "family_two_names", "single_parent", "twins"), F.lit("O")).otherwise(F.lit("N"))


def _interests(draw: Draw) -> Column:
    """Declared interests, and after them the person's canary: a token that means nothing, is no coordinate and compares with nothing."""
    key = F.col("record_key")
    words = F.concat_ws("|", draw.one_of(_INTERESTS, "record.interest1", key), draw.one_of(_INTERESTS, "record.interest2", key))
    said = F.when(draw.below(habit(lambda s: s.interests), "record.interests", key), words)
    return F.concat_ws("|", said, canary(draw))


def canary(draw: Draw) -> Column:
    """The person's unique token: it rides in `interests` of each of its records, so that a byte scan can tell whether the person is
    gone."""
    return F.concat(F.lit("canari"), draw.token("person.canary", F.col("person")))


def _civility(draw: Draw) -> Column:
    value = F.col("civility")
    codes = (word(lambda s: s.civilities[0]), word(lambda s: s.civilities[1]))
    miss = (value == "MME") & (codes[1] != "2") & draw.below(0.06, "record.mademoiselle", F.col("record_key"))
    return F.when(miss, F.lit("Mlle")).when(value == "M", codes[0]).when(value == "MME", codes[1])


def _cased(name: str) -> Column:
    """The text in the member's letter case, with or without accents."""
    text, bare, case = F.col(name), F.col(f"_bare_{name}"), F.col("_case")
    way = F.pmod(F.col("record_key"), F.lit(5))
    mixed = F.when(way == 0, F.lower(text)).when(way == 1, F.upper(bare)).otherwise(text)
    return (
        F.when(case == "upper", F.upper(text)).when(case == "upper bare", F.upper(bare)).when(case == "title bare", bare)
        .when(case == "mixed", mixed).otherwise(text)
    )  # fmt: skip


_WAY_WORDS = (("avenue", "av"), ("boulevard", "bd"), ("place", "pl"), ("chemin", "che"), ("allée", "all"), ("impasse", "imp"),
    ("route", "rte"),
              ("résidence", "res"), ("square", "sq"), ("lotissement", "lot"), ("quai", "qu"), ("lieu-dit", "ld"), ("rue", "r"))  # fmt: skip
_TITLE_WORDS = (("Général", "Gal"), ("Maréchal", "Mal"), ("Docteur", "Dr"), ("Saint-", "St "), ("Sainte-", "Ste "), ("Président", "Pdt"))


def _abbreviated(way: Column) -> Column:
    """Way types and titles cut short; `rue` only for a third of them, as clerks do."""
    word = F.lower(F.substring_index(way, " ", 1))
    shorts = mapping(dict(_WAY_WORDS))
    third = (F.pmod(F.col("record_key"), F.lit(3)) == 0) | (word != "rue")
    short = F.when(third, F.try_element_at(shorts, word))
    cut = F.when(short.isNotNull(), F.concat(short, F.substring(way, F.length(word) + 1, F.lit(200)))).otherwise(way)
    for long, brief in _TITLE_WORDS:
        cut = F.replace(cut, F.lit(long), F.lit(brief))
    return cut


def _short_saint(city: Column) -> Column:
    return F.regexp_replace(F.regexp_replace(city, "(?i)\\bSaint-", "St "), "(?i)\\bSainte-", "Ste ")


def _phone(number: Column) -> Column:
    form = F.col("_phone_form")
    mark = F.when(form == "spaces", " ").when(form == "dots", ".")
    tail = F.substring(number, 2, 9)
    return (
        F.when(mark.isNotNull(), F.rtrim(F.regexp_replace(number, F.lit("(\\d\\d)(?=\\d)"), F.concat(F.lit("$1"), mark))))
        .when(form == "plus", F.concat(F.lit("+33"), tail))
        .when(form == "zeros", F.concat(F.lit("0033"), tail))
        .otherwise(number)
    )


def truth_ids() -> tuple[Column, Column]:
    """true_person and true_household: residents of homes and of student residences are households of their own."""
    return F.concat(F.lit("tp"), F.col("person")).alias("true_person"), F.concat(F.lit("th"), F.col("household")).alias("true_household")
