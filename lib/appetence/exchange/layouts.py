"""The columns of the files handed over, by channel: nothing but what carries the piece; no score, no source, no id of ours.

A layout never changes under its version: a recipient's programs read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appetence.contracts.domain import Channel


@dataclass(frozen=True)
class Layout:
    """Name, version and ordered columns of an export; written as UTF-8 with `;` and CRLF, a header first."""

    name: str
    version: str
    columns: tuple[str, ...]

    @property
    def label(self) -> str:
        """`name-version`, as registered with each export."""
        return f"{self.name}-{self.version}"


POST = Layout(
    "post", "1",
    ("civility", "line_1", "line_2", "line_3", "line_4", "line_5", "line_6", "key_code", "reference", "source_mention"),
)  # fmt: skip
EMAIL = Layout("email", "1", ("email", "civility", "first_name", "last_name", "key_code", "reference", "source_mention", "unsubscribe_token"))
SMS = Layout("sms", "1", ("mobile", "key_code", "reference", "stop_token"))
PHONE = Layout(
    "phone", "1",
    (
        "phone", "civility", "first_name", "last_name", "consent_at", "consent_reference", "call_windows", "attempts_left", "key_code",
        "reference",
    ),
)  # fmt: skip
HOUSE = Layout("house", "1", ("customer_ref", "decile"))
"""A client's own base handed back to the client itself."""

ENRICH = Layout("enrich", "1", ("customer_ref",))
"""A client's own reference; `enrich_layout` adds the attributes of the campaign, in its order."""

BY_CHANNEL: dict[Channel, Layout] = {Channel.POST: POST, Channel.EMAIL: EMAIL, Channel.SMS: SMS, Channel.PHONE: PHONE}


def enrich_layout(attributes: Sequence[str]) -> Layout:
    """The layout of an enrichment that adds these attributes.

    >>> enrich_layout(["age_band"]).columns
    ('customer_ref', 'age_band')
    """
    return Layout(ENRICH.name, ENRICH.version, (*ENRICH.columns, *attributes))
