"""Small tables that the driver holds, as frames."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_type


def local_frame(spark: SparkSession, rows: Iterable[Sequence[Any]], schema: T.StructType | str) -> DataFrame:
    """A frame of rows that the driver holds: values in the order of `schema` (a StructType, or DDL text).

    Unlike `createDataFrame` of a list it starts no Python worker, and Spark knows how many rows there are: it broadcasts the few, and drops
    the joins with none. A datetime without a zone is in the machine's zone, as `collect` gives it.
    """
    shape = T.StructType.fromDDL(schema) if isinstance(schema, str) else schema
    assert isinstance(shape, T.StructType)
    given = list(rows)
    columns = [pa.array([_arrow(row[i], f.dataType) for row in given], to_arrow_type(f.dataType)) for i, f in enumerate(shape.fields)]
    made = pa.Table.from_arrays(columns, names=[f"c{i}" for i in range(len(columns))])
    return spark.createDataFrame(made.rename_columns([f.name for f in shape.fields]), shape)


def _arrow(value: Any, kind: T.DataType) -> Any:
    if isinstance(kind, T.TimestampType) and value is not None:
        return value.astimezone(dt.UTC)
    return bytes(value) if isinstance(value, bytearray) else value
