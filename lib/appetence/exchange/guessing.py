"""What the values of a sample look like beside what their column awaits: columns that changed places, and what spreadsheets do to numbers.

Only counts are kept of values; nothing here hands one out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from appetence.contracts.bronze import RawPermission, RawRecord, RawTransaction
from appetence.contracts.specs import BlockSpec

_LETTERS, _PHONE = r"^[^@]*[^\W\d_][^@]*$", r"^[+(]?[\d ().\-/]{9,}$"
_DATE = r"^\s*(\d{1,4}[/.\- ]\d{1,2}[/.\- ]\d{1,4}|\d{8}|.*\d.*[^\W\d_]{3}.*\d{2})"
_AWAITED: dict[str, tuple[str, str]] = {
    str(RawRecord.email): ("@", "e-mail addresses"),
    str(RawRecord.birth_date): (_DATE, "dates"),
    str(RawTransaction.transaction_date): (_DATE, "dates"),
    str(RawPermission.collected_at): (_DATE, "dates or times"),
    str(RawTransaction.amount): (r"^[+-]?[\d\s]+([.,]\d+)*\s*(€|EUR)?$", "amounts"),
    str(RawTransaction.quantity): (r"^\s*\d+\s*$", "whole numbers"),
    str(RawRecord.postcode): (r"^\s*(F-?)?\s*\d[\d ]{3,5}\s*$", "postcodes"),
    str(RawRecord.phone): (_PHONE, "telephone numbers"),
    str(RawRecord.mobile): (_PHONE, "telephone numbers"),
    str(RawRecord.first_name): (_LETTERS, "names"),
    str(RawRecord.last_name): (_LETTERS, "names"),
    str(RawRecord.city): (_LETTERS, "names of places"),
}
_FITS = {column: re.compile(pattern) for column, (pattern, _) in _AWAITED.items()}
_POWER = re.compile(r"^\d{1,3}([.,]\d+)?E\+?\d+$", re.IGNORECASE)
_DAY_NUMBER = re.compile(r"^[1-5]\d{4}([.,]\d+)?$")
_FEW, _MOST = 0.5, 0.9
"""Fewer values than the first share that look as awaited, and something is said; more than the second in another column, and it is named."""
_SHORTEST, _LAST_FIELD = 20, 32
"""A line of fixed columns has this many characters at least; the last column may end early by so many."""


@dataclass
class Looks:
    """What the values of one source column look like: how many there are, how many would fit each of our columns, and what a spreadsheet did."""

    filled: int = 0
    fits: Counter[str] = field(default_factory=Counter)
    powers: int = 0
    day_numbers: int = 0
    four_digits: int = 0

    def take(self, values: Sequence[str]) -> None:
        """Counts some more values."""
        self.filled += len(values)
        for text in (v.strip() for v in values):
            self.fits.update(column for column, pattern in _FITS.items() if pattern.search(text))
            self.powers += bool(_POWER.match(text))
            self.day_numbers += bool(_DAY_NUMBER.match(text))
            self.four_digits += len(text) == 4 and text.isdigit()

    def share(self, column: str) -> float:
        """How many of the values look as the column awaits."""
        return self.fits[column] / self.filled if self.filled else 1.0


def hints(looks: Mapping[str, Looks], spec: BlockSpec) -> list[str]:
    """Sentences about columns whose values are not what they should be, by source column; no value stands in them."""
    return [sentence for source, ours in spec.columns.items() if source in looks for sentence in _hint(source, ours, looks, spec)]


def _hint(source: str, ours: str, looks: Mapping[str, Looks], spec: BlockSpec) -> list[str]:
    seen = looks[source]
    if seen.powers:
        says = f"{source} holds {seen.powers} numbers written as powers of ten: a spreadsheet did that and their last digits are lost"
        return [f"{says}; have the column set to text there before the file is exported."]
    if ours not in _AWAITED or not seen.filled:
        return []
    what = _AWAITED[ours][1]
    swapped = _swapped(source, ours, looks, spec) if seen.share(ours) < _FEW else None
    if "dates" in what and seen.day_numbers > _FEW * seen.filled and not swapped:
        return [f"{source} holds the day numbers of a spreadsheet where dates are awaited; have the column set to a date (yyyy-MM-dd) there."]
    if ours == RawRecord.postcode and seen.four_digits:
        return [f"{source} has {seen.four_digits} postcodes of four digits: a spreadsheet dropped the leading zero. It is put back; nothing to do."]
    if seen.share(ours) >= _FEW:
        return []
    says = f"{source} becomes {ours}, but {seen.filled - seen.fits[ours]} of its {seen.filled} values do not look like {what}"
    return [
        f"{says}, and those of {swapped} do: have the two columns changed places?" if swapped else f"{says}; look at what the column really holds."
    ]


def _swapped(source: str, ours: str, looks: Mapping[str, Looks], spec: BlockSpec) -> str | None:
    """The column whose values would do here while ours would do there."""
    for theirs, column in spec.columns.items():
        if theirs != source and column in _AWAITED and theirs in looks and looks[theirs].filled:
            is_mutual = looks[theirs].share(ours) > _MOST and looks[source].share(column) > _MOST
            if is_mutual and looks[theirs].share(column) < _FEW:
                return theirs
    return None


def fixed_width(lines: Sequence[str]) -> int | None:
    """The length of the longest line, when all are about as long as it, as lines of fixed columns are; None otherwise.

    >>> fixed_width(["000001DUPRE    ZOE    75001", "000002LE GOFF  EVE    29000"]), fixed_width(["a", "abc"])
    (27, None)
    """
    lengths = [len(line) for line in lines if line.strip()]
    is_so = len(lengths) > 1 and min(lengths) >= _SHORTEST and max(lengths) - min(lengths) <= _LAST_FIELD
    return max(lengths) if is_so else None
