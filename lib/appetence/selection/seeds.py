"""Trap addresses: lines of a file that are nobody's, each in one file only, so that a misuse of the file shows where it came from.

They are added after every count and look like the lines around them: usual names and civilities, an address among several, a key code
that the file really carries, and they stand where their reference sorts them. They are known again by their reference alone; the name is
drawn for one file, so that a piece or a call to it tells which file was used. By phone and SMS the number alone has to tell it, and there are
few: a number follows from its trap's reference and the key, so that the references in gold.export_line tell which numbers other files carry.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count

from appetence import data
from appetence.contracts.domain import Channel
from appetence.errors import ConfigError
from appetence.selection.layouts import ADDRESS_LINES, Wording, call_windows
from appetence.selection.terms import Terms

_DECADES = ("1940", "1950", "1960", "1970", "1980")
_FIRST_NAMES, _LAST_NAMES = 300, 9000
"""How many of the most usual names, of each gender and in all, traps are drawn from."""
_CIVILITY = {"M": "M", "F": "MME"}


@cache
def _first_names() -> tuple[tuple[str, str], ...]:
    """(gender, first name), the most usual of each gender among adults."""
    heard: dict[tuple[str, str], float] = {}
    for row in data.rows("first_names"):
        if row["decade"] in _DECADES and row["first_name"].isalpha():
            name = (row["gender"], row["first_name"])
            heard[name] = heard.get(name, 0.0) + float(row["per_million"])
    usual = sorted(heard, key=lambda name: (-heard[name], name))
    return tuple(sorted(n for gender in _CIVILITY for n in [x for x in usual if x[0] == gender][:_FIRST_NAMES]))


@cache
def _last_names() -> tuple[str, ...]:
    return tuple(row["surname"] for row in data.rows("surnames") if row["surname"].isalpha())[:_LAST_NAMES]


NUMBERED = (Channel.PHONE, Channel.SMS)
"""Channels whose traps are told apart by their number."""
_NUMBER_LENGTH = 12
"""Characters of a French number, +33 and nine digits."""


@dataclass(frozen=True)
class TrapFile:
    """A file by phone or SMS: its id, what it is drawn for, and how many traps it asks for."""

    export_id: str
    campaign_id: str
    channel: str
    seeds: int


def _token(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:16].upper()


class _Draw:
    """Numbers and tokens of one trap, drawn from the key: nobody without it can tell them from others. `who` is its place in the file, or its
    reference where that was allotted."""

    def __init__(self, key: bytes, campaign_id: str, channel: str, who: int | str) -> None:
        self._key, self._campaign, self._who = key, campaign_id, f"{campaign_id}|{channel}|{who}"
        self.reference = who if isinstance(who, str) else self.token("reference")

    def token(self, purpose: str) -> str:
        return _token(self._key, f"seed|{purpose}|{self._who}")

    def answer(self, purpose: str) -> str:
        """What somebody sends back to unsubscribe: made as for every other line of the file, and known again like them."""
        return _token(self._key, f"{purpose}|{self._campaign}|{self.reference}")

    def number(self, purpose: str, below: int) -> int:
        return int(self.token(purpose), 16) % below

    def phone(self, prefix: str) -> str:
        return trap_number(self._key, prefix, self.reference)


def trap_number(key: bytes, prefix: str, reference: str) -> str:
    """The number of the trap with this reference, behind `prefix`; only who has the key can tell one from the other."""
    digits = _NUMBER_LENGTH - len(prefix)
    return prefix + f"{int(_token(key, f'seed|phone|{prefix}|{reference}'), 16) % 10**digits:0{digits}d}"


def numbered_references(
    files: Iterable[TrapFile], registered: Mapping[str, Iterable[str]], key: bytes, prefix: str
) -> dict[str, tuple[str, ...]]:  # fmt: skip
    """References for the traps of each file by phone or SMS, by its id, such that no two files have a number in common.

    `registered`: the traps' references of files by phone and SMS handed over before, by file; a file among them keeps its own, so that it
    is the same when it is written again. The others are drawn in the order of `files`; a file gets fewer when the numbers are used up."""
    holders: dict[str, set[str]] = {}
    for export_id, references in registered.items():
        for reference in references:
            holders.setdefault(trap_number(key, prefix, reference), set()).add(export_id)
    given: dict[str, tuple[str, ...]] = {}
    for file in files:
        own: dict[str, str] = {}
        for reference in sorted(registered.get(file.export_id, ())):
            number = trap_number(key, prefix, reference)
            if holders[number] == {file.export_id}:
                own.setdefault(number, reference)
        kept = list(own.values())[: file.seeds]
        for place in count(1):
            if len(kept) >= file.seeds or len(holders) >= 10 ** (_NUMBER_LENGTH - len(prefix)):
                break
            reference = _Draw(key, file.campaign_id, file.channel, place).reference
            number = trap_number(key, prefix, reference)
            if number not in holders:
                holders[number] = {file.export_id}
                kept.append(reference)
        given[file.export_id] = tuple(sorted(kept))
    return given


def seed_lines(
    terms: Terms, channel: str, key: bytes, wording: Wording, codes: Sequence[str] = (), references: Sequence[str] = ()
) -> list[Mapping[str, str]]:  # fmt: skip
    """The trap lines of one file, in its layout; `key` is the key of printed references, `codes` the key codes that the file carries,
    `references` what `numbered_references` gives it: ConfigError when a file by phone or SMS has too few."""
    if channel in NUMBERED:
        _check_numbers(terms, channel, len(references))
        drawn = (_Draw(key, terms.spec.campaign_id, channel, reference) for reference in references[: terms.spec.seeds])
        return [_line(terms, channel, draw, wording, codes, 0)[0] for draw in drawn]
    lines: list[Mapping[str, str]] = []
    taken: set[str] = set()
    for place in range(1, terms.spec.seeds + 1):
        draw = _Draw(key, terms.spec.campaign_id, channel, place)
        for attempt in range(100):
            line, who = _line(terms, channel, draw, wording, codes, attempt)
            if who not in taken:
                break
        taken.add(who)
        lines.append(line)
    return lines


def _check_numbers(terms: Terms, channel: str, free: int) -> None:
    if free < terms.spec.seeds:
        raise ConfigError(
            f"campaigns/{terms.spec.campaign_id}.yaml: seeds asks for {terms.spec.seeds} traps by {channel}, but other files carry the numbers "
            f"behind selection.seed_phone_prefix {terms.settings.seed_phone_prefix!r} already, all but {free}: name a prefix of further lines "
            "there, or lower seeds."
        )


def _line(terms: Terms, channel: str, draw: _Draw, wording: Wording, codes: Sequence[str], attempt: int) -> tuple[Mapping[str, str], str]:
    """One trap and what it is reached by; another `attempt` gives another name, should that be taken in this file."""
    settings, again = terms.settings, f"|{attempt}" if attempt else ""
    gender, first = _first_names()[draw.number(f"first{again}", len(_first_names()))]
    last, reference = _last_names()[draw.number(f"last{again}", len(_last_names()))], draw.reference
    tail = {"key_code": _code(terms, draw, codes), "reference": reference}
    named = {"civility": _CIVILITY[gender], "first_name": first, "last_name": last}
    cited = {"source_mention": wording.source_mention.replace("{reference}", reference)}
    if channel == Channel.POST:
        home = settings.seed_homes[draw.number("home", len(settings.seed_homes))]
        lines = [f"{_CIVILITY[gender]} {first} {last}", *home]
        padded = {f"line_{i + 1}": (lines[i] if i < len(lines) else "") for i in range(ADDRESS_LINES)}
        return {"civility": _CIVILITY[gender], **padded, **tail, **cited}, lines[0]
    if channel == Channel.EMAIL:
        words = {"first": _mailable(first), "last": _mailable(last), "code": f"{draw.number(f'mail{again}', 100):02d}"}
        email = settings.seed_email.format(**words)
        return {"email": email, **named, **tail, **cited, "unsubscribe_token": draw.answer("unsubscribe")}, email
    phone = draw.phone(settings.seed_phone_prefix)
    if channel == Channel.SMS:
        return {"mobile": phone, **tail, "stop_token": draw.answer("stop")}, phone
    said = {"consent_at": _consent_at(terms, draw), "consent_reference": draw.token("consent")}
    left = {"call_windows": call_windows(wording.phone_hours), "attempts_left": str(wording.phone_hours.attempts_max)}
    return {"phone": phone, **named, **said, **left, **tail}, phone


def _code(terms: Terms, draw: _Draw, codes: Sequence[str]) -> str:
    """A key code of the file; one that it could carry when it carries none."""
    if codes:
        return sorted(codes)[draw.number("code", len(codes))]
    return f"{terms.spec.campaign_id}.mail.d{draw.number('code', 10) + 1:02d}.{terms.spec.lists[0].list_id}".upper()


def _consent_at(terms: Terms, draw: _Draw) -> str:
    """A moment within the two years before the drop, as consents are given: by day, to the second."""
    day = terms.drop_date - dt.timedelta(days=30 + draw.number("day", 700))
    moment = dt.datetime.combine(day, dt.time(7)) + dt.timedelta(seconds=draw.number("moment", 14 * 3600))
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _mailable(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())
