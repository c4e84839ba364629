"""Issue each member's statement of what it supplied and what was used.

Reads `bronze`, `silver` and `gold`; writes `gold.statement`. Counts under 11 are masked.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("issue_statements", description=__doc__))
