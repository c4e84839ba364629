"""Add public statistics of the area and the first name, and derive segments.

Reads `identity` and `reference`; writes `gold.segment`. A declared value is never overwritten by an inferred one.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("enrich_persons", description=__doc__))
