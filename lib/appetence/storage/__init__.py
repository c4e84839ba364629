"""The only code that names Delta: tables are read and written by contract."""

from appetence.storage.change import Change
from appetence.storage.lake import Lake

__all__ = ["Change", "Lake"]
