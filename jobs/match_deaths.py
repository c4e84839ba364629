"""Match the official list of the deceased with the persons known: probable suppresses, certain closes.

Reads `<requests>/deaths/*.txt`; writes `privacy.death` and `privacy.suppression`, and erases whom left that wish.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("match_deaths", description=__doc__))
