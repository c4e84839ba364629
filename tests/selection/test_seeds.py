"""Trap addresses: in every layout, in one file only, and like the lines around them."""

from __future__ import annotations

import re

import pytest

from appetence import data
from appetence.exchange.layouts import BY_CHANNEL
from appetence.selection.keycodes import decode
from appetence.selection.layouts import Wording
from appetence.selection.seeds import seed_lines
from tests.selection.coop import CHANNELS, campaign, terms

WHO = {"post": "line_1", "email": "email", "phone": "phone", "sms": "mobile"}
CODES = ["ESSAI.MAIL.D01.JEUNES", "ESSAI.TEST_B.D02.TOUS", "ESSAI.MAIL.D03.TOUS"]


@pytest.mark.parametrize("channel", CHANNELS)
def test_inv_13_traps_fill_the_layout_and_are_unique_to_their_file(conf_folder: str, channel: str) -> None:
    said = [terms(conf_folder, campaign(channels=CHANNELS, seeds=12, campaign_id=name)) for name in ("essai", "autre")]
    wording = Wording("Ref {reference}.", said[0].law.phone_hours)
    files = [seed_lines(t, c, b"key", wording) for t in said for c in CHANNELS]
    mine = seed_lines(said[0], channel, b"key", wording)
    assert [set(line) for line in mine] == [set(BY_CHANNEL[channel].columns)] * 12  # type: ignore[index]  # a channel is its name
    references = [line["reference"] for lines in files for line in lines]
    assert len(set(references)) == len(references) == 12 * 8
    assert len({line[WHO[channel]] for line in mine}) == 12
    assert mine == seed_lines(said[0], channel, b"key", wording) != seed_lines(said[0], channel, b"other", wording)
    if "source_mention" in mine[0]:
        assert all(line["source_mention"] == f"Ref {line['reference']}." for line in mine)


def test_inv_13_a_name_is_drawn_for_one_file(conf_folder: str) -> None:
    """Forty files of fifty traps by post and as many by e-mail: whoever is written to tells the file."""
    for channel in ("post", "email"):
        told = []
        for n in range(40):
            said = terms(conf_folder, campaign(channels=CHANNELS, seeds=50, campaign_id=f"campagne_{n}"))
            told += [line[WHO[channel]] for line in seed_lines(said, channel, b"key", Wording("{reference}", said.law.phone_hours))]
        assert len(told) == 2000 and len(set(told)) >= 1998


@pytest.mark.parametrize("channel", CHANNELS)
def test_inv_13_a_trap_looks_like_the_lines_around_it(conf_folder: str, channel: str) -> None:
    said = terms(conf_folder, campaign(channels=CHANNELS, seeds=50))
    lines = seed_lines(said, channel, b"key", Wording("{reference}", said.law.phone_hours), CODES)
    assert {line["key_code"] for line in lines} == set(CODES), "only codes that the file carries, and all of them"
    assert all(decode(line["key_code"]).campaign_id == "essai" for line in lines)
    assert all(re.fullmatch(r"[0-9A-F]{16}", line["reference"]) for line in lines)
    words = " ".join(value for line in lines for name, value in line.items() if name not in ("key_code", "call_windows")).upper()
    assert not re.search(r"\b(CONTROLE|TEMOIN|TEST|PIEGE|SEED|ESSAI|FICHIER)S?\b", words)
    shared = {"post": ("line_4", "line_5", "line_6"), "phone": ("call_windows", "attempts_left")}.get(channel, ())
    for column in set(lines[0]) - set(shared) - {"civility"}:
        assert len({line[column] for line in lines}) > 1, f"all traps have one {column}: one is enough to know them all"
    if channel in ("post", "email", "phone"):
        assert {line["civility"] for line in lines} == {"M", "MME"}
    if channel in ("email", "phone"):
        first, last = ({row[name] for row in data.rows(table)} for table, name in (("first_names", "first_name"), ("surnames", "surname")))
        assert all(line["first_name"] in first and line["last_name"] in last for line in lines)


def test_a_trap_without_a_code_of_its_file_has_one_that_decodes(conf_folder: str) -> None:
    said = terms(conf_folder, campaign())
    for line in seed_lines(said, "post", b"key", Wording("{reference}", said.law.phone_hours)):
        assert decode(line["key_code"]).list_id == "jeunes"
