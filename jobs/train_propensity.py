"""Train the propensity models and let the better one become champion.

Reads `gold.feature`; writes the model registry and `gold.model_card`. A model that fails the gate changes nothing.
"""

from appetence.cli.jobs import main_for

if __name__ == "__main__":
    raise SystemExit(main_for("train_propensity", description=__doc__))
