"""Trap addresses: in every layout, in one file only, and like the lines around them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from appetence import data
from appetence.errors import ConfigError
from appetence.exchange.layouts import BY_CHANNEL
from appetence.selection.keycodes import decode
from appetence.selection.layouts import Wording
from appetence.selection.seeds import TrapFile, numbered_references, seed_lines, trap_number
from appetence.selection.terms import Terms
from tests.selection.coop import CHANNELS, campaign, terms

WHO = {"post": "line_1", "email": "email", "phone": "phone", "sms": "mobile"}
KEY, PREFIX = b"key", "+3363998"
CODES = ["ESSAI.MAIL.D01.JEUNES", "ESSAI.TEST_B.D02.TOUS", "ESSAI.MAIL.D03.TOUS"]


def file_of(said: Terms, channel: str) -> TrapFile:
    return TrapFile(f"{said.spec.campaign_id}|{channel}", said.spec.campaign_id, channel, said.spec.seeds)


def alone(said: Terms, channel: str, key: bytes = KEY, codes: Sequence[str] = ()) -> list[Mapping[str, str]]:
    """The traps of a file where there is no other."""
    file = file_of(said, channel)
    references = numbered_references([file], {}, key, PREFIX)[file.export_id]
    return seed_lines(said, channel, key, Wording("Ref {reference}.", said.law.phone_hours), codes, references)


@pytest.mark.parametrize("channel", CHANNELS)
def test_inv_13_traps_fill_the_layout_and_are_unique_to_their_file(conf_folder: str, channel: str) -> None:
    said = [terms(conf_folder, campaign(channels=CHANNELS, seeds=12, campaign_id=name)) for name in ("essai", "autre")]
    files = [alone(t, c) for t in said for c in CHANNELS]
    mine = alone(said[0], channel)
    assert [set(line) for line in mine] == [set(BY_CHANNEL[channel].columns)] * 12  # type: ignore[index]  # a channel is its name
    references = [line["reference"] for lines in files for line in lines]
    assert len(set(references)) == len(references) == 12 * 8
    assert len({line[WHO[channel]] for line in mine}) == 12
    assert mine == alone(said[0], channel) != alone(said[0], channel, b"other")
    if "source_mention" in mine[0]:
        assert all(line["source_mention"] == f"Ref {line['reference']}." for line in mine)


def test_inv_13_a_name_is_drawn_for_one_file(conf_folder: str) -> None:
    """Forty files of fifty traps by post and as many by e-mail: whoever is written to tells the file."""
    for channel in ("post", "email"):
        told = []
        for n in range(40):
            said = terms(conf_folder, campaign(channels=CHANNELS, seeds=50, campaign_id=f"campagne_{n}"))
            told += [line[WHO[channel]] for line in alone(said, channel)]
        assert len(told) == 2000 and len(set(told)) >= 1998


@pytest.mark.parametrize("night", ["all at once", "one by one"])
def test_inv_13_a_number_is_in_one_file_whatever_was_handed_over_before(conf_folder: str, night: str) -> None:
    """Forty campaigns of fifty traps by phone and by SMS: 4,000 of the prefix's 10,000 numbers, and none is in two files."""
    said = [terms(conf_folder, campaign(channels=CHANNELS, seeds=50, campaign_id=f"campagne_{n}")) for n in range(40)]
    files = {file_of(t, c): t for t in said for c in ("phone", "sms")}
    registered: dict[str, tuple[str, ...]] = {}
    for due in [list(files)] if night == "all at once" else [[file] for file in files]:
        registered |= numbered_references(due, registered, KEY, PREFIX)
    wording = Wording("{reference}", said[0].law.phone_hours)
    lines = {f: seed_lines(t, f.channel, KEY, wording, CODES, registered[f.export_id]) for f, t in files.items()}
    numbers = [line[WHO[f.channel]] for f, listed in lines.items() for line in listed]
    assert len(numbers) == len(set(numbers)) == 4000 and all(re.fullmatch(r"\+3363998[0-9]{4}", n) for n in numbers)
    # Written again, alone, together or with the others of another order, each file carries the traps it carried.
    for due in ([list(files)[-1]], list(reversed(files))):
        assert all(numbered_references(due, registered, KEY, PREFIX)[f.export_id] == registered[f.export_id] for f in due)
    # Fewer are some of those; more are those and others.
    file = next(iter(files))
    for seeds in (20, 60):
        now = set(numbered_references([replace(file, seeds=seeds)], registered, KEY, PREFIX)[file.export_id])
        assert len(now) == seeds and (now < set(registered[file.export_id]) or now > set(registered[file.export_id]))


def test_inv_13_a_number_that_two_files_carry_from_before_is_given_to_neither_again() -> None:
    """As lakes of before may hold: two registered references with one number."""
    by_number: dict[str, str] = {}
    for n in range(1000):
        reference = f"{n:016X}"
        other = by_number.setdefault(trap_number(KEY, PREFIX, reference), reference)
        if other != reference:
            break
    files = [TrapFile(name, name, "sms", 1) for name in ("un", "deux")]
    given = numbered_references(files, {"un": [reference], "deux": [other]}, KEY, PREFIX)
    assert len({trap_number(KEY, PREFIX, r) for listed in given.values() for r in (*listed, reference)}) == 3


def test_inv_13_a_file_whose_numbers_are_used_up_is_refused_in_one_sentence(conf_folder: str) -> None:
    """A prefix of a thousand numbers: twenty files have them all, and the last one lacks what there is not."""
    said = terms(conf_folder, campaign(channels=("sms",), seeds=50))
    said = replace(said, settings=said.settings.model_copy(update={"seed_phone_prefix": "+33639981"}))
    files = [TrapFile(f"f{n}", f"campagne_{n}", "sms", 48 if n == 19 else 50) for n in range(20)]
    given = numbered_references([*files, file_of(said, "sms")], {}, KEY, "+33639981")
    assert len({trap_number(KEY, "+33639981", r) for listed in given.values() for r in listed}) == 1000
    with pytest.raises(ConfigError) as refused:
        seed_lines(said, "sms", KEY, Wording("", said.law.phone_hours), CODES, given["essai|sms"])
    assert str(refused.value) == (
        "campaigns/essai.yaml: seeds asks for 50 traps by sms, but other files carry the numbers behind selection.seed_phone_prefix '+33639981' "
        "already, all but 2: name a prefix of further lines there, or lower seeds."
    )


@pytest.mark.parametrize("channel", CHANNELS)
def test_inv_13_a_trap_looks_like_the_lines_around_it(conf_folder: str, channel: str) -> None:
    said = terms(conf_folder, campaign(channels=CHANNELS, seeds=50))
    lines = alone(said, channel, codes=CODES)
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
