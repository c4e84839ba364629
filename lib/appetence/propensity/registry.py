"""The model registry: MLflow runs, versions and the aliases `challenger` and `champion`. The only domain code here that does I/O.

A run holds parameters, figures, plots, the signature, the versions of the tables trained on and the commit; never a row of anybody (no
input example). A version is found again by the hash of what it was trained on, so that the same inputs never register a second one.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import sklearn
from matplotlib.figure import Figure
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.pyfunc.model import PythonModel
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import Array
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from appetence.contracts.gold import ModelCard
from appetence.errors import ModelError
from appetence.propensity.amounts import AmountModel
from appetence.propensity.drift import Profile
from appetence.propensity.models import Propensity
from appetence.propensity.reasons import reasons
from appetence.propensity.season import DAY_OF_YEAR

CHALLENGER, CHAMPION = "challenger", "champion"
HASH_TAG, GATE_TAG, WITHDRAWN_TAG = "training_hash", "gate", "withdrawn"
PASSED = "let through"
EXPERIMENT, MATCHING, MATCH_TAG = "appetence", "appetence-identity", "match_model"
AMOUNT = "amount_cents"
RESULT_TYPE = f"raw_score double, probability double, reasons array<string>, {AMOUNT} double"


class ScoredModel(PythonModel):
    """What is stored: the calibrated model, the themes its reasons are told by, and what buyers spend.

    Table in, `raw_score`, `probability`, `reasons`, `amount_cents` out (NaN when the model knows no amounts)."""

    amount: AmountModel | None = None
    """Of the class, so that models stored before there were amounts have none."""

    def __init__(
        self,
        propensity: Propensity,
        theme_of: Mapping[str, str],
        reason_count: int,
        profile: Profile | None = None,
        amount: AmountModel | None = None,
    ) -> None:
        self.propensity, self.theme_of, self.reason_count, self.profile = propensity, dict(theme_of), reason_count, profile
        self.amount = amount

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """One row per row of the table."""
        scored = self.propensity.predict(model_input)
        scored["reasons"] = reasons(self.propensity, self.propensity.matrix(model_input), self.theme_of, self.reason_count)
        scored[AMOUNT] = self.amount.predict(model_input).round(2) if self.amount else np.nan
        return scored


@dataclass(frozen=True)
class Record:
    """What a run is to remember beside the model."""

    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    figures: Mapping[str, Figure]
    card: Mapping[str, Any]
    trials: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Each learner that was tried, with its figures: runs nested in the model's."""


@dataclass(frozen=True)
class Version:
    """One registered version."""

    name: str
    version: str
    run_id: str


