"""A licensed address service over HTTP, asked in batches of JSON, and what any such provider must do.

What leaves is the address as delivered under a key that says nothing: no name, no customer number, no member. What comes back is checked
field by field; an answer that is not sound counts as none. The form is ours; a service that speaks another is reached through a small relay,
or by a class of its own with the one method of :class:`AddressProvider`.

Asked: `POST url`, `Authorization: Bearer <credential>`, `{"addresses": [{"key", "address_1", "address_2", "address_3", "postcode", "city"}]}`.
Answered: `{"addresses": [{"key", "lines", "way_number", "way_repetition", "way_name", "address_extra", "postcode", "city", "commune_code",
"grade", "is_deliverable"}]}`; an address it does not know is left out.
"""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from appetence.contracts.settings import AddressServiceSettings
from appetence.errors import EnvironmentError_

ASKED = ("key", "address_1", "address_2", "address_3", "postcode", "city")
TEXTS = ("way_number", "way_repetition", "way_name", "address_extra", "postcode", "city", "commune_code")
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_MAX_BYTES, _MAX_TEXT, _MAX_LINES, _MAX_LINE = 16 << 20, 100, 5, 38
_POSTCODE, _COMMUNE = re.compile(r"[0-9]{5}"), re.compile(r"[0-9][0-9AB][0-9]{3}")

Question = Mapping[str, str | None]
Answers = dict[str, dict[str, Any]]


class AddressProvider(Protocol):
    """Somebody who knows addresses better than expressions do. It is sent to the workers: it must be picklable."""

    def ask(self, questions: Sequence[Question]) -> Answers:
        """The answers by key, without those it does not know; EnvironmentError_ when it cannot be asked."""


@dataclass(frozen=True)
class HttpAddressProvider:
    """The service behind an URL; its credential is never shown."""

    settings: AddressServiceSettings
    credential: str = field(repr=False)

    def ask(self, questions: Sequence[Question]) -> Answers:
        """One batch; tried again, each time after twice the wait, where a later try may succeed."""
        body = json.dumps({"addresses": [{n: q.get(n) or "" for n in ASKED} for q in questions]}).encode()
        keys, reason = {str(q["key"]) for q in questions}, ""
        for number in range(self.settings.tries):
            if number:
                time.sleep(self.settings.wait_seconds * 2 ** (number - 1))
            try:
                return _sound_answers(self._post(body), keys)
            except urllib.error.HTTPError as error:
                reason = f"HTTP {error.code}"
                if error.code not in _AGAIN:
                    break
            except (OSError, http.client.HTTPException, ValueError) as error:
                reason = type(error).__name__
        raise EnvironmentError_(
            f"The address service at {urlsplit(self.settings.url).hostname} does not answer ({reason}); check `exchange.address_service` and "
            "its credential, or leave it out."
        )

    def _post(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Authorization": f"Bearer {self.credential}"}
        request = urllib.request.Request(self.settings.url, data=body, headers=headers, method="POST")
        # A redirect would carry the credential to another host.
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=self.settings.timeout_seconds) as response:
            data: bytes = response.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise ValueError("too much")
        return data


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _sound_answers(data: bytes, keys: set[str]) -> Answers:
    said = json.loads(data)
    listed = said.get("addresses") if isinstance(said, dict) else None
    if not isinstance(listed, list):
        raise ValueError("another form")
    return {a["key"]: _answer(a) for a in listed if isinstance(a, dict) and a.get("key") in keys and _is_sound(a)}


def _is_sound(said: Mapping[str, Any]) -> bool:
    """Whether an answer is of the agreed form and fits the standard's six lines, the name above its own."""
    texts = [said.get(n) for n in TEXTS]
    lines = said.get("lines")
    return (
        all(t is None or (isinstance(t, str) and len(t) <= _MAX_TEXT) for t in texts)
        and isinstance(lines, list)
        and 1 <= len(lines) <= _MAX_LINES
        and all(isinstance(line, str) and 0 < len(line) <= _MAX_LINE for line in lines)
        and bool(_POSTCODE.fullmatch(said.get("postcode") or ""))
        and bool(_COMMUNE.fullmatch(said.get("commune_code") or "00000"))
        and bool(said.get("city"))
        and said.get("grade") in ("A", "B", "C", "D")
        and isinstance(said.get("is_deliverable"), bool)
    )


def _answer(said: Mapping[str, Any]) -> dict[str, Any]:
    return {**{n: said.get(n) or None for n in TEXTS}, "lines": said["lines"], "grade": said["grade"], "is_deliverable": said["is_deliverable"]}
