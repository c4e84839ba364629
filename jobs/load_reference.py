"""Load the reference tables: members, recipients, instructions, exclusions, law rules and public statistics.

Reads conf/ and the data shipped with the library; writes the `reference` tables. Run it first, and again after a change in conf/.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("load_reference", description=__doc__))
