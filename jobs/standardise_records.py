"""Standardise names, addresses, phones, e-mails and dates, and grade their quality.

Reads `bronze`; writes the `silver` tables. The raw value stays beside the standard one.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("standardise_records", description=__doc__))
