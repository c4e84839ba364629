"""Describe each person as known on the --as-of date.

Reads `silver` and `identity`; writes `gold.feature`. Nothing that happened after the date is looked at.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("build_features", description=__doc__))
