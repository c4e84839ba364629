"""Secrets are references, resolved at run time and never logged: `env:NAME`, `file:PATH`, `keyvault:VAULT/NAME`, `databricks:SCOPE/KEY`."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from appetence.errors import SecretError


def fill(text: str, names: Mapping[str, str]) -> str:
    """`{name}` parts of a path or reference, filled in; an unknown name is a SecretError.

    >>> fill("file:{secrets}/a.key", {"secrets": "/x"})
    'file:/x/a.key'
    """
    try:
        return text.format_map(dict(names))
    except KeyError as unknown:
        raise SecretError(f"The reference {text!r} uses {unknown}, which is not known; known names are {', '.join(sorted(names))}.") from None


def resolve(reference: str, names: Mapping[str, str]) -> bytes:
    """The secret behind a reference. The message of a failure names the reference, never the value."""
    kind, _, rest = fill(reference, names).partition(":")
    if kind == "env":
        value = os.environ.get(rest)
        if value is None:
            raise SecretError(f"The secret {reference!r} is not there: set the environment variable {rest}.")
        return value.encode()
    if kind == "file":
        return _from_file(reference, Path(rest))
    if kind == "keyvault":
        return _from_key_vault(reference, rest)
    if kind == "databricks":
        return _from_databricks(reference, rest)
    raise SecretError(f"The secret reference {reference!r} must start with env:, file:, keyvault: or databricks:.")


def destroy(reference: str, names: Mapping[str, str]) -> bool:
    """Removes the file behind a `file:` reference; False when it was gone before. Another store is emptied by its own administrator:
    a SecretError names the reference."""
    kind, _, rest = fill(reference, names).partition(":")
    if kind != "file":
        raise SecretError(f"The secret {reference!r} does not lie in a file: destroy it in its own store, with all its versions.")
    path = Path(rest)
    if not path.exists():
        return False
    path.write_bytes(b"\0" * path.stat().st_size)
    path.unlink()
    return True


def text_of(value: str, names: Mapping[str, str]) -> str:
    """A value that may be a literal or a reference (fingerprints of keys are not secret but vary by machine)."""
    if value.split(":", 1)[0] in ("env", "file", "keyvault", "databricks") and ":" in value:
        return resolve(value, names).decode().strip()
    return value


def _from_file(reference: str, path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        raise SecretError(f"The secret {reference!r} is not there: create the file {path} with mode 600.") from None
    if mode & 0o077 and path.suffix not in (".fpr", ".pub"):
        raise SecretError(f"The secret file {path} can be read by others (mode {mode:o}): run chmod 600 on it.")
    return path.read_bytes().rstrip(b"\n") if path.suffix != ".bin" else path.read_bytes()


def _from_key_vault(reference: str, rest: str) -> bytes:
    try:
        from azure.identity import DefaultAzureCredential
        from azure.keyvault.secrets import SecretClient
    except ImportError:
        raise SecretError(f"The secret {reference!r} needs the Azure client: pip install azure-identity azure-keyvault-secrets.") from None
    vault, _, name = rest.partition("/")
    client = SecretClient(vault_url=f"https://{vault}.vault.azure.net", credential=DefaultAzureCredential())
    return (client.get_secret(name).value or "").encode()


def _from_databricks(reference: str, rest: str) -> bytes:
    try:
        from databricks.sdk import WorkspaceClient
    except ImportError:
        raise SecretError(f"The secret {reference!r} needs the Databricks client: pip install databricks-sdk.") from None
    import base64

    scope, _, name = rest.partition("/")
    return base64.b64decode(WorkspaceClient().secrets.get_secret(scope, name).value or "")
