"""What a notebook needs to start: the configuration and the lake of an environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from appetence.runtime.config import Config, load
from appetence.runtime.session import build_session
from appetence.storage.lake import Lake

ENVIRONMENT, OVERRIDES = "APPETENCE_ENV", "APPETENCE_SET"


def opened_lake(dbutils: Any = None) -> tuple[Config, Lake]:
    """Configuration and lake, for reading, of the environment that the notebook is to look at.

    The environment is that of the widget `environment` where there are widgets (hand in `dbutils`), else of the variable APPETENCE_ENV,
    else `demo`. APPETENCE_SET overrides single keys, as `--set` does: `paths.root=/tmp/lake`, several with spaces between.
    """
    environment = os.environ.get(ENVIRONMENT, "demo")
    if dbutils is not None:
        dbutils.widgets.text("environment", environment)
        environment = dbutils.widgets.get("environment")
    config = load(environment, os.environ.get(OVERRIDES, "").split())
    session = build_session(config.spark, Path(config.paths.scratch))
    return config, Lake(session, config.paths.lake, "notebook", config.paths.scratch, is_dry_run=True)
