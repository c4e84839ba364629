"""Score every person with the champion models.

Reads `gold.feature` and the model registry; writes `gold.score`, one partition per model and cutoff.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("score_persons", description=__doc__))
