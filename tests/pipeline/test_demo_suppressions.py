"""The demonstration's suppression list against the truth: who is found alone, by identity, not at all, and who should not be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from appetence.contracts.bronze import RawRecord
from appetence.contracts.identity import PersonLink
from appetence.contracts.local import local_frame
from appetence.contracts.privacy import Suppression
from appetence.contracts.silver import Record
from appetence.pipeline.context import Context
from appetence.pipeline.make_demo import evaluate_suppressions
from appetence.privacy.suppressions import build_list_hashes, build_suppressions
from tests.privacy.coop import prepare

pytestmark = pytest.mark.spark
HOME = {"postcode": "59000", "address_key": "12 RUE HAUTE"}


def test_the_list_is_measured_by_record_by_person_and_against_everybody_else(make_context: Callable[..., Context]) -> None:
    ctx = make_context()
    prepare(ctx)
    spark, lake, day = ctx.spark, ctx.lake, ctx.as_of
    people = {  # record -> true person, true household, person as found, what it holds
        "named": ("t1", "h1", "p1", {"email": "a@free.fr", "last_name": "MOREL", "first_name": "JEANNE", **HOME}),
        "linked": ("t1", "h1", "p1", {"email": "b@free.fr", "last_name": "MOREL"}),
        "missed": ("t1", "h1", "p2", {"email": "c@free.fr", "last_name": "MOREL"}),
        "family": ("t2", "h1", "p3", {"last_name": "MOREL", "first_name": "LUC", **HOME}),
        "client": ("t3", "h3", "p4", {"email": "d@free.fr", "last_name": "PETIT"}),
        "wrong": ("t4", "h4", "p5", {"email": "a@free.fr", "last_name": "AUTRE"}),
        "nobody": ("t5", "h5", "p6", {"email": "e@free.fr", "last_name": "RIEN"}),
    }  # fmt: skip
    records = Record.frame(spark, [Record.row(record_id=r, **said) for r, (*_, said) in people.items()])
    lake.insert_new(Record, records)
    lake.append(PersonLink, [PersonLink.row(record_id=r, member_id="m01", person_id=p, since=day) for r, (_, _, p, _) in people.items()])
    for name, scope, source in (("named", "global", "officer"), ("client", "r_vad", "officer"), ("nobody", "global", "router")):
        line = records.where(Record.record_id.col == name).replace("", scope, subset=["member_id"])
        hashes = build_list_hashes(line, RawRecord.frame(spark), ctx.pepper_pads())
        said = {"source": source, "pepper_version": ctx.config.privacy.pepper_version, "added_on": day}
        lake.insert_new(Suppression, build_suppressions(hashes, scope="member_id", **said))
    truth = ctx.config.paths.truth
    rows = [(r, t, h) for r, (t, h, *_) in people.items()]
    local_frame(spark, rows, "record_id string, true_person string, true_household string").write.parquet(f"{truth}/record_truth.parquet")
    asked = [("t1", "global"), ("t3", "r_vad")]
    local_frame(spark, asked, "true_person string, scope string").write.parquet(f"{truth}/suppression_truth.parquet")
    # Seven records under two scopes: of the four asked for, two are named and one more is found; the family and the router's are no fault.
    assert evaluate_suppressions(ctx) == {"records": 4, "alone": 0.5, "recall": 0.75, "others": 9, "false": 1, "false rate": 0.111111}
