"""The lake: read, insert, upsert, sync and purge tables by contract.

Every writer stages its rows once (which cuts their lineage; rows that the driver holds have none), checks shape and key, compares with what is
stored and commits only the difference: a rerun that changes nothing commits nothing. `run_id`, the run that last changed a row, is not compared.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlparse

from delta.tables import DeltaTable
from pyspark import inheritable_thread_target
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from appetence.contracts.base import RUN_ID, Table
from appetence.errors import ConcurrentRunError, ContractError, MissingTableError
from appetence.storage import differences as d
from appetence.storage import purging
from appetence.storage.change import Change
from appetence.storage.files import alone, count_held, count_rows, live_files, newest_version, sweep
from appetence.storage.standing import Standing, is_put_back, standing

CATALOG = "catalog:"
MADE_WITH = "appetence.made_with"
GLOB = "*?[]{}\\"
FEW = 100_000
"""Ids that are worth carrying to a table's files; more are joined by Spark."""

Done = TypeVar("Done")


@dataclass
class Lake:
    """The tables of one environment: under a folder or object-store URL, or in a catalog (`catalog:NAME`)."""

    spark: SparkSession
    location: str
    run_id: str
    scratch: str
    is_dry_run: bool = False
    changes: dict[str, Change] = field(default_factory=dict)
    _staged: Iterator[int] = field(default_factory=lambda: count(1))
    _small: dict[tuple[str, int | None], list[dict[str, Any]]] = field(default_factory=dict)

    # -- where and whether ------------------------------------------------------------------------------------------------

    def path(self, table: type[Table]) -> str:
        """Folder of the table, or its three-part name in a catalog."""
        if self.location.startswith(CATALOG):
            return f"{self.location.removeprefix(CATALOG)}.{table.full_name()}"
        return f"{self.location.rstrip('/')}/{table.schema}/{table.name}"

    def identifier(self, table: type[Table]) -> str:
        """The table's name in SQL."""
        return self.path(table) if self.location.startswith(CATALOG) else f"delta.`{self.path(table)}`"

    def exists(self, table: type[Table]) -> bool:
        """Whether any job has written it."""
        if self.location.startswith(CATALOG):
            return self.spark.catalog.tableExists(self.path(table))
        return DeltaTable.isDeltaTable(self.spark, self.path(table)) if self._log(table) is None else self._log_version(table) is not None

    def version(self, table: type[Table]) -> int | None:
        """Current version, None when it does not exist."""
        if not self.exists(table):
            return None
        if self._log(table) is not None:
            return self._log_version(table)
        return int(self._delta(table).history(1).select("version").first()[0])  # type: ignore[index]  # a table that exists has a version

    def standing(self, table: type[Table]) -> Standing | None:
        """The table's newest commit; None when it does not exist. Of a local table without Spark."""
        if log := self._log(table):
            return standing(log.parent)
        return purging.standing_of(self._delta(table)) if self.exists(table) else None

    def is_put_back(self, table: type[Table], seen: Standing) -> bool:
        """Whether the table was put back to an earlier state, or is gone, since it stood as it was `seen`."""
        return is_put_back(log.parent, seen) if (log := self._log(table)) else not self.exists(table) or purging.went_back(self._delta(table), seen)

    def put_forward(self, table: type[Table], version: int) -> bool:
        """Brings a table to a version its own history still holds; False when that is no longer to be had."""
        return self.exists(table) and purging.put_forward(self._delta(table), version)

    # -- reading ----------------------------------------------------------------------------------------------------------

    def read(self, table: type[Table], *, with_run_id: bool = False) -> DataFrame:
        """The contract's columns (without `run_id`); MissingTableError names the job that writes the table."""
        if not self.exists(table):
            raise MissingTableError(
                f"The table {table.full_name()} is not there yet: run the job {table.writer_job()} first (appetence run {table.writer_job()})."
            )
        frame = self._plain(table)
        lacking = [f for f in table.content() if f not in frame.columns]
        frame = frame.withColumns({str(name): F.lit(None).cast(name.dtype) for name in lacking})
        fields = table.fields() if with_run_id else table.content()
        return frame.select(*(F.col(str(f)) for f in fields))

    def _plain(self, table: type[Table]) -> DataFrame:
        """The rows of the current version. Of a local lake its files are read as they are: to ask Delta which ones they are is a Spark job of
        its own for every reading, which on small data costs more than the reading. A frame goes on reading the files it was made with."""
        files = self._files(table)
        if files is None or any(c in self.path(table) for c in GLOB):
            return self._raw(table)
        if not files:
            return table.frame(self.spark, content_only=False)
        reader = self.spark.read.schema(T.StructType([T.StructField(f.name, f.dataType) for f in table.struct().fields]))
        return reader.option("basePath", self.path(table)).parquet(*map(str, files))

    def read_or_empty(self, table: type[Table]) -> DataFrame:
        """Like `read`, with no rows when the table is not there yet. Of a table known to be empty Spark need not plan any join."""
        return table.frame(self.spark) if not self.exists(table) or self._is_blank(table) else self.read(table)

    def row_count(self, table: type[Table]) -> int:
        """Rows of the table, 0 when it is not there; in a local lake the files' footers say so, without Spark."""
        if (files := self._files(table)) is not None:
            return count_rows(files)
        return self.read(table).count() if self.exists(table) else 0

    def small_rows(self, table: type[Table]) -> list[dict[str, Any]]:
        """The rows of a table that grows with members and not with persons; asked for again, they are read again only when the table changed."""
        known = (table.full_name(), self.version(table))
        if known not in self._small:
            self._small[known] = [row.asDict() for row in self.read_or_empty(table).collect()]
        return self._small[known]

    def made_with(self, table: type[Table]) -> str | None:
        """What `note_made_with` said of the table as it stands; None when nothing was said."""
        if not self.exists(table):
            return None
        found = self._delta(table).detail().select("properties").first()
        return found["properties"].get(MADE_WITH) if found else None

    # -- writing ----------------------------------------------------------------------------------------------------------

    def note_made_with(self, table: type[Table], rules: str) -> None:
        """Keeps with the table the fingerprint of the rules its rows were made by. It is versioned with them: a table that is put back says
        what it was made by then."""
        if not self.is_dry_run and self.exists(table) and self.made_with(table) != rules:
            self.spark.sql(f"ALTER TABLE {self.identifier(table)} SET TBLPROPERTIES ('{MADE_WITH}' = '{rules}')")

    def sync(
        self, table: type[Table], frame: DataFrame, scope: str | None = None, *, is_staged: bool = False, within: DataFrame | None = None
    ) -> Change:  # fmt: skip
        """Makes the table, within the SQL `scope`, equal to `frame`: inserts, updates and deletes what differs.

        `is_staged`: the frame is what `stage` gave back, or columns of it; it is not stored once more. `within`: keys of the table; rows of
        other keys are neither looked at nor deleted; `frame` holds none of them but new ones."""
        return self._write(table, frame, scope, with_updates=True, with_deletes=True, is_staged=is_staged, within=within)

    def together(self, *acts: Callable[[], Done]) -> list[Done]:
        """Work on different tables side by side: on small data most of it is waiting. The first failure is raised when all have ended."""
        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(inheritable_thread_target(self.spark)(act)) for act in acts]
        return [r.result() for r in running]

    def upsert(self, table: type[Table], frame: DataFrame) -> Change:
        """Inserts new keys and updates changed rows; deletes nothing."""
        return self._write(table, frame, None, with_updates=True, with_deletes=False)

    def insert_new(self, table: type[Table], frame: DataFrame, *, is_staged: bool = False) -> Change:
        """Inserts rows whose key is not there yet; leaves all others. `is_staged` as in `sync`."""
        return self._write(table, frame, None, with_updates=False, with_deletes=False, is_staged=is_staged)

    def upsert_rows(self, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> Change:
        """`upsert` of rows that the driver holds; with none the table is not even made."""
        return self._write_rows(table, rows, with_updates=True)

    def insert_rows(self, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> Change:
        """`insert_new` of rows that the driver holds; with none the table is not even made."""
        return self._write_rows(table, rows, with_updates=False)

    def _write_rows(self, table: type[Table], rows: Sequence[Mapping[str, Any]], *, with_updates: bool) -> Change:
        if not rows:
            return Change(0, 0, 0, 0, self.version(table))
        count, frame = d.checked_values(table, rows), table.frame(self.spark, rows)
        return self._write(table, frame, None, with_updates=with_updates, with_deletes=False, is_staged=True, rows=count)

    def append(self, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> Change:
        """Adds rows that the driver holds, without looking: for append-only ledgers."""
        if rows and not self.is_dry_run:
            self._ensure(table)
            self._append(table, table.frame(self.spark, rows).withColumn(RUN_ID, F.lit(self.run_id)))
        return self._noted(table, Change(len(rows), len(rows), 0, 0, self.version(table)))

    def delete(self, table: type[Table], ids: DataFrame, column: str, known: frozenset[str] | None = None) -> int:
        """Deletes the rows whose `column` is among the one-column `ids` (opaque ids); the log records no value. Returns rows deleted.

        `known`: the same ids, when they are few: in a local lake the files are then asked first, which spares most tables a rewrite.
        """
        if not self.exists(table):
            return 0
        keys = ids.select(F.col(ids.columns[0]).alias("_id")).distinct()
        if (doomed := self._held(table, column, known)) is None:
            doomed = self._raw(table).join(keys, F.col(column) == F.col("_id"), how="left_semi").count()
        if doomed and not self.is_dry_run:
            target = self._delta(table).alias("t")
            self._committed(table, target.merge(keys.alias("s"), f"t.`{column}` = s._id").whenMatchedDelete().execute)
            self._noted(table, Change(0, 0, 0, doomed, self.version(table)))
        return doomed

    def may_hold(self, table: type[Table], column: str, ids: frozenset[str]) -> bool:
        """False only when no row's `column` is among `ids` for certain: a cheap look before a costly read."""
        return self.exists(table) and self._held(table, column, ids) != 0

    def _held(self, table: type[Table], column: str, ids: frozenset[str] | None) -> int | None:
        """Rows of a local table whose `column` is among `ids`; None when only Spark can tell."""
        files = self._files(table) if ids is not None and len(ids) <= FEW else None
        return None if files is None or ids is None or column in table.partition_by else count_held(files, column, ids)

    def purge(self, tables: Iterable[type[Table]]) -> dict[str, int]:
        """Removes every file that the current version of each table does not need; older versions can no longer be read. Files removed by table."""
        there = [t for t in tables if self.exists(t)] if not self.is_dry_run else []
        with purging.keeping_nothing(self.spark):
            return dict(zip((t.full_name() for t in there), self.together(*(partial(self._purge, t) for t in there)), strict=True))

    def _purge(self, table: type[Table]) -> int:
        if (live := self._files(table)) is not None:
            return sweep(Path(self.path(table)), live)
        before = self.file_count(table)
        purging.vacuum(self.spark, self._delta(table), self.identifier(table))
        return before - self.file_count(table)

    def optimize(self, table: type[Table]) -> bool:
        """Compacts small files; False when each partition is one file already, or in a dry run."""
        if not self.exists(table) or self.is_dry_run:
            return False
        if (files := self._files(table)) is not None and len({f.parent for f in files}) == len(files):
            return False
        self._delta(table).optimize().executeCompaction()
        return True

    def stage(self, name: str, frame: DataFrame) -> DataFrame:
        """Writes rows to this run's scratch space and reads them back: later steps no longer recompute them."""
        target = f"{self.scratch}/{self.run_id}/{re.sub('[^a-z0-9_]+', '_', name.lower())}-{next(self._staged)}"
        frame.write.mode("overwrite").option("compression", "lz4").parquet(target)
        return self.spark.read.schema(frame.schema).parquet(target)

    def close(self) -> None:
        """Removes this run's scratch space."""
        shutil.rmtree(f"{self.scratch}/{self.run_id}", ignore_errors=True)

    # -- inside -----------------------------------------------------------------------------------------------------------

    def _write(
        self, table: type[Table], frame: DataFrame, scope: str | None, *, with_updates: bool, with_deletes: bool, is_staged: bool = False,
        within: DataFrame | None = None, rows: int | None = None,
    ) -> Change:  # fmt: skip
        staged = table.shape(frame) if is_staged else self.stage(table.name, table.shape(frame))
        stored = self._stored(table, scope)
        if stored is None or self._is_blank(table, scope):
            return self._first(table, staged, rows)
        if within is not None:
            stored = stored.join(within.select(*table.key), on=list(table.key), how="left_semi")
        found = d.differences(table, staged, stored, with_updates=with_updates, with_deletes=with_deletes)
        changes = self.stage(f"{table.name}_changes", found)
        counts = {r[d.ACTION]: int(r["count"]) for r in changes.groupBy(d.ACTION).count().collect()}
        if d.DOUBLE in counts:
            d.checked_rows(table, staged)
        inserted, updated, deleted = (counts.get(a, 0) for a in (d.INSERT, d.UPDATE, d.DELETE))
        if not self.is_dry_run:
            if updated + deleted and scope is None and self._touches_all(table, inserted + updated + deleted):
                self._replace(table, staged, changes)
            elif updated + deleted:
                self._merge(table, staged, changes, scope)
            elif inserted:
                new = staged.join(changes.drop(d.ACTION), on=list(table.key), how="left_semi")
                self._append(table, new.withColumn(RUN_ID, F.lit(self.run_id)))
        given = self._size(staged) if rows is None else rows
        return self._noted(table, Change(given, inserted, updated, deleted, self.version(table)))

    def _first(self, table: type[Table], staged: DataFrame, rows: int | None) -> Change:
        """Rows of a table, or of the part of it that is written, that holds none."""
        given = d.checked_rows(table, staged) if rows is None else rows
        if not self.is_dry_run:
            self._ensure(table)
            if given:
                self._append(table, staged.withColumn(RUN_ID, F.lit(self.run_id)))
        return self._noted(table, Change(given, given, 0, 0, self.version(table)))

    def _size(self, staged: DataFrame) -> int:
        """Rows of staged frames; where the scratch space is a local folder their files say it."""
        files = staged.inputFiles() if "://" not in self.scratch else []
        return count_rows([Path(unquote(urlparse(f).path)) for f in files]) if files else staged.count()

    def _is_blank(self, table: type[Table], scope: str | None = None) -> bool:
        """Whether the files of a local table, or of the one partition that `scope` names, are known to be none."""
        files = self._files(table)
        of = re.fullmatch(r"(\w+) = '([\w-]+)'", scope or "")
        if files and of and of[1] in table.partition_by:
            return not any(f"{of[1]}={of[2]}" in file.parts for file in files)
        return files == []

    def _stored(self, table: type[Table], scope: str | None) -> DataFrame | None:
        if not self.exists(table):
            return None
        stored = self.read(table)
        return stored.where(scope) if scope else stored

    def _touches_all(self, table: type[Table], changed: int) -> bool:
        """Whether so many changes, spread by key as they are, most likely touch every file of a local table."""
        files = self._files(table)
        return files is not None and not table.partition_by and len(files) <= changed <= FEW

    def _replace(self, table: type[Table], staged: DataFrame, changes: DataFrame) -> None:
        """Writes all rows again, as they are to be. A merge would do so too where it touches every file, once it has looked for them and sorted
        both sides to find who goes with whom; this sends the few changed keys to the rows. They are read once no other run can write."""

        def replace() -> None:
            rows = d.replaced(table, self.read(table, with_run_id=True), staged, changes, self.run_id)
            rows.write.format("delta").mode("overwrite").save(self.path(table))

        self._committed(table, replace)

    def _merge(self, table: type[Table], staged: DataFrame, changes: DataFrame, scope: str | None) -> None:
        source, values = d.merge_source(table, staged, changes, self.run_id)
        on = " AND ".join(f"t.`{k}` = s.`{k}`" for k in table.key)

        def merge() -> None:
            target = self._delta(table).alias("t")  # opened once the table has all columns of today
            acts = target.merge(source.alias("s"), on if not scope else f"{on} AND ({d.prefixed(scope, table)})")
            acts = acts.whenMatchedDelete(condition=f"s.{d.ACTION} = '{d.DELETE}'").whenMatchedUpdate(set=values)
            acts.whenNotMatchedInsert(values=values).execute()

        self._committed(table, merge)

    def _append(self, table: type[Table], rows: DataFrame) -> None:
        ordered = rows.select(*(str(f) for f in table.fields()))
        if table.partition_by:
            ordered = ordered.repartition(*(F.col(str(p)) for p in table.partition_by))
        writer = ordered.write.format("delta").mode("append")
        if self.location.startswith(CATALOG):
            self._committed(table, lambda: writer.saveAsTable(self.path(table)))
        else:
            self._committed(table, lambda: writer.save(self.path(table)))

    def _ensure(self, table: type[Table]) -> None:
        if not self.exists(table):
            self.spark.sql(table.ddl(self.identifier(table), d.table_properties(table)))
            return
        have = set(self._raw(table).columns)
        lacking = [f for f in table.fields() if f not in have]
        if lacking:
            columns = ", ".join(f"`{f}` {f.dtype.simpleString()}" for f in lacking)
            self.spark.sql(f"ALTER TABLE {self.identifier(table)} ADD COLUMNS ({columns})")

    def _committed(self, table: type[Table], act: Callable[[], object]) -> None:
        self._ensure(table)
        try:
            with alone(self._log(table)):
                act()
        except Exception as failed:
            text = str(failed)
            if "Concurrent" in type(failed).__name__ or "DELTA_CONCURRENT" in text or "ConcurrentAppend" in text:
                raise ConcurrentRunError(f"Another run wrote {table.full_name()} at the same time: nothing was lost; start this run again.") from None
            if "DELTA_VIOLATE_CONSTRAINT" in text or "DELTA_NOT_NULL_CONSTRAINT" in text or "CHECK constraint" in text:
                name = next((c for c in table.checks if c in text), "a NOT NULL column")
                raise ContractError(f"Rows for {table.full_name()} break its check {name!r}; nothing was written.") from None
            raise

    def _noted(self, table: type[Table], change: Change) -> Change:
        self.changes[table.full_name()] = change
        return change

    def _raw(self, table: type[Table]) -> DataFrame:
        if self.location.startswith(CATALOG):
            return self.spark.table(self.path(table))
        return self.spark.read.format("delta").load(self.path(table))

    def _delta(self, table: type[Table]) -> DeltaTable:
        if self.location.startswith(CATALOG):
            return DeltaTable.forName(self.spark, self.path(table))
        return DeltaTable.forPath(self.spark, self.path(table))

    def _log(self, table: type[Table]) -> Path | None:
        """The log folder when the lake is a local folder: listing it is far cheaper than asking Spark."""
        return None if "://" in self.location or self.location.startswith(CATALOG) else Path(self.path(table)) / "_delta_log"

    def _files(self, table: type[Table]) -> list[Path] | None:
        """The data files of a local table's current version; None when only Spark can tell."""
        return None if self._log(table) is None else live_files(Path(self.path(table)))

    def _log_version(self, table: type[Table]) -> int | None:
        return newest_version(log) if (log := self._log(table)) else None

    def file_count(self, table: type[Table]) -> int:
        """Parquet files in the folder of a local table, live or not; 0 where that cannot be listed."""
        return 0 if self._log(table) is None else sum(1 for f in Path(self.path(table)).rglob("*.parquet"))
