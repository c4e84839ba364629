"""Whose data a request is about: coordinates find candidates, names and birth dates confirm them, and doubt goes to the officer.

Nobody may receive or lose another person's data. A record is the asker's when a coordinate of it and a name on it are the asker's, and no
birth date contradicts. Names agree in the comparison form, straight or swapped, with one initial or up to two typing errors. When the
resolved person of such a record also holds records that do not agree, or when records agree in several persons and no birth date settles
it, the request is parked. Cost: one pass over the coordinates of all records, joined with the few that were asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.columns.coordinates import COORDINATE, KIND, ROUGH, coordinates
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import Record

REQUEST_ID = "request_id"
_ASKED = "asked_"
_COMPARED = (Record.first_name, Record.last_name, Record.other_first_name, Record.birth_name, Record.birth_date)


@dataclass(frozen=True)
class Identified:
    """What was found of one request: the person's records, or why an officer must look, or that nothing is held."""

    request_id: str
    outcome: Literal["found", "doubtful", "unknown"]
    reason: str = ""
    person_ids: tuple[str, ...] = ()
    record_ids: tuple[str, ...] = ()
    member_ids: tuple[str, ...] = ()


def _close(a: Column, b: Column) -> Column:
    distance = F.levenshtein(a, b, 2)
    tolerated = F.when(F.least(F.length(a), F.length(b)) >= 6, 2).otherwise(F.when(F.least(F.length(a), F.length(b)) >= 4, 1).otherwise(0))
    return (distance >= 0) & (distance <= tolerated)


def _shares_word(a: Column, b: Column) -> Column:
    # Compound surnames lose a half between files; a shared word of four letters or more is enough beside a coordinate and a first name.
    words = F.filter(F.array_intersect(F.split(a, " "), F.split(b, " ")), lambda w: F.length(w) >= 4)
    return F.size(words) > 0


def _first_agrees(asked: Column, held: Column) -> Column:
    initial = ((F.length(held) == 1) | (F.length(asked) == 1)) & (F.substring(asked, 1, 1) == F.substring(held, 1, 1))
    return held.isNull() | _close(asked, held) | initial | _shares_word(asked, held)


def _last_agrees(asked: Column, held: Column) -> Column:
    return F.coalesce(_close(asked, held) | _shares_word(asked, held), F.lit(False))


def names_agree() -> Column:
    """Whether the names of a row are those of `asked_…`: straight, under the birth name, or swapped. A row without surname never agrees."""
    first, last = F.col(_ASKED + Record.first_name), F.col(_ASKED + Record.last_name)
    # A line may name two: whoever of them asks is its person. It holds one birth date, which may then be the other one's and contradict.
    other = F.col(Record.other_first_name)
    straight = (_first_agrees(first, F.col(Record.first_name)) | (other.isNotNull() & _first_agrees(first, other))) & (
        _last_agrees(last, F.col(Record.last_name)) | _last_agrees(last, F.col(Record.birth_name))
    )
    swapped = _last_agrees(last, F.col(Record.first_name)) & _first_agrees(first, F.col(Record.last_name))
    return F.coalesce(straight | (swapped & F.col(Record.last_name).isNotNull()), F.lit(False))


def birth_agreement() -> Column:
    """`equal`, `contradicting`, or null when one side is silent."""
    asked, held = F.col(_ASKED + Record.birth_date), F.col(Record.birth_date)
    return F.when(asked == held, "equal").when(asked != held, "contradicting")


