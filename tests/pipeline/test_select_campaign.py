"""A campaign that may not run stops alone, before anything is read for it."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import SparkSession

from appetence.contracts.gold import Score, Segment
from appetence.errors import ConfigError, LawError, ModelError, PartlyDoneError
from appetence.pipeline import select_campaign
from appetence.pipeline.select_campaign import lawful_campaigns
from appetence.runtime.config import load
from tests.selection.coop import AS_OF, campaign, terms


def _context(conf_folder: str, client: str, country: str = "US", **options: str) -> Any:
    config = load("demo", [], conf_folder)
    far = config.recipients[client].model_copy(update={"country": country})
    config = config.model_copy(update={"recipients": {**config.recipients, client: far}})
    return SimpleNamespace(config=config, options=options, as_of=dt.date(2026, 10, 31), progress=lambda text: None)


def test_a_client_without_a_safeguard_stops_its_own_campaign_only(conf_folder: str) -> None:
    sound, refused = lawful_campaigns(_context(conf_folder, "r_vad"))
    assert {t.spec.campaign_id for t in sound} == {"rentree_2026", "reveil_presse", "don_hiver"}
    assert len(refused) == 1 and refused[0].startswith("campaigns/noel_vad.yaml: client 'r_vad' is in US")


def test_a_campaign_asked_for_alone_says_its_own_error(conf_folder: str) -> None:
    with pytest.raises(LawError, match="client 'r_vad' is in US"):
        lawful_campaigns(_context(conf_folder, "r_vad", campaign="noel_vad"))


def _night(monkeypatch: pytest.MonkeyPatch, lacking: set[str]) -> list[str]:
    """Selection with everything but its order and its refusals replaced; gives the campaigns written."""
    written: list[str] = []

    def prepared(ctx: Any, sources: Any, terms: Any, cut_on: dt.date) -> tuple[Any, Any]:
        if terms.spec.campaign_id in lacking:
            raise ModelError(f"there are no scores for {terms.spec.campaign_id}.")
        return sources, terms

    def write(ctx: Any, result: Any, terms: Any) -> dict[str, int]:
        written.append(terms.spec.campaign_id)
        return {"candidates": 10, "mailed": 4, "held_out": 1}

    monkeypatch.setattr(select_campaign, "read_sources", lambda ctx: None)
    monkeypatch.setattr(select_campaign, "in_cut_order", lambda ctx, sound: [(t, ctx.as_of) for t in sound])
    monkeypatch.setattr(select_campaign, "is_closed", lambda ctx, terms: False)
    monkeypatch.setattr(select_campaign, "_prepared", prepared)
    monkeypatch.setattr(select_campaign, "_cut", lambda ctx, terms, sources, ground, before: terms)
    monkeypatch.setattr(select_campaign, "write_result", write)
    return written


def test_a_campaign_whose_model_has_no_scores_stops_alone(monkeypatch: pytest.MonkeyPatch, conf_folder: str) -> None:
    written = _night(monkeypatch, {"noel_vad"})
    with pytest.raises(PartlyDoneError, match=r"Not cut, while the other campaigns were: there are no scores for noel_vad\.") as partly:
        select_campaign.run(_context(conf_folder, "r_vad", "FR"))
    assert sorted(written) == ["don_hiver", "rentree_2026", "reveil_presse"] and partly.value.done.rows_in == 30


def test_when_no_campaign_can_be_cut_the_job_fails_with_the_first_reason(monkeypatch: pytest.MonkeyPatch, conf_folder: str) -> None:
    written = _night(monkeypatch, {"noel_vad"})
    with pytest.raises(ModelError, match="no scores for noel_vad"):
        select_campaign.run(_context(conf_folder, "r_vad", "FR", campaign="noel_vad"))
    assert not written


@pytest.mark.spark
def test_a_ranking_by_amount_needs_scores_that_know_amounts(spark: SparkSession, conf_folder: str) -> None:
    scored = {"model_key": "house:r_m04", "cutoff": AS_OF, "probability": 0.2}
    said = terms(conf_folder, campaign(product="house", client="r_m04", ranking="expected_amount", min_sources=1))

    def read(cents: int | None) -> list[int | None]:
        frame = Score.frame(spark, [{**scored, "person_id": "p1", "expected_amount_cents": cents}, {**scored, "person_id": "p2"}])
        lake: Any = SimpleNamespace(read=lambda table: frame)
        made = select_campaign._scores(SimpleNamespace(lake=lake, spark=spark), said)  # type: ignore[arg-type]  # all that it reads
        return sorted((row["expected_amount_cents"] for row in made.collect()), key=str)

    assert read(900) == [900, None]
    with pytest.raises(ModelError, match="know no amounts"):
        read(None)


@pytest.mark.spark
def test_a_segment_that_nobody_is_in_is_told_with_the_one_that_was_meant(spark: SparkSession, conf_folder: str) -> None:
    rows = [{"person_id": "p1", "cutoff": AS_OF, "segment": "jeunes_urbains"}, {"person_id": "p2", "cutoff": AS_OF, "segment": "retraites_ruraux"}]
    segments = Segment.frame(spark, rows)
    fits = terms(conf_folder, campaign(lists=({"list_id": "villes", "segments": ("jeunes_urbains",)},)))
    assert sorted(r["segment"] for r in select_campaign._segments(segments, fits).collect()) == ["jeunes_urbains", "retraites_ruraux"]
    wrong = terms(conf_folder, campaign(lists=({"list_id": "villes", "segments": ("jeune_urbain",)},)))
    with pytest.raises(ConfigError, match=r"campaigns/.*yaml: segments: nobody is in 'jeune_urbain'; .*jeunes_urbains"):
        select_campaign._segments(segments, wrong)
