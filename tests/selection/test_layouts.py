"""The lines of exported files: whole rows, the layout's columns only, and nothing that is ours."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from appetence.columns.hashing import pads
from appetence.contracts.campaign import Selection
from appetence.contracts.silver import PermissionEvent, Record
from appetence.exchange.layouts import BY_CHANNEL, HOUSE
from appetence.selection.layouts import Wording, house_lines, joined, lines_for
from tests.selection.coop import CHANNELS, law, local

pytestmark = pytest.mark.spark

KEY = b"key of the tests"
FORBIDDEN = {"person_id", "household_id", "record_id", "member_id", "probability", "raw_score", "sector", "rank", "customer_ref"}


def _token(purpose: str, *values: str) -> str:
    return hmac.new(KEY, "|".join([purpose, *values]).encode(), hashlib.sha256).hexdigest()[:16].upper()


@pytest.fixture(scope="module")
def written(spark: SparkSession, conf_folder: str) -> dict[str, list[dict[str, Any]]]:
    """The lines of each channel of two selected persons and one held out."""
    person: dict[str, Any] = {
        "record_id": "r1", "member_id": "m1", "customer_ref": "C9", "civility": "MME", "first_name": "LEA", "last_name": "DUPONT",
        "address_lines": ["MME LEA DUPONT", "12 RUE NATIONALE", "59000 LILLE"], "email": "lea@free.fr", "mobile": "+33612345678",
        "mobile_grade": "A", "landline": "+33320000000", "landline_grade": "A",
    }  # fmt: skip
    other = {**person, "record_id": "r2", "civility": None, "email": "b@free.fr", "mobile": None, "mobile_grade": "absent"}
    cut = {"campaign_id": "essai", "member_id": "m1", "decile": 3, "permission_event_id": "e1"}
    selection = [
        {**cut, "person_id": "p1", "record_id": "r1", "reference": "REF1", "key_code": "ESSAI.MAIL.D03.TOUS"},
        {**cut, "person_id": "p2", "record_id": "r2", "reference": "REF2", "key_code": "ESSAI.MAIL.D03.TOUS"},
        {**cut, "person_id": "p3", "record_id": "r1", "reference": "REF3", "key_code": None},
    ]
    rows = joined(local(spark, Selection, selection), local(spark, Record, [person, other]))
    events = local(spark, PermissionEvent, [{"event_id": "e1", "collected_at": dt.datetime(2026, 3, 2, 9, 30)}])
    calls = spark.createDataFrame([("p1", 1)], "person_id string, calls int")
    inner, outer = pads(KEY)
    keyed = spark.createDataFrame([(bytearray(inner), bytearray(outer))], "inner_pad binary, outer_pad binary")
    wording = Wording("Citez {reference}.", law(conf_folder).phone_hours)
    frames: dict[str, DataFrame] = {c: lines_for(c, rows, wording, keyed, events, calls) for c in CHANNELS}
    frames["house"] = house_lines(rows)
    return {name: [r.asDict() for r in sorted(f.collect(), key=str)] for name, f in frames.items()}


def test_inv_31_each_layout_holds_its_columns_and_nothing_of_ours(written: dict[str, list[dict[str, Any]]]) -> None:
    for channel in CHANNELS:
        assert set(written[channel][0]) == set(BY_CHANNEL[channel].columns)  # type: ignore[index]  # a channel is its name
        assert not set(written[channel][0]) & FORBIDDEN
        assert {line["reference"] for line in written[channel]} == {"REF1", "REF2"}, "whoever is held out gets no piece"
    assert set(written["house"][0]) == set(HOUSE.columns)
    assert written["house"] == [{"customer_ref": "C9", "decile": "3"}] * 2


def test_inv_31_whole_lines_by_channel(written: dict[str, list[dict[str, Any]]]) -> None:
    post = next(line for line in written["post"] if line["reference"] == "REF1")
    assert post == {
        "civility": "MME", "line_1": "MME LEA DUPONT", "line_2": "12 RUE NATIONALE", "line_3": "59000 LILLE", "line_4": "", "line_5": "",
        "line_6": "", "key_code": "ESSAI.MAIL.D03.TOUS", "reference": "REF1", "source_mention": "Citez REF1.",
    }  # fmt: skip
    email = next(line for line in written["email"] if line["reference"] == "REF2")
    assert email["email"] == "b@free.fr" and email["civility"] == ""
    assert email["unsubscribe_token"] == _token("unsubscribe", "essai", "REF2")
    phones = {line["reference"]: line for line in written["phone"]}
    assert (phones["REF1"]["phone"], phones["REF2"]["phone"]) == ("+33612345678", "+33320000000")
    assert (phones["REF1"]["attempts_left"], phones["REF2"]["attempts_left"]) == ("3", "4")
    assert phones["REF1"]["consent_at"] == "2026-03-02T09:30:00Z" and phones["REF1"]["consent_reference"] == _token("consent", "e1")
    assert phones["REF1"]["call_windows"] == "lun mar mer jeu ven 10:00-13:00, 14:00-20:00, hors jours feries"
    assert {line["stop_token"] for line in written["sms"]} == {_token("stop", "essai", r) for r in ("REF1", "REF2")}
