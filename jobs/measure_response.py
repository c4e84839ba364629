"""Measure what campaigns brought, against their hold-out.

Reads transactions and `gold.selection`; writes `gold.response` and `gold.matchback`.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("measure_response", description=__doc__))
