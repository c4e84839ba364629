"""Who of our persons is on the official list of the deceased, and how sure that is: certain closes, probable suppresses, less is nothing.

The list is INSEE's (fichier des personnes décédées, data.gouv.fr): lines of fixed width with birth name and given names, sex, day and place
of birth, day and place of death. Nobody may be declared dead by a namesake: a match needs the day of birth and the names, and is certain
only when the death also took place where the person lives, in its one department, nobody else answers, and nothing was heard of the person
since. A person is compared by each of its records, under its surname and its birth name. Cost: one join on the day of birth.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from appetence.columns.text import fold
from appetence.contracts.identity import PersonLink
from appetence.contracts.privacy import Death
from appetence.contracts.silver import PermissionEvent, Record, Transaction

LINE, SOURCE = "value", "source"
CERTAIN, PROBABLE = "certain", "probable"
WIDTH = 167
"""Characters up to the place of death; the number of the deed that follows is not read."""

AFTERLIFE_DAYS = 60
"""Orders and words that arrive up to so long after a death may still be the person's: the post and the list are slow."""

# First character (from 1) and length of each field of a line.
_LAYOUT = {"names": (1, 80), "sex": (81, 1), "born": (82, 8), "born_at": (90, 5), "died": (155, 8), "died_at": (163, 5)}
_LAST, _FIRST, _BORN, _DIED, _SEX, _DEPARTMENT = "d_last", "d_first", "d_born", "d_died", "d_sex", "d_department"


def _cut(name: str) -> Column:
    start, length = _LAYOUT[name]
    return F.trim(F.substring(F.col(LINE), start, length))


def build_listed(lines: DataFrame) -> DataFrame:
    """One row per usable line (column `value`) of the list: source, names folded, day of birth and death, sex, department of death.

    A line that is too short, names nobody (`NAME*GIVEN NAMES/`) or lacks a day of birth or death (00 stands for unknown) is left out.
    """
    whole = F.split(F.regexp_replace(_cut("names"), "/.*$", ""), r"\*")
    place = _cut("died_at")
    # Three digits overseas; 99 is abroad, and no department of ours.
    department = F.when(place.startswith("97") | place.startswith("98"), F.substring(place, 1, 3)).otherwise(F.substring(place, 1, 2))
    read = lines.where(F.length(LINE) >= WIDTH).select(
        SOURCE,
        fold(F.get(whole, F.lit(0))).alias(_LAST), fold(F.get(whole, F.lit(1))).alias(_FIRST),
        _day("born").alias(_BORN),
        _day("died").alias(_DIED),
        F.when(_cut("sex") == "1", "M").when(_cut("sex") == "2", "F").alias(_SEX), department.alias(_DEPARTMENT),
    )  # fmt: skip
    known = [F.col(c).isNotNull() for c in (_LAST, _FIRST, _BORN, _DIED)]
    condition = known[0]
    for one in known[1:]:
        condition = condition & one
    return read.where(condition & (F.col(_BORN) <= F.col(_DIED)))


def _day(name: str) -> Column:
    text = _cut(name)
    return F.when(text.rlike("^[0-9]{8}$"), F.to_date(F.try_to_timestamp(text, F.lit("yyyyMMdd"))))


def _near(a: Column, b: Column) -> Column:
    return (F.levenshtein(a, b, 1) >= 0) & (F.least(F.length(a), F.length(b)) >= 5)


def _grades() -> tuple[Column, Column]:
    """Whether the names of a pair are the same, and whether they are but for one typing error in one of them."""
    first, last, birth = F.col(Record.first_name), F.col(Record.last_name), F.coalesce(F.col(Record.birth_name), F.lit(""))
    listed_first, listed_last = F.col(_FIRST), F.col(_LAST)
    # The list gives all given names in order; a customer file the first one or two.
    same_first = F.concat(listed_first, F.lit(" ")).startswith(F.concat(first, F.lit(" "))) & (F.length(first) >= 2)
    same_last = (listed_last == last) | (listed_last == birth)
    near_first = _near(F.substring_index(listed_first, " ", 1), F.substring_index(first, " ", 1))
    near_last = _near(listed_last, last) | _near(listed_last, birth)
    return same_first & same_last, (same_first & near_last) | (near_first & same_last)