def build_candidates(asked: DataFrame, records: DataFrame, links: DataFrame) -> DataFrame:
    """Every record of every person that shares a coordinate with a request, and how it agrees.

    `asked`: one row per request in the columns of silver.record plus request_id. Gives one row per request and record: request_id,
    record_id, member_id, person_id (null before resolution), is_bare, has_coordinate, names_agree, birth_agreement. Its size is that of the
    answer, not of the base.
    """
    wanted = coordinates(asked, REQUEST_ID).where(~F.col(KIND).isin(*map(str, ROUGH)))
    shared = coordinates(records, Record.record_id).join(F.broadcast(wanted), on=[KIND, COORDINATE], how="inner")
    direct = shared.select(REQUEST_ID, Record.record_id).distinct().withColumn("has_coordinate", F.lit(True))
    owners = links.select(PersonLink.record_id, PersonLink.person_id)
    persons = direct.join(owners, on=Record.record_id, how="inner").select(REQUEST_ID, PersonLink.person_id).distinct()
    clustered = owners.join(F.broadcast(persons), on=PersonLink.person_id, how="inner").select(REQUEST_ID, Record.record_id)
    listed = clustered.unionByName(direct.select(REQUEST_ID, Record.record_id)).distinct()
    names = asked.select(REQUEST_ID, *(F.col(c).alias(_ASKED + c) for c in _COMPARED))
    return (
        records.select(Record.record_id, Record.member_id, Record.is_bare, *_COMPARED)
        .join(F.broadcast(listed), on=Record.record_id, how="inner")
        .join(F.broadcast(names), on=REQUEST_ID, how="inner")
        .join(F.broadcast(direct), on=[REQUEST_ID, Record.record_id], how="left")
        .join(owners, on=Record.record_id, how="left")
        .select(
            REQUEST_ID, Record.record_id, Record.member_id, PersonLink.person_id, Record.is_bare,
            F.coalesce(F.col("has_coordinate"), F.lit(False)).alias("has_coordinate"),
            names_agree().alias("names_agree"), birth_agreement().alias("birth_agreement"),
        )
    )  # fmt: skip


def agrees(candidate: Mapping[str, Any]) -> bool:
    """Whether a row of `build_candidates` bears the asker's names and no other birth date."""
    return bool(candidate["names_agree"]) and candidate["birth_agreement"] != "contradicting"


def identify(request_id: str, candidates: Sequence[Mapping[str, Any]], *, is_confirmed: bool = False) -> Identified:
    """The verdict over one request's rows of `build_candidates`; with `is_confirmed` an officer settled the doubt for what agrees."""
    agreeing = [c for c in candidates if c["has_coordinate"] and agrees(c)]
    if not candidates:
        return Identified(request_id, "unknown", "No record holds these coordinates; nothing is kept under them.")
    if not agreeing:
        says = "born on another day" if any(c["names_agree"] for c in candidates) else "under another name"
        return Identified(request_id, "doubtful", f"These coordinates are held by somebody {says}; the officer checks identity first.")
    persons = _persons(agreeing)
    mine = [c for c in candidates if _unit(c) in persons]
    strangers = [c for c in mine if not c["is_bare"] and not agrees(c)]
    if is_confirmed:
        return _found(request_id, persons, [c for c in mine if c not in strangers])
    if len(persons) > 1 and not all(any(c["birth_agreement"] == "equal" for c in agreeing if _unit(c) == p) for p in persons):
        says = f"{len(persons)} persons answer to this name and these coordinates; the officer finds out who asks (a birth date would tell)."
        return Identified(request_id, "doubtful", says)
    if strangers:
        says = f"{len(strangers)} of the {len(mine)} records linked to this person bear another name or birth date; the officer checks."
        return Identified(request_id, "doubtful", says)
    return _found(request_id, persons, mine)


def _unit(candidate: Mapping[str, Any]) -> str:
    return candidate["person_id"] or f"record:{candidate['record_id']}"


def _persons(candidates: Iterable[Mapping[str, Any]]) -> set[str]:
    return {_unit(c) for c in candidates}


def _found(request_id: str, persons: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Identified:
    listed = list(rows)
    return Identified(
        request_id, "found", "",
        tuple(sorted(p for p in persons if not p.startswith("record:"))),
        tuple(sorted({c["record_id"] for c in listed})),
        tuple(sorted({c["member_id"] for c in listed})),
    )  # fmt: skip
