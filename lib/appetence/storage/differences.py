"""What a write changes: the keys to insert, update and delete, by comparing what is handed in with what is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from appetence.contracts.base import RUN_ID, Table
from appetence.errors import ContractError

ACTION = "_action"
INSERT, UPDATE, DELETE, DOUBLE = "insert", "update", "delete", "double"
_NEW, _OLD, _TIMES = "_new", "_old", "_times"


def differences(table: type[Table], staged: DataFrame, stored: DataFrame, *, with_updates: bool, with_deletes: bool) -> DataFrame:
    """The keys that differ and the action in a column; a key that `staged` holds more than once is `double`. One shuffle of each side."""
    keys = list(table.key)
    columns = [str(f) for f in table.content()]
    hashed = staged.select(*keys, F.xxhash64(*columns).alias(_NEW))
    new = hashed.groupBy(*keys).agg(F.max(_NEW).alias(_NEW), F.count(F.lit(1)).alias(_TIMES))
    old = stored.select(*keys, F.xxhash64(*columns).alias(_OLD))
    both = new.join(old, on=keys, how="full" if with_deletes else "left")
    action = (
        F.when(F.col(_TIMES) > 1, DOUBLE)
        .when(F.col(_OLD).isNull(), INSERT)
        .when(F.col(_NEW).isNull(), DELETE)
        .when((F.col(_NEW) != F.col(_OLD)) & F.lit(with_updates), UPDATE)
    )
    return both.select(*keys, action.alias(ACTION)).where(F.col(ACTION).isNotNull())


def merge_source(table: type[Table], staged: DataFrame, changes: DataFrame, run_id: str) -> tuple[DataFrame, dict[str, str | Column]]:
    """The rows that a merge takes as `s`, and the values it writes."""
    source = changes.join(staged, on=list(table.key), how="left").withColumn(RUN_ID, F.lit(run_id))
    return source, {str(f): F.col(f"s.{f}") for f in table.fields()}


def replaced(table: type[Table], stored: DataFrame, staged: DataFrame, changes: DataFrame, run_id: str) -> DataFrame:
    """All rows of the table as they are to be, from the stored ones (`run_id` with them), when few keys change."""
    keys, columns = list(table.key), [str(f) for f in table.fields()]
    stays = stored.join(F.broadcast(changes.select(*keys)), on=keys, how="left_anti")
    wanted = changes.where(F.col(ACTION) != DELETE).select(*keys)
    new = staged.join(F.broadcast(wanted), on=keys, how="left_semi").withColumn(RUN_ID, F.lit(run_id))
    return stays.select(*columns).unionByName(new.select(*columns))


def checked_rows(table: type[Table], staged: DataFrame) -> int:
    """Rows of a frame; ContractError when a key stands there more than once."""
    first = staged.agg(F.count(F.lit(1)).alias("rows"), F.count_distinct(F.struct(*table.key)).alias("keys")).first()
    assert first is not None  # an aggregate without groups has one row
    return refused_doubles(table, int(first["rows"]), int(first["keys"]))


def checked_values(table: type[Table], rows: Sequence[Mapping[str, Any]]) -> int:
    """The same of rows that the driver holds."""
    return refused_doubles(table, len(rows), len({tuple(row.get(k) for k in table.key) for row in rows}))


def refused_doubles(table: type[Table], rows: int, keys: int) -> int:
    """`rows`, when there are as many keys."""
    if rows != keys:
        raise ContractError(f"The rows built for {table.full_name()} hold {rows - keys} double keys ({', '.join(table.key)}); nothing was written.")
    return rows


def table_properties(table: type[Table]) -> dict[str, str]:
    """Delta keeps minimum and maximum of technical columns only, so that no personal value enters its log."""
    columns = [c for c in table.technical_columns() if c not in table.partition_by]
    stats = {"delta.dataSkippingStatsColumns": ",".join(f"`{c}`" for c in columns)} if columns else {"delta.dataSkippingNumIndexedCols": "0"}
    return {**stats, "delta.enableDeletionVectors": "false", "delta.enableChangeDataFeed": "false"}


def prefixed(scope: str, table: type[Table]) -> str:
    """The condition with its columns named as those of the target `t`."""
    return re.sub(r"\b(" + "|".join(str(f) for f in table.content()) + r")\b", r"t.`\1`", scope)
