"""Trap addresses: lines of a file that are nobody's, each in one file only, so that a misuse of the file shows where it came from.

They are added after every count, carry a plausible key code and reference, and are known again by their reference alone.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from appetence.contracts.domain import Channel
from appetence.selection.layouts import ADDRESS_LINES, Wording, call_windows
from appetence.selection.terms import Terms

_FIRST = ("CAMILLE", "CLAUDE", "DOMINIQUE", "MAXIME", "ALIX", "ANDREA", "SACHA", "LOU")
_LAST = ("VERNEY", "CHAMPIER", "ROUVRAY", "BEAULANDE", "MARSOLLIER", "TERRASSON", "COURVOISE", "DELMARQUE")


def seed_lines(terms: Terms, channel: str, key: bytes, wording: Wording) -> list[Mapping[str, str]]:
    """The trap lines of one file, in its layout; `key` is the key of printed references."""
    return [_line(terms, channel, key, wording, number) for number in range(1, terms.spec.seeds + 1)]


def _line(terms: Terms, channel: str, key: bytes, wording: Wording, number: int) -> Mapping[str, str]:
    spec, settings = terms.spec, terms.settings

    def mark(purpose: str) -> str:
        return hmac.new(key, f"seed|{purpose}|{spec.campaign_id}|{channel}|{number}".encode(), hashlib.sha256).hexdigest()[:16].upper()

    code = int(mark("name"), 16)
    # Letters of the code in the name: the pair of names is unique within any file of fewer than 64 traps, the code across files.
    first, last = _FIRST[number % len(_FIRST)], f"{_LAST[number // len(_FIRST) % len(_LAST)]} {_letters(code)}"
    reference = mark("reference")
    tail = {
        "key_code": f"{spec.campaign_id}.mail.d{code % 10 + 1:02d}.{spec.lists[0].list_id}".upper(),
        "reference": reference,
    }
    named = {"civility": "", "first_name": first, "last_name": last}
    cited = {"source_mention": wording.source_mention.replace("{reference}", reference)}
    phone = settings.seed_phone_prefix + f"{code % 10 ** (12 - len(settings.seed_phone_prefix)):0{12 - len(settings.seed_phone_prefix)}d}"
    if channel == Channel.POST:
        lines = [f"{first} {last}", *settings.seed_lines]
        padded = {f"line_{i + 1}": (lines[i] if i < len(lines) else "") for i in range(ADDRESS_LINES)}
        return {"civility": "", **padded, **tail, **cited}
    if channel == Channel.EMAIL:
        return {"email": settings.seed_email.format(code=mark("mail").lower()), **named, **tail, **cited, "unsubscribe_token": mark("token")}
    if channel == Channel.SMS:
        return {"mobile": phone, **tail, "stop_token": mark("token")}
    said = {"consent_at": f"{terms.drop_date.replace(day=1)}T09:00:00Z", "consent_reference": mark("consent")}
    left = {"call_windows": call_windows(wording.phone_hours), "attempts_left": str(wording.phone_hours.attempts_max)}
    return {"phone": phone, **named, **said, **left, **tail}


def _letters(code: int) -> str:
    return "".join(chr(65 + code // 26**i % 26) for i in range(4))