class Registry:
    """The registry of one environment. `tracking_uri` is SQLite under a folder, or a server's address."""

    def __init__(self, tracking_uri: str) -> None:
        self.tracking_uri = tracking_uri
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        self._folder = Path(tracking_uri.removeprefix("sqlite:///")).parent if tracking_uri.startswith("sqlite:///") else None
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(tracking_uri)
        mlflow.set_registry_uri(tracking_uri)
        # Models are trained beside each other, and SQLite takes one writer.
        self._writing = Lock()
        self.client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)

    def found(self, name: str, training_hash: str) -> Version | None:
        """The version trained on exactly these inputs, if there is one."""
        for version in self._versions(name):
            if version.tags.get(HASH_TAG) == training_hash:
                return Version(name, str(version.version), str(version.run_id))
        return None

    def champion(self, name: str) -> Version | None:
        """The version in use, None when there is none."""
        try:
            found = self.client.get_model_version_by_alias(name, CHAMPION)
        except MlflowException:
            return None
        return Version(name, str(found.version), str(found.run_id))

    def register(self, name: str, model: ScoredModel, record: Record) -> Version:
        """Stores a run and registers its model as challenger. The version is marked complete later, by `conclude`."""
        with self._writing, mlflow.start_run(experiment_id=self._experiment(), run_name=name) as run:
            mlflow.log_params(dict(record.params))
            mlflow.log_metrics(dict(record.metrics))
            mlflow.set_tags(dict(record.tags))
            for file, figure in record.figures.items():
                mlflow.log_figure(figure, f"plots/{file}")
            mlflow.log_dict(dict(record.card), "card.json")
            for learner, figures in record.trials.items():
                self._nested(run.info.run_id, learner, figures)
            with warnings.catch_warnings():
                # It asks for an input example; that would be the row of a person.
                warnings.filterwarnings("ignore", message=".*input example.*")
                info = mlflow.pyfunc.log_model(
                    name="model",
                    python_model=model,
                    signature=signature_of(model.propensity),
                    registered_model_name=name,
                    pip_requirements=[f"scikit-learn=={sklearn.__version__}", f"mlflow=={mlflow.__version__}"],
                )
        version = str(info.registered_model_version)
        self.client.set_registered_model_alias(name, CHALLENGER, version)
        return Version(name, version, run.info.run_id)

    def _nested(self, parent: str, learner: str, figures: Mapping[str, float]) -> None:
        """A run of its own under the model's for a learner that was tried."""
        made = self.client.create_run(self._experiment(), run_name=learner, tags={MLFLOW_PARENT_RUN_ID: parent})
        at = int(made.info.start_time)
        metrics = [Metric(name, value, at, 0) for name, value in figures.items()]
        self.client.log_batch(made.info.run_id, metrics=metrics, params=[Param("learner", learner)])
        self.client.set_terminated(made.info.run_id)

    def keep_match_model(self, version: str, levels: Sequence[tuple[str, str, float, float, float]], figures: Mapping[str, float]) -> bool:
        """A run for a learnt match model: its figures, and `match_model.json` with the probabilities of each comparison's levels (same person, same
        household, unrelated). False when the same model has a run already."""
        with self._writing:
            experiment = self._experiment(MATCHING)
            if self.client.search_runs([experiment], f"tags.{MATCH_TAG} = '{version}'", max_results=1):
                return False
            made = self.client.create_run(experiment, run_name=f"match-{version}", tags={MATCH_TAG: version})
            at = int(made.info.start_time)
            self.client.log_batch(
                made.info.run_id, metrics=[Metric(n, float(v), at, 0) for n, v in figures.items()], params=[Param(MATCH_TAG, version)]
            )
            names = ("comparison", "level", "p_person", "p_household", "p_unrelated")
            self.client.log_dict(made.info.run_id, {"levels": [dict(zip(names, row, strict=True)) for row in levels]}, "match_model.json")
            self.client.set_terminated(made.info.run_id)
            return True

    def conclude(self, version: Version, *, training_hash: str, is_champion: bool, reason: str, card: Mapping[str, Any]) -> None:
        """Writes down the gate's word, moves the alias when it lets the challenger through, and marks the version complete."""
        with self._writing:
            self.client.log_dict(version.run_id, dict(card), "card.json")
            self.client.set_model_version_tag(version.name, version.version, GATE_TAG, reason)
            if is_champion:
                self.client.set_registered_model_alias(version.name, CHAMPION, version.version)
            self.client.set_model_version_tag(version.name, version.version, HASH_TAG, training_hash)

    def version(self, name: str, number: str) -> Version:
        """A version the gate let through; ModelError when there is no such one."""
        passed = [v for v in self._versions(name) if str(v.version) == number and v.tags.get(GATE_TAG, "").startswith(PASSED)]
        if not passed:
            raise ModelError(f"The model {name} has no version {number} that passed the gate; `appetence model list` shows its versions.")
        return Version(name, number, str(passed[0].run_id))

    def before(self, current: Version) -> Version | None:
        """The newest earlier version that passed the gate and was not taken out of use since."""
        earlier = [v for v in self._versions(current.name) if int(v.version) < int(current.version)]
        usable = [v for v in earlier if v.tags.get(GATE_TAG, "").startswith(PASSED) and WITHDRAWN_TAG not in v.tags]
        return Version(current.name, str(usable[0].version), str(usable[0].run_id)) if usable else None

    def replace_champion(self, current: Version, target: Version | None, reason: str) -> dict[str, dict[str, Any]]:
        """Puts `target` in use instead of `current` (None: no model is in use); version -> card as it now stands."""
        self.client.set_model_version_tag(current.name, current.version, WITHDRAWN_TAG, reason)
        cards = {current.version: self._rewritten(current, is_champion=False, reason=f"taken out of use: {reason}")}
        if target is None:
            self.client.delete_registered_model_alias(current.name, CHAMPION)
            return cards
        self.client.delete_model_version_tag(target.name, target.version, WITHDRAWN_TAG)
        self.client.set_registered_model_alias(target.name, CHAMPION, target.version)
        said = f"in use again instead of version {current.version}: {reason}"
        return cards | {target.version: self._rewritten(target, is_champion=True, reason=said)}

    def _rewritten(self, version: Version, *, is_champion: bool, reason: str) -> dict[str, Any]:
        """The card kept with the run says the same as the table: a repeated training gives it back."""
        card = self.card(version)
        card["card"] |= {str(ModelCard.is_champion): is_champion, str(ModelCard.gate_reason): reason}
        self.client.log_dict(version.run_id, card, "card.json")
        found: dict[str, Any] = card["card"]
        return found

    def card(self, version: Version) -> dict[str, Any]:
        """The card a version was concluded with."""
        text: str = mlflow.artifacts.load_text(f"runs:/{version.run_id}/card.json")
        read: dict[str, Any] = json.loads(text)
        return read

    def uri(self, version: Version) -> str:
        """Where MLflow finds the model."""
        return f"models:/{version.name}/{version.version}"

    def load(self, version: Version) -> ScoredModel:
        """The stored model; ModelError when it cannot be read."""
        try:
            stored = mlflow.pyfunc.load_model(self.uri(version)).unwrap_python_model()
        except Exception as failed:
            raise ModelError(
                f"The model {version.name} version {version.version} cannot be read from the registry ({type(failed).__name__}); "
                "restore the registry's artifacts or train again."
            ) from failed
        if not isinstance(stored, ScoredModel):
            raise ModelError(f"The model {version.name} version {version.version} was not stored by this suite; train again.")
        return stored

    def _versions(self, name: str) -> list[Any]:
        try:
            return sorted(self.client.search_model_versions(f"name = '{name}'"), key=lambda v: int(v.version), reverse=True)
        except MlflowException:
            return []

    def _experiment(self, name: str = EXPERIMENT) -> str:
        known = self.client.get_experiment_by_name(name)
        if known is not None:
            return str(known.experiment_id)
        location = (self._folder / "artifacts").absolute().as_uri() if self._folder else None
        return str(self.client.create_experiment(name, artifact_location=location))


def registered_name(model_key: str) -> str:
    """The registry's name of a model key, which may hold no colon.

    >>> registered_name("house:r_m04")
    'appetence-house-r_m04'
    """
    return f"appetence-{model_key.replace(':', '-')}"


def signature_of(propensity: Propensity) -> ModelSignature:
    """Doubles in; score, probability, reasons and amount out."""
    when = [DAY_OF_YEAR] if propensity.season else []
    inputs = Schema([ColSpec(DataType.double, c, required=False) for c in (*propensity.columns, *when)])
    said = [ColSpec(DataType.double, "raw_score"), ColSpec(DataType.double, "probability"), ColSpec(Array(DataType.string), "reasons")]
    outputs = Schema([*said, ColSpec(DataType.double, AMOUNT)])
    return ModelSignature(inputs=inputs, outputs=outputs)
