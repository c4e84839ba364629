"""A campaign that may not run stops alone, before anything is read for it."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from appetence.errors import LawError
from appetence.pipeline.select_campaign import lawful_campaigns
from appetence.runtime.config import load


def _context(conf_folder: str, client: str, **options: str) -> Any:
    config = load("demo", [], conf_folder)
    far = config.recipients[client].model_copy(update={"country": "US"})
    config = config.model_copy(update={"recipients": {**config.recipients, client: far}})
    return SimpleNamespace(config=config, options=options, as_of=dt.date(2026, 10, 31), progress=lambda text: None)


def test_a_client_without_a_safeguard_stops_its_own_campaign_only(conf_folder: str) -> None:
    sound, refused = lawful_campaigns(_context(conf_folder, "r_vad"))
    assert {t.spec.campaign_id for t in sound} == {"rentree_2026", "reveil_presse", "don_hiver"}
    assert len(refused) == 1 and refused[0].startswith("campaigns/noel_vad.yaml: client 'r_vad' is in US")


def test_a_campaign_asked_for_alone_says_its_own_error(conf_folder: str) -> None:
    with pytest.raises(LawError, match="client 'r_vad' is in US"):
        lawful_campaigns(_context(conf_folder, "r_vad", campaign="noel_vad"))
