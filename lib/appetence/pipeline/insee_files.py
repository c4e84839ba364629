"""INSEE's files that an operator may supply (`paths.legal_populations`, `commune_incomes`, `iris_incomes`, `squares`), opened and read.

Each is the CSV as published or a zip that holds it. Lines are read once, as they come: 2.3 million squares take about half a minute, and
those of fewer than eleven households are left where they are.
"""

from __future__ import annotations

import csv
import itertools
import re
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from appetence.contracts.domain import SMALL_COUNT
from appetence.contracts.settings import PathSettings
from appetence.enrichment import areas, insee
from appetence.errors import ConfigError
from appetence.pipeline.supplied_file import as_text, csv_members, opened

_ROWS_AT_ONCE = 50_000
_LABELS = "replace"
"""Labels are not read: their encoding does not matter."""


def legal_populations(paths: PathSettings) -> dict[str, int]:
    """Legal population by the code of the commune or arrondissement; empty where no file is supplied."""
    return dict(_rows(paths.legal_populations, insee.LEGAL_POPULATIONS)) if paths.legal_populations else {}


def area_facts(spark: SparkSession, paths: PathSettings) -> areas.Supplied:
    """What the operator supplies of communes, IRIS and squares, for `build_areas`."""

    def incomes(path: str, source: insee.Source) -> DataFrame | None:
        return _frame(spark, areas.INCOMES, _rows(path, source)) if path else None

    shown = (row for row in _rows(paths.squares, insee.SQUARES) if row[2] >= SMALL_COUNT) if paths.squares else None
    return areas.Supplied(
        communes=incomes(paths.commune_incomes, insee.COMMUNE_INCOMES),
        iris=incomes(paths.iris_incomes, insee.IRIS_INCOMES),
        squares=_frame(spark, areas.SQUARES, shown) if shown is not None else None,
    )


def _rows(path: str, source: insee.Source) -> Iterator[tuple[Any, ...]]:
    seen: set[str] = set()
    file = Path(path)
    with opened(file, source.setting, source.remedy, partial(_chosen, file, source), _LABELS) as texts:
        for where, text in texts:
            first = text.readline()
            lines = csv.reader(itertools.chain([first], text), delimiter=insee.separator(first))
            yield from insee.read_lines(lines, source, where, seen)


def _chosen(path: Path, source: insee.Source, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The CSV files of a zip whose header fits; of several, those called as INSEE calls them."""
    fitting = [m for m in csv_members(archive) if _fits(archive, m, source)]
    called = [m for m in fitting if re.fullmatch(source.member, PurePath(m.filename).stem.lower())]
    chosen = fitting if len(fitting) == 1 else called
    if not chosen or (len(chosen) > 1 and not source.takes_all_members):
        raise ConfigError(f"{path} holds {len(fitting)} CSV files with the columns looked for, and which is meant cannot be told; {source.remedy}.")
    return chosen


def _fits(archive: zipfile.ZipFile, member: zipfile.ZipInfo, source: insee.Source) -> bool:
    with archive.open(member) as stream:
        first = as_text(stream, _LABELS).readline()
    header = next(csv.reader([first], delimiter=insee.separator(first)), [])
    return source.layout([name.strip() for name in header]) is not None


def _frame(spark: SparkSession, schema: T.StructType, rows: Iterator[tuple[Any, ...]]) -> DataFrame:
    """Rows as a frame, through Arrow some ten thousand at a time."""
    arrow = pa.schema([(f.name, _ARROW[f.dataType.simpleString()]) for f in schema.fields])
    batches = []
    while chunk := list(itertools.islice(rows, _ROWS_AT_ONCE)):
        columns = zip(*chunk, strict=True)
        batches.append(pa.RecordBatch.from_arrays([pa.array(c, f.type) for c, f in zip(columns, arrow, strict=True)], schema=arrow))
    return spark.createDataFrame(pa.Table.from_batches(batches, arrow), schema)


_ARROW = {"string": pa.string(), "bigint": pa.int64(), "int": pa.int32(), "double": pa.float64()}