def build_deaths(listed: DataFrame, records: DataFrame, links: DataFrame, transactions: DataFrame, events: DataFrame) -> DataFrame:
    """privacy.death rows: one per person that answers to a line, with its certainty and the word that says why.

    `listed`: rows of `build_listed`. whole: all agrees, in the one department of the person; unplaced: the death took place elsewhere;
    near: one typing error in a name, same department; ambiguous: several persons or several deaths; active_since: heard of afterwards.
    """
    wanted = (Record.record_id, Record.first_name, Record.last_name, Record.birth_name, Record.birth_date, Record.gender, Record.department)
    named = records.where(~F.col(Record.is_bare) & ~F.col(Record.is_company)).select(*wanted)
    owned = named.join(links.select(PersonLink.record_id, PersonLink.person_id), on=PersonLink.record_id, how="inner")
    same, near = _grades()
    no_clash = F.coalesce(F.col(Record.gender) == F.col(_SEX), F.lit(True))
    placed = F.coalesce(F.col(Record.department) == F.col(_DEPARTMENT), F.lit(False))
    pairs = owned.join(listed, on=(F.col(Record.birth_date) == F.col(_BORN)) & no_clash & (same | (near & placed)), how="inner")
    best = pairs.groupBy(PersonLink.person_id, _DIED, _LAST, _FIRST).agg(
        F.max(F.coalesce(same, F.lit(False))).alias("is_same"), F.max(placed).alias("is_placed"), F.min(SOURCE).alias(SOURCE)
    )
    return _judged(best, _last_heard(owned, transactions, events))


def _judged(best: DataFrame, heard: DataFrame) -> DataFrame:
    line, person = (_DIED, _LAST, _FIRST), str(PersonLink.person_id)
    deaths = F.count(F.lit(1)).over(Window.partitionBy(person))
    persons = F.count(F.lit(1)).over(Window.partitionBy(*line))
    rank = F.row_number().over(Window.partitionBy(person).orderBy(F.col("is_same").desc(), F.col("is_placed").desc(), F.col(_DIED).desc(), SOURCE))
    counted = best.withColumns({"deaths": deaths, "persons": persons, "rank": rank}).where("rank = 1").join(heard, on=person, how="left")
    is_active = F.coalesce(F.col("heard_on") > F.date_add(F.col(_DIED), AFTERLIFE_DAYS), F.lit(False))
    rule = (
        F.when(is_active, "active_since").when((F.col("deaths") > 1) | (F.col("persons") > 1), "ambiguous")
        .when(~F.col("is_same"), "near").when(~F.col("is_placed"), "unplaced").otherwise("whole")
    )  # fmt: skip
    certainty = F.when(F.col(str(Death.rule)) == "whole", CERTAIN).otherwise(PROBABLE)
    judged = counted.withColumn(Death.rule, rule)
    return Death.shape(judged.withColumns({str(Death.certainty): certainty, str(Death.died_on): F.col(_DIED)}))


def _last_heard(owned: DataFrame, transactions: DataFrame, events: DataFrame) -> DataFrame:
    """person_id, heard_on: the last order, gift or word of each person."""
    owners = owned.select(PersonLink.record_id, PersonLink.person_id)
    said = [
        transactions.select(Transaction.record_id, F.col(Transaction.transaction_date).alias("on")),
        events.select(PermissionEvent.record_id, F.to_date(PermissionEvent.collected_at).alias("on")),
    ]
    everything = said[0].unionByName(said[1]).join(owners, on=PersonLink.record_id, how="inner")
    return everything.groupBy(PersonLink.person_id).agg(F.max("on").alias("heard_on"))


def own_coordinates(hashes: DataFrame, dead: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Of hashed coordinates with their person_id, those of the dead that no living person shares: a widow keeps her letterbox and her line."""
    theirs = hashes.join(F.broadcast(dead.select(PersonLink.person_id)), on=str(PersonLink.person_id), how="left_semi").select(*keys).distinct()
    others = hashes.join(F.broadcast(dead.select(PersonLink.person_id)), on=str(PersonLink.person_id), how="left_anti").select(*keys)
    return theirs.join(others.join(F.broadcast(theirs), on=list(keys), how="left_semi").distinct(), on=list(keys), how="left_anti")
