"""Key codes printed on a piece: they name campaign, cell, segment (tenth of the eligible) and list, and are read back from an order."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from appetence.errors import AppetenceError

FORM = r"^([A-Z][A-Z0-9_]*)\.([A-Z][A-Z0-9_]*)\.D([0-9]{2})\.([A-Z][A-Z0-9_]*)$"
"""What a folded key code looks like."""


@dataclass(frozen=True)
class KeyCode:
    """What a key code says."""

    campaign_id: str
    cell: str
    decile: int
    list_id: str


def key_code(campaign_id: str, cell: Column, decile: Column, list_id: Column) -> Column:
    """The key code of a piece, e.g. ``NOEL_VAD.MAIL.D03.AUTRES``."""
    return F.upper(F.concat_ws(".", F.lit(campaign_id), cell, F.concat(F.lit("D"), F.lpad(decile.cast("string"), 2, "0")), list_id))


def decode(code: str) -> KeyCode:
    """What a key code names, however it was typed; AppetenceError when it is none.

    >>> decode(" noel_vad.mail.d03.autres ")
    KeyCode(campaign_id='noel_vad', cell='mail', decile=3, list_id='autres')
    """
    found = re.match(FORM, code.strip().upper())
    if not found:
        raise AppetenceError("This is no key code: it must look like CAMPAIGN.CELL.D03.LIST.")
    campaign, cell, decile, list_id = found.groups()
    return KeyCode(campaign.lower(), cell.lower(), int(decile), list_id.lower())


def folded(code: Column) -> Column:
    """A key code as typed on an order, in the form in which codes are compared."""
    return F.upper(F.regexp_replace(F.trim(code), r"\s+", ""))
