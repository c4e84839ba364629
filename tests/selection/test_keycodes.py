"""Key codes say what they name and are read back, however they were typed."""

from __future__ import annotations

import pytest

from appetence.errors import AppetenceError
from appetence.selection.keycodes import KeyCode, decode


def test_inv_13_a_key_code_names_campaign_cell_segment_and_list() -> None:
    assert decode("NOEL_VAD.COUVERTURE_B.D10.AUTRES") == KeyCode("noel_vad", "couverture_b", 10, "autres")
    assert decode(" noel_vad.mail.d01.acheteurs_recents\n") == KeyCode("noel_vad", "mail", 1, "acheteurs_recents")


@pytest.mark.parametrize("text", ["", "NOEL_VAD", "NOEL.MAIL.3.AUTRES", "NOEL..D03.AUTRES", "NOEL.MAIL.D03.AUTRES.X", "9OEL.MAIL.D03.AUTRES"])
def test_what_is_no_key_code_is_refused(text: str) -> None:
    with pytest.raises(AppetenceError, match="no key code"):
        decode(text)
