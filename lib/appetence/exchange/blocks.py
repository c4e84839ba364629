"""The blocks a delivery may hold, read off the bronze contracts, and what a member's mapping of one must say."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from appetence.contracts.base import Table
from appetence.contracts.bronze import RawPermission, RawRecord, RawTransaction
from appetence.contracts.domain import Block
from appetence.contracts.specs import BlockSpec
from appetence.errors import ConfigError

TABLES: dict[Block, type[Table]] = {
    Block.CUSTOMERS: RawRecord,
    Block.TRANSACTIONS: RawTransaction,
    Block.PERMISSIONS: RawPermission,
}
REQUIRED: dict[Block, tuple[str, ...]] = {
    Block.CUSTOMERS: (RawRecord.customer_ref,),
    Block.TRANSACTIONS: (
        RawTransaction.customer_ref, RawTransaction.transaction_ref, RawTransaction.transaction_date, RawTransaction.amount,
    ),
    Block.PERMISSIONS: (RawPermission.customer_ref, RawPermission.channel, RawPermission.status, RawPermission.collected_at),
}  # fmt: skip
REFERENCES = frozenset({str(RawRecord.customer_ref), str(RawTransaction.transaction_ref)})
"""Numbers that tie lines together: spaces around them are no part of them."""


@dataclass(frozen=True)
class Stamp:
    """What every stored line of a delivery carries besides its values."""

    delivery_id: str
    member_id: str
    delivered_at: dt.datetime
    received_on: dt.date


def data_columns(block: Block) -> tuple[str, ...]:
    """The columns of a block that a member fills, in the contract's order."""
    return tuple(str(f) for f in TABLES[block].content() if f.provided)


def check_mapping(member_id: str, block: Block, spec: BlockSpec) -> None:
    """The mapping names only our columns, each once, and fills the required ones; ConfigError otherwise."""
    where = f"conf/members/{member_id}.yaml: blocks.{block}"
    ours = data_columns(block)
    filled = spec.filled()
    for column in (*filled, *spec.values):
        if column not in ours:
            raise ConfigError(f"{where} maps to {column!r}, which is no column of the block; its columns are {', '.join(ours)}.")
    double = sorted({c for c in filled if filled.count(c) > 1})
    if double:
        raise ConfigError(f"{where} fills {', '.join(double)} twice; map each of our columns once.")
    lacking = [c for c in REQUIRED[block] if c not in filled]
    if lacking:
        raise ConfigError(f"{where} does not fill the required column {lacking[0]}; add it to `columns` or `constants`.")
    _check_format(where, spec)


def _check_format(where: str, spec: BlockSpec) -> None:
    if spec.format == "fixed" and (not spec.fields or len(spec.fields) != len(spec.widths)):
        raise ConfigError(f"{where}: a fixed-width file needs `fields` and `widths`, one of each per source column.")
    if spec.format == "csv" and not spec.header and not spec.fields:
        raise ConfigError(f"{where}: a file without header needs `fields`, the names of its columns in order.")
    both = sorted(set(spec.columns) & set(spec.ignored))
    if both:
        raise ConfigError(f"{where}: {', '.join(both)} is both in `columns` and in `ignored`; keep one.")
