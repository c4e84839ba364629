"""Compact the tables and remove files that no readable version needs.

Touches every table; changes no row.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("maintain_tables", description=__doc__))
