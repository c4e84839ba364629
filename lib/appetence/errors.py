"""The one exception tree. Each message is one clear sentence that names the place and the remedy, and never a personal value."""

from __future__ import annotations

from typing import Any


class AppetenceError(Exception):
    """Base of every error a user may see; the command line prints its sentence and exits with `exit_code`."""

    exit_code = 1


class ConfigError(AppetenceError):
    """A configuration file or `--set` override that cannot be used."""

    exit_code = 2


class EnvironmentError_(AppetenceError):
    """Something this machine lacks: Java, jars, gpg, memory, write access."""

    exit_code = 3


class ContractError(AppetenceError):
    """A table that is not what its contract says."""

    exit_code = 4


class MissingTableError(ContractError):
    """A table that the job needs and that no job has written yet."""


class DeliveryError(AppetenceError):
    """A delivery that fails a gate; the whole delivery is quarantined.

    `code` is the machine-readable reason, stored with the delivery."""

    exit_code = 5

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class CryptoError(AppetenceError):
    """A key, signature or cipher text that is refused."""

    exit_code = 5


class SecretError(ConfigError):
    """A secret reference that does not resolve."""


class ConcurrentRunError(AppetenceError):
    """Another run holds the lock, or wrote the same rows at the same time."""

    exit_code = 6


class ModelError(AppetenceError):
    """A model that cannot be trained, found or trusted."""

    exit_code = 7


class GateError(ModelError):
    """A challenger the gate did not let through."""


class LawError(AppetenceError):
    """Something the law table, an instruction or a contract forbids."""

    exit_code = 8


class BudgetError(AppetenceError):
    """Work whose estimated cost is past its budget (pairs to compare, component size)."""

    exit_code = 9


class PartlyDoneError(AppetenceError):
    """Some of a run's work was refused and the rest was done and stands: `done` holds the counts of what was done, `outcome` the whole
    outcome of the run once it has been written down."""

    exit_code = 11

    def __init__(self, sentence: str, done: Any) -> None:
        super().__init__(sentence)
        self.done = done
        self.outcome: Any = None


class RightsError(AppetenceError):
    """A rights request that cannot be taken as it is."""

    exit_code = 10
