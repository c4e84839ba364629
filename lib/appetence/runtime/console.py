"""What people read on a terminal."""

from __future__ import annotations

import sys


def say(text: str = "") -> None:
    """One line of result on standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """One line of trouble on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def table(rows: list[dict[str, object]], columns: list[str] | None = None) -> str:
    """Rows as an aligned text table; numbers to the right.

    >>> print(table([{"job": "score_persons", "rows": 12}]))
    job            rows
    score_persons    12
    """
    if not rows:
        return "(nothing)"
    names = columns or list(rows[0])
    cells = [[_text(r.get(n)) for n in names] for r in rows]
    widths = [max(len(n), *(len(c[i]) for c in cells)) for i, n in enumerate(names)]
    right = [all(isinstance(r.get(n), int | float) or r.get(n) is None for r in rows) for n in names]

    def line(values: list[str]) -> str:
        return "  ".join(v.rjust(w) if a else v.ljust(w) for v, w, a in zip(values, widths, right, strict=True)).rstrip()

    return "\n".join([line(names), *(line(c) for c in cells)])


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ")
    return str(value)
