"""The audit trail: each link carries the hash of the one before, so that a link removed or altered shows.

Source of the construction: hash chains as in Schneier and Kelsey, "Secure Audit Logs to Support Computer Forensics" (1999), without their
key evolution: whoever may rewrite the whole table could rewrite the chain, which is why its last hash is printed in each run's ledger.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from appetence.errors import ContractError

GENESIS = "0" * 64


@dataclass(frozen=True)
class Entry:
    """Something to be recorded: who did what to which set. `details` holds counts, ids and hashes, never personal data."""

    actor: str
    action: str
    object_id: str
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Link:
    """One link of the chain, as ops.audit holds it."""

    sequence: int
    at: dt.datetime
    actor: str
    action: str
    object_id: str
    details: str
    previous_hash: str
    link_hash: str

    def as_row(self) -> dict[str, Any]:
        """The link by column name of ops.audit."""
        return asdict(self)


def next_links(previous: Link | None, entries: Iterable[Entry], at: dt.datetime) -> list[Link]:
    """The links that follow `previous` (None: the chain begins), one per entry, in order."""
    links: list[Link] = []
    last = previous
    for entry in entries:
        text = json.dumps(dict(entry.details), sort_keys=True, default=str, ensure_ascii=False, separators=(",", ":"))
        blank = Link(last.sequence + 1 if last else 1, at, entry.actor, entry.action, entry.object_id, text, last.link_hash if last else GENESIS, "")
        last = replace(blank, link_hash=hash_of(blank))
        links.append(last)
    return links


def hash_of(link: Link) -> str:
    """SHA-256 over everything the link says and the hash before it."""
    at = link.at.strftime("%Y-%m-%dT%H:%M:%S.%f")
    said = [link.sequence, at, link.actor, link.action, link.object_id, link.details, link.previous_hash]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def faults(chain: Sequence[Link], expected_length: int | None = None) -> list[str]:
    """What is wrong with a chain, one sentence each, in order; empty when it holds.

    `expected_length` (from a run's ledger or a printed page) shows links cut off at the end, which the chain alone cannot.
    """
    found: list[str] = []
    before: Link | None = None
    for link in sorted(chain, key=lambda one: one.sequence):
        expected = before.sequence + 1 if before else 1
        if link.sequence > expected:
            found.append(f"Links {expected} to {link.sequence - 1} are missing.")
        elif link.sequence < expected:
            found.append(f"Link {link.sequence} is there twice.")
        if link.link_hash != hash_of(link):
            found.append(f"Link {link.sequence} was altered: its content does not give its hash.")
        elif link.sequence == expected and link.previous_hash != (before.link_hash if before else GENESIS):
            found.append(f"Link {link.sequence} does not follow link {expected - 1}: one of the two was replaced.")
        before = link
    last = before.sequence if before else 0
    if expected_length is not None and last < expected_length:
        found.append(f"Links {last + 1} to {expected_length} are missing at the end.")
    return found


def unanchored(chain: Iterable[Link], anchors: Iterable[tuple[str, int, str]]) -> list[str]:
    """What is wrong against (run id, links, hash of the last) as ledgers noted them, one sentence each: links cut off at the end, or a
    chain that was written anew from some link on, hashes and all."""
    hashes = {link.sequence: link.link_hash for link in chain}
    found = []
    for run, length, said in sorted(anchors, key=lambda a: (a[1], a[0])):
        if length not in hashes:
            found.append(f"Link {length} is missing, which the run {run} wrote.")
        elif hashes[length] != said:
            found.append(f"Link {length} is not the one the run {run} wrote: the chain was written anew.")
    return found


def verify(chain: Sequence[Link], expected_length: int | None = None) -> None:
    """ContractError with the first fault when the chain does not hold."""
    wrong = faults(chain, expected_length)
    if wrong:
        more = f" {len(wrong) - 1} more faults follow." if len(wrong) > 1 else ""
        raise ContractError(f"The audit chain does not verify. {wrong[0]}{more} Restore ops.audit from a copy and find out who wrote to it.")
