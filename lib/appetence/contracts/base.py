"""What a table is: one class with a grain sentence, typed and commented fields, a key, checks, an owner and personal-data tags.

Everything said of a table elsewhere (schema, DDL, write check, test rows, erasure plan, dictionary page) is derived from its class.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from appetence.contracts.local import local_frame
from appetence.errors import ContractError

STRING, INT, LONG, DOUBLE, BOOLEAN, DATE, TIMESTAMP = (
    T.StringType(), T.IntegerType(), T.LongType(), T.DoubleType(), T.BooleanType(), T.DateType(), T.TimestampType()
)  # fmt: skip
STRINGS = T.ArrayType(STRING)


class Personal(StrEnum):
    """What kind of personal data a column holds; it decides what access shows, portability gives and erasure purges."""

    IDENTITY = "identity"
    CONTACT = "contact"
    LIFE = "life"
    BEHAVIOUR = "behaviour"
    PERMISSION = "permission"
    PSEUDONYM = "pseudonym"
    DERIVED = "derived"


class Field(str):
    """A column: a `str` that is its name, carrying type, comment, nullability and personal-data tag."""

    dtype: T.DataType
    comment: str
    nullable: bool
    personal: Personal | None
    provided: bool

    def __new__(
        cls, name: str, dtype: T.DataType, comment: str, *, nullable: bool = True, personal: Personal | None = None, provided: bool = False
    ) -> Field:
        """`provided` marks what the person gave through a member: the part that portability hands back."""
        self = super().__new__(cls, name)
        self.dtype, self.comment, self.nullable, self.personal, self.provided = dtype, comment, nullable, personal, provided
        return self

    @property
    def col(self) -> Any:
        """The Spark column of this name."""
        return F.col(str(self))

    def named(self, name: str) -> Field:
        """The same field under another name."""
        return Field(name, self.dtype, self.comment, nullable=self.nullable, personal=self.personal, provided=self.provided)

    def __reduce__(self) -> tuple[Any, ...]:
        return (str, (str(self),))


def field(dtype: T.DataType, comment: str, *, required: bool = False, personal: Personal | None = None, provided: bool = False) -> Field:
    """A column of a contract; its name is the attribute it is assigned to."""
    return Field("", dtype, comment, nullable=not required, personal=personal, provided=provided)


_JOBS = {
    "reference": "load_reference", "exchange": "receive_deliveries", "records": "standardise_records", "identity": "resolve_identities",
    "enrichment": "enrich_persons", "features": "build_features", "propensity": "train_propensity", "selection": "select_campaign",
    "privacy": "handle_rights", "runtime": "load_reference",
}  # fmt: skip

_ROLES = {"key", "subject", "partition_by", "cluster_by"}

RUN_ID = Field("run_id", STRING, "The run that last changed this row; content hashes leave it out.", nullable=False)


class Table:
    """Base of every contract.

    Class attributes: `schema`, `name`, `grain` (the class docstring), `owner` (the package that writes it), `key`, `subject` (the column that ties
    a row to a person or a record: access reads and erasure deletes by it), `partition_by`, `cluster_by`, `checks` (name -> SQL), `is_reference`.
    """

    schema: ClassVar[str]
    name: ClassVar[str]
    owner: ClassVar[str]
    key: ClassVar[tuple[str, ...]] = ()
    subject: ClassVar[str | None] = None
    partition_by: ClassVar[tuple[str, ...]] = ()
    cluster_by: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[Mapping[str, str]] = {}
    written_by: ClassVar[str | None] = None
    keeps_after_erasure: ClassVar[str | None] = None
    run_id: ClassVar[Field] = RUN_ID

    _fields: ClassVar[tuple[Field, ...]] = ()

    def __init_subclass__(cls) -> None:
        named: dict[int, Field] = {}
        for attribute, value in list(vars(cls).items()):
            if isinstance(value, Field) and attribute not in _ROLES:
                named[id(value)] = value.named(attribute)
                setattr(cls, attribute, named[id(value)])
        # In the class body a field has no name yet: the roles that point at fields are resolved by identity.
        for role in _ROLES & set(vars(cls)):
            value = vars(cls)[role]
            setattr(cls, role, tuple(named.get(id(v), v) for v in value) if isinstance(value, tuple) else named.get(id(value), value))
        cls._fields = (*named.values(), RUN_ID)
        REGISTRY[cls.full_name()] = cls

    @classmethod
    def full_name(cls) -> str:
        """`schema.name`."""
        return f"{cls.schema}.{cls.name}"

    @classmethod
    def writer_job(cls) -> str:
        """The job that writes it."""
        return cls.written_by or _JOBS[cls.owner]

    @classmethod
    def grain(cls) -> str:
        """The sentence that says what one row is."""
        return " ".join((cls.__doc__ or "").split())

    @classmethod
    def fields(cls) -> tuple[Field, ...]:
        """All columns in order; `run_id` is last in every table."""
        return cls._fields

    @classmethod
    def content(cls) -> tuple[Field, ...]:
        """The columns that count as content: all but `run_id`."""
        return cls._fields[:-1]

    @classmethod
    def personal_fields(cls) -> tuple[Field, ...]:
        """The columns that carry a personal-data tag."""
        return tuple(f for f in cls._fields if f.personal)

    @classmethod
    def struct(cls) -> T.StructType:
        """The Spark schema, comments included."""
        return T.StructType([T.StructField(str(f), f.dtype, f.nullable, {"comment": f.comment}) for f in cls._fields])

    @classmethod
    def shape(cls, frame: DataFrame) -> DataFrame:
        """The contract's content columns of `frame`, in order; a column that lacks or has another type is a ContractError."""
        have = {f.name: f.dataType for f in frame.schema.fields}
        lacking = [str(f) for f in cls.content() if f not in have]
        wrong = [
            f"{f} is {have[f].simpleString()}, must be {f.dtype.simpleString()}"
            for f in cls.content()
            if f in have and have[f].simpleString() != f.dtype.simpleString()
        ]
        if lacking or wrong:
            says = "; ".join([*(f"{c} is missing" for c in lacking), *wrong])
            raise ContractError(f"The rows built for {cls.full_name()} do not fit its contract: {says}.")
        return frame.select(*(F.col(str(f)) for f in cls.content()))

    @classmethod
    def row(cls, **values: Any) -> dict[str, Any]:
        """A test row: what is not said gets a neutral value of its type (null where allowed)."""
        unknown = set(values) - {str(f) for f in cls._fields}
        if unknown:
            raise ContractError(f"{cls.full_name()} has no column {', '.join(sorted(unknown))}.")
        return {str(f): values.get(str(f), None if f.nullable else _neutral(f.dtype)) for f in cls._fields}

    @classmethod
    def frame(cls, spark: SparkSession, rows: Iterable[Mapping[str, Any]] = (), *, content_only: bool = True) -> DataFrame:
        """A DataFrame of this contract from partial rows, for tests and small reference tables."""
        filled = [cls.row(**dict(r)) for r in rows]
        names = [str(f) for f in cls._fields]
        made = local_frame(spark, [tuple(r[n] for n in names) for r in filled], cls.struct())
        return made.select(*(str(f) for f in cls.content())) if content_only else made

    @classmethod
    def ddl(cls, identifier: str, properties: Mapping[str, str] | None = None) -> str:
        """CREATE TABLE IF NOT EXISTS for `identifier`, with comments, NOT NULL, checks and properties."""
        columns = ",\n  ".join(
            f"`{f}` {f.dtype.simpleString()}{'' if f.nullable else ' NOT NULL'} COMMENT '{_quoted(f.comment)}'" for f in cls._fields
        )
        checks = {f"delta.constraints.{name}": text for name, text in cls.checks.items()}
        settings = ", ".join(f"'{k}' = '{_quoted(v)}'" for k, v in {**(properties or {}), **checks}.items())
        parts = f"\nPARTITIONED BY ({', '.join(cls.partition_by)})" if cls.partition_by else ""
        return f"CREATE TABLE IF NOT EXISTS {identifier} (\n  {columns}\n) USING DELTA{parts}\nCOMMENT '{_quoted(cls.grain())}'" + (
            f"\nTBLPROPERTIES ({settings})" if settings else ""
        )

    @classmethod
    def technical_columns(cls) -> tuple[str, ...]:
        """Columns whose minimum and maximum may stand in the Delta log: nothing personal but opaque ids."""
        simple = ("string", "date", "int", "bigint", "timestamp")
        return tuple(str(f) for f in cls._fields if f.dtype.simpleString() in simple and f.personal in (None,))


REGISTRY: dict[str, type[Table]] = {}


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _neutral(dtype: T.DataType) -> Any:
    if isinstance(dtype, T.ArrayType):
        return []
    if isinstance(dtype, T.MapType):
        return {}
    neutral: dict[str, Any] = {
        "string": "", "int": 0, "bigint": 0, "double": 0.0, "boolean": False, "tinyint": 0,
        "date": dt.date(2000, 1, 1), "timestamp": dt.datetime(2000, 1, 1),
    }  # fmt: skip
    name = dtype.simpleString()
    if name.startswith("decimal"):
        return Decimal(0)
    return neutral[name]
