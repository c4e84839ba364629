"""What a step is given, and what it answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from appetence.columns import hashing
from appetence.contracts.local import local_frame
from appetence.runtime import secrets
from appetence.runtime.config import Config
from appetence.runtime.logs import Log
from appetence.storage.lake import Lake


@dataclass(frozen=True)
class Counts:
    """What a step answers: rows read, written or confirmed, rejected; further counts, and audit entries under `audit`."""

    rows_in: int
    rows_out: int
    rows_rejected: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """One run: its session, lake, configuration and as-of date. Steps ask it for everything that is not data."""

    spark: SparkSession
    lake: Lake
    config: Config
    as_of: dt.date
    run_id: str
    started_at: dt.datetime
    log: Log
    options: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False

    def progress(self, text: str) -> None:
        """A line for people while long work goes on."""
        self.log.progress(text)

    def secret(self, reference: str) -> bytes:
        """The secret behind a reference; SecretError when it does not resolve."""
        return secrets.resolve(reference, self.config.names())

    def text(self, value: str) -> str:
        """A literal, or what a reference stands for (fingerprints)."""
        return secrets.text_of(value, self.config.names())

    def pads(self, key: bytes) -> DataFrame:
        """One row, inner_pad and outer_pad of a key, to be cross-joined for `hmac_sha256`."""
        return pads_frame(self.spark, {"key": key}).drop("key_name")

    def peppers(self) -> dict[str, str]:
        """Versions of the pepper that stored hashes may be made with, and where each is kept: those of before, then the one in use."""
        privacy = self.config.privacy
        return {**privacy.former_peppers, privacy.pepper_version: privacy.pepper_ref}

    def pepper_pads(self, version: str | None = None) -> DataFrame:
        """inner_pad and outer_pad: of one version of the pepper; else one row per version, to match what was stored under any of them."""
        found = self.peppers()
        keys = {v: self.secret(reference) for v, reference in found.items() if version in (None, v)}
        return pads_frame(self.spark, keys).drop("key_name")

    def request_key(self) -> bytes:
        """What ids of requests are made with: the oldest pepper still kept, so that one which waits keeps its id when the pepper changes."""
        return self.secret(next(iter(self.peppers().values())))

    def member_pads(self) -> DataFrame:
        """One row per active member: member_id, inner_pad, outer_pad of the key of its own ids."""
        names = self.config.names()
        keys = {
            m.member_id: secrets.resolve(m.key_ref or self.config.privacy.member_key_template, {**names, "member_id": m.member_id})
            for m in self.config.members.values()
            if m.is_active
        }
        return pads_frame(self.spark, keys).withColumnRenamed("key_name", "member_id")

    @property
    def scratch(self) -> Path:
        """A private folder of this run, removed at its end."""
        folder = Path(self.config.paths.scratch) / self.run_id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder


def pads_frame(spark: SparkSession, keys: Mapping[str, bytes]) -> DataFrame:
    """One row per named key: key_name, inner_pad, outer_pad (binary, RFC 2104), for joins: key material stays out of plan literals."""
    rows = []
    for name, key in sorted(keys.items()):
        inner, outer = hashing.pads(key)
        rows.append((name, bytearray(inner), bytearray(outer)))
    schema = T.StructType(
        [
            T.StructField("key_name", T.StringType(), False),
            T.StructField("inner_pad", T.BinaryType(), False),
            T.StructField("outer_pad", T.BinaryType(), False),
        ]
    )
    return local_frame(spark, rows, schema)
