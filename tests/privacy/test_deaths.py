"""Planted deaths: certain only where all agrees, probable where something is open, nothing for a namesake; the living keep what they share."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.bronze import RawRecord
from appetence.contracts.identity import PersonLink
from appetence.contracts.privacy import Death, Directive, Suppression
from appetence.contracts.silver import PermissionEvent, Record, Transaction
from appetence.pipeline import match_deaths
from appetence.pipeline.people import standardised
from appetence.privacy import deaths as d
from tests.privacy import coop as c

pytestmark = pytest.mark.spark
DIED = "20260314"


def line(names: str, sex: str, born: str, died: str = DIED, at: str = "59350") -> str:
    """One line of the list, to the width of its published layout."""
    whole = f"{names}/".ljust(80) + sex + born + "59350" + "LILLE".ljust(30) + "".ljust(30) + died + at + "123".ljust(9) + " " * 22
    assert len(whole) == 198
    return whole


LINES = [
    line("MOREL*JEANNE LOUISE", "2", "19520315"),
    line("BLANCHARD*CLAIRE", "2", "19480704"),
    line("GARNIER*PAUL", "1", "19550101", at="13055"),
    line("LEFEVRE*MARIE", "2", "19510505"),
    line("LEFEBRE*LUCIENNE", "2", "19510606"),
    line("LEFEBRE*LUCIENNE", "2", "19510607", at="13055"),
    line("FONTAINE*HUGO", "1", "19601111"),
    line("ROUSSEL*LUC", "1", "19570202"),
    line("MASSON*CAMILLE", "1", "19470808"),
    line("CHEVALIER*JEAN", "1", "19660909"),
    line("INCONNU*JEAN", "1", "19000000"),
    line("INCONNU*JEAN", "1", "19500101", died="20260200"),
    line("SANSPRENOM", "1", "19500101"),
    "TROP*COURT/",
]


def rows(spark: SparkSession, *people: dict[str, object]):
    base = {"member_id": "m01", "department": "59", "is_bare": False, "is_company": False}
    return Record.frame(spark, [Record.row(**{**base, **p}) for p in people])


def born(text: str) -> dt.date:
    return dt.datetime.strptime(text, "%Y%m%d").date()


def test_each_case_gets_its_certainty_and_its_word(spark: SparkSession) -> None:
    listed = d.build_listed(spark.createDataFrame([(t, f"deces.txt:{n}") for n, t in enumerate(LINES)], "value string, source string"))
    usable = listed.collect()
    assert len(usable) == 10 and {r.d_department for r in usable} == {"59", "13"} and {r.d_died for r in usable} == {born(DIED)}
    records = rows(
        spark,
        {"record_id": "whole", "first_name": "JEANNE", "last_name": "MOREL", "birth_date": born("19520315"), "gender": "F"},
        {"record_id": "maiden", "first_name": "CLAIRE", "last_name": "DURAND", "birth_name": "BLANCHARD", "birth_date": born("19480704")},
        {"record_id": "elsewhere", "first_name": "PAUL", "last_name": "GARNIER", "birth_date": born("19550101")},
        {"record_id": "twin_a", "first_name": "MARIE", "last_name": "LEFEVRE", "birth_date": born("19510505")},
        {"record_id": "twin_b", "first_name": "MARIE", "last_name": "LEFEVRE", "birth_date": born("19510505")},
        {"record_id": "typing", "first_name": "LUCIENNE", "last_name": "LEFEVRE", "birth_date": born("19510606")},
        {"record_id": "typing_far", "first_name": "LUCIENNE", "last_name": "LEFEVRE", "birth_date": born("19510607")},
        {"record_id": "alive", "first_name": "HUGO", "last_name": "FONTAINE", "birth_date": born("19601111")},
        {"record_id": "last_order", "first_name": "LUC", "last_name": "ROUSSEL", "birth_date": born("19570202")},
        {"record_id": "other_sex", "first_name": "CAMILLE", "last_name": "MASSON", "birth_date": born("19470808"), "gender": "F"},
        {"record_id": "longer_name", "first_name": "JEANNE", "last_name": "CHEVALIER", "birth_date": born("19660909")},
        {"record_id": "other_day", "first_name": "JEANNE", "last_name": "MOREL", "birth_date": born("19520316")},
        {"record_id": "no_day", "first_name": "JEANNE", "last_name": "MOREL"},
    )
    links = PersonLink.frame(spark, [PersonLink.row(record_id=r[0], person_id=f"p_{r[0]}") for r in records.select("record_id").collect()])
    bought = Transaction.frame(spark, [
        Transaction.row(transaction_id="1", record_id="alive", transaction_date=dt.date(2026, 9, 1)),
        Transaction.row(transaction_id="2", record_id="last_order", transaction_date=dt.date(2026, 4, 2)),
    ])  # fmt: skip
    found = {
        r.person_id: (r.certainty, r.rule, r.died_on) for r in d.build_deaths(listed, records, links, bought, PermissionEvent.frame(spark)).collect()
    }
    assert found == {
        "p_whole": ("certain", "whole", born(DIED)), "p_maiden": ("certain", "whole", born(DIED)),
        "p_elsewhere": ("probable", "unplaced", born(DIED)), "p_twin_a": ("probable", "ambiguous", born(DIED)),
        "p_twin_b": ("probable", "ambiguous", born(DIED)), "p_typing": ("probable", "near", born(DIED)),
        "p_alive": ("probable", "active_since", born(DIED)), "p_last_order": ("certain", "whole", born(DIED)),
    }  # fmt: skip


def test_the_job_closes_the_dead_spares_the_widow_and_changes_nothing_when_run_again(spark: SparkSession, conf_folder: str, tmp_path: Path) -> None:
    ctx = c.context(spark, tmp_path / "root", conf_folder, "deaths")
    coop = c.people(4, seed=3)
    folder = c.prepare(ctx) / "deaths"
    folder.mkdir()
    # Persons 2 and 3 share a home, here also a line: it stays the survivor's.
    lines = [{**r, "mobile": "0612345678" if r["record_id"] in coop.records_of(2) + coop.records_of(3) else None} for r in c.raw_rows(coop)]
    c.put(ctx, RawRecord, lines)
    ctx.lake.insert_new(Record, standardised(ctx, ctx.lake.read(RawRecord)))
    c.put(ctx, PersonLink, [PersonLink.row(record_id=r["record_id"], member_id=r["member_id"], person_id=r["person_id"], since=c.AS_OF)
                            for r in coop.records])  # fmt: skip
    c.put(ctx, Directive, [Directive.row(directive_id="d1", person_id=coop.persons[3]["person_id"], wish="erase", given_on=c.AS_OF)])
    who = coop.persons[2]
    names = f"{who['last_name']}*{who['first_name']} ANNE"
    (folder / "deces-2026-m03.txt").write_text(line(names, "2", who["birth_date"].replace("-", "")) + "\n", encoding="utf-8")
    counts = match_deaths.run(ctx)
    assert counts.details["certain"] == 1 and counts.details["suppressions"] > 0 and counts.details["erased_rows"] == 0
    death = ctx.lake.read(Death).collect()
    assert [(r.person_id, r.certainty, r.source) for r in death] == [(who["person_id"], "certain", "deces-2026-m03.txt")]
    kinds = {r.kind: r.source for r in ctx.lake.read(Suppression).collect()}
    assert set(kinds) == {"email", "postal"} and set(kinds.values()) == {"deaths"}, "not the shared line, not the family"
    held = {t: ctx.lake.version(t) for t in (Death, Suppression)}
    again = match_deaths.run(ctx)
    assert again.details["audit"] == [] and {t: ctx.lake.version(t) for t in held} == held
