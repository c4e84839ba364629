"""Add oppositions and suppression files to the list of people not to contact.

Reads suppression files; writes `privacy.suppression`, which holds keyed hashes and no readable coordinate.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("import_suppressions", description=__doc__))
