"""The only description of every table. Importing this package registers them all in `REGISTRY`."""

from appetence.contracts import bronze, campaign, features, gold, identity, privacy, reference, silver
from appetence.contracts.base import REGISTRY, Field, Personal, Table

__all__ = ["REGISTRY", "Field", "Personal", "Table", "bronze", "campaign", "features", "gold", "identity", "privacy", "reference", "silver"]
