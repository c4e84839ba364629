"""`conf/` read into frozen models. Later files override earlier ones: base.yaml, <environment>.yaml, then each `--set a.b=c`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from appetence.contracts import settings as s
from appetence.contracts.specs import CampaignSpec, LawSpec, MemberSpec, RecipientSpec
from appetence.errors import ConfigError
from appetence.runtime.mistakes import OnceLoader, sentence_of
from appetence.runtime.secrets import fill

Model = TypeVar("Model", bound=BaseModel)


class Config(BaseModel):
    """The resolved configuration of one run; it never changes while the run lasts."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    environment: str
    paths: s.PathSettings
    spark: s.SparkSettings = s.SparkSettings()
    exchange: s.ExchangeSettings = s.ExchangeSettings()
    identity: s.IdentitySettings = s.IdentitySettings()
    features: s.FeatureSettings = s.FeatureSettings()
    propensity: s.PropensitySettings = s.PropensitySettings()
    selection: s.SelectionSettings = s.SelectionSettings()
    privacy: s.PrivacySettings = s.PrivacySettings()
    members: dict[str, MemberSpec] = {}
    recipients: dict[str, RecipientSpec] = {}
    campaigns: dict[str, CampaignSpec] = {}
    law: LawSpec | None = None

    def names(self) -> dict[str, str]:
        """What `{name}` may stand for in a path or a secret reference."""
        return dict(self.paths.model_dump())

    def digest(self) -> str:
        """Hash of everything that was resolved; it goes into the run ledger."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def model_hash_input(self) -> str:
        """Canonical JSON, for people and for hashing."""
        return self.model_dump_json(indent=2)


def conf_directory(given: str | None = None) -> Path:
    """Where the configuration lies: what is given, else APPETENCE_CONF, else ./conf, else the checkout's conf/."""
    candidates = [given, os.environ.get("APPETENCE_CONF"), "conf", str(Path(__file__).resolve().parents[3] / "conf")]
    for candidate in candidates:
        if candidate and (Path(candidate) / "base.yaml").is_file():
            return Path(candidate).resolve()
    raise ConfigError("No configuration found: run from a checkout, or point --conf (or APPETENCE_CONF) at a folder that holds base.yaml.")


def load(environment: str, overrides: Iterable[str] = (), conf: str | None = None) -> Config:
    """The configuration of an environment. Every mistake is a ConfigError that names file, key and remedy."""
    folder = conf_directory(conf)
    file = folder / f"{environment}.yaml"
    if not file.is_file():
        known = sorted(p.stem for p in folder.glob("*.yaml") if p.stem not in ("base", "law", "jobs"))
        raise ConfigError(f"There is no environment {environment!r}: {file} is missing; known environments are {', '.join(known)}.")
    merged = _merge(_read(folder / "base.yaml"), _read(file))
    merged.setdefault("environment", environment)
    for override in overrides:
        _override(merged, override)
    merged["paths"] = _paths(merged.get("paths", {}), folder, f"{file}")
    paths = merged["paths"]
    merged["members"] = _folder(Path(paths["members"]), MemberSpec, "member_id")
    merged["recipients"] = _folder(Path(paths["recipients"]), RecipientSpec, "recipient_id")
    merged["campaigns"] = _folder(Path(paths["campaigns"]), CampaignSpec, "campaign_id")
    law = Path(paths["law"])
    merged["law"] = read_model(law, LawSpec) if law.is_file() else None
    merged = _resolve_locations(merged)
    return _validated(Config, merged, str(file))


def read_model(path: Path, model: type[Model]) -> Model:
    """One YAML file as one model; a mistake is a ConfigError naming file, field and remedy."""
    return _validated(model, _read(path), str(path))


def _validated(model: type[Model], data: Mapping[str, Any], where: str) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as refused:
        raise ConfigError(sentence_of(refused, where, model)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), OnceLoader)
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8; save it as UTF-8.") from None
    except yaml.YAMLError as broken:
        mark = getattr(broken, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{line}: not valid YAML ({getattr(broken, 'problem', 'syntax')}); correct the line.") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(f"{path}: must hold keys and values, not a {type(loaded).__name__}.")
    return loaded


def _folder(folder: Path, model: type[Model], id_field: str) -> dict[str, Model]:
    found: dict[str, Model] = {}
    for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else []:
        spec = read_model(path, model)
        identifier = getattr(spec, id_field)
        if identifier != path.stem:
            raise ConfigError(f"{path}: {id_field} is {identifier!r} but the file is named {path.name}; make them the same.")
        found[identifier] = spec
    return found


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        merged[key] = _merge(merged[key], value) if isinstance(value, Mapping) and isinstance(merged.get(key), dict) else value
    return merged


def _override(tree: dict[str, Any], override: str) -> None:
    key, sign, value = override.partition("=")
    if not sign or not key:
        raise ConfigError(f"--set {override!r} must look like a.b=value.")
    node = tree
    *parents, last = key.split(".")
    for part in parents:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            raise ConfigError(f"--set {override!r}: {part} holds a value, not a group of keys.")
    node[last] = yaml.safe_load(value)


def _paths(given: Mapping[str, Any], conf: Path, where: str) -> dict[str, str]:
    parsed = _validated(s.PathSettings, given, where)
    names = {"conf": str(conf), "cache": str(cache_directory())}
    root = Path(fill(parsed.root, names))
    if "://" not in parsed.root and not root.is_absolute():
        root = (Path.cwd() / root).resolve()
    names["root"] = parsed.root if "://" in parsed.root else str(root)
    filled = {k: fill(v, names) for k, v in parsed.model_dump().items()}
    return {**filled, "root": names["root"]}


def cache_directory() -> Path:
    """Where things fetched once are kept: APPETENCE_CACHE, else ~/.cache/appetence."""
    return Path(os.environ.get("APPETENCE_CACHE") or Path.home() / ".cache" / "appetence")


def _resolve_locations(merged: dict[str, Any]) -> dict[str, Any]:
    names = dict(merged["paths"])
    exchange = _validated(s.ExchangeSettings, merged.get("exchange", {}), "exchange").model_dump()
    for key in ("inbox", "outbox", "quarantine"):
        exchange[key]["location"] = fill(exchange[key]["location"], names)
    spark = _validated(s.SparkSettings, merged.get("spark", {}), "spark").model_dump()
    spark["jar_cache"] = fill(spark["jar_cache"], {**names, "cache": str(cache_directory())})
    return {**merged, "exchange": exchange, "spark": spark}
