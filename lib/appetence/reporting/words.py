"""Codes of the tables as words that campaign teams use."""

from __future__ import annotations

from collections.abc import Iterable

from appetence.contracts.domain import Basis, Channel, Purpose, Reason, Use

UNIVERSE = "UNIVERSE"

STEPS: dict[str, tuple[str, str]] = {
    UNIVERSE: ("All candidates", "persons with a live record at the cutoff"),
    Reason.STATUS: ("Status", "limited, erased or deceased, under 18, or an identity too weak"),
    Reason.SUPPRESSED: ("Suppression list", "a coordinate is on the list, for everybody or for this client"),
    Reason.EXTERNAL_LIST: ("External list", "Robinson for post, Bloctel for calls before 11 August 2026"),
    Reason.PERMISSION: ("Permission", "no member holds a permission for this channel and purpose on the drop date"),
    Reason.INSTRUCTION: ("Instruction", "the supplier's instruction or an exclusion between competitors refuses"),
    Reason.SOURCES: ("Sources", "fewer supplying members left than required, or only the client's own"),
    Reason.CLIENT_FILE: ("Client's file", "already a customer, a bad debt, or mailed before by the client"),
    Reason.DELIVERABLE: ("Deliverable", "address, e-mail or phone not good enough"),
    Reason.CAP: ("Contact cap", "contacted often or recently enough"),
    Reason.PRESELECT: ("Client's filters", "outside the client's own filters"),
    Reason.DEDUPLICATE: ("Duplicate", "another person of the same merge unit is kept"),
    Reason.BELOW_CUT: ("Below the cut", "past the quantity ordered or the break-even rank"),
    Reason.CELL: ("Held out", "drawn at random and set apart, to measure the effect"),
}

CHANNELS = {Channel.POST: "post", Channel.EMAIL: "e-mail", Channel.PHONE: "phone", Channel.SMS: "SMS"}

PRODUCTS = {
    Use.PROSPECT: "Prospects: persons known to several members and not to the client",
    Use.HOUSE: "House: persons of the client's own base",
    Use.ENRICH: "Enrichment: attributes added to the client's own file",
}

PURPOSES = {Purpose.COMMERCIAL: "commercial", Purpose.CARITATIVE: "appeal for gifts", Purpose.ETUDE: "study"}

BASES = {
    Basis.CONSENT: "consent",
    Basis.INFORMATION: "informed and not opposed",
    Basis.OWN_CUSTOMER: "own customer (similar goods, refusal offered)",
    Basis.CONTRACT: "contract in progress",
}

HOLDOUT, MAIL = "holdout", "mail"


def step(code: str) -> tuple[str, str]:
    """Name and meaning of a waterfall code; an unknown one stands for itself."""
    return STEPS.get(code, (code.replace("_", " ").capitalize(), ""))


def channel(code: str) -> str:
    """A channel as people write it."""
    return {str(k): v for k, v in CHANNELS.items()}.get(code, code)


def product(code: str) -> str:
    """A product in a phrase."""
    return {str(k): v for k, v in PRODUCTS.items()}.get(code, code)


def purpose(code: str) -> str:
    """A purpose in words."""
    return {str(k): v for k, v in PURPOSES.items()}.get(code, code)


def basis(code: str) -> str:
    """A legal basis in words."""
    return {str(k): v for k, v in BASES.items()}.get(code, code)


def cell(code: str) -> str:
    """A cell of a campaign in words."""
    return {HOLDOUT: "held out", MAIL: "contacted"}.get(code, code.replace("_", " "))


def listed(items: Iterable[str], last: str = "and") -> str:
    """Items as a phrase.

    >>> listed(["post", "e-mail", "SMS"])
    'post, e-mail and SMS'
    """
    found = list(items)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} {last} {found[-1]}" if found else "none"


def readable(code: str) -> str:
    """A code with underscores as words.

    >>> readable("score_persons")
    'score persons'
    """
    return code.replace("_", " ")
