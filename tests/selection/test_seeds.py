"""Trap addresses: in every layout, in one file only."""

from __future__ import annotations

import pytest

from appetence.exchange.layouts import BY_CHANNEL
from appetence.selection.layouts import Wording
from appetence.selection.seeds import seed_lines
from tests.selection.coop import CHANNELS, campaign, terms


@pytest.mark.parametrize("channel", CHANNELS)
def test_inv_13_traps_fill_the_layout_and_are_unique_to_their_file(conf_folder: str, channel: str) -> None:
    said = [terms(conf_folder, campaign(channels=CHANNELS, seeds=12, campaign_id=name)) for name in ("essai", "autre")]
    wording = Wording("Ref {reference}.", said[0].law.phone_hours)
    files = [seed_lines(t, c, b"key", wording) for t in said for c in CHANNELS]
    mine = seed_lines(said[0], channel, b"key", wording)
    assert [set(line) for line in mine] == [set(BY_CHANNEL[channel].columns)] * 12  # type: ignore[index]  # a channel is its name
    references = [line["reference"] for lines in files for line in lines]
    assert len(set(references)) == len(references) == 12 * 8
    who = {"post": "line_1", "email": "email", "phone": "phone", "sms": "mobile"}[channel]
    assert len({line[who] for line in mine}) == 12
    assert mine == seed_lines(said[0], channel, b"key", wording) != seed_lines(said[0], channel, b"other", wording)
    if "source_mention" in mine[0]:
        assert all(line["source_mention"] == f"Ref {line['reference']}." for line in mine)
