"""Hand selections over as encrypted, signed files.

Reads `gold.selection`; checks suppression and permission again; writes the outbox and `gold.export`.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("export_selection", description=__doc__))
