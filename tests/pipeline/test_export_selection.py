"""One campaign that may not leave stops alone: the others are handed over and registered, and the run ends with one sentence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from appetence.contracts.campaign import Campaign, Export
from appetence.errors import CryptoError, PartlyDoneError
from appetence.pipeline import export_selection
from appetence.runtime.config import Config, load

AS_OF = dt.date(2026, 10, 31)


class Shelf:
    """A context whose tables are lists: the export's own doing is watched, the frames are not."""

    def __init__(self, config: Config) -> None:
        self.config, self.as_of, self.dry_run = config, AS_OF, False
        self.options: dict[str, str] = {}
        self.said: list[str] = []
        self.registered: list[Any] = []
        cut = [Campaign.row(campaign_id=name, cut_on=AS_OF) for name in config.campaigns]
        rows = {Export: SimpleNamespace(collect=list), Campaign: SimpleNamespace(collect=lambda: cut)}
        self.lake = SimpleNamespace(read=rows.get, read_or_empty=rows.get)

    def progress(self, text: str) -> None:
        self.said.append(text)


def stocked(conf_folder: str, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """The demo's campaigns, all cut; one file each, unless a campaign has no key."""
    made = Shelf(load("demo", [], conf_folder))

    @contextmanager
    def desk(ctx: Any, stored: Any) -> Iterator[Any]:
        yield SimpleNamespace(outbox=None)

    def hand_over(ctx: Any, desk: Any, terms: Any, cut_on: dt.date, hashes: Any, written: list[Any]) -> tuple[int, int]:
        if terms.spec.campaign_id == "no_key":
            raise CryptoError("The key has expired: import the new one.")
        written.append({"campaign_id": terms.spec.campaign_id, "export_id": terms.spec.campaign_id, "is_new": True})
        return 100, 98

    monkeypatch.setattr(export_selection, "_desk", desk)
    monkeypatch.setattr(export_selection, "_hand_over", hand_over)
    monkeypatch.setattr(export_selection, "read_sources", lambda ctx: None)
    monkeypatch.setattr(export_selection, "destroy_due", lambda *_: [])
    monkeypatch.setattr(export_selection, "_register", lambda ctx, stored, written, destroyed: made.registered.extend(written))
    return made


@pytest.fixture
def shelf(conf_folder: str, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    return stocked(conf_folder, monkeypatch)


def abroad(shelf: Shelf, recipient: str, safeguard: str | None = None) -> None:
    far = shelf.config.recipients[recipient].model_copy(update={"country": "US", "safeguard": safeguard})
    shelf.config = shelf.config.model_copy(update={"recipients": {**shelf.config.recipients, recipient: far}})


def names(shelf: Shelf) -> set[str]:
    return {row["campaign_id"] for row in shelf.registered}


def test_all_leave_when_all_may(shelf: Shelf) -> None:
    done = export_selection.run(shelf)
    assert names(shelf) == {"noel_vad", "reveil_presse", "don_hiver"} and done.details["refused"] == []


@pytest.mark.parametrize("safeguard", [None, "", "  "])
def test_a_router_without_a_safeguard_stops_its_own_campaign_only(shelf: Shelf, safeguard: str | None) -> None:
    abroad(shelf, "routeur_email", safeguard)
    with pytest.raises(PartlyDoneError) as refused:
        export_selection.run(shelf)
    sentence = str(refused.value)
    assert names(shelf) == {"noel_vad", "don_hiver"}, "the post campaigns are handed over and registered"
    assert "reveil_presse: recipients/routeur_email.yaml: US lies outside" in sentence and "state `safeguard`" in sentence
    assert "\n" not in sentence and sentence.count(". ") == 0 and refused.value.exit_code != 0
    assert refused.value.done.details["files"] == 2 and (refused.value.done.rows_in, refused.value.done.rows_out) == (200, 196)
    assert [entry["action"] for entry in refused.value.done.details["audit"]] == ["exported", "exported"]


def test_a_client_without_a_safeguard_stops_its_own_campaign_only(shelf: Shelf) -> None:
    abroad(shelf, "r_vad")
    with pytest.raises(PartlyDoneError, match=r"noel_vad: campaigns/noel_vad.yaml: client 'r_vad' is in US.*name the safeguard"):
        export_selection.run(shelf)
    assert names(shelf) == {"reveil_presse", "don_hiver"}


def test_a_stated_safeguard_opens_the_way(shelf: Shelf) -> None:
    abroad(shelf, "routeur_email", "standard contractual clauses of 2026-01-10")
    export_selection.run(shelf)
    assert "reveil_presse" in names(shelf)


def test_a_campaign_without_a_key_stops_alone_too(shelf: Shelf) -> None:
    odd = shelf.config.campaigns["don_hiver"].model_copy(update={"campaign_id": "no_key"})
    shelf.config = shelf.config.model_copy(
        update={
            "campaigns": {**shelf.config.campaigns, "no_key": odd},
            "selection": shelf.config.selection.model_copy(update={"campaigns": ("no_key", "noel_vad")}),
        }
    )
    shelf.lake.read(Campaign).collect().append(Campaign.row(campaign_id="no_key", cut_on=AS_OF))
    with pytest.raises(PartlyDoneError, match=r"no_key: The key has expired: import the new one\.$"):
        export_selection.run(shelf)
    assert names(shelf) == {"noel_vad"}


def test_a_file_stays_only_while_its_manifest_names_the_day_by_which_it_goes() -> None:
    day = dt.date(2027, 2, 1)
    known = {Export.plaintext_hash: "abc", Export.destroy_by: day}
    assert export_selection._unchanged(known, day) == "abc"
    assert export_selection._unchanged(known, day + dt.timedelta(days=1)) is None
    assert export_selection._unchanged(None, day) is None
