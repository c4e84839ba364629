"""Requests of persons as files: what one may say, and the sentence for each way in which one cannot be used.

Reading and judging are pure: text in, a request or a refusal out. No sentence repeats what the person wrote.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from appetence.contracts.domain import Channel, Purpose, Right, Use
from appetence.contracts.privacy import RightsRequest
from appetence.contracts.specs import Identifier, Spec
from appetence.errors import RightsError
from appetence.privacy.decisions import COPIES, NOTHING, Decided

_TOO_LARGE = 64_000
_CONTACTS = ("email", "phone")
_TOLD = 8
"""Mistakes of one file that are told."""
_PLAIN = re.compile(r"[a-z][a-z0-9_.]{0,60}")


class _OneKeyOnce(yaml.SafeLoader):
    """YAML in which a repeated key is an error: `right` said twice would otherwise silently mean the second."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if len({str(k) for k in keys}) != len(keys):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return dict(super().construct_mapping(node, deep))


class PersonSpec(Spec):
    """Who asks, as they say it themselves."""

    last_name: str = Field(min_length=1, max_length=100)
    first_name: str = Field(min_length=1, max_length=100)
    birth_date: dt.date | None = None
    address_1: str | None = Field(default=None, max_length=200)
    address_2: str | None = Field(default=None, max_length=200)
    postcode: str | None = Field(default=None, max_length=10)
    city: str | None = Field(default=None, max_length=100)
    email: str | None = Field(default=None, max_length=254)
    phone: str | None = Field(default=None, max_length=30)

    @field_validator("postcode", "phone", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        if isinstance(value, int):
            raise ValueError("is a number without its leading zero; put it between quotes")
        return value

    @model_validator(mode="after")
    def _reachable(self) -> PersonSpec:
        has_address = bool(self.address_1 and self.postcode)
        if not has_address and not any(getattr(self, name) for name in _CONTACTS):
            raise ValueError("a name alone finds nobody for sure; add an e-mail, a phone, or address_1 with postcode")
        return self


class RequestSpec(Spec):
    """`<requests>/rights/*.yaml`: one request of one person."""

    right: Right
    received_through: str = Field(pattern=r"^(operator|member:[a-z][a-z0-9_]+|client:[a-z][a-z0-9_]+)$")
    received_on: dt.date
    evidence: str = Field(min_length=3, max_length=200, description="how identity was checked, e.g. signed letter; no document number")
    person: PersonSpec
    members: tuple[Identifier, ...] = Field(default=(), description="only these members' contributions; empty: all")
    channels: tuple[Channel, ...] = Field(default=(), description="for oppositions and withdrawals; empty: all")
    uses: tuple[Use, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    profiling: bool = Field(default=False, description="an opposition to being scored and segmented; what may be sent stays as it is")
    lift: bool = Field(default=False, description="a limitation that ends: what was frozen is used again as permissions allow")
    corrections: dict[str, str] = Field(default={}, description="for a rectification: column -> right value")
    asked_by: Literal["person", "heir"] = Field(default="person", description="heir: of a person who died; evidence names the certificate")
    wish: Literal["erase", "keep", "hand_over"] | None = Field(default=None, description="for a post-mortem directive")
    confirmed_by: str | None = Field(default=None, min_length=3, description="the officer who settled a doubt about identity")

    @field_validator("received_on", mode="before")
    @classmethod
    def _a_day(cls, value: Any) -> Any:
        if isinstance(value, dt.datetime):
            raise ValueError("holds a time of day; write the day alone, like 2026-10-31")
        return value

    @model_validator(mode="after")
    def _whole(self) -> RequestSpec:
        if (self.right == Right.RECTIFICATION) != bool(self.corrections):
            raise ValueError("corrections belong to a rectification, and a rectification needs them")
        if (self.right == Right.DIRECTIVE) != (self.wish is not None):
            raise ValueError("wish (erase, keep or hand_over) belongs to a directive, and a directive needs it")
        if self.asked_by == "heir" and (self.right != Right.OPPOSITION or self.members or self.channels or self.uses or self.purposes):
            raise ValueError("an heir may have everything stopped (right: opposition, not narrowed); other rights ended with the person")
        if self.profiling and (self.right != Right.OPPOSITION or self.asked_by == "heir"):
            raise ValueError("profiling: true belongs to an opposition by the person; other requests leave it out")
        if self.lift and self.right != Right.LIMITATION:
            raise ValueError("lift: true ends a limitation (right: limitation); other requests leave it out")
        narrowed = self.channels or self.uses or self.purposes
        if self.profiling and (narrowed or self.members):
            raise ValueError("an opposition to profiling concerns all that is made of the person; it names no members, channels, uses or purposes")
        if narrowed and self.right not in (Right.OPPOSITION, Right.WITHDRAWAL):
            raise ValueError("channels, uses and purposes narrow an opposition or a withdrawal only; remove them")
        if len(set(self.members)) != len(self.members):
            raise ValueError("members names one member twice; name each once")
        return self


@dataclass(frozen=True)
class Request:
    """A request that can be read. `request_id` is a keyed hash of all it says: the same file again is the same request."""

    request_id: str
    file: str
    spec: RequestSpec
    decided: Decided = NOTHING

    @property
    def due_on(self) -> dt.date:
        """The last day on which it is answered in time."""
        return self.decided.deadline(self.spec.received_on)

    @property
    def is_confirmed(self) -> bool:
        """An officer settled who asks."""
        return bool(self.spec.confirmed_by or self.decided.confirmed_by)


@dataclass(frozen=True)
class Refusal:
    """A file that is not taken. `state` is refused, or parked when an officer can settle it."""

    request_id: str
    file: str
    reason: str
    right: str = "unreadable"
    received_through: str = "operator"
    received_on: dt.date | None = None
    state: Literal["refused", "parked"] = "refused"


def request_id(content: bytes, key: bytes) -> str:
    """An opaque id of a request file: 32 hex digits, keyed because its content is easily guessed."""
    return hmac.new(key, b"request|" + content, hashlib.sha256).hexdigest()[:32]


def parse(content: bytes, file: str, key: bytes) -> RequestSpec:
    """One file as a request; RightsError with file, field and remedy when it is none."""
    if len(content) > _TOO_LARGE:
        raise RightsError(f"{file}: larger than {_TOO_LARGE} bytes, which no request is; send one request per file.")
    try:
        loaded = yaml.load(content.decode("utf-8"), Loader=_OneKeyOnce)
    except UnicodeDecodeError:
        raise RightsError(f"{file}: not UTF-8; save it as UTF-8.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as broken:
        mark = getattr(broken, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        why = " (a key stands twice)" if getattr(broken, "problem", "") == "a key stands twice" else ""
        raise RightsError(f"{file}{line}: not valid YAML{why}; correct the line.") from None
    if not isinstance(loaded, dict):
        raise RightsError(f"{file}: must hold keys and values; see the example of a request in the documentation.")
    try:
        return RequestSpec.model_validate(loaded)
    except ValidationError as refused:
        raise RightsError(_sentence(refused, file)) from None


def _sentence(refused: ValidationError, file: str) -> str:
    """The mistakes with their remedies, the first ones; the values themselves are never repeated."""
    found = list(dict.fromkeys(_mistake(e) for e in refused.errors(include_input=False, include_url=False)))
    rest = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return f"{file}: {'; '.join(found[:_TOLD])}{rest}."


def _mistake(error: Mapping[str, Any]) -> str:
    place = ".".join(str(p) for p in error["loc"]) or "the request"
    kind = error["type"]
    if kind == "extra_forbidden":
        return f"{place if _PLAIN.fullmatch(place) else 'a key'} is not a known key: remove it or correct its spelling"
    if kind == "missing":
        return f"{place} is missing: add it"
    if kind == "enum":
        return f"{place} is none of {error.get('ctx', {}).get('expected', 'the known values')}: correct it"
    if kind == "string_pattern_mismatch" and place == "received_through":
        return "received_through must be operator, member:<id> or client:<id>: correct it"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{place} cannot be used: {message[:1].lower()}{message[1:]}"


def validate(spec: RequestSpec, file: str, *, as_of: dt.date, members: Collection[str], clients: Collection[str], columns: Collection[str]) -> None:
    """RightsError when a well-formed request names what does not exist: a day to come, an unknown member, client or column."""
    if spec.received_on > as_of:
        raise RightsError(f"{file}: received_on lies after the day of this run; correct the date.")
    role, _, who = spec.received_through.partition(":")
    if role == "member" and who not in members:
        raise RightsError(f"{file}: received_through names a member that does not exist; use an id of conf/members.")
    if role == "client" and who not in clients:
        raise RightsError(f"{file}: received_through names a client that does not exist; use an id of conf/recipients.")
    strangers = [m for m in spec.members if m not in members]
    if strangers:
        raise RightsError(f"{file}: members names {', '.join(strangers)}, which is no member; use ids of conf/members.")
    unknown = [c for c in spec.corrections if c not in columns]
    if unknown:
        raise RightsError(f"{file}: corrections may concern {', '.join(sorted(columns))}; remove the other keys.")
    if spec.person.birth_date and spec.person.birth_date >= spec.received_on:
        raise RightsError(f"{file}: person.birth_date lies after the request; correct the date.")


_CONFLICTS = (frozenset({Right.ERASURE, Right.LIMITATION}), frozenset({Right.ERASURE, Right.RECTIFICATION}))


def contradictions(requests: Iterable[tuple[str, str, Right]], open_rights: Mapping[str, Collection[Right]]) -> dict[str, str]:
    """From (request id, person id, right) and the rights by person that wait already: why each contradictory one parks.

    Erasing and keeping frozen, or erasing and correcting, cannot both be done; the officer asks the person.
    """
    listed = list(requests)
    asked: dict[str, set[Right]] = {p: set(rights) for p, rights in open_rights.items()}
    for _, person, right in listed:
        asked.setdefault(person, set()).add(right)
    parked = {}
    for identifier, person, right in listed:
        for conflict in _CONFLICTS:
            if right in conflict and conflict <= asked[person]:
                other = next(iter(conflict - {right}))
                parked[identifier] = (
                    f"The same person also asks for {other}, and both cannot be done: the officer asks which, and withdraws one of the two."
                )
    return parked


def waiting_copies(rows: Iterable[Mapping[str, Any]], decided: Mapping[str, Decided], as_of: dt.date) -> list[Mapping[str, Any]]:
    """The rows of privacy.rights_request whose copy was made but is not noted as handed over. Past its deadline it no longer waits: it is
    destroyed then anyway."""
    made = [row for row in rows if row[RightsRequest.state] == "executed" and row[RightsRequest.right] in COPIES]
    return [r for r in made if r[RightsRequest.due_on] >= as_of and not decided.get(r[RightsRequest.request_id], NOTHING).is_handed_over]


def held_back(erasures: Mapping[str, Collection[str]], copies: Iterable[Mapping[str, Any]]) -> set[str]:
    """Ids of the erasures that would destroy a copy that waits: request id -> ids of the persons and records it concerns."""
    waiting = [{row[RightsRequest.person_id], *row[RightsRequest.record_ids]} for row in copies]
    return {identifier for identifier, ids in erasures.items() if any(copy.intersection(ids) for copy in waiting)}


def digest(spec: RequestSpec) -> bytes:
    """Canonical content of a request: neither layout nor order of keys nor the officer's confirmation make it another one."""
    said = spec.model_dump(mode="json", exclude={"confirmed_by"})
    for key in ("profiling", "lift"):
        if not said[key]:
            del said[key]  # a request taken before there was this key stays the same one
    return json.dumps(said, sort_keys=True, ensure_ascii=False).encode()
