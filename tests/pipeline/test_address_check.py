"""The records job with an address service: answers take the place of what was read; an outage costs a grade and not the run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from appetence.contracts.bronze import Delivery, RawRecord
from appetence.contracts.reference import Commune, FirstName, Member
from appetence.contracts.settings import AddressServiceSettings, ExchangeSettings
from appetence.contracts.silver import Record
from appetence.pipeline import standardise_records
from appetence.pipeline.context import Context
from tests.exchange.address_server import running

pytestmark = [pytest.mark.spark, pytest.mark.servers]
MADE = dt.datetime(2026, 10, 1, 3)
ADDRESSES = {
    "r1": {"last_name": "Petit", "address_1": "3 rue du Port"}, "r2": {"last_name": "Grand", "address_1": "3 rue du Port"},
    "r3": {"address_1": "99 rue Nulle"}, "r4": {"last_name": "Long", "address_1": "1 rue Inconnue"},
    "r5": {"last_name": "Court", "address_1": "1 Main Street", "country": "GB"}, "r6": {"last_name": "Bref", "postcode": None, "city": None},
    "r7": {"last_name": "Vain", "address_1": "3 rue du Port", "postcode": "?"},
}  # fmt: skip
READ = {"r1": "A", "r2": "A", "r3": "A", "r4": "A", "r5": "C", "r6": "absent", "r7": "D"}


def planted(ctx: Context) -> None:
    """Seven records: five at four addresses in France, one abroad and one nowhere."""
    said = {"delivery_id": "d1", "member_id": "m01", "delivered_at": MADE, "first_name": "Zoé", "postcode": "35000", "city": "Rennes"}
    rows = [{**said, "line_number": i, "record_id": r, "customer_ref": r, **v} for i, (r, v) in enumerate(ADDRESSES.items(), start=2)]
    for table, made in {
        Delivery: [{"delivery_id": "d1", "member_id": "m01", "mode": "full", "delivered_at": MADE, "status": "accepted"}],
        RawRecord: rows,
        Commune: [
            {"commune_code": "35238", "current_code": "35238", "postcode": "35000", "label": "Rennes", "label_key": "RENNES", "department": "35"}
        ],
        FirstName: [{"first_name": "ZOE", "gender": "F", "decade": 1990, "per_million": 900.0}],
        Member: [{"member_id": "m01", "sector": "presse_edition"}],
    }.items():
        ctx.lake.insert_new(table, table.frame(ctx.spark, made))


@pytest.mark.slow  # three standardisations beside a service that answers, fails and answers again
def test_answers_replace_what_was_read_and_an_outage_costs_a_grade(
    make_context: Callable[..., Context], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setenv("ADDRESS_KEY", "s3cret")
    plain = make_context()
    planted(plain)
    told: list[str] = []
    monkeypatch.setattr(Context, "progress", lambda _, text: told.append(text))
    with running() as service:
        settings = AddressServiceSettings(url=service.url, credential_ref="env:ADDRESS_KEY", batch=2, tries=2, wait_seconds=0.01)
        config = plain.config.model_copy(update={"exchange": ExchangeSettings(address_service=settings)})
        ctx = make_context(config=config)
        service.is_down = True
        standardise_records.run(ctx)
        found = {r.record_id: r for r in ctx.lake.read(Record).collect()}
        assert {k: r.address_grade for k, r in found.items()} == {**READ, "r1": "B", "r2": "B", "r3": "B", "r4": "B"}
        assert found["r1"].is_deliverable and found["r1"].way_name == "RUE DU PORT"
        assert any("did not answer for 4 addresses" in line for line in told), told
        assert len(service.asked) <= 2 * settings.connections, "who failed is not asked for each batch"

        service.is_down = False
        service.asked.clear()
        standardise_records.run(ctx)
    found = {r.record_id: r for r in ctx.lake.read(Record).collect()}
    first, second, third, fourth = (found[r] for r in ("r1", "r2", "r3", "r4"))
    assert first.address_lines == ["ZOE PETIT", "BATIMENT 2", "3 TER RUE DU PORT", "35200 RENNES"]
    assert second.address_lines[0] == "ZOE GRAND" and second.address_lines[1:] == first.address_lines[1:]
    assert (first.way_number, first.address_extra, first.commune_code) == ("3", "BATIMENT 2", "35238")
    assert (first.address_key, first.postcode) == ("3 RUE PORT", "35000"), "what suppressions are compared with stays as read"
    lost = found["r7"]
    assert (lost.address_key, lost.postcode, lost.department, lost.address_grade) == ("3 RUE PORT", "35200", "35", "A"), "or is filled"
    assert (third.address_grade, third.is_deliverable, third.address_lines) == ("C", False, ["ZOE", "99 RUE NULLE", "35000 RENNES"])
    assert (fourth.address_grade, fourth.is_deliverable) == ("B", True), "one it does not know is as little certain"
    assert {k: found[k].address_grade for k in ("r5", "r6")} == {"r5": "C", "r6": "absent"}
    asked = [a["address_1"] for _, body in service.asked for a in body["addresses"]]
    assert sorted(asked) == ["1 rue Inconnue", "3 rue du Port", "3 rue du Port", "99 rue Nulle"], "each address once, none abroad"
    version = ctx.lake.version(Record)
    service.asked.clear()
    standardise_records.run(ctx)
    assert (service.asked, ctx.lake.version(Record)) == ([], version), "records that stand are not asked for again"
