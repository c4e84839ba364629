"""The only code that names Delta: tables are read and written by contract."""

from appetence.storage.lake import Change, Lake

__all__ = ["Change", "Lake"]
