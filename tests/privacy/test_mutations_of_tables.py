"""Mutation check of the rights over small tables: a rule broken on purpose, and the ordinary test that must fail then."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from appetence.contracts.privacy import Limitation
from appetence.contracts.silver import PermissionEvent, Record, Transaction
from appetence.features import eligibility
from appetence.privacy import erasure, matching
from appetence.privacy import retention as rt
from appetence.records import corrections
from appetence.storage import differences, lake
from tests.features import test_eligibility
from tests.privacy import test_erasure_sets, test_rectification, test_retention
from tests.privacy.broken import Fault, answers_always, folders_under, seen, value
from tests.storage import test_lake

pytestmark = [pytest.mark.spark, pytest.mark.slow]


def said_of_all(records: DataFrame, events: DataFrame) -> DataFrame:
    """What was said or bought by anybody is taken for everybody's."""
    whose = str(Record.record_id)
    return events.drop(whose).crossJoin(records.select(whose)).select(*events.columns)


def _another_members(right: Any) -> Any:
    return lambda records, bought, *rest: right(records, said_of_all(records, bought), *rest)


def _another_members_word(right: Any) -> Any:
    return lambda records, bought, said, *rest: right(records, bought, said_of_all(records, said), *rest)


def _any_kind(right: Any) -> Any:
    return lambda records, bought, *rest: right(records, bought.withColumn(Transaction.kind, F.lit("order")), *rest)


def _any_word(right: Any) -> Any:
    return lambda records, bought, said, *rest: right(records, bought, said.withColumn(PermissionEvent.status, F.lit("granted")), *rest)


def _ahead(right: Any) -> Any:
    def build(records: Any, bought: Any, said: Any, limits: Any, rules: Any, as_of: dt.date) -> Any:
        known = F.least(F.col(Transaction.transaction_date), F.lit(as_of))
        return right(records, bought.withColumn(Transaction.transaction_date, known), said, limits, rules, as_of)

    return build


def _nobody_frozen(right: Any) -> Any:
    return lambda records, bought, said, limits, *rest: right(records, bought, said, limits.limit(0), *rest)


def _frozen_for_ever(right: Any) -> Any:
    open_ended = F.lit(None).cast("date")
    return lambda limits, day: right(limits.withColumn(Limitation.until, open_ended), day)


def _spares_change_data(right: Any) -> Any:
    return lambda folder, live: right(folder, [*live, *(f for f in folder.rglob("*.parquet") if "_change_data" in f.parts)])


TIMES = test_retention.test_inv_18_each_contribution_has_its_own_time
FEATURED = test_eligibility.test_inv_07_minors_the_limited_the_deceased_and_the_unknown_are_left_out
REACHED = test_erasure_sets.test_inv_22_a_person_of_whom_records_are_left_is_touched_and_a_household_somebody_lives_in_stays
RETURNS = test_erasure_sets.test_inv_23_who_asked_does_not_come_back_and_who_aged_out_may
NAMES = test_retention.test_names_agree_straight_swapped_short_and_misspelt_and_not_otherwise
RIGHTED = test_rectification.test_inv_24_the_newest_correction_holds_against_every_value_that_was_wrong
BYTES = test_lake.test_delete_by_opaque_id_and_purge_leave_no_personal_byte
TABLES: dict[str, Fault] = {
    "another member's purchase prolongs": Fault(rt, "build_retention", _another_members, TIMES),
    "another member's word prolongs": Fault(rt, "build_retention", _another_members_word, TIMES),
    "a refund prolongs": Fault(rt, "build_retention", _any_kind, TIMES),
    "an opposition prolongs": Fault(rt, "build_retention", _any_word, TIMES),
    "a purchase to come prolongs": Fault(rt, "build_retention", _ahead, TIMES),
    "what is frozen ages out": Fault(rt, "build_retention", _nobody_frozen, TIMES),
    "a limitation that ended prolongs": Fault(rt, "live_limitations", _frozen_for_ever, TIMES),
    "a limitation does not freeze scores": Fault(eligibility, "frozen_records", lambda right: lambda *given: right(*given).limit(0), FEATURED),
    "a limitation that ended freezes scores": Fault(eligibility, "frozen_records", _frozen_for_ever, FEATURED),
    "who objects is scored": Fault(eligibility, "objecting_records", lambda right: lambda *given: right(*given).limit(0), FEATURED),
    "the dead are scored": Fault(
        eligibility, "eligible_persons",
        lambda right: lambda persons, links, closed, dead, *rest: right(persons, links, closed, dead.limit(0), *rest),
        FEATURED),
    "who keeps a record is erased whole": Fault(
        erasure, "touched_persons", lambda right: lambda *given: right(*given).withColumn("is_whole", F.lit(True)), REACHED),
    "who keeps a record is not touched": Fault(erasure, "touched_persons", lambda right: lambda *given: right(*given).where("is_whole"), REACHED),
    "a household that somebody lives in is emptied": Fault(
        erasure, "emptied_households",
        lambda right: lambda whole, homes: homes.join(whole, on="person_id", how="left_semi").select("household_id").distinct(), REACHED),
    "an erased record is taken again": Fault(erasure, "filter_erased", value(lambda frame, *_: frame), RETURNS),
    "who aged out never returns": Fault(erasure, "OF_PERSONS", value(tuple(erasure.Cause)), RETURNS),
    "who died returns": Fault(erasure, "OF_PERSONS", value((erasure.Cause.REQUEST,)), RETURNS),
    "the id of a person bars a record": Fault(
        erasure, "hashed_ids", lambda right: lambda ids, pads, _: right(ids, pads, erasure.Subject.RECORD), RETURNS),
    "a brother is the one who asks": Fault(matching, "_first_agrees", value(lambda asked, held: F.lit(True)), NAMES),
    "a namesake is the one who asks": Fault(matching, "_last_agrees", value(lambda asked, held: F.lit(True)), NAMES),
    "a typing error is another person": Fault(matching, "_close", value(lambda a, b: a == b), NAMES),
    "a correction does not hold": Fault(test_rectification, "with_corrections", value(lambda lines, *_: lines), RIGHTED),
    "a correction outlives the member's new word": Fault(
        corrections, "_standing", value(lambda column: F.coalesce(F.col("_corrections")[column]["value"], F.col(column))), RIGHTED),
    "a statistic of a personal column stays in the log": Fault(differences, "table_properties", answers_always({}), BYTES),
    "older files stay": Fault(lake, "sweep", answers_always(1), BYTES),
    "change data stay": Fault(lake, "sweep", _spares_change_data, test_lake.test_a_purge_reaches_change_data),
}  # fmt: skip


@pytest.mark.parametrize("fault", TABLES)
def test_no_rule_over_tables_can_break_unseen(fault: str, spark: SparkSession, tmp_path: Path) -> None:
    folders = folders_under(tmp_path)

    def empty() -> lake.Lake:
        return lake.Lake(spark, str(folders() / "lake"), "run-1", str(folders() / "scratch"))

    assert seen(TABLES[fault], {"spark": lambda: spark, "lake": empty, "tmp_path": folders}), f"no test tells that {fault}"
