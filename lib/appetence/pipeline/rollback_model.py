"""Puts an earlier version of a model back in use: registry, `gold.model_card` and `ops.audit` say so alike."""

from __future__ import annotations

import datetime as dt
from typing import Any

from appetence.contracts.gold import ModelCard
from appetence.errors import ModelError
from appetence.pipeline.audit_trail import record
from appetence.pipeline.context import Context
from appetence.propensity.registry import Registry, registered_name

NONE = "none"


def rollback(ctx: Context, key: str, reason: str, to: str | None = None) -> str:
    """Takes the champion of `key` out of use for the version `to`, by default the newest earlier one that passed the gate.

    `to` may be `none`: then no version is in use and nothing is scored. Gives a sentence for people. ModelError when there is no champion or
    no version to go back to; nothing is changed then.
    """
    registry = Registry(ctx.config.paths.mlflow)
    name = registered_name(key)
    current = registry.champion(name)
    if current is None:
        raise ModelError(f"The model {key} has no champion to take out of use; `appetence model list` shows what there is.")
    target = None if to == NONE else registry.version(name, to) if to else registry.before(current)
    if target is None and to != NONE:
        raise ModelError(f"No version of {key} before {current.version} passed the gate; `--to none` takes the model out of use altogether.")
    if target is not None and target.version == current.version:
        raise ModelError(f"Version {current.version} of {key} is in use already.")
    cards = registry.replace_champion(current, target, reason)
    ctx.lake.upsert_rows(ModelCard, [_row(c) for c in cards.values()])
    details = {"from": current.version, "to": target.version if target else NONE, "reason": reason}
    record(ctx, [{"actor": "rollback_model", "action": "rolled_back", "object_id": key, "details": details}])
    now = f"version {target.version} is in use" if target else "no version is in use"
    return f"{key}: version {current.version} is out of use, {now}; score_persons uses it from its next run on."


def _row(card: dict[str, Any]) -> dict[str, Any]:
    dates = (str(ModelCard.trained_on), str(ModelCard.test_cutoff))
    return {k: dt.date.fromisoformat(v) if k in dates else v for k, v in card.items()}
