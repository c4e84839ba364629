"""Select the people of each campaign, and keep the reason for every exclusion.

Reads `gold.score`, permissions, instructions and suppressions; writes `gold.selection`, `gold.decision`, `gold.waterfall`, `gold.tier`.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("select_campaign", description=__doc__))
