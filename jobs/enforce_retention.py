"""Delete what may no longer be kept.

Applies each member's retention rule, by default 36 months after the last transaction; writes `privacy.retention_run`.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("enforce_retention", description=__doc__))
