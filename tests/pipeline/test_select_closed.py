"""A campaign whose pieces have left stays as it was cut: the same file is left alone, a changed one is refused."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.campaign import Campaign
from appetence.errors import LawError, PartlyDoneError
from appetence.pipeline import select_campaign
from appetence.runtime.config import Config, load
from appetence.selection.terms import Terms, terms_of
from tests.selection.coop import local

pytestmark = pytest.mark.spark

LEFT = "noel_vad"
DROP = dt.date(2026, 11, 17)
"""Its drop date in conf/campaigns."""


def _terms(config: Config, **changed: Any) -> Terms:
    """The campaign as its file says it, or changed since."""
    spec = config.campaigns[LEFT].model_copy(update=changed)
    assert config.law is not None
    return terms_of(spec, config.law, config.recipients, config.selection, DROP - dt.timedelta(days=10))


def _context(spark: SparkSession, config: Config, cut: list[Terms], as_of: dt.date, **changed: Any) -> Any:
    """A run on a day over a lake that holds the rows of what was cut; the campaign's file may say otherwise now."""
    rows = [
        {"campaign_id": t.spec.campaign_id, "spec_hash": t.spec_hash, "drop_date": t.drop_date, "client_id": t.spec.client,
         "cut_on": DROP - dt.timedelta(days=10), "specification": t.frozen} for t in cut
    ]  # fmt: skip
    stored = local(spark, Campaign, rows)
    now = {**config.campaigns, LEFT: config.campaigns[LEFT].model_copy(update=changed)}
    config = config.model_copy(update={"campaigns": now})
    lake = SimpleNamespace(read_or_empty=lambda table: stored)
    said: list[str] = []
    return SimpleNamespace(config=config, options={}, as_of=as_of, progress=said.append, lake=lake, said=said)


@pytest.fixture(scope="module")
def config(conf_folder: str) -> Config:
    found = load("demo", [], conf_folder)
    assert found.campaigns[LEFT].drop_date == DROP
    return found


CHANGED: dict[str, dict[str, Any]] = {
    "more pieces": {"quantity": 123_456}, "another draw": {"seed": 99}, "no hold-out": {"holdout_share": 0.0}, "one source": {"min_sources": 1},
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGED)
def test_a_file_changed_after_its_pieces_left_is_refused(spark: SparkSession, config: Config, change: str) -> None:
    ctx = _context(spark, config, [_terms(config)], DROP + dt.timedelta(days=1))
    assert select_campaign.is_closed(ctx, _terms(config)) is True, "the same file is what was cut"
    with pytest.raises(LawError) as refused:
        select_campaign.is_closed(ctx, _terms(config, **CHANGED[change]))
    told = str(refused.value)
    assert told.startswith(f"campaigns/{LEFT}.yaml was changed after its pieces left on {DROP}; restore the file") and "own campaign_id" in told


def test_a_drop_date_put_off_after_the_pieces_left_is_a_change_like_any_other(spark: SparkSession, config: Config) -> None:
    ctx = _context(spark, config, [_terms(config)], DROP + dt.timedelta(days=1))
    with pytest.raises(LawError, match=f"was changed after its pieces left on {DROP}"):
        select_campaign.is_closed(ctx, _terms(config, drop_date=DROP + dt.timedelta(days=30)))


def test_until_they_leave_a_file_may_change_and_what_was_never_cut_is_open(spark: SparkSession, config: Config) -> None:
    changed = _terms(config, **CHANGED["more pieces"])
    for day in (DROP - dt.timedelta(days=1), DROP):
        ctx = _context(spark, config, [_terms(config)], day)
        assert not select_campaign.is_closed(ctx, changed) and not select_campaign.is_closed(ctx, _terms(config))
    never = _context(spark, config, [], DROP + dt.timedelta(days=40))
    assert not select_campaign.is_closed(never, changed), "a campaign of the past that was not cut is cut now"
    other = _terms(config)
    elsewhere = _context(spark, config, [], DROP + dt.timedelta(days=1))
    elsewhere.lake = SimpleNamespace(read_or_empty=lambda table: local(spark, Campaign, [{"campaign_id": "autre", "spec_hash": other.spec_hash}]))
    assert not select_campaign.is_closed(elsewhere, other), "another campaign's row says nothing of it"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The campaigns that a night's selection cuts: nothing is decided or written."""
    cut: list[str] = []

    def write(ctx: Any, result: Any, terms: Any) -> dict[str, int]:
        cut.append(terms.spec.campaign_id)
        return {"candidates": 10, "mailed": 4, "held_out": 1}

    monkeypatch.setattr(select_campaign, "read_sources", lambda ctx: None)
    monkeypatch.setattr(select_campaign, "_prepared", lambda ctx, sources, terms, cut_on: (sources, terms))
    monkeypatch.setattr(select_campaign, "_cut", lambda ctx, terms, sources, ground, before: terms)
    monkeypatch.setattr(select_campaign, "write_result", write)
    return cut


def test_a_night_leaves_what_has_left_as_it_was_cut_and_cuts_the_others(spark: SparkSession, config: Config, written: list[str]) -> None:
    ctx = _context(spark, config, [_terms(config)], DROP + dt.timedelta(days=1))
    select_campaign.run(ctx)
    assert sorted(written) == sorted(set(config.selection.campaigns) - {LEFT})
    assert f"{LEFT}: dropped on {DROP}, kept as it was cut" in ctx.said
    written.clear()
    select_campaign.run(_context(spark, config, [_terms(config)], DROP))
    assert LEFT in written, "on its day it is still cut anew"


def test_a_changed_file_is_never_cut_again_and_the_others_are(spark: SparkSession, config: Config, written: list[str]) -> None:
    ctx = _context(spark, config, [_terms(config)], DROP + dt.timedelta(days=1), **CHANGED["more pieces"])
    with pytest.raises(PartlyDoneError, match=f"campaigns/{LEFT}.yaml was changed after its pieces left"):
        select_campaign.run(ctx)
    assert sorted(written) == sorted(set(config.selection.campaigns) - {LEFT})
    ctx.options["campaign"] = LEFT
    with pytest.raises(LawError):
        select_campaign.run(ctx)
