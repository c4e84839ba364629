"""From persons to clusters in the lake: named groups, a lasting id, nobody left out but who is unknown, and a rerun that changes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from pyspark.sql import functions as F

from appetence.contracts.gold import Cluster, Segment
from appetence.contracts.identity import HouseholdLink, Person, PersonLink
from appetence.contracts.reference import Commune, FirstName, Instruction
from appetence.pipeline import enrich_persons
from appetence.pipeline.context import Context

pytestmark = pytest.mark.spark
EARLIER, LATER = dt.date(2026, 9, 30), dt.date(2026, 10, 31)
KINDS = [("a", 1948, 1, "01001"), ("b", 1986, 4, "01004"), ("c", 2001, 1, "75056")]
"""Letter, year of birth, size of the household, commune."""


def fill(ctx: Context) -> None:
    """Thirty persons of each kind, and two of whom nothing is known."""
    known = [(f"{k}{n:02d}", year, size, commune) for k, year, size, commune in KINDS for n in range(30)]
    unknown = [(f"x{n}", None, 1, None) for n in range(2)]
    persons = [
        {"person_id": p, "household_id": f"h{p}", "birth_date": dt.date(y, 3, 1) if y else None, "commune_code": c, "member_count": 1}
        for p, y, _, c in [*known, *unknown]
    ]
    ctx.lake.insert_new(Person, Person.frame(ctx.spark, persons))
    homes = [{"person_id": p, "household_id": f"h{p}", "household_size": size} for p, _, size, _ in [*known, *unknown]]
    ctx.lake.insert_new(HouseholdLink, HouseholdLink.frame(ctx.spark, homes))
    links = [{"person_id": r["person_id"], "record_id": f"{r['person_id']}@m01", "member_id": "m01"} for r in persons]
    ctx.lake.insert_new(PersonLink, PersonLink.frame(ctx.spark, links))
    ctx.lake.insert_new(Instruction, Instruction.frame(ctx.spark, [{"instruction_id": "i1", "member_id": "m01", "adults_only": True}]))
    places = [("01001", "01", 900), ("01004", "01", 15_000), ("75056", "75", 2_100_000)]
    communes = [{"commune_code": c, "postcode": c, "department": d, "population": n, "current_code": c, "region": "84"} for c, d, n in places]
    ctx.lake.insert_new(Commune, Commune.frame(ctx.spark, communes))
    ctx.lake.insert_new(FirstName, FirstName.frame(ctx.spark, [{"first_name": "MARIE", "gender": "F", "decade": 1960, "per_million": 900.0}]))


def test_clusters_are_named_last_and_are_the_same_when_made_again(make_context: Callable[..., Context]) -> None:
    first = make_context(as_of=EARLIER)
    fill(first)
    assert enrich_persons.run(first).details["clusters"] == 3
    later = make_context(as_of=LATER, run_id="run-2")
    enrich_persons.run(later)
    rows = {d: {r.cluster_id: (r.label, r.persons) for r in later.lake.read(Cluster).where(F.col("cutoff") == d).collect()} for d in (EARLIER, LATER)}
    assert rows[LATER] == rows[EARLIER]
    assert sorted(rows[LATER].values()) == [
        ("Familles des villes", 30), ("Jeunes adultes seuls des grandes villes", 30), ("Retraités des campagnes", 30),
    ]  # fmt: skip
    made = later.lake.read(Segment).where(F.col(Segment.cutoff) == LATER).collect()
    by_kind = {kind: {r.cluster for r in made if r.person_id[0] == kind} for kind in "abcx"}
    assert by_kind == {
        "a": {"Retraités des campagnes"}, "b": {"Familles des villes"}, "c": {"Jeunes adultes seuls des grandes villes"}, "x": {None},
    }  # fmt: skip
    assert {r.segment for r in made if r.person_id[0] == "a"} == {"Retraités des campagnes"} and len(made) == 92, "the segment is as it was"
    versions = [later.lake.version(t) for t in (Segment, Cluster)]
    enrich_persons.run(make_context(as_of=LATER, run_id="run-3"))
    assert [later.lake.version(t) for t in (Segment, Cluster)] == versions, "made again, nothing changes"
