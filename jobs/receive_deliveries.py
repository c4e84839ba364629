"""Receive members' deliveries: decrypt, verify and store every row once.

Reads the inbox; writes the `bronze` tables. A delivery that fails a check goes to quarantine whole, with a report for its member.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("receive_deliveries", description=__doc__))
