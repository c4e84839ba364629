"""What a write did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """What one write did. `rows` counts what was handed in, `version` is the table's version after it (None when it does not exist)."""

    rows: int
    inserted: int
    updated: int
    deleted: int
    version: int | None

    @property
    def is_none(self) -> bool:
        """Nothing was to be changed."""
        return self.inserted + self.updated + self.deleted == 0
