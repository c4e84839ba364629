"""Find which records are the same person, and which persons share a household.

Reads `silver.record`; writes the `identity` tables. Ids stay the same from run to run.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("resolve_identities", description=__doc__))
