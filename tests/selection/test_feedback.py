"""What routers tell back changes the next selection and what is cut and not sent: by channel, and for the person told of only."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.columns.hashing import pads
from appetence.contracts.campaign import Campaign, Export, ExportLine, Feedback, Selection
from appetence.errors import RightsError
from appetence.pipeline.load_reference import law_rule_rows
from appetence.selection import caps, feedback
from appetence.selection.candidates import Sources, build_candidates
from appetence.selection.recheck import still_lawful
from appetence.selection.terms import Terms
from tests.selection.coop import AS_OF, PEPPER, campaign, generate, law, local, sources, terms
from tests.selection.oracle import Oracle

GOOD = "reference;event;at\n00AA11BB22CC33DD;moved;2026-11-20\n\n00aa11bb22cc33de;stop;2026-11-20T10:15\n"


def test_lines_are_read_and_each_bad_one_is_named() -> None:
    told = feedback.read_file(
        (GOOD + "x;stop;2026-11-20\n00AA11BB22CC33DD;angry;2026-11-20\n00AA11BB22CC33DD;stop;20/11/2026\na;b\n").encode(), "r.csv"
    )
    assert [(line[0], line[1], line[2].isoformat()) for line in told.lines] == [
        ("00AA11BB22CC33DD", "moved", "2026-11-20T23:59:59+00:00"), ("00AA11BB22CC33DE", "stop", "2026-11-20T10:15:00+00:00"),
    ]  # fmt: skip
    for place, remedy in (
        ("line 5", "copy it from the file"),
        ("line 6", "use one of them"),
        ("line 7", "write 2026-12-03"),
        ("line 8", "separators"),
    ):
        assert any(s.startswith(f"r.csv, {place}: ") and remedy in s for s in told.faults), told.faults
    assert len(told.refused) == 4


@pytest.mark.parametrize(("content", "says"), [(b"a;b\n", "the columns must be"), (GOOD.encode() + b"\xff", "not UTF-8")])
def test_a_file_that_cannot_be_read_is_refused_whole(content: bytes, says: str) -> None:
    with pytest.raises(RightsError, match=says):
        feedback.read_file(content, "r.csv")


def _check_places(found: DataFrame, unfit: tuple[str, str], trap: tuple[str, str]) -> None:
    """What is of no piece, what cannot be said by its channel and what is of a trap are told apart."""
    flags = {(r["reference"], r["event"]): (r["is_known"], r["fits"], r["person_id"]) for r in found.collect()}
    assert flags["FFFFFFFFFFFFFFFF", "stop"][0] is False and flags[unfit][:2] == (True, False)
    assert flags[trap] == (True, True, None)


def _cut(spark: SparkSession, s: Sources, said: Terms) -> DataFrame:
    """The selection as it was cut before anything was told back."""
    names = ("person_id", "household_id", "record_id", "member_id", "channel")
    rests_on = build_candidates(s, said).where(F.size("reasons") == 0).select(*names).collect()
    return local(spark, Selection, [{**r.asDict(), "campaign_id": "essai", "cell": "mail"} for r in rests_on])


@pytest.fixture
def key(spark: SparkSession) -> DataFrame:
    inner, outer = pads(PEPPER)
    return spark.createDataFrame([(bytearray(inner), bytearray(outer))], "inner_pad binary, outer_pad binary")


@pytest.mark.spark
@pytest.mark.slow  # cuts the same co-operative before and after, and asks again
def test_a_stop_a_complaint_and_a_removal_change_the_next_selection_and_an_unsent_export(
    spark: SparkSession, conf_folder: str, key: DataFrame
) -> None:
    spec = campaign(seed=5)
    coop, said, rules = generate(5, 260, spec), terms(conf_folder, spec), law_rule_rows(law(conf_folder))
    s, oracle = sources(spark, coop, rules), Oracle(coop, said)
    free = [p for p in oracle.universe() if not oracle.decide(p)[2]]
    used = {p: min(r["record_id"] for r in oracle.records[p]) for p in free}
    stopped, complains, moved, bounced_mail, unsubscribed = free[:5]
    mate = next((p for p in free[5:] if oracle.home[p] == oracle.home[moved]), None)
    references = {p: f"{i:016X}" for i, p in enumerate(free)}

    def told(event: str, person: str, at: str = "2026-11-01T08:00") -> Any:
        return feedback.read_file(f"reference;event;at\n{references[person]};{event};{at}\n".encode(), f"{event}.csv").lines[0]

    lines = [told("stop", stopped), told("complaint", complains), told("moved", moved)]
    wrong = [("FFFFFFFFFFFFFFFF", *told("stop", stopped)[1:]), told("unsubscribe", unsubscribed), told("bounce", bounced_mail)]
    trap = [("E" * 16, *told("stop", stopped)[1:])]
    export_lines = [{"export_id": "x", "reference": ref, "campaign_id": "avant", "person_id": p} for p, ref in references.items()]
    export_lines.append({"export_id": "x", "reference": trap[0][0], "campaign_id": "avant", "person_id": None})
    before = [{"campaign_id": "avant", "channel": "post", "person_id": p, "record_id": used[p], "cell": "mail"} for p in free]
    found = feedback.placed(
        spark.createDataFrame([*lines, *wrong, *trap], feedback.LINES), local(spark, ExportLine, export_lines),
        local(spark, Export, [{"export_id": "x", "campaign_id": "avant", "channel": "post"}]), local(spark, Selection, before),
        local(spark, Campaign, [{"campaign_id": "avant", "client_id": "r_vad", "product": "prospect", "purpose": "commercial", "drop_date": AS_OF}]),
    ).cache()  # fmt: skip
    _check_places(found, (references[unsubscribed], "unsubscribe"), (trap[0][0], "stop"))
    rows = feedback.build_feedback(found, s.record, key, AS_OF, "1").collect()
    assert {(r["event"], r["person_id"]) for r in rows} == {("stop", stopped), ("complaint", complains), ("moved", moved), ("bounce", bounced_mail)}
    assert all(bool(r["coordinate_hashes"]) == (r["event"] in feedback.DEAD) for r in rows)
    clients = spark.createDataFrame([("r_vad", None)], "client_id string, own_member string")
    events = feedback.opposition_events(found, s.person_link, clients).collect()
    asked = {(e["record_id"], e["channel"], e["use"], e["purpose"]) for e in events}
    records = {p: [r["record_id"] for r in coop.of("person_link") if r["person_id"] == p] for p in (stopped, complains)}
    assert {a for a in asked if a[0] in records[stopped]} == {(r, "post", "prospect", "commercial") for r in records[stopped]}
    assert len({a for a in asked if a[0] in records[complains]}) == 12 * len(records[complains]) and {a[1] for a in asked} == {"post"}
    assert {a[0] for a in asked} == {*records[stopped], *records[complains]}, "nobody else is taken to have opposed"

    heard = local(spark, Feedback, [r.asDict() for r in rows])
    said_since = spark.createDataFrame([e.asDict() for e in events], s.permission_event.schema)
    now = replace(
        s, record=feedback.without_dead_coordinates(s.record, heard, s.hashes, s.person_link, key), calls=feedback.calls_told(heard, s.person_link),
        permission_event=s.permission_event.unionByName(said_since),
    )  # fmt: skip
    next_time = {r["person_id"]: r["reasons"] for r in build_candidates(now, said).collect()}
    assert next_time[stopped][0] == "PERMISSION" and next_time[complains][0] == "PERMISSION"
    assert next_time[moved] == ["DELIVERABLE"] == next_time[bounced_mail]
    others = {p for p in free if p not in (stopped, complains, moved, bounced_mail)}
    assert {p for p, reasons in next_time.items() if not reasons} == others, "everybody else stays, those at the same address included"
    assert mate is None or not next_time[mate]
    assert {r["person_id"] for r in still_lawful(_cut(spark, s, said), now, said).collect()} == others


@pytest.mark.spark
def test_attempts_count_and_a_refusal_closes_the_line_for_its_rest(spark: SparkSession, conf_folder: str) -> None:
    said = terms(conf_folder, campaign(channels=("phone",), client="r_m04", drop_date=dt.date(2026, 11, 17)))
    planned = spark.createDataFrame(
        [("p1", "c1", dt.date(2026, 11, 1), "r_m04", "phone"), ("p1", "c2", dt.date(2026, 11, 5), "r_m04", "phone"),
         ("p4", "c9", dt.date(2026, 11, 5), "r_vad", "phone")],
        "person_id string, campaign_id string, drop_date date, client_id string, channel string",
    )  # fmt: skip
    calls = [("p1", "c1", "r_m04", dt.date(2026, 11, 1 + i), False) for i in range(3)]
    calls += [("p2", "c0", "r_m04", dt.date(2026, 9, 20), True), ("p3", "c0", "r_m04", dt.date(2026, 9, 1), True)]
    calls += [("p4", "c9", "r_vad", dt.date(2026, 11, 5), True)]
    told = spark.createDataFrame(calls, "person_id string, campaign_id string, client_id string, `on` date, is_refusal boolean")
    found = {r["person_id"]: r["calls"] for r in caps.calls_made(planned, said, told).collect()}
    assert found == {"p1": 4, "p2": 4}, "three attempts and a planned one; a refusal 58 days ago; not one 77 days ago, nor another client's"
    assert {r["person_id"]: r["calls"] for r in caps.calls_made(planned, said).collect()} == {"p1": 2}
