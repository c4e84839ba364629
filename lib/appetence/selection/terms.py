"""The terms of one campaign: its specification, checked against the law, the recipient and the router, and what follows from them."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from appetence.contracts.domain import Channel, Purpose, RecipientSector, Use
from appetence.contracts.settings import SelectionSettings
from appetence.contracts.specs import CampaignSpec, LawRuleSpec, LawSpec, RecipientSpec
from appetence.errors import ConfigError, LawError

EEA = frozenset(
    (
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT",
        "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
    )
)  # fmt: skip

BY_MODEL = ("model", "expected_amount")
"""Rankings that read scores; whom the model does not score is on no list."""


@dataclass(frozen=True)
class Terms:
    """What one selection is made by. `cutoff` is the last day whose facts it reads, `known_on` the day it is made."""

    spec: CampaignSpec
    client: RecipientSpec
    rules: Mapping[Channel, LawRuleSpec]
    law: LawSpec
    settings: SelectionSettings
    known_on: dt.date

    @property
    def drop_date(self) -> dt.date:
        """The day the pieces reach people: law, permissions and instructions are read at this day."""
        return self.spec.drop_date

    @property
    def cutoff(self) -> dt.date:
        """Facts of later days are not read: neither what happens after the run nor, for a past campaign, after its drop."""
        return min(self.known_on, self.spec.drop_date)

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels in order of preference."""
        return tuple(str(c) for c in self.spec.channels)

    @property
    def is_prospect(self) -> bool:
        """Whether it looks for people who are not the client's."""
        return self.spec.product == Use.PROSPECT

    @property
    def is_house(self) -> bool:
        """Whether it works on the client's own base."""
        return self.spec.product == Use.HOUSE

    @property
    def is_enrich(self) -> bool:
        """Whether it adds attributes to the client's own file, and contacts nobody."""
        return self.spec.product == Use.ENRICH

    @property
    def party(self) -> str:
        """The client as a competitor of others: the member it is, else itself."""
        return self.client.member_id or self.client.recipient_id

    @property
    def named_as(self) -> tuple[str, ...]:
        """What a consent may name to mean this client: itself, or a list with its version that holds it."""
        lists = [name for name, held in self.law.recipient_lists.items() if self.client.recipient_id in held]
        return tuple(sorted({self.client.recipient_id, self.party, *lists}))

    @property
    def model_key(self) -> str | None:
        """The scores that rank it, None for a formula and for an enrichment, which ranks nobody."""
        return f"{self.spec.product}:{self.spec.client}" if self.spec.ranking in BY_MODEL and not self.is_enrich else None

    @property
    def is_by_amount(self) -> bool:
        """Whether it ranks by what the model expects each person to spend."""
        return self.spec.ranking == "expected_amount" and not self.is_enrich

    @property
    def cost_cents(self) -> int:
        """Cost of one piece."""
        return round(self.spec.cost_per_piece_eur * 100)

    @property
    def margin_cents(self) -> int:
        """Margin of one response."""
        return round(self.spec.margin_per_response_eur * 100)

    @property
    def planned_holdout(self) -> int | None:
        """Persons set apart on top of the quantity; None when the quantity is the break-even's."""
        return None if self.spec.quantity is None else int(self.spec.quantity * self.spec.holdout_share + 0.5)

    @property
    def frozen(self) -> str:
        """The canonical specification, as it is kept when the campaign is cut."""
        return self.spec.model_dump_json()

    @property
    def spec_hash(self) -> str:
        """SHA-256 of the canonical specification."""
        return hashlib.sha256(self.frozen.encode()).hexdigest()


def terms_of(spec: CampaignSpec, law: LawSpec, recipients: Mapping[str, RecipientSpec], settings: SelectionSettings, known_on: dt.date) -> Terms:
    """The terms of a campaign; ConfigError or LawError with one sentence naming file, field and remedy when it may not run."""
    where = f"campaigns/{spec.campaign_id}.yaml"
    client = recipients.get(spec.client)
    if client is None or client.role != "client":
        known = ", ".join(sorted(r for r, s in recipients.items() if s.role == "client")) or "none"
        raise ConfigError(f"{where}: client is {spec.client!r}, which is no recipient of selections; use one of {known}.")
    _check_client(spec, client, where)
    _check_router(spec, recipients, where)
    rules = {channel: _rule(spec, channel, law, where) for channel in spec.channels}
    if spec.ranking != "model" and spec.quantity is None and spec.product != Use.ENRICH:
        raise ConfigError(f"{where}: quantity is missing; only a ranking by model has a break-even, so say how many pieces are ordered.")
    return Terms(spec, client, rules, law, settings, known_on)


def _check_client(spec: CampaignSpec, client: RecipientSpec, where: str) -> None:
    if client.sector is None:
        raise ConfigError(f"{where}: client {spec.client!r} has no sector; give recipients/{spec.client}.yaml one of the recipient sectors.")
    if client.country not in EEA and not (client.safeguard or "").strip():
        raise LawError(
            f"{where}: client {spec.client!r} is in {client.country}, outside the EEA; name the safeguard of the transfer in "
            f"recipients/{spec.client}.yaml, or choose another client."
        )
    if spec.product in (Use.HOUSE, Use.ENRICH) and client.member_id is None:
        raise ConfigError(f"{where}: product is {spec.product}, but client {spec.client!r} is no member and has no base here; use product: prospect.")
    if spec.purpose == Purpose.CARITATIVE and client.sector != RecipientSector.CARITATIF:
        raise LawError(
            f"{where}: purpose caritative is for recipients of sector caritatif, and {spec.client!r} is of sector {client.sector}; "
            "use purpose: commercial."
        )


def _check_router(spec: CampaignSpec, recipients: Mapping[str, RecipientSpec], where: str) -> None:
    for channel in spec.channels:
        name = spec.router_of(channel)
        router = recipients.get(name)
        if router is None:
            known = ", ".join(sorted(r for r, s in recipients.items() if s.role == "router")) or "none"
            raise ConfigError(f"{where}: router {name!r} is unknown; use one of {known}, or the client's own id for a house file.")
        if spec.product == Use.ENRICH and name != spec.client:
            raise LawError(f"{where}: router {name!r} is not the client; an enrichment goes to the client alone: write router: {spec.client}.")
        if router.role == "client" and (name != spec.client or spec.product == Use.PROSPECT):
            raise LawError(f"{where}: router {name!r} is a client; prospects go to a technical router, never to a client.")
        if router.role == "router" and channel not in router.layouts:
            raise ConfigError(
                f"{where}: router {name!r} does not carry {channel}; name one that does under routers: {{{channel}: ...}}, or drop the channel."
            )


def _rule(spec: CampaignSpec, channel: Channel, law: LawSpec, where: str) -> LawRuleSpec:
    for rule in law.rules:
        governs = rule.valid_from <= spec.drop_date and (rule.valid_to is None or spec.drop_date <= rule.valid_to)
        if (rule.channel, rule.purpose) == (channel, spec.purpose) and governs:
            return rule
    purposes = sorted({str(r.purpose) for r in law.rules if r.channel == channel})
    raise LawError(
        f"{where}: purpose {spec.purpose} by {channel} is refused: law.yaml holds no rule for it on {spec.drop_date}; "
        f"use one of {', '.join(purposes) or 'the ruled purposes'}, or have the data-protection officer add a rule."
    )
