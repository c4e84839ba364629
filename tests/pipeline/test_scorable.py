"""Who opposed what a model is for, with every member that could supply them, is not scored."""

from __future__ import annotations

import datetime as dt

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.domain import Purpose, Use
from appetence.contracts.identity import PersonLink
from appetence.contracts.silver import PermissionEvent
from appetence.pipeline.scorable import opposed_persons

DAY = dt.date(2026, 10, 31)


@pytest.mark.spark
def test_who_is_opposed_with_every_member_is_told_and_nobody_else(spark: SparkSession) -> None:
    said = {  # person@member -> what was said, oldest first: channel, status, and what differs from a proven word on prospecting
        "a@m1": [("post", "granted", {}), ("post", "opposed", {}), ("email", "opposed", {})],
        "b@m1": [("post", "opposed", {})], "b@m2": [],
        "c@m1": [("post", "opposed", {}), ("post", "granted", {})],
        "d@m1": [("post", "opposed", {}), ("post", "granted", {"collection_point": " "})],
        "e@m1": [("post", "opposed", {"use": "house"})],
        "f@m1": [("post", "opposed", {"purpose": "caritative"})],
        "g@m1": [("email", "granted", {}), ("post", "withdrawn", {})],
        "h@m1": [("post", "opposed", {})], "h@m3": [("post", "granted", {})],
        "i@m1": [("post", "opposed", {"collected_at": dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)})],
        "j@m1": [("post", "opposed", {})], "j@m2": [("post", "withdrawn", {})],
        "k@m3": [("post", "opposed", {})],
    }  # fmt: skip
    links = PersonLink.frame(spark, [{"record_id": r, "person_id": r[0], "member_id": r[2:]} for r in said])
    plain = {"use": "prospect", "purpose": "commercial", "basis": "information", "wording_version": "v1", "collection_point": "web"}
    events = PermissionEvent.frame(spark, [
        {"event_id": f"{r}{n}", "record_id": r, "member_id": r[2:], "channel": channel, "status": status, **plain,
         "collected_at": dt.datetime(2026, 1, 1 + n, 9, tzinfo=dt.UTC), **more}
        for r, words in said.items() for n, (channel, status, more) in enumerate(words)
    ])  # fmt: skip
    # m3 may not supply this campaign: its yes counts for nothing, and who is known to it alone is not told of.
    found = opposed_persons(events, links, {"m1", "m2"}, Use.PROSPECT, Purpose.COMMERCIAL, DAY)
    assert sorted(r.person_id for r in found.collect()) == ["a", "d", "h", "j"]
