"""The demonstration's letters: three persons, three rights; and the list of the deceased names the third so that a match is certain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from appetence.contracts.bronze import RawRecord
from appetence.contracts.identity import PersonLink
from appetence.contracts.reference import Commune, FirstName
from appetence.contracts.silver import PermissionEvent, Transaction
from appetence.pipeline.context import Context
from appetence.pipeline.make_demo import _write_requests
from appetence.pipeline.people import standardised
from appetence.privacy import deaths
from appetence.privacy.requests import parse
from appetence.synthetic import world_frames

pytestmark = pytest.mark.spark


def test_the_third_letter_is_of_somebody_whom_the_list_names(make_context: Callable[..., Context]) -> None:
    ctx = make_context()
    spark, lake = ctx.spark, ctx.lake
    known = lake.stage("known", world_frames.build(spark, 300, 1).records)
    _write_requests(ctx, known)
    folder = Path(ctx.config.paths.requests)
    letters = {f.name: parse(f.read_bytes(), f.name, b"key") for f in sorted((folder / "rights").glob("*.yaml"))}
    assert [str(s.right) for s in letters.values()] == ["access", "directive", "erasure"]
    assert len({s.person.email for s in letters.values()}) == 3 and letters["directive_0001.yaml"].wish == "erase"
    assert yaml.safe_load((folder / "rights" / "access_0001.yaml").read_text(encoding="utf-8"))["evidence"] == "signed letter"

    wanted = known.where(RawRecord.email.col == letters["directive_0001.yaml"].person.email).first()
    assert wanted is not None
    said = {
        str(f): wanted[str(f)] for f in RawRecord.content() if str(f) in wanted.asDict() and f not in (RawRecord.record_id, RawRecord.delivered_at)
    }
    line = RawRecord.row(**{**said, "record_id": "r", "delivered_at": dt.datetime(2026, 10, 1, tzinfo=dt.UTC)})
    code = f"{line['postcode'][:2]}001"
    place = {"commune_code": code, "postcode": line["postcode"], "label": line["city"], "label_key": line["city"].upper(), "current_code": code}
    lake.append(Commune, [Commune.row(**place, department=code[:2], region="1")])
    lake.append(FirstName, [FirstName.row(first_name="MARIE", gender="F", decade=1960, per_million=9_000.0)])
    lines = spark.read.text(str(folder / "deaths")).selectExpr("value", "'deces' AS source")
    links = PersonLink.frame(spark, [PersonLink.row(record_id="r", member_id="m01", person_id="p", since=ctx.as_of)])
    records = standardised(ctx, RawRecord.frame(spark, [line]))
    found = deaths.build_deaths(deaths.build_listed(lines), records, links, Transaction.frame(spark), PermissionEvent.frame(spark)).collect()
    assert [(r.person_id, r.certainty, r.rule) for r in found] == [("p", "certain", "whole")]
